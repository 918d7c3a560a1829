"""The Amazon product reviews of 2014."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.amazon_files import AmazonFiles
from pipelines.sources.amazon_metadata import Metadata
from pipelines.sources.amazon_qrels import QrelsQueries
from pipelines.sources.amazon_queries import CategoryQueries
from pipelines.sources.amazon_reviews import ReviewFile
from pipelines.sources.amazon_terms import (
    QueryTerms,
    WordCounts,
    english_stop_words,
    read_stop_words,
)
from pipelines.sources.pair_queries import PairQueries
from pipelines.sources.source import Source, add_input_flag
from sesrec_tf.data.log_chunk import ROW, LogChunk
from sesrec_tf.data.log_tables import (
    CLICKED_ITEM_IDS,
    ITEM_ID,
    QUERY,
    SESSION_ID,
    SOURCE,
    TIMESTAMP,
    USER_ID,
)
from sesrec_tf.errors import InputError

QUERY_RULES = ("qrels", "category")
MIN_COUNT = 5
NO_QUERY = "no query for its user and item"
"""Why reviews are no searches."""


@dataclass(frozen=True)
class Amazon2014(Source):
    """One category of the Amazon reviews, with searches that stand for its purchases.

    Every review is an interaction, at day resolution. If its item has a query, the user also
    searched with it, at the time of the review, and clicked the item. At equal time interactions
    come before searches, so that the search a target gave rise to is never part of the target's
    history. There is one query for each pair of user and item, whatever the order of the reviews.

    Attributes:
        files: the raw files.
        query_rule: `qrels`, the queries of the product search benchmark, or `category`, queries
            made from category paths by the same rule.
        seed: of the draw among the queries of a pair.
        min_count: occurrences in the reviews below which a term is no part of a query
            (`category`).
        stop_words: dropped from queries (`category`).
    """

    name = "amazon2014"
    summary = "Amazon reviews of 2014: reviews_*_5.json.gz, meta_*.json.gz"
    time_unit = "s"
    tables = ("interactions", "searches", "items")

    files: AmazonFiles
    query_rule: str = "category"
    seed: int = 0
    min_count: int = MIN_COUNT
    stop_words: frozenset[str] | None = None

    @classmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """See the base class."""
        add_input_flag(flags)
        flags.add_argument(
            "--query-rule",
            choices=QUERY_RULES,
            help="`qrels`: queries from query_text.txt(.gz) and *.qrels(.gz); `category`: made "
            "from category paths (default: qrels if these files are there, else category). For "
            "instances as published, with an earlier review and an earlier search each, add "
            "`--min-earlier-searches 1` (as published, users with fewer than three of them have "
            "none at all; here these users still train); a review's own search is never earlier "
            "than it",
        )
        flags.add_argument(
            "--query-seed",
            type=int,
            default=0,
            metavar="N",
            help="of the draw of one query for each user and item (default: 0)",
        )
        flags.add_argument(
            "--query-min-count",
            type=int,
            default=MIN_COUNT,
            metavar="N",
            help="terms rarer than this in the reviews are no part of a query (`category`; "
            f"default: {MIN_COUNT})",
        )
        flags.add_argument(
            "--stop-words",
            type=Path,
            metavar="FILE",
            help="words dropped from queries, one a line (`category`; default: 179 English "
            "function words)",
        )

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Amazon2014:
        """See the base class."""
        if arguments.query_min_count < 1:
            raise InputError(
                f"`--query-min-count` should be at least 1. Received: {arguments.query_min_count}."
            )
        files = AmazonFiles.find(arguments.input)
        rule = arguments.query_rule or ("qrels" if files.has_queries else "category")
        if rule == "qrels":
            files.query_files()
        words = arguments.stop_words
        return cls(
            files=files,
            query_rule=rule,
            seed=arguments.query_seed,
            min_count=arguments.query_min_count,
            stop_words=None if words is None else read_stop_words(words),
        )

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """See `LogReader`.

        A line of the reviews that cannot be read is rejected from the interactions and from the
        searches: both lose a row. Reviews without a query are left out of the searches.
        """
        read = {
            "interactions": self._interactions,
            "searches": self._searches,
            "items": self._products,
        }
        return read[table]()

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`."""
        path = self.files.metadata if table == "items" else self.files.reviews
        return [str(path)] * len(rows), rows + 1

    def __getstate__(self) -> dict[str, object]:
        """What was given, without what was read since."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _interactions(self) -> Iterator[LogChunk]:
        """One row a review."""
        for events in ReviewFile(self.files.reviews).events():
            rows = pa.table(
                {
                    ROW: events.rows,
                    USER_ID: events.users,
                    ITEM_ID: events.items,
                    TIMESTAMP: events.times,
                }
            )
            yield LogChunk(rows, events.rejected)

    def _searches(self) -> Iterator[LogChunk]:
        """Session `line_<n>` is that of the review in line n, from 0."""
        for events in ReviewFile(self.files.reviews).events():
            query = self.queries.draw(events.users, events.items)
            found = np.flatnonzero(query.is_valid().to_numpy(zero_copy_only=False))
            lines = pa.array(events.rows[found]).cast(pa.string())
            rows = pa.table(
                {
                    ROW: events.rows[found],
                    USER_ID: events.users.take(found),
                    SESSION_ID: pc.binary_join_element_wise("line_", lines, ""),
                    QUERY: query.take(found),
                    SOURCE: pa.array([""] * len(found), pa.string()),
                    CLICKED_ITEM_IDS: events.items.take(found),
                    TIMESTAMP: events.times.take(found),
                }
            )
            others = len(events.rows) - len(found)
            yield LogChunk(rows, events.rejected, {NO_QUERY: others} if others else {})

    def _products(self) -> Iterator[LogChunk]:
        """All products with their `category` and `brand`."""
        return self.metadata.chunks()

    @cached_property
    def metadata(self) -> Metadata:
        """The products, read once."""
        return Metadata.read(self.files.metadata)

    @cached_property
    def queries(self) -> PairQueries:
        """The queries, read or made once."""
        if self.query_rule == "qrels":
            return QrelsQueries(*self.files.query_files(), self.seed)
        words = english_stop_words() if self.stop_words is None else self.stop_words
        terms, counts = QueryTerms(words), WordCounts()
        for texts in ReviewFile(self.files.reviews).texts():
            counts.add(texts)
        vocabulary = counts.vocabulary(terms, self.min_count)
        return CategoryQueries(self.metadata, terms, vocabulary, self.seed)
