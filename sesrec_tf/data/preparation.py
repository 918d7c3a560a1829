"""From log tables to a prepared data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sesrec_tf.data.attributes import build_attributes
from sesrec_tf.data.dataset_info import candidates_hash, dataset_info
from sesrec_tf.data.dataset_writer import DatasetWriter
from sesrec_tf.data.evaluation_candidates import CandidateSampler, UserItems
from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.instances import InstanceBuilder
from sesrec_tf.data.log_tables import ITEM_ID, USER_ID, LogTables
from sesrec_tf.data.output_directory import published_directory, require_free
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.data.progress_bar import Report, silent
from sesrec_tf.data.splits import SplitAssignment, assign_splits
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS, UNKNOWN

EVALUATION_SPLITS = SPLITS[1:]


def prepare(
    tables: LogTables, options: PrepareOptions, output: str | Path, report: Report = silent
) -> PreparedDataset:
    """Writes a prepared data set and opens it.

    Args:
        tables: the logs.
        options: the rules.
        output: directory to appear once everything is written.
        report: told how far the work is.

    Raises:
        InputError: if the logs break the rules of `LogTables`, leave a split without instances or
            the candidates without items, or `output` may not be written.
    """
    output = Path(output)
    require_free(output, INFO_FILE, options.overwrite)
    report("validating the logs", 0.0)
    log = EventLog.from_tables(tables, options.time_unit)
    report("building vocabularies", 0.2)
    splits = assign_splits(log, options)
    _require_instances(_targets(splits), options)
    indexed = IndexedLog.build(log, splits, options)
    unknown = indexed.items.index[log.interactions.item] == UNKNOWN
    splits = splits.without_unknown_positives(unknown)
    targets = _targets(splits)
    _require_known_positives(targets, options)
    attributes = {
        "items": build_attributes(tables.items, "items", ITEM_ID, indexed.items),
        "users": build_attributes(tables.users, "users", USER_ID, indexed.users),
    }
    report("drawing evaluation candidates", 0.3)
    negatives = _draw_negatives(log, indexed, targets, options)
    info = dataset_info(log, splits, indexed, attributes, options)
    info["negatives"]["hash"] = _hash_of_candidates(log, indexed, targets, negatives)
    with published_directory(output, INFO_FILE, options.overwrite) as directory:
        writer = DatasetWriter(directory)
        report("writing tables", 0.4)
        writer.write_vocabularies(indexed, attributes)
        writer.write_tables(log, splits, indexed, attributes)
        writer.write_schema(indexed.shape, options.num_negatives + 1)
        builder = InstanceBuilder(log, indexed)
        done, total = 0, sum(map(len, targets.values()))
        for name, places in targets.items():
            for records in writer.write_records(
                name, builder, places, negatives.get(name), options.shards
            ):
                done += records
                report(f"writing {name} records", 0.5 + 0.5 * done / total)
        writer.write_info(info)
    return PreparedDataset(output)


def _targets(splits: SplitAssignment) -> dict[str, Integers]:
    """Places of the instances of each split among the ordered interactions."""
    return {
        name: np.flatnonzero(splits.instance_split == number) for number, name in enumerate(SPLITS)
    }


def _draw_negatives(
    log: EventLog, indexed: IndexedLog, targets: dict[str, Integers], options: PrepareOptions
) -> dict[str, Integers]:
    """`[N, M]` item indices for valid and test."""
    weights = np.ones(len(indexed.items), np.int64)
    if options.negatives == "popularity":
        weights = indexed.counts.interactions[indexed.items.code]
    sampler = CandidateSampler(
        weights=weights,
        user_items=UserItems.of(log, indexed.items),
        num_negatives=options.num_negatives,
        seed=options.seed,
    )
    events = log.interactions
    return {
        name: sampler.draw(events.user[targets[name]], events.row[targets[name]])
        for name in EVALUATION_SPLITS
    }


def _hash_of_candidates(
    log: EventLog,
    indexed: IndexedLog,
    targets: dict[str, Integers],
    negatives: dict[str, Integers],
) -> str:
    events = log.interactions
    positives = {
        name: indexed.items.index[events.item[targets[name]]][:, None] for name in EVALUATION_SPLITS
    }
    return candidates_hash(
        {name: events.row[targets[name]] for name in EVALUATION_SPLITS},
        {
            name: np.concatenate([positives[name], negatives[name]], axis=1)
            for name in EVALUATION_SPLITS
        },
    )


def _require_instances(targets: dict[str, Integers], options: PrepareOptions) -> None:
    empty = [name for name, places in targets.items() if len(places) == 0]
    if not empty:
        return
    received = ", ".join(f"{name} {len(places):,}" for name, places in targets.items())
    if options.split == "time":
        advice = "move `--valid-from` and `--test-from`"
    else:
        advice = f"lower `--min-instances` (now {options.required_instances})"
    raise InputError(
        f"the logs give no ranking instances for {', '.join(empty)}. Expected some in every "
        "split; an instance is an interaction with at least one earlier interaction and "
        f"{options.min_earlier_searches} earlier searches of its user. Received: {received}. "
        f"Give more events a user, {advice}, or lower `--min-earlier-searches`."
    )


def _require_known_positives(targets: dict[str, Integers], options: PrepareOptions) -> None:
    if len(targets["train"]) == 0:
        raise InputError(
            "the logs give no training instances: the item of every one is rarer than "
            "`--min-count`. Expected items with that many training interactions and clicks. "
            f"Received: `--min-count {options.min_count}`. Lower it, or give a larger log."
        )
