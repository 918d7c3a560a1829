"""The Compose file against its schema, and what the schema cannot know."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.serving.deploy.deploy_files import DEPLOY, compose_service, flags, read_yaml

SERVICES = ["tensorflow-serving", "prometheus", "tensorboard"]
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def variables(path: str) -> dict[str, str]:
    """Variables of a file with their defaults; one default each."""
    text = (DEPLOY / path).read_text("utf-8")
    pairs = set(_VARIABLE.findall(text) if path == "compose.yaml" else _assignments(text))
    result = dict(pairs)
    assert len(result) == len(pairs), "a variable has two defaults"
    return result


def _assignments(text: str) -> list[tuple[str, ...]]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [tuple(line.split("=", 1)) for line in lines]


def resolved(text: str) -> str:
    return _VARIABLE.sub(r"\2", text)


def test_compose_file_fits_its_schema():
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            DEPLOY / "compose.yaml",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_example_settings_are_all_variables_with_their_defaults():
    assert variables(".env.example") == variables("compose.yaml")


def test_every_variable_has_a_default():
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert text.count("$") == len(_VARIABLE.findall(text))


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_pinned_private_and_contained(name):
    service = compose_service(name)
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", resolved(service["image"]))
    assert all(resolved(port).startswith("127.0.0.1:") for port in service["ports"])
    assert service["restart"] == "unless-stopped"
    assert service["read_only"]
    # As process 1, a server without signal handlers would ignore SIGTERM.
    assert service["init"]
    assert service["cap_drop"] == ["ALL"]
    assert service["healthcheck"]["test"][0] == "CMD"
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= set(limits)


@pytest.mark.parametrize("name", SERVICES)
def test_everything_mounted_from_the_host_is_read_only(name):
    mounts = [volume for volume in compose_service(name)["volumes"] if isinstance(volume, dict)]
    assert mounts
    assert all(mount["read_only"] for mount in mounts)


@pytest.mark.parametrize("name", ["tensorflow-serving", "prometheus"])
def test_repository_directories_that_are_mounted_exist(name):
    sources = [
        volume["source"] for volume in compose_service(name)["volumes"][-2:] if "source" in volume
    ]
    own = [source for source in sources if source.startswith("./")]
    assert own
    assert all((DEPLOY / source).is_dir() for source in own)


def test_server_runs_without_the_shell_of_the_image():
    # A shell as process 1 would neither forward SIGTERM nor end on it.
    assert compose_service("tensorflow-serving")["entrypoint"] == [
        "/usr/bin/tensorflow_model_server"
    ]


def test_threads_follow_the_cores_of_the_container():
    service = compose_service("tensorflow-serving")
    given = flags(service["command"])
    cores = service["deploy"]["resources"]["limits"]["cpus"]
    assert given["tensorflow_intra_op_parallelism"] == cores
    assert given["tensorflow_inter_op_parallelism"] == cores


def test_named_volumes_are_declared():
    document = read_yaml(DEPLOY / "compose.yaml")
    named = {
        volume.split(":")[0]
        for service in document["services"].values()
        for volume in service["volumes"]
        if isinstance(volume, str)
    }
    assert named == set(document["volumes"])
