"""The one definition of a ranking example.

Parsing of records, the structure of batches and the serving signatures all derive from the
constants and functions here. Symbols follow the paper: `B` batch, `T_r` and `T_s` lengths of the
recommendation and search histories, `L` words a query, `C` clicks a session, `K` candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

from sesrec_tf.errors import InputError

PADDING = 0
"""Index of padding in every vocabulary."""

UNKNOWN = 1
"""Index of an id that training never saw, in every vocabulary."""

FIRST_KNOWN = 2
"""Index of line 0 of a vocabulary file."""

SPLITS = ("train", "valid", "test")

USER = "user"
REC_ITEMS = "rec_items"
QUERIES = "queries"
QUERY_WORDS = "query_words"
QUERY_SOURCES = "query_sources"
CLICKED_ITEMS = "clicked_items"
CANDIDATES = "candidates"

REC_TIMES = "rec_times"
QUERY_TIMES = "query_times"

CLICK_PAIRS = "click_pairs"
"""Training batches only: (session, click) pairs of the global batch, repeated `[B]`."""

INSTANCE = "instance"
EARLIER_INTERACTIONS = "earlier_interactions"
EARLIER_SEARCHES = "earlier_searches"


@dataclass(frozen=True)
class HistoryShape:
    """Fixed widths of one example.

    Attributes:
        rec_length: `T_r`, most recent recommendation events kept.
        search_length: `T_s`, most recent search sessions kept.
        query_words: `L`, first words of a query kept.
        clicks: `C`, first clicks of a session kept.
    """

    rec_length: int = 15
    search_length: int = 15
    query_words: int = 15
    clicks: int = 1

    def __post_init__(self) -> None:
        for name in ("rec_length", "search_length", "query_words", "clicks"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InputError(f"`{name}` should be a positive integer. Received: {value!r}.")


@dataclass(frozen=True)
class VocabularySizes:
    """How many known ids each vocabulary holds, padding and unknown not counted.

    Attributes:
        users, items, queries, words, sources: sizes of the main vocabularies.
        item_attributes, user_attributes: (name, size) of each categorical attribute, in the
            order of the columns of the attribute tables.
    """

    users: int
    items: int
    queries: int
    words: int
    sources: int
    item_attributes: tuple[tuple[str, int], ...] = ()
    user_attributes: tuple[tuple[str, int], ...] = ()


def batch_shapes(shape: HistoryShape) -> dict[str, tuple[int | None, ...]]:
    """Shape of every feature of a batch, without the batch axis; `None` is the free `K`.

    All are int32 indices, 0 at padding; histories are left-aligned, oldest event first.
    """
    return {
        USER: (),
        REC_ITEMS: (shape.rec_length,),
        QUERIES: (shape.search_length,),
        QUERY_WORDS: (shape.search_length, shape.query_words),
        QUERY_SOURCES: (shape.search_length,),
        CLICKED_ITEMS: (shape.search_length, shape.clicks),
        CANDIDATES: (None,),
    }


def request_shapes(shape: HistoryShape) -> dict[str, tuple[int | None, ...]]:
    """Shape of every string input of the serving signatures, without the batch axis.

    A request carries raw ids and query texts only: words and attributes are looked up in the
    graph, so `query_words` is the one batch feature that is absent.
    """
    return {name: dims for name, dims in batch_shapes(shape).items() if name != QUERY_WORDS}


def record_widths(shape: HistoryShape) -> dict[str, int | None]:
    """Values per event of each list feature of a `tf.Example` record; `None` is a scalar.

    Records are ragged: a history of n events holds n × width int64 values, oldest first, so
    padding costs no disk. `candidates` holds the positive first, then (valid and test only) the
    frozen negatives. `instance` is the target's row number in the interactions table.
    """
    return {
        INSTANCE: None,
        USER: None,
        EARLIER_INTERACTIONS: None,
        EARLIER_SEARCHES: None,
        REC_ITEMS: 1,
        REC_TIMES: 1,
        QUERIES: 1,
        QUERY_WORDS: shape.query_words,
        QUERY_SOURCES: 1,
        QUERY_TIMES: 1,
        CLICKED_ITEMS: shape.clicks,
        CANDIDATES: 1,
    }
