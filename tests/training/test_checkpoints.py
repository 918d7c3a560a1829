from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.registry import create_model
from sesrec_tf.training.checkpoints import STATE_FILE, Checkpoints, RunState
from sesrec_tf.training.optimizers import make_optimizer
from sesrec_tf.training.plateau_schedule import PlateauState

STATE = RunState(
    epoch=2,
    step=5,
    schedule=PlateauState(0.1 + 0.2, best=1 / 3, bad_epochs=1, floor_epochs=2, stop=True),
    best_mrr=1 / 3,
    best_epoch=1,
    history=({"epoch": 1, "loss": 1 / 7}, {"epoch": 2, "loss": 0.1}),
    sums={"loss": 5 / 3, "bce": 1 / 9},
)


def make(config: Config, data: PreparedDataset) -> RankingModel:
    model = create_model(config, data)
    model.compile(optimizer=make_optimizer(config.training))
    model.optimizer.build(model.trainable_variables)
    return model


def randomize(model: RankingModel, seed: int) -> dict[str, np.ndarray]:
    """Gives every weight and every variable of the optimiser a value of its own."""
    random = np.random.default_rng(seed)
    for variable in [*model.weights, *model.optimizer.variables]:
        variable.assign(random.integers(1, 100, variable.shape))
    return values(model)


def values(model: RankingModel) -> dict[str, np.ndarray]:
    variables = [*model.weights, *model.optimizer.variables]
    return {variable.path: variable.numpy() for variable in variables}


def assert_equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


@pytest.fixture(scope="module")
def model(tiny_config: Config, tiny_data: PreparedDataset) -> RankingModel:
    return make(tiny_config, tiny_data)


def test_everything_comes_back(
    model: RankingModel, tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """Weights, moments, count of updates and state, into a model not yet run."""
    expected = randomize(model, 1)
    Checkpoints(tmp_path).save(model, STATE)
    fresh = make(tiny_config, tiny_data)
    assert Checkpoints(tmp_path).restore(fresh) == STATE
    assert_equal(values(fresh), expected)


def test_the_first_state_comes_back(model: RankingModel, tmp_path: Path) -> None:
    """Infinities too."""
    state = RunState(schedule=PlateauState(1e-3))
    Checkpoints(tmp_path).save(model, state)
    assert Checkpoints(tmp_path).read_state() == state


def test_the_best_weights_come_back(
    model: RankingModel, tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    randomize(model, 1)
    checkpoints.save_best(model, 1)
    expected = randomize(model, 2)
    checkpoints.save_best(model, 1)
    randomize(model, 3)
    checkpoints.save(model, STATE)
    fresh = make(tiny_config, tiny_data)
    assert checkpoints.restore_best(fresh) == 1
    found = values(fresh)
    for variable in fresh.trainable_variables:
        np.testing.assert_array_equal(found[variable.path], expected[variable.path])


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_superseded_ones_are_removed(model: RankingModel, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_best(model, 1)
    checkpoints.save(model, RunState(epoch=1, best_epoch=1))
    checkpoints.save(model, RunState(epoch=1, step=100, best_epoch=1))
    assert names(tmp_path) == ["best-00001", "step-00001-00000100"]
    checkpoints.save_best(model, 2)
    # The best weights of before stay until a checkpoint names the new ones.
    assert names(tmp_path) == ["best-00001", "best-00002", "step-00001-00000100"]
    checkpoints.save(model, RunState(epoch=2, best_epoch=2))
    assert names(tmp_path) == ["best-00002", "step-00002-00000000"]


def test_half_written_ones_are_ignored_and_removed(model: RankingModel, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    target = checkpoints.save(model, RunState(epoch=1))
    half = tmp_path / ".step-00002-00000000.partial-host-1"
    half.mkdir()
    (half / STATE_FILE).write_text(json.dumps({"epoch": 2}))
    assert checkpoints.latest() == target
    state = checkpoints.read_state()
    assert state is not None
    assert state.epoch == 1
    checkpoints.save(model, RunState(epoch=2))
    assert names(tmp_path) == ["step-00002-00000000"]


def test_a_failed_save_changes_nothing(
    model: RankingModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, RunState(epoch=1))

    def full(*arguments: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("sesrec_tf.training.checkpoints.write_json", full)
    with pytest.raises(OSError, match="no space"):
        checkpoints.save(model, RunState(epoch=2))
    assert names(tmp_path) == ["step-00001-00000000"]


def test_the_newest_is_the_last_in_epoch_and_step(model: RankingModel, tmp_path: Path) -> None:
    for name in ("step-00002-00000000", "step-00001-00000999", "step-00010-00000000", "best-00099"):
        (tmp_path / name).mkdir()
    latest = Checkpoints(tmp_path).latest()
    assert latest is not None
    assert latest.name == "step-00010-00000000"


def test_none_yet(model: RankingModel, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "none")
    assert checkpoints.latest() is None
    assert checkpoints.read_state() is None
    with pytest.raises(InputError, match="no checkpoint"):
        checkpoints.restore(model)
    with pytest.raises(InputError, match=r"no finished epoch.*--resume"):
        checkpoints.restore_best(model)
    checkpoints.save(model, RunState(epoch=0, step=3))
    with pytest.raises(InputError, match="no finished epoch"):
        checkpoints.restore_best(model)


@pytest.mark.parametrize("other", [{"item_width": 12}, {"blocks": 2}, {"hidden_units": (8,)}])
def test_another_model_is_refused(
    model: RankingModel,
    tiny_config: Config,
    tiny_data: PreparedDataset,
    tmp_path: Path,
    other: dict[str, object],
) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_best(model, 1)
    checkpoints.save(model, STATE)
    stranger = make(tiny_config.replace("model", **other), tiny_data)
    for restore in (checkpoints.restore, checkpoints.restore_best):
        with pytest.raises(InputError, match=r"does not fit this model.*own configuration"):
            restore(stranger)


def test_a_damaged_checkpoint_is_an_input_error(model: RankingModel, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    target = checkpoints.save(model, STATE)
    for file in target.glob("run*"):
        file.unlink()
    with pytest.raises(InputError, match="does not fit"):
        checkpoints.restore(model)
    shutil.rmtree(target)
