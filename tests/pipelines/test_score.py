from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from pipelines.requests import main as write_requests
from pipelines.score import main
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from tests.pipelines.beam.runners import environment
from tests.pipelines.scoring.record_files import as_json, write_lines
from tests.servable.reference import RawRequest, dense, request_of_row

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def server(
    tiny_servable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    """A development server of the tiny run that is starting, or has started."""
    printed = tmp_path_factory.mktemp("server") / "printed"
    command = [sys.executable, "-m", "serving.server", "--port", "0"]
    with printed.open("w") as errors:
        process = subprocess.Popen(
            [*command, "--model-base-path", str(tiny_servable.parent)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(),
        )
    yield process
    process.terminate()
    process.communicate()


@pytest.fixture(scope="module")
def stub(
    server: subprocess.Popen[str],
) -> Iterator[prediction_service_pb2_grpc.PredictionServiceStub]:
    assert server.stdout is not None
    ready = server.stdout.readline()
    assert ready.startswith("ready: grpc://"), ready
    with grpc.insecure_channel(ready.split()[1].removeprefix("grpc://")) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict(stub, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "sesrec"
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.string))
    response = stub.Predict(request, timeout=60)
    return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}


def rows(output: Path) -> pd.DataFrame:
    parts = [pd.read_parquet(file) for file in sorted((output / "scores").iterdir())]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def raw_requests(tiny_logs: LogTables, tiny_data: PreparedDataset) -> list[RawRequest]:
    """The whole histories of the test users, each with another number of candidates."""
    items = tiny_data.vocabulary("items")
    found = tiny_data.table("interactions")
    found = found[found["split"] == "test"]
    return [
        request_of_row(tiny_logs, row, [item, *items[: row % 9]])
        for row, item in zip(found["row"], found["item_id"], strict=True)
    ]


def as_line(raw: RawRequest) -> bytes:
    searches = [
        {"query": s.query, "source": s.source, "clicked_items": s.clicked_items}
        for s in raw.searches
    ]
    return as_json(
        {
            "user": raw.user,
            "rec_items": raw.rec_items,
            "searches": searches,
            "candidates": raw.candidates,
        }
    )


@pytest.mark.usefixtures("server")
def test_scores_equal_those_of_the_endpoint(
    tiny_servable: Path,
    tiny_data: PreparedDataset,
    raw_requests: list[RawRequest],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lines of JSON, the whole histories; records of the data set, with its own candidates."""
    lines = write_lines(tmp_path / "a.jsonl.gz", map(as_line, raw_requests))
    records, output = tmp_path / "b.tfrecord", tmp_path / "out"
    write_requests(["--data", str(tiny_data.path), "--output", str(records)])
    places = ["--input", str(lines), str(records)]
    main(["--model", str(tiny_servable), *places, "--output", str(output)])
    found, number = rows(output), len(raw_requests)
    assert f"requests with {tiny_servable}: {output / 'scores'}" in capsys.readouterr().out
    assert json.loads((output / "summary.json").read_text())["scored"] == len(found) == 2 * number

    answer = predict(request.getfixturevalue("stub"), dense(raw_requests, tiny_data.history))
    for name, values in answer.items():
        for raw, own, theirs in zip(raw_requests, found[name][:number], values, strict=True):
            np.testing.assert_allclose(own, theirs[: len(raw.candidates)], atol=TOLERANCE)
    # The records' users and first candidates are the same, their histories too: in another order.
    instances = found["request_id"][number:].astype(int)
    table = tiny_data.table("interactions")
    in_order = table[table["split"] == "test"]["row"].to_numpy()
    by_instance = dict(zip(instances, found["scores"][number:], strict=True))
    for row, own in zip(in_order, found["scores"][:number], strict=True):
        np.testing.assert_allclose(by_instance[row][0], own[0], atol=TOLERANCE)


def test_bad_records_are_told(
    tiny_servable: Path,
    raw_requests: list[RawRequest],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = write_lines(tmp_path / "a.jsonl", [as_line(raw_requests[0]), b"{", b"[]"])
    words = ["--model", str(tiny_servable), "--input", str(place), "--output", str(tmp_path / "o")]
    main([*words, "--max-rejected", "0.7", "--batch-size", "1"])
    printed = capsys.readouterr().out
    assert "2 of 3 records cannot be scored" in printed
    assert "  the line is no JSON: 1\n  the line is no JSON object: 1\n" in printed
    assert f"  see {tmp_path / 'o' / 'rejected' / 'requests.csv'}" in printed
    with pytest.raises(InputError, match=r"a\.jsonl, line 2: the line is no JSON\..*Received: \{"):
        main([*words, "--max-rejected", "0", "--overwrite"])
    # The earlier output stands.
    assert len(rows(tmp_path / "o")) == 1


def test_what_cannot_be_meant_is_one_line(tiny_servable: Path, tmp_path: Path) -> None:
    place, output = write_lines(tmp_path / "a.jsonl", [b"{}"]), tmp_path / "o"
    (tmp_path / "there").mkdir()
    good = {"--model": str(tiny_servable), "--input": str(place), "--output": str(output)}
    for changes, message in (
        ({"--model": str(tmp_path)}, "holds no SavedModel: expected the directory of a version"),
        ({"--model": str(tiny_servable.parent)}, f"Did you mean {tiny_servable}?"),
        ({"--input": str(tmp_path / "b.jsonl")}, "there is no file"),
        ({"--output": str(tmp_path / "there")}, "exists already"),
        ({"--batch-size": "0"}, "`--batch-size` should be at least 1"),
        ({"--max-candidates": "-1"}, "`--max-candidates` should be at least 1"),
        ({"--max-rejected": "2"}, "`--max-rejected` should be a share"),
        ({"--runner": "NoRunner"}, "`--runner NoRunner` cannot be used"),
        ({"--batchsize": "3"}, "did you mean --batch-size?"),
    ):
        words = [word for pair in {**good, **changes}.items() for word in pair]
        with pytest.raises(InputError) as caught:
            main(words)
        assert message in str(caught.value)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jsonl", "there"]


def test_a_model_without_the_signature(tiny_servable: Path, tmp_path: Path) -> None:
    saved = saved_model_pb2.SavedModel.FromString((tiny_servable / "saved_model.pb").read_bytes())
    del saved.meta_graphs[0].signature_def["examples"]
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(saved.SerializeToString())
    place = write_lines(tmp_path / "a.jsonl", [b"{}"])
    words = ["--input", str(place), "--output", str(tmp_path / "o")]
    with pytest.raises(InputError, match=r"1 has no signature `examples`.*serving_default"):
        main(["--model", str(tmp_path / "1"), *words])


def test_ctrl_c_leaves_nothing(
    tiny_servable: Path, raw_requests: list[RawRequest], tmp_path: Path
) -> None:
    lines = [as_line(raw) for raw in raw_requests] * 1000
    place = write_lines(tmp_path / "a.jsonl", lines)
    output = tmp_path / "there" / "o"
    command = [sys.executable, "-m", "pipelines.score", "--model", str(tiny_servable)]
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [*command, "--input", str(place), "--output", str(output)],
            env=environment(),
            stderr=printed,
            start_new_session=True,
        )
    try:
        while not list(output.parent.glob(".o*/work/index/*")):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 130
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "printed").read_text("utf-8").splitlines()[-1] == "stopped"
    assert list(output.parent.iterdir()) == []
