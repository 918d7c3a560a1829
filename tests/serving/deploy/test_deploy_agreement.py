"""Compose and Kubernetes start the same server, with flags that exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import PurePosixPath

import pytest
from tensorflow_serving.config import model_server_config_pb2

from tests.serving.deploy import model_server_flags
from tests.serving.deploy.deploy_files import (
    CONFIG,
    KUBERNETES,
    compose_service,
    container,
    flags,
    manifest,
    read_text_proto,
    read_yaml,
)

COMPOSE = flags(compose_service("tensorflow-serving")["command"])
POD = flags(container()["args"])


@pytest.mark.parametrize("given", [COMPOSE, POD], ids=["compose", "kubernetes"])
def test_every_flag_exists_and_has_its_type(given):
    # The server prints a line about an unknown flag, and starts without it.
    for name, value in given.items():
        if name in model_server_flags.BOOL:
            assert value in {"true", "false"}
        elif name in model_server_flags.INTEGER:
            assert value.replace("${SERVING_CORES:-2}", "2").isdigit()
        else:
            assert name in model_server_flags.STRING


def test_compose_and_kubernetes_differ_only_where_they_must():
    changed = {name for name in COMPOSE.keys() | POD.keys() if COMPOSE.get(name) != POD.get(name)}
    assert changed == {
        "tensorflow_intra_op_parallelism",
        "tensorflow_inter_op_parallelism",
        "grpc_channel_arguments",
    }


def test_files_named_by_flags_are_mounted():
    for name in ("model_config_file", "batching_parameters_file", "monitoring_config_file"):
        path = PurePosixPath(POD[name])
        assert str(path.parent) == "/config"
        assert (CONFIG / path.name).is_file()


def test_labels_may_name_versions_that_are_not_loaded_yet():
    # At the first start no version is.
    assert POD["allow_version_labels_for_unavailable_models"] == "true"
    assert int(POD["model_config_file_poll_wait_seconds"]) > 0


def test_a_broken_version_does_not_hold_up_a_good_one():
    assert int(POD["num_load_threads"]) >= 2


def test_models_lie_where_models_config_looks():
    config = read_text_proto(CONFIG / "models.config", model_server_config_pb2.ModelServerConfig())
    base_path = config.model_config_list.config[0].base_path
    targets = [volume["target"] for volume in compose_service("tensorflow-serving")["volumes"]]
    assert base_path in targets
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert str(PurePosixPath(base_path).parent) == mounts["models"]
    assert mounts["config"] in targets


def test_images_agree():
    (image,) = read_yaml(KUBERNETES / "kustomization.yaml")["images"]
    pinned = f"{image['name']}:{image['newTag']}"
    assert f":-{pinned}}}" in compose_service("tensorflow-serving")["image"]
    assert container()["image"] == image["name"]
    assert manifest("Pod", "sesrec-publisher")["spec"]["containers"][0]["image"] == pinned


def test_readiness_runs_the_same_script():
    command = compose_service("tensorflow-serving")["healthcheck"]["test"][1:]
    assert command == container()["readinessProbe"]["exec"]["command"]


def test_client_finds_the_server_by_default():
    shown = subprocess.run(
        [sys.executable, "-m", "serving.client", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert f"127.0.0.1:{COMPOSE['port']}" in shown
