"""Which model of a server is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class ModelSelection:
    """A name, and at most one way to choose among its versions.

    Attributes:
        name: under which the model is served.
        version: a number; the highest served when neither this nor a label is given.
        label: such as `stable` or `canary`, as the server's `models.config` assigns them.

    Raises:
        InputError: for no name, a negative version, or both a version and a label.
    """

    name: str = "sesrec"
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("`model_name` should not be empty. Received: ''.")
        if self.label == "":
            raise InputError("`version_label` should not be empty. Received: ''.")
        if self.version is not None and self.label is not None:
            raise InputError(
                "either `version` or `version_label` chooses a version. Received both: "
                f"{self.version} and {self.label!r}."
            )
        if self.version is not None and not 0 <= self.version < 2**63:
            raise InputError(
                f"`version` should be a number of a version, 0 or more. Received: {self.version}."
            )

    def write(self, spec: Any, signature: str = "") -> None:
        """Fills a `ModelSpec`."""
        spec.name = self.name
        spec.signature_name = signature
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label

    def __str__(self) -> str:
        chosen = f" version {self.version}" if self.version is not None else ""
        return f"{self.name}{chosen}" if self.label is None else f"{self.name} {self.label!r}"
