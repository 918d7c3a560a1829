from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.query_words import split_words, split_words_in_graph

# Everything UTF-8 can hold, with the separator and its near relations well represented.
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \t\u00a0\u3000\u200bİßé")
TEXTS = st.lists(st.text(CHARACTERS, max_size=12), min_size=1, max_size=6)
MAX_WORDS = 3


def words_of(texts: list[str]) -> list[list[str]]:
    offsets, words = split_words(pa.array(texts, pa.large_string()))
    flat = words.to_pylist()
    return [flat[start:end] for start, end in pairwise(offsets)]


@pytest.fixture(scope="module")
def graph() -> tf.types.experimental.PolymorphicFunction:
    return tf.function(
        lambda texts: split_words_in_graph(texts, MAX_WORDS),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_words_are_the_runs_between_ascii_spaces(texts: list[str]) -> None:
    assert words_of(texts) == [[word for word in text.split(" ") if word] for text in texts]


@settings(deadline=None, max_examples=100)
@given(texts=TEXTS)
def test_the_graph_splits_as_preparation_does(
    graph: tf.types.experimental.PolymorphicFunction, texts: list[str]
) -> None:
    padded = [(words + [""] * MAX_WORDS)[:MAX_WORDS] for words in words_of(texts)]
    dense = graph(tf.constant(texts, tf.string)).numpy()
    assert [[word.decode("utf-8") for word in row] for row in dense] == padded


def test_golden() -> None:
    assert words_of(["  red  Red ", "tab\tshoe", "", "日本\u3000語 x"]) == [
        ["red", "Red"],
        ["tab\tshoe"],
        [],
        ["日本\u3000語", "x"],
    ]


def test_the_graph_keeps_the_leading_axes() -> None:
    dense = split_words_in_graph(tf.constant([["a b c d", ""], [" e", "f  g"]]), 2)
    assert dense.numpy().tolist() == [[[b"a", b"b"], [b"", b""]], [[b"e", b""], [b"f", b"g"]]]


def test_the_graph_takes_an_empty_batch() -> None:
    assert split_words_in_graph(tf.zeros([0, 4], tf.string), 2).shape == (0, 4, 2)
