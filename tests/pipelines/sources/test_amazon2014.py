from __future__ import annotations

import argparse
import gzip
import pickle
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources.amazon2014 import NO_QUERY, Amazon2014
from pipelines.sources.line_blocks import line_blocks
from pipelines.sources.source import Source
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS
from tests.pipelines.sources.amazon_raw_files import (
    METADATA,
    REVIEWS,
    product,
    review,
    write_lines,
)
from tests.pipelines.sources.reading import (
    count_rows,
    read_left_out,
    read_rejected,
    read_table,
    read_tuples,
)

DAY = 86400

# B3 has a path of one level only and B4 no path at all.
PRODUCTS = [
    product("B1", ["Books"], ["Books", "War"], ["Kindle Store", "Fiction"], brand="Penguin"),
    product("B2", ["Books", "Mystery & Fiction"]),
    product("B3", ["Books"]),
    "{'asin': 'B4', 'title': \"It's rare\", 'salesRank': {}}",
    product("B5", ["Toys", "Games"]),
]


def written(user: str, item: str, day: int, text: str = "", **more: object) -> str:
    return review(reviewerID=user, asin=item, unixReviewTime=day * DAY, reviewText=text, **more)


def amazon(directory: Path, reviews: list[str], *flags: str) -> Amazon2014:
    write_lines(directory / REVIEWS, reviews)
    write_lines(directory / METADATA, PRODUCTS)
    return from_flags(directory, *flags)


def from_flags(directory: Path, *flags: str) -> Amazon2014:
    parser = argparse.ArgumentParser()
    Amazon2014.add_flags(parser.add_argument_group("amazon2014"))
    return Amazon2014.from_arguments(parser.parse_args(["--input", str(directory), *flags]))


def table(source: Source, name: str) -> dict[str, list[object]]:
    return read_table(source, name).reset_index().to_dict("list")


SOME_REVIEWS = [
    written("u2", "B2", 1, "A book, a fiction! Books books."),
    written("u1", "B2", 3, "Mystery", reviewerName=None),
    written("u1", "B3", 3, "Book. Mysteries?"),
    written("u1", "B4", 2, "fiction and fiction and WAR"),
    written("u2", "B9", 1, "not in the metadata"),
]


def test_tables_by_hand(tmp_path: Path) -> None:
    # In the reviews book stands 4 times, fiction 3, mysteri 2, war 1, of the words of categories.
    source = amazon(tmp_path, SOME_REVIEWS, "--query-min-count", "3")
    assert table(source, "interactions") == {
        "row": [0, 1, 2, 3, 4],
        "user_id": ["u2", "u1", "u1", "u1", "u2"],
        "item_id": ["B2", "B2", "B3", "B4", "B9"],
        "timestamp": [DAY, 3 * DAY, 3 * DAY, 2 * DAY, DAY],
    }
    assert table(source, "searches") == {
        "row": [0, 1],
        "user_id": ["u2", "u1"],
        "session_id": ["line_0", "line_1"],
        "query": ["book fiction", "book fiction"],
        "source": ["", ""],
        "clicked_item_ids": ["B2", "B2"],
        "timestamp": [DAY, 3 * DAY],
    }
    assert table(source, "items") == {
        "row": [0, 1, 2, 3, 4],
        "item_id": ["B1", "B2", "B3", "B4", "B5"],
        "category": ["Books > War", "Books > Mystery & Fiction", "Books", "", "Toys > Games"],
        "brand": ["Penguin", "", "", "", ""],
    }
    assert source.parts("users") == 0
    # B3 has no path of two levels, B4 no path and B9 no product.
    assert read_left_out(source, "searches") == {"no query for its user and item": 3}
    assert read_left_out(source, "interactions") == {}


@pytest.mark.parametrize(
    ("flags", "query"),
    [
        ((), None),
        (("--query-min-count", "2"), "book mysteri fiction"),
        (("--query-min-count", "4"), "book"),
    ],
)
def test_rare_terms_are_no_part_of_a_query(
    tmp_path: Path, flags: tuple[str, ...], query: str | None
) -> None:
    searches = read_table(amazon(tmp_path, SOME_REVIEWS, *flags), "searches")
    assert searches["query"].tolist() == ([] if query is None else [query, query])


