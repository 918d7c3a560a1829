"""Requests and answers taken from a run."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from serving.smoke.run_sample import run_sample
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape
from sesrec_tf.training.run_directory import RunDirectory


@pytest.fixture
def lonely_run(tiny_run, tmp_path):
    """The tiny run on a machine that does not have its data."""
    path = shutil.copytree(tiny_run.path, tmp_path / "run")
    info = json.loads((path / "run.json").read_text())
    info["data"]["path"] = str(tmp_path / "gone")
    (path / "run.json").write_text(json.dumps(info))
    return RunDirectory(path)


def test_test_instances(tiny_run, tiny_data):
    sample, origin = run_sample(tiny_run, None, 10)
    assert origin == f"test instances of {tiny_data.path}"
    assert sample.history == HistoryShape(6, 4, 3, 2)
    assert len(sample.requests) == 10
    for request, scores in zip(sample.requests, sample.scores, strict=True):
        assert len(request.candidates) == len(scores) == 20
        assert len(request.rec_items) <= 6
    sums = [sum(row) for row in sample.weights["search_weights"]]
    np.testing.assert_allclose(sums, [float(bool(r.searches)) for r in sample.requests], atol=1e-6)


def test_requests_drawn_from_the_vocabularies(lonely_run):
    sample, origin = run_sample(lonely_run, None, 40)
    assert origin.startswith("drawn from the run's vocabularies, because")
    assert sample == run_sample(lonely_run, None, 40)[0]
    lengths = {len(request.rec_items) for request in sample.requests}
    assert lengths == set(range(7))
    assert {len(request.searches) for request in sample.requests} == set(range(5))
    clicks = {len(s.clicked_items) for request in sample.requests for s in request.searches}
    assert clicks == {0, 1, 2}
    known = {*lonely_run.dataset.vocabulary("items")}
    candidates = {c for request in sample.requests for c in request.candidates}
    assert candidates - known == {"unknown-to-the-model"}


def test_data_given_must_be_the_run_s(lonely_run, tmp_path):
    with pytest.raises(InputError, match="not a prepared data set"):
        run_sample(lonely_run, tmp_path / "absent", 4)


def test_widths_of_the_signature(tiny_run):
    sample, _ = run_sample(tiny_run, None, 1)
    assert sample.signature.rec_length == 6
    assert sample.signature.candidates is None
