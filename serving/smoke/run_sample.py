"""A sample of a run's test instances, scored by the run's model in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.smoke.smoke_sample import SmokeSample
from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    FIRST_KNOWN,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    UNKNOWN,
    USER,
    HistoryShape,
    batch_shapes,
)
from sesrec_tf.servable.raw_requests import UNKNOWN_TEXT, RawRequests
from sesrec_tf.servable.servable import request_widths
from sesrec_tf.signatures import SIDES, WEIGHTS, explained
from sesrec_tf.training.run_directory import RunDirectory

Array = npt.NDArray[Any]
Batch = dict[str, Array]

_CANDIDATES = 20


def run_sample(run: RunDirectory, data: Path | None, number: int) -> tuple[SmokeSample, str]:
    """The sample, and in words where its requests come from.

    Args:
        run: a trained run.
        data: its prepared data set; by default the one it names, or, where that is gone or has
            become another one, requests drawn at random from the run's vocabularies.
        number: how many requests.

    Raises:
        InputError: if the run has no weights, or `data` is no data set of it.
    """
    model, history = load(run.path), run.config.history
    batch, origin = _batch(run, data, number)
    requests = _requests(run.dataset, batch)
    lengths = [
        [len(request.rec_items) for request in requests],
        [len(request.searches) for request in requests],
    ]
    names = [explained(side, WEIGHTS) for side in SIDES]
    scores, weights = _answers(model, batch)
    sample = SmokeSample(
        history=request_widths(history, run.dataset.history),
        requests=tuple(requests),
        scores=_cut(scores, [len(request.candidates) for request in requests]),
        weights={
            name: _cut(weights[name], of_side)
            for name, of_side in zip(names, lengths, strict=True)
            if name in weights
        },
    )
    return sample, origin


def _batch(run: RunDirectory, data: Path | None, number: int) -> tuple[Batch, str]:
    history = run.config.history
    try:
        prepared = PreparedDataset(data or run.data_path)
        run.check_same_data(prepared)
        batch = _test_instances(prepared, history, number)
    except InputError as error:
        if data is not None:
            raise
        drawn = _drawn(run.dataset, history, number)
        return drawn, f"drawn from the run's vocabularies, because {error}"
    return batch, f"test instances of {prepared.path}"


def _test_instances(prepared: PreparedDataset, history: HistoryShape, number: int) -> Batch:
    """The first ones: instances are in the order of a hash of their users."""
    with records_checked(prepared, "test"):
        for batch in evaluation_batches(prepared, "test", history, number).take(1):
            return {name: value.numpy() for name, value in batch.items()}
    raise InputError(f"{prepared.path} has no test instances. Pass a data set that has.")


def _drawn(dataset: PreparedDataset, history: HistoryShape, number: int) -> Batch:
    """Histories of all lengths, some of unknown ids, the same at every call."""
    random = np.random.default_rng(0)
    sizes = dataset.sizes

    def ids(size: int, *shape: int) -> Array:
        return random.integers(UNKNOWN, FIRST_KNOWN + size, shape, np.int32)

    def events(length: int) -> Array:
        return np.arange(length) < random.integers(0, length + 1, (number, 1))

    queries, words, _ = dataset.query_table
    searched = events(min(history.search_length, dataset.history.search_length))
    searched &= len(queries) > 0
    rows = random.integers(0, max(len(queries), 1), searched.shape)
    texts = np.zeros((max(len(queries), 1), 1 + words.shape[1]), np.int32)
    texts[: len(queries)] = np.concatenate([queries[:, None], words], axis=1)
    chosen = texts[rows] * searched[..., None]
    clicks = min(history.clicks, dataset.history.clicks)
    clicked = np.arange(clicks) < random.integers(0, clicks + 1, (*searched.shape, 1))
    feed = events(min(history.rec_length, dataset.history.rec_length))
    batch = {
        USER: ids(sizes.users, number),
        REC_ITEMS: ids(sizes.items, *feed.shape) * feed,
        QUERIES: chosen[..., 0],
        QUERY_WORDS: chosen[..., 1 : 1 + history.query_words],
        QUERY_SOURCES: ids(sizes.sources, *searched.shape) * searched,
        CLICKED_ITEMS: ids(sizes.items, *clicked.shape) * clicked * searched[..., None],
        CANDIDATES: ids(sizes.items, number, _CANDIDATES),
    }
    return {name: _padded(name, values, history) for name, values in batch.items()}


def _padded(name: str, values: Array, history: HistoryShape) -> Array:
    """As wide as the model's batches."""
    missing = [
        (0, 0 if width is None else width - size)
        for width, size in zip(batch_shapes(history)[name], values.shape[1:], strict=True)
    ]
    return np.pad(values, [(0, 0), *missing]).astype(np.int32)


def _requests(dataset: PreparedDataset, batch: Batch) -> list[RankingRequest]:
    raw = RawRequests(dataset)(batch)
    unknown = _unknown_id(dataset)
    for name in (USER, REC_ITEMS, CLICKED_ITEMS, CANDIDATES):
        raw[name] = np.where(raw[name] == UNKNOWN_TEXT, unknown, raw[name])
    return [
        RankingRequest(
            user=raw[USER][row],
            candidates=_filled(raw[CANDIDATES][row]),
            rec_items=_filled(raw[REC_ITEMS][row]),
            searches=tuple(
                Search(query, source, _filled(clicks))
                for query, source, clicks in zip(
                    raw[QUERIES][row], raw[QUERY_SOURCES][row], raw[CLICKED_ITEMS][row], strict=True
                )
                if query
            ),
        )
        for row in range(len(raw[USER]))
    ]


def _unknown_id(dataset: PreparedDataset) -> str:
    known = {*dataset.vocabulary("users"), *dataset.vocabulary("items")}
    unknown = "unknown-to-the-model"
    while unknown in known:
        unknown += "-"
    return unknown


def _filled(values: Array) -> tuple[str, ...]:
    return tuple(str(value) for value in values if value)


def _answers(model: RankingModel, batch: Batch) -> tuple[Array, dict[str, Array]]:
    state = model.encode(batch, training=False)
    scores = model.score(state, batch[CANDIDATES], training=False)
    explained = model.explain(state, batch[CANDIDATES]) if model.explainable else {}
    return np.array(scores), {name: np.array(value) for name, value in explained.items()}


def _cut(values: Array, lengths: list[int]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row[:length].tolist()) for row, length in zip(values, lengths, strict=True))
