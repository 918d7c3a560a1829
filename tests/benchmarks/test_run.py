"""The speed benchmark, in small: real workers, real files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.speed.device_list import DeviceList
from benchmarks.speed.peer_checks import require_peer
from benchmarks.speed.result_plot import write_plot
from benchmarks.speed.results_file import ResultsFile
from benchmarks.speed.suite import CATALOGUES, benchmarks
from sesrec_tf.errors import InputError

SMALL = ["--scale", "200", "--repeats", "2", "--seconds", "0.05"]
PEER = os.environ.get("SESREC_TF_PEER")
PEER_PYTHON = os.environ.get("SESREC_TF_PEER_PYTHON", sys.executable)


def test_results_are_merged(tmp_path: Path, capsys):
    flags = [*SMALL, "--devices", "CPU:0", "--output", str(tmp_path)]
    run.main(["--only", "metrics", *flags])
    run.main(["--only", "training", *flags])
    found = json.loads((tmp_path / "results.json").read_text())["benchmarks"]
    assert list(found) == ["metrics", "training"]
    assert found["training"]["run"]["scale"] == 200
    assert "--only training" in found["training"]["run"]["command"]
    subject, dense = found["training"]["subjects"]
    assert (subject["label"], dense["label"]) == ("lazy_adam", "adam")
    assert len(subject["rounds"]) == 2
    for each in subject["rounds"]:
        assert each["examples"] == 8 * each["steps"] > 0
    assert 0 < subject["start"]["model"] < subject["start"]["first_step"]
    parts = [subject["start"][name] for name in ("imports", "model", "first_call")]
    assert sum(parts) == pytest.approx(subject["start"]["first_step"])
    assert subject["peak_bytes"] > 100 * 2**20
    assert {"tensorflow", "keras"} <= set(subject["versions"])
    assert subject["devices"] == ["CPU:0"]
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    assert "Training from the records" in capsys.readouterr().out


@pytest.fixture
def peer_flags() -> list[str]:
    """Flags of the official code, if SESREC_TF_PEER (and SESREC_TF_PEER_PYTHON) say where it is."""
    if PEER is None:
        pytest.skip("SESREC_TF_PEER names no checkout of the official code")
    try:
        require_peer(Path(PEER), PEER_PYTHON)
    except InputError as error:
        pytest.skip(str(error))
    return ["--peer", PEER, "--peer-python", PEER_PYTHON]


@pytest.mark.parametrize("name", ["training", "kuaishou_evaluation", "metrics"])
def test_beside_the_official_code(name, peer_flags, tmp_path: Path):
    run.main(["--only", name, *SMALL, *peer_flags, "--output", str(tmp_path)])
    found = json.loads((tmp_path / "results.json").read_text())["benchmarks"][name]
    *ours, official = found["subjects"]
    assert {subject["side"] for subject in ours} == {"own"}
    assert official["side"] == "peer"
    assert [ratio["of"] for ratio in found["ratios"]] == [subject["label"] for subject in ours]
    peer = official["rounds"][0]
    for subject, ratio in zip(ours, found["ratios"], strict=True):
        own = subject["rounds"][0]
        expected = own["examples"] / own["seconds"] * peer["seconds"] / peer["examples"]
        assert ratio["rounds"][0] == pytest.approx(expected)


def test_the_plot_with_every_panel(tmp_path: Path):
    spread = {"median": 2.0, "minimum": 1.0, "maximum": 3.0}
    subjects = [
        {"label": side, "side": side, "items": 10, "figure": spread, "examples_per_second": spread}
        for side in ("own", "peer")
    ]
    result = {"title": "T", "unit": "ms a step", "subjects": subjects}
    write_plot(tmp_path / "both.png", {"training_step": result, "catalogue": result})
    write_plot(tmp_path / "one.png", {"catalogue": result})
    assert (tmp_path / "both.png").stat().st_size > (tmp_path / "one.png").stat().st_size


def test_a_file_of_others_is_left_alone(tmp_path: Path):
    file = tmp_path / "results.json"
    file.write_text('{"load": []}')
    with pytest.raises(InputError, match="should hold results of this benchmark"):
        ResultsFile(file)
    assert file.read_text() == '{"load": []}'


def test_unknown_benchmark(tmp_path: Path):
    with pytest.raises(InputError, match=r"training_step, training, input.*Received: 'speed'"):
        run.main(["--only", "speed", "--output", str(tmp_path)])


def test_no_checkout(tmp_path: Path):
    flags = ["--peer", str(tmp_path), "--output", str(tmp_path)]
    with pytest.raises(InputError, match="should be a checkout of the official SESRec"):
        run.main(flags)


def test_a_python_without_torch(tmp_path: Path):
    for name in ("config/const.py", "models/SESRec.py", "utils/data_sampler.py", "tester.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho '[\"torch\"]'\n")
    python.chmod(0o755)
    flags = ["--peer", str(tmp_path), "--output", str(tmp_path), "--peer-python"]
    with pytest.raises(InputError, match="python lacks torch"):
        run.main([*flags, str(python)])
    with pytest.raises(InputError, match="should be a Python that the official code runs with"):
        run.main([*flags, str(tmp_path / "absent")])


@pytest.mark.parametrize("names", [["CPU:1"], ["GPU:0", "GPU:0"], ["GPU:0", "CPU:0"], ["gpu"]])
def test_devices_that_are_none(names):
    with pytest.raises(InputError, match="`--devices` should be different devices of one kind"):
        DeviceList.parse(names)


def test_devices():
    assert DeviceList.parse(["GPU:1", "GPU:3"]).names == ["GPU:1", "GPU:3"]
    assert DeviceList.parse([]) == DeviceList()


@pytest.mark.parametrize("flag", ["--repeats", "--seconds", "--scale", "--peer-workers"])
def test_numbers_are_positive(flag, tmp_path: Path):
    with pytest.raises(InputError, match=rf"`{flag}` should be positive\. Received: 0"):
        run.main([flag, "0", "--output", str(tmp_path)])


def test_the_suite():
    alone, both = benchmarks(peer=False), benchmarks(peer=True)
    assert list(alone) == list(both)
    assert {subject.side for each in alone.values() for subject in each.subjects} == {"own"}
    sizes = [subject.profile.sizes.items for subject in both["catalogue"].subjects]
    assert sizes == 2 * list(CATALOGUES)
    assert len(both["catalogue"].pairs) == 6
    for each in both.values():
        labels = [subject.label for subject in each.subjects]
        assert len(set(labels)) == len(labels)
        assert {label for pair in each.pairs for label in pair} <= set(labels)
