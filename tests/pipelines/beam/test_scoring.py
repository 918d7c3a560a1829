from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.beam import patient_session
from pipelines.beam.merged_rows import unpacked
from pipelines.beam.request_step import ReadRequests
from pipelines.beam.scoring import Scoring
from pipelines.beam.staging import Staging
from pipelines.scoring.request_files import Block, RequestFiles
from pipelines.scoring.score_options import SCORED, SUMMARY_FILE, ScoreOptions
from sesrec_tf.data.progress_bar import silent
from sesrec_tf.errors import InputError
from tests.pipelines.beam.object_store import ObjectStore
from tests.pipelines.beam.runners import IN_MEMORY, TWO_PROCESSES, fn_api, portable
from tests.pipelines.scoring.record_files import as_example, as_json, write_lines, write_records

ANY = ScoreOptions(max_rejected=1.0, file_records=4, batch_size=3, overwrite=True)


def request(number: int) -> dict[str, Any]:
    """Requests of 1 to 7 candidates, with and without histories."""
    items = ["i3", "NA", "007", "größe", "i9", "unheard-of", "i11"]
    searches = [{"query": f"w{number} w1", "source": "typed", "clicked_items": ["i5", "i6"]}]
    return {
        "user": f"u{number}",
        "rec_items": items[: number % 3],
        "searches": searches * (number % 2),
        "candidates": items[: 1 + number % 7],
        "request_id": f"request {number}",
    }


def score(
    places: Sequence[Path],
    model: Path,
    output: Path,
    options: ScoreOptions = ANY,
    beam_options: PipelineOptions | None = None,
    staging: str | None = None,
) -> dict[str, Any]:
    files = RequestFiles.find([str(place) for place in places])
    beam_options = beam_options or fn_api(IN_MEMORY)
    return Scoring(files, str(model), options, beam_options, staging).run(output, silent)


