"""Costs by formula."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.costs import main
from benchmarks.speed.batch_counts import batch_counts
from benchmarks.speed.cost_fit import CostFit, MeasuredStep
from benchmarks.speed.cost_model import BatchCounts, StepCosts, table_bytes
from sesrec_tf.config import Config, ModelConfig, TrainingConfig
from sesrec_tf.errors import InputError
from sesrec_tf.schema import (
    CLICKED_ITEMS,
    QUERIES,
    QUERY_WORDS,
    REC_ITEMS,
    HistoryShape,
    VocabularySizes,
)

SIZES = VocabularySizes(users=5, items=7, queries=3, words=2, sources=0)
COUNTS = BatchCounts(pairs=0, queries=0, clicked=0, items=0, words=0)


def test_flops_by_hand() -> None:
    config = Config(
        HistoryShape(2, 1, 1, 1),
        ModelConfig(item_width=2, user_width=3, heads=1, hidden_units=(5,), alpha=0.0),
        TrainingConfig(batch_size=1, negatives=1),
    )
    # Two candidates. Encoders 2 (24 + 8) + 1 (24 + 4) = 92; co-attention 4 + 2·1·2 = 8; extraction
    # 2·4 + 2·2·2·4 for the feed and 1·4 + 2·1·2·4 for the searches = 60; prediction
    # 3·5 + 2 (14·5 + 5) = 165; projections of the 1,024 negatives 1024·4 + 1024·2·32.
    expected = 6 * (92 + 8 + 60 + 165 + 1024 * 4 + 1024 * 64)
    assert StepCosts.of(config, SIZES, COUNTS).flops == expected


def test_alignment_counts_distinct_anchors() -> None:
    config = Config()
    more = BatchCounts(pairs=9, queries=1, clicked=2, items=0, words=0)
    difference = StepCosts.of(config, SIZES, more).flops - StepCosts.of(config, SIZES, COUNTS).flops
    # Three anchors of (32² + 1024·32), and the projection of a query of 32.
    assert difference == 6 * (3 * (32**2 + 1024 * 32) + 32 * 32)


def test_tables_by_hand() -> None:
    # (7·32 + 5·32 + 3·16 + 2·16) floats, thrice, of four bytes.
    assert table_bytes(Config(), SIZES) == 464 * 12


def test_counts_by_hand() -> None:
    batch = {
        REC_ITEMS: np.array([[2, 3, 0], [2, 0, 0]]),
        QUERIES: np.array([[5, 5], [1, 0]]),
        QUERY_WORDS: np.array([[[7, 8], [7, 8]], [[7, 0], [0, 0]]]),
        CLICKED_ITEMS: np.array([[[4], [4]], [[0], [0]]]),
    }
    assert batch_counts([batch]) == {
        "pairs": 2.0,  # both of item 4; the third session has no click
        "queries": 1.0,
        "clicked": 1.0,
        "items": 4.0,  # 0, 2, 3 and 4
        "words": 3.0,
    }


def steps(constants: tuple[float, float, float]) -> list[MeasuredStep]:
    flops, floats, fixed = constants
    costs = [StepCosts(1e9, 1e6, 0), StepCosts(2e9, 5e6, 0), StepCosts(1e8, 9e6, 0)]
    return [
        MeasuredStep("", each, COUNTS, each.flops / flops + each.passes / floats + fixed)
        for each in costs
    ]


def test_the_fit_finds_the_constants() -> None:
    fit = CostFit.to(steps((5e10, 2e9, 0.003)))
    np.testing.assert_allclose(
        [fit.flops_per_second, fit.floats_per_second, fit.fixed_seconds], [5e10, 2e9, 0.003]
    )


def test_no_constant_is_below_zero() -> None:
    fit = CostFit.to(steps((5e10, 2e9, -0.001)))
    assert fit.fixed_seconds == 0
    assert fit.flops_per_second > 0


def test_two_steps_are_too_few() -> None:
    with pytest.raises(InputError, match=r"at least 3 measured steps. Received: 2"):
        CostFit.to(steps((1e9, 1e9, 0))[:2])


def test_what_was_not_measured_is_named(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"benchmarks": {}}))
    with pytest.raises(InputError, match=r"--only scaling kuaishou_step"):
        main(["--results", str(file)])
