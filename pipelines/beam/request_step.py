"""Blocks of records to checked requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipelines.beam.merged_rows import packed
from pipelines.beam.staging import Staging
from pipelines.scoring.record_error import RecordError
from pipelines.scoring.request_files import TABLE, Block, RequestFiles
from pipelines.scoring.request_format import RequestFormat
from pipelines.scoring.score_options import ScoreOptions
from pipelines.scoring.scoring_request import ScoringRequest
from sesrec_tf.data.log_chunk import REJECTED as SCHEMA
from sesrec_tf.data.log_chunk import rejection
from sesrec_tf.data.rejected_rows import TableRows, require_few
from sesrec_tf.errors import InputError

REJECTED = "rejected"
"""Output of the records that cannot be used."""


class RequestKey(NamedTuple):
    """What the scores of a request are written with.

    Attributes:
        row: number of the record, see `RequestFiles.lines`.
        request_id, user, candidates: as in `ScoringRequest`.
        shown: the record, for people.
    """

    row: int
    request_id: str | None
    user: str
    candidates: tuple[str, ...]
    shown: str


class ReadRequests(beam.DoFn):
    """Blocks to (`RequestKey`, serialized example); to `REJECTED`, rows read and rejected.

    Args:
        files: of requests.
        options: how many candidates a request may have, and whether the first record that cannot
            be used is an error.
        staging: for errors.
    """

    def __init__(self, files: RequestFiles, options: ScoreOptions, staging: Staging) -> None:
        self._files = files
        self._options = options
        self._staging = staging

    def process(self, element: Block) -> Iterator[Any]:
        own, read, rejected = self._files.format(element), 0, [SCHEMA.empty_table()]
        try:
            for row, record in self._files.records(element):
                read += 1
                try:
                    request = self._request(own, record)
                    yield _pair(row, request, own.shown(record))
                except RecordError as bad:
                    shown = own.shown(record) if isinstance(record, bytes) else ""
                    rejected.append(rejected_row(row, bad, shown))
                    if self._options.max_rejected == 0:
                        require_few(self._files, TABLE, TableRows(read, rejected[-1]), 0.0)
        except InputError as error:
            self._staging.write_error(error, f"read-{element.file:06d}-{element.first:012d}")
        yield beam.pvalue.TaggedOutput(
            REJECTED, (TABLE, packed(TableRows(read, pa.concat_tables(rejected))))
        )

    def _request(self, own: RequestFormat, record: bytes | RecordError) -> ScoringRequest:
        if isinstance(record, RecordError):
            raise record
        request = own.request(record)
        most = self._options.max_candidates
        if len(request.candidates) > most:
            raise RecordError("`candidates` is too long", f"at most {most:,} (`--max-candidates`)")
        return request


def rejected_row(row: int, bad: RecordError, shown: str) -> pa.Table:
    """One record as `log_chunk.REJECTED` says."""
    return rejection(np.array([row]), bad.reason, bad.expected, [shown])


def _pair(row: int, request: ScoringRequest, shown: str) -> tuple[RequestKey, bytes]:
    key = RequestKey(row, request.request_id, request.user, request.candidates, shown)
    return key, request.example
