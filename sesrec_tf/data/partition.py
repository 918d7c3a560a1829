"""The events of some users: what one process works on at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data import log_tables
from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.repeated_sessions import without_repeated_sessions
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.data.splits import TRAIN, SplitAssignment, assign_splits
from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class Partition:
    """All events of the users of consecutive buckets.

    Attributes:
        log: the events.
        splits: of them; whether an item is known plays no part yet.
        rejected: under the names of the tables, rows that break a rule on several rows, as
            `log_chunk.REJECTED` says.
    """

    log: EventLog
    splits: SplitAssignment
    rejected: dict[str, pa.Table]

    @classmethod
    def of(cls, feed: pa.Table, searches: pa.Table, options: PrepareOptions) -> Partition:
        """Orders and splits the events.

        Args:
            feed, searches: rows as `valid_rows.INTERACTIONS` and `SEARCHES` say, in any order.
            options: the rules.

        Raises:
            InputError: if splits or negatives are to be given and are not.
        """
        searches, repeated = without_repeated_sessions(searches)
        feed, wrong = _with_negatives(feed, options)
        log = EventLog.of(feed, searches)
        rejected = {"interactions": wrong, "searches": repeated}
        return cls(log, assign_splits(log, options), rejected)

    def counts(self, options: PrepareOptions) -> LogCounts:
        """What vocabularies are made from."""
        return LogCounts.of(self.log, self.splits, options.max_clicks)


def _with_negatives(feed: pa.Table, options: PrepareOptions) -> tuple[pa.Table, pa.Table]:
    """Rows of valid and test must have as many negatives as are said, if they are given."""
    checks = RowChecks(feed, "interactions")
    if options.negatives == "given":
        evaluated = pc.greater(pc.fill_null(feed[log_tables.SPLIT], -1), TRAIN)
        negatives = feed[log_tables.NEGATIVE_ITEM_IDS]
        if len(feed) and negatives.null_count == len(feed):
            raise InputError(
                "`--negatives given` needs the column `negative_item_ids` in the interactions. "
                "Received: none. Add it, or choose other `--negatives`."
            )
        number = pc.fill_null(pc.list_value_length(negatives), 0)
        wrong = pc.and_(evaluated, pc.not_equal(number, options.num_negatives))
        expected = (
            f"{options.num_negatives} (`--num-negatives`) different items, none of them the "
            "instance's own, where the split is valid or test"
        )
        for problem, flags in (
            ("has another number of items", wrong.combine_chunks()),
            ("holds an item twice or the instance's own", _repeats(feed, evaluated)),
        ):
            checks.refuse(flags, log_tables.NEGATIVE_ITEM_IDS, problem, expected)
    return feed.filter(pa.array(checks.usable)), checks.rejected()


def _repeats(feed: pa.Table, evaluated: pa.ChunkedArray) -> pa.Array:
    """Whether the candidates of an evaluated row, its own item among them, hold one twice."""
    flags = np.zeros(len(feed), np.bool_)
    places = np.flatnonzero(evaluated.to_numpy())
    chosen = feed.take(pa.array(places))
    negatives = chosen[log_tables.NEGATIVE_ITEM_IDS].combine_chunks()
    row = np.concatenate([np.arange(len(chosen)), pc.list_parent_indices(negatives).to_numpy()])
    own = chosen[log_tables.ITEM_ID].combine_chunks()
    items, (code,) = sorted_codes(pa.concat_arrays([own, pc.list_flatten(negatives)]))
    key = np.sort(row * len(items) + code)
    flags[places[key[1:][key[1:] == key[:-1]] // max(len(items), 1)]] = True
    return pa.array(flags)
