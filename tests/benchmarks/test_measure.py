"""Alternation, figures and ratios, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.speed.log_profile import KINDLE
from benchmarks.speed.measure import alternate, summary
from benchmarks.speed.speed_benchmark import METRICS, RATE, STEP, SpeedBenchmark
from benchmarks.speed.subject import OWN, PEER, Subject
from benchmarks.speed.tables import caption, result_table

OURS = Subject("ours", OWN, "step", KINDLE)
THEIRS = Subject("theirs", PEER, "step", KINDLE)


class Scripted:
    """Answers rounds from a list and notes the order of calls."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name, self._calls = name, calls

    def round(self, seconds: float) -> dict[str, Any]:
        self._calls.append(self._name)
        return {"seconds": seconds, "steps": len(self._calls), "examples": 1}


def rounds(*pairs: tuple[float, int], foreign: float | None = 0.0) -> list[dict[str, Any]]:
    """Rounds of (seconds, steps), 10 examples a step."""
    return [
        {
            "seconds": seconds,
            "steps": steps,
            "examples": 10 * steps,
            "peak_bytes": 2**30,
            "foreign_cores": foreign,
        }
        for seconds, steps in pairs
    ]


def compared(unit: str, ratio: str, foreign: float | None = 0.0) -> dict[str, Any]:
    benchmark = SpeedBenchmark("b", "B", (OURS, THEIRS), (("ours", "theirs"),), unit, ratio)
    measured = {
        "ours": rounds((1.0, 10), (1.0, 20), (2.0, 10), foreign=foreign),
        "theirs": rounds((1.0, 5), (2.0, 10), (1.0, 10)),
    }
    return summary(benchmark, measured, {"ours": {}, "theirs": {}})


def test_rounds_alternate():
    calls: list[str] = []
    found = alternate({name: Scripted(name, calls) for name in "abc"}, 2, 0.5, lambda text: None)
    assert calls == list("abcabc")
    assert [each["steps"] for each in found["b"]] == [2, 5]


def test_speed_is_compared_round_by_round():
    """Ours 10, 20, 5 steps a second, theirs 5, 5, 10: 2, 4 and a half as fast."""
    result = compared(STEP, "speed")
    (ratio,) = result["ratios"]
    assert ratio["rounds"] == pytest.approx([2, 4, 0.5])
    assert (ratio["median"], ratio["minimum"], ratio["maximum"]) == pytest.approx((2, 0.5, 4))
    ours = result["subjects"][0]
    # 100, 50 and 200 ms.
    assert ours["figure"] == pytest.approx({"median": 100, "minimum": 50, "maximum": 200})
    assert ours["examples_per_second"]["median"] == pytest.approx(100)


def test_time_is_the_inverse():
    assert compared(STEP, "time")["ratios"][0]["rounds"] == pytest.approx([0.5, 0.25, 2])


def test_other_units():
    """100, 200 and 50 examples a second."""
    assert compared(RATE, "speed")["subjects"][0]["figure"]["median"] == pytest.approx(100)
    assert compared(METRICS, "speed")["subjects"][0]["figure"]["median"] == pytest.approx(100)
    assert compared(METRICS, "speed")["subjects"][0]["figure"]["minimum"] == pytest.approx(50)


def test_the_table_warns_of_a_busy_machine():
    assert "Other processes" not in caption(compared(STEP, "speed"))
    assert "Other processes" not in caption(compared(STEP, "speed", foreign=None))
    assert "up to 1.2 cores busy" in caption(compared(STEP, "speed", foreign=1.2))
    assert result_table(compared(STEP, "speed")).row_count == 2
