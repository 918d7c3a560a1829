"""Versions on disk, the ones that are refused, and how one takes the place of another."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format

from serving.server.model_manager import ModelManager
from serving.server.model_version import State
from serving.server.servable import Servable
from serving.server.status_error import StatusError
from serving.server.version_error import VersionError
from serving.server.version_policy import VersionPolicy
from sesrec_tf.errors import InputError


def publish(base_path: Path, version: int) -> None:
    """A complete directory, renamed into place."""
    shutil.copytree(base_path / "1", base_path / ".staging")
    (base_path / ".staging").rename(base_path / str(version))


def break_version(base_path: Path, version: int) -> None:
    (base_path / str(version)).mkdir()


def states(manager: ModelManager) -> list[tuple[int, str]]:
    return [(status.version, State.Name(status.state)) for status in manager.statuses()]


def test_highest_integer_wins(base_path: Path):
    for name in ("2", "010", "9", "-11", "12.tmp", "9" * 30):
        (base_path / name).mkdir()
    (base_path / "13").write_text("a file is no version")
    shutil.copytree(base_path / "1", base_path / "010", dirs_exist_ok=True)
    manager = ModelManager("m", base_path)
    manager.load_any()
    with manager.lease() as servable:
        assert (servable.version, servable.path.name) == (10, "010")


def test_missing_base_path(tmp_path: Path):
    with pytest.raises(InputError, match="should be a directory"):
        ModelManager("m", tmp_path / "absent")


def test_no_version_says_what_is_there(base_path: Path):
    with pytest.raises(InputError, match=r"Found: assets, fingerprint\.pb"):
        ModelManager("m", base_path / "1")


def test_version_without_a_saved_model(base_path: Path):
    (base_path / "2").mkdir()
    manager = ModelManager("m", base_path)
    with pytest.raises(InputError, match=r"2/saved_model\.pb"):
        manager.load_any()
    assert manager.versions == []


@pytest.mark.parametrize(
    "content", [b"\xff\xff\xff", b""], ids=["not a protocol buffer", "no graph"]
)
def test_damaged_saved_model(base_path: Path, content: bytes):
    (base_path / "1" / "saved_model.pb").write_bytes(content)
    with pytest.raises(InputError, match="xport the model again"):
        ModelManager("m", base_path).load_any()


def test_missing_variables(base_path: Path):
    shutil.rmtree(base_path / "1" / "variables")
    with pytest.raises(InputError, match="cannot load"):
        ModelManager("m", base_path).load_any()


def test_new_version_takes_the_place_of_the_old(base_path: Path):
    manager = ModelManager("m", base_path)
    manager.update()
    publish(base_path, 2)
    manager.update()
    assert manager.versions == [2]
    assert states(manager) == [(2, "AVAILABLE"), (1, "END")]
    manager.update()
    assert states(manager) == [(2, "AVAILABLE"), (1, "END")]


def test_removed_newest_version_brings_back_the_one_before(base_path: Path):
    publish(base_path, 2)
    manager = ModelManager("m", base_path)
    manager.update()
    assert manager.versions == [2]
    shutil.rmtree(base_path / "2")
    manager.update()
    assert states(manager) == [(2, "END"), (1, "AVAILABLE")]


def test_last_version_removed(base_path: Path):
    manager = ModelManager("m", base_path)
    manager.update()
    shutil.rmtree(base_path / "1")
    manager.update()
    # PollFileSystemForServable: no version found is an empty list of aspired versions.
    assert manager.versions == []
    with pytest.raises(StatusError, match=r"Servable not found for request: Latest\(m\)"):
        manager.lease().__enter__()


def test_vanished_base_path_changes_nothing(base_path: Path, caplog):
    manager = ModelManager("m", base_path)
    manager.update()
    base_path.rename(base_path.with_name("moved"))
    manager.update()
    manager.update()
    assert manager.versions == [1]
    assert caplog.text.count("cannot look for versions") == 1


def test_version_that_fails_leaves_the_old_one_serving(base_path: Path, caplog):
    manager = ModelManager("m", base_path, retry_seconds=3600)
    manager.update()
    break_version(base_path, 2)
    manager.update()
    manager.update()
    failed, served = manager.statuses()
    assert (failed.version, failed.state) == (2, State.END)
    assert failed.status.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert "2/saved_model.pb" in failed.status.error_message
    assert (served.version, served.state, served.status.error_code) == (1, State.AVAILABLE, 0)
    assert caplog.text.count("2/saved_model.pb") == 1


def test_failed_version_is_tried_again(base_path: Path, caplog):
    manager = ModelManager("m", base_path, retry_seconds=0, maximum_retries=1)
    manager.update()
    break_version(base_path, 2)
    manager.update()
    assert manager.versions == [1]
    # Both attempts failed, for the same reason: it is told once.
    assert caplog.text.count("2/saved_model.pb") == 1
    shutil.copytree(base_path / "1", base_path / "2", dirs_exist_ok=True)
    manager.update()
    assert manager.versions == [1], "no attempt is left"
    shutil.rmtree(base_path / "2")
    manager.update()
    publish(base_path, 2)
    manager.update()
    assert manager.versions == [2], "a directory that comes back starts afresh"


def test_partial_version_is_completed_between_attempts(base_path: Path):
    attempts = []

    def load(path, number):
        attempts.append(number)
        if attempts == [1, 2]:
            shutil.copytree(base_path / "1", base_path / "2", dirs_exist_ok=True)
            raise VersionError("partial")
        return Servable(path, number)

    manager = ModelManager("m", base_path, load=load, retry_seconds=0)
    manager.update()
    break_version(base_path, 2)
    manager.update()
    assert attempts == [1, 2, 2]
    assert states(manager) == [(2, "AVAILABLE"), (1, "END")]


def test_defect_while_loading_does_not_end_the_watching(base_path: Path):
    def load(path, number):
        raise RuntimeError("defect")

    manager = ModelManager("m", base_path, load=load, retry_seconds=3600)
    manager.update()
    (status,) = manager.statuses()
    assert status.status.error_code == grpc.StatusCode.INTERNAL.value[0]
    assert status.status.error_message == "defect"


def test_old_version_stays_until_its_last_request_has_ended(base_path: Path):
    manager = ModelManager("m", base_path)
    manager.update()
    publish(base_path, 2)
    update = threading.Thread(target=manager.update)
    with manager.lease() as old:
        update.start()
        while manager.versions != [2]:
            pass
        assert states(manager) == [(2, "AVAILABLE"), (1, "UNLOADING")]
        assert old.version == 1
        assert old.predict_signatures == ["serving_default"]
        with manager.lease() as new:
            assert new.version == 2
        with pytest.raises(StatusError, match=r"Specific\(m, 1\)"):
            manager.lease(1).__enter__()
    update.join(20)
    assert states(manager) == [(2, "AVAILABLE"), (1, "END")]


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [
        ("latest { num_versions: 2 }", [1, 2], [2, 3]),
        ("all {}", [1, 2], [1, 2, 3]),
        ("specific { versions: 1 versions: 3 }", [1], [1, 3]),
    ],
)
def test_policies(base_path: Path, policy, before, after):
    publish(base_path, 2)
    manager = ModelManager("m", base_path, text_format.Parse(policy, VersionPolicy()))
    manager.update()
    assert manager.versions == before
    publish(base_path, 3)
    manager.update()
    assert manager.versions == after


def test_policy_that_no_version_satisfies(base_path: Path):
    policy = text_format.Parse("specific { versions: 7 }", VersionPolicy())
    with pytest.raises(InputError, match="none of the versions"):
        ModelManager("m", base_path, policy).load_any()


def test_without_warm_up(base_path: Path):
    (base_path / "1" / "assets.extra").mkdir()
    (base_path / "1" / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"damaged")
    manager = ModelManager("m", base_path, warmup=False)
    manager.load_any()
    assert manager.versions == [1]
    with pytest.raises(InputError, match="warm-up"):
        ModelManager("m", base_path).load_any()
