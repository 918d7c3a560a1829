from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.amazon_reviews import ReviewFile
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
            events.lines.tolist(),
            events.users.to_pylist(),
            events.items.to_pylist(),
            events.times.to_pylist(),
            strict=True,
        )
    ]


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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (review()[:-1], r"no JSON \(Expecting ',' delimiter"),
        (repr(REVIEW), "no JSON .*Expecting property name"),
        (review() + review(), r"no JSON \(Extra data"),
        ('["A1", "B1"]', "no JSON object"),
        (review(reviewerID=None), "no `reviewerID`. Expected non-empty text"),
        (review(asin=None), "no `asin`"),
        (review(unixReviewTime=None), "no `unixReviewTime`. Expected a whole number of seconds"),
        (review(reviewerID=""), "`reviewerID` is unusable.*Received: ''"),
        (review(asin=17), "`asin` is unusable.*Received: 17"),
        (review(asin="\ud800"), "`asin` is unusable"),
        (review(unixReviewTime="1399248000"), "`unixReviewTime` is unusable.*'1399248000'"),
        (review(unixReviewTime=1.5), "`unixReviewTime` is unusable.*1.5"),
        (review(unixReviewTime=True), "`unixReviewTime` is unusable.*True"),
        (review(unixReviewTime=2**63), "`unixReviewTime` is unusable"),
    ],
)
def test_a_bad_review_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    file = review_file(tmp_path, review(), "", line, review())
    expected = rf"(?s)reviews_Kindle_Store_5\.json\.gz, line 3: {message}"
    with pytest.raises(InputError, match=expected):
        rows(file)


def test_a_text_of_another_type_is_named(tmp_path: Path) -> None:
    file = review_file(tmp_path, review(), review(summary=["x"]))
    with pytest.raises(InputError, match=r"line 2: `summary` is no text.*Received: \['x'\]"):
        list(file.texts())


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "reviews_K_5.json.gz"
    path.write_bytes(gzip.compress(review(asin="naXve").encode().replace(b"X", b"\xef")))
    with pytest.raises(InputError, match="line 1: is not UTF-8"):
        rows(ReviewFile(path))
