"""Optimisers by name."""

from __future__ import annotations

from sesrec_tf.config import TrainingConfig
from sesrec_tf.training.adam import Adam
from sesrec_tf.training.lazy_adam import LazyAdam
from sesrec_tf.training.loss_scale_optimizer import LossScaleOptimizer

OPTIMIZERS: dict[str, type[Adam]] = {"adam": Adam, "lazy_adam": LazyAdam}


def make_optimizer(config: TrainingConfig) -> Adam | LossScaleOptimizer:
    """The configured optimiser; float16 needs its loss scaled."""
    optimizer = OPTIMIZERS[config.optimizer](
        learning_rate=config.learning_rate, l2=config.weight_decay, epsilon=config.epsilon
    )
    if config.mixed_precision == "mixed_float16":
        return LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
    return optimizer
