"""How the words of categories and reviews become the terms of queries."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import Stemmer

from sesrec_tf.errors import InputError

_WHITESPACE = b"\t\n\v\f\r"
_LOWER = bytes.maketrans(
    string.ascii_uppercase.encode() + _WHITESPACE,
    string.ascii_lowercase.encode() + b" " * len(_WHITESPACE),
)
_DROPPED = bytes(set(range(256)) - set(string.ascii_letters.encode()) - set(b" " + _WHITESPACE))


@dataclass(frozen=True)
class QueryTerms:
    """The rule that makes the terms of a query from a text.

    ASCII letters and spaces are kept, everything else goes ("Sci-Fi" is `scifi`), in lower case;
    stop words go; what is left is stemmed. The published queries were stemmed by Krovetz' stemmer;
    no kept package offers that, so these are the stems of Snowball's English one: `mysteri` for
    `mystery`, and some words fall together that were apart, or the other way round.

    Attributes:
        stop_words: as they stand in a text; their stems count as well, as in the published tool.
    """

    stop_words: frozenset[str]

    def __call__(self, text: str) -> tuple[str, ...]:
        """The terms; of one that comes again the last occurrence stays."""
        stop_words = self._stop_words_and_stems
        words = (word for word in _letters(text.encode()).decode().split())
        terms = self.stems(word for word in words if word not in stop_words)
        return tuple(reversed(dict.fromkeys(reversed(terms))))

    def stems(self, words: Iterable[str]) -> list[str]:
        """The stem of every word."""
        return list(self._stemmer.stemWords(list(words)))

    @cached_property
    def _stemmer(self) -> Stemmer.Stemmer:
        return Stemmer.Stemmer("english")

    @cached_property
    def _stop_words_and_stems(self) -> frozenset[str]:
        return self.stop_words.union(self.stems(self.stop_words))


class WordCounts:
    """How often every word, not yet stemmed, stands in some texts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, texts: bytes) -> None:
        """Counts the words of UTF-8 text, by the rule of `QueryTerms`."""
        clean = _letters(texts) + b" "
        ends = np.flatnonzero(np.frombuffer(clean, np.uint8) == ord(" ")) + 1
        offsets = np.concatenate([[0], ends]).astype(np.int64)
        # Every word with the space after it: slices of the text, nothing is copied.
        words = pa.LargeStringArray.from_buffers(
            len(ends), pa.py_buffer(offsets), pa.py_buffer(clean)
        )
        counts = pc.value_counts(words)
        for word, count in zip(*(column.to_pylist() for column in counts.flatten()), strict=True):
            self._counts[word[:-1]] += count
        del self._counts[""]

    def vocabulary(self, terms: QueryTerms, min_count: int) -> frozenset[str]:
        """The stems that stand in the texts at least `min_count` times."""
        counts: Counter[str] = Counter()
        stems = terms.stems(self._counts)
        for stem, count in zip(stems, self._counts.values(), strict=True):
            counts[stem] += count
        return frozenset(stem for stem, count in counts.items() if count >= min_count)


def english_stop_words() -> frozenset[str]:
    """179 function words, from the package bm25s.

    Longer lists in other packages hold `home`, `world` and `computer`, which the published
    queries keep.
    """
    # Imported here: it takes longer than everything else together, and not every source asks.
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(STOPWORDS_EN_PLUS)


def read_stop_words(path: Path) -> frozenset[str]:
    """The words of a file, one a line.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        return frozenset(path.read_text("utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the stop words {path} ({error}). Expected one word a line, in UTF-8. "
            "Give such a file."
        ) from error


def _letters(text: bytes) -> bytes:
    """Lower-case letters and spaces of UTF-8 text."""
    return text.translate(_LOWER, _DROPPED)
