from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.scoring.json_lines import JsonLines
from pipelines.scoring.record_error import RecordError
from pipelines.scoring.request_format import RequestFormat
from pipelines.scoring.scoring_request import ScoringRequest
from pipelines.scoring.tf_records import TfRecords
from sesrec_tf.schema import HistoryShape
from sesrec_tf.servable.raw_examples import make_example, parse_examples
from tests.pipelines.scoring.record_files import as_example, as_json

SHAPE = HistoryShape(rec_length=3, search_length=2, query_words=2, clicks=2)
NAMES = ("user", "rec_items", "queries", "query_sources", "clicked_items", "candidates")
TEXTS = st.lists(st.sampled_from(["", "i1", "größe", "two words", "\n"]), max_size=3)

GOOD_IDS = st.sampled_from(["i1", "größe", "NA", "unheard-of"])
IDS = st.one_of(GOOD_IDS, GOOD_IDS, GOOD_IDS, st.sampled_from(["", "a b", "\n", "a\tb"]))
# A list of clicks is one text in an example: what ends it or begins another is no part of an id.
CLICKS = st.one_of(GOOD_IDS, GOOD_IDS, st.sampled_from(["\n", "a\tb", "\u3000"]))
SEARCHES = st.fixed_dictionaries(
    {"query": st.sampled_from(["red  shoes", "boots", "boots", "\n", "", "  "])},
    optional={"source": st.sampled_from(["", "typed"]), "clicked_items": st.lists(CLICKS)},
)
REQUESTS = st.fixed_dictionaries(
    {"user": IDS, "candidates": st.lists(IDS, max_size=3)},
    optional={
        "rec_items": st.lists(IDS, max_size=3),
        "searches": st.lists(SEARCHES, max_size=2),
        "request_id": st.sampled_from(["", "monday 17"]),
    },
)


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def parsed(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    return parse_examples(serialized, SHAPE)


def read(own: RequestFormat, record: bytes) -> ScoringRequest | tuple[str, str]:
    try:
        return own.request(record)
    except RecordError as error:
        return error.reason, error.expected


@given(REQUESTS)
@settings(deadline=None, max_examples=300)
def test_one_set_of_rules_for_both_formats(request: dict[str, Any]) -> None:
    of_line, of_example = (
        read(JsonLines(), as_json(request)),
        read(TfRecords(), as_example(request)),
    )
    if isinstance(of_line, ScoringRequest) and isinstance(of_example, ScoringRequest):
        examples = [tf.train.Example.FromString(each.example) for each in (of_line, of_example)]
        assert examples[0] == examples[1]
        assert (of_line.user, of_line.candidates) == (of_example.user, of_example.candidates)
        assert of_line.request_id == of_example.request_id
    else:
        assert of_line == of_example


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, TEXTS)))
@settings(deadline=None, max_examples=200)
def test_what_is_accepted_is_what_the_graph_reads(lists: dict[str, list[str]]) -> None:
    original = make_example(lists).SerializeToString()
    ours = read(TfRecords(), original)
    if isinstance(ours, ScoringRequest):
        assert (ours.user, list(ours.candidates)) == (lists["user"][0], lists["candidates"])
        again = parsed(tf.constant([ours.example]))
        for name, value in parsed(tf.constant([original])).items():
            np.testing.assert_array_equal(value.numpy(), again[name].numpy())
