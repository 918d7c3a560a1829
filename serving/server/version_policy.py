"""Which versions on disk should be served."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

from sesrec_tf.errors import InputError
from sesrec_tf.version_layout import version_number

VersionPolicy: TypeAlias = FileSystemStoragePathSourceConfig.ServableVersionPolicy
"""The message of `models.config`: `latest`, `all` or `specific`."""


def find_versions(base_path: Path) -> dict[int, Path]:
    """Directories with integer names, by that integer.

    Raises:
        OSError: if there is no such directory.
    """
    numbered = {
        version_number(child.name): child for child in sorted(base_path.iterdir()) if child.is_dir()
    }
    return {number: child for number, child in numbered.items() if number is not None}


def aspired_versions(policy: VersionPolicy, available: Iterable[int]) -> set[int]:
    """Those of the available versions that the policy asks for, the highest by default.

    As `file_system_storage_path_source.cc` of TF Serving.
    """
    versions = sorted(available)
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return set(versions)
    if choice == "specific":
        return set(versions) & set(policy.specific.versions)
    return set(versions[-max(policy.latest.num_versions, 1) :])


def require_versions(base_path: Path) -> None:
    """Raises `InputError` if there is no such directory, or no version in it."""
    if not base_path.is_dir():
        raise InputError(
            f"the model base path should be a directory. Received: {base_path}. "
            "Export a model there first: python -m sesrec_tf.export --run DIR --output BASE"
        )
    if not find_versions(base_path):
        found = ", ".join(sorted(child.name for child in base_path.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{base_path} should hold a version, a directory with an integer name such as "
            f"{base_path / '1'}. Found: {found}. Pass the directory above the version."
        )
