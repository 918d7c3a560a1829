"""Training of a retrieval head on the vectors of a frozen ranking model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.retrieval_examples import RetrievalExamples
from sesrec_tf.evaluation.retrieval_progress import Track, untracked
from sesrec_tf.evaluation.retrieval_recall import CUTOFFS, recall
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import build_index, in_batch_loss
from sesrec_tf.training.retrieval_config import RetrievalConfig

Tensor = Any
Logs = dict[str, float]

SELECTED_BY = "recall@100"
"""The validation metric that chooses the epoch."""


class RetrievalTrainer:
    """Fits a head by an in-batch softmax corrected for how often items are positives.

    Args:
        model: the ranking model, which stays as it is.
        train, valid: examples that it encoded.
        config: the settings.
        report: told the epoch and its logs: `loss`, and `recall@k` on `valid` without the items
            each user has seen.
        track: told of every batch.

    Attributes:
        head: the weights of the best epoch, after `fit`.

    Raises:
        InputError: if there are fewer instances than one batch, or TensorFlow Recommenders cannot
            be used.
    """

    def __init__(
        self,
        model: RankingModel,
        train: RetrievalExamples,
        valid: RetrievalExamples,
        config: RetrievalConfig,
        report: Callable[[int, Logs], None] = lambda epoch, logs: None,
        track: Track = untracked,
    ) -> None:
        if len(train) < config.batch_size:
            raise InputError(
                f"there are {len(train)} training instances, expected at least one batch of "
                f"{config.batch_size}. Use a smaller --batch-size or more data."
            )
        self._model = model
        self._train = train
        self._valid = valid
        self._config = config
        self._report = report
        self._track = track
        self._probabilities = sampling_probabilities(train.positives)
        keras.utils.set_random_seed(config.seed)
        self.head = self._make_head()
        self._optimizer = keras.optimizers.Adam(config.learning_rate)
        self._optimizer.build(self.head.trainable_variables)
        self._step = self._make_step()

    def _make_head(self) -> RetrievalHead:
        config = self._config
        head = RetrievalHead(
            config.width, config.hidden_units, config.temperature, config.dropout, dtype="float32"
        )
        items = self._model.embed_items(np.zeros(1, np.int32))
        head.build(self._train.users.shape, items.shape)
        return head

    def _make_step(self) -> Callable[..., Tensor]:
        """A graph of one update on a batch of users, positives and their probabilities."""
        head, model, optimizer = self.head, self._model, self._optimizer
        loss_of = in_batch_loss(head.temperature)
        seed = tf.constant(self._config.seed, tf.int32)

        @tf.function
        def step(users: Tensor, positives: Tensor, probabilities: Tensor) -> Tensor:
            draw = tf.stack([seed, tf.cast(optimizer.iterations.value, tf.int32)])
            with tf.GradientTape() as tape:
                loss = loss_of(
                    head.user_vectors(users, training=True, seed=draw),
                    head.item_vectors(model.embed_items(positives), training=True, seed=draw),
                    positives,
                    probabilities,
                )
            weights = head.trainable_variables
            optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
            return loss

        return step

    def fit(self) -> list[Logs]:
        """Trains to the last epoch or the early stop.

        Returns:
            The logs of every epoch.

        Raises:
            FloatingPointError: if a loss is not finite.
        """
        history: list[Logs] = []
        best, best_epoch = -1.0, 0
        weights = self.head.get_weights()
        for epoch in range(1, self._config.epochs + 1):
            logs = {"loss": self._epoch(epoch), **self._validate()}
            history.append(logs)
            self._report(epoch, logs)
            if logs[SELECTED_BY] > best:
                best, best_epoch = logs[SELECTED_BY], epoch
                weights = self.head.get_weights()
            elif epoch - best_epoch >= self._config.patience:
                break
        self.head.set_weights(weights)
        return history

    def _epoch(self, epoch: int) -> float:
        """One pass in an order of its own; the mean loss of its full batches."""
        size = self._config.batch_size
        order = np.random.default_rng((self._config.seed, epoch)).permutation(len(self._train))
        losses = []
        starts = range(0, len(order) - size + 1, size)
        for start in self._track(starts, f"epoch {epoch}", len(starts)):
            rows = order[start : start + size]
            positives = self._train.positives[rows]
            losses.append(
                self._step(
                    tf.constant(self._train.users[rows]),
                    tf.constant(positives),
                    tf.constant(self._probabilities[positives]),
                )
            )
        loss = float(np.mean([value.numpy() for value in losses]))
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} in epoch {epoch}, expected a finite number. Use a lower "
                "--learning-rate or a higher --temperature."
            )
        return loss

    def _validate(self) -> Logs:
        index = build_index(self._model, self.head, max(CUTOFFS))
        queries = query_vectors(self.head, self._valid)
        return recall(index, queries, self._valid, track=self._track)


def sampling_probabilities(positives: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Share of the training instances whose positive an item is, by item index."""
    return (np.bincount(positives) / len(positives)).astype(np.float32)


def query_vectors(head: RetrievalHead, examples: RetrievalExamples) -> npt.NDArray[np.float32]:
    """`p(x_u)` float32 `[n, r]` of every example."""
    chunks = range(0, len(examples), 4096)
    vectors = [head.user_vectors(examples.users[start : start + 4096]) for start in chunks]
    return np.concatenate([np.asarray(vector, np.float32) for vector in vectors])