def test_stop_words_of_the_user(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("books\nmystery\n")
    flags = ("--query-min-count", "1", "--stop-words", str(words))
    searches = read_table(amazon(tmp_path, SOME_REVIEWS, *flags), "searches")
    assert searches["query"].tolist() == ["fiction", "fiction"]


def many_reviews() -> list[str]:
    """Forty users, four reviews each of B1 to B4 or B5, two of them on the same day."""
    items = ("B1", "B2", "B3", "B5")
    return [
        written(f"u{user}", items[(user + step) % 4], 10 + (step + 1) // 2, "book war fiction")
        for step in range(4)
        for user in range(40)
    ]


def drawn(source: Source) -> dict[tuple[str, str], str]:
    searches = read_table(source, "searches")
    return dict(
        zip(
            zip(searches["user_id"], searches["clicked_item_ids"], strict=True),
            searches["query"],
            strict=True,
        )
    )


def test_one_query_a_pair_whatever_the_order_of_the_reviews(tmp_path: Path) -> None:
    expected = drawn(amazon(tmp_path, many_reviews()))
    assert len(expected) == 80
    assert {expected[f"u{user}", "B1"] for user in range(40)} == {"book war", "fiction"}
    assert drawn(amazon(tmp_path, many_reviews()[::-1])) == expected
    assert drawn(amazon(tmp_path, [*many_reviews(), written("u3", "B1", 99)])) == expected
    assert drawn(amazon(tmp_path, many_reviews(), "--query-seed", "1")) != expected


def test_a_second_review_of_an_item_is_a_second_search(tmp_path: Path) -> None:
    source = amazon(tmp_path, [*many_reviews(), written("u3", "B1", 99)])
    searches = read_table(source, "searches")
    again = searches[(searches["user_id"] == "u3") & (searches["clicked_item_ids"] == "B1")]
    assert again["query"].nunique() == 1
    assert again["session_id"].is_unique
    assert again["session_id"].tolist()[-1] == "line_160"


def test_queries_of_the_benchmark(tmp_path: Path) -> None:
    write_lines(tmp_path / "query_text.txt.gz", ["book fiction", "book"])
    write_lines(tmp_path / "train.qrels.gz", ["u1_0 0 B3 1 ", "u7_0 0 B2 1 "])
    write_lines(tmp_path / "test.qrels.gz", ["u2_1 0 B9 1 "])
    source = amazon(tmp_path, SOME_REVIEWS)
    assert drawn(source) == {("u1", "B3"): "book fiction", ("u2", "B9"): "book"}
    searches = read_table(source, "searches")
    assert searches["session_id"].tolist() == ["line_2", "line_4"]
    assert read_left_out(source, "searches") == {NO_QUERY: 3}
    flags = ("--query-rule", "category", "--query-min-count", "3")
    assert set(drawn(from_flags(tmp_path, *flags))) == {("u1", "B2"), ("u2", "B2")}


def test_benchmark_files_that_are_missing(tmp_path: Path) -> None:
    write_lines(tmp_path / "train.qrels", ["u1_0 0 B3 1 "])
    with pytest.raises(InputError, match=r"incomplete.*Received: train\.qrels\."):
        amazon(tmp_path, SOME_REVIEWS)
    assert from_flags(tmp_path, "--query-rule", "category").query_rule == "category"
    (tmp_path / "train.qrels").unlink()
    with pytest.raises(InputError, match="Received: neither"):
        from_flags(tmp_path, "--query-rule", "qrels")


def test_tables_can_be_read_again_and_elsewhere(tmp_path: Path) -> None:
    source = amazon(tmp_path, many_reviews())
    expected = {name: read_table(source, name) for name in source.tables}
    sent = pickle.dumps(source)
    # What was read stays behind.
    assert sent == pickle.dumps(from_flags(tmp_path))
    for again in (source, pickle.loads(sent)):
        for name, frame in expected.items():
            pd.testing.assert_frame_equal(read_table(again, name), frame)


def test_no_review_is_no_row(tmp_path: Path) -> None:
    source = amazon(tmp_path, [])
    for name in ("interactions", "searches"):
        assert len(read_table(source, name)) == 0


def test_bad_lines_of_either_file_are_rejected(tmp_path: Path) -> None:
    reviews = [SOME_REVIEWS[0], "{", "", *SOME_REVIEWS[1:], review(asin=None)]
    flags = ("--query-min-count", "3")
    expected = {
        name: read_tuples(amazon(tmp_path, SOME_REVIEWS, *flags), name)
        for name in ("interactions", "searches", "items")
    }
    source = amazon(tmp_path, reviews, *flags)
    for name in ("interactions", "searches"):
        assert read_rejected(source, name) == [
            (2, "line is no JSON", "{"),
            (8, "asin is missing", reviews[-1]),
        ]
    assert read_table(source, "interactions").index.tolist() == [0, 3, 4, 5, 6]
    assert read_table(source, "searches")["session_id"].to_dict() == {0: "line_0", 3: "line_3"}
    assert read_tuples(source, "interactions") == expected["interactions"]
    write_lines(tmp_path / METADATA, [*PRODUCTS[:1], "{'asin': nothing}", *PRODUCTS[1:]])
    source = from_flags(tmp_path, *flags)
    assert read_rejected(source, "items") == [(2, "line is no Python literal", "{'asin': nothing}")]
    assert read_tuples(source, "items") == expected["items"]
    assert len(read_table(source, "searches")) == len(expected["searches"])


LINES = st.sampled_from(
    [
        *(written(user, item, 1, "book war") for user in ("u", "v") for item in ("B2", "B4", "B9")),
        *("{", "[]", "\udcff", review(asin=None)),
    ]
)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lines=st.lists(LINES, max_size=12), block=st.integers(20, 900))
def test_every_review_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], block: int
) -> None:
    blocks = partial(line_blocks, block_bytes=block)
    monkeypatch.setattr("pipelines.sources.amazon_reviews.line_blocks", blocks)
    source = amazon(tmp_path, [], "--query-min-count", "1")
    data = "\n\n".join(lines).encode(errors="surrogateescape")
    (tmp_path / REVIEWS).write_bytes(gzip.compress(data))
    for name in ("interactions", "searches"):
        assert count_rows(source, name) == len(lines)
    # What has a query has "B2" for its item, if the reviews hold the words of its path.
    reviews = [line for line in lines if line.startswith('{"') and '"asin"' in line]
    searches = len(read_table(source, "searches"))
    assert searches in (0, sum('"B2"' in line for line in reviews))
    others = len(reviews) - searches
    assert read_left_out(source, "searches") == ({NO_QUERY: others} if others else {})
    assert read_left_out(source, "interactions") == {}


