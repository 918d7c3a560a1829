"""Writes the requests of a prepared data set: `python -m pipelines.requests`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from sesrec_tf.command_line import run_command
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.progress_bar import Report, progress_bar
from sesrec_tf.errors import InputError
from sesrec_tf.files import new_file
from sesrec_tf.requests.example_lists import example_lists
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    INSTANCE,
    QUERIES,
    QUERY_SOURCES,
    REC_ITEMS,
    SPLITS,
    USER,
)

_EVALUATED = SPLITS[1:]
_UNKNOWN = "unknown-to-the-model"

EXAMPLES = f"""\
examples:
  python -m pipelines.requests --data prepared --split test --output requests.tfrecord
  python -m pipelines.score --model export/3 --input requests.tfrecord --output scores

Each record is a tf.Example as the signature `examples` takes it: raw ids and texts, histories as
recorded, the frozen candidates with the positive first. Its `request_id` is the row number of the
target in the interactions, `instance` in a run's instances-*.parquet. Ids that training never saw
are no longer known by name: `{_UNKNOWN}` stands for each, and a line break for such a word.
"""


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = argparse.ArgumentParser(
        prog="python -m pipelines.requests",
        description="Writes the evaluation instances of a prepared data set as requests.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="a prepared data set"
    )
    result.add_argument(
        "--split", choices=_EVALUATED, default="test", help="(default: %(default)s)"
    )
    result.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="a .tfrecord file to appear"
    )
    result.add_argument("--overwrite", action="store_true", help="replace the file")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the file.

    Raises:
        InputError: if the data set is damaged, or the output exists or cannot be written.
    """
    arguments = parser().parse_args(argv)
    output = arguments.output
    if output.suffix != ".tfrecord" or output.is_dir():
        raise InputError(
            f"`--output` should be a file whose name ends in .tfrecord. Received: {output}."
        )
    if output.exists() and not arguments.overwrite:
        raise InputError(
            f"{output} exists already. Choose another `--output`, or replace it with `--overwrite`."
        )
    dataset = PreparedDataset(arguments.data)
    with progress_bar(Console(stderr=True)) as report:
        count = _write(dataset, arguments.split, output, report)
    Console().print(f"Wrote {count:,} requests to {output}.", soft_wrap=True, highlight=False)


def _write(dataset: PreparedDataset, split: str, output: Path, report: Report) -> int:
    report("loading TensorFlow", 0.0)
    # It takes seconds to import: unusable data fails before.
    import tensorflow as tf

    from sesrec_tf.data.damaged_records import records_checked
    from sesrec_tf.data.evaluation_batches import evaluation_batches
    from sesrec_tf.servable.raw_requests import RawRequests

    texts, unknown, done = RawRequests(dataset), _unknown_id(dataset), 0
    number = dataset.instances(split)
    try:
        with (
            records_checked(dataset, split),
            new_file(output) as path,
            tf.io.TFRecordWriter(str(path)) as writer,
        ):
            for batch in evaluation_batches(dataset, split, dataset.history):
                arrays = {name: value.numpy() for name, value in batch.items()}
                requests = _requests(texts(arrays), unknown)
                for request, instance in zip(requests, arrays[INSTANCE], strict=True):
                    writer.write(_example(request, instance))
                done += len(arrays[INSTANCE])
                report(f"writing {number:,} requests", done / max(1, number))
    except OSError as error:
        raise InputError(f"cannot write {output} ({error}). Choose another `--output`.") from error
    return done


def _unknown_id(dataset: PreparedDataset) -> str:
    """An id that no vocabulary holds."""
    known = {*dataset.vocabulary("users"), *dataset.vocabulary("items")}
    unknown = _UNKNOWN
    while unknown in known:
        unknown += "-"
    return unknown


def _requests(texts: dict[str, Any], unknown: str) -> Iterator[RankingRequest]:
    """The rows of a batch; `unknown` stands for ids without a text."""
    from sesrec_tf.servable.raw_requests import UNKNOWN_TEXT

    def named(text: str) -> str:
        return unknown if text == UNKNOWN_TEXT else text

    def ids(row: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(named, filter(None, row)))

    names = (USER, CANDIDATES, REC_ITEMS, QUERIES, QUERY_SOURCES, CLICKED_ITEMS)
    for user, candidates, rec_items, *searches in zip(
        *(texts[name] for name in names), strict=True
    ):
        yield RankingRequest(
            user=named(user),
            candidates=ids(candidates),
            rec_items=ids(rec_items),
            searches=tuple(
                Search(query, source, ids(clicks))
                for query, source, clicks in zip(*searches, strict=True)
                if query
            ),
        )


def _example(request: RankingRequest, instance: int) -> bytes:
    from pipelines.scoring.scoring_request import REQUEST_ID
    from sesrec_tf.servable.raw_examples import make_example

    lists = {**example_lists(request), REQUEST_ID: [str(instance)]}
    return make_example(lists).SerializeToString()


if __name__ == "__main__":
    run_command(main)
