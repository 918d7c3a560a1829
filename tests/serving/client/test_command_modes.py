"""What the client command prints beside rankings, as a reader sees it."""

from __future__ import annotations

import json
import re

import grpc
import pytest
import trustme

from serving.client.command import main
from tests.serving.client.scripted_server import ScriptedServer, score_of

LONG = "a-long-identifier-of-an-item-that-goes-on-and-on-and-on"
HISTORY = [
    *("--user", "u", "--rec-items", "i1", "B0[red]x", LONG, "i4", "i5"),
    *("--search", "red shoes|typed|k1 k2", "--search", "boots"),
]


@pytest.mark.parametrize("columns", [80, 120])
def test_explain(scripted, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["--server", scripted.address, *HISTORY, "--candidates", "a", "b", "--explain"])
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= columns
    text = "\n".join(lines)
    assert "sesrec version 7, user u" in text
    assert "the latest 4 of 5 events" in text
    positions = [int(n) for n in re.findall(r"^ *(\d+)  .*(?:similar|both)", text, re.MULTILINE)]
    assert positions == [2, 3, 4, 5, 1, 2]
    # Ids are folded, never cut.
    assert LONG in re.sub(r"\s|0\.250.*", "", text) or columns == 80


def test_explain_without_history(scripted, capsys):
    main(["--server", scripted.address, "--user", "u", "--candidates", "a", "--explain"])
    out = capsys.readouterr().out
    assert "recommendation history: no events" in out
    assert "search history: no events" in out


def test_explain_to_json(scripted, capsys):
    main(["--server", scripted.address, *HISTORY, "--candidates", "a", "b", "--explain", "--json"])
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["user"] == "u"
    assert answer["interests_for"] == "a"
    assert [row["candidate"] for row in answer["ranking"]] == sorted(
        "ab", key=lambda candidate: -score_of("u", candidate)
    )
    assert answer["rec_events"][1] == {
        "position": 2,
        "item": LONG,
        "weight": 0.25,
        "similar": False,
        "dissimilar": True,
        # The second of 4: the scripted weights are 1 to 4, and similar leaves it out.
        "interests": pytest.approx({"all": 0.2, "similar": 0.0, "dissimilar": 2 / 9}),
    }
    assert answer["search_events"][0]["query"] == "red shoes"
    assert answer["search_events"][0]["clicked_items"] == ["k1", "k2"]


def test_recommend(scripted, capsys):
    main(["--server", scripted.address, *HISTORY, "--recommend"])
    table = capsys.readouterr().out
    main(["--server", scripted.address, *HISTORY, "--recommend", "--json"])
    (answer,) = json.loads(capsys.readouterr().out)
    assert [row["rank"] for row in answer["recommendations"]] == [1, 2, 3, 4]
    for row in answer["recommendations"]:
        assert f"{row['item']} " in table
        assert f"{row['score']:.6f}" in table


def test_recommend_from_a_file_with_candidates(scripted, capsys, tmp_path):
    values = [{"user": "u", "candidates": ["a"]}, {"user": "v", "rec_items": ["p1"]}]
    (tmp_path / "r.json").write_text(json.dumps(values))
    file = str(tmp_path / "r.json")
    main(["--server", scripted.address, "--request", file, "--recommend", "--json"])
    first, second = json.loads(capsys.readouterr().out)
    assert len(first["recommendations"]) == 4
    assert len(second["recommendations"]) == 3


def test_status(scripted, capsys):
    main(["--server", scripted.address, "--status"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["│", "7", "│", "AVAILABLE", "│", "│"] in rows
    assert ["│", "6", "│", "END", "│", "2:", "[no]", "memory", "│"] in rows
    main(["--server", scripted.address, "--status", "--json"])
    assert [row["state"] for row in json.loads(capsys.readouterr().out)] == ["END", "AVAILABLE"]


def test_version_label(scripted, capsys):
    flags = ["--user", "u", "--candidates", "a", "--version-label", "canary", "--json"]
    main(["--server", scripted.address, *flags])
    assert {spec.version_label for _, spec in scripted.calls} == {"canary"}


def test_mutual_tls(tmp_path, capsys):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    mine = authority.issue_cert("client@example.org")
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    mine.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    issued = authority.issue_cert("ranker.example.org")
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())],
        authority.cert_pem.bytes(),
        True,
    )
    flags = [
        *("--root-certificates", str(tmp_path / "root.pem"), "--authority", "ranker.example.org"),
        *("--client-certificate", str(tmp_path / "client.pem")),
        *("--client-key", str(tmp_path / "client.key")),
    ]
    with ScriptedServer(credentials=credentials) as scripted:
        main(["--server", scripted.address, "--status", "--json", *flags])
    assert json.loads(capsys.readouterr().out)
