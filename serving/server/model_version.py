"""One version of a model, from its discovery to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import grpc
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from serving.server.servable import Servable
from serving.server.version_error import VersionError

State = ModelVersionStatus.State


@dataclass(eq=False)
class ModelVersion:
    """What a `ModelManager` knows of a version; guarded by the manager's lock.

    Attributes:
        number: integer name of its directory.
        path: the directory.
        state: START, LOADING, AVAILABLE, UNLOADING, END.
        aspired: whether the policy asks for it.
        error: why it could not be loaded, in state END.
        servable: the model in memory while AVAILABLE or UNLOADING.
        leases: requests under way.
        failures: how often it could not be loaded.
        retry_at: monotonic second of the next attempt after a failure.
    """

    number: int
    path: Path
    state: int = State.START
    aspired: bool = True
    error: VersionError | None = field(default=None, repr=False)
    servable: Servable | None = field(default=None, repr=False)
    leases: int = 0
    failures: int = 0
    retry_at: float = 0.0

    @property
    def is_available(self) -> bool:
        """Whether requests are answered by it."""
        return self.state == State.AVAILABLE

    def is_due(self, now: float) -> bool:
        """Whether it should be loaded at the monotonic second `now`."""
        waiting = self.state == State.START or (self.state == State.END and self.error is not None)
        return self.aspired and waiting and now >= self.retry_at

    def status(self) -> ModelVersionStatus:
        """The entry of GetModelStatus."""
        status = ModelVersionStatus(version=self.number, state=self.state)
        status.status.SetInParent()
        if self.error is not None:
            status.status.error_code = grpc_number(self.error.code)
            status.status.error_message = str(self.error)
        return status


def grpc_number(code: grpc.StatusCode) -> int:
    """The number of a status code on the wire."""
    return int(code.value[0])
