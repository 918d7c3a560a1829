from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.data.demo_history import history_truth
from sesrec_tf.data.demo_preparation import prepare_demo
from sesrec_tf.data.demo_settings import DemoSettings
from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.interest_report import SIDES, interest_aucs
from sesrec_tf.evaluation.scoring import read_split
from sesrec_tf.schema import INSTANCE


class KnowsTheTruth:
    """Weighs the events of each instance by whether they are similar, times a sign."""

    def __init__(self, prepared: PreparedDataset, sign: float) -> None:
        features = read_split(prepared, "test", prepared.history)
        truth = history_truth(DemoTruth.read(prepared.path), features[INSTANCE], prepared.history)
        self.rows = tf.constant(features[INSTANCE])
        self.weights = {
            side: tf.constant(0.5 + sign * np.where(getattr(truth, f"{side}_similar"), 0.1, -0.1))
            / tf.reduce_sum(tf.cast(getattr(truth, f"{side}_mask"), tf.float64), 1, keepdims=True)
            for side in SIDES
        }

    def encode(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        places = tf.argmax(features[INSTANCE][:, None] == self.rows[None, :], axis=1)
        return {
            f"{side}_weights": tf.gather(weights, places) for side, weights in self.weights.items()
        }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    settings = DemoSettings(users=150)
    return prepare_demo(tmp_path_factory.mktemp("demo") / "data", settings)


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, 0.0), (0.0, 0.5)])
def test_the_truth_scores_one_its_opposite_zero_and_nothing_a_half(
    demo: PreparedDataset, sign: float, expected: float
) -> None:
    found = interest_aucs(KnowsTheTruth(demo, sign), demo, "test", demo.history)
    assert found == {side: pytest.approx(expected) for side in SIDES}


def test_data_without_truth_is_refused(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no truth"):
        interest_aucs(None, tiny_data, "test", tiny_data.history)
