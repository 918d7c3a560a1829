"""How far a preparation is, in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

Report = Callable[[str, float], None]
"""Told the stage at work and the fraction of the whole that is done."""


def silent(stage: str, fraction: float) -> None:
    """Reports to nobody."""


def part_of(report: Report, start: float, end: float) -> Report:
    """Takes the report of a part and passes it on as the stretch `start` to `end` of the whole."""
    return lambda stage, fraction: report(stage, start + (end - start) * fraction)


@contextmanager
def progress_bar(console: Console) -> Iterator[Report]:
    """A bar that moves as it is told and goes away in the end; none outside a terminal."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)

        def report(stage: str, fraction: float) -> None:
            progress.update(task, description=stage, completed=fraction)

        yield report
