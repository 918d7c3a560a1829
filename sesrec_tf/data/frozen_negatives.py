"""The negatives of validation and test instances, drawn once or given."""

from __future__ import annotations

import numpy as np

from sesrec_tf.data.evaluation_candidates import CandidateSampler, UserItems
from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.prepare_options import PrepareOptions


def frozen_negatives(
    log: EventLog,
    indexed: IndexedLog,
    known: KnownIds,
    targets: Integers,
    options: PrepareOptions,
) -> Integers:
    """The negatives of some instances.

    Args:
        log: the events of their users.
        indexed: the same in index space.
        known: ids of all users' events.
        targets: `[N]` places among the ordered interactions.
        options: the rules.

    Returns:
        `[N, M]` item indices; drawn ones are known, given ones may not be.

    Raises:
        InputError: if a user leaves fewer items to draw from than are wanted.
    """
    if len(targets) == 0:
        return np.zeros((0, options.num_negatives), np.int64)
    events = log.interactions
    if options.negatives == "given":
        assert events.negative_offsets is not None
        assert events.negatives is not None
        places = events.negative_offsets[targets][:, None] + np.arange(options.num_negatives)
        return indexed.items[events.negatives[places]].astype(np.int64)
    weights = known.item_interactions
    if options.negatives == "uniform":
        weights = np.ones_like(weights)
    sampler = CandidateSampler(
        weights=weights,
        user_items=UserItems.of(log, indexed),
        num_negatives=options.num_negatives,
        seed=options.seed,
        user_ids=log.users,
    )
    return sampler.draw(events.user[targets], events.row[targets])
