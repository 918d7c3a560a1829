from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.amazon_reviews import ReviewFile
from pipelines.sources.line_blocks import line_blocks
from sesrec_tf.errors import InputError
from tests.pipelines.sources.amazon_raw_files import REVIEW, REVIEWS, review, write_lines

# As `str.isprintable` has it, drawn rather than filtered.
PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


def review_file(directory: Path, *lines: str) -> ReviewFile:
    return ReviewFile(write_lines(directory / REVIEWS, lines))


def rows(file: ReviewFile) -> list[tuple[int, str, str, int]]:
    return [
        row
        for events in file.events()
        for row in zip(
            events.rows.tolist(),
            events.users.to_pylist(),
            events.items.to_pylist(),
            events.times.to_pylist(),
            strict=True,
        )
    ]


def rejected(file: ReviewFile) -> list[tuple[int, str, str, str]]:
    found = pa.concat_tables([events.rejected for events in file.events()])
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def test_events_in_file_order(tmp_path: Path) -> None:
    file = review_file(
        tmp_path, review(reviewerName=None), review(asin="0001", unixReviewTime=5), review()
    )
    first = (0, "A1F6404F1VG29J", "B000F83SZQ", 1399248000)
    assert rows(file) == [first, (1, "A1F6404F1VG29J", "0001", 5), (2, *first[1:])]


def test_empty_lines_count_as_lines(tmp_path: Path) -> None:
    file = review_file(tmp_path, review(asin="a"), "", review(asin="b"))
    assert [(line, item) for line, _, item, _ in rows(file)] == [(0, "a"), (2, "b")]


def test_no_reviews_are_no_events(tmp_path: Path) -> None:
    assert rows(review_file(tmp_path)) == []
    assert rows(review_file(tmp_path, "", "")) == []


def test_texts_with_missing_parts(tmp_path: Path) -> None:
    lines = [review(), review(reviewText=None, summary=None), review(reviewText="", summary="S")]
    # Half a surrogate pair is JSON, though no text: the block is read line by line.
    for odd in ([], [review(reviewText="\ud800x", summary=None)]):
        text = b"\n".join(review_file(tmp_path, *lines, *odd).texts()).decode()
        expected = ["I", "enjoy", "vintage", "books.", "Say", '"naïve".', *(["x"] * len(odd))]
        assert text.split() == [*expected, "Nice", "vintage", "story", "S"]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.text(PRINTABLE, min_size=1),
            st.text(min_size=1),
            st.integers(-(2**63), 2**63 - 1),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_values_come_back_whatever_way_the_block_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str, int, bool]]
) -> None:
    expected, lines = [], []
    for user, item, time, empty_line in values:
        lines += [""] * empty_line
        expected.append((len(lines), user, item, time))
        lines.append(review(reviewerID=user, asin=item, unixReviewTime=time))
    assert rows(review_file(tmp_path_factory.mktemp("reviews"), *lines)) == expected


OBJECT, SECONDS = "one JSON object", "seconds, as 64 bits"


@pytest.mark.parametrize(
    ("line", "reason", "expected"),
    [
        (review()[:-1], "line is no JSON", OBJECT),
        (repr(REVIEW), "line is no JSON", OBJECT),
        (review() + review(), "line is no JSON", OBJECT),
        ("[" * 100_000, "line is no JSON", OBJECT),
        ('["A1", "B1"]', "line is no JSON object", OBJECT),
        (review(reviewerID=None), "reviewerID is missing", "text"),
        (review(asin=None), "asin is missing", "text"),
        (review(unixReviewTime=None), "unixReviewTime is missing", SECONDS),
        (review(asin=17), "asin is not text", "text"),
        (review(asin="\ud800"), "asin is not text", "text"),
        (review(unixReviewTime="1399248000"), "unixReviewTime is not an integer", SECONDS),
        (review(unixReviewTime=1.5), "unixReviewTime is not an integer", SECONDS),
        (review(unixReviewTime=True), "unixReviewTime is not an integer", SECONDS),
        (review(unixReviewTime=2**63), "unixReviewTime is not an integer", SECONDS),
    ],
)
def test_a_bad_review_costs_no_other(tmp_path: Path, line: str, reason: str, expected: str) -> None:
    file = review_file(tmp_path, review(), "", line, review())
    assert [row[0] for row in rows(file)] == [0, 3]
    ((row, *problem, content),) = rejected(file)
    assert (row, *problem) == (2, reason, expected)
    assert content.removesuffix(" …") == line[:2_000]


def test_bad_reviews_in_any_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [review(asin=None) if n % 5 == 2 else review(asin=f"B{n}") for n in range(40)]
    file = review_file(tmp_path, *lines)
    for block_bytes in (100, 1_000, 5_000):
        blocks = partial(line_blocks, block_bytes=block_bytes)
        monkeypatch.setattr("pipelines.sources.amazon_reviews.line_blocks", blocks)
        good = [n for n in range(40) if n % 5 != 2]
        assert [(row, item) for row, _, item, _ in rows(file)] == [(n, f"B{n}") for n in good]
        assert [row for row, *_ in rejected(file)] == [n for n in range(40) if n % 5 == 2]


def test_an_empty_id_is_an_id_here(tmp_path: Path) -> None:
    # Preparation rejects it, as for every source.
    assert [row[1] for row in rows(review_file(tmp_path, review(reviewerID="")))] == [""]


def test_what_is_no_text_counts_for_nothing(tmp_path: Path) -> None:
    odd = [review(summary=["x"], reviewText="good"), review(asin=None, summary="S"), "{", ""]
    texts = b"\n".join(review_file(tmp_path, *odd).texts()).decode().split()
    assert texts == ["good", "I", "enjoy", "vintage", "books.", "Say", '"naïve".', "S"]


def test_text_that_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "reviews_K_5.json.gz"
    lines = [review(asin="naXve").encode().replace(b"X", b"\xef"), review().encode()]
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    assert [row[0] for row in rows(ReviewFile(path))] == [1]
    ((row, reason, _, content),) = rejected(ReviewFile(path))
    assert (row, reason) == (0, "line is no UTF-8 text")
    assert r'"asin": "na\xefve"' in content


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / REVIEWS, [review()])
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"cannot read .*reviews_Kindle_Store_5\.json\.gz"):
        rows(ReviewFile(path))
