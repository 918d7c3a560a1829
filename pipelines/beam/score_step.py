"""Answers of the model to files of scores."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from apache_beam.transforms.window import GlobalWindows

from pipelines.beam.merged_rows import packed
from pipelines.beam.request_step import REJECTED, RequestKey, rejected_row
from pipelines.beam.staging import Staging
from pipelines.scoring.record_error import RecordError
from pipelines.scoring.request_files import TABLE, RequestFiles
from pipelines.scoring.score_options import SCORED
from sesrec_tf.data.log_chunk import PART_ROWS
from sesrec_tf.data.rejected_rows import TableRows
from sesrec_tf.errors import InputError
from sesrec_tf.signatures import PROBABILITIES, SCORES

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("request_id", pa.string()),
        ("user", pa.string()),
        ("candidates", pa.list_(pa.string())),
        (SCORES, pa.list_(pa.float32())),
        (PROBABILITIES, pa.list_(pa.float32())),
    ]
)
"""One row a request, its three lists of the same length and in the order of its candidates; `file`
and `line` as in the file of rejected records."""


class WriteScores(beam.DoFn):
    """(`RequestKey`, `PredictionLog`) to (first row, rows, candidates, name) of the files written.

    A file holds scores of one block of one input file. Its name is new each time: what a runner
    tries again and gives up leaves files that no element names. Requests that the model refuses go
    to `REJECTED`.

    Args:
        files: of requests.
        size: records a block has.
        staging: for the files.
    """

    def __init__(self, files: RequestFiles, size: int, staging: Staging) -> None:
        self._files = files
        self._size = size
        self._staging = staging

    def start_bundle(self) -> None:
        self._begin()

    def process(self, element: tuple[RequestKey, Any]) -> Iterator[Any]:
        key, log = element
        outputs = log.predict_log.response.outputs
        if outputs[SCORES].dtype == tf.string.as_datatype_enum:
            yield _refused(key, outputs[SCORES].string_val[0])
            return
        block = (key.row // PART_ROWS, key.row % PART_ROWS // self._size)
        if self._keys and block != self._block:
            yield self._written()
        self._block = block
        self._keys.append(key)
        for name, values in self._values.items():
            values.append(_own(outputs[name], key))

    def finish_bundle(self) -> Iterator[Any]:
        if self._keys:
            yield GlobalWindows.windowed_value_at_end_of_window(self._written())

    def _begin(self) -> None:
        self._keys: list[RequestKey] = []
        self._values: dict[str, list[np.ndarray]] = {SCORES: [], PROBABILITIES: []}

    def _written(self) -> tuple[int, int, int, str]:
        order = np.argsort([key.row for key in self._keys], kind="stable")
        keys = [self._keys[place] for place in order]
        values = {name: [found[place] for place in order] for name, found in self._values.items()}
        self._begin()
        name = f"{uuid.uuid4().hex}.parquet"
        try:
            self._staging.write(parquet(_table(self._files, keys, values)), SCORED, name)
        except OSError as error:
            # No retry makes room. What was begun is removed: there is some for a few words.
            if error.errno in _NO_ROOM:
                self._staging.write_error(cannot_write(error), f"write-{keys[0].row:018d}")
            raise
        return keys[0].row, len(keys), sum(len(key.candidates) for key in keys), name


def cannot_write(error: OSError) -> InputError:
    """What to tell and to do if scores cannot be written."""
    return InputError(
        f"cannot write the scores ({error}). Expected room for them in the output and in the "
        "staging directory, and the right to write there. Make room, or choose another `--output` "
        "or `--staging`."
    )


def parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = pa.BufferOutputStream()
    # Lists of ids repeat, scores do not.
    pq.write_table(
        table, sink, compression="zstd", use_dictionary=["file", "candidates.list.element"]
    )
    return sink.getvalue().to_pybytes()


def _table(
    files: RequestFiles, keys: list[RequestKey], values: dict[str, list[np.ndarray]]
) -> pa.Table:
    names, lines = files.lines(TABLE, np.array([key.row for key in keys]))
    offsets = np.cumsum([0, *(len(key.candidates) for key in keys)]).astype(np.int32)
    candidates = pa.array([each for key in keys for each in key.candidates], pa.string())
    columns = [
        names,
        lines,
        [key.request_id for key in keys],
        [key.user for key in keys],
        pa.ListArray.from_arrays(offsets, candidates),
        *(pa.ListArray.from_arrays(offsets, np.concatenate(values[n])) for n in values),
    ]
    return pa.table(columns, schema=SCHEMA)


def _own(output: Any, key: RequestKey) -> np.ndarray:
    """float32 `[K]`: the columns beyond pad it to the widest request of the batch."""
    values = tf.make_ndarray(output)[0]
    return values[: len(key.candidates)]


def _refused(key: RequestKey, words: bytes) -> beam.pvalue.TaggedOutput:
    bad = RecordError("the model refuses the request", words.decode("utf-8", "replace"))
    rows = TableRows(0, rejected_row(key.row, bad, key.shown))
    return beam.pvalue.TaggedOutput(REJECTED, (TABLE, packed(rows)))
