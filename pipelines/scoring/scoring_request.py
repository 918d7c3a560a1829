"""One request of a bulk scoring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipelines.scoring.record_error import RecordError
from sesrec_tf.errors import InputError
from sesrec_tf.requests.example_lists import example_lists
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.servable.raw_examples import make_example

REQUEST_ID = "request_id"
"""Name under which a record may carry the user's own key."""

_EXPECTED = "a request of the client's form"
_POSITION = re.compile(r"\[\d+\]")
_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class ScoringRequest:
    """What the signature `examples` takes, and what its scores are joined by.

    Attributes:
        user: raw id.
        candidates: raw ids, at least one.
        example: serialized `tf.Example`, see `raw_examples.make_example`.
        request_id: the user's own key, if there is one.
    """

    user: str
    candidates: tuple[str, ...]
    example: bytes
    request_id: str | None = None

    @classmethod
    def of(cls, request: RankingRequest, request_id: str | None = None) -> ScoringRequest:
        """A checked request; encoded anew, so that the graph cannot read another one."""
        example = make_example(example_lists(request)).SerializeToString()
        return cls(request.user, request.candidates, example, request_id)


@contextmanager
def refusals() -> Iterator[None]:
    """What `sesrec_tf.requests` refuses becomes a RecordError."""
    try:
        yield
    except RequestError as error:
        # The value at fault is in the record, which is shown.
        reason = _POSITION.sub("[...]", str(error).split(" Received:")[0].rstrip("."))
        raise RecordError(reason, f"{_EXPECTED}; here: `{error.input}`") from None
    except InputError as error:
        words = str(error).split(" Received:")[0].rstrip(".")
        # Names of keys may be anything, half characters among it.
        reason = words.encode("utf-8", "backslashreplace").decode("utf-8")[:_MOST_CHARACTERS]
        raise RecordError(reason, f"{_EXPECTED}, with or without `{REQUEST_ID}`") from None
