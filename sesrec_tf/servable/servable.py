"""A ranking model behind the signatures that TF Serving calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES, HistoryShape, request_shapes
from sesrec_tf.servable.raw_examples import parse_examples
from sesrec_tf.servable.request_features import RequestFeatures
from sesrec_tf.servable.shape_validation import validate_shapes
from sesrec_tf.signatures import EXAMPLES, PADDED_SCORE, PROBABILITIES, SCORES, SERVING_DEFAULT

Tensor = Any


class Servable:
    """Raw ids in, scores out.

    Signatures:
        serving_default: strings as in `schema.request_shapes`, padded with "". Histories have the
            model's widths, the number of candidates is free.
        examples: `examples` `[B]`, each a serialized `tf.Example` of the same names and raw
            strings, lists of any length, see `parse_examples`.

    Both return float32 `[B, K]` `scores` (logits) and `probabilities`. An empty candidate, and
    what pads the lists of `examples` to the longest of the batch, scores `PADDED_SCORE` with
    probability 0.

    Args:
        model: a built model.
        dataset: vocabularies of the data it was trained on.
        history: widths of its batches.

    Raises:
        InputError: if a vocabulary file is missing or damaged.
    """

    def __init__(
        self, model: RankingModel, dataset: PreparedDataset, history: HistoryShape
    ) -> None:
        self.model = model
        self.history = request_widths(history, dataset.history)
        self._features = RequestFeatures(dataset, history)

    def serving_default(self, request: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores dense string tensors.

        Raises:
            tf.errors.InvalidArgumentError: when run, for a shape that the signature does not have.
        """
        return self._rank(validate_shapes(request, request_shapes(self.history)))

    def examples(self, examples: Tensor) -> dict[str, Tensor]:
        """Scores serialized `tf.Example` messages `[B]`.

        Raises:
            tf.errors.InvalidArgumentError: when run, for another rank, or messages that
                `parse_examples` refuses.
        """
        serialized = validate_shapes({EXAMPLES: examples}, {EXAMPLES: ()})[EXAMPLES]
        return self._rank(parse_examples(serialized, self.history))

    def write(self, path: str | Path) -> None:
        """Writes the SavedModel, vocabularies as assets, to a directory."""
        archive = keras.export.ExportArchive()
        archive.track(self.model)
        for lookup in self._features.lookups.values():
            if lookup.table is not None:
                archive.track(lookup.table)
        archive.add_endpoint(SERVING_DEFAULT, self.serving_default, [input_specs(self.history)])
        archive.add_endpoint(
            EXAMPLES, self.examples, [tf.TensorSpec([None], tf.string, name=EXAMPLES)]
        )
        archive.write_out(str(path), verbose=False)

    def _rank(self, request: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = tf.cast(self.model(self._features(request), training=False), tf.float32)
        present = tf.not_equal(request[CANDIDATES], "")
        return {
            SCORES: tf.where(present, logits, PADDED_SCORE),
            PROBABILITIES: tf.where(present, tf.sigmoid(logits), 0.0),
        }


def input_specs(history: HistoryShape) -> dict[str, tf.TensorSpec]:
    """Inputs of `serving_default` for the widths of a request."""
    return {
        name: tf.TensorSpec((None, *dims), tf.string, name=name)
        for name, dims in request_shapes(history).items()
    }


def request_widths(model: HistoryShape, records: HistoryShape) -> HistoryShape:
    """Widths of a request: those of the model, but no more than training records held.

    Positions, words and clicks beyond the records' widths were never trained.
    """
    return HistoryShape(
        rec_length=min(model.rec_length, records.rec_length),
        search_length=min(model.search_length, records.search_length),
        query_words=min(model.query_words, records.query_words),
        clicks=min(model.clicks, records.clicks),
    )
