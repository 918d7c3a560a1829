"""Checks that an endpoint refuses what it should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from serving.client import wire_messages as wire
from serving.client.ranking_client import RankingClient
from serving.client.request_tensors import request_tensors, string_tensor
from serving.client.serving_error import ServingError
from serving.smoke.check_result import CheckError, CheckResult, run_check
from serving.smoke.smoke_sample import SmokeSample
from sesrec_tf.schema import REC_ITEMS, USER
from sesrec_tf.signatures import SERVING_DEFAULT


class RefusalChecks:
    """Malformed requests, sent one by one, with the status that each should end with.

    Args:
        client: connected to the endpoint.
        sample: its first request is malformed in several ways.
    """

    def __init__(self, client: RankingClient, sample: SmokeSample) -> None:
        self._client = client
        self._sample = sample

    def __call__(self) -> Iterator[CheckResult]:
        """Runs the checks one after the other."""
        yield run_check("refuses a wrong width", self._wrong_width)
        yield run_check("refuses a missing input", self._missing_input)
        yield run_check("refuses a wrong dtype", self._wrong_dtype)
        yield run_check("refuses an unknown signature", self._unknown_signature)

    def _wrong_width(self) -> str:
        inputs = self._inputs()
        width = self._sample.history.rec_length + 1
        inputs[REC_ITEMS] = string_tensor([b""] * width, (1, width))
        error = self._refused(SERVING_DEFAULT, inputs, grpc.StatusCode.INVALID_ARGUMENT)
        if error.input != REC_ITEMS:
            raise CheckError(
                f"expected a message that names {REC_ITEMS}, received {error.message!r}"
            )
        return f"INVALID_ARGUMENT, naming {REC_ITEMS}"

    def _missing_input(self) -> str:
        inputs = self._inputs()
        del inputs[USER]
        self._refused(SERVING_DEFAULT, inputs, grpc.StatusCode.INVALID_ARGUMENT)
        return "INVALID_ARGUMENT"

    def _wrong_dtype(self) -> str:
        inputs = self._inputs()
        inputs[USER] = wire.TensorProto(dtype=wire.DT_INT64, int64_val=[1])
        inputs[USER].tensor_shape.dim.add(size=1)
        self._refused(SERVING_DEFAULT, inputs, grpc.StatusCode.INVALID_ARGUMENT)
        return "INVALID_ARGUMENT"

    def _unknown_signature(self) -> str:
        self._refused("no_such_signature", self._inputs(), grpc.StatusCode.FAILED_PRECONDITION)
        return "FAILED_PRECONDITION"

    def _inputs(self) -> dict[str, Any]:
        return request_tensors(self._sample.requests[:1], self._sample.signature)

    def _refused(
        self, signature: str, inputs: dict[str, Any], code: grpc.StatusCode
    ) -> ServingError:
        try:
            self._client.predict(signature, inputs)
        except ServingError as error:
            if error.code is code:
                return error
            raise CheckError(f"expected {code.name}, received {error}") from error
        raise CheckError(f"expected {code.name}, received an answer")
