"""The model of a run, compiled where it is to be trained."""

from __future__ import annotations

import keras
import tensorflow as tf

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.registry import create_model
from sesrec_tf.training.optimizers import make_optimizer


def compiled_model(
    config: Config, prepared: PreparedDataset, strategy: tf.distribute.Strategy
) -> RankingModel:
    """A model with its optimiser, all of their variables made; weights follow from the seed.

    Raises:
        InputError: if the batch cannot be divided among the replicas.
    """
    training = config.training
    replicas = strategy.num_replicas_in_sync
    if training.batch_size % replicas:
        raise InputError(
            f"`batch_size` should be a multiple of the {replicas} replicas. "
            f"Received: {training.batch_size}."
        )
    keras.utils.set_random_seed(training.seed % 2**32)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(training.mixed_precision)
    try:
        with strategy.scope():
            model = create_model(config, prepared)
            model.compile(optimizer=make_optimizer(training))
            model.optimizer.build(model.trainable_variables)
    finally:
        keras.config.set_dtype_policy(policy)
    return model
