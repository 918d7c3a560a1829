"""One request of a bulk scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.scoring.record_error import RecordError
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, QUERIES, QUERY_SOURCES, USER
from sesrec_tf.servable.raw_examples import make_example

REQUEST_ID = "request_id"
"""Name under which a record may carry the user's own key."""

_SESSION_LISTS = (QUERY_SOURCES, CLICKED_ITEMS)


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
    def from_lists(
        cls, lists: Mapping[str, Sequence[str]], request_id: str | None = None
    ) -> ScoringRequest:
        """From lists under the names of `schema.request_shapes`, as `make_example` takes them.

        Raises:
            RecordError: for what `raw_examples.parse_examples` refuses in the graph, where one
                record fails its whole batch; and for no candidates.
        """
        users, candidates, sessions = lists[USER], lists[CANDIDATES], len(lists[QUERIES])
        if len(users) != 1:
            wrong = "more than one value" if users else "missing"
            raise RecordError(f"`{USER}` is {wrong}", "one id")
        for name in _SESSION_LISTS:
            if len(lists[name]) not in (0, sessions):
                raise RecordError(
                    f"`{name}` is not as long as `{QUERIES}`",
                    "a value for each query, empty where there is none, or no list",
                )
        if not candidates:
            raise RecordError(f"`{CANDIDATES}` is empty", "at least one item id")
        # Encoded anew, so that the graph cannot read another request than was checked.
        example = make_example(lists).SerializeToString()
        return cls(users[0], tuple(candidates), example, request_id)
