"""The smoke command: a good endpoint passes, each way to be bad fails, and says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from serving.server.development_server import DevelopmentServer
from serving.server.model_manager import ModelManager
from serving.smoke.command import main
from serving.smoke.smoke_sample import SmokeSample
from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search
from sesrec_tf.schema import HistoryShape
from tests.serving.client.scripted_server import SHAPE, ScriptedServer, score_of

REQUESTS = tuple(
    RankingRequest(
        f"u{n}",
        ("a", "b", "größe", "d")[: 1 + n % 4],
        ("i1", "i2", "i3")[: n % 4],
        (Search("red shoes", "typed", ("p1",)), Search("hat"))[: n % 3],
    )
    for n in range(6)
)


def evenly(number):
    """Weights of the events of one side, as the scripted server explains them."""
    return (1 / number,) * number if number else ()


SAMPLE = SmokeSample(
    history=SHAPE,
    requests=REQUESTS,
    scores=tuple(tuple(score_of(r.user, c) for c in r.candidates) for r in REQUESTS),
    weights={
        "rec_weights": tuple(evenly(len(r.rec_items)) for r in REQUESTS),
        "search_weights": tuple(evenly(len(r.searches)) for r in REQUESTS),
    },
)


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    SAMPLE.write(tmp_path / "expected.json")
    return tmp_path / "expected.json"


def outcomes(text: str) -> dict[str, str]:
    """Result and detail of every check."""
    table = {}
    for line in text.splitlines():
        for outcome in ("ok", "FAILED", "not served"):
            name, separator, detail = line.partition(f"   {outcome}  ")
            if separator and name.strip():
                table[name.strip()] = f"{outcome}: {detail.strip()}"
    return table


def smoke(server, expected, capsys, *flags, status=0):
    arguments = ["--server", server.address, "--expected", str(expected), *flags]
    if status:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == status
    else:
        main(arguments)
    return outcomes(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")


def test_good_endpoint(server, expected, capsys):
    found = smoke(server, expected, capsys, "--latency-calls", "5")
    assert list(found) == [
        "status",
        "metadata",
        "serving_default",
        "examples",
        "explain",
        "recommend",
        "refuses a wrong width",
        "refuses a missing input",
        "refuses a wrong dtype",
        "refuses an unknown signature",
        "concurrent requests",
        "latency",
    ]
    assert all(outcome.startswith("ok: ") for outcome in found.values()), found
    # 1, 2, 3, 4, 1 and 2 candidates.
    assert "13 scores of 6 requests" in found["serving_default"]
    assert "of 1 to 4 candidates" in found["concurrent requests"]
    assert "over 5 single requests" in found["latency"]


def test_columns_of_a_batcher(server, expected, capsys):
    server.extra_columns = 3
    assert all(outcome.startswith("ok: ") for outcome in smoke(server, expected, capsys).values())


def test_signatures_that_are_not_served(server, expected, capsys):
    server.signatures = ["serving_default", "examples"]
    found = smoke(server, expected, capsys)
    assert found["explain"].startswith("not served")
    assert found["recommend"].startswith("not served")


@pytest.mark.parametrize(
    ("name", "damage", "failed"),
    [
        ("scores", lambda o: o["scores"] + 0.001, ["serving_default", "examples", "explain"]),
        ("rec_weights", lambda o: o["rec_weights"] * 0.99, ["explain"]),
        ("search_interests", lambda o: o["search_interests"] * 0.99, ["explain"]),
        ("rec_similar", lambda o: o["rec_similar"] * 0, ["explain"]),
        ("items", lambda o: o["items"][:, :1].repeat(4, axis=1), ["recommend"]),
        ("probabilities", lambda o: o["probabilities"][:0], ["serving_default"]),
    ],
)
def test_other_answers(server, expected, capsys, monkeypatch, name, damage, failed):
    answer = server._answer

    def damaged(*given):
        outputs = answer(*given)
        return {**outputs, name: damage(outputs)} if name in outputs else outputs

    monkeypatch.setattr(server, "_answer", damaged)
    found = smoke(server, expected, capsys, status=1)
    for check in failed:
        assert found[check].startswith("FAILED: "), found


def test_answers_that_depend_on_the_company(server, expected, capsys, monkeypatch):
    answer = server._answer
    calls = iter(range(1000))

    def drifting(*given):
        outputs = answer(*given)
        # Less than --tolerance, more than what batching may change.
        return {**outputs, "scores": outputs["scores"] + 1e-4 * next(calls) ** 0.5}

    monkeypatch.setattr(server, "_answer", drifting)
    found = smoke(server, expected, capsys, "--tolerance", "0.1", status=1)
    assert [name for name, outcome in found.items() if outcome.startswith("FAILED")] == [
        "concurrent requests"
    ]


def test_recommended_items_that_were_seen(server, expected, capsys, monkeypatch):
    answer = server._answer

    def repeats(name, inputs):
        outputs = answer(name, inputs)
        if name == "recommend":
            outputs["items"][0, 0] = inputs["rec_items"][0, 0] or outputs["items"][0, 0]
        return outputs

    monkeypatch.setattr(server, "_answer", repeats)
    found = smoke(server, expected, capsys, status=1)
    assert "recommends i1, which the request holds" in found["recommend"]


def test_nothing_is_recommended(server, expected, capsys, monkeypatch):
    answer = server._answer

    def nothing(name, inputs):
        outputs = answer(name, inputs)
        if name == "recommend":
            outputs["items"][:] = ""
        return outputs

    monkeypatch.setattr(server, "_answer", nothing)
    found = smoke(server, expected, capsys, status=1)
    assert found["recommend"] == "FAILED: no item is recommended for any of 6 requests"


def test_malformed_requests_that_get_an_answer(server, expected, capsys):
    server.lenient = True
    found = smoke(server, expected, capsys, status=1)
    assert found["refuses a wrong width"] == "FAILED: expected INVALID_ARGUMENT, received an answer"
    assert found["refuses a wrong dtype"].startswith("FAILED: ")
    assert found["serving_default"].startswith("ok: ")


def test_refusal_with_another_status(server, expected, capsys, monkeypatch):
    monkeypatch.setattr(
        server,
        "_problem",
        lambda name, inputs: (
            (grpc.StatusCode.INTERNAL, "oops") if len(inputs) == 5 and "items" not in name else None
        ),
    )
    server.signatures.remove("recommend")
    found = smoke(server, expected, capsys, status=1)
    assert "expected INVALID_ARGUMENT, received server" in found["refuses a missing input"]


def test_other_widths(server, expected, capsys):
    server.shape = HistoryShape(5, 3, 5, 2)
    found = smoke(server, expected, capsys, status=1)
    # Nothing more can be said of such a model.
    assert list(found) == ["status", "metadata"]
    assert "expected RankingSignature(rec_length=4" in found["metadata"]


def test_model_of_another_kind(server, expected, capsys, monkeypatch):
    monkeypatch.setattr(server, "_inputs", lambda name: {"pixels": (28, 28)})
    found = smoke(server, expected, capsys, status=1)
    assert found["metadata"].startswith("FAILED: the model is no ranking model")


def test_nothing_is_available(server, expected, capsys, monkeypatch):
    server.version = 0
    monkeypatch.setattr("serving.client.wire_messages.VERSION_STATES", {30: "LOADING"})
    found = smoke(server, expected, capsys, status=1)
    assert "no version is AVAILABLE" in found["status"]


def test_no_server(expected, capsys):
    with ScriptedServer() as gone:
        pass
    found = smoke(gone, expected, capsys, "--retries", "0", status=1)
    assert list(found) == ["status"]
    assert "UNAVAILABLE" in found["status"]


def test_sample_survives_its_file(expected):
    assert SmokeSample.read(expected) == SAMPLE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("scores"), "KeyError"),
        (lambda c: c["scores"].pop(), "a score for each candidate"),
        (lambda c: c["weights"]["rec_weights"].pop(), "a score for each candidate"),
        (lambda c: c["requests"][2].pop("user"), r"requests\[2\].*Missing: user"),
        (lambda c: c.update(history={"rec_length": 0}), "rec_length"),
        (lambda c: c.update(requests=[], scores=[], weights={}), "a score for each candidate"),
    ],
)
def test_unusable_sample(expected, change, message):
    content = json.loads(expected.read_text())
    change(content)
    expected.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        SmokeSample.read(expected)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--expected", "absent.json"], "cannot read absent.json"),
        (["--expected", "x", "--data", "y"], "--data belongs to --run"),
        (["--expected", "x", "--record", "y"], "--record belongs to --run"),
        (["--run", "absent", "--requests", "0"], "`--requests` should be positive"),
        (["--run", "absent"], "absent is not a run directory"),
    ],
)
def test_unusable_arguments(flags, message):
    with pytest.raises(InputError, match=message):
        main(flags)


def test_a_recorded_sample_needs_no_tensorflow():
    code = "import sys, serving.smoke; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def served(tiny_servable: Path) -> Iterator[str]:
    """Address of a server of the tiny run."""
    manager = ModelManager("sesrec", tiny_servable.parent)
    with DevelopmentServer(port=0) as running:
        manager.load_any()
        running.start(manager)
        yield running.address


@pytest.mark.parametrize("with_data", [True, False])
def test_run_against_its_export(served, tiny_run, tmp_path, capsys, with_data):
    run = tiny_run.path
    if not with_data:
        run = shutil.copytree(tiny_run.path, tmp_path / "run")
        info = json.loads((run / "run.json").read_text())
        info["data"]["path"] = str(tmp_path / "gone")
        (run / "run.json").write_text(json.dumps(info))
    main(["--server", served, "--run", str(run), "--requests", "20", "--latency-calls", "3"])
    out = capsys.readouterr().out
    origin = "test instances of" if with_data else "drawn from the run's vocabularies, because"
    assert f"20 requests: {origin}" in out
    found = outcomes(out)
    assert found.pop("recommend").startswith("not served: ")
    assert len(found) == 11
    assert all(outcome.startswith("ok: ") for outcome in found.values()), found
    assert "weights of events differ" in found["explain"]


def test_recorded_run_and_another_model(served, tiny_run, tiny_data, tmp_path, capsys):
    file = tmp_path / "expected.json"
    main(["--run", str(tiny_run.path), "--data", str(tiny_data.path), "--record", str(file)])
    main(["--server", served, "--expected", str(file), "--latency-calls", "3"])
    assert "all is well" in capsys.readouterr().out
    content = json.loads(file.read_text())
    content["scores"][3][7] += 0.001
    file.write_text(json.dumps(content))
    with pytest.raises(SystemExit):
        main(["--server", served, "--expected", str(file), "--latency-calls", "3"])
    found = outcomes(capsys.readouterr().out)
    assert found["serving_default"].startswith("FAILED: scores differ from the run's")
    assert found["latency"].startswith("ok: ")
