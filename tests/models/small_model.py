"""A small SESRec beside the reference's parameters, with the same batch for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sesrec_tf.config import ModelConfig
from sesrec_tf.models.sesrec import SESRec
from sesrec_tf.schema import HistoryShape, VocabularySizes
from tests.layers.agreement import load, smooth_draw
from tests.layers.reference_weights import sesrec_weights
from tests.layers.small_case import ROWS, attribute_table, known, vocabulary_indices
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import Options, Parameters, named_arrays, random_parameters
from tests.reference.random_batches import (
    AlignmentNegatives,
    BatchShape,
    random_batch,
    random_labels,
)

SHAPE = BatchShape(batch=7)
HISTORY = HistoryShape(SHAPE.rec_length, SHAPE.search_length, SHAPE.words, SHAPE.clicks)
NEGATIVES = 6
DISTINCT_QUERIES = 5

Arrays = dict[str, np.ndarray]


def small_config(**changes: Any) -> ModelConfig:
    """Narrow, without dropout, and with loss weights that make every term count."""
    settings = {
        "item_width": 4,
        "item_attribute_width": 2,
        "user_width": 3,
        "user_attribute_width": 2,
        "query_width": 3,
        "word_width": 2,
        "heads": 2,
        "hidden_units": (7, 5),
        "dropout": 0.0,
        "margin": 1.0,
        "alpha": 0.3,
        "beta": 0.7,
        "alignment_negatives": NEGATIVES,
        "embedding_initialization": 0.5,
    }
    return ModelConfig(**{**settings, **changes})


def small_model(
    config: ModelConfig, dtype: str = "float32", history: HistoryShape = HISTORY, **kwargs: Any
) -> SESRec:
    """The model over the reference's small tables."""
    unknown = not config.closed_tables
    sizes = VocabularySizes(
        users=known(ROWS.users, unknown, unknown),
        items=known(ROWS.items, True, unknown),
        queries=known(ROWS.queries, True, unknown),
        words=known(ROWS.words, True, unknown),
        sources=known(ROWS.sources, unknown, unknown),
        item_attributes=tuple(
            (f"item_{size}", known(size, unknown, unknown)) for size in ROWS.item_attributes
        ),
        user_attributes=tuple(
            (f"user_{size}", known(size, unknown, unknown)) for size in ROWS.user_attributes
        ),
    )
    return SESRec(config, history, sizes, DISTINCT_QUERIES, dtype=dtype, **kwargs)


@dataclass(frozen=True)
class Case:
    """Parameters and a batch of the reference, and how the model is told of them."""

    config: ModelConfig
    parameters: Parameters
    batch: Arrays
    labels: np.ndarray

    @property
    def options(self) -> Options:
        """The reference's options."""
        return Options.of(self.config)

    @property
    def features(self) -> Arrays:
        """The batch in the package's vocabulary indices."""
        unknown = not self.config.closed_tables
        padding = dict.fromkeys(self.batch, True)
        padding |= {"user": unknown, "query_sources": unknown}
        return {
            name: vocabulary_indices(array, padding[name], unknown)
            for name, array in self.batch.items()
        }

    def model(self, dtype: str = "float64", history: HistoryShape = HISTORY) -> SESRec:
        """A model with these parameters and some table of training queries."""
        model = small_model(self.config, dtype, history)
        values = {
            path: array
            for path, array in sesrec_weights(named_arrays(self.parameters)).items()
            if self.uses(path)
        }
        extra = HISTORY.rec_length, HISTORY.search_length
        for side, length in zip(("rec", "search"), extra, strict=True):
            name = f"{side}_encoder/positions"
            longer = getattr(history, f"{side}_length") - length
            values[name] = np.pad(values[name], [(0, longer), (0, 0)])
        load(model, values)
        self._set_tables(model)
        return model

    def uses(self, path: str) -> bool:
        """Whether the configured model has the weight at all."""
        if path.startswith("alignment/"):
            return bool(self.config.alpha)
        if path.startswith("contrast/"):
            return bool(self.config.beta or self.config.multi_interest)
        return True

    def _set_tables(self, model: SESRec) -> None:
        unknown = not self.config.closed_tables
        table = self.parameters.embedding
        model.items.attribute_table.assign(attribute_table(table.item_attribute_ids, True, unknown))
        model.users.attribute_table.assign(
            attribute_table(table.user_attribute_ids, unknown, unknown)
        )
        if model.alignment_negatives is not None:
            rng = np.random.default_rng(0)
            first = 2 - (not unknown)
            queries = rng.integers(first, ROWS.queries, DISTINCT_QUERIES)
            lengths = np.arange(DISTINCT_QUERIES) % (SHAPE.words + 1)
            words = rng.integers(1, ROWS.words, (DISTINCT_QUERIES, SHAPE.words))
            words *= np.arange(SHAPE.words) < lengths[:, None]
            model.alignment_negatives.set_table(
                vocabulary_indices(queries, True, unknown),
                vocabulary_indices(words, True, unknown),
                np.ones(DISTINCT_QUERIES, np.int64),
            )

    def negatives(self, model: SESRec) -> AlignmentNegatives:
        """The alignment negatives the model draws at its present step, as the reference's rows."""
        if model.alignment_negatives is None:
            none = np.zeros((0, SHAPE.words), np.int32)
            return AlignmentNegatives(none[:, 0], none[:, 0], none)
        shift = int(self.config.closed_tables)
        drawn = (np.asarray(value) for value in model.alignment_negatives(model.step_seed()))
        return AlignmentNegatives(*(np.maximum(value - shift, 0) for value in drawn))

    def losses(self, negatives: AlignmentNegatives, weight_decay: float = 0.0) -> reference.Losses:
        """The reference's."""
        return reference.losses(
            self.parameters, self.batch, self.labels, negatives, self.options, weight_decay
        )


def draw_case(seed: int = 0, **changes: Any) -> Case:
    """A case far from every kink."""
    config = small_config(**changes)

    def draw(rng: np.random.Generator) -> Case:
        options = Options.of(config)
        lengths = (SHAPE.rec_length, SHAPE.search_length)
        parameters = random_parameters(rng, ROWS, *lengths, options)
        batch = random_batch(rng, ROWS, SHAPE, config.closed_tables)
        return Case(config, parameters, batch, random_labels(rng, SHAPE))

    return smooth_draw(
        draw, lambda case: reference.forward(case.parameters, case.batch, case.options), seed
    )
