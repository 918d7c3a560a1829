"""Negatives of training instances, drawn in the graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN

Tensor = Any

MAX_ROUNDS = 100
_TOO_FEW = "negatives found for a training instance"


class NegativeSampler:
    """Draws `n` negatives an instance without replacement by rejection.

    A draw is rejected if it equals the positive, an earlier negative of the instance, or an item
    of its recommendation history as batched. Draws are stateless in the seed.

    Args:
        counts: `[items + 2]` training interactions by item index.
        number: negatives an instance.
        distribution: `popularity` (in proportion to `counts`) or `uniform` over known items.

    Raises:
        InputError: if fewer than `number + 1` items can be drawn.
    """

    def __init__(
        self, counts: npt.NDArray[np.int64], number: int = 4, distribution: str = "popularity"
    ) -> None:
        known = counts[FIRST_KNOWN:]
        weights = known if distribution == "popularity" else np.ones_like(known)
        if np.count_nonzero(weights) <= number:
            raise InputError(
                f"{np.count_nonzero(weights)} items can be drawn as training negatives, expected "
                f"more than {number}. Use more data or fewer --num-negatives."
            )
        self.number = number
        self._cumulative = np.cumsum(weights)

    def __call__(self, positives: Tensor, histories: Tensor, seed: Tensor) -> Tensor:
        """Draws.

        Args:
            positives: int32 `[B]`.
            histories: int32 `[B, T_r]`, 0 at padding.
            seed: int64 `[2]`.

        Returns:
            int32 `[B, n]`.

        Raises:
            tf.errors.InvalidArgumentError: when run, if an instance's history leaves too few
                items to draw from.
        """
        forbidden = tf.concat([positives[:, None], histories], axis=1)
        batch = tf.shape(positives)[0]
        draws = 2 * self.number + 4

        def incomplete(round_number: Tensor, chosen: Tensor) -> Tensor:
            return tf.logical_and(round_number < MAX_ROUNDS, tf.reduce_any(chosen == 0))

        def fill(round_number: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
            fresh = self._draw([batch, draws], seed + tf.stack([0, round_number]))
            return round_number + 1, self._keep(tf.concat([chosen, fresh], axis=1), forbidden)

        _, chosen = tf.while_loop(
            incomplete,
            fill,
            (tf.constant(0, tf.int64), tf.zeros([batch, self.number], tf.int32)),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, self.number])),
        )
        with tf.control_dependencies(
            [
                tf.debugging.assert_positive(
                    chosen,
                    f"fewer than {self.number} {_TOO_FEW}",
                )
            ]
        ):
            return tf.identity(chosen)

    def _draw(self, shape: list[Any], seed: Tensor) -> Tensor:
        total = int(self._cumulative[-1])
        units = tf.random.stateless_uniform(shape, seed, 0, total, tf.int64)
        flat = tf.searchsorted(
            tf.constant(self._cumulative, tf.int64), tf.reshape(units, [-1]), side="right"
        )
        return tf.reshape(flat, shape) + FIRST_KNOWN

    def _keep(self, drawn: Tensor, forbidden: Tensor) -> Tensor:
        """The first `n` distinct allowed values of each row, 0 where there are fewer."""
        allowed = drawn > 0
        allowed &= ~tf.reduce_any(drawn[:, :, None] == forbidden[:, None, :], axis=-1)
        width = tf.shape(drawn)[1]
        earlier = tf.linalg.band_part(tf.ones([width, width], tf.bool), -1, 0)
        earlier &= ~tf.eye(width, dtype=tf.bool)
        repeats = (drawn[:, :, None] == drawn[:, None, :]) & earlier[None]
        allowed &= ~tf.reduce_any(repeats, axis=-1)
        order = tf.argsort(tf.cast(~allowed, tf.int32), axis=1, stable=True)[:, : self.number]
        chosen = tf.gather(drawn, order, batch_dims=1)
        chosen = tf.where(tf.gather(allowed, order, batch_dims=1), chosen, 0)
        return tf.ensure_shape(chosen, [None, self.number])


@contextmanager
def negatives_checked() -> Iterator[None]:
    """Around the reading of training batches: failed draws become an `InputError`.

    Raises:
        InputError: if an instance's history leaves too few items to draw from.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if _TOO_FEW not in error.message:
            raise
        raise InputError(
            f"{MAX_ROUNDS} rounds of draws gave too few {_TOO_FEW}: its history holds nearly every "
            "item that can be drawn. Expected more items beside it. Use fewer --num-negatives, "
            "shorter histories or `--train-negatives uniform`."
        ) from error
