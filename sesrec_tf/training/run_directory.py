"""The files of one run, in one place."""

from __future__ import annotations

import dataclasses
import filecmp
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.files import new_directory, new_file, write_json
from sesrec_tf.training.checkpoints import Checkpoints

_PACKAGES = ("sesrec_tf", "tensorflow", "keras", "numpy", "pandas", "tfx-bsl")
_TABLES = ("items", "users", "queries")


HEAD_DIRECTORY = "retrieval"
"""Of the retrieval head, if the run has one."""


class RunDirectory:
    """A run on disk.

    Layout: `config.yaml`; `run.json` (command, seed, versions, source revision, data and its
    hash, hardware); `dataset/`, the vocabularies and constant tables of the data, enough to
    rebuild and export the model; `checkpoints/`; `tensorboard/`; `metrics.json`;
    `instances-SPLIT.parquet`; `export/`.

    Args:
        path: the directory.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = Checkpoints(self.path / "checkpoints")

    @classmethod
    def create(
        cls,
        path: str | Path,
        config: Config,
        prepared: PreparedDataset,
        devices: list[str],
        before_start: Callable[[], object] | None = None,
    ) -> RunDirectory:
        """Starts a run, replacing what a process left that was killed before it could start one.

        Args:
            path, config, prepared, devices: of the run.
            before_start: writes what should stand there before the run counts as started.

        Raises:
            InputError: if a run stands there already, or the directory cannot be written.
        """
        run = cls(path)
        run.refuse_used()
        _copy_dataset(prepared, run.path / "dataset")
        write_json(run.path / "run.json", _provenance(config, prepared, devices))
        for leftover in (run.checkpoints.directory, run.path / HEAD_DIRECTORY):
            if leftover.exists():
                shutil.rmtree(leftover)
        if before_start is not None:
            before_start()
        run.write_config(config)
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """An existing run.

        Raises:
            InputError: if there is none.
        """
        run = cls(path)
        if not run.exists():
            raise InputError(
                f"{run.path} is not a run directory: expected a file config.yaml in it. "
                "Train one with `python -m sesrec_tf.train --run-dir DIR`."
            )
        return run

    def exists(self) -> bool:
        """Whether a run was started here; its configuration is written last."""
        return (self.path / "config.yaml").is_file()

    def refuse_used(self) -> None:
        """Raises an InputError if a run was started here, or this is no directory."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(
                f"{self.path} is a file. Expected a directory, or none yet. Choose another "
                "--run-dir."
            )
        if self.exists():
            raise InputError(
                f"{self.path} holds a run already. Continue it with --resume, or choose another "
                "--run-dir."
            )

    @property
    def config(self) -> Config:
        """The run's settings."""
        return Config.load(self.path / "config.yaml")

    def write_config(self, config: Config) -> None:
        """Stores the settings, by rename."""
        with new_file(self.path / "config.yaml") as file:
            config.save(file)

    @property
    def dataset(self) -> PreparedDataset:
        """Vocabularies and constant tables the model was built with (no records)."""
        return PreparedDataset(self.path / "dataset")

    @property
    def info(self) -> dict[str, Any]:
        """The content of `run.json`."""
        return json.loads((self.path / "run.json").read_text("utf-8"))

    @property
    def data_path(self) -> Path:
        """The prepared data set the run was trained on."""
        return Path(self.info["data"]["path"])

    @property
    def content_hash(self) -> str | None:
        """Of the data it was trained on."""
        return self.info["data"]["content_hash"]

    def check_same_data(self, prepared: PreparedDataset) -> None:
        """Raises an InputError unless `prepared` has the vocabularies of the run's data."""
        expected, received = self.dataset.sizes, prepared.sizes
        if expected != received:
            raise InputError(
                f"the data set {prepared.path} does not fit the run {self.path}: expected "
                f"vocabularies {dataclasses.asdict(expected)}, received "
                f"{dataclasses.asdict(received)}. Use the data the run was trained on, or start "
                "from its weights with --init-from."
            )
        for file in sorted((self.path / "dataset" / "vocabularies").iterdir()):
            if not _same_content(file, prepared.vocabulary_file(file.stem)):
                raise InputError(
                    f"the data set {prepared.path} does not fit the run {self.path}: its "
                    f"vocabulary {file.stem} has the expected size, but received other ids or "
                    "another order. Use the data the run was trained on, or start from its "
                    "weights with --init-from."
                )

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Merges `metrics` (keyed by split) into `metrics.json`."""
        write_json(self.path / "metrics.json", {**self.metrics, **metrics})

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`, empty before the first report."""
        file = self.path / "metrics.json"
        return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _copy_dataset(prepared: PreparedDataset, target: Path) -> None:
    with new_directory(target, replace=True) as path:
        shutil.copy(prepared.path / INFO_FILE, path)
        shutil.copytree(prepared.path / "vocabularies", path / "vocabularies")
        (path / "tables").mkdir()
        for name in _TABLES:
            shutil.copy(prepared.path / "tables" / f"{name}.parquet", path / "tables")


def _same_content(first: Path, second: Path) -> bool:
    return second.is_file() and filecmp.cmp(first, second, shallow=False)


def _provenance(config: Config, prepared: PreparedDataset, devices: list[str]) -> dict[str, Any]:
    return {
        "command": [Path(sys.executable).name, *sys.orig_argv[1:]],
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seed": config.training.seed,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "source_revision": _source_revision(),
        "data": {
            "path": str(prepared.path.resolve()),
            "content_hash": prepared.info.get("content_hash"),
        },
        "hardware": {
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "devices": devices,
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _source_revision() -> str | None:
    """The Git revision of the package's checkout, or `None` for an installed package."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
