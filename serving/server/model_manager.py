"""Versions of one model: found on disk, loaded, swapped, unloaded."""

from __future__ import annotations

import gc
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from serving.server.model_version import ModelVersion, State
from serving.server.servable import Servable
from serving.server.status_error import StatusError
from serving.server.version_error import VersionError
from serving.server.version_policy import (
    VersionPolicy,
    aspired_versions,
    find_versions,
    require_versions,
)
from serving.server.warmup import replay_warmup
from sesrec_tf.errors import InputError

LOG = logging.getLogger(__name__)

MAXIMUM_RETRIES = 5
RETRY_SECONDS = 60.0
"""TF Serving's defaults for a version that cannot be loaded."""


class ModelManager:
    """Keeps the versions in memory that the policy asks for.

    An update is one look at the disk. As TF Serving's availability-preserving policy: a new version
    is loaded and warmed up while the old one serves, then takes its place at once; the old one is
    unloaded when its last request has ended. When the newest directory is removed, the one before
    it comes back in the same way. A version that cannot be loaded leaves the old one serving and is
    tried again later.

    Args:
        name: what requests call the model.
        base_path: directory whose sub-directories with integer names are versions.
        policy: which of them to serve; the highest when `None`.
        load: makes a version's `Servable`.
        warmup: whether to replay the requests that a version brings along.
        retry_seconds: between attempts to load a version that fails.
        maximum_retries: attempts after the first.

    Raises:
        InputError: if there is no such directory, or no version in it.
    """

    def __init__(
        self,
        name: str,
        base_path: str | Path,
        policy: VersionPolicy | None = None,
        *,
        load: Callable[[Path, int], Servable] = Servable,
        warmup: bool = True,
        retry_seconds: float = RETRY_SECONDS,
        maximum_retries: int = MAXIMUM_RETRIES,
    ) -> None:
        self.name = name
        self.base_path = Path(base_path)
        self.policy = policy or VersionPolicy()
        self._load_servable = load
        self._warmup = warmup
        self._retry_seconds = retry_seconds
        self._maximum_retries = maximum_retries
        self._versions: dict[int, ModelVersion] = {}
        self._changed = threading.Condition()
        self._updating = threading.Lock()
        self._missing = False
        require_versions(self.base_path)

    @property
    def versions(self) -> list[int]:
        """Versions being served, ascending."""
        with self._changed:
            return sorted(version.number for version in self._available())

    def load_any(self) -> None:
        """Updates.

        Raises:
            InputError: if no version is served then.
        """
        self.update()
        if not self.versions:
            with self._changed:
                raise self._unserved(max(self._wanted(), key=lambda v: v.number, default=None))

    def update(self) -> None:
        """Looks at the disk once, and loads and unloads what has to be."""
        with self._updating:
            try:
                paths = find_versions(self.base_path)
            except OSError as error:
                # As TF Serving: what is served stays.
                self._log_missing(error)
                return
            self._missing = False
            self._aspire({n: paths[n] for n in aspired_versions(self.policy, paths)})
            while self._act():
                pass

    def unload(self) -> None:
        """Ends the service of every version."""
        with self._updating:
            self._aspire({})
            while self._act():
                pass

    @contextmanager
    def lease(self, number: int | None = None) -> Iterator[Servable]:
        """A version, the highest by default, that stays in memory while it is in use.

        Raises:
            StatusError: NOT_FOUND if it is not being served.
        """
        with self._changed:
            served = {version.number: version for version in self._available()}
            version = served.get(max(served, default=0) if number is None else number)
            if version is None or version.servable is None:
                raise not_found(self.name, number)
            version.leases += 1
            servable = version.servable
        try:
            yield servable
        finally:
            with self._changed:
                version.leases -= 1
                self._changed.notify_all()

    def statuses(self, number: int | None = None) -> list[ModelVersionStatus]:
        """States of one version or of all that were ever seen, the highest first."""
        with self._changed:
            seen = self._versions.values()
            chosen = [version.status() for version in seen if number in (None, version.number)]
        return sorted(chosen, key=lambda status: -status.version)

    def _available(self) -> list[ModelVersion]:
        return [version for version in self._versions.values() if version.is_available]

    def _wanted(self) -> list[ModelVersion]:
        return [version for version in self._versions.values() if version.aspired]

    def _aspire(self, paths: dict[int, Path]) -> None:
        with self._changed:
            for number, path in paths.items():
                known = self._versions.get(number)
                # One that had ended and comes back starts afresh.
                if known is None or (known.state == State.END and not known.aspired):
                    self._versions[number] = ModelVersion(number, path)
            for version in self._versions.values():
                version.aspired = version.number in paths

    def _act(self) -> bool:
        """Takes the next step, if there is one: `availability_preserving_policy.cc`."""
        with self._changed:
            served = self._available()
            surplus = [version for version in served if not version.aspired]
            wanted = self._wanted()
            due = [version for version in wanted if version.is_due(time.monotonic())]
        replaced = not wanted or len(served) > len(surplus) or len(surplus) > 1
        if surplus and replaced:
            self._unload(min(surplus, key=lambda version: version.number))
            return True
        if due:
            self._load(max(due, key=lambda version: version.number))
            return True
        return False

    def _load(self, version: ModelVersion) -> None:
        self._set(version, State.LOADING)
        try:
            servable = self._load_servable(version.path, version.number)
            if self._warmup:
                replay_warmup(servable)
        except VersionError as error:
            self._fail(version, error)
        except Exception as error:
            # Nothing in a directory may end the thread that watches it.
            LOG.exception("model %s version %d cannot be loaded", self.name, version.number)
            self._fail(version, VersionError(str(error), grpc.StatusCode.INTERNAL))
        else:
            with self._changed:
                version.servable, version.error = servable, None
            self._set(version, State.AVAILABLE)
            LOG.info("model %s version %d is served", self.name, version.number)

    def _fail(self, version: ModelVersion, error: VersionError) -> None:
        if version.error is None or str(version.error) != str(error):
            LOG.warning("model %s: %s", self.name, error)
        version.failures += 1
        gone = version.failures > self._maximum_retries
        version.retry_at = math.inf if gone else time.monotonic() + self._retry_seconds
        version.error = error
        self._set(version, State.END)

    def _unload(self, version: ModelVersion) -> None:
        self._set(version, State.UNLOADING)
        with self._changed:
            self._changed.wait_for(lambda: version.leases == 0)
            servable, version.servable = version.servable, None
        if servable is not None:
            servable.close()
        del servable
        # Tables and variables of a SavedModel sit in cycles of references.
        gc.collect()
        self._set(version, State.END)
        LOG.info("model %s version %d is unloaded", self.name, version.number)

    def _set(self, version: ModelVersion, state: int) -> None:
        with self._changed:
            version.state = state

    def _unserved(self, version: ModelVersion | None) -> InputError:
        if version is not None and version.error is not None:
            return version.error
        return InputError(
            f"none of the versions in {self.base_path} is one that the policy of model {self.name} "
            "asks for. Correct the policy, or export such a version."
        )

    def _log_missing(self, error: OSError) -> None:
        if not self._missing:
            LOG.warning("model %s: cannot look for versions: %s", self.name, error)
        self._missing = True


def not_found(name: str, number: int | None) -> StatusError:
    """The status of a request for what is not served, as `basic_manager.cc` words it."""
    request = f"Latest({name})" if number is None else f"Specific({name}, {number})"
    return StatusError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
