from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.amazon_terms import (
    QueryTerms,
    WordCounts,
    english_stop_words,
    read_stop_words,
)
from sesrec_tf.errors import InputError

TERMS = QueryTerms(frozenset({"and", "of", "being"}))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        # The published example; `&` and `,` go, the last `camera` stays.
        ("Camera, Photo Digital Camera Lenses", ("photo", "digit", "camera", "lens")),
        ("Books Women's Fiction", ("book", "women", "fiction")),
        ("Sci-Fi & Fantasy 2012", ("scifi", "fantasi")),
        ("Children\u2019s eBooks", ("children", "ebook")),
        # A stop word's stem counts too: `be` is the stem of `being`.
        ("Ways of Being and Be", ("way",)),
        # Words of one stem are one term.
        ("Mysteries Thrillers Mystery", ("thriller", "mysteri")),
        ("Café\tZürich", ("caf", "zrich")),
        ("", ()),
        ("2012 & of", ()),
    ],
)
def test_terms_by_hand(text: str, terms: tuple[str, ...]) -> None:
    assert TERMS(text) == terms


def test_counts_by_hand() -> None:
    counts = WordCounts()
    counts.add("Books! book.\nSci-fi BOOK the\r\nthe  café".encode())
    counts.add(b"bookish the")
    counts.add(b"")
    # book: Books, book, BOOK; the: three; one each of scifi, caf and bookish.
    assert counts.vocabulary(TERMS, 3) == {"book", "the"}
    assert counts.vocabulary(TERMS, 4) == frozenset()
    assert counts.vocabulary(TERMS, 1) == {"book", "the", "scifi", "caf", "bookish"}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text("aBc .\n1é", max_size=20), max_size=5), st.integers(1, 3))
def test_counts_are_those_of_words_one_by_one(texts: list[str], min_count: int) -> None:
    counts, expected = WordCounts(), Counter[str]()
    for text in texts:
        counts.add(text.encode())
        kept = "".join(c for c in text if c in "aBc \n").lower()
        expected.update(TERMS.stems(kept.split()))
    frequent = {stem for stem, count in expected.items() if count >= min_count}
    assert counts.vocabulary(TERMS, min_count) == frequent


def test_the_default_stop_words_spare_the_names_of_categories() -> None:
    words = english_stop_words()
    assert {"and", "the", "of", "for"} <= words
    # All of these are words of the published Kindle queries.
    assert words.isdisjoint({"home", "world", "computer", "novel", "young", "system"})


def test_stop_words_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("a\nabout\r\n\nabove")
    assert read_stop_words(path) == {"a", "about", "above"}
    with pytest.raises(InputError, match=r"cannot read the stop words .*nowhere"):
        read_stop_words(tmp_path / "nowhere")
