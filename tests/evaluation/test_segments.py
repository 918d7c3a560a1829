"""Segments are disjoint, complete, and keep the cold apart."""

import numpy as np
import pandas as pd
import pytest

from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.evaluation.segments import Segments

ITEM_COUNTS = np.array([0, 40, 2, 5, 2000, 0])
USER_COUNTS = np.array([0, 0, 7, 0])


def instances() -> pd.DataFrame:
    """Six instances: warm, warm, warm, cold user twice, cold item, cold both."""
    table = pd.DataFrame(
        {
            "user": [2, 2, 2, 1, 3, 2, 1],
            "positive": [2, 3, 4, 4, 4, 1, 1],
            "earlier_interactions": [1, 2, 60, 3, 3, 3, 3],
            "earlier_searches": [0, 0, 4, 0, 0, 0, 0],
        }
    )
    for name in METRICS:
        table[name] = [1.0, 0.5, 0.25, 0.0, 1.0, 0.5, 0.125]
    return table


def test_history_buckets_and_cold_segments():
    table = Segments(ITEM_COUNTS, USER_COUNTS).metrics(instances(), "history")
    assert list(table.columns) == ["segment", "instances", *METRICS]
    assert table[["segment", "instances", "mrr"]].values.tolist() == [
        ["1-2", 2, 0.75],
        ["51+", 1, 0.25],
        ["cold users", 2, 0.5],
        ["cold items", 1, 0.5],
        ["cold users and items", 1, 0.125],
    ]


@pytest.mark.parametrize(
    ("by", "segments"),
    [("searches", ["0", "3-5"]), ("popularity", ["1-2", "3-5", "1001+"])],
)
def test_other_kinds(by, segments):
    table = Segments(ITEM_COUNTS, USER_COUNTS).metrics(instances(), by)
    assert table["segment"].tolist()[: len(segments)] == segments
    assert table["instances"].sum() == 7


def test_an_item_known_from_clicks_alone_has_popularity_0():
    table = instances().assign(positive=5)
    assert Segments(ITEM_COUNTS, USER_COUNTS).metrics(table, "popularity")["segment"][0] == "0"


def test_segments_average_to_the_whole():
    table = Segments(ITEM_COUNTS, USER_COUNTS).metrics(instances(), "history")
    mean = np.average(table["ndcg@10"], weights=table["instances"])
    assert mean == pytest.approx(instances()["ndcg@10"].mean())


def test_bad_input_is_named():
    segments = Segments(ITEM_COUNTS, USER_COUNTS)
    with pytest.raises(InputError, match=r"history, searches, popularity. Received: 'age'"):
        segments.metrics(instances(), "age")
    with pytest.raises(InputError, match="lacks earlier_searches"):
        segments.metrics(instances().drop(columns="earlier_searches"), "history")
