"""Explanations as a reader sees them, at the width of a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from serving.client.answer_tables import explanation_tables
from serving.client.explanation import ExplainedEvent, Explanation, InterestWeights
from serving.client.scored_candidate import ScoredCandidate
from sesrec_tf.requests.search import Search


def weights(*values):
    return InterestWeights(*values)


EXPLANATION = Explanation(
    candidates=(ScoredCandidate("[b]c", 1.0, 0.75),),
    rec_events=(
        ExplainedEvent(2, "[red]i2", 0.125, True, False, weights(0.25, 1.0, 0.0)),
        ExplainedEvent(3, "i3", 0.5, False, True, weights(0.5, 0.0, 0.5)),
        ExplainedEvent(4, "i4", 0.375, True, True, weights(0.25, 0.0, 0.5)),
    ),
    search_events=(
        ExplainedEvent(
            0, Search("red shoes", "typed", ("k1",)), 1.0, True, False, weights(1, 1, 0)
        ),
    ),
)


def printed(explanation, lengths, encoding="utf-8", **settings):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding)
    console = Console(file=file, **settings)
    console.print(explanation_tables(explanation, lengths, console))
    file.flush()
    return raw.getvalue().decode(encoding)


def test_explanation_at_80_columns():
    lines = [line.rstrip() for line in printed(EXPLANATION, (5, 1), width=80).splitlines()]
    rows = [" ".join(line.split()) for line in lines]
    # 0.5 is the most and has the whole bar of 8; 0.125 a quarter of it, 0.375 three quarters.
    assert rows[0] == "recommendation history: the latest 3 of 5 events, oldest first"
    assert "3 [red]i2 0.125 ██ similar 0.250 1.000 -" in rows
    assert "4 i3 0.500 ████████ dissimilar 0.500 - 0.500" in rows
    assert "5 i4 0.375 ██████ both 0.250 - 0.500" in rows
    assert "search history: 1 event, oldest first" in rows
    assert "1 red shoes (typed) → k1 1.000 ████████ similar 1.000 1.000 -" in rows
    assert " ".join(rows).endswith("dissimilar events, for candidate [b]c")
    assert max(len(line) for line in lines) <= 80


def test_terminal_without_unicode():
    text = printed(EXPLANATION, (5, 1), "ascii", width=80)
    assert "red shoes (typed) -> k1 |1.000 ########" in text


def test_colours_only_on_a_terminal():
    assert "\x1b" not in printed(EXPLANATION, (3, 1), width=80)
    assert "\x1b" in printed(EXPLANATION, (3, 1), width=80, force_terminal=True)
