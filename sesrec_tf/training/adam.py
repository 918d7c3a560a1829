"""Adam as the official code runs it: ε beside the corrected root, L2 coupled to the gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from sesrec_tf.training.sparse_gradient import summed_rows

Tensor = Any


class BetaPowers(NamedTuple):
    """What the updates of one step share, scalars.

    Attributes:
        first, second: β₁ᵗ and β₂ᵗ of step t, counted from 1.
        first_correction, second_correction: 1 − β₁ᵗ, and √(1 − β₂ᵗ), that of the root.
    """

    first: Tensor
    second: Tensor
    first_correction: Tensor
    second_correction: Tensor


@keras.saving.register_keras_serializable("sesrec_tf")
class Adam(keras.optimizers.Optimizer):
    """`θ ← θ − lr · m̂ / (√v̂ + ε)` with `g ← g + λθ` for every parameter, dense.

    Keras' own Adam adds ε before the bias correction, which at the first step is worth 32 times
    as much, and its `weight_decay` is decoupled. The gradient `λθ` is that of `½ λ Σ θ²`.

    Args:
        learning_rate: lr.
        l2: λ.
        beta_1, beta_2, epsilon: as usual.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        l2: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "adam",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.l2 = l2
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: list[Any]) -> None:
        """Makes the two moments of every variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums = [self._moment(variable, "momentum") for variable in variables]
        self._velocities = [self._moment(variable, "velocity") for variable in variables]

    def _moment(self, variable: Any, name: str) -> Any:
        return self.add_variable_from_reference(reference_variable=variable, name=name)

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        """Updates all variables; one the loss does not reach has the gradient of its L2 alone."""
        variables = trainable_variables or self._trainable_variables
        if self.l2:
            grads = [
                tf.zeros(variable.shape, variable.dtype) if gradient is None else gradient
                for gradient, variable in zip(grads, variables, strict=True)
            ]
        # Once a step: reads of the step counter are never merged, nor is what follows from them.
        dtypes = {tf.as_dtype(variable.dtype) for variable in variables}
        self._powers = {dtype: self._beta_powers(dtype) for dtype in dtypes}
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable (called by Keras, and valid within `apply` only)."""
        gradient = self._with_l2(gradient, variable)
        momentum, velocity = self._moments_of(variable)
        powers = self._powers[tf.as_dtype(variable.dtype)]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=powers.first,
            beta2_power=powers.second,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.constant(self.beta_1, variable.dtype),
            beta2=tf.constant(self.beta_2, variable.dtype),
            # The op adds its ε before the correction; scaled so, it stands beside the root.
            epsilon=tf.constant(self.epsilon, variable.dtype) * powers.second_correction,
            grad=gradient,
        )

    def _with_l2(self, gradient: Tensor, variable: Any) -> Tensor:
        """`g + λθ`, dense."""
        if not self.l2:
            return tf.cast(tf.convert_to_tensor(gradient), variable.dtype)
        decay = tf.constant(self.l2, variable.dtype) * variable
        if not isinstance(gradient, tf.IndexedSlices):
            return tf.cast(gradient, variable.dtype) + decay
        # Into what is there already: one pass over the table less than through a dense gradient.
        rows, values = summed_rows(gradient)
        return tf.tensor_scatter_nd_add(decay, rows[:, None], tf.cast(values, variable.dtype))

    def _beta_powers(self, dtype: tf.DType) -> BetaPowers:
        count = tf.cast(self.iterations.value + 1, dtype)
        first = tf.pow(tf.constant(self.beta_1, dtype), count)
        second = tf.pow(tf.constant(self.beta_2, dtype), count)
        return BetaPowers(first, second, 1 - first, tf.sqrt(1 - second))

    def _moments_of(self, variable: Any) -> tuple[Any, Any]:
        index = self._get_variable_index(variable)
        return _local(self._momentums[index]), _local(self._velocities[index])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "l2": self.l2,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


def _local(variable: Any) -> Any:
    """This replica's copy, inside a strategy's update as outside one."""
    value = variable.value
    if not isinstance(value, tf.distribute.DistributedValues):
        return value
    # A strategy's update names its replica by its device; there is no public way to ask for it.
    return value._get_on_device_or_primary()
