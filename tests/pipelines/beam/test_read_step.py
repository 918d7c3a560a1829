from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.beam.merged_rows import unpacked
from pipelines.beam.read_step import CHUNKS, ReadPart, partition_rows
from pipelines.beam.staging import Staging
from sesrec_tf.data.event_scatter import EVENT_SCHEMAS
from sesrec_tf.data.rejected_rows import TableRows
from sesrec_tf.data.user_buckets import BUCKETS, row_buckets
from sesrec_tf.errors import InputError
from tests.pipelines.beam.runners import OPTIONS, parted, spoilt_logs

LOGS = spoilt_logs()


def read(staging: Staging, partitions: int, table: str) -> TableRows:
    reader = parted(LOGS)
    step = ReadPart(reader, OPTIONS, partitions, staging)
    found = [each for part in range(reader.parts(table)) for each in step.process((table, part))]
    assert {name for name, _ in found} == {table}
    return TableRows.summed(unpacked(data) for _, data in found)


@pytest.mark.parametrize("partitions", [1, 3, BUCKETS])
def test_every_usable_row_is_in_the_partition_of_its_user(partitions: int, tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    rows = read(staging, partitions, "interactions")
    assert (rows.read, len(rows.rejected)) == (len(LOGS.interactions), 3)
    parts = [partition_rows(staging, "interactions", partition) for partition in range(partitions)]
    for number, part in enumerate(parts):
        assert part.schema.equals(EVENT_SCHEMAS["interactions"])
        buckets = row_buckets(part["user_id"].combine_chunks())
        assert set(buckets * partitions // BUCKETS) <= {number}
    found = sorted(pa.concat_tables(parts)["row"].to_pylist())
    assert found == sorted(set(range(len(LOGS.interactions))) - {3, 30, 31})


def test_reading_again_leaves_the_same(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    found = []
    for _ in range(2):
        read(staging, 4, "searches")
        names = staging.listing(CHUNKS, "searches")
        found.append({name: staging.read(CHUNKS, "searches", name) for name in names})
    assert found[0] == found[1]
    # Three files of several chunks of at most 12 rows.
    assert len(found[0]) == sum(-(-len(rows) // 12) for rows in _thirds(len(LOGS.searches)))


def _thirds(size: int) -> list[range]:
    """As `np.array_split` divides."""
    sizes = [size // 3 + (number < size % 3) for number in range(3)]
    return [range(number) for number in sizes]


def test_a_table_without_files_has_no_rows(tmp_path: Path) -> None:
    rows = partition_rows(Staging(str(tmp_path)), "searches", 0)
    assert len(rows) == 0
    assert rows.schema.equals(EVENT_SCHEMAS["searches"])


def test_an_error_is_left_for_the_launcher(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    step = ReadPart(parted(LOGS), replace(OPTIONS, max_rejected=0), 2, staging)
    list(step.process(("interactions", 0)))
    with pytest.raises(InputError, match=r"^interactions: .*line 4: item_id is empty"):
        staging.raise_errors()
