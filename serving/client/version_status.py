"""What a server says about the life of a version."""

from __future__ import annotations

from typing import Any, NamedTuple

from serving.client import wire_messages as wire


class VersionStatus(NamedTuple):
    """State of one version of a model.

    Attributes:
        version: its number.
        state: START, LOADING, AVAILABLE, UNLOADING, END, or UNKNOWN.
        error_code: gRPC's number of what ended it; 0 for nothing.
        error_message: what ended it.
    """

    version: int
    state: str
    error_code: int
    error_message: str

    @classmethod
    def from_message(cls, status: Any) -> VersionStatus:
        """From a `ModelVersionStatus`."""
        return cls(
            version=status.version,
            state=wire.VERSION_STATES.get(status.state, "UNKNOWN"),
            error_code=status.status.error_code,
            error_message=status.status.error_message,
        )
