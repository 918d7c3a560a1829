"""The deployment files, read once for all tests of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from google.protobuf import text_format
from google.protobuf.message import Message

DEPLOY = Path(__file__).parents[3] / "serving" / "deploy"
CONFIG = DEPLOY / "config"
KUBERNETES = DEPLOY / "kubernetes"


def read_yaml(path: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(path.read_text("utf-8"))


def read_text_proto(path: Path, message: Message) -> Any:
    """Fills `message` as `tensorflow_model_server` does: an unknown field is an error."""
    return text_format.Parse(path.read_text("utf-8"), message)


def compose_service(name: str) -> dict[str, Any]:
    """A service of the Compose file."""
    return read_yaml(DEPLOY / "compose.yaml")["services"][name]


def manifests() -> list[dict[str, Any]]:
    """Every Kubernetes object of the repository, `publisher.yaml` too."""
    return [
        document
        for path in sorted(KUBERNETES.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text("utf-8"))
    ]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """One Kubernetes object."""
    (found,) = (
        item for item in manifests() if (item["kind"], item["metadata"]["name"]) == (kind, name)
    )
    return found


def pod_spec() -> dict[str, Any]:
    """The pod of the Deployment."""
    return manifest("Deployment", "sesrec-serving")["spec"]["template"]["spec"]


def container() -> dict[str, Any]:
    """The container of the Deployment."""
    (only,) = pod_spec()["containers"]
    return only


def flags(arguments: list[str]) -> dict[str, str]:
    """`--name=value` arguments by name."""
    pairs = [argument.removeprefix("--").split("=", 1) for argument in arguments]
    result = dict(pairs)
    assert len(result) == len(arguments), "a flag is given twice"
    return result
