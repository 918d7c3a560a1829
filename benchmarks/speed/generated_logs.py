"""Ranking instances of drawn logs, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.speed.log_profile import EventCounts, LogProfile
from sesrec_tf.schema import FIRST_KNOWN, PADDING, UNKNOWN

Indices = npt.NDArray[np.int32]

NEGATIVES = 99
"""Frozen negatives of an instance of valid."""

_ZIPF_EXPONENT = 0.8
_ZIPF_SHIFT = 20


@dataclass(frozen=True)
class GeneratedLogs:
    """Instances with their histories, train first, then valid.

    All ids are indices of this project's vocabularies (0 padding, 2 the first known id, the most
    popular). `N` = `profile.train` + `profile.valid`, each the last event of another user.

    Attributes:
        profile: what was drawn.
        users: `[N]`.
        rec_items: `[N, T_r]`, left-aligned, oldest first.
        queries: `[N, T_s]`, likewise.
        sources: `[N, T_s]`, unknown where there are no sources.
        clicked_items: `[N, T_s, C]`, at least one click a search.
        positives: `[N]`.
        negatives: `[valid, 99]`.
        query_words: `[queries + 2, L]` words of each query, at least one.
        item_attributes: `[items + 2, attributes]`.
        user_attributes: `[users + 2, attributes]`.
    """

    profile: LogProfile
    users: Indices
    rec_items: Indices
    queries: Indices
    sources: Indices
    clicked_items: Indices
    positives: Indices
    negatives: Indices
    query_words: Indices
    item_attributes: Indices
    user_attributes: Indices

    @classmethod
    def draw(cls, profile: LogProfile, seed: int = 0) -> GeneratedLogs:
        """Draws everything from a seed; ids follow a shifted power law."""
        random = np.random.default_rng(seed)
        sizes, shape = profile.sizes, profile.config.history
        number = profile.train + profile.valid
        items = _PowerLaw(random, sizes.items)
        recent = _mask(_lengths(random, profile.feed, number, shape.rec_length), shape.rec_length)
        searches = _lengths(random, profile.searches, number, shape.search_length)
        searched = _mask(searches, shape.search_length)
        clicks = random.integers(1, shape.clicks + 1, searched.shape)
        clicked = _mask(clicks, shape.clicks) & searched[..., None]
        words = random.integers(1, shape.query_words + 1, sizes.queries + FIRST_KNOWN)
        words[:FIRST_KNOWN] = 0
        positives = items(number)
        negatives = random.integers(
            FIRST_KNOWN, sizes.items + FIRST_KNOWN, (profile.valid, NEGATIVES), np.int32
        )
        clash = negatives == positives[profile.train :, None]
        return cls(
            profile=profile,
            users=random.permutation(np.arange(sizes.users, dtype=np.int32))[:number] + FIRST_KNOWN,
            rec_items=np.where(recent, items(recent.shape), PADDING),
            queries=np.where(searched, _PowerLaw(random, sizes.queries)(searched.shape), PADDING),
            sources=np.where(searched, _sources(random, sizes.sources, searched.shape), PADDING),
            clicked_items=np.where(clicked, items(clicked.shape), PADDING),
            positives=positives,
            # The item before, or the last one.
            negatives=np.where(
                clash, (negatives - FIRST_KNOWN - 1) % sizes.items + FIRST_KNOWN, negatives
            ),
            query_words=np.where(
                _mask(words, shape.query_words),
                _PowerLaw(random, sizes.words)((len(words), shape.query_words)),
                PADDING,
            ),
            item_attributes=_attributes(random, sizes.items, sizes.item_attributes),
            user_attributes=_attributes(random, sizes.users, sizes.user_attributes),
        )

    @property
    def rec_lengths(self) -> npt.NDArray[np.int64]:
        """`[N]` feed events of each history."""
        return np.count_nonzero(self.rec_items, axis=1)

    @property
    def search_lengths(self) -> npt.NDArray[np.int64]:
        """`[N]` searches of each history."""
        return np.count_nonzero(self.queries, axis=1)


class _PowerLaw:
    """Draws indices 2, 3, … with weights (shift + 1) ** -s, (shift + 2) ** -s, …"""

    def __init__(self, random: np.random.Generator, size: int) -> None:
        self._random = random
        ranks = np.arange(1, size + 1, dtype=np.float64) + _ZIPF_SHIFT
        self._cumulative = np.cumsum(ranks**-_ZIPF_EXPONENT)

    def __call__(self, shape: Any) -> Indices:
        # Rounding must not reach past the last one.
        draws = self._random.random(shape) * self._cumulative[-1] * (1 - 1e-12)
        return (np.searchsorted(self._cumulative, draws, "right") + FIRST_KNOWN).astype(np.int32)


def _lengths(
    random: np.random.Generator, counts: EventCounts, number: int, limit: int
) -> npt.NDArray[np.int64]:
    rates = random.gamma(counts.spread, counts.mean / counts.spread, number)
    return np.minimum(1 + random.poisson(rates), limit)


def _mask(lengths: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.bool_]:
    """`[…, width]`: the first `lengths` of each."""
    return np.arange(width) < lengths[..., None]


def _sources(random: np.random.Generator, size: int, shape: tuple[int, ...]) -> Indices:
    if size == 0:
        return np.full(shape, UNKNOWN, np.int32)
    return random.integers(FIRST_KNOWN, size + FIRST_KNOWN, shape, np.int32)


def _attributes(
    random: np.random.Generator, owners: int, attributes: tuple[tuple[str, int], ...]
) -> Indices:
    table = np.zeros((owners + FIRST_KNOWN, len(attributes)), np.int32)
    table[UNKNOWN] = UNKNOWN
    for column, (_, size) in enumerate(attributes):
        table[FIRST_KNOWN:, column] = random.integers(FIRST_KNOWN, size + FIRST_KNOWN, owners)
    return table
