"""The prediction MLP, equation (21) without its sigmoid."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.flat_dense import affine
from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.masking import at_least_float32
from sesrec_tf.layers.seeded_dropout import SeededDropout

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class Prediction(keras.layers.Layer):
    """`MLP(u_r ‖ u_s ‖ ê_v ‖ e_u)`: ReLU and dropout after the hidden layers, then one logit.

    The first product is taken apart so that the user's columns, the same for every candidate,
    are multiplied once per user.

    Args:
        hidden_units: widths of the hidden layers.
        dropout: rate after each of them.
    """

    def __init__(
        self, hidden_units: tuple[int, ...] = (200, 80), dropout: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = tuple(hidden_units)
        self.dropouts = [
            SeededDropout(dropout, dtype=self.dtype_policy, name=f"dropout_{number}")
            for number in range(len(self.hidden_units))
        ]

    def build(self, interests_shape: Any, user_shape: Any) -> None:
        width = interests_shape[-1] + user_shape[-1]
        units = (*self.hidden_units, 1)
        self.kernels, self.biases = [], []
        for number, outputs in enumerate(units):
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{number}",
                    shape=(width, outputs),
                    initializer=xavier_normal(width, outputs),
                )
            )
            self.biases.append(
                self.add_weight(name=f"bias_{number}", shape=(outputs,), initializer="zeros")
            )
            width = outputs

    def call(
        self, interests: Tensor, user: Tensor, training: bool = False, seed: Tensor | None = None
    ) -> Tensor:
        """Logits of the candidates.

        Args:
            interests: `u_r ‖ u_s ‖ ê_v` `[B, K, D]`, which vary with the candidate.
            user: `e_u` `[B, d_u]`.
            training: whether dropout is active.
            seed: int32 `[2]`, (seed, step), for dropout.

        Returns:
            Logits `[B, K]`, float32 or wider.
        """
        of_candidate, of_user = ops.split(
            ops.convert_to_tensor(self.kernels[0]), [interests.shape[-1]]
        )
        hidden = ops.matmul(interests, of_candidate)
        hidden = hidden + affine(user, of_user, self.biases[0])[:, None, :]
        for dropout, kernel, bias in zip(
            self.dropouts, self.kernels[1:], self.biases[1:], strict=True
        ):
            hidden = dropout(ops.relu(hidden), training=training, seed=seed)
            hidden = affine(hidden, kernel, bias)
        return at_least_float32(ops.squeeze(hidden, -1))

    def get_config(self) -> dict[str, Any]:
        rate = self.dropouts[0].rate if self.dropouts else 0.0
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "dropout": rate,
        }
