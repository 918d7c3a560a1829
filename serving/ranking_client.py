"""A client of any TF Serving endpoint that serves a ranking model."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple

import grpc
import numpy as np

from serving import wire_messages as wire
from serving.ranking_request import RankingRequest, Search
from serving.ranking_signature import RankingSignature
from serving.request_tensors import float_matrix, request_tensors
from serving.serving_error import ServingError
from sesrec_tf.errors import InputError
from sesrec_tf.signatures import PROBABILITIES, SCORES, SERVING_DEFAULT

SERVICE = "/tensorflow.serving.PredictionService"


class ScoredCandidate(NamedTuple):
    """A candidate with its logit and its click probability."""

    candidate: str
    score: float
    probability: float


class RankingClient:
    """Ranks candidates with the signature `serving_default` of a served model.

    The history widths come from the server's signature, read at the first request and again when
    the server has changed version. A client may be shared by threads.

    Args:
        target: `host:port` of the server.
        model_name: name under which the model is served.
        version: one served version; the highest when `None`.
        timeout: seconds allowed for each call.
        credentials: for TLS; a plain channel when `None`.

    Attributes:
        served_version: version that answered last; `None` before the first request.

    Example:

        with RankingClient("127.0.0.1:8500") as client:
            ranking = client.rank("u1", ["i1"], [Search("red shoes")], ["i2", "i3"])
    """

    def __init__(
        self,
        target: str,
        model_name: str = "sesrec",
        *,
        version: int | None = None,
        timeout: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        if not timeout > 0:
            raise InputError(f"`timeout` should be positive seconds. Received: {timeout}.")
        self.target = target.removeprefix("grpc://")
        self.model_name = model_name
        self.version = version
        self.timeout = timeout
        self.served_version: int | None = None
        self._signature: RankingSignature | None = None
        options = [("grpc.max_receive_message_length", -1)]
        if credentials is None:
            self._channel = grpc.insecure_channel(self.target, options)
        else:
            self._channel = grpc.secure_channel(self.target, credentials, options)

    def rank(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        candidates: Sequence[str],
    ) -> list[ScoredCandidate]:
        """The candidates by falling score; equal scores keep the given order.

        Args:
            user: the user's id.
            rec_items: item ids of the recommendation history, oldest first.
            searches: the search history, oldest first.
            candidates: `K` item ids.

        Raises:
            InputError: for an unusable request.
            ServingError: if the server does not answer it.
        """
        request = RankingRequest(user, tuple(candidates), tuple(rec_items), tuple(searches))
        return sorted(self.score([request])[0], key=lambda scored: -scored.score)

    def score(
        self, requests: Sequence[RankingRequest], batch_size: int = 256
    ) -> list[list[ScoredCandidate]]:
        """Scores the candidates of every request, in their order.

        Requests may have different numbers of candidates. They are sent `batch_size` at a time.

        Raises:
            InputError: for an unusable request.
            ServingError: if the server does not answer, or not with a number for each candidate.
        """
        if batch_size < 1:
            raise InputError(f"`batch_size` should be positive. Received: {batch_size}.")
        scored: list[list[ScoredCandidate]] = []
        for start in range(0, len(requests), batch_size):
            scored.extend(self._score_batch(requests[start : start + batch_size]))
        return scored

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> RankingClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _score_batch(self, requests: Sequence[RankingRequest]) -> list[list[ScoredCandidate]]:
        tensors = request_tensors(requests, self._signature or self._read_signature())
        message = wire.PredictRequest(output_filter=[SCORES, PROBABILITIES])
        self._name_model(message.model_spec)
        message.model_spec.signature_name = SERVING_DEFAULT
        for name, tensor in tensors.items():
            message.inputs[name].CopyFrom(tensor)
        response = self._call("Predict", message, wire.PredictResponse)
        if response.model_spec.version.value != self.served_version:
            # Another version may have other widths: read them before the next request.
            self._signature = None
            self.served_version = response.model_spec.version.value
        columns = tensors["candidates"].tensor_shape.dim[1].size
        scores = self._output(response, SCORES, len(requests), columns)
        probabilities = self._output(response, PROBABILITIES, len(requests), columns)
        return [
            [
                ScoredCandidate(candidate, float(scores[row, k]), float(probabilities[row, k]))
                for k, candidate in enumerate(request.candidates)
            ]
            for row, request in enumerate(requests)
        ]

    def _read_signature(self) -> RankingSignature:
        message = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(message.model_spec)
        response = self._call("GetModelMetadata", message, wire.GetModelMetadataResponse)
        packed = response.metadata["signature_def"].value
        signatures = wire.SignatureDefMap.FromString(packed).signature_def
        if SERVING_DEFAULT not in signatures:
            raise self._unusable(
                f"the model has no signature {SERVING_DEFAULT}, only "
                f"{', '.join(sorted(signatures))}"
            )
        try:
            signature = RankingSignature.from_signature_def(signatures[SERVING_DEFAULT])
        except InputError as error:
            raise self._unusable(str(error)) from error
        self.served_version = response.model_spec.version.value
        self._signature = signature
        return signature

    def _name_model(self, spec: Any) -> None:
        spec.name = self.model_name
        if self.version is not None:
            spec.version.value = self.version

    def _call(self, method: str, message: Any, response_class: Any) -> Any:
        call = self._channel.unary_unary(
            f"{SERVICE}/{method}",
            request_serializer=type(message).SerializeToString,
            response_deserializer=response_class.FromString,
        )
        try:
            return call(message, timeout=self.timeout)
        except grpc.RpcError as error:
            self._signature = None
            raise ServingError(self.target, error.code(), error.details() or "") from error

    def _output(self, response: Any, name: str, rows: int, columns: int) -> np.ndarray:
        try:
            values = float_matrix(response.outputs[name], rows, columns)
        except ValueError as error:
            raise self._unusable(f"output {name}: {error}") from error
        if np.isnan(values).any():
            raise self._unusable(f"output {name} holds NaN; the model is damaged")
        return values

    def _unusable(self, details: str) -> ServingError:
        return ServingError(self.target, grpc.StatusCode.FAILED_PRECONDITION, details)
