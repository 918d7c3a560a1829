"""The Amazon product reviews of 2014."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.amazon_files import AmazonFiles
from pipelines.sources.amazon_metadata import Metadata
from pipelines.sources.amazon_qrels import QrelsQueries
from pipelines.sources.amazon_queries import CategoryQueries
from pipelines.sources.amazon_reviews import ReviewEvents, ReviewFile
from pipelines.sources.amazon_terms import (
    QueryTerms,
    WordCounts,
    english_stop_words,
    read_stop_words,
)
from pipelines.sources.pair_queries import PairQueries
from pipelines.sources.source import Source, add_input_flag
from sesrec_tf.data import log_tables
from sesrec_tf.errors import InputError

QUERY_RULES = ("qrels", "category")
MIN_COUNT = 5


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
            "`--min-earlier-searches 1`; a review's own search is never earlier than it",
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

    def interactions(self) -> Iterator[pd.DataFrame]:
        """See the base class; one row a review."""
        for events in self._events():
            yield log_tables.log_frame(
                pa.table(
                    {
                        log_tables.USER_ID: events.users,
                        log_tables.ITEM_ID: events.items,
                        log_tables.TIMESTAMP: events.times,
                    }
                )
            )

    def searches(self) -> Iterator[pd.DataFrame]:
        """See the base class; session `line_<n>` is that of the review in line n, from 0."""
        for events in self._events():
            query = self.queries.draw(events.users, events.items)
            rows = np.flatnonzero(query.is_valid().to_numpy(zero_copy_only=False))
            lines = pa.array(events.lines[rows]).cast(pa.string())
            yield log_tables.log_frame(
                pa.table(
                    {
                        log_tables.USER_ID: events.users.take(rows),
                        log_tables.SESSION_ID: pc.binary_join_element_wise("line_", lines, ""),
                        log_tables.QUERY: query.take(rows),
                        log_tables.SOURCE: pa.array([""] * len(rows), pa.string()),
                        log_tables.CLICKED_ITEM_IDS: events.items.take(rows),
                        log_tables.TIMESTAMP: events.times.take(rows),
                    }
                )
            )

    def items(self) -> Iterator[pd.DataFrame]:
        """See the base class: all products with their `category` and `brand`."""
        return self.metadata.tables()

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

    def _events(self) -> Iterator[ReviewEvents]:
        empty = True
        for events in ReviewFile(self.files.reviews).events():
            empty = False
            yield events
        if empty:
            raise InputError(
                f"{self.files.reviews} holds no reviews. Expected one JSON object a line. "
                "Download it again."
            )
