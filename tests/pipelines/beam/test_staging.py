from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from apache_beam.io.filesystem import BeamIOError

from pipelines.beam.staging import Staging, go_on_writing, stop_writing
from sesrec_tf.errors import InputError
from tests.pipelines.beam.object_store import ObjectStore, StrictDirectories

# The characters would be patterns of Beam, and the last letters a compression.
ODD = "[ab] *?.gz"


@pytest.fixture(params=["path", "shelf", "strict"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    if request.param == "path":
        return Staging(str(tmp_path / ODD / "work"))
    return Staging(f"{request.param}://{tmp_path.name}/{ODD}/work")


def test_files_are_read_back_and_rewritten(staging: Staging) -> None:
    for data in (b"first", b"", b"last"):
        staging.write(data, "some", "file.gz")
        assert staging.read("some", "file.gz") == data
        assert staging.listing("some") == ["file.gz"]


def test_a_file_appears_whole_or_not_at_all(staging: Staging) -> None:
    def interrupted_write() -> None:
        with staging._created("some", "file") as file:
            file.write(b"half of the ")
            file.flush()
            assert staging.read("some", "file") == b"old"
            # Nor is what will be a file one already.
            assert staging.listing("some") == ["file"]
            raise ZeroDivisionError

    staging.write(b"old", "some", "file")
    with pytest.raises(ZeroDivisionError):
        interrupted_write()
    assert staging.read("some", "file") == b"old"
    # The unfinished one is gone.
    if staging.is_local:
        assert os.listdir(staging.path("some")) == ["file"]
    else:
        assert [*ObjectStore.objects, *StrictDirectories.objects] == [staging.path("some", "file")]


def test_a_listing_is_of_one_directory(staging: Staging) -> None:
    assert staging.listing("some") == []
    for names in [("some", "b"), ("some", "a"), ("some-other", "c"), ("else", "some", "d")]:
        staging.write(b"x", *names)
    assert staging.listing("some") == ["a", "b"]
    assert staging.listing("missing") == []
    # Those that the name would match as a pattern.
    for name in ("a xyz.gz", "xabx xx.gz"):
        Staging(staging.root.replace(ODD, name)).write(b"x", "some", "e")
    assert staging.listing("some") == ["a", "b"]


def test_a_listing_that_fails_is_no_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ObjectStore, prefix: str) -> Iterator[object]:
        raise BeamIOError("no answer")

    monkeypatch.setattr(ObjectStore, "_list", fail)
    with pytest.raises(BeamIOError):
        Staging("shelf://there").listing("some")


def test_record_batches_are_read_one_by_one(staging: Staging) -> None:
    schema = pa.schema({"id": pa.large_string()})
    batches = [pa.RecordBatch.from_pydict({"id": ids}, schema) for ids in (["a", "b"], [], ["c"])]
    staging.write_batches(batches, "rows.arrow")
    for number, batch in enumerate(batches):
        assert staging.read_batch(number, "rows.arrow").equals(batch)


def test_directories_are_put_and_got(staging: Staging, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for name in ("a", "b"):
        (tmp_path / "files" / name).write_bytes(name.encode() * 3_000_000)
    staging.put(tmp_path / "files", "there")
    staging.put(tmp_path / "files", "there")
    assert staging.listing("there") == ["a", "b"]
    found = staging.get(tmp_path / "copy", "there")
    assert {file.name: file.read_bytes() for file in found.iterdir()} == {
        file.name: file.read_bytes() for file in (tmp_path / "files").iterdir()
    }
    # What is here already is not copied.
    assert (tmp_path / "copy").exists() == ("://" in staging.root)


def test_the_first_error_by_name_is_raised(staging: Staging) -> None:
    staging.raise_errors()
    staging.write_error(InputError("second", ["more"]), "read-b")
    staging.write_error(InputError("größer\nals", ["one", "two"]), "read-a")
    with pytest.raises(InputError, match="größer\nals") as caught:
        staging.raise_errors()
    assert caught.value.details == ("one", "two")


def test_removes_itself_alone(staging: Staging) -> None:
    neighbour = Staging(f"{staging.root}-2")
    neighbour.write(b"kept", "file")
    staging.write(b"gone", "some", "file")
    staging.remove()
    assert staging.listing("some") == []
    assert neighbour.read("file") == b"kept"
    # Also when there is nothing.
    staging.remove()


def test_begins_empty(staging: Staging) -> None:
    staging.write(b"of a killed process", "chunks", "interactions", "000000.arrow")
    staging.begin()
    assert staging.listing("chunks", "interactions") == []


def test_scratch_is_of_this_machine(staging: Staging) -> None:
    staging.begin()
    with staging.scratch() as directory:
        (directory / "file").write_text("x")
        assert (directory.parent == Path(staging.root)) == staging.is_local
    assert not directory.exists()


def test_workers_get_the_same(staging: Staging) -> None:
    assert pickle.loads(pickle.dumps(staging)) == staging


@pytest.mark.parametrize("root", ["nowhere://x/y", "{file}/below"])
def test_a_place_that_cannot_be_written_is_refused(root: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write below"):
        Staging(root.format(file=tmp_path / "file")).begin()


def test_nothing_is_begun_once_the_work_was_given_up(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path / "work"))
    stop_writing()
    with pytest.raises(RuntimeError, match="given up"):
        staging.write(b"late", "file")
    with pytest.raises(RuntimeError, match="given up"), staging.scratch():
        pass
    assert not (tmp_path / "work").exists()
    go_on_writing()
    staging.write(b"in time", "file")
    assert staging.read("file") == b"in time"
