"""What a training step costs, counted from its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sesrec_tf.config import Config
from sesrec_tf.schema import VocabularySizes

# Passes over a tensor, value and gradient together: estimates from the code.
_STATE_PASSES = 80
_ATTENTION_PASSES = 9
_ALIGNMENT_PASSES = 9
_INTEREST_PASSES = 10
_HIDDEN_PASSES = 12
_INPUT_PASSES = 4

_FLOATS_PER_WEIGHT = 3
"""The weight and its two moments."""


@dataclass(frozen=True)
class BatchCounts:
    """What a batch holds beside its shapes, on average.

    Attributes:
        pairs: (session, click) pairs, M.
        queries, clicked: distinct queries, and distinct clicked items, of the pairs: the anchors
            of the alignment, U_q and U_c.
        items: distinct items of both histories, U_i.
        words: words of the distinct queries.
    """

    pairs: float
    queries: float
    clicked: float
    items: float
    words: float


@dataclass(frozen=True)
class StepCosts:
    """Costs of one step on one device.

    Attributes:
        flops: floating point operations of products, value and gradient.
        passes: floats read and written between them.
        rows: table rows that the step touches.
    """

    flops: float
    passes: float
    rows: float

    @classmethod
    def of(cls, config: Config, sizes: VocabularySizes, counts: BatchCounts) -> StepCosts:
        """From the formulas of docs/performance.md."""
        history, model, training = config.history, config.model, config.training
        lengths = (history.rec_length, history.search_length)
        width = model.item_width + model.item_attribute_width * len(sizes.item_attributes)
        user = model.user_width + model.user_attribute_width * len(sizes.user_attributes)
        candidates, negatives = 1 + training.negatives, model.alignment_negatives
        interests = 3 if model.multi_interest else 1
        inputs = (2 * interests + 1) * width
        anchors = counts.queries + counts.clicked if model.alpha else 0.0

        encoders = sum(
            model.blocks * length * (6 * width**2 + 2 * length * width) for length in lengths
        )
        co_attention = lengths[1] * width**2 + lengths[0] * lengths[1] * width
        extraction = sum(
            min(candidates, length) * width**2 + candidates * length * width * (1 + interests)
            for length in lengths
        )
        layers = (inputs, *model.hidden_units, 1)
        prediction = user * model.hidden_units[0] + candidates * sum(
            rows * columns for rows, columns in pairwise(layers)
        )
        projected = (counts.items + negatives) * width**2 + (counts.queries + negatives) * width * (
            model.query_width + model.word_width
        )
        alignment = anchors * (width**2 + negatives * width)
        products = training.batch_size * (encoders + co_attention + extraction + prediction)

        states = sum(lengths) * width * _STATE_PASSES
        attention = sum(model.heads * length**2 for length in lengths) * _ATTENTION_PASSES
        pooled = candidates * interests * sum(lengths) * _INTEREST_PASSES
        hidden = candidates * sum(model.hidden_units) * _HIDDEN_PASSES
        passes = training.batch_size * (
            states + attention + pooled + hidden + candidates * inputs * _INPUT_PASSES
        )
        return cls(
            # Two for a multiplication and an addition; the gradient is two products for each.
            flops=6.0 * (products + projected + alignment),
            passes=passes + anchors * negatives * _ALIGNMENT_PASSES,
            rows=counts.items
            + counts.queries
            + counts.words
            + negatives * 2
            + training.batch_size * (1 + candidates),
        )


def table_bytes(config: Config, sizes: VocabularySizes) -> int:
    """Bytes of the id tables with the moments of the optimiser."""
    model = config.model
    floats = (
        sizes.items * model.item_width
        + sizes.users * model.user_width
        + sizes.queries * model.query_width
        + sizes.words * model.word_width
    )
    return 4 * _FLOATS_PER_WEIGHT * floats
