"""Optimisers by name."""

from __future__ import annotations

from sesrec_tf.config import TrainingConfig
from sesrec_tf.training.adam import Adam
from sesrec_tf.training.lazy_adam import LazyAdam

OPTIMIZERS: dict[str, type[Adam]] = {"adam": Adam, "lazy_adam": LazyAdam}


def make_optimizer(config: TrainingConfig) -> Adam:
    """The configured optimiser."""
    return OPTIMIZERS[config.optimizer](
        learning_rate=config.learning_rate, l2=config.weight_decay, epsilon=config.epsilon
    )
