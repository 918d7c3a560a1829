"""What a prepared data set holds, as the paper's Table 1 and Figure 1b tell it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sesrec_tf.data.dissimilar_searches import DissimilarSearches
from sesrec_tf.data.history_lengths import HistoryLengths
from sesrec_tf.data.item_popularity import ItemPopularity
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.prepared_events import PreparedEvents
from sesrec_tf.data.progress_bar import Report, silent
from sesrec_tf.data.search_origins import ORIGINS, TYPED_SOURCES, UNKNOWN_ORIGIN, SearchOrigins
from sesrec_tf.data.statistics_options import StatisticsOptions
from sesrec_tf.errors import InputError

TABLE_1 = ("users", "items", "queries", "search_actions", "recommendation_actions")
"""Counts of `dataset_info.json`, in the order of the paper's columns."""

SECONDS_PER_DAY = 86_400

_CATEGORY = re.compile(r"category(_\d+)?")


@dataclass(frozen=True)
class DatasetStatistics:
    """The statistics of one prepared data set.

    Attributes:
        dataset: read from.
        options: the rules.
        events: its event tables.
        lengths, popularity, origins: of them.
        dissimilar: by category attribute; empty if `left_out`.
        left_out: why no search could be judged, or `None`.
    """

    dataset: PreparedDataset
    options: StatisticsOptions
    events: PreparedEvents
    lengths: HistoryLengths
    popularity: ItemPopularity
    origins: SearchOrigins
    dissimilar: dict[str, DissimilarSearches]
    left_out: str | None

    @classmethod
    def of(
        cls, dataset: PreparedDataset, options: StatisticsOptions, report: Report = silent
    ) -> DatasetStatistics:
        """Reads the event tables and counts.

        Raises:
            InputError: if the event tables are absent, or an option names a source or an
                attribute that the data set lacks.
        """
        attributes = _categories(dataset, options.categories)
        report("reading the event tables", 0.0)
        events = PreparedEvents.read(dataset)
        origins = SearchOrigins.of(events.searches, options.typed)
        left_out = _reason_to_leave_out(dataset, attributes)
        dissimilar = {}
        for number, name in enumerate(() if left_out else attributes):
            report(
                f"comparing searches with the feed by {name}", 0.4 + 0.5 * number / len(attributes)
            )
            window = options.window_days * SECONDS_PER_DAY * dataset.info["ticks_per_second"]
            column = [name for name, _ in dataset.sizes.item_attributes].index(name)
            values = dataset.item_attributes[:, column]
            dissimilar[name] = DissimilarSearches.of(events, values, window)
        return cls(
            dataset=dataset,
            options=options,
            events=events,
            lengths=HistoryLengths.of(events.feed, dataset.history),
            popularity=ItemPopularity.of(events),
            origins=origins,
            dissimilar=dissimilar,
            left_out=left_out,
        )

    @cached_property
    def distinct_pairs(self) -> int:
        """Distinct (user, item) pairs of the feed."""
        feed = self.events.feed
        return len(np.unique(feed.user * self.events.items + feed.item))

    @property
    def notes(self) -> list[str]:
        """What a reader of the shares should know."""
        notes = [] if self.left_out is None else [f"Dissimilar searches: {self.left_out}"]
        total = len(self.events.searches.time)
        counts = {name: int(self.origins.searches(name).sum()) for name in ORIGINS}
        if total and counts[UNKNOWN_ORIGIN] == total:
            notes.append("Typed and suggested searches: no search has a source.")
        elif self.options.typed is None and counts["suggested"] and not counts["typed"]:
            notes.append(
                f"Typed searches: no source is named {' or '.join(TYPED_SOURCES)}, so every named "
                "one counts as suggested. Name the typed ones with `--typed`."
            )
        return notes

    def summary(self) -> dict[str, Any]:
        """Everything as plain JSON values; shares are fractions, `None` where there is nothing."""
        info = self.dataset.info
        users, items = info["counts"]["users"], info["counts"]["items"]
        return {
            "content_hash": info["content_hash"],
            "table_1": {name: info["counts"][name] for name in TABLE_1},
            "distinct_pairs": self.distinct_pairs,
            "density": self.distinct_pairs / (users * items),
            "history": self.lengths.summary(),
            "popularity": self.popularity.summary(),
            "typed": list(TYPED_SOURCES if self.options.typed is None else self.options.typed),
            "sources": self.origins.source_summary(),
            "origins": self.origins.summary(),
            "dissimilar": self._dissimilar(),
            "notes": self.notes,
        }

    def _dissimilar(self) -> dict[str, Any]:
        everything = np.ones(len(self.events.searches.time), np.bool_)
        earlier = self.events.searches.earlier_interactions
        return {
            "left_out": self.left_out,
            "window_days": self.options.window_days,
            "categories": {
                name: {
                    "searches": judged.summary(everything),
                    **{origin: judged.summary(self.origins.searches(origin)) for origin in ORIGINS},
                    "by_earlier_interactions": judged.by_history(earlier),
                }
                for name, judged in self.dissimilar.items()
            },
        }


def _categories(dataset: PreparedDataset, wanted: Sequence[str] | None) -> list[str]:
    known = [name for name, _ in dataset.sizes.item_attributes]
    if wanted is None:
        return [name for name in known if _CATEGORY.fullmatch(name)]
    absent = [name for name in wanted if name not in known]
    if absent:
        raise InputError(
            f"`--category {absent[0]}` is no item attribute of {dataset.path}. Expected some of: "
            f"{', '.join(known) or 'none, its items have no attributes'}. Choose one of them, or "
            "leave `--category` out."
        )
    return list(dict.fromkeys(wanted))


def _reason_to_leave_out(dataset: PreparedDataset, attributes: list[str]) -> str | None:
    if dataset.info["ticks_per_second"] is None:
        return (
            "left out, timestamps are positions in each user's sequence (time unit `order`), "
            "which know no days."
        )
    if not attributes:
        return (
            "left out, items have no attribute `category` or `category_N`. Name other attributes "
            "with `--category`."
        )
    return None
