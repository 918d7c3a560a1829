"""The one definition of a ranking example."""

from __future__ import annotations

import pytest

from sesrec_tf import schema
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape, batch_shapes, record_widths, request_shapes

SHAPE = HistoryShape(rec_length=7, search_length=5, query_words=3, clicks=2)


def test_shapes_of_a_batch() -> None:
    assert batch_shapes(SHAPE) == {
        "user": (),
        "rec_items": (7,),
        "queries": (5,),
        "query_words": (5, 3),
        "query_sources": (5,),
        "clicked_items": (5, 2),
        "candidates": (None,),
    }


def test_a_request_is_a_batch_without_words() -> None:
    request, batch = request_shapes(SHAPE), batch_shapes(SHAPE)
    assert set(batch) - set(request) == {"query_words"}
    assert all(batch[name] == shape for name, shape in request.items())


def test_a_record_holds_every_feature_of_a_batch_and_the_width_of_its_events() -> None:
    widths = record_widths(SHAPE)
    # A scalar has none, a history one value an event, a history of lists as many as a list holds.
    expected = {
        name: [None, 1, *shape[1:]][len(shape)] for name, shape in batch_shapes(SHAPE).items()
    }
    assert {name: widths[name] for name in expected} == expected
    assert set(widths) - set(batch_shapes(SHAPE)) == {
        "instance",
        "earlier_interactions",
        "earlier_searches",
        "rec_times",
        "query_times",
    }


def test_indices_of_a_vocabulary_are_apart() -> None:
    assert (schema.PADDING, schema.UNKNOWN, schema.FIRST_KNOWN) == (0, 1, 2)


@pytest.mark.parametrize("name", ["rec_length", "search_length", "query_words", "clicks"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "3", None])
def test_widths_are_positive_integers(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"`{name}` should be a positive integer. Received: "):
        HistoryShape(**{name: value})
