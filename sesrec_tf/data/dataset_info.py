"""What `dataset_info.json` says."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.attributes import Attribute
from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.log_columns import TICKS_PER_SECOND
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import FORMAT_VERSION
from sesrec_tf.data.splits import LEFT_OUT, SplitAssignment
from sesrec_tf.schema import SPLITS, UNKNOWN


def dataset_info(
    log: EventLog,
    splits: SplitAssignment,
    indexed: IndexedLog,
    attributes: Mapping[str, list[Attribute]],
    options: PrepareOptions,
) -> dict[str, Any]:
    """Everything but the two hashes, as plain JSON values.

    `instances` are the records of each split. `unknown_positives` are those of valid and test
    whose positive is unknown, and the training instances left out because theirs is.

    Args:
        log, splits, indexed: as prepared.
        attributes: under "items" and "users".
        options: the rules.
    """
    return {
        "format_version": FORMAT_VERSION,
        "history": dataclasses.asdict(indexed.shape),
        "counts": {
            "users": len(log.users),
            "items": len(log.items),
            "queries": len(log.queries),
            "search_actions": len(log.searches.row),
            "recommendation_actions": len(log.interactions.row),
        },
        "training": {
            "search_actions": int(splits.training_searches.sum()),
            "recommendation_actions": int(splits.training_interactions.sum()),
        },
        "vocabularies": {
            "users": len(indexed.users),
            "items": len(indexed.items),
            "queries": len(indexed.queries),
            "words": len(indexed.words),
            "sources": len(indexed.sources),
            "item_attributes": {value.name: len(value.values) for value in attributes["items"]},
            "user_attributes": {value.name: len(value.values) for value in attributes["users"]},
        },
        "instances": _by_split(splits, np.ones(len(log.interactions.row), np.bool_)),
        "unknown_positives": {
            **_by_split(splits, indexed.items.index[log.interactions.item] == UNKNOWN),
            "train": int((splits.instance_split == LEFT_OUT).sum()),
        },
        "min_count": options.min_count,
        "split": _split_rule(options),
        "time_unit": options.time_unit,
        "ticks_per_second": TICKS_PER_SECOND[options.time_unit],
        "negatives": {
            "distribution": options.negatives,
            "number": options.num_negatives,
            "seed": options.seed,
        },
    }


def candidates_hash(instances: Mapping[str, Integers], candidates: Mapping[str, Integers]) -> str:
    """SHA-256 of the frozen candidates.

    Args:
        instances: `[N]` row numbers of the targets, by split.
        candidates: `[N, 1 + M]` item indices, positive first, by split.
    """
    digest = hashlib.sha256()
    for split in instances:
        digest.update(f"{split} {candidates[split].shape}\n".encode())
        digest.update(np.ascontiguousarray(instances[split], "<i8").data)
        digest.update(np.ascontiguousarray(candidates[split], "<i8").data)
    return digest.hexdigest()


def _by_split(splits: SplitAssignment, counted: npt.NDArray[np.bool_]) -> dict[str, int]:
    return {
        name: int((counted & (splits.instance_split == number)).sum())
        for number, name in enumerate(SPLITS)
    }


def _split_rule(options: PrepareOptions) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "rule": options.split,
        "min_earlier_interactions": 1,
        "min_earlier_searches": options.min_earlier_searches,
    }
    if options.split == "time":
        return {**rule, "valid_from": options.valid_from, "test_from": options.test_from}
    return {**rule, "min_instances": options.required_instances}
