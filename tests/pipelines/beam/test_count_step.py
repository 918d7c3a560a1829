from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from apache_beam.pvalue import TaggedOutput
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.beam.arrow_bytes import from_bytes, to_bytes
from pipelines.beam.count_step import COUNTED, REJECTED, CountPartition, MergeCounts
from pipelines.beam.merged_rows import unpacked
from pipelines.beam.read_step import ReadPart
from pipelines.beam.staging import Staging
from sesrec_tf.data.log_counts import COUNTED as KINDS
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.errors import InputError
from tests.data.log_rows import shop_logs
from tests.data.small_logs import event_log
from tests.pipelines.beam.combining import combined
from tests.pipelines.beam.runners import OPTIONS, parted, spoilt_logs


@cache
def counts_of(seed: int) -> bytes:
    from sesrec_tf.data.splits import assign_splits

    log = event_log(shop_logs(seed, users=3))
    return to_bytes(LogCounts.of(log, assign_splits(log, OPTIONS), 2).to_table())


def as_python(data: bytes) -> dict[str, object]:
    counts = LogCounts.from_table(from_bytes(data))
    ids = {kind: counts.ids[kind].to_pylist() for kind in KINDS}
    return {"ids": ids, "totals": counts.totals, "most_clicks": counts.most_clicks}


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 5), max_size=20), st.randoms(use_true_random=False))
def test_the_sum_is_the_same_whatever_the_order(seeds: list[int], random: Random) -> None:
    parts = [counts_of(seed) for seed in seeds]
    whole = LogCounts.merged(LogCounts.from_table(from_bytes(part)) for part in parts)
    assert as_python(combined(MergeCounts(), parts, random)) == as_python(
        to_bytes(whole.to_table())
    )


def test_the_sum_of_nothing() -> None:
    combine = MergeCounts()
    nothing = as_python(to_bytes(LogCounts.nothing().to_table()))
    assert as_python(combine.extract_output(combine.create_accumulator())) == nothing
    assert as_python(combine.extract_output(combine.merge_accumulators([]))) == nothing


def test_an_accumulator_stays_small() -> None:
    combine, accumulator = MergeCounts(), MergeCounts().create_accumulator()
    for seed in range(30):
        accumulator = combine.add_input(accumulator, counts_of(seed % 3))
        assert len(accumulator) <= 8


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    """Rows of `spoilt_logs` in two partitions."""
    found, reader = Staging(str(tmp_path)), parted(spoilt_logs())
    step = ReadPart(reader, OPTIONS, 2, found)
    for table in ("interactions", "searches"):
        for part in range(reader.parts(table)):
            list(step.process((table, part)))
    return found


def test_partitions_are_counted_one_by_one(staging: Staging) -> None:
    found = [list(CountPartition(OPTIONS, staging).process(number)) for number in range(2)]
    rejected = [each.value for part in found for each in part if isinstance(each, TaggedOutput)]
    again = [unpacked(data) for table, data in rejected if table == "searches"]
    # Its rows were counted when they were read.
    assert sum(rows.read for rows in again) == 0
    reasons = pa.concat_tables([rows.rejected for rows in again])["reason"].to_pylist()
    assert reasons == ["session_id stands again"]
    assert {each.tag for part in found for each in part if isinstance(each, TaggedOutput)} == {
        REJECTED
    }
    counts = [data for part in found for data in part if isinstance(data, bytes)]
    totals = LogCounts.merged(LogCounts.from_table(from_bytes(data)) for data in counts).totals
    logs = spoilt_logs()
    assert totals["interactions"] == len(logs.interactions) - 3
    assert totals["searches"] == len(logs.searches) - 1
    assert staging.listing(*COUNTED) == ["00000", "00001"]


def test_an_error_is_left_for_the_launcher(staging: Staging) -> None:
    options = PrepareOptions(split="given")
    assert list(CountPartition(options, staging).process(1)) == []
    assert staging.listing(*COUNTED) == []
    with pytest.raises(InputError, match="needs the column `split`"):
        staging.raise_errors()
