"""A blocking client of any TF Serving endpoint that serves a ranking model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc

from serving.client.call import Call
from serving.client.client_base import (
    ClientBase,
    batches,
    by_falling_score,
    ranking_request,
    recommendation_request,
)
from serving.client.explanation import Explanation
from serving.client.model_metadata import ModelMetadata
from serving.client.model_operations import Operation, Result
from serving.client.recommendation import Recommendation
from serving.client.scored_candidate import ScoredCandidate
from serving.client.serving_error import ServingError
from serving.client.version_status import VersionStatus
from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search


class RankingClient(ClientBase):
    """Asks a served model to rank, to explain and to recommend.

    All calls share one connection. A client may be shared by threads. `ClientBase` describes the
    settings. The history widths come from the server's signatures, read at the first request and
    again when the server has changed version.

    Every method raises an `InputError` for unusable arguments and a `ServingError` if the server
    does not answer them.

    Example:

        with RankingClient("127.0.0.1:8500") as client:
            ranking = client.rank("u1", ["i1"], [Search("red shoes")], ["i2", "i3"])
    """

    def _start(self) -> None:
        self._channel = self.endpoint.open(grpc)
        self._closed = False

    def rank(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        candidates: Sequence[str],
        *,
        timeout: float | None = None,
    ) -> list[ScoredCandidate]:
        """The candidates by falling score; equal scores keep the given order.

        Args:
            user: the user's id.
            rec_items: item ids of the recommendation history, oldest first.
            searches: the search history, oldest first.
            candidates: `K` item ids.
            timeout: seconds for this answer instead of the client's.
        """
        request = ranking_request(user, rec_items, searches, candidates)
        return by_falling_score(self.score([request], timeout=timeout)[0])

    def score(
        self,
        requests: Sequence[RankingRequest],
        batch_size: int = 256,
        *,
        timeout: float | None = None,
    ) -> list[list[ScoredCandidate]]:
        """Scores the candidates of every request, in their order.

        Requests may have different numbers of candidates. They are sent `batch_size` at a time,
        each batch with a deadline of its own.
        """
        return [
            scored
            for first, batch in batches(requests, batch_size)
            for scored in self._run(self._operations.score(batch, first, self._deadline(timeout)))
        ]

    def explain(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        candidates: Sequence[str],
        *,
        timeout: float | None = None,
    ) -> Explanation:
        """Scores the candidates, and tells what the model made of every event of the histories.

        Arguments as in `rank`; the weights of the three interests are for the first candidate.
        """
        request = ranking_request(user, rec_items, searches, candidates)
        return self._run(self._operations.explain(request, self._deadline(timeout)))

    def recommend(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        *,
        timeout: float | None = None,
    ) -> list[Recommendation]:
        """The best items of the catalogue by falling score, without those of the histories.

        At most `k`, fixed when the model was exported. The model leaves out the part of the
        histories that it sees; of its `k` items, those of the rest are dropped here, so that an
        answer may hold fewer.
        """
        request = recommendation_request(user, rec_items, searches)
        return self._run(self._operations.recommend(request, self._deadline(timeout)))

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str] = (),
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Raw outputs of any signature for raw inputs, `TensorProto`s of
        `serving.client.wire_messages`.

        Args:
            signature: its name.
            inputs: sent as they are, for better or worse.
            outputs: names of those to return; all when empty.
            timeout: seconds for this answer instead of the client's.
        """
        deadline = self._deadline(timeout)
        return self._run(self._operations.predict(signature, inputs, outputs, deadline))

    def status(self, *, timeout: float | None = None) -> list[VersionStatus]:
        """State of every version that the server knows, ascending, or of the one chosen by number.

        TF Serving passes over a version label here.
        """
        return self._run(self._operations.status(self._deadline(timeout)))

    def metadata(self, *, timeout: float | None = None) -> ModelMetadata:
        """The signatures of the version that answers."""
        return self._run(self._operations.metadata(self._deadline(timeout)))

    def close(self) -> None:
        """Closes the connection; a later call raises an `InputError`."""
        self._closed = True
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

    def _run(self, operation: Operation[Result]) -> Result:
        try:
            call = next(operation)
            while True:
                try:
                    answer = self._answer(call)
                except grpc.RpcError as error:
                    failure = ServingError.from_rpc(self.endpoint.target, error)
                    failure.__cause__ = error
                    call = operation.throw(failure)
                else:
                    call = operation.send(answer)
        except StopIteration as end:
            return end.value

    def _answer(self, call: Call) -> Any:
        try:
            return call.start(self._channel, self.endpoint)
        except ValueError as error:
            # This is how gRPC refuses a call on a closed channel, even if closed meanwhile.
            if not self._closed:
                raise
            raise InputError(
                "a RankingClient cannot be used once it is closed. Received a call; make another "
                "client."
            ) from error
