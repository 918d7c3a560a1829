"""Models made for a data set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sesrec_tf.errors import InputError
from sesrec_tf.models.presets import parity, preset
from sesrec_tf.models.registry import MODELS, create_model
from sesrec_tf.models.sesrec import SESRec

if TYPE_CHECKING:
    from sesrec_tf.config import Config
    from sesrec_tf.data.prepared import PreparedDataset


def test_a_model_has_the_rows_and_tables_of_its_data(
    tiny_config: Config, tiny_data: PreparedDataset
) -> None:
    model = create_model(tiny_config, tiny_data)
    assert type(model) is SESRec
    assert (model.config, model.history) == (tiny_config.model, tiny_config.history)
    assert model.sizes == tiny_data.sizes
    for embedding, name in model.id_tables():
        # Padding and unknown beside the lines of the vocabulary file.
        assert embedding.rows == len(tiny_data.vocabulary(name)) + 2
    np.testing.assert_array_equal(model.items.attribute_table, tiny_data.item_attributes)
    np.testing.assert_array_equal(model.users.attribute_table, tiny_data.user_attributes)
    queries, words, counts = tiny_data.query_table
    np.testing.assert_array_equal(model.alignment_negatives.queries, queries)
    np.testing.assert_array_equal(model.alignment_negatives.words, words)
    np.testing.assert_array_equal(model.alignment_negatives.cumulative, np.cumsum(counts))


def test_negatives_are_queries_of_the_training_searches(
    tiny_config: Config, tiny_data: PreparedDataset
) -> None:
    model = create_model(tiny_config, tiny_data)
    _, queries, words = (np.asarray(v) for v in model.alignment_negatives(model.step_seed()))
    known = {(q, *w) for q, w in zip(*(t.tolist() for t in tiny_data.query_table[:2]), strict=True)}
    drawn = {(q, *w) for q, w in zip(queries.tolist(), words.tolist(), strict=True)}
    assert drawn <= known
    assert len(drawn) > 1


def test_tables_of_a_data_set_with_more_words_are_cut(
    tiny_config: Config, tiny_data: PreparedDataset
) -> None:
    config = replace(tiny_config, history=replace(tiny_config.history, query_words=2))
    model = create_model(config, tiny_data)
    words = tiny_data.query_table[1]
    np.testing.assert_array_equal(model.alignment_negatives.words, words[:, :2])


@pytest.mark.parametrize("name", ["kindle", "kuaishou"])
@pytest.mark.parametrize("official", [False, True])
def test_the_published_presets_fit_data_of_other_widths(
    name: str, official: bool, tiny_data: PreparedDataset
) -> None:
    config = preset(name).config.replace("model", alignment_negatives=8)
    model = create_model(parity(config) if official else config, tiny_data)
    words, stored = model.alignment_negatives.words, tiny_data.query_table[1]
    width = min(stored.shape[1], config.history.query_words)
    np.testing.assert_array_equal(words[:, :width], stored[:, :width])
    assert not np.any(words[:, width:])


def test_a_seed_of_any_size_is_taken(tiny_config: Config, tiny_data: PreparedDataset) -> None:
    model = create_model(tiny_config.replace("training", seed=2**40 + 5), tiny_data)
    assert model.step_seed().numpy().tolist() == [5, 0]


def test_an_unknown_name_is_an_error(tiny_config: Config, tiny_data: PreparedDataset) -> None:
    names = ", ".join(sorted(MODELS))
    with pytest.raises(InputError, match=f"should be one of {names}. Received: 'gru'"):
        create_model(tiny_config.replace("model", name="gru"), tiny_data)
