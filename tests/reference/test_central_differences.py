"""The gradient-check harness on functions whose gradients and kinks are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.reference.central_differences import (
    central_differences,
    kink_distances,
    min_kink_distance,
    note_kink,
)


def test_gradient_of_a_known_function() -> None:
    # f = Σ x² + y³: ∂f/∂x = 2x, ∂f/∂y = 3y² = 12.
    x, y = np.array([[1.0, -2.0], [0.0, 3.0]]), np.array(2.0)
    found = central_differences(lambda: float((x**2).sum() + y**3), {"x": x, "y": y})
    np.testing.assert_allclose(found["x"], 2 * x, atol=1e-8, rtol=1e-8)
    np.testing.assert_allclose(found["y"], 12.0, rtol=1e-8)
    assert found["y"].shape == ()


def test_arrays_are_put_back_even_after_an_error() -> None:
    x = np.array([1 / 3])

    def fail() -> float:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        central_differences(fail, {"x": x})
    assert x[0] == 1 / 3


def test_views_that_are_not_contiguous_are_moved_in_place() -> None:
    base = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = central_differences(lambda: float(base[0, 1] * 5), {"transposed": base.T})
    np.testing.assert_allclose(found["transposed"], [[0, 0], [5, 0]], atol=1e-8)


def test_a_sample_of_the_entries() -> None:
    x = np.ones(10)
    found = central_differences(lambda: float(x.sum()), {"x": x}, entries=3)["x"]
    assert np.isnan(found).sum() == 7
    np.testing.assert_allclose(found[~np.isnan(found)], 1.0, rtol=1e-8)


@pytest.mark.parametrize("array", [np.ones(2, np.float32), np.broadcast_to(1.0, 2)])
def test_arrays_that_cannot_be_moved_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="writable float64"):
        central_differences(lambda: 0.0, {"array": array})


def test_kinks_are_recorded_by_kind_only_while_asked() -> None:
    def function() -> None:
        note_kink("relu", [3.0, -0.5])
        note_kink("relu", [2.0])
        note_kink("hinge", 0.7)
        note_kink("nothing", np.zeros(0))

    function()
    assert kink_distances(function) == {"relu": 0.5, "hinge": 0.7, "nothing": math.inf}
    assert min_kink_distance(function) == 0.5
    assert min_kink_distance(lambda: None) == math.inf
