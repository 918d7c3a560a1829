"""The client command, in process, against a real server."""

from __future__ import annotations

import io
import json

import pytest

from serving.client.command import main
from serving.client.ranking_client import RankingClient
from serving.client.serving_error import ServingError
from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search

REQUEST = RankingRequest(
    "u1",
    ("a", "b", "[red]c[/red]"),
    ("i1", "i2"),
    (Search("red | shoes", "typed", ("k1", "k2")), Search("boots", "suggested"), Search("hat")),
)
FLAGS = [
    *("--user", "u1", "--rec-items", "i1", "i2", "--candidates", *REQUEST.candidates),
    *("--search", "red | shoes|typed|k1 k2", "--search", "boots|suggested", "--search", "hat"),
]
VALUES = {
    "user": "u1",
    "rec_items": ["i1", "i2"],
    "searches": [
        {"query": "red | shoes", "source": "typed", "clicked_items": ["k1", "k2"]},
        {"query": "boots", "source": "suggested"},
        {"query": "hat"},
    ],
    "candidates": list(REQUEST.candidates),
}


@pytest.fixture
def ranking(server):
    with RankingClient(server.address, timeout=20) as client:
        return client.rank(REQUEST.user, REQUEST.rec_items, REQUEST.searches, REQUEST.candidates)


def plain(ranking):
    return [{"rank": rank, **row._asdict()} for rank, row in enumerate(ranking, start=1)]


def test_flags_to_json(server, ranking, capsys):
    main(["--server", server.address, *FLAGS, "--json"])
    assert json.loads(capsys.readouterr().out) == [{"user": "u1", "ranking": plain(ranking)}]


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_requests_from_json(server, ranking, capsys, tmp_path, monkeypatch, source):
    requests = [VALUES, {"user": "größe", "candidates": ["a"]}]
    encoded = json.dumps(requests, ensure_ascii=False).encode("utf-8")
    (tmp_path / "request.json").write_bytes(encoded)
    # A terminal of another locale.
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(encoded), "latin-1"))
    file = "-" if source == "standard input" else str(tmp_path / "request.json")
    main(["--server", server.address, "--request", file, "--json"])
    first, second = json.loads(capsys.readouterr().out)
    assert [row["candidate"] for row in first["ranking"]] == [row.candidate for row in ranking]
    assert [row["score"] for row in first["ranking"]] == pytest.approx(
        [row.score for row in ranking], abs=1e-5
    )
    assert second["user"] == "größe"
    assert len(second["ranking"]) == 1


def test_table_shows_ids_verbatim(server, ranking, capsys):
    main(["--server", server.address, *FLAGS])
    out = capsys.readouterr().out
    assert "sesrec version 10, user u1" in out
    lines = [line for line in out.splitlines() if any(f" {c} " in line for c in REQUEST.candidates)]
    for line, row in zip(lines, ranking, strict=True):
        assert f" {row.candidate} " in line
        assert f"{row.score:.6f}" in line
        assert f"{row.probability:.6f}" in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "expected --user and --candidates, or --request FILE"),
        (["--user", "u"], "expected --user and --candidates"),
        (["--request", "absent.json"], "cannot read requests from absent.json"),
        (["--request", "x.json", "--rec-items", "a"], "leave out --rec-items"),
        (["--user", "u", "--candidates", "a", "--search", "|typed|"], "at least one word"),
        (["--user", "u v", "--candidates", "a"], "without whitespace"),
        (["--user", "u", "--candidates", "a", "--timeout", "-1"], "`timeout`"),
        (["--status", "--retries", "9"], "`retries`"),
        (["--status", "--max-message-mb", "0"], "`--max-message-mb`"),
        (["--status", "--root-certificates", "absent.pem"], "cannot read absent.pem"),
        (["--status", "--model-version", "1", "--version-label", "stable"], "Received both"),
        (["--recommend", "--user", "u", "--candidates", "a"], "leave out --candidates"),
        (["--status", "--user", "u"], "--status is about versions.*leave out --user"),
        (["--status", "--rec-items"], "leave out --rec-items"),
        (["--status", "--request", "x.json"], "leave out --request"),
        (["--recommend"], "expected --user, or --request FILE"),
    ],
)
def test_unusable_arguments(flags, message):
    with pytest.raises(InputError, match=message):
        main(flags)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting"),
        ("{", "Expecting"),
        ("\x80", "should be UTF-8.*byte 0x80 at offset 0"),
        ("[]", "at least one request"),
        ("3", "a request should be an object"),
        ('["u"]', r"`\[0\]` is unusable: a request should be an object"),
        ('[{"user": "u", "candidates": ["a"]}, {"user": "u"}]', r"`\[1\]`.*Missing: candidates"),
        ('{"user": "u", "candidates": ["a", 3]}', r"`candidates\[1\]` should be a string"),
        (
            '[{"user": "u", "candidates": ["a"], "searches": [{"query": " "}]}]',
            r"`\[0\]\.searches\[0\]\.query` should hold at least one word",
        ),
    ],
)
def test_unusable_file(tmp_path, text, message):
    (tmp_path / "r.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"r\.json.*({message})"):
        main(["--request", str(tmp_path / "r.json")])


def test_standard_input_that_is_no_utf_8(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"user": "\xff"}'), "latin-1"))
    with pytest.raises(InputError, match=r"should be UTF-8.*byte 0xff at offset 10"):
        main(["--request", "-"])


def test_unknown_model(server):
    with pytest.raises(ServingError, match="NOT_FOUND"):
        main(["--server", server.address, "--model-name", "other", *FLAGS])
