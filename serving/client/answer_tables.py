"""Answers as tables that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from serving.client.explanation import ExplainedEvent, Explanation
from serving.client.recommendation import Recommendation
from serving.client.scored_candidate import ScoredCandidate
from serving.client.version_status import VersionStatus
from sesrec_tf.requests.search import Search

BAR_WIDTH = 8
"""Characters of the bar of the event with the most weight in its history."""

_SETS = {
    (True, True): ("both", "cyan"),
    (True, False): ("similar", "green"),
    (False, True): ("dissimilar", "magenta"),
    (False, False): ("none", "dim"),
}
_STATES = {"AVAILABLE": "green", "END": "dim"}


def scored_table(title: str, what: str, rows: Sequence[ScoredCandidate | Recommendation]) -> Table:
    """Ranks, ids, scores and probabilities, in the given order."""
    table = Table(title=Text(title), title_justify="left")
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column(what, overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("probability", justify="right", no_wrap=True)
    for rank, (name, score, probability) in enumerate(rows, start=1):
        table.add_row(str(rank), Text(name), f"{score:.6f}", f"{probability:.6f}")
    return table


def status_table(title: str, versions: Sequence[VersionStatus]) -> Table:
    """Versions, the newest first."""
    table = Table(title=Text(title), title_justify="left")
    table.add_column("version", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("error", overflow="fold")
    for status in reversed(versions):
        error = f"{status.error_code}: {status.error_message}" if status.error_code else ""
        style = _STATES.get(status.state, "yellow")
        table.add_row(str(status.version), Text(status.state, style), Text(error))
    return table


def explanation_tables(
    explanation: Explanation, lengths: tuple[int, int], console: Console
) -> RenderableType:
    """Both histories, oldest event first, with a legend.

    Args:
        explanation: of one request.
        lengths: events of the request's recommendation and search histories.
        console: where it will be printed; bars are of `#` where it knows ASCII only.
    """
    ascii_only = console.options.ascii_only
    sides = (
        ("recommendation history", "item", explanation.rec_events, lengths[0]),
        ("search history", "search → clicks", explanation.search_events, lengths[1]),
    )
    first = explanation.candidates[0].candidate
    legend = Text.assemble(
        "weight: co-attention with the other history; it sums to 1. all, sim., dis.: weight in "
        "the interest of all, similar and dissimilar events, for candidate ",
        (first, "bold"),
        style="dim",
    )
    tables = [_history_table(*side, ascii_only) for side in sides]
    return Group(*tables, legend)


def _history_table(
    title: str, what: str, events: Sequence[ExplainedEvent], length: int, ascii_only: bool
) -> RenderableType:
    if not events:
        return Text(f"{title}: no events\n")
    of_all = f"the latest {len(events)} of {length}" if length > len(events) else str(length)
    most = max(event.weight for event in events) or 1.0
    table = Table(
        title=f"{title}: {of_all} event{'s' * (length > 1)}, oldest first",
        title_justify="left",
        box=box.ASCII if ascii_only else box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        safe_box=True,
    )
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column(_shown(what, ascii_only), overflow="fold")
    table.add_column("weight", no_wrap=True)
    table.add_column("set", no_wrap=True)
    for interest in ("all", "sim.", "dis."):
        table.add_column(interest, justify="right", no_wrap=True)
    for event in events:
        table.add_row(
            str(event.position + 1),
            Text(_shown(_words(event.event), ascii_only)),
            Text.assemble(f"{event.weight:.3f} ", (_bar(event.weight / most, ascii_only), "blue")),
            Text(*_SETS[event.similar, event.dissimilar]),
            *(f"{weight:.3f}" if weight else "-" for weight in event.interests),
        )
    return table


def _words(event: str | Search) -> str:
    if isinstance(event, str):
        return event
    source = f" ({event.source})" if event.source else ""
    clicks = f" → {' '.join(event.clicked_items)}" if event.clicked_items else ""
    return f"{event.query}{source}{clicks}"


def _shown(text: str, ascii_only: bool) -> str:
    return text.replace("→", "->") if ascii_only else text


def _bar(share: float, ascii_only: bool) -> str:
    """Of eighths of characters, where the terminal has them."""
    if ascii_only:
        return "#" * round(share * BAR_WIDTH)
    whole, eighths = divmod(round(share * BAR_WIDTH * 8), 8)
    return "█" * whole + ("", *"▏▎▍▌▋▊▉")[eighths]
