from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    TENSORS,
    EventAccumulator,
)
from tensorboard.plugins.hparams import plugin_data_pb2

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.hyperparameters import flat_settings
from sesrec_tf.training.l2_term import l2_term
from sesrec_tf.training.observer import Logs, Observer
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.tensorboard_report import (
    HISTOGRAM_ROWS,
    TensorBoardReport,
    histogram_values,
)
from sesrec_tf.training.trainer import Trainer

EPOCHS = 3
LOSSES = ("total", "bce", "alignment_q2i", "alignment_i2q", "contrast_rec", "contrast_search")


class KilledError(Exception):
    """Stands for the signal."""


class KillAfter(Observer):
    """Ends the process after an epoch's report and before its checkpoint."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        if state.epoch == self.epoch:
            raise KilledError


class Resumed:
    """A run killed after its second epoch was reported, and resumed from the first."""

    def __init__(self, path: Path, config: Config, prepared: PreparedDataset) -> None:
        self.config = config.replace("training", epochs=EPOCHS)
        self.prepared = prepared
        self.run = RunDirectory.create(path, self.config, prepared, ["CPU"])
        self.logs = self.run.path / "tensorboard"
        with pytest.raises(KilledError):
            self._trainer(KillAfter(2)).fit()
        self.written_twice = len(_scalars(self.logs / "steps")["running_loss/total"])
        trainer = self._trainer()
        self.state = trainer.fit(resume=True)
        self.model, self.steps = trainer.model, trainer.steps

    def _trainer(self, *observers: Observer) -> Trainer:
        report = TensorBoardReport(self.logs, self.config, self.prepared)
        strategy = tf.distribute.get_strategy()
        return Trainer(self.config, self.prepared, self.run, strategy, (report, *observers))


@pytest.fixture(scope="module")
def resumed(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory
) -> Resumed:
    return Resumed(tmp_path_factory.mktemp("report") / "run", tiny_config, tiny_data)


def _read(directory: Path) -> EventAccumulator:
    return EventAccumulator(str(directory), size_guidance={TENSORS: 0}).Reload()


def _scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    events = _read(directory)
    return {
        tag: [
            (event.step, float(tf.make_ndarray(event.tensor_proto)))
            for event in events.Tensors(tag)
        ]
        for tag in events.PluginTagToContent("scalars")
    }


def _hyperparameters(directory: Path, tag: str) -> Any:
    content = _read(directory).SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def test_every_curve_has_every_epoch_once(resumed: Resumed) -> None:
    scalars = _scalars(resumed.logs / "epochs")
    expected = {
        *(f"loss/{name}" for name in (*LOSSES, "l2")),
        *(f"validation/{name}" for name in (*METRICS, "users_per_second")),
        *(f"training/{name}" for name in ("learning_rate", "examples_per_second", "temperature")),
    }
    assert set(scalars) == expected
    for tag, points in scalars.items():
        assert [step for step, _ in points] == [1, 2, 3], tag


def test_curves_are_the_history_of_the_run(resumed: Resumed) -> None:
    scalars = _scalars(resumed.logs / "epochs")
    for name, tag in (
        ("loss", "loss/total"),
        ("alignment_q2i", "loss/alignment_q2i"),
        ("valid/ndcg@5", "validation/ndcg@5"),
        ("learning_rate", "training/learning_rate"),
    ):
        expected = [logs[name] for logs in resumed.state.history]
        assert [value for _, value in scalars[tag]] == pytest.approx(expected, rel=1e-6)


def test_values_taken_from_the_model(resumed: Resumed) -> None:
    scalars = _scalars(resumed.logs / "epochs")
    weight = resumed.config.training.weight_decay
    expected = l2_term(resumed.model.trainable_variables, weight)
    assert scalars["loss/l2"][-1][1] == pytest.approx(expected, rel=1e-6)
    temperature = float(resumed.model.alignment.temperature.value)
    assert scalars["training/temperature"][-1][1] == pytest.approx(temperature)


def test_running_losses_go_on_where_the_checkpoint_stands(resumed: Resumed) -> None:
    scalars = _scalars(resumed.logs / "steps")
    assert set(scalars) == {f"running_loss/{name}" for name in LOSSES}
    # An epoch is shorter than 40 updates, so that every one is reported.
    assert resumed.steps < 40
    assert resumed.written_twice == 2 * resumed.steps
    for points in scalars.values():
        assert [step for step, _ in points] == list(range(1, EPOCHS * resumed.steps + 1))
    last = scalars["running_loss/total"][-1][1]
    assert last == pytest.approx(resumed.state.history[-1]["loss"], rel=1e-6)


def test_some_twenty_reports_an_epoch(
    tiny_config: Config, tiny_data: PreparedDataset, resumed: Resumed, tmp_path: Path
) -> None:
    report = TensorBoardReport(tmp_path, tiny_config, tiny_data)
    state = RunState(epoch=1)
    report.on_start(resumed.model, state, steps=1010)
    for step in range(1, 1011):
        report.on_step(resumed.model, state, step, {"loss": float(step)})
    report.on_end(resumed.model, state)
    points = _scalars(tmp_path / "steps")["running_loss/total"]
    # Every 1010 // 20 = 50 updates, counted from the start of the run.
    assert points == [(1010 + step, float(step)) for step in range(50, 1011, 50)]


def test_the_best_run_holds_the_metrics_of_the_kept_weights(resumed: Resumed) -> None:
    scalars = _scalars(resumed.logs / "best")
    assert set(scalars) == {f"validation/{name}" for name in METRICS}
    best, expected = float("-inf"), []
    for epoch, logs in enumerate(resumed.state.history, 1):
        best = max(best, logs["valid/mrr"])
        expected.append((epoch, pytest.approx(best, rel=1e-6)))
    assert scalars["validation/mrr"] == expected


def test_settings_are_hyperparameters(resumed: Resumed) -> None:
    start = _hyperparameters(resumed.logs / "best", "_hparams_/session_start_info")
    received = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in start.session_start_info.hparams.items()
    }
    assert received == flat_settings(resumed.config, resumed.prepared)
    assert received["training.learning_rate"] == resumed.config.training.learning_rate
    assert received["model.hidden_units"] == str(list(resumed.config.model.hidden_units))
    assert received["model.multi_interest"] is True
    end = _hyperparameters(resumed.logs / "best", "_hparams_/session_end_info")
    assert end.session_end_info.status == 1  # STATUS_SUCCESS


def test_the_configuration_is_readable_yaml(resumed: Resumed) -> None:
    events = _read(resumed.logs / "epochs").Tensors("configuration")
    assert [event.step for event in events] == [0, 1]
    text = tf.make_ndarray(events[-1].tensor_proto).item().decode()
    assert text.startswith("```yaml\n")
    values = yaml.safe_load(text.removeprefix("```yaml\n").removesuffix("```\n"))
    assert Config.from_dict(values) == resumed.config


def test_histograms_of_every_weight_from_before_training(resumed: Resumed) -> None:
    events = _read(resumed.logs / "epochs")
    tags = set(events.PluginTagToContent("histograms"))
    assert len(tags) == len(resumed.model.trainable_variables)
    assert {"weights/items/ids/table", "weights/alignment/temperature"} <= tags
    for tag in tags:
        assert [event.step for event in events.Tensors(tag)] == [0, 1, 2, 3], tag
    # Each bucket is (left, right, count): all weights are counted.
    table = resumed.model.items.ids.table
    buckets = tf.make_ndarray(events.Tensors("weights/items/ids/table")[-1].tensor_proto)
    assert buckets[:, 2].sum() == np.prod(table.shape)


def test_a_big_table_is_sampled_evenly_and_always_at_the_same_rows() -> None:
    rows = 2 * HISTOGRAM_ROWS + 3
    table = keras.Variable(np.arange(rows, dtype=np.float32)[:, None])
    sampled = np.asarray(histogram_values(table))[:, 0]
    assert len(sampled) == HISTOGRAM_ROWS
    assert (sampled[0], sampled[-1]) == (0, rows - 1)
    assert set(np.diff(sampled)) <= {2, 3}
    np.testing.assert_array_equal(sampled, np.asarray(histogram_values(table))[:, 0])


def test_a_small_variable_is_taken_whole() -> None:
    np.testing.assert_array_equal(histogram_values(keras.Variable([1.0, 2.0])), [1.0, 2.0])
    assert float(histogram_values(keras.Variable(3.0))) == 3.0


def test_embeddings_of_the_best_epoch_stand_beside_the_curves(resumed: Resumed) -> None:
    assert (resumed.logs / "epochs/projector_config.pbtxt").is_file()
    assert (resumed.logs / "epochs/projector/items.tsv").is_file()


def test_a_run_killed_before_its_first_checkpoint_starts_afresh(
    tiny_config: Config, tiny_data: PreparedDataset, resumed: Resumed, tmp_path: Path
) -> None:
    for loss in (1.0, 2.0):
        report = TensorBoardReport(tmp_path, tiny_config, tiny_data)
        report.on_start(resumed.model, RunState(), steps=3)
        report.on_step(resumed.model, RunState(), 1, {"loss": loss})
        # Event files are told apart by the second and the process: end this one's second.
        time.sleep(1.0)
    assert _scalars(tmp_path / "steps")["running_loss/total"] == [(1, 2.0)]
