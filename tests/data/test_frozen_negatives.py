from __future__ import annotations

import numpy as np
import pytest

from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.frozen_negatives import frozen_negatives
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import assign_splits
from sesrec_tf.errors import InputError
from tests.data.log_rows import interactions, searches, shop_logs
from tests.data.small_logs import event_log, indexed_log, vocabularies


def drawn(log: EventLog, options: PrepareOptions, split: str = "test") -> tuple[Integers, Integers]:
    """The targets of one split and their negatives."""
    splits = assign_splits(log, options)
    known = vocabularies(log, splits, options).known_ids()
    targets = splits.targets(split)
    indexed = indexed_log(log, splits, options)
    return targets, frozen_negatives(log, indexed, known, targets, options)


def test_given_negatives_are_kept_in_their_order() -> None:
    # Known: a (twice) has index 2, b 3 and c 4; d, e and x are unknown.
    feed = interactions(
        *(("u", item, time) for time, item in enumerate("aabcde")),
        split=["", *["train"] * 3, "valid", "test"],
        negative_item_ids=["b"] * 4 + ["c a x", "b b d"],
    )
    log = event_log(LogTables(feed, searches(("u", "1", "q", "", "", 9))))
    options = PrepareOptions(split="given", negatives="given", num_negatives=3)
    assert drawn(log, options, "valid")[1].tolist() == [[4, 2, 1]]
    assert drawn(log, options, "test")[1].tolist() == [[3, 3, 1]]


def test_no_targets() -> None:
    log = event_log(shop_logs())
    options = PrepareOptions(min_instances=50, num_negatives=3)
    for negatives in ("uniform", "popularity"):
        targets, found = drawn(log, PrepareOptions(**{**vars(options), "negatives": negatives}))
        assert len(targets) == 0
        assert found.shape == (0, 3)


def test_negatives_of_a_user_are_the_same_among_others() -> None:
    logs = shop_logs()
    log = event_log(logs)
    options = PrepareOptions(num_negatives=5, seed=11)
    targets, whole = drawn(log, options)
    splits = assign_splits(log, options)
    known = vocabularies(log, splits, options).known_ids()
    indexed = indexed_log(log, splits, options)
    for place in (0, len(targets) // 2, len(targets) - 1):
        alone = frozen_negatives(log, indexed, known, targets[place : place + 1], options)
        assert alone.tolist() == whole[place : place + 1].tolist()


def test_popularity_draws_only_what_was_met_in_training() -> None:
    # x and y are clicked by v alone: known, but of popularity 0.
    feed = interactions(
        *((user, item, time) for user in "abc" for time, item in enumerate("pqrst")),
        *(("w", item, time) for time, item in enumerate("klmn")),
    )
    log = event_log(LogTables(feed, searches(("v", "1", "q", "", "x y", 0))))
    items = log.items.to_pylist()
    options = PrepareOptions(negatives="popularity", num_negatives=2)
    splits = assign_splits(log, options)
    known = vocabularies(log, splits, options).known_ids().items.to_pylist()
    _, found = drawn(log, options)
    # Training rows hold p, q, r of a, b, c, and k, l of w (whose last two are targets).
    assert {known[index - 2] for index in found.ravel()} <= {*"pqrkl"}
    assert {"x", "y"} <= {*items}
    _, uniform = drawn(log, PrepareOptions(num_negatives=4))
    assert {known[index - 2] for index in uniform.ravel()} >= {"x", "y"}


def test_too_few_items() -> None:
    log = event_log(shop_logs())
    with pytest.raises(InputError, match=r"too few items for `--num-negatives 40`"):
        drawn(log, PrepareOptions(num_negatives=40))


def test_the_seed_matters() -> None:
    log = event_log(shop_logs())
    first, second = (drawn(log, PrepareOptions(num_negatives=5, seed=seed))[1] for seed in (1, 2))
    assert not np.array_equal(first, second)
