"""Affine maps of histories as one product of two matrices."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

Tensor = Any


def affine(inputs: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`x W + b` for every row.

    On a matrix, TensorFlow joins product and bias in one kernel, and the gradient of the bias is
    one pass; on three axes it does neither.

    Args:
        inputs: float `[…, n]`.
        kernel: `[n, m]`.
        bias: `[m]`.

    Returns:
        `[…, m]`.
    """
    kernel, bias = tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias)
    rows = tf.reshape(inputs, [-1, kernel.shape[0]])
    outputs = tf.nn.bias_add(tf.matmul(rows, kernel), bias)
    if len(inputs.shape) == 2:
        return outputs
    known = inputs.shape[1:-1]
    lengths = known if known.is_fully_defined() else tf.unstack(tf.shape(inputs)[1:-1])
    return tf.reshape(outputs, [-1, *lengths, kernel.shape[1]])


@keras.saving.register_keras_serializable("sesrec_tf")
class FlatDense(keras.layers.Dense):
    """Keras' dense layer by `affine`.

    Raises:
        ValueError: on build, for an activation or for no bias.
    """

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias."""
        if self.activation is not keras.activations.linear or not self.use_bias:
            raise ValueError(
                f"`{self.name}` should have a bias and no activation. Received: "
                f"use_bias={self.use_bias}, activation={self.activation}."
            )
        super().build(input_shape)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Maps `[…, n]` to `[…, units]`."""
        del training
        return affine(inputs, self.kernel, self.bias)
