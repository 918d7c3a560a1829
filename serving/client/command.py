"""Asks a model behind TF Serving's gRPC API to rank, to explain or to recommend."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from serving.client.answer_tables import explanation_tables, scored_table, status_table
from serving.client.client_base import by_falling_score
from serving.client.client_flags import add_client_flags, client_settings
from serving.client.explanation import ExplainedEvent, Explanation
from serving.client.ranking_client import RankingClient
from serving.client.recommendation import Recommendation
from serving.client.request_input import add_request_flags, read_requests, refuse_requests
from serving.client.scored_candidate import ScoredCandidate
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.search import Search

EXAMPLES = """\
examples:
  python -m serving.client --server 127.0.0.1:8500 --user u7 --rec-items i1 i2 i3 \\
      --search 'red shoes|typed|i4 i5' --search 'boots' --candidates i6 i7 i8
  python -m serving.client --request request.json --json
  python -m serving.client --request request.json --explain
  python -m serving.client --user u7 --rec-items i1 i2 i3 --recommend
  python -m serving.client --server ranker:8500 --root-certificates ca.pem --status

Histories are given oldest first. A search is 'query|source|clicked ids'; source and clicks may be
left out. A request file holds one object, or a list of them:
  {"user": "u7", "rec_items": ["i1", "i2", "i3"],
   "searches": [{"query": "red shoes", "source": "typed", "clicked_items": ["i4", "i5"]}],
   "candidates": ["i6", "i7", "i8"]}
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the answer, as tables or as JSON.

    Raises:
        InputError: for unusable arguments or an unusable file.
        ServingError: if the server does not answer.
    """
    arguments = _parser().parse_args(argv)
    requests = None
    if arguments.status:
        refuse_requests(arguments)
    else:
        requests = read_requests(arguments, with_candidates=not arguments.recommend)
    with RankingClient(**client_settings(arguments)) as client:
        if requests is None:
            _print_status(client, arguments.json)
        elif arguments.recommend:
            _print_recommendations(client, requests, arguments.json)
        elif arguments.explain:
            _print_explanations(client, requests, arguments.json)
        else:
            _print_rankings(client, requests, arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.client",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--explain", action="store_true", help="also what the model made of every past event"
    )
    what.add_argument("--recommend", action="store_true", help="the best items of the catalogue")
    what.add_argument("--status", action="store_true", help="versions of the model, their states")
    parser.add_argument("--json", action="store_true", help="print JSON, a list of answers")
    add_request_flags(parser)
    add_client_flags(parser)
    return parser


def _print_rankings(
    client: RankingClient, requests: Sequence[RankingRequest], as_json: bool
) -> None:
    rankings = [by_falling_score(row) for row in client.score(requests)]
    if as_json:
        _print_json(
            {"user": request.user, "ranking": _plain_scores(ranking)}
            for request, ranking in zip(requests, rankings, strict=True)
        )
        return
    for request, ranking in zip(requests, rankings, strict=True):
        Console().print(scored_table(_title(client, request.user), "candidate", ranking))


def _print_explanations(
    client: RankingClient, requests: Sequence[RankingRequest], as_json: bool
) -> None:
    console, explained = Console(), []
    for request in requests:
        explanation = client.explain(
            request.user, request.rec_items, request.searches, request.candidates
        )
        explained.append(_plain_explanation(request, explanation))
        if as_json:
            continue
        ranking = by_falling_score(explanation.candidates)
        lengths = len(request.rec_items), len(request.searches)
        console.print(scored_table(_title(client, request.user), "candidate", ranking))
        console.print(explanation_tables(explanation, lengths, console))
    if as_json:
        _print_json(explained)


def _print_recommendations(
    client: RankingClient, requests: Sequence[RecommendationRequest], as_json: bool
) -> None:
    recommended = []
    for request in requests:
        best = client.recommend(request.user, request.rec_items, request.searches)
        recommended.append({"user": request.user, "recommendations": _plain_scores(best)})
        if not as_json:
            Console().print(scored_table(_title(client, request.user), "item", best))
    if as_json:
        _print_json(recommended)


def _print_status(client: RankingClient, as_json: bool) -> None:
    versions = client.status()
    if as_json:
        _print_json(status._asdict() for status in versions)
    else:
        title = f"{client.model.name} at {client.endpoint.target}"
        Console().print(status_table(title, versions))


def _title(client: RankingClient, user: str) -> str:
    return f"{client.model.name} version {client.served_version}, user {user}"


def _plain_scores(rows: Sequence[ScoredCandidate | Recommendation]) -> list[Any]:
    return [{"rank": rank, **row._asdict()} for rank, row in enumerate(rows, start=1)]


def _plain_explanation(request: RankingRequest, explanation: Explanation) -> dict[str, Any]:
    return {
        "user": request.user,
        "ranking": _plain_scores(by_falling_score(explanation.candidates)),
        "interests_for": explanation.candidates[0].candidate,
        "rec_events": [_plain_event(event) for event in explanation.rec_events],
        "search_events": [_plain_event(event) for event in explanation.search_events],
    }


def _plain_event(event: ExplainedEvent) -> dict[str, Any]:
    values = event._asdict()
    what = values.pop("event")
    named = vars(what) if isinstance(what, Search) else {"item": what}
    return {**values, **named, "interests": event.interests._asdict()}


def _print_json(answers: Any) -> None:
    print(json.dumps(list(answers), ensure_ascii=False))
