"""Which model of a server is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.client.setting_checks import check_integer, check_text
from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class ModelSelection:
    """A name, and at most one way to choose among its versions.

    Attributes:
        name: under which the model is served.
        version: a number; the highest served when neither this nor a label is given.
        label: such as `stable` or `canary`, as the server's `models.config` assigns them.

    Raises:
        InputError: for no name, a negative version, both a version and a label, or another type.
    """

    name: str = "sesrec"
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        check_text("model_name", self.name)
        if self.label is not None:
            check_text("version_label", self.label)
        if self.version is not None and self.label is not None:
            raise InputError(
                "either `version` or `version_label` chooses a version. Received both: "
                f"{self.version} and {self.label!r}."
            )
        if self.version is not None:
            check_integer("version", self.version, 0, 2**63 - 1)

    def write(self, spec: Any, signature: str = "") -> None:
        """Fills a `ModelSpec`."""
        spec.name = self.name
        spec.signature_name = signature
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label
