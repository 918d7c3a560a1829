"""A bulk scoring on a Beam runner."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tfx_bsl.public.beam import RunInference
from tfx_bsl.public.proto import model_spec_pb2

from pipelines.beam.execution import execute_staged
from pipelines.beam.index_step import INDEX, IndexFile
from pipelines.beam.merged_rows import MergeRows, unpacked
from pipelines.beam.patient_session import load_patiently
from pipelines.beam.request_step import REJECTED, ReadRequests
from pipelines.beam.score_step import SCHEMA, WriteScores, cannot_write, parquet
from pipelines.beam.staging import Staging, go_on_writing
from pipelines.scoring.request_files import TABLE, RequestFiles
from pipelines.scoring.score_options import SCORED, SUMMARY_FILE, ScoreOptions
from sesrec_tf.data.output_directory import published_directory
from sesrec_tf.data.progress_bar import Report
from sesrec_tf.data.record_writer import shard_path
from sesrec_tf.data.rejected_rows import TableRows, require_few, write_rejected
from sesrec_tf.files import write_json
from sesrec_tf.signatures import EXAMPLES

_ROWS, _FILES = "rows", "files"
_WORK = "work"


@dataclass(frozen=True)
class Scoring:
    """Requests scored by one version of a model.

    Attributes:
        files: of requests.
        model: `BASE/<version>`, under a name that all workers know.
        options: how.
        beam_options: of Beam, the runner among them.
        staging: a path or URL that the workers and this process share; `None` for a directory
            beside the output. A directory in it is made, and removed in the end.
    """

    files: RequestFiles
    model: str
    options: ScoreOptions
    beam_options: PipelineOptions
    staging: str | None = None

    def run(self, output: Path, report: Report) -> dict[str, Any]:
        """Writes a directory that appears whole.

        Args:
            output: gets `scores/part-*.parquet` in the order of the input, see
                `score_step.SCHEMA`, `REJECTED_FILE` if there is anything to say there, and
                `SUMMARY_FILE`.
            report: told how far the work is.

        Returns:
            The summary: of the records read, how many were scored, and rejected by reason.

        Raises:
            InputError: if the output exists, a file cannot be read or written, or too many
                records are unusable.
        """
        with published_directory(output, SUMMARY_FILE, self.options.overwrite) as directory:
            staging = Staging.chosen(self.staging, directory / _WORK)
            go_on_writing()
            staging.begin()
            try:
                self._execute(staging, report)
                return self._collected(staging, directory, report)
            except OSError as error:
                raise cannot_write(error) from error
            finally:
                staging.clear()

    def _execute(self, staging: Staging, report: Report) -> None:
        pipeline = beam.Pipeline(options=self.beam_options)
        self._build(pipeline, staging)
        execute_staged(pipeline, staging, _Progress(len(self.files.files), staging, report))

    def _build(self, pipeline: beam.Pipeline, staging: Staging) -> None:
        options, size = self.options, self.options.file_records
        load = partial(load_patiently, batch_size=options.batch_size)
        read = ReadRequests(self.files, options, staging)
        write = WriteScores(self.files, size, staging)
        requests = (
            pipeline
            | beam.Create(range(len(self.files.files)), reshuffle=False)
            | "SpreadFiles" >> beam.Reshuffle()
            | "Index" >> beam.ParDo(IndexFile(self.files, size, staging))
            | "SpreadBlocks" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(read)
            .with_output_types(tuple[Any, bytes])
            .with_outputs(REJECTED, main="requests")
        )
        scored = (
            requests["requests"]
            # tfx-bsl tells by the type that a key comes first.
            | "Score" >> RunInference(self._inference(), load)
            | "Write" >> beam.ParDo(write).with_outputs(REJECTED, main="files")
        )
        _ = (
            (requests[REJECTED], scored[REJECTED])
            | beam.Flatten()
            | beam.CombinePerKey(MergeRows())
            | "KeepRows" >> beam.MapTuple(lambda table, data: staging.write(data, _ROWS, table))
        )
        _ = (
            scored["files"]
            | beam.combiners.ToList()
            | "KeepFiles"
            >> beam.Map(lambda found: staging.write(json.dumps(found).encode(), _FILES))
        )

    def _inference(self) -> model_spec_pb2.InferenceSpecType:
        return model_spec_pb2.InferenceSpecType(
            saved_model_spec=model_spec_pb2.SavedModelSpec(
                model_path=self.model, signature_name=[EXAMPLES], tag=[tf.saved_model.SERVING]
            )
        )

    def _collected(self, staging: Staging, directory: Path, report: Report) -> dict[str, Any]:
        report("collecting the scores", 0.98)
        found = staging.listing(_ROWS)
        rows = unpacked(staging.read(_ROWS, TABLE)) if found else TableRows(0)
        require_few(self.files, TABLE, rows, self.options.max_rejected)
        files = sorted(json.loads(staging.read(_FILES)))
        _collect_files(staging, [name for *_, name in files], directory / SCORED)
        write_rejected(directory, self.files, {TABLE: rows})
        summary = self._summary(rows, files)
        write_json(directory / SUMMARY_FILE, summary)
        return summary

    def _summary(self, rows: TableRows, files: list[tuple[int, int, int, str]]) -> dict[str, Any]:
        scored = sum(count for _, count, _, _ in files)
        if rows.used != scored:
            raise RuntimeError(f"{rows.used} requests to score, but {scored} scored")
        return {
            "model": self.model,
            "files": len(self.files.files),
            "read": rows.read,
            "scored": scored,
            "rejected": rows.counts()["rejected"],
            "candidates": sum(count for _, _, count, _ in files),
        }


class _Progress:
    """Tells of the records whose scores are in files."""

    def __init__(self, files: int, staging: Staging, report: Report) -> None:
        self._files = files
        self._staging = staging
        self._report = report
        self._counts: dict[str, tuple[int, int]] = {}

    def __call__(self) -> None:
        # A file that cannot be read ends the work now.
        self._staging.raise_errors()
        for name in self._staging.listing(INDEX):
            if name not in self._counts:
                self._counts[name] = tuple(json.loads(self._staging.read(INDEX, name)))
        if len(self._counts) < self._files:
            self._report("reading the requests", 0.0)
            return
        blocks, records = map(sum, zip(*self._counts.values(), strict=True))
        share = min(1.0, len(self._staging.listing(SCORED)) / max(1, blocks))
        self._report(f"scoring {records:,} requests", 0.02 + 0.95 * share)


def _collect_files(staging: Staging, names: list[str], target: Path) -> None:
    """Files of the staging directory under their final names; an empty one if there are none."""
    target.mkdir()
    work = target.with_name(_WORK)
    source = staging.get(work / SCORED, SCORED)
    for shard, name in enumerate(names):
        (source / name).rename(shard_path(target, shard, len(names)).with_suffix(".parquet"))
    if not names:
        path = shard_path(target, 0, 1).with_suffix(".parquet")
        path.write_bytes(parquet(SCHEMA.empty_table()))
    shutil.rmtree(work, ignore_errors=True)
