"""What `dataset_info.json` says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sesrec_tf.data.attributes import AttributeTable
from sesrec_tf.data.bucket_hashes import combined
from sesrec_tf.data.log_columns import TICKS_PER_SECOND
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import FORMAT_VERSION
from sesrec_tf.data.rejected_rows import TableRows
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.schema import SPLITS


def dataset_info(
    vocabularies: Vocabularies,
    attributes: Mapping[str, AttributeTable],
    partitions: Sequence[Mapping[str, Any]],
    rows: Mapping[str, TableRows],
    options: PrepareOptions,
) -> dict[str, Any]:
    """Everything but the content hash, as plain JSON values.

    `instances` are the records of each split. `unknown_positives` are those of valid and test
    whose positive is unknown, and the training instances left out because theirs is;
    `unknown_negatives` are frozen negatives that are unknown, as given ones may be. `rows` are
    those of each table: read, used, left out and rejected for each reason. `without_attributes`
    are the known items and users that their tables lack.

    Args:
        vocabularies: of all events.
        attributes: under "items" and "users".
        partitions: their summaries.
        rows: of every log table.
        options: the rules.
    """
    totals = vocabularies.counts.totals
    return {
        "format_version": FORMAT_VERSION,
        "history": dataclasses.asdict(vocabularies.shape),
        "rows": {table: found.counts() for table, found in rows.items()},
        "counts": {
            **{name: len(vocabularies.counts.ids[name]) for name in ("users", "items", "queries")},
            "search_actions": totals["searches"],
            "recommendation_actions": totals["interactions"],
        },
        "training": {
            "search_actions": totals["training_searches"],
            "recommendation_actions": totals["training_interactions"],
        },
        "vocabularies": {
            "users": len(vocabularies.users),
            "items": len(vocabularies.items),
            "queries": len(vocabularies.queries),
            "words": len(vocabularies.words),
            "sources": len(vocabularies.sources),
            **{
                f"{prefix}_attributes": {
                    value.name: len(value.values) for value in attributes[table].attributes
                }
                for table, prefix in (("items", "item"), ("users", "user"))
            },
        },
        "without_attributes": {table: found.absent for table, found in attributes.items()},
        **{
            name: {split: sum(part[name][split] for part in partitions) for split in SPLITS}
            for name in ("instances", "unknown_positives", "unknown_negatives")
        },
        "min_count": options.min_count,
        "split": _split_rule(options),
        "time_unit": options.time_unit,
        "ticks_per_second": TICKS_PER_SECOND[options.time_unit],
        "negatives": {
            "distribution": options.negatives,
            "number": options.num_negatives,
            "seed": options.seed,
            "hash": combined(part["candidates"] for part in partitions),
        },
    }


def _split_rule(options: PrepareOptions) -> dict[str, Any]:
    if options.split == "given":
        return {"rule": options.split}
    rule: dict[str, Any] = {
        "rule": options.split,
        "min_earlier_interactions": 1,
        "min_earlier_searches": options.min_earlier_searches,
    }
    if options.split == "time":
        return {**rule, "valid_from": options.valid_from, "test_from": options.test_from}
    return {**rule, "min_instances": options.required_instances}
