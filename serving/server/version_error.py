"""A version that cannot be served."""

from __future__ import annotations

import grpc

from sesrec_tf.errors import InputError


class VersionError(InputError):
    """Ends the loading of one version, never the server.

    Attributes:
        code: what GetModelStatus reports beside the message.
    """

    def __init__(
        self, message: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT
    ) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[VersionError], tuple[str, grpc.StatusCode]]:
        return type(self), (str(self), self.code)
