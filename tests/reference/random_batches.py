"""Small random batches in index space that always hold the hard cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.reference.parameters import Indices, TableRows

BOTH_EMPTY, REC_EMPTY, SEARCH_EMPTY, LENGTH_ONE, FULL = range(5)
"""Rows of every batch: no history, no interactions, no searches, one event of each, full."""


@dataclass(frozen=True)
class BatchShape:
    """`B`, `T_r`, `T_s`, `L`, `C`, `K` of a batch; `B` is at least 5, `T_s` at least 3."""

    batch: int = 8
    rec_length: int = 5
    search_length: int = 4
    words: int = 3
    clicks: int = 3
    candidates: int = 3

    def __post_init__(self) -> None:
        if self.batch < 5 or self.search_length < 3:
            raise ValueError("a batch needs B >= 5 and T_s >= 3 to hold every case.")


@dataclass(frozen=True)
class AlignmentNegatives:
    """In-batch-shared negatives of (6)-(7), int32: `items [N]`, `queries [N]`,
    `query_words [N, L]`."""

    items: Indices
    queries: Indices
    query_words: Indices


def random_batch(
    rng: np.random.Generator,
    rows: TableRows,
    shape: BatchShape,
    closed_tables: bool = False,
) -> dict[str, Indices]:
    """A batch of the contract: int32 features by name, padding 0, histories left-aligned.

    Rows 0 to 4 are the cases named above; further rows have lengths at random. In the full row,
    session 0 has no click and one word, session 1 has every click and every word, and session 2
    has one click. With `closed_tables` users and sources start at 0 instead of 1.
    """
    first = 0 if closed_tables else 1
    rec_lengths, search_lengths = _history_lengths(rng, shape)
    clicks = rng.integers(0, shape.clicks + 1, (shape.batch, shape.search_length))
    words = rng.integers(0, shape.words + 1, (shape.batch, shape.search_length))
    clicks[FULL, :3] = 0, shape.clicks, 1
    words[FULL, :2] = 1, shape.words
    real = np.arange(shape.search_length) < search_lengths[:, None]
    clicks, words = clicks * real, words * real
    sources = rng.integers(first, rows.sources, (shape.batch, shape.search_length))
    return {
        "user": rng.integers(first, rows.users, shape.batch).astype(np.int32),
        "rec_items": _left_aligned(rng, rows.items, rec_lengths, shape.rec_length),
        "queries": _left_aligned(rng, rows.queries, search_lengths, shape.search_length),
        "query_words": _left_aligned(rng, rows.words, words, shape.words),
        "query_sources": (sources * real).astype(np.int32),
        "clicked_items": _left_aligned(rng, rows.items, clicks, shape.clicks),
        "candidates": _known(rng, rows.items, (shape.batch, shape.candidates)),
    }


def random_labels(rng: np.random.Generator, shape: BatchShape) -> Indices:
    """One positive a row, in a random column: int32 `[B, K]`."""
    labels = np.zeros((shape.batch, shape.candidates), np.int32)
    columns = rng.integers(0, shape.candidates, shape.batch)
    labels[np.arange(shape.batch), columns] = 1
    return labels


def random_negatives(
    rng: np.random.Generator, rows: TableRows, words: int, negatives: int = 6
) -> AlignmentNegatives:
    """`negatives` items and queries of 0 to `words` words, repetitions allowed."""
    lengths = rng.integers(0, words + 1, negatives)
    return AlignmentNegatives(
        items=_known(rng, rows.items, (negatives,)),
        queries=_known(rng, rows.queries, (negatives,)),
        query_words=_left_aligned(rng, rows.words, lengths, words),
    )


def pad_histories(batch: dict[str, Indices], rec: int, search: int) -> dict[str, Indices]:
    """The same batch with so many padded events appended to either history."""
    added = {
        "rec_items": rec,
        "queries": search,
        "query_words": search,
        "query_sources": search,
        "clicked_items": search,
    }
    padded = dict(batch)
    for name, count in added.items():
        widths = [(0, 0), (0, count)] + [(0, 0)] * (batch[name].ndim - 2)
        padded[name] = np.pad(batch[name], widths)
    return padded


def _history_lengths(rng: np.random.Generator, shape: BatchShape) -> tuple[Indices, Indices]:
    rec, search = shape.rec_length, shape.search_length
    rec_lengths = rng.integers(0, rec + 1, shape.batch).astype(np.int32)
    search_lengths = rng.integers(0, search + 1, shape.batch).astype(np.int32)
    rec_lengths[:5] = 0, 0, rec, 1, rec
    search_lengths[:5] = 0, search, 0, 1, search
    return rec_lengths, search_lengths


def _left_aligned(rng: np.random.Generator, rows: int, lengths: np.ndarray, width: int) -> Indices:
    """Indices 1 to `rows - 1`, the first `lengths [...]` of `width`, then padding."""
    values = _known(rng, rows, (*lengths.shape, width))
    return np.where(np.arange(width) < lengths[..., None], values, 0).astype(np.int32)


def _known(rng: np.random.Generator, rows: int, shape: tuple[int, ...]) -> Indices:
    return rng.integers(1, rows, shape).astype(np.int32)
