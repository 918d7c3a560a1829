"""Shapes of a request, checked when it is served.

TF Serving compares names and dtypes with the signature, not shapes: without these checks a
history of another width would be scored as something else, or fail far inside the model.
"""

from __future__ import annotations

import tensorflow as tf

Request = dict[str, tf.Tensor]
Dimensions = tuple[int | None, ...]

_ABSENT = -7
"""Stands for an axis that a received tensor does not have."""


def validate_shapes(request: Request, shapes: dict[str, Dimensions]) -> Request:
    """The request unchanged, behind assertions that name the input at fault.

    Args:
        request: tensors by input name.
        shapes: expected dimensions without the batch axis, `None` where free from 1 on. The first
            input sets the batch size of all.

    Raises:
        tf.errors.InvalidArgumentError: when run, for another rank, width or batch size, with what
            was expected and what was received.
    """
    received = {name: _received_shape(request[name], len(shapes[name]) + 1) for name in shapes}
    first = next(iter(shapes))
    checks = []
    for name, dimensions in shapes.items():
        checks += [
            _check_dimensions(name, dimensions, request[name], received[name]),
            tf.debugging.Assert(
                tf.equal(received[name][0], received[first][0]),
                [
                    f"`{name}` should have as many rows as `{first}`, one for each user. "
                    f"Received rows of `{name}` and of `{first}`:",
                    received[name][0],
                    received[first][0],
                ],
            ),
        ]
    with tf.control_dependencies(checks):
        return {name: tf.identity(request[name]) for name in shapes}


def _received_shape(tensor: tf.Tensor, rank: int) -> tf.Tensor:
    """int32 `[rank + 1]`: the leading sizes, `_ABSENT` for each axis that is not there."""
    shape = tf.concat([tf.shape(_opaque(tensor)), [_ABSENT] * (rank + 1)], axis=0)
    return shape[: rank + 1]


def _opaque(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor with its static shape forgotten.

    Otherwise TensorFlow answers `tf.shape` from the signature and optimises the checks away.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tf.TensorShape(None))


def _check_dimensions(
    name: str, dimensions: Dimensions, tensor: tf.Tensor, received: tf.Tensor
) -> tf.Operation:
    free = [True, *(size is None for size in dimensions), False]
    # The least size of a free axis, the size of any other.
    expected = [0, *(1 if size is None else size for size in dimensions), _ABSENT]
    fits = tf.where(free, received >= expected, tf.equal(received, expected))
    widths = "".join(f", {'at least 1' if size is None else size}" for size in dimensions)
    advice = ": pad with empty strings, or send fewer values" if any(dimensions) else ""
    return tf.debugging.Assert(
        tf.reduce_all(fits),
        [
            f"`{name}` should have the shape [batch{widths}]{advice}. Received the shape:",
            tf.shape(_opaque(tensor)),
        ],
    )
