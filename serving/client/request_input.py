"""Requests given on the command line or in a JSON file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.request_checks import parsed_list
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search

_INLINE = ("user", "rec_items", "search", "candidates")


def add_request_flags(parser: argparse.ArgumentParser) -> None:
    """Adds one request in flags, or a file of them."""
    group = parser.add_argument_group("request")
    group.add_argument("--user", help="user id")
    group.add_argument("--rec-items", nargs="*", metavar="ID", help="items met in the feed")
    group.add_argument(
        "--search", action="append", metavar="'QUERY|SOURCE|IDS'", help="a past search; repeatable"
    )
    group.add_argument("--candidates", nargs="+", metavar="ID", help="items to rank")
    group.add_argument("--request", metavar="FILE", help="JSON request; - for standard input")


def read_requests(arguments: argparse.Namespace, with_candidates: bool) -> list[Any]:
    """`RankingRequest`s, or `RecommendationRequest`s where there are no candidates to give.

    Raises:
        InputError: for missing or contradicting flags, or an unusable file.
    """
    given = [name for name in _INLINE if getattr(arguments, name) is not None]
    if arguments.request is not None:
        if given:
            flag = given[0].replace("_", "-")
            raise InputError(f"--request already says whom to rank for; leave out --{flag}.")
        return _from_file(arguments.request, with_candidates)
    if not with_candidates:
        if "candidates" in given:
            raise InputError("--recommend chooses among all items; leave out --candidates.")
        if "user" not in given:
            raise InputError("expected --user, or --request FILE. See --help.")
        return [RecommendationRequest(arguments.user, *_history(arguments))]
    if "user" not in given or "candidates" not in given:
        raise InputError("expected --user and --candidates, or --request FILE. See --help.")
    return [RankingRequest(arguments.user, tuple(arguments.candidates), *_history(arguments))]


def refuse_requests(arguments: argparse.Namespace) -> None:
    """Raises an InputError if a request is given beside --status, which wants none."""
    given = [name for name in (*_INLINE, "request") if getattr(arguments, name) is not None]
    if given:
        flag = given[0].replace("_", "-")
        raise InputError(f"--status is about versions, not about a user; leave out --{flag}.")


def _history(arguments: argparse.Namespace) -> tuple[tuple[str, ...], tuple[Search, ...]]:
    searches = tuple(_parse_search(text) for text in arguments.search or ())
    return tuple(arguments.rec_items or ()), searches


def _parse_search(text: str) -> Search:
    """Splits at the last two bars, so that a query may hold bars of its own."""
    query, source, clicks = [*text.rsplit("|", 2), "", ""][:3]
    return Search(query, source, tuple(clicks.split()))


def _from_file(file: str, with_candidates: bool) -> list[Any]:
    try:
        # Text of standard input would have the locale's encoding.
        encoded = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        content: Any = json.loads(encoded.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"requests from {file} should be UTF-8. Received: byte "
            f"0x{encoded[error.start]:02x} at offset {error.start}. Convert them."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read requests from {file}: {error}. See --help.") from error
    parse = RankingRequest.from_dict if with_candidates else _without_candidates
    try:
        requests = (
            parsed_list("", content, parse) if isinstance(content, list) else [parse(content)]
        )
    except RequestError as error:
        raise InputError(f"{file}: {error}") from error
    except InputError as error:
        raise InputError(f"{file}: {error} See --help.") from error
    if not requests:
        raise InputError(f"{file} should hold at least one request. Received: an empty list.")
    return requests


def _without_candidates(values: Any) -> RecommendationRequest:
    """A file that was written for ranking serves as well."""
    if isinstance(values, dict):
        values = {name: value for name, value in values.items() if name != "candidates"}
    return RecommendationRequest.from_dict(values)
