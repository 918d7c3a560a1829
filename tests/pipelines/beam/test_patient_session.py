from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from pipelines.beam.patient_session import BATCH_BYTES, LIKE, PatientSession, batches


@given(st.lists(st.integers(1, BATCH_BYTES * 2)), st.integers(1, 5))
def test_batches_hold_each_request_once_within_the_limits(sizes: list[int], most: int) -> None:
    found = list(batches(sizes, most))
    assert sorted(place for batch in found for place in batch) == list(range(len(sizes)))
    for batch in found:
        own = [sizes[place] for place in batch]
        assert 0 < len(own) <= most
        assert len(own) == 1 or len(own) * max(own) <= BATCH_BYTES
        assert max(own) <= LIKE * min(own)


def test_requests_of_like_size_in_their_order() -> None:
    assert list(batches([10, 900, 10, 901, 10], 2)) == [[0, 2], [4], [1, 3]]


@pytest.fixture(scope="module")
def session() -> tf.compat.v1.Session:
    """One output `[B, longest text]` of letters; refuses texts with "!" or more than 3 in all."""
    with tf.Graph().as_default() as graph:
        texts = tf.compat.v1.placeholder(tf.string, [None], "texts")
        marked = tf.strings.regex_full_match(texts, ".*!.*")
        checks = [
            tf.debugging.Assert(~tf.reduce_any(marked), ["marked", texts]),
            tf.debugging.Assert(tf.size(texts) <= 3, ["many"]),
        ]
        with tf.control_dependencies(checks):
            letters = tf.strings.unicode_decode(texts, "UTF-8").to_tensor(default_value=-1)
            tf.identity(letters, "letters")
    return tf.compat.v1.Session(graph=graph)


def answers(session: tf.compat.v1.Session, size: int, texts: Sequence[bytes]) -> list[np.ndarray]:
    found = PatientSession(session, size).run({"out": "letters:0"}, {"texts:0": texts})
    assert list(found) == ["out"]
    assert found["out"].shape == (len(texts),)
    return list(found["out"])


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_answers_stand_where_the_requests_do(session: tf.compat.v1.Session, size: int) -> None:
    texts = [b"a", b"bcdef", b"gh", b"i", b"jk", b"lmnopq", b"r"]
    for text, answer in zip(texts, answers(session, size, texts), strict=True):
        # A batch is as wide as its longest text.
        assert [letter for letter in answer if letter != -1] == list(text)


def test_only_the_refused_request_has_words_for_an_answer(session: tf.compat.v1.Session) -> None:
    first, refused, last = answers(session, 3, [b"ab", b"c!", b"de"])
    assert (list(first), list(last)) == ([97, 98], [100, 101])
    assert refused.dtype == np.object_
    assert b"marked" in refused[0]


def test_other_errors_are_not_put_on_requests(session: tf.compat.v1.Session) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        PatientSession(session, 3).run({"out": "nowhere:0"}, {"texts:0": [b"a"]})
