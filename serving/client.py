"""Ranks candidates for a user with a model behind TF Serving's gRPC API."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serving.ranking_client import RankingClient, ScoredCandidate
from serving.ranking_request import RankingRequest, Search
from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError

EXAMPLES = """\
examples:
  python -m serving.client --server 127.0.0.1:8500 --user u7 --rec-items i1 i2 i3 \\
      --search 'red shoes|typed|i4 i5' --search 'boots' --candidates i6 i7 i8
  python -m serving.client --request request.json --json

Histories are given oldest first. A search is 'query|source|clicked ids'; source and clicks may be
left out. A request file holds one object, or a list of them:
  {"user": "u7", "rec_items": ["i1", "i2", "i3"],
   "searches": [{"query": "red shoes", "source": "typed", "clicked_items": ["i4", "i5"]}],
   "candidates": ["i6", "i7", "i8"]}
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the candidates by falling score, as a table or as JSON.

    Raises:
        InputError: for unusable arguments or an unusable file.
        ServingError: if the server does not answer.
    """
    arguments = _parser().parse_args(argv)
    requests = _requests(arguments)
    with RankingClient(
        arguments.server,
        arguments.model_name,
        version=arguments.model_version,
        timeout=arguments.timeout,
    ) as client:
        scored = client.score(requests)
        version = client.served_version
    rankings = [sorted(row, key=lambda candidate: -candidate.score) for row in scored]
    if arguments.json:
        print(json.dumps([_plain(*pair) for pair in zip(requests, rankings, strict=True)]))
        return
    for request, ranking in zip(requests, rankings, strict=True):
        title = f"{arguments.model_name} version {version}, user {request.user}"
        Console().print(_table(title, ranking))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.client",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--server",
        default="127.0.0.1:8500",
        metavar="HOST:PORT",
        help="TF Serving's gRPC address (default: %(default)s)",
    )
    parser.add_argument("--model-name", default="sesrec", help="(default: %(default)s)")
    parser.add_argument("--model-version", type=int, help="(default: the highest served)")
    parser.add_argument(
        "--timeout", type=float, default=10.0, help="seconds a call (default: %(default)s)"
    )
    parser.add_argument("--user", help="user id")
    parser.add_argument("--rec-items", nargs="*", metavar="ID", help="items met in the feed")
    parser.add_argument(
        "--search", action="append", metavar="'QUERY|SOURCE|IDS'", help="a past search; repeatable"
    )
    parser.add_argument("--candidates", nargs="+", metavar="ID", help="items to rank")
    parser.add_argument("--request", metavar="FILE", help="JSON request; - for standard input")
    parser.add_argument("--json", action="store_true", help="print JSON, one list of rankings")
    return parser


def _requests(arguments: argparse.Namespace) -> list[RankingRequest]:
    inline = ("user", "rec_items", "search", "candidates")
    given = [name for name in inline if getattr(arguments, name) is not None]
    if arguments.request is not None:
        if given:
            flag = given[0].replace("_", "-")
            raise InputError(f"--request already says whom to rank for; leave out --{flag}.")
        return _read_requests(arguments.request)
    if "user" not in given or "candidates" not in given:
        raise InputError("expected --user and --candidates, or --request FILE. See --help.")
    searches = tuple(_parse_search(text) for text in arguments.search or ())
    rec_items = tuple(arguments.rec_items or ())
    return [RankingRequest(arguments.user, tuple(arguments.candidates), rec_items, searches)]


def _parse_search(text: str) -> Search:
    """Splits at the last two bars, so that a query may hold bars of its own."""
    query, source, clicks = [*text.rsplit("|", 2), "", ""][:3]
    return Search(query, source, tuple(clicks.split()))


def _read_requests(file: str) -> list[RankingRequest]:
    try:
        content: Any = json.loads(
            sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        )
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read requests from {file}: {error}. See --help.") from error
    requests = [
        RankingRequest.from_dict(values)
        for values in (content if isinstance(content, list) else [content])
    ]
    if not requests:
        raise InputError(f"{file} should hold at least one request. Received: an empty list.")
    return requests


def _plain(request: RankingRequest, ranking: Sequence[ScoredCandidate]) -> dict[str, Any]:
    rows = [{"rank": rank, **row._asdict()} for rank, row in enumerate(ranking, start=1)]
    return {"user": request.user, "ranking": rows}


def _table(title: str, ranking: Sequence[ScoredCandidate]) -> Table:
    table = Table(title=Text(title))
    table.add_column("rank", justify="right")
    table.add_column("candidate", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("probability", justify="right")
    for rank, row in enumerate(ranking, start=1):
        table.add_row(str(rank), Text(row.candidate), f"{row.score:.6f}", f"{row.probability:.6f}")
    return table


if __name__ == "__main__":
    run_command(main)
