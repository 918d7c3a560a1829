"""Names of versions."""

from __future__ import annotations

import pytest

from sesrec_tf.version_layout import LARGEST_VERSION, version_number


@pytest.mark.parametrize(
    ("name", "number"),
    [("1", 1), ("007", 7), (str(LARGEST_VERSION), LARGEST_VERSION), ("0", 0)],
)
def test_versions(name, number):
    assert version_number(name) == number


@pytest.mark.parametrize(
    "name", ["", "v1", "-1", "1.0", "\u00b2", "\u0661", ".1", str(LARGEST_VERSION + 1)]
)
def test_no_versions(name):
    assert version_number(name) is None