def rows(output: Path) -> pd.DataFrame:
    parts = [pd.read_parquet(file) for file in sorted((output / "scores").iterdir())]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve good requests and one bad one in each of two files."""
    directory = tmp_path_factory.mktemp("requests")
    requests = [request(number) for number in range(24)]
    lines = [as_json(each) for each in requests[:12]]
    records = [as_example(each) for each in requests[12:]]
    return [
        write_lines(directory / "a.jsonl", [*lines[:5], b"{", *lines[5:]]),
        write_records(directory / "b.tfrecord", [b"no message", *records]),
    ]


@pytest.fixture(scope="module")
def alone(places: list[Path], tiny_servable: Path, tmp_path_factory) -> pd.DataFrame:
    """What one process makes of them, a request at a time."""
    output = tmp_path_factory.mktemp("alone") / "scores"
    score(places, tiny_servable, output, ScoreOptions(max_rejected=1.0, batch_size=1))
    return rows(output)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = ["file", "line", "request_id", "user"]
    pd.testing.assert_frame_equal(found[keys], expected[keys])
    assert [*map(list, found["candidates"])] == [*map(list, expected["candidates"])]
    for name in ("scores", "probabilities"):
        for ours, theirs in zip(found[name], expected[name], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_rows_in_the_order_of_the_input_with_all_that_joins_them(
    alone: pd.DataFrame, places: list[Path]
) -> None:
    numbers = [*range(24)]
    assert list(alone["request_id"]) == [f"request {n}" for n in numbers]
    assert list(alone["user"]) == [f"u{n}" for n in numbers]
    assert [*map(list, alone["candidates"])] == [request(n)["candidates"] for n in numbers]
    assert [Path(name).name for name in alone["file"]] == ["a.jsonl"] * 12 + ["b.tfrecord"] * 12
    assert list(alone["line"]) == [*range(1, 6), *range(7, 14), *range(2, 14)]
    lengths = [len(request(n)["candidates"]) for n in numbers]
    for name in ("scores", "probabilities"):
        assert [len(values) for values in alone[name]] == lengths
    logits, shares = (np.concatenate(list(alone[name])) for name in ("scores", "probabilities"))
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-logits)), atol=1e-6)


@pytest.mark.parametrize("staging", [None, "shelf://bucket"])
def test_batches_and_files_do_not_matter(
    places: list[Path],
    tiny_servable: Path,
    tmp_path: Path,
    alone: pd.DataFrame,
    staging: str | None,
) -> None:
    output = tmp_path / "scores"
    summary = score(places, tiny_servable, output, staging=staging)
    assert_same(rows(output), alone)
    # Of 13 lines each: 4, 4, 4 and 1.
    names = [f"part-{shard:05d}-of-00008.parquet" for shard in range(8)]
    assert sorted(file.name for file in (output / "scores").iterdir()) == names
    assert summary == {
        "model": str(tiny_servable),
        "files": 2,
        "read": 26,
        "scored": 24,
        "rejected": {"the line is no JSON": 1, "the record is no tf.Example": 1},
        "candidates": sum(len(values) for values in alone["candidates"]),
    }
    found = pd.read_csv(output / "rejected" / "requests.csv")
    assert list(found["line"]) == [6, 1]
    assert list(found["row"]) == ["{", "no message"]
    assert sorted(each.name for each in output.iterdir()) == ["rejected", "scores", SUMMARY_FILE]
    assert [*tmp_path.iterdir()] == [output]
    assert ObjectStore.objects == {}


def test_two_processes(
    places: list[Path], tiny_servable: Path, tmp_path: Path, alone: pd.DataFrame
) -> None:
    score(places, tiny_servable, tmp_path / "a", beam_options=fn_api(TWO_PROCESSES))
    assert_same(rows(tmp_path / "a"), alone)


def test_a_job_service(
    places: list[Path], tiny_servable: Path, tmp_path: Path, alone: pd.DataFrame, endpoint: str
) -> None:
    score(places, tiny_servable, tmp_path / "a", beam_options=portable(endpoint))
    assert_same(rows(tmp_path / "a"), alone)


BAD = [
    b"",
    b"null",
    b'{"user": "u1"}',
    b'{"user": "u1", "candidates": []}',
    b"\xff\x00",
    as_json({**request(6), "candidates": ["i1"] * 8}),
]


MIX = st.lists(st.sampled_from([*range(24), *(-1 - n for n in range(len(BAD)))]), max_size=12)


@given(st.lists(MIX, min_size=5, max_size=5))
@settings(
    deadline=None,
    max_examples=2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_mixes_of_good_and_bad_records(
    tmp_path: Path, tiny_servable: Path, alone: pd.DataFrame, mixes: list[list[int]]
) -> None:
    places = [
        write_lines(
            tmp_path / f"{number}.jsonl",
            [as_json(request(n)) if n >= 0 else BAD[-1 - n] for n in mix],
        )
        for number, mix in enumerate(mixes)
    ]
    options = replace(ANY, max_candidates=7)
    summary = score(places, tiny_servable, tmp_path / "out", options)
    whole = [(f, line, n) for f, mix in enumerate(mixes) for line, n in enumerate(mix, start=1)]
    good = [each for each in whole if each[2] >= 0]
    # A blank line is no record.
    read = [each for each in whole if each[2] >= 0 or BAD[-1 - each[2]] != b""]
    assert (summary["read"], summary["scored"]) == (len(read), len(good))
    assert sum(summary["rejected"].values()) == len(read) - len(good)
    found = rows(tmp_path / "out")
    assert list(found["file"]) == [str(places[f]) for f, _, _ in good]
    assert list(found["line"]) == [line for _, line, _ in good]
    expected = alone.iloc[[n for *_, n in good]].reset_index(drop=True)
    assert_same(found.assign(file=expected["file"], line=expected["line"]), expected)


def test_what_the_model_refuses_is_kept_aside(
    tiny_servable: Path, tmp_path: Path, alone: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Strict:
        """Refuses what has `refuse-me` in it, though the checks before let it pass."""

        def __init__(self, session: Any) -> None:
            self._session = session

        def run(self, fetches: dict[str, str], feed: dict[str, list[bytes]]) -> Any:
            if any(b"refuse-me" in each for values in feed.values() for each in values):
                raise tf.errors.InvalidArgumentError(None, None, "not this one")
            return self._session.run(fetches, feed)

    made = patient_session.PatientSession.__init__
    monkeypatch.setattr(
        patient_session.PatientSession,
        "__init__",
        lambda self, session, size: made(self, Strict(session), size),
    )
    refused = {**request(3), "user": "refuse-me"}
    requests = [request(0), refused, request(1), request(2)]
    place = write_lines(tmp_path / "a.jsonl", map(as_json, requests))
    summary = score([place], tiny_servable, tmp_path / "out")
    assert summary["rejected"] == {"the model refuses the request": 1}
    assert (summary["read"], summary["scored"]) == (4, 3)
    found = rows(tmp_path / "out")
    expected = alone.iloc[[0, 1, 2]].reset_index(drop=True)
    assert_same(found.assign(file=expected["file"], line=expected["line"]), expected)
    (kept,) = pd.read_csv(tmp_path / "out" / "rejected" / "requests.csv").to_dict("records")
    assert (kept["line"], kept["expected"]) == (2, "not this one")
    assert "refuse-me" in kept["row"]


def test_too_many_bad_records_stop_the_job(
    places: list[Path], tiny_servable: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"^requests: 2 of 26 rows cannot be used"):
        score(places, tiny_servable, tmp_path / "out", ScoreOptions(max_rejected=0.07))
    assert [*tmp_path.iterdir()] == []


def test_the_first_bad_record_stops_the_job_if_none_is_allowed(
    tiny_servable: Path, tmp_path: Path
) -> None:
    """Of a file of which the first record is bad no other one is read."""
    place = write_lines(tmp_path / "a.jsonl", [b"{", b"[]"])
    options = ScoreOptions(max_rejected=0.0)
    staging = Staging(str(tmp_path / "work"))
    files = RequestFiles.find([str(place)])
    (rows_,) = ReadRequests(files, options, staging).process(Block(0, 0, 2, 0))
    assert unpacked(rows_.value[1]).read == 1
    with pytest.raises(InputError, match=r"a\.jsonl, line 1: the line is no JSON\."):
        staging.raise_errors()


def test_a_full_disk_is_one_line(
    places: list[Path], tiny_servable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Staging.write

    def full(staging: Staging, data: bytes, *names: str) -> None:
        if names[0] == SCORED:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(staging, data, *names)

    monkeypatch.setattr(Staging, "write", full)
    with pytest.raises(InputError, match=r"^cannot write the scores \(.*No space left.*Make room"):
        score(places, tiny_servable, tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_nothing_to_score_is_an_empty_table(tiny_servable: Path, tmp_path: Path) -> None:
    place = write_lines(tmp_path / "a.jsonl", [b"", b""])
    summary = score([place], tiny_servable, tmp_path / "out")
    assert (summary["read"], summary["scored"]) == (0, 0)
    found = rows(tmp_path / "out")
    assert len(found) == 0
    assert [*found.columns][-3:] == ["candidates", "scores", "probabilities"]


def test_a_damaged_file_is_named(tiny_servable: Path, tmp_path: Path) -> None:
    place = write_records(tmp_path / "a.tfrecord", [as_example(request(0))])
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"^requests: cannot read .*a\.tfrecord .*within a record"):
        score([place], tiny_servable, tmp_path / "out")
    assert [*tmp_path.iterdir()] == [place]