def test_lines_of_rows(tmp_path: Path) -> None:
    source = amazon(tmp_path, SOME_REVIEWS)
    for name, file in (("interactions", REVIEWS), ("searches", REVIEWS), ("items", METADATA)):
        names, lines = source.lines(name, np.array([0, 4]))
        assert names == [str(tmp_path / file)] * 2
        assert lines.tolist() == [1, 5]


def test_a_minimum_count_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`--query-min-count` should be at least 1\. Rec.*: 0"):
        amazon(tmp_path, SOME_REVIEWS, "--query-min-count", "0")


def histories(dataset: PreparedDataset) -> list[tuple[str, list[str], list[str]]]:
    """User, history of items, and clicked items of the history of searches, of all instances.

    The last entry of the items is the target.
    """
    users, items = (["", "", *dataset.vocabulary(name)] for name in ("users", "items"))
    result = []
    for split in SPLITS:
        for record in tf.data.TFRecordDataset(dataset.record_files(split)):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            values = {name: list(value.int64_list.value) for name, value in feature.items()}
            targets = [*values["rec_items"], values["candidates"][0]]
            clicks = [items[click] for click in values["clicked_items"] if click]
            result.append((users[values["user"][0]], [items[item] for item in targets], clicks))
    return result


def test_the_search_of_a_target_is_never_in_its_history(tmp_path: Path) -> None:
    # Every user meets every item once, so that a search is that of the target if it clicked it.
    options = PrepareOptions(num_negatives=1, min_earlier_searches=1)
    source = amazon(tmp_path, [*many_reviews(), written("v", "B9", 1), written("v", "B8", 1)])
    dataset = prepare(source, options, tmp_path / "data")
    seen = Counter()
    for _, met, clicks in histories(dataset):
        *earlier, target = met
        assert target not in clicks
        assert clicks
        assert set(clicks) <= set(earlier)
        seen[len(clicks)] += 1
    assert len(seen) > 1


def test_at_equal_time_all_reviews_come_before_all_searches(tmp_path: Path) -> None:
    reviews = [
        written("u", item, day, "book war fiction")
        for item, day in [("B1", 1), ("B2", 1), ("B3", 2), ("B5", 2), ("B4", 3)]
    ]
    # These make B5 and B4 known, and B8 an item that u never met.
    reviews += [written("v", item, 1) for item in ("B4", "B5", "B8")]
    reviews += [written("w", item, 1) for item in ("B5", "B4")]
    source = amazon(tmp_path, reviews, "--query-min-count", "1")
    dataset = prepare(source, PrepareOptions(num_negatives=1), tmp_path / "data")
    # The searches of day 1 precede the reviews of day 2, and not one another's reviews.
    assert [found for found in histories(dataset) if found[0] == "u"] == [
        ("u", ["B1", "B2"], []),
        ("u", ["B1", "B2", "B3"], ["B1", "B2"]),
        ("u", ["B1", "B2", "B3", "B5"], ["B1", "B2"]),
        ("u", ["B1", "B2", "B3", "B5", "B4"], ["B1", "B2"]),
    ]
