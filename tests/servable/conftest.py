"""The tiny run's servable through both loaders, and requests of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sesrec_tf
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import HistoryShape
from sesrec_tf.training.run_directory import RunDirectory
from tests.servable.reference import (
    Predict,
    RawRequest,
    RawSearch,
    indices,
    predict_tf1,
    predict_tf2,
    request_of_row,
)


@pytest.fixture(scope="session")
def model(tiny_run: RunDirectory) -> RankingModel:
    """The model in this process."""
    return sesrec_tf.load(tiny_run.path)


@pytest.fixture(scope="session")
def shape(tiny_data: PreparedDataset) -> HistoryShape:
    return tiny_data.history


@pytest.fixture(scope="session")
def loaders(tiny_servable: Path) -> dict[str, Predict]:
    return {"TF2": predict_tf2(tiny_servable), "TF1": predict_tf1(tiny_servable)}


@pytest.fixture(params=["TF2", "TF1"])
def predict(request: pytest.FixtureRequest, loaders: dict[str, Predict]) -> Predict:
    """One of the two loaders."""
    return loaders[request.param]


@pytest.fixture(scope="session")
def requests_(tiny_logs: LogTables, tiny_data: PreparedDataset) -> list[RawRequest]:
    """Every valid and test instance from the raw logs, then users without a past, and strangers.

    Candidates are all different in number; some are unknown.
    """
    items = tiny_data.vocabulary("items")
    rows = tiny_data.table("interactions")
    rows = rows[rows["split"].isin(["valid", "test"])]
    requests = [
        request_of_row(tiny_logs, row, [item, *items[: row % 7]])
        for row, item in zip(rows["row"], rows["item_id"], strict=True)
    ]
    stranger = RawSearch("  never heard  w1 of ", "voice", ("nowhere", items[3], "i1", "i2"))
    return [
        *requests,
        RawRequest("u1", ("NA", "007", "größe")),
        RawRequest("stranger", ("i9", "unheard of")),
        RawRequest("stranger", ("i9",), ("x",) * 20, (stranger,) * 9),
        RawRequest("u2", ("i9",), ("NA", "x", "007"), (RawSearch("w1"), stranger)),
    ]


@pytest.fixture(scope="session")
def expected_logits(
    requests_: list[RawRequest],
    model: RankingModel,
    tiny_data: PreparedDataset,
    shape: HistoryShape,
) -> list[np.ndarray]:
    """Logits of each request from the model in this process, on indices made in plain Python."""
    logits = model(indices(requests_, tiny_data, shape), training=False).numpy()
    return [row[: len(r.candidates)] for row, r in zip(logits, requests_, strict=True)]
