"""Versions of one model: found on disk, loaded, looked up by a request."""

from __future__ import annotations

from pathlib import Path

import grpc
from tensorflow_serving.apis import model_pb2

from serving.servable import Servable
from serving.status_error import StatusError, invalid_argument
from serving.warmup import replay_warmup
from sesrec_tf.errors import InputError

_LARGEST_VERSION = 2**63 - 1


class ModelManager:
    """Loads the highest version under a base path, TF Serving's default policy.

    Args:
        name: what requests call the model.
        base_path: directory whose sub-directories with integer names are versions.

    Raises:
        InputError: if there is no such directory, or no version in it.
    """

    def __init__(self, name: str, base_path: str | Path) -> None:
        self.name = name
        self.base_path = Path(base_path)
        self._paths = _find_versions(self.base_path)
        self._servables: dict[int, Servable] = {}

    @property
    def latest_path(self) -> Path:
        """Directory of the highest version on disk."""
        return self._paths[max(self._paths)]

    @property
    def versions(self) -> list[int]:
        """Versions being served, ascending."""
        return sorted(self._servables)

    def load_latest(self) -> Servable:
        """Loads the highest version, replays its warm-up requests and serves it.

        Raises:
            InputError: if it cannot be loaded or a warm-up request fails; no older version takes
                its place.
        """
        version = max(self._paths)
        servable = Servable(self._paths[version], version)
        replay_warmup(servable)
        self._servables[version] = servable
        return servable

    def find(self, spec: model_pb2.ModelSpec) -> Servable:
        """The version that a request means: the one it names, or the highest being served.

        Raises:
            StatusError: INVALID_ARGUMENT without a model name or with a label, NOT_FOUND for
                another model or version.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        version = spec.version.value if choice == "version" else max(self._servables, default=0)
        if spec.name != self.name or version not in self._servables:
            request = f"Specific({spec.name}, {version})" if choice else f"Latest({spec.name})"
            raise StatusError(
                grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}"
            )
        return self._servables[version]


def _find_versions(base_path: Path) -> dict[int, Path]:
    if not base_path.is_dir():
        raise InputError(
            f"the model base path should be a directory. Received: {base_path}. "
            "Export a model there first: python -m sesrec_tf.export --run DIR --output BASE"
        )
    versions = {
        int(child.name): child
        for child in sorted(base_path.iterdir())
        if child.is_dir() and _is_version(child.name)
    }
    if not versions:
        found = ", ".join(sorted(child.name for child in base_path.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{base_path} should hold a version, a directory with an integer name such as "
            f"{base_path / '1'}. Found: {found}. Pass the directory above the version."
        )
    return versions


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) <= _LARGEST_VERSION
