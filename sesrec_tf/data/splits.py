"""Which interactions are ranking instances, of which split, and which rows are for training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS

LEFT_OUT, NO_INSTANCE = -2, -1
TRAIN, VALID, TEST = range(len(SPLITS))


@dataclass(frozen=True)
class SplitAssignment:
    """The split of one event log.

    Attributes:
        instance_split: `[R]` int8, index into `SPLITS`, -1 for an interaction that is no instance
            because too little precedes it, or -2 for a training instance that is left out.
        training_interactions: `[R]` bool, rows from which vocabularies and counts are made.
        training_searches: `[S]` bool, likewise.
    """

    instance_split: npt.NDArray[np.int8]
    training_interactions: npt.NDArray[np.bool_]
    training_searches: npt.NDArray[np.bool_]

    def instances(self) -> dict[str, int]:
        """How many there are of each split."""
        return {
            name: int((self.instance_split == number).sum()) for number, name in enumerate(SPLITS)
        }

    def targets(self, split: str) -> npt.NDArray[np.int64]:
        """Places of the instances of one split among the ordered interactions."""
        return np.flatnonzero(self.instance_split == SPLITS.index(split))

    def without_unknown_positives(self, unknown: npt.NDArray[np.bool_]) -> SplitAssignment:
        """Leaves out the training instances whose positive is unknown.

        Negatives are known items, so in training an unknown candidate would give the label away.
        The left out remain events: histories and counts hold them. Valid and test keep theirs.

        Args:
            unknown: `[R]` whether the item of each interaction is unknown.
        """
        left_out = unknown & (self.instance_split == TRAIN)
        split = np.where(left_out, LEFT_OUT, self.instance_split).astype(np.int8)
        return dataclasses.replace(self, instance_split=split)


def assign_splits(log: EventLog, options: PrepareOptions) -> SplitAssignment:
    """Splits by the rule of the options.

    An instance has an earlier interaction and `min_earlier_searches` earlier searches of its user.
    Under the rule `given` an instance is what the log calls one, whatever precedes it.

    The rules count all instances, also those that `without_unknown_positives` leaves out later:
    what is unknown follows from the split.

    Raises:
        InputError: if splits are to be given and are not.
    """
    events = log.interactions
    if options.split == "given":
        return _given(log)
    is_instance = (events.earlier_interactions >= 1) & (
        events.earlier_searches >= options.min_earlier_searches
    )
    if options.split == "time":
        return _by_time(log, options, is_instance)
    return _leave_last_out(log, options.required_instances, is_instance)


def _leave_last_out(
    log: EventLog, min_instances: int, is_instance: npt.NDArray[np.bool_]
) -> SplitAssignment:
    """Last instance test, second last valid, for users with `min_instances`.

    Whatever precedes an event also precedes the user's later events, so the instances of a user
    are the last ones of their interactions, and counting from the end finds them.
    """
    user = log.interactions.user
    users = len(log.users)
    instances = np.bincount(user, weights=is_instance, minlength=users).astype(np.int64)
    evaluated = instances >= min_instances
    interactions = np.diff(log.first_interaction)
    remaining = interactions[user] - log.interactions.earlier_interactions
    split = np.where(is_instance, TRAIN, NO_INSTANCE).astype(np.int8)
    split[evaluated[user] & (remaining == 1)] = TEST
    split[evaluated[user] & (remaining == 2)] = VALID
    # The search precedes the validation target if only interactions before the target precede it.
    target = interactions - 2
    before_target = log.searches.earlier_interactions <= target[log.searches.user]
    return SplitAssignment(
        instance_split=split,
        training_interactions=split <= TRAIN,
        training_searches=before_target | ~evaluated[log.searches.user],
    )


def _by_time(
    log: EventLog, options: PrepareOptions, is_instance: npt.NDArray[np.bool_]
) -> SplitAssignment:
    valid_from, test_from = options.periods
    time = log.interactions.time
    period = np.searchsorted([valid_from, test_from], time, side="right")
    return SplitAssignment(
        instance_split=np.where(is_instance, period, NO_INSTANCE).astype(np.int8),
        training_interactions=time < valid_from,
        training_searches=log.searches.time < valid_from,
    )


def _given(log: EventLog) -> SplitAssignment:
    """As the log says; training rows are those before the user's first evaluated target."""
    events = log.interactions
    split = events.given_split
    if split is None:
        if len(events.row):
            raise InputError(
                "`--split given` needs the column `split` in the interactions. Received: none. "
                "Add it, or choose another `--split`."
            )
        split = np.zeros(0, np.int8)
    first = np.full(len(log.users), np.iinfo(np.int64).max)
    evaluated = np.flatnonzero(split > TRAIN)
    np.minimum.at(first, events.user[evaluated], events.earlier_interactions[evaluated])
    return SplitAssignment(
        instance_split=split,
        training_interactions=events.earlier_interactions < first[events.user],
        training_searches=log.searches.earlier_interactions <= first[log.searches.user],
    )
