"""The command, in processes of its own where a process is the point."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.models.presets import PRESETS
from sesrec_tf.train import _data, _next_commands, main
from sesrec_tf.training.run_directory import RunDirectory

ROOT = Path(__file__).parents[1]
PATIENCE = 300
SPEEDS = ("examples_per_second", "valid_users_per_second")


def start(*argv: object, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own, without GPUs."""
    return subprocess.Popen(
        [sys.executable, "-m", "sesrec_tf.train", *map(str, argv)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Output and errors of a process that should succeed."""
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, output + errors
    return output, errors


def kill_when(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    """SIGKILL as soon as something has happened."""
    end = time.monotonic() + PATIENCE
    while not ready() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors


def arguments(config: Config, data: PreparedDataset, directory: Path) -> list[object]:
    file = directory.parent / f"{directory.name}.yaml"
    directory.parent.mkdir(parents=True, exist_ok=True)
    config.save(file)
    return ["--data", data.path, "--config", file, "--run-dir", directory, "--no-export"]


def run_here(argv: list[object]) -> None:
    main([str(argument) for argument in argv])


def history(run: RunDirectory) -> list[dict[str, float]]:
    state = run.checkpoints.read_state()
    assert state is not None
    return [{k: v for k, v in logs.items() if k not in SPEEDS} for logs in state.history]


def stored(run: RunDirectory) -> dict[str, np.ndarray]:
    """Every tensor of the last checkpoint and of the best weights."""
    tensors = {}
    for file in sorted(run.checkpoints.directory.glob("*/*.index")):
        prefix = file.with_suffix("")
        reader = tf.train.load_checkpoint(str(prefix))
        for name in reader.get_variable_to_shape_map():
            if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
                tensors[f"{prefix.parent.name}/{name}"] = reader.get_tensor(name)
    return tensors


@pytest.fixture(scope="module")
def config(tiny_config: Config) -> Config:
    """Every draw at work (dropout, unknown ids, alignment negatives), and averaged weights."""
    config = tiny_config.replace("model", dropout=0.2)
    return config.replace(
        "training", epochs=4, checkpoint_steps=2, unknown_rate=0.1, weight_average=0.7
    )


@pytest.fixture(scope="module")
def undisturbed(
    config: Config, tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory
) -> RunDirectory:
    directory = tmp_path_factory.mktemp("undisturbed") / "run"
    run_here(arguments(config, tiny_data, directory))
    return RunDirectory(directory)


def test_killed_and_resumed_it_ends_as_if_undisturbed(
    config: Config, tiny_data: PreparedDataset, undisturbed: RunDirectory, tmp_path: Path
) -> None:
    """Killed before the first checkpoint, and again at a random moment of the training."""
    run = RunDirectory(tmp_path / "run")
    argv = [*arguments(config, tiny_data, run.path), "--resume"]
    kill_when(start(*argv), run.exists)
    assert run.checkpoints.latest() is None

    steps = tiny_data.instances("train") // config.training.batch_size
    epoch, step = divmod(random.randrange(2, (config.training.epochs - 1) * steps), steps)
    moment = f"step-{epoch:05d}-{step:08d}"

    def beyond() -> bool:
        latest = run.checkpoints.latest()
        return latest is not None and latest.name >= moment

    kill_when(start(*argv), beyond)
    stopped_at = run.checkpoints.latest()
    output, _ = finish(start(*argv))
    assert "resumed at epoch" in output, stopped_at
    assert run.metrics == undisturbed.metrics, stopped_at
    assert history(run) == history(undisturbed), stopped_at
    found, expected = stored(run), stored(undisturbed)
    assert found.keys() == expected.keys()
    assert len(found) > 100
    for name, value in found.items():
        assert value.tobytes() == expected[name].tobytes(), (stopped_at, name)
    instances = [each.path / "instances-test.parquet" for each in (run, undisturbed)]
    assert instances[0].read_bytes() == instances[1].read_bytes()


def test_the_run_directory(undisturbed: RunDirectory, config: Config) -> None:
    assert undisturbed.config == config
    assert set(undisturbed.metrics) == {"best_epoch", "valid", "test", "references"}
    for split in ("valid", "test"):
        assert set(undisturbed.metrics[split]) == set(METRICS)
    assert undisturbed.info["seed"] == config.training.seed
    best = history(undisturbed)[undisturbed.metrics["best_epoch"] - 1]
    assert undisturbed.metrics["valid"] == {name: best[f"valid/{name}"] for name in METRICS}
    assert sorted(os.listdir(undisturbed.path)) == [
        "checkpoints",
        "config.yaml",
        "dataset",
        "instances-test.parquet",
        "metrics.json",
        "run.json",
        "tensorboard",
    ]


def test_a_used_run_directory_is_refused(
    config: Config, tiny_data: PreparedDataset, undisturbed: RunDirectory
) -> None:
    before = (undisturbed.path / "run.json").read_bytes()
    process = start("--data", tiny_data.path, "--run-dir", undisturbed.path)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert output == ""
    # Without what TensorFlow says of the machine.
    lines = [line for line in errors.splitlines() if line.startswith("error:")]
    assert lines == [
        f"error: {undisturbed.path} holds a run already. Continue it with --resume, or choose "
        "another --run-dir."
    ]
    assert "Traceback" not in errors
    assert (undisturbed.path / "run.json").read_bytes() == before


def test_other_settings_cannot_resume(
    config: Config, tiny_data: PreparedDataset, undisturbed: RunDirectory
) -> None:
    argv = ["--data", tiny_data.path, "--run-dir", undisturbed.path, "--resume"]
    message = r"training\.seed: run \d+, now 5\).*--run-dir"
    with pytest.raises(InputError, match=message):
        run_here([*argv, "--seed", 5])
    with pytest.raises(InputError, match=r"model\.item_width: run 8, now 16"):
        run_here([*argv, "--item-width", 16])


def test_other_data_cannot_resume(
    config: Config, tiny_data: PreparedDataset, undisturbed: RunDirectory, tmp_path: Path
) -> None:
    data = shutil.copytree(tiny_data.path, tmp_path / "data")
    info = json.loads((data / INFO_FILE).read_text("utf-8"))
    (data / INFO_FILE).write_text(json.dumps({**info, "content_hash": "0"}), "utf-8")
    argv = ["--data", data, "--run-dir", undisturbed.path, "--resume"]
    with pytest.raises(InputError, match=r"is not the one .* was started with.*received 0\."):
        run_here(argv)
    sizes = {**info["vocabularies"], "users": 3}
    (data / INFO_FILE).write_text(json.dumps({**info, "vocabularies": sizes}), "utf-8")
    with pytest.raises(InputError, match="does not fit the run"):
        run_here(argv)
    (data / INFO_FILE).write_text(json.dumps({**info, "format_version": 7}), "utf-8")
    with pytest.raises(InputError, match="format version 7, expected"):
        run_here(argv)


def test_unusable_settings_leave_no_run(
    config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """So that the same --run-dir serves for the next attempt."""
    argv = arguments(config, tiny_data, tmp_path / "run")
    for flags, message in (
        (["--batch-size", 100_000], r"training instances, expected at least one batch of 100000"),
        (["--num-negatives", 1000], "items can be drawn as training negatives"),
        (["--item-width", 9], "`heads` should divide"),
        (["--init-from", tmp_path / "none"], "is not a run directory"),
        (["--replicas", 0], "positive integer"),
        (["--seed", 2**63], "`seed` should be a signed 64-bit integer"),
    ):
        with pytest.raises(InputError, match=message):
            run_here([*argv, *flags])
        assert not RunDirectory(tmp_path / "run").exists()


def test_arguments_that_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`--resume` needs `--run-dir`"):
        run_here(["--resume"])
    with pytest.raises(InputError, match="not a prepared data set"):
        run_here(["--data", tmp_path / "none", "--run-dir", tmp_path / "run"])


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def exact(config: Config) -> Config:
    """Nothing drawn that depends on the replica, and few steps: Adam amplifies rounding."""
    config = config.replace("model", dropout=0.0)
    return config.replace(
        "training", epochs=2, optimizer="adam", learning_rate=1e-3, checkpoint_steps=0
    )


@pytest.fixture(scope="module")
def single(
    exact: Config,
    tiny_data: PreparedDataset,
    undisturbed: RunDirectory,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunDirectory:
    """One process, one device, from an earlier run's weights."""
    directory = tmp_path_factory.mktemp("single") / "run"
    run_here([*arguments(exact, tiny_data, directory), "--init-from", undisturbed.path])
    return RunDirectory(directory)


def assert_close(run: RunDirectory, expected: RunDirectory) -> None:
    """Losses, weights, and what goes into the average, to 1e-5."""
    for found, logs in zip(history(run), history(expected), strict=True):
        assert found.keys() == logs.keys()
        for name, value in logs.items():
            if not name.startswith("valid/"):
                assert found[name] == pytest.approx(value, abs=1e-5), name
    tensors, others = stored(run), stored(expected)
    names = [name for name in others if "/weights/" in name or "/average/" in name]
    assert {name.split("/")[1] for name in names} == {"weights", "average"}
    for name in names:
        np.testing.assert_allclose(tensors[name], others[name], atol=1e-5, err_msg=name)


def test_two_replicas_equal_one(
    exact: Config,
    tiny_data: PreparedDataset,
    undisturbed: RunDirectory,
    single: RunDirectory,
    tmp_path: Path,
) -> None:
    argv = [*arguments(exact, tiny_data, tmp_path / "run"), "--init-from", undisturbed.path]
    output, _ = finish(start(*argv, "--replicas", 2))
    carried = r"started from \S+: [\d,]+ table rows carried over, 0 new"
    assert re.search(carried, " ".join(output.split()))
    run = RunDirectory(tmp_path / "run")
    assert len([name for name in run.info["hardware"]["devices"] if "CPU" in name]) == 2
    assert_close(run, single)


def test_two_workers_equal_one_process(
    exact: Config,
    tiny_data: PreparedDataset,
    undisturbed: RunDirectory,
    single: RunDirectory,
    tmp_path: Path,
) -> None:
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    argv = [*arguments(exact, tiny_data, tmp_path / "run"), "--init-from", undisturbed.path]
    processes = [
        start(
            *argv,
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]
    try:
        for process in processes:
            finish(process)
    finally:
        for process in processes:
            process.kill()
    run = RunDirectory(tmp_path / "run")
    assert_close(run, single)
    assert run.metrics["test"].keys() == single.metrics["test"].keys()


def test_starting_from_an_earlier_run_helps(
    single: RunDirectory, undisturbed: RunDirectory
) -> None:
    assert history(single)[0]["bce"] < history(undisturbed)[0]["bce"]


def test_an_earlier_runs_weights_survive_a_kill_before_the_first_epoch_ends(
    exact: Config,
    tiny_data: PreparedDataset,
    undisturbed: RunDirectory,
    single: RunDirectory,
    tmp_path: Path,
) -> None:
    """Resumed without --init-from."""
    run = RunDirectory(tmp_path / "run")
    argv = arguments(exact, tiny_data, run.path)
    kill_when(start(*argv, "--init-from", undisturbed.path), run.exists)
    latest = run.checkpoints.latest()
    assert latest is not None
    assert latest.name == "step-00000-00000000"
    run_here([*argv, "--resume"])
    assert history(run) == history(single)
    found, expected = stored(run), stored(single)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.tobytes() == expected[name].tobytes(), name


def test_more_epochs_are_kept_and_a_model_is_published_once(
    exact: Config, tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDirectory(tmp_path / "run")
    config = exact.replace("training", epochs=1)
    argv = arguments(config, tiny_data, run.path)[:-1]
    run_here(argv)
    resume = ["--run-dir", run.path, "--resume"]
    run_here(resume)
    assert os.listdir(run.path / "export") == ["1"]
    assert f"{run.path / 'export' / '1'} holds this model already" in capsys.readouterr().out

    run_here([*resume, "--epochs", 2])
    assert run.config == config.replace("training", epochs=2)
    versions = {"1", "2"} if run.metrics["best_epoch"] == 2 else {"1"}
    assert set(os.listdir(run.path / "export")) == versions
    run_here([*resume, "--no-export"])
    assert len(history(run)) == 2
    events = EventAccumulator(str(run.path / "tensorboard" / "epochs")).Reload()
    texts = [event.tensor_proto.string_val[0] for event in events.Tensors("configuration")]
    assert b"epochs: 2\n" in texts[-1]


def test_workers_need_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(InputError, match=re.escape("Expected --data")):
        _data(None, RunDirectory(tmp_path), False, None)  # type: ignore[arg-type]


def test_the_next_commands_are_exact(undisturbed: RunDirectory, tmp_path: Path) -> None:
    """A shell reads them as they are meant, whatever a path or an id holds."""
    run = RunDirectory(shutil.copytree(undisturbed.path, tmp_path / "run's own"))
    (run.path / "dataset" / "vocabularies" / "users.txt").write_text("$HOME;u\n", "utf-8")
    lines = _next_commands(run, True).splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("  ")]
    directory = str(run.path)
    assert commands[0] == ["tensorboard", "--logdir", f"{directory}/tensorboard"]
    evaluate, server, client = (words[3:] for words in commands[1:])
    assert evaluate == ["--run", directory, "--split", "test", "--by", "searches"]
    assert server == ["--model-base-path", f"{directory}/export", "--port", "8500"]
    assert client[client.index("--user") + 1] == "$HOME;u"
    assert client[client.index("--rec-items") + 1 :] == [
        *run.dataset.vocabulary("items")[:2],
        "--candidates",
        *run.dataset.vocabulary("items")[2:5],
    ]
    assert len(_next_commands(run, False).splitlines()) == len(lines) - 2


def test_help_explains_every_flag_and_preset(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    presets = output[output.index("\npresets:\n") :]
    for name in PRESETS:
        assert re.search(rf"\n  {name} +\w+ \w+ \w+", presets), name
    flags = re.findall(
        r"\n  (--[^\n]+?)(?:\n  |  )\s+(\S[^\n]*)", output[: output.index("examples:")]
    )
    assert len(flags) > 25
    for flag, text in flags:
        assert len(text.split()) >= 4, flag
    for words in ("default: kindle with --data, demo", "1/8", "TF_CONFIG", "chief"):
        assert words in output
