"""Writes the requests of a prepared data set: `python -m pipelines.requests`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from sesrec_tf.command_line import run_command
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.progress_bar import Report, progress_bar
from sesrec_tf.errors import InputError
from sesrec_tf.files import new_file

SPLITS = ("valid", "test")

EXAMPLES = """\
examples:
  python -m pipelines.requests --data prepared --split test --output requests.tfrecord
  python -m pipelines.score --model export/3 --input requests.tfrecord --output scores

Each record is a tf.Example as the signature `examples` takes it: raw ids and texts, histories as
recorded, the frozen candidates with the positive first. Its `request_id` is the row number of the
target in the interactions, `instance` in a run's instances-*.parquet. Ids that training never saw
are no longer known by name: a line break stands for each.
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
    result.add_argument("--split", choices=SPLITS, default="test", help="(default: %(default)s)")
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

    requests, done = RawRequests(dataset), 0
    number = dataset.instances(split)
    try:
        with (
            records_checked(dataset, split),
            new_file(output) as path,
            tf.io.TFRecordWriter(str(path)) as writer,
        ):
            for batch in evaluation_batches(dataset, split, dataset.history):
                arrays = {name: value.numpy() for name, value in batch.items()}
                for example in _examples(requests(arrays), arrays):
                    writer.write(example)
                done += len(arrays["instance"])
                report(f"writing {number:,} requests", done / max(1, number))
    except OSError as error:
        raise InputError(f"cannot write {output} ({error}). Choose another `--output`.") from error
    return done


def _examples(request: dict[str, Any], batch: dict[str, Any]) -> Iterator[bytes]:
    from pipelines.scoring.scoring_request import REQUEST_ID
    from sesrec_tf.data.query_words import SEPARATOR
    from sesrec_tf.schema import CLICKED_ITEMS, INSTANCE, QUERIES, QUERY_SOURCES, REC_ITEMS, USER
    from sesrec_tf.servable.raw_examples import make_example

    for row in range(len(request[USER])):
        features = {name: values[row] for name, values in request.items()}
        events = int((batch[REC_ITEMS][row] != 0).sum())
        sessions = int((batch[QUERIES][row] != 0).sum())
        clicks = [SEPARATOR.join(filter(None, ids)) for ids in features[CLICKED_ITEMS]]
        lists = {
            **features,
            USER: [features[USER]],
            REC_ITEMS: features[REC_ITEMS][:events],
            QUERIES: features[QUERIES][:sessions],
            QUERY_SOURCES: features[QUERY_SOURCES][:sessions],
            CLICKED_ITEMS: clicks[:sessions],
            REQUEST_ID: [str(batch[INSTANCE][row])],
        }
        yield make_example(lists).SerializeToString()


if __name__ == "__main__":
    run_command(main)
