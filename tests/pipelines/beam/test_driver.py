from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.beam.driver import BeamDriver
from sesrec_tf.data.log_chunk import LogChunk
from sesrec_tf.data.log_files import LogFiles
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS
from tests.data.dataset_content import content
from tests.data.log_rows import PartedLogs
from tests.pipelines.beam.object_store import ObjectStore, StrictDirectories
from tests.pipelines.beam.runners import (
    OPTIONS,
    TWO_PROCESSES,
    fn_api,
    in_memory,
    parted,
    portable,
    spoilt_logs,
)

LOGS = spoilt_logs()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """What the local driver gives."""
    return prepare(LOGS, replace(OPTIONS, shards=1), tmp_path_factory.mktemp("local") / "data")


def assert_same(driver: BeamDriver, shards: int, directory: Path, dataset: PreparedDataset) -> None:
    options = replace(OPTIONS, shards=shards)
    other = prepare(parted(LOGS), options, directory / "data", driver=driver)
    assert content(other) == content(dataset)
    assert {len(other.record_files(split)) for split in SPLITS} == {shards}
    assert os.listdir(directory) == ["data"]
    # Nothing of the work is left.
    entries = ["dataset_info.json", "rejected", "schema.pbtxt", "tables", "vocabularies"]
    assert sorted(os.listdir(other.path)) == sorted([*SPLITS, *entries])


def test_the_logs_have_something_to_reject(dataset: PreparedDataset) -> None:
    assert dataset.info["rows"]["interactions"]["rejected"] == {
        "item_id holds whitespace": 1,
        "item_id is empty": 2,
    }
    assert dataset.info["rows"]["searches"]["rejected"] == {"session_id stands again": 1}
    assert sorted(os.listdir(dataset.path / "rejected")) == [
        "interactions.csv",
        "items.csv",
        "searches.csv",
    ]


@pytest.mark.parametrize(("shards", "partitions"), [(1, 5), (4, 1), (16, 64)])
def test_in_memory(shards: int, partitions: int, dataset: PreparedDataset, tmp_path: Path) -> None:
    assert_same(in_memory(partitions), shards, tmp_path, dataset)


def test_two_processes(dataset: PreparedDataset, tmp_path: Path) -> None:
    assert_same(BeamDriver(fn_api(TWO_PROCESSES), partitions=5), 4, tmp_path, dataset)


def test_job_service(endpoint: str, dataset: PreparedDataset, tmp_path: Path) -> None:
    assert_same(BeamDriver(portable(endpoint), partitions=5), 16, tmp_path, dataset)


@pytest.mark.parametrize("scheme", ["shelf", "strict"])
def test_staging_in_a_store(scheme: str, dataset: PreparedDataset, tmp_path: Path) -> None:
    assert_same(in_memory(3, f"{scheme}://bucket/[x]/"), 4, tmp_path, dataset)
    assert not [*ObjectStore.objects, *StrictDirectories.objects]


def test_staging_elsewhere(
    dataset: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "[x] *"
    assert_same(in_memory(3, "there/[y]"), 4, output, dataset)
    assert os.listdir(tmp_path / "there" / "[y]") == []


def test_an_output_whose_name_would_be_a_pattern(dataset: PreparedDataset, tmp_path: Path) -> None:
    assert_same(in_memory(3), 4, tmp_path / "[x] *?", dataset)


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ObjectStore, paths: list[str]) -> None:
        if self.objects:
            raise PermissionError("not yours")

    monkeypatch.setattr(ObjectStore, "delete", fail)
    with pytest.warns(UserWarning, match=r"shelf://bucket/data.* is left: not yours"):
        prepare(LOGS, OPTIONS, tmp_path / "data", driver=in_memory(1, "shelf://bucket"))


def test_reports_go_forwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.beam.execution._SECONDS_BETWEEN_REPORTS", 0.0)
    told: list[tuple[str, float]] = []
    prepare(
        parted(LOGS),
        OPTIONS,
        tmp_path / "data",
        lambda *each: told.append(each),
        in_memory(16),
    )
    done = [share for _, share in told]
    assert (np.diff(done) > -1e-9).all()
    assert 0 <= done[0] <= done[-1] <= 1
    stages = list(dict.fromkeys(stage.partition(":")[0] for stage, _ in told))
    assert stages[:3] == ["reading the logs", "counting", "building vocabularies"]


# (options, text of the message)
ERRORS = {
    "read": ({"max_rejected": 0}, "^interactions: interactions, line 4: item_id is empty"),
    "too many": ({"max_rejected": 0.001}, "^interactions: 3 of .* rows cannot be used"),
    "count": ({"split": "given"}, "needs the column `split`"),
    "build": ({"num_negatives": 500}, "too few items for `--num-negatives 500`"),
}


def failure(options: PrepareOptions, directory: Path, driver: BeamDriver | None) -> InputError:
    with pytest.raises(InputError) as caught:
        prepare(parted(LOGS), options, directory / "data", driver=driver)
    return caught.value


def assert_same_failure(name: str, driver: BeamDriver, directory: Path) -> None:
    changes, message = ERRORS[name]
    options = replace(OPTIONS, **changes)
    ours, local = (failure(options, directory, each) for each in (driver, None))
    assert ours.args == local.args
    assert ours.details == local.details
    with pytest.raises(InputError, match=message):
        raise ours
    assert [*directory.iterdir()] == []


@pytest.mark.parametrize("name", list(ERRORS))
def test_an_input_error_is_that_of_the_local_driver(name: str, tmp_path: Path) -> None:
    assert_same_failure(name, in_memory(1, "shelf://bucket"), tmp_path)
    assert ObjectStore.objects == {}


@pytest.mark.parametrize("name", ["read", "count"])
def test_an_input_error_of_a_job_service(name: str, endpoint: str, tmp_path: Path) -> None:
    assert_same_failure(name, BeamDriver(portable(endpoint), partitions=1), tmp_path)


class BrokenLogs(PartedLogs):
    """Logs whose reader has a defect."""

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        raise ZeroDivisionError("in the reader")


def test_a_defect_is_no_input_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match=r"in the reader.*while running.*Read"):
        prepare(BrokenLogs(LOGS), OPTIONS, tmp_path / "data", driver=in_memory(1, "shelf://bucket"))
    assert [*tmp_path.iterdir()] == []
    assert ObjectStore.objects == {}


@pytest.mark.skipif("SESREC_TF_BEAUTY" not in os.environ, reason="no Beauty logs here")
def test_the_beauty_logs(tmp_path: Path) -> None:
    tables = ("interactions", "searches", "items")
    source = Path(os.environ["SESREC_TF_BEAUTY"])
    logs = LogFiles.find(*(source / f"{table}.csv.gz" for table in tables))
    options = PrepareOptions()
    local = prepare(logs, options, tmp_path / "local")
    ours = prepare(logs, options, tmp_path / "beam", driver=in_memory(8))
    assert content(ours) == content(local)
