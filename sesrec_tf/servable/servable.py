"""A ranking model behind the signatures that TF Serving calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from sesrec_tf.data.left_align import as_requested
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES, HistoryShape, request_shapes
from sesrec_tf.servable.raw_examples import parse_examples
from sesrec_tf.servable.raw_ids import RawIds
from sesrec_tf.servable.request_features import RequestFeatures
from sesrec_tf.servable.shape_validation import validate_shapes
from sesrec_tf.signatures import (
    EXAMPLES,
    EXPLAIN,
    INTEREST_WEIGHTS,
    ITEMS,
    PADDED_SCORE,
    PROBABILITIES,
    RECOMMEND,
    SCORES,
    SERVING_DEFAULT,
    SIDES,
    Shapes,
    explained,
    recommend_shapes,
)
from sesrec_tf.two_stages import TwoStages

Tensor = Any


class Servable:
    """Raw ids in, scores out.

    Signatures (names and shapes: `sesrec_tf.signatures`):
        serving_default: strings as in `schema.request_shapes`, padded with "". Histories have the
            model's widths, the number of candidates is free.
        examples: `examples` `[B]`, each a serialized `tf.Example` of the same names and raw
            strings, lists of any length, see `parse_examples`.
        explain: takes what `serving_default` takes; of a model that is `explainable`.
        recommend: takes the same without candidates, and answers with items of the catalogue; with
            a `two_stages`.

    All return float32 `scores` (logits) and `probabilities`, `[B, K]`, beside the k `items` of
    `recommend` `[B, k]`. An empty candidate, and
    what pads the lists of `examples` to the longest of the batch, scores `PADDED_SCORE` with
    probability 0. `explain` adds the tensors of `explanation_shapes`, each event at the place
    where the request holds it.

    Args:
        model: a built model.
        dataset: vocabularies of the data it was trained on.
        history: widths of its batches.
        two_stages: the two stages of `recommend`, over the same model.

    Raises:
        InputError: if a vocabulary file is missing or damaged.
    """

    def __init__(
        self,
        model: RankingModel,
        dataset: PreparedDataset,
        history: HistoryShape,
        two_stages: TwoStages | None = None,
    ) -> None:
        self.model = model
        self.history = request_widths(history, dataset.history)
        self._features = RequestFeatures(dataset, history)
        self._two_stages = two_stages
        self._item_ids = RawIds(dataset.vocabulary_file("items")) if two_stages else None

    @property
    def signatures(self) -> dict[str, tuple[Callable[..., dict[str, Tensor]], Any]]:
        """Function and specification of the input of every signature."""
        request = input_specs(request_shapes(self.history))
        examples = tf.TensorSpec([None], tf.string, name=EXAMPLES)
        result = {
            SERVING_DEFAULT: (self.serving_default, request),
            EXAMPLES: (self.examples, examples),
        }
        if self.model.explainable:
            result[EXPLAIN] = (self.explain, request)
        if self._two_stages is not None:
            result[RECOMMEND] = (self.recommend, input_specs(recommend_shapes(self.history)))
        return result

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

    def explain(self, request: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores dense string tensors and explains the histories for the first candidate.

        The weights of the interests are 0 where that candidate is empty.

        Raises:
            tf.errors.InvalidArgumentError: when run, for a shape that the signature does not have.
        """
        request = validate_shapes(request, request_shapes(self.history))
        batch = self._features(request)
        state = self.model.encode(batch, training=False)
        explanation = self.model.explain(state, batch[CANDIDATES])
        of_candidate = tf.not_equal(request[CANDIDATES][:, 0], "")[:, None, None]
        for name in (explained(side, INTEREST_WEIGHTS) for side in SIDES):
            explanation[name] = tf.where(of_candidate, explanation[name], 0.0)
        valid = dict(zip(SIDES, self._features.valid_events(request), strict=True))
        placed = {
            name: as_requested(value, valid[name.partition("_")[0]])
            for name, value in explanation.items()
        }
        logits = self.model.score(state, batch[CANDIDATES], training=False)
        return {**_answer(logits, request[CANDIDATES]), **placed}

    def recommend(self, request: dict[str, Tensor]) -> dict[str, Tensor]:
        """The best items of the catalogue; those of the request's feed and clicks are left out.

        Raises:
            tf.errors.InvalidArgumentError: when run, for a shape that the signature does not have.
        """
        assert self._two_stages is not None
        assert self._item_ids is not None
        request = validate_shapes(request, recommend_shapes(self.history))
        items, logits = self._two_stages(
            self._features(request), self._features.seen_items(request)
        )
        ids = self._item_ids(items)
        return {ITEMS: ids, **_answer(logits, ids)}

    def write(self, path: str | Path) -> None:
        """Writes the SavedModel, vocabularies as assets, to a directory."""
        archive = keras.export.ExportArchive()
        for resource in self._resources():
            archive.track(resource)
        for name, (function, inputs) in self.signatures.items():
            archive.add_endpoint(name, function, [inputs])
        archive.write_out(str(path), verbose=False)

    def _resources(self) -> Iterator[Any]:
        """What the signatures use: variables and tables."""
        yield self.model
        tables = [lookup.table for lookup in self._features.lookups.values()]
        yield from (table for table in tables if table is not None)
        if self._two_stages is not None:
            yield from self._two_stages.resources
        if self._item_ids is not None:
            yield self._item_ids.table

    def _rank(self, request: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = self.model(self._features(request), training=False)
        return _answer(logits, request[CANDIDATES])


def _answer(logits: Tensor, candidates: Tensor) -> dict[str, Tensor]:
    """Scores of candidates given as strings `[B, K]`."""
    logits = tf.cast(logits, tf.float32)
    present = tf.not_equal(candidates, "")
    return {
        SCORES: tf.where(present, logits, PADDED_SCORE),
        PROBABILITIES: tf.where(present, tf.sigmoid(logits), 0.0),
    }


def input_specs(shapes: Shapes) -> dict[str, tf.TensorSpec]:
    """String inputs of the given shapes, without the batch axis."""
    return {
        name: tf.TensorSpec((None, *dims), tf.string, name=name) for name, dims in shapes.items()
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
