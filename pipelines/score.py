"""Scores files of requests with an exported model: `python -m pipelines.score`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.driver_flags import add_runner_flags, runner_options
from pipelines.prepare_flags import add_integer, add_row_flags
from pipelines.scoring.score_options import (
    REJECTED_FILE,
    SCORED,
    SUMMARY_FILE,
    ScoreOptions,
)
from sesrec_tf.command_line import run_command
from sesrec_tf.data.output_directory import require_free
from sesrec_tf.data.progress_bar import progress_bar

RUNNER = "FnApiRunner"
STOPPED = 130
"""Exit status after Ctrl-C, see `run_command`."""

EXAMPLES = f"""\
examples:
  python -m pipelines.score --model export/3 --input requests.jsonl --output scores
  python -m pipelines.score --model export/3 --input 'monday/*.tfrecord' tuesday.jsonl.gz \\
      --output scores --direct_running_mode=multi_processing --direct_num_workers=4
  python -m pipelines.requests --data prepared --split test --output requests.tfrecord
      writes the requests of a prepared data set

requests, one a record, "request_id" if you like:
  .jsonl     {{"user": "u7", "rec_items": ["i1", "i2"],
               "searches": [{{"query": "red shoes", "source": "typed", "clicked_items": ["i4"]}}],
               "candidates": ["i6", "i7"], "request_id": "monday-17"}}
  .tfrecord  tf.Example messages as the signature `examples` takes them: lists of strings `user`,
             `rec_items`, `queries`, `query_sources`, `clicked_items` (ids of a session joined by
             spaces), `candidates`; `request_id`
  .gz too; a file that is not packed is shared among the workers

the output:
  {SCORED}/*.parquet   file, line, request_id, user; candidates, scores, probabilities: lists of the
                     same length and order; rows in the order of the input
  {REJECTED_FILE}  file, line, reason, expected, row of the records that cannot be scored
  {SUMMARY_FILE}       read = scored + rejected

a record is rejected by the same rules in all formats: an id is not empty and holds no whitespace,
a query has a word, there is a candidate. `--max-rejected 0` stops at the first one found; any other
share is judged once all records are read and scored.
"""


def parser() -> argparse.ArgumentParser:
    """The flags; defaults are those of `ScoreOptions`."""
    result = argparse.ArgumentParser(
        prog="python -m pipelines.score",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # What is not one of these flags may be one of Beam's.
    )
    result.add_argument(
        "--model",
        required=True,
        metavar="BASE/VERSION",
        help="an exported version, a directory or a URL that every worker can read",
    )
    result.add_argument(
        "--input",
        required=True,
        nargs="+",
        metavar="PLACE",
        help="files, directories, quoted patterns or URLs of such (gs://, s3://, hdfs://)",
    )
    result.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="a directory to appear"
    )
    result.add_argument("--overwrite", action="store_true", help="replace an earlier output")
    sizes = result.add_argument_group("sizes")
    for name, meaning in (
        ("batch_size", "requests that the model scores at once, fewer if they are long"),
        ("max_candidates", "of a request; one with more is rejected"),
        ("file_records", "records of the input a worker takes at a time, and of a file of scores"),
    ):
        add_integer(sizes, ScoreOptions, name, meaning)
    add_row_flags(result, ScoreOptions, "the records", REJECTED_FILE)
    runner = result.add_argument_group(
        "on Beam", "all other flags are the runner's, such as --direct_num_workers=4"
    )
    add_runner_flags(runner, RUNNER)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Scores, writes and prints what came out.

    Raises:
        InputError: if the model, a file, a flag or the output is unusable, or too many records are.
    """
    arguments, others = parser().parse_known_args(argv)
    options = ScoreOptions(**{f.name: getattr(arguments, f.name) for f in fields(ScoreOptions)})
    require_free(arguments.output, SUMMARY_FILE, options.overwrite)
    with progress_bar(Console(stderr=True)) as report:
        report("loading libraries", 0.0)
        # TensorFlow takes seconds to import.
        from pipelines.beam.scoring import Scoring
        from pipelines.scoring.request_files import RequestFiles
        from pipelines.scoring.saved_model import require_model

        files = RequestFiles.find(arguments.input)
        beam_options = runner_options(arguments, others)
        require_model(arguments.model)
        scoring = Scoring(files, arguments.model, options, beam_options, arguments.staging)
        summary = scoring.run(arguments.output, report)
    console = Console()
    for line in _told(summary, arguments.output):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _told(summary: dict[str, Any], output: Path) -> list[str]:
    scored, candidates = summary["scored"], summary["candidates"]
    lines = [
        f"Scored {candidates:,} candidates of {scored:,} requests with {summary['model']}: "
        f"{output / SCORED}"
    ]
    if summary["rejected"]:
        number = sum(summary["rejected"].values())
        lines.append(f"{number:,} of {summary['read']:,} records cannot be scored:")
        lines += [f"  {reason}: {count:,}" for reason, count in summary["rejected"].items()]
        lines.append(f"  see {output / REJECTED_FILE}")
    return lines


def _run() -> None:
    try:
        run_command(main)
    except SystemExit as end:
        if end.code != STOPPED:
            raise
        # Python's own end would abort the process where a thread of TensorFlow is at work.
        sys.stderr.flush()
        os._exit(STOPPED)


if __name__ == "__main__":
    _run()
