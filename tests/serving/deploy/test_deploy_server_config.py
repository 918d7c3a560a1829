"""models.config, batching, monitoring and TLS files, as `tensorflow_model_server` reads them."""

from __future__ import annotations

import inspect
import itertools

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.client.ranking_client import RankingClient
from tests.serving.deploy.deploy_files import CONFIG, DEPLOY, read_text_proto
from tests.serving.deploy.server_config_messages import (
    BatchingParameters,
    MonitoringConfig,
    SSLConfig,
)


@pytest.fixture(scope="module")
def model():
    config = read_text_proto(CONFIG / "models.config", model_server_config_pb2.ModelServerConfig())
    (only,) = config.model_config_list.config
    return only


@pytest.fixture(scope="module")
def batching():
    return read_text_proto(CONFIG / "batching_parameters.txt", BatchingParameters())


def test_model_is_the_one_that_clients_ask_for(model):
    parameters = inspect.signature(RankingClient.__init__).parameters
    assert model.name == parameters["model_name"].default == "sesrec"
    assert model.model_platform == "tensorflow"
    assert model.base_path == "/models/sesrec"


def test_labels_point_at_versions_that_are_loaded(model):
    policy = model.model_version_policy
    # `latest` would unload the version behind a label once newer ones are published.
    assert policy.WhichOneof("policy_choice") == "specific"
    assert set(model.version_labels) == {"stable", "canary"}
    assert set(model.version_labels.values()) <= set(policy.specific.versions)


def test_allowed_batch_sizes_ascend_to_the_largest(batching):
    sizes = list(batching.allowed_batch_sizes)
    assert sizes[0] == 1
    assert sizes == sorted(set(sizes))
    # Otherwise the server does not start.
    assert sizes[-1] == batching.max_batch_size.value


def test_padding_of_a_batch_is_at_most_a_third(batching):
    sizes = list(batching.allowed_batch_sizes)
    # The worst batch for a size has one row more than the size before it: 33 rows padded to 48
    # are 15 / 48 padding.
    for below, size in itertools.pairwise(sizes):
        if below >= 16:
            assert (size - below - 1) / size < 1 / 3


def test_batches_hold_requests_of_different_numbers_of_candidates(batching):
    assert batching.pad_variable_length_inputs
    # Pieces of one request, padded to different widths, would be joined unchecked.
    assert not batching.enable_large_batch_splitting.value


def test_largest_request_of_the_client_is_accepted(batching):
    largest = inspect.signature(RankingClient.score).parameters["batch_size"].default
    assert largest <= batching.max_batch_size.value


def test_batching_waits_and_queues_within_bounds(batching):
    # The alert on slow requests stands at 100 ms.
    assert 0 <= batching.batch_timeout_micros.value <= 10_000
    assert batching.num_batch_threads.value >= 1
    assert batching.max_enqueued_batches.value >= batching.num_batch_threads.value


@pytest.mark.parametrize("text", ["max_batch_size: 8", "max_batch: { value: 8 }"])
def test_declared_messages_refuse_what_the_server_refuses(text):
    with pytest.raises(text_format.ParseError):
        text_format.Parse(text, BatchingParameters())


def test_monitoring_exports_metrics():
    config = read_text_proto(CONFIG / "monitoring.config", MonitoringConfig()).prometheus_config
    assert config.enable
    assert config.path == "/monitoring/prometheus/metrics"


def test_tls_example_names_every_field():
    config = read_text_proto(DEPLOY / "tls" / "ssl.config.example", SSLConfig())
    assert {field.name for field, _ in config.ListFields()} == {
        "server_key",
        "server_cert",
        "custom_ca",
        "client_verify",
    }
