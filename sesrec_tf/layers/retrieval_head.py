"""Two towers on a trained ranking model: users and items as vectors whose product retrieves."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.masking import at_least_float32
from sesrec_tf.layers.seeded_dropout import SeededDropout

Tensor = Any

_EPSILON = 1e-12


@keras.saving.register_keras_serializable("sesrec_tf")
class RetrievalHead(keras.layers.Layer):
    """`s(u, i) = p(x_u)ᵀ q(x_i) / τ` with `p` and `q` of length 1.

    `p` and `q` are MLPs with one hidden ReLU layer each, onto a common width r. No gradient
    reaches `x_u` and `x_i`, so that the ranking model they come from stays as it is.

    Args:
        width: `r`, length of the vectors.
        hidden_units: width of the hidden layer of either tower.
        temperature: `τ`, a constant.
        dropout: rate after the hidden layers.
    """

    def __init__(
        self,
        width: int = 64,
        hidden_units: int = 256,
        temperature: float = 0.07,
        dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        # Dropout draws depend on layer paths.
        kwargs.setdefault("name", "retrieval_head")
        super().__init__(**kwargs)
        self.width = width
        self.hidden_units = hidden_units
        self.temperature = temperature
        self.user_hidden, self.user_dropout, self.user_output = self._tower("user", dropout)
        self.item_hidden, self.item_dropout, self.item_output = self._tower("item", dropout)

    def _tower(self, side: str, dropout: float) -> tuple[keras.layers.Layer, ...]:
        policy = self.dtype_policy
        return (
            keras.layers.Dense(
                self.hidden_units, activation="relu", dtype=policy, name=f"{side}_hidden"
            ),
            SeededDropout(dropout, dtype=policy, name=f"{side}_dropout"),
            keras.layers.Dense(self.width, dtype=policy, name=f"{side}_output"),
        )

    def build(self, users_shape: Any, items_shape: Any) -> None:
        for hidden, output, width in (
            (self.user_hidden, self.user_output, users_shape[-1]),
            (self.item_hidden, self.item_output, items_shape[-1]),
        ):
            hidden.kernel_initializer = xavier_normal(width, self.hidden_units)
            output.kernel_initializer = xavier_normal(self.hidden_units, self.width)
            hidden.build((None, width))
            output.build((None, self.hidden_units))

    def call(
        self, users: Tensor, items: Tensor, training: bool = False, seed: Tensor | None = None
    ) -> Tensor:
        """Scores of every item for every user.

        Args:
            users: `x_u` `[B, P]`, see `RankingModel.pooled_user`.
            items: `x_i` `[I, d]`, see `RankingModel.embed_items`.
            training: whether dropout is active.
            seed: int32 `[2]`, (seed, step), for dropout.

        Returns:
            `[B, I]`, float32 or wider.
        """
        users = self.user_vectors(users, training, seed)
        items = self.item_vectors(items, training, seed)
        return ops.matmul(users, ops.transpose(items)) / self.temperature

    def user_vectors(
        self, users: Tensor, training: bool = False, seed: Tensor | None = None
    ) -> Tensor:
        """`p(x_u)` `[B, r]` of `[B, P]`, float32 or wider."""
        hidden = self.user_hidden(ops.stop_gradient(users))
        hidden = self.user_dropout(hidden, training=training, seed=seed)
        return _of_length_one(self.user_output(hidden))

    def item_vectors(
        self, items: Tensor, training: bool = False, seed: Tensor | None = None
    ) -> Tensor:
        """`q(x_i)` `[I, r]` of `[I, d]`, float32 or wider."""
        hidden = self.item_hidden(ops.stop_gradient(items))
        hidden = self.item_dropout(hidden, training=training, seed=seed)
        return _of_length_one(self.item_output(hidden))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "hidden_units": self.hidden_units,
            "temperature": self.temperature,
            "dropout": self.user_dropout.rate,
        }


def _of_length_one(vectors: Tensor) -> Tensor:
    vectors = at_least_float32(vectors)
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, _EPSILON))
