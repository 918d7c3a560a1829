"""The flags of the rules of a preparation."""

from __future__ import annotations

import argparse
from dataclasses import fields

from pipelines.scoring.score_options import ScoreOptions
from pipelines.sources.source import Source
from sesrec_tf.data.prepare_options import (
    MIN_INSTANCES,
    NEGATIVE_DISTRIBUTIONS,
    SPLIT_RULES,
    PrepareOptions,
)

Options = PrepareOptions | ScoreOptions


def add_rule_flags(result: argparse.ArgumentParser, source: type[Source]) -> None:
    """Adds the flags of `PrepareOptions`, with a source's own defaults."""
    add_row_flags(result, PrepareOptions, "a table's rows", "rejected/")
    _add_split_flags(result, source)
    _add_width_flags(result)
    _add_negative_flags(result, source)


def rules(arguments: argparse.Namespace) -> PrepareOptions:
    """The options that the flags name.

    Raises:
        InputError: if one is out of range, or two contradict each other.
    """
    names = {field.name for field in fields(PrepareOptions)}
    return PrepareOptions(**{k: v for k, v in vars(arguments).items() if k in names})


def add_row_flags(
    result: argparse.ArgumentParser, defaults: type[Options], rows: str, kept: str
) -> None:
    """Adds the flag for rows that cannot be used.

    Args:
        result: where to.
        defaults: options with `max_rejected`.
        rows: what they are a share of.
        kept: where they are kept.
    """
    flags = result.add_argument_group("rows that cannot be used")
    flags.add_argument(
        "--max-rejected",
        type=float,
        default=defaults.max_rejected,
        metavar="SHARE",
        help=f"of {rows}; more of them stop the job, fewer are kept in {kept} with file, "
        f"line and reason; 0 stops at the first (default: {defaults.max_rejected})",
    )


def add_integer(
    flags: argparse._ArgumentGroup, defaults: type[Options], name: str, meaning: str
) -> None:
    """Adds the flag of an integer option.

    Args:
        flags: where to.
        defaults: the options.
        name: of one of them.
        meaning: for people.
    """
    default = getattr(defaults, name)
    flags.add_argument(
        "--" + name.replace("_", "-"),
        type=int,
        default=default,
        metavar="N",
        help=f"{meaning} (default: {default})",
    )


def _add_split_flags(result: argparse.ArgumentParser, source: type[Source]) -> None:
    flags = result.add_argument_group("instances and split")
    flags.add_argument(
        "--time-unit",
        choices=source.time_units or (source.time_unit,),
        default=source.time_unit,
        help="of the timestamps; `order` is a position in the user's sequence "
        f"(default: {source.time_unit})",
    )
    flags.add_argument(
        "--split",
        choices=SPLIT_RULES,
        default=source.split,
        help="a user's last instance tests and the second last validates, or by time, or as the "
        f"column `split` of the interactions says (default: {source.split})",
    )
    flags.add_argument("--valid-from", metavar="T", help="first instant of validation (`time`)")
    flags.add_argument("--test-from", metavar="T", help="first instant of test (`time`)")
    add_integer(
        flags, PrepareOptions, "min_earlier_searches", "searches that must precede an instance"
    )
    flags.add_argument(
        "--min-instances",
        type=int,
        metavar="N",
        help="instances a user needs to validate and test (`leave-last-out`; "
        f"default: {MIN_INSTANCES})",
    )
    add_integer(
        flags,
        PrepareOptions,
        "min_count",
        "rarer items, queries and words are unknown; training instances of such items are left out",
    )


def _add_width_flags(result: argparse.ArgumentParser) -> None:
    flags = result.add_argument_group("widths")
    add_integer(flags, PrepareOptions, "max_rec", "most recent interactions kept in a history")
    add_integer(
        flags, PrepareOptions, "max_searches", "most recent search sessions kept in a history"
    )
    add_integer(flags, PrepareOptions, "max_clicks", "first clicks of a session kept, at most")
    add_integer(flags, PrepareOptions, "max_words", "first words of a query kept, at most")


def _add_negative_flags(result: argparse.ArgumentParser, source: type[Source]) -> None:
    flags = result.add_argument_group("frozen evaluation candidates")
    flags.add_argument(
        "--negatives",
        choices=NEGATIVE_DISTRIBUTIONS,
        default=source.negatives,
        help="how they are drawn from the training items, or the column `negative_item_ids` of "
        f"the interactions (default: {source.negatives})",
    )
    add_integer(flags, PrepareOptions, "num_negatives", "negatives beside each positive")
    add_integer(flags, PrepareOptions, "seed", "of the draw")
