"""What a client does, all but sending: messages, their order, and what the answers mean."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError

from serving.client import wire_messages as wire
from serving.client.answers import read_explanation, read_recommendations, read_scores
from serving.client.call import Call
from serving.client.deadline import Deadline
from serving.client.endpoint import MODEL_SERVICE, PREDICTION_SERVICE
from serving.client.explanation import Explanation
from serving.client.model_metadata import ModelMetadata
from serving.client.model_selection import ModelSelection
from serving.client.ranking_signature import RankingSignature, output_names
from serving.client.recommendation import Recommendation
from serving.client.request_tensors import history_tensors, request_tensors
from serving.client.scored_candidate import ScoredCandidate
from serving.client.serving_error import ServingError
from serving.client.version_status import VersionStatus
from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.signatures import EXPLAIN, RECOMMEND, SERVING_DEFAULT

Result = TypeVar("Result")
Operation = Generator[Call, Any, Result]
"""Yields a call, is sent its answer or thrown its `ServingError`, and returns the result."""

_MISSING = {
    EXPLAIN: "A model without co-attention explains nothing; neither does an export of an "
    "earlier version of this package",
    RECOMMEND: "Export the run again with --top-k, once it has a retrieval head",
}


class ModelOperations:
    """The operations of a client on one model of one server, for any way of making calls.

    The signatures are read at the first request, and again once another version has answered or
    refused. A refused request is sent once more if, and only if, the widths have changed since.

    Args:
        target: the server's address, for errors.
        model: which model and version.
    """

    def __init__(self, target: str, model: ModelSelection) -> None:
        self.model = model
        self.served_version: int | None = None
        self._target = target
        self._metadata: ModelMetadata | None = None

    def score(
        self, requests: Sequence[RankingRequest], first: int, deadline: Deadline
    ) -> Operation[list[list[ScoredCandidate]]]:
        """Scores one batch; `first` is the position of its first request, for errors."""

        def inputs(signature: RankingSignature) -> dict[str, Any]:
            return request_tensors(requests, signature, first)

        response, _ = yield from self._predict(SERVING_DEFAULT, inputs, deadline)
        return self._read(read_scores, response, requests)

    def explain(self, request: RankingRequest, deadline: Deadline) -> Operation[Explanation]:
        """Scores and explains one request."""

        def inputs(signature: RankingSignature) -> dict[str, Any]:
            return request_tensors([request], signature)

        response, signature = yield from self._predict(EXPLAIN, inputs, deadline)
        return self._read(read_explanation, response, request, signature)

    def recommend(
        self, request: RecommendationRequest, deadline: Deadline
    ) -> Operation[list[Recommendation]]:
        """The best items of the catalogue, without any of the whole history."""

        def inputs(signature: RankingSignature) -> dict[str, Any]:
            return history_tensors([request], signature)

        response, _ = yield from self._predict(RECOMMEND, inputs, deadline)
        clicked = {item for search in request.searches for item in search.clicked_items}
        # The model was sent the last events and the first clicks only.
        past = {*request.rec_items, *clicked}
        best = self._read(read_recommendations, response)
        return [recommendation for recommendation in best if recommendation.item not in past]

    def predict(
        self, name: str, inputs: Mapping[str, Any], outputs: Sequence[str], deadline: Deadline
    ) -> Operation[dict[str, Any]]:
        """Any signature with any tensors, sent once as they are."""
        response = yield self._predict_call(name, inputs, outputs, deadline)
        self._note_version(response)
        return dict(response.outputs)

    def metadata(self, deadline: Deadline) -> Operation[ModelMetadata]:
        """The signatures of the version that answers."""
        message = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        self.model.write(message.model_spec)
        response = yield Call(
            f"/{PREDICTION_SERVICE}/GetModelMetadata",
            message,
            wire.GetModelMetadataResponse,
            deadline,
        )
        try:
            metadata = ModelMetadata.from_message(response)
        except DecodeError as error:
            raise self._unusable(f"the signatures cannot be read: {error}") from error
        self._metadata = metadata
        self.served_version = metadata.version
        return metadata

    def status(self, deadline: Deadline) -> Operation[list[VersionStatus]]:
        """States of the version chosen by number, or of every version."""
        message = wire.GetModelStatusRequest()
        self.model.write(message.model_spec)
        response = yield Call(
            f"/{MODEL_SERVICE}/GetModelStatus", message, wire.GetModelStatusResponse, deadline
        )
        return sorted(VersionStatus.from_message(s) for s in response.model_version_status)

    def _predict(
        self, name: str, inputs: Callable[[RankingSignature], dict[str, Any]], deadline: Deadline
    ) -> Operation[tuple[Any, RankingSignature]]:
        """The answer of a signature, and the widths that it was asked with."""
        signature = yield from self._signature(name, deadline)
        names = output_names(name)
        call = self._predict_call(name, inputs(signature), names, deadline)
        try:
            response = yield call
        except ServingError as error:
            newer = yield from self._changed(error, name, signature, deadline)
            if newer is None:
                raise
            signature = newer
            response = yield self._predict_call(name, inputs(signature), names, deadline)
        self._note_version(response)
        return response, signature

    def _note_version(self, response: Any) -> None:
        version, metadata = response.model_spec.version.value, self._metadata
        self.served_version = version
        if metadata is not None and metadata.version != version:
            # Another version may have other widths: read them before the next request.
            self._metadata = None

    def _changed(
        self, error: ServingError, name: str, used: RankingSignature, deadline: Deadline
    ) -> Operation[RankingSignature | None]:
        """The widths since a refusal, if another version with other ones caused it."""
        self._metadata = None
        if error.code is not grpc.StatusCode.INVALID_ARGUMENT:
            return None
        try:
            newer = yield from self._signature(name, deadline)
        except ServingError:
            return None
        return None if newer == used else newer

    def _signature(self, name: str, deadline: Deadline) -> Operation[RankingSignature]:
        metadata = self._metadata or (yield from self.metadata(deadline))
        if name not in metadata.signatures:
            advice = f". {_MISSING[name]}" if name in _MISSING else ""
            raise self._unusable(
                f"version {metadata.version} of {self.model.name} has no signature {name}, only "
                f"{', '.join(metadata.signatures) or 'none at all'}{advice}"
            )
        try:
            return RankingSignature.of(metadata.signatures[name], name)
        except InputError as error:
            raise self._unusable(f"signature {name}: {error}") from error

    def _predict_call(
        self, name: str, inputs: Mapping[str, Any], outputs: Sequence[str], deadline: Deadline
    ) -> Call:
        message = wire.PredictRequest(output_filter=outputs)
        self.model.write(message.model_spec, name)
        for input_, tensor in inputs.items():
            message.inputs[input_].CopyFrom(tensor)
        return Call(f"/{PREDICTION_SERVICE}/Predict", message, wire.PredictResponse, deadline)

    def _read(self, read: Callable[..., Result], response: Any, *arguments: Any) -> Result:
        try:
            return read(response.outputs, *arguments)
        except ValueError as error:
            raise self._unusable(f"the answer is unusable: {error}") from error

    def _unusable(self, details: str) -> ServingError:
        return ServingError(self._target, grpc.StatusCode.FAILED_PRECONDITION, details)
