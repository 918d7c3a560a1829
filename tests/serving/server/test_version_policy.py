"""Policies of `models.config`."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from serving.server.version_policy import VersionPolicy, aspired_versions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {9}),
        ("latest {}", {9}),
        ("latest { num_versions: 2 }", {5, 9}),
        ("latest { num_versions: 9 }", {1, 5, 9}),
        ("all {}", {1, 5, 9}),
        ("specific { versions: 5 versions: 7 }", {5}),
        ("specific {}", set()),
    ],
)
def test_choice(text, expected):
    policy = text_format.Parse(text, VersionPolicy())
    assert aspired_versions(policy, [5, 9, 1]) == expected
    assert aspired_versions(policy, []) == set()
