"""Checks in a graph whose input signature claims that every shape is right."""

from __future__ import annotations

import pytest
import tensorflow as tf

from sesrec_tf.servable.shape_validation import validate_shapes

SHAPES = {"user": (), "items": (3,), "clicks": (2, None)}
GOOD = {"user": (2,), "items": (2, 3), "clicks": (2, 2, 5)}


@pytest.fixture(scope="module")
def validate():
    """Called without TensorFlow's own comparison of shapes, as TF Serving calls."""
    unchecked = tf.function(
        lambda request: validate_shapes(request, SHAPES),
        input_signature=[{name: tf.TensorSpec(None, tf.string, name) for name in SHAPES}],
    )
    return lambda shapes: unchecked({n: tf.fill(shape, n) for n, shape in shapes.items()})


def test_a_fitting_request_passes_unchanged(validate):
    for width in (1, 7):
        found = validate({**GOOD, "clicks": (2, 2, width)})
        assert found["clicks"].shape == (2, 2, width)
    assert found["items"].numpy().tolist() == [[b"items"] * 3] * 2
    assert validate({"user": (0,), "items": (0, 3), "clicks": (0, 2, 1)})["user"].shape == (0,)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("user", (), r"`user` should have the shape \[batch\]\. Received the shape:\] \[\]"),
        ("user", (2, 1), r"`user` should have the shape \[batch\]\..* \[2 1\]"),
        ("items", (2, 4), r"`items` should have the shape \[batch, 3\]: pad.* \[2 4\]"),
        ("items", (2,), r"`items` should have .* \[2\]"),
        ("items", (3,), r"`items` should have .* \[3\]"),
        ("items", (2, 3, 1), r"`items` should have .* \[2 3 1\]"),
        ("items", (5, 3), r"`items` should have as many rows as `user`.* \[5\] \[2\]"),
        (
            "clicks",
            (2, 3, 5),
            r"`clicks` should .*\[batch, 2, at least 1\]: .* \[2 3 5\]",
        ),
        ("clicks", (2, 2, 0), r"`clicks` should have .* \[2 2 0\]"),
        ("clicks", (2, 2), r"`clicks` should have .* \[2 2\]"),
        ("clicks", (2, 2, 5, 1), r"`clicks` should have .*"),
        ("clicks", (1, 2, 5), r"`clicks` should have as many rows as `user`.* \[1\] \[2\]"),
    ],
)
def test_the_input_at_fault_is_named(validate, name, shape, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        validate({**GOOD, name: shape})
