"""Whether a model's co-attention finds the similar events of a demo world."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sesrec_tf.data.demo_history import history_truth
from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.interest_truth import interest_auc
from sesrec_tf.evaluation.scoring import stack
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import INSTANCE, HistoryShape

SIDES = ("rec", "search")


def interest_aucs(
    model: RankingModel, prepared: PreparedDataset, split: str, history: HistoryShape
) -> dict[str, float]:
    """AUC of the co-attention weights (10) for the true similar events, by side.

    Only instances with events on both sides count: without the other history there is nothing
    to be similar to.

    Args:
        model: whose `encode` gives `rec_weights` and `search_weights`.
        prepared: a prepared demo world.
        split: `valid` or `test`.
        history: widths of the batches.

    Returns:
        `rec` and `search`; 0.5 is chance.

    Raises:
        InputError: if the data set has no truth.
    """
    truth = DemoTruth.read(prepared.path)
    encode = tf.function(lambda features: _weights(model, features), reduce_retracing=True)
    batches = [
        {
            name: value.numpy()
            for name, value in {**encode(batch), INSTANCE: batch[INSTANCE]}.items()
        }
        for batch in evaluation_batches(prepared, split, history)
    ]
    found = stack(batches)
    known = history_truth(truth, found[INSTANCE], history)
    both = known.rec_mask.any(axis=1) & known.search_mask.any(axis=1)
    return {
        side: interest_auc(
            found[side][both],
            getattr(known, f"{side}_mask")[both],
            getattr(known, f"{side}_similar")[both],
        )
        for side in SIDES
    }


def _weights(model: RankingModel, features: dict[str, Any]) -> dict[str, Any]:
    state = model.encode(features)
    return {side: state[f"{side}_weights"] for side in SIDES}
