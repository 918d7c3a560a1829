"""What the blocking client and the asyncio one have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serving.client.deadline import Deadline, checked_timeout
from serving.client.endpoint import DEFAULT_MESSAGE_BYTES, Endpoint
from serving.client.model_operations import ModelOperations
from serving.client.model_selection import ModelSelection
from serving.client.scored_candidate import ScoredCandidate
from serving.client.setting_checks import check_integer
from serving.client.tls_settings import TlsSettings
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.request_checks import checked_list
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search


class ClientBase:
    """Settings of a client, and the operations that it makes calls for.

    Args:
        target: `host:port` of the server.
        model_name: name under which the model is served.
        version: one served version; the highest when `None`.
        version_label: `stable`, `canary`, or another label of the server, instead of a version.
        timeout: seconds allowed for an answer, with its retries and the reading of the signature;
            of a long list of requests, for each batch. Every method may set its own.
        retries: attempts after the first when the server is UNAVAILABLE, 0 to 4; nothing else is
            ever sent again.
        tls: encryption and identity; a plain connection when `None`.
        max_request_bytes, max_response_bytes: largest message sent and received.

    Attributes:
        endpoint: how the server is reached.
        model: which model and version is meant.
        timeout: as given.

    Raises:
        InputError: for a setting out of range or of another type.
    """

    def __init__(
        self,
        target: str,
        model_name: str = "sesrec",
        *,
        version: int | None = None,
        version_label: str | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        tls: TlsSettings | None = None,
        max_request_bytes: int = DEFAULT_MESSAGE_BYTES,
        max_response_bytes: int = DEFAULT_MESSAGE_BYTES,
    ) -> None:
        self.endpoint = Endpoint(target, tls, retries, max_request_bytes, max_response_bytes)
        self.model = ModelSelection(model_name, version, version_label)
        self.timeout = checked_timeout(timeout)
        self._operations = ModelOperations(self.endpoint.target, self.model)
        self._start()

    @property
    def served_version(self) -> int | None:
        """Version that answered last; `None` before the first answer."""
        return self._operations.served_version

    def _start(self) -> None:
        """Called once the settings are known to be usable."""

    def _deadline(self, timeout: float | None) -> Deadline:
        return Deadline.after(self.timeout if timeout is None else timeout)


def batches(
    requests: Sequence[RankingRequest], batch_size: int
) -> Iterator[tuple[int, Sequence[RankingRequest]]]:
    """Position of the first request of every batch, and the batch.

    Raises:
        InputError: for a batch size below 1, or what is no list of requests.
    """
    check_integer("batch_size", batch_size, 1, 2**31 - 1)
    listed = checked_list("requests", "requests", requests)
    for position, request in enumerate(listed):
        if not isinstance(request, RankingRequest):
            raise RequestError(
                f"requests[{position}]", f"should be a RankingRequest. Received: {request!r}."
            )
    return ((i, listed[i : i + batch_size]) for i in range(0, len(listed), batch_size))


def ranking_request(
    user: str, rec_items: Sequence[str], searches: Sequence[Search], candidates: Sequence[str]
) -> RankingRequest:
    """From arguments in the order of a client's methods.

    Raises:
        RequestError: for what is no list, and as `RankingRequest`.
    """
    return RankingRequest(
        user,
        checked_list("candidates", "ids", candidates),
        checked_list("rec_items", "ids", rec_items),
        checked_list("searches", "searches", searches),
    )


def recommendation_request(
    user: str, rec_items: Sequence[str], searches: Sequence[Search]
) -> RecommendationRequest:
    """As `ranking_request`, without candidates."""
    return RecommendationRequest(
        user,
        checked_list("rec_items", "ids", rec_items),
        checked_list("searches", "searches", searches),
    )


def by_falling_score(scored: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """A ranking; equal scores keep their order."""
    return sorted(scored, key=lambda candidate: -candidate.score)
