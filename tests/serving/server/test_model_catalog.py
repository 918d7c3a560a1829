"""Labels, several models, and new configurations: `server_core.cc`."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from serving.server.model_catalog import ModelCatalog
from serving.server.model_config import one_model
from serving.server.status_error import StatusError


@pytest.fixture
def two_versions(base_path: Path) -> Path:
    shutil.copytree(base_path / "1", base_path / "2")
    return base_path


def config(base_path: Path, name: str = "m", **labels: int) -> ModelConfig:
    model = one_model(name, base_path)
    text_format.Parse("all {}", model.model_version_policy)
    for label, version in labels.items():
        model.version_labels[label] = version
    return model


def version_of(catalog: ModelCatalog, **spec) -> int:
    with catalog.lease(ModelSpec(**{"name": "m", **spec})) as servable:
        return servable.version


def refusal(call) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(StatusError) as caught:
        call()
    return caught.value.code, caught.value.message


def test_labels_name_versions(two_versions: Path):
    catalog = ModelCatalog(labels_in_advance=True)
    catalog.configure([config(two_versions, stable=1, canary=2)])
    assert version_of(catalog, version_label="stable") == 1
    assert version_of(catalog, version_label="canary") == 2
    assert version_of(catalog) == 2
    assert refusal(lambda: version_of(catalog, version_label="beta")) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Unrecognized servable version label: beta",
    )
    # The canary is promoted.
    catalog.configure([config(two_versions, stable=2)])
    assert version_of(catalog, version_label="stable") == 2
    assert refusal(lambda: version_of(catalog, version_label="canary"))[0] == (
        grpc.StatusCode.INVALID_ARGUMENT
    )


def test_labels_of_versions_that_are_not_served(two_versions: Path):
    message = (
        "Request to assign label to version 1 of model m, which is not currently available for "
        "inference"
    )
    refused = (grpc.StatusCode.FAILED_PRECONDITION, message)
    strict = ModelCatalog()
    assert refusal(lambda: strict.configure([config(two_versions, stable=1)])) == refused
    strict.configure([config(two_versions)])
    strict.configure([config(two_versions, stable=1)])
    lenient = ModelCatalog(labels_in_advance=True)
    lenient.configure([config(two_versions, stable=2, next=3)])
    assert refusal(lambda: version_of(lenient, version_label="next")) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Specific(m, 3)",
    )
    # A label in use moves only to a version that is served.
    moved = lambda: lenient.configure([config(two_versions, stable=4)])  # noqa: E731
    assert refusal(moved)[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert version_of(lenient, version_label="stable") == 2


def test_models_come_and_go(two_versions: Path):
    catalog = ModelCatalog()
    catalog.configure([config(two_versions)])
    catalog.configure([config(two_versions, "other")])
    assert version_of(catalog, name="other") == 2
    assert refusal(lambda: version_of(catalog)) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(m)",
    )
    assert refusal(lambda: catalog.statuses(ModelSpec(name="m"))) == (
        grpc.StatusCode.NOT_FOUND,
        "Could not find any versions of model m",
    )


def test_other_models_survive_one_that_cannot_be_served(two_versions: Path, tmp_path: Path):
    catalog = ModelCatalog()
    models = [config(two_versions), config(tmp_path / "absent", "broken")]
    code, message = refusal(lambda: catalog.configure(models))
    assert code == grpc.StatusCode.UNKNOWN
    assert message.startswith("1 model(s) did not become available: {{name: broken} due to error:")
    assert version_of(catalog) == 2


def test_policy_changes_with_the_configuration(two_versions: Path):
    catalog = ModelCatalog()
    catalog.configure([config(two_versions)])
    catalog.configure([one_model("m", two_versions)])
    (manager,) = catalog.managers
    manager.update()
    assert manager.versions == [2]


def test_watching_finds_new_versions(base_path: Path):
    catalog = ModelCatalog()
    catalog.configure([one_model("m", base_path)])
    catalog.watch(0.05)
    shutil.copytree(base_path / "1", base_path / ".staging")
    (base_path / ".staging").rename(base_path / "2")
    while version_of(catalog) != 2:
        time.sleep(0.01)
    catalog.stop()
    shutil.rmtree(base_path / "2")
    assert version_of(catalog) == 2
