from __future__ import annotations

import io

import pytest
from rich.console import Console

from sesrec_tf.data.progress_bar import part_of, progress_bar


def shown(terminal: bool) -> str:
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal)
    with progress_bar(console) as report:
        report("reading", 0.0)
        report("writing", 0.5)
    return console.file.getvalue()


def test_a_terminal_sees_stage_and_share() -> None:
    text = shown(terminal=True)
    assert "writing" in text
    assert "50%" in text


def test_a_file_sees_nothing() -> None:
    assert shown(terminal=False).strip() == ""


def test_a_part_fills_its_stretch_of_the_whole() -> None:
    seen: list[tuple[str, float]] = []
    report = part_of(lambda *state: seen.append(state), 0.4, 1.0)
    report("a", 0.0)
    report("b", 0.5)
    assert [stage for stage, _ in seen] == ["a", "b"]
    assert [fraction for _, fraction in seen] == pytest.approx([0.4, 0.7])
