"""From log tables to a prepared data set."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sesrec_tf.data.attributes import AttributeTable
from sesrec_tf.data.dataset_info import dataset_info
from sesrec_tf.data.dataset_writer import DatasetWriter
from sesrec_tf.data.local_driver import LocalDriver
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.log_tables import require_rows
from sesrec_tf.data.output_directory import published_directory, require_free
from sesrec_tf.data.preparation_driver import (
    KNOWN_IDS,
    LogSummary,
    PreparationDriver,
    PreparationJob,
)
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.data.progress_bar import Report, silent
from sesrec_tf.data.rejected_rows import require_few, write_rejected
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS

INSTANCES_PER_SHARD = 16_384

_STAGING = "staging"


def prepare(
    reader: LogReader,
    options: PrepareOptions,
    output: str | Path,
    report: Report = silent,
    driver: PreparationDriver | None = None,
) -> PreparedDataset:
    """Writes a prepared data set and opens it.

    Args:
        reader: of the logs.
        options: the rules.
        output: directory to appear once everything is written.
        report: told how far the work is.
        driver: where the work runs; in this process if `None`. The data set does not depend on it.

    Raises:
        InputError: if the logs cannot be read or too many of their rows are rejected, if they
            leave a split without instances or the candidates without items, or if `output` may
            not be written.
    """
    output = Path(output)
    require_free(output, INFO_FILE, options.overwrite)
    with (
        _space_checked(output),
        published_directory(output, INFO_FILE, options.overwrite) as directory,
    ):
        staging = directory / _STAGING
        staging.mkdir()
        job = PreparationJob(reader, options, staging)
        driver = driver or LocalDriver()
        try:
            _Preparation(job, driver, report).write(directory)
        finally:
            driver.clear(job)
        shutil.rmtree(staging)
    return PreparedDataset(output)


@contextmanager
def _space_checked(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise InputError(
            f"there is no room left beside {output} ({error}). Expected room for the output and a "
            "few times the size of the logs. Make some, or choose another `--output`."
        ) from error


class _Preparation:
    def __init__(self, job: PreparationJob, driver: PreparationDriver, report: Report) -> None:
        self._job = job
        self._driver = driver
        self._report = report

    def write(self, directory: Path) -> None:
        job, options = self._job, self._job.options
        summary = self._counted()
        self._report("building vocabularies", 0.6)
        vocabularies = Vocabularies.of(summary.counts, options)
        _require_known_positives(len(vocabularies.items), options)
        vocabularies.known_ids().save(job.staging / KNOWN_IDS)
        attributes = self._attributes(vocabularies)
        shards = _shards(summary.counts.totals, options)
        partitions = self._driver.build(job, shards, self._report)
        summaries = [partition.summary() for partition in partitions]
        rows = {**summary.rows, **{table: found.rows for table, found in attributes.items()}}
        rows = {table: found for table, found in rows.items() if job.reader.parts(table)}
        info = dataset_info(vocabularies, attributes, summaries, rows, options)
        _require_known_positives(info["instances"]["train"], options)
        self._report("putting the parts together", 0.9)
        writer = DatasetWriter(directory, partitions)
        writer.write_vocabularies(vocabularies, attributes)
        writer.write_tables(vocabularies, attributes)
        writer.write_schema(vocabularies.shape, options.num_negatives + 1)
        writer.write_records(shards)
        write_rejected(directory, job.reader, rows)
        writer.write_info(info)

    def _attributes(self, vocabularies: Vocabularies) -> dict[str, AttributeTable]:
        reader, found = self._job.reader, {}
        for table in ("items", "users"):
            found[table] = AttributeTable.of(reader, table, getattr(vocabularies, table))
            if reader.parts(table):
                require_rows(table, found[table].rows.read)
                require_few(reader, table, found[table].rows, self._job.options.max_rejected)
        return found

    def _counted(self) -> LogSummary:
        reader, options = self._job.reader, self._job.options
        summary = self._driver.count(self._job, self._report)
        for table, rows in summary.rows.items():
            require_rows(table, rows.read)
            require_few(reader, table, rows, options.max_rejected)
        _require_instances(summary, options)
        return summary


def _shards(instances: Mapping[str, int], options: PrepareOptions) -> dict[str, int]:
    return {
        split: options.shards or min(BUCKETS, -(-instances[split] // INSTANCES_PER_SHARD))
        for split in SPLITS
    }


def _require_instances(summary: LogSummary, options: PrepareOptions) -> None:
    instances = summary.counts.totals
    empty = [name for name in SPLITS if instances[name] == 0]
    if not empty:
        return
    received = ", ".join(f"{name} {instances[name]:,}" for name in SPLITS)
    for table, rows in summary.rows.items():
        if len(rows.rejected):
            received += f" (and {len(rows.rejected):,} of {rows.read:,} {table} rejected)"
    if options.split == "given":
        raise InputError(
            f"the column `split` names no instances for {', '.join(empty)}. Expected some in every "
            f"split. Received: {received}. Mend the column, or choose another `--split`."
        )
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


def _require_known_positives(known: int, options: PrepareOptions) -> None:
    if known == 0:
        raise InputError(
            "the logs give no training instances: the item of every one is rarer than "
            "`--min-count`. Expected items with that many training interactions and clicks. "
            f"Received: `--min-count {options.min_count}`. Lower it, or give a larger log."
        )
