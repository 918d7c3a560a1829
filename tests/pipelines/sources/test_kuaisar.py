from __future__ import annotations

import argparse
import ast
import csv
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources import csv_file
from pipelines.sources.kuaisar import KuaiSar
from pipelines.sources.kuaisar_sessions import CLICKLESS, JOINED, NO_CLICK
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.search_origins import TYPED_SOURCES
from sesrec_tf.errors import InputError
from tests.pipelines.sources.kuaisar_files import write_kuaisar
from tests.pipelines.sources.reading import (
    count_rows,
    read_left_out,
    read_rejected,
    read_table,
    read_tuples,
)

# User 1 is sent 12, 11 and 13 at once, in this order, and clicks the first two. One time is a
# float, as pandas writes a column that once had gaps.
FEED = """\
user_id,item_id,playing_time,duration_ms,time,timestamp,click,forward,like,follow,search,search_item_related
1,12,60792.0,45400.0,2023-05-22 15:53:20,1000,1,0,1,0,1,1
1,11,792.0,45400.0,2023-05-22 15:53:20,1000,1,0,0,0,0,0
1,13,0.0,400.0,2023-05-22 15:53:20,1000,0,0,0,0,0,0
2,11,1.0,2.0,2023-05-22 15:53:20,1500,1,0,0,0,0,0
2,13,1.0,2.0,2023-05-22 15:53:20,2500,1,0,0,0,0,0
1,13,1.0,2.0,2023-05-22 15:53:20,3000.0,1,0,0,0,0,0
3,31,1.0,2.0,2023-05-22 15:53:20,100,1,0,0,0,0,0
3,32,1.0,2.0,2023-05-22 15:53:20,200,1,0,0,0,0,0
2,12,1.0,2.0,2023-05-22 15:53:20,3500,1,0,0,0,0,0
2,15,1.0,2.0,2023-05-22 15:53:20,4500,1,0,0,0,0,0
1,14,1.0,2.0,2023-05-22 15:53:20,5000,1,0,0,0,0,0
"""

# Two users have a session 5; user 1's goes on after user 2's, and the id comes back for another
# query. A list of one word needs no quotes. User 2 clicks nothing.
SEARCHES = """\
user_id,search_session_id,search_session_time,search_session_timestamp,keyword,search_source,item_id,click_cnt,item_type
1,5,2023-05-22 21:58:52,2000,"[20, 34]",USER_INPUT,15,0,VIDEO
1,5,2023-05-22 21:58:52,2000,"[20, 34]",USER_INPUT,13,1,VIDEO
1,5,2023-05-22 21:58:52,2000,"[20, 34]",USER_INPUT,11,2,IMAGE_ATLAS
1,5,2023-05-22 21:58:52,2000,"[20, 34]",USER_INPUT,13,1,VIDEO
2,5,2023-05-22 21:58:52,2000,[7],A_GUESS,14,0,VIDEO
2,5,2023-05-22 21:58:52,2000,[7],A_GUESS,15,0,VIDEO
1,5,2023-05-22 21:58:52,2000,"[20, 34]",USER_INPUT,99,1,USER
1,5,2023-05-22 21:58:53,3000,[8],USER_INPUT,12,1,VIDEO
"""

USERS = """\
user_id,search_active_level,rec_active_level,onehot_feat1,onehot_feat2
1,0,4,7,2
2,1,0,0,0
"""

ITEMS = """\
item_id,caption,author_id,item_type,upload_time,upload_type,first_level_category_id,\
first_level_category_name,first_level_category_name_en,second_level_category_id,\
second_level_category_name,second_level_category_name_en,third_level_category_id,\
third_level_category_name,third_level_category_name_en,fourth_level_category_id,\
fourth_level_category_name,fourth_level_category_name_en
11,"[1, 213, 24]",10,NORMAL,2023-04-22,LongImport,9,搞笑,Fun,136,笑段子,Joke,0,空,empty,0,空,empty
103656000000,[],0,NORMAL,1970-01-01,UNKNOWN,0,空,empty,0,空,empty,empty,空,empty,,空,empty
"""

FILES = {
    "rec_inter.csv": FEED,
    "src_inter.csv": SEARCHES,
    "user_features.csv": USERS,
    "item_features.csv": ITEMS,
}

SEARCH_COLUMNS = ["user_id", "session_id", "query", "source", "clicked_item_ids", "timestamp"]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The four files that are read; `social_network.csv` may be absent."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def replace_in(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_clicks_of_the_feed_are_the_interactions_in_file_order(raw: Path) -> None:
    interactions = read_table(KuaiSar(raw), "interactions")
    assert [*interactions.columns] == ["user_id", "item_id", "timestamp"]
    assert list(interactions.itertuples(name=None)) == [
        (0, "1", "12", 1000),
        (1, "1", "11", 1000),
        # Row 2 was no click.
        (3, "2", "11", 1500),
        (4, "2", "13", 2500),
        (5, "1", "13", 3000),
        (6, "3", "31", 100),
        (7, "3", "32", 200),
        (8, "2", "12", 3500),
        (9, "2", "15", 4500),
        (10, "1", "14", 5000),
    ]
    assert read_left_out(KuaiSar(raw), "interactions") == {"click is 0": 1}


@pytest.mark.parametrize("click", ["2", "-1", "", "x", "0x1", "0.5"])
def test_a_click_that_is_neither_0_nor_1_is_rejected(raw: Path, click: str) -> None:
    replace_in(raw / "rec_inter.csv", "1000,0,", f"1000,{click},")
    line = FEED.splitlines()[3].replace("1000,0,", f"1000,{click},")
    source = KuaiSar(raw)
    assert read_rejected(source, "interactions") == [(4, "click is neither 0 nor 1", line)]
    assert len(read_table(source, "interactions")) == 10
    assert read_left_out(source, "interactions") == {}


def test_rows_of_one_session_become_one_search(raw: Path) -> None:
    searches = read_table(KuaiSar(raw), "searches")[SEARCH_COLUMNS]
    assert list(searches.itertuples(name=None)) == [
        # 15 is only shown, 13 is shown and clicked twice, 99 comes after another session.
        (0, "1", "5", "20 34", "USER_INPUT", "13 11 99", 2000),
        # No click: the earliest shown.
        (4, "2", "5", "7", "A_GUESS", "14", 2000),
        (7, "1", "5#2", "8", "USER_INPUT", "12", 3000),
    ]
    assert set(searches["source"]) & set(TYPED_SOURCES) == {"USER_INPUT"}
    # Five rows of the first session, two of user 2's, one of the last.
    assert read_left_out(KuaiSar(raw), "searches") == {JOINED: 5}


def test_sessions_without_a_click_can_be_dropped(raw: Path) -> None:
    searches = read_table(KuaiSar(raw, clickless="drop"), "searches")
    assert searches["session_id"].tolist() == ["5", "5#2"]
    assert searches["clicked_item_ids"].tolist() == ["13 11 99", "12"]
    left_out = read_left_out(KuaiSar(raw, clickless="drop"), "searches")
    assert left_out == {JOINED: 4, NO_CLICK: 2}


def test_padding_of_attributes_is_unknown(raw: Path) -> None:
    items = read_table(KuaiSar(raw), "items")
    assert [*items.columns] == [
        "item_id",
        "author_id",
        "item_type",
        "upload_type",
        "category_1",
        "category_2",
        "category_3",
        "category_4",
    ]
    assert list(items.itertuples(name=None)) == [
        (0, "11", "10", "NORMAL", "LongImport", "9", "136", "", ""),
        (1, "103656000000", "", "NORMAL", "UNKNOWN", "", "", "", ""),
    ]


def test_zero_is_a_level_of_activity(raw: Path) -> None:
    assert read_tuples(KuaiSar(raw), "users") == [
        ("1", "0", "4", "7", "2"),
        ("2", "1", "0", "0", "0"),
    ]


def test_columns_stand_in_any_order_and_files_may_be_gzipped(raw: Path) -> None:
    whole = {table: read_table(KuaiSar(raw), table) for table in KuaiSar.tables}
    for name in FILES:
        frame = pd.read_csv(raw / name, dtype=str, keep_default_na=False)
        (raw / name).unlink()
        frame[frame.columns[::-1]].to_csv(raw / f"{name}.gz", index=False)
    for table, expected in whole.items():
        again = read_table(KuaiSar(raw), table)
        pd.testing.assert_frame_equal(again[expected.columns], expected)


@pytest.mark.parametrize("block", [1, 100, 200, 500])
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_chunks_do_not_cut_sessions(
    raw: Path, monkeypatch: pytest.MonkeyPatch, block: int, rows: int
) -> None:
    whole = {table: read_table(KuaiSar(raw), table) for table in KuaiSar.tables}
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", rows)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block)
    for table, expected in whole.items():
        pd.testing.assert_frame_equal(read_table(KuaiSar(raw), table), expected)


Shown = tuple[int, int, int, int, int]


def reference_sessions(
    shown: list[Shown], unreadable: int, clickless: str
) -> list[tuple[int, str, str, str]]:
    """First row, user, session id and clicked items by a loop over the rows.

    Args:
        shown: user, session, word, which stands for the query, item and clicks of every row.
        unreadable: an item whose rows cannot be read.
        clickless: what becomes of a session without a click.
    """
    sessions: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    for row, (user, session, word, item, clicks) in enumerate(shown):
        if item != unreadable:
            sessions.setdefault((user, session, word), []).append((row, item, clicks))
    numbers: dict[tuple[int, int], int] = {}
    result = []
    for (user, session, _), rows in sessions.items():
        number = numbers[user, session] = numbers.get((user, session), 0) + 1
        clicked = [item for _, item, clicks in rows if clicks]
        if not clicked and clickless == "drop":
            continue
        clicked = clicked or [rows[0][1]]
        name = str(session) if number == 1 else f"{session}#{number}"
        items = " ".join(map(str, dict.fromkeys(clicked)))
        result.append((rows[0][0], str(user), name, items))
    return result


SHOWN = st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(0, 2)
)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    shown=st.lists(SHOWN, min_size=1, max_size=25),
    unreadable=st.integers(0, 2),
    clickless=st.sampled_from(CLICKLESS),
    rows=st.integers(1, 30),
    block=st.integers(30, 900),
)
def test_sessions_are_those_of_a_plain_loop(
    raw: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: list[Shown],
    unreadable: int,
    clickless: str,
    rows: int,
    block: int,
) -> None:
    lines = [SEARCHES.splitlines()[0]]
    for user, session, word, item, clicks in shown:
        times = "?" if item == unreadable else clicks
        lines.append(f"{user},{session},now,{session},[{word}],S,{item},{times},VIDEO")
    (raw / "src_inter.csv").write_text("\n".join(lines))
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", rows)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block)
    source = KuaiSar(raw, clickless)
    searches = read_table(source, "searches")
    found = searches[["user_id", "session_id", "clicked_item_ids"]].itertuples(name=None)
    expected = reference_sessions(shown, unreadable, clickless)
    assert list(found) == expected
    # Every row of the file counts once: as used, joined, dropped or rejected.
    clicked = {each[:3] for each in shown if each[3] != unreadable and each[4]}
    readable = [each[:3] for each in shown if each[3] != unreadable]
    dropped = sum(key not in clicked for key in readable) if clickless == "drop" else 0
    joined = len(readable) - dropped - len(expected)
    left_out = {JOINED: joined, NO_CLICK: dropped}
    assert read_left_out(source, "searches") == {k: n for k, n in left_out.items() if n}
    assert count_rows(source, "searches") == len(shown)
    assert read_rejected(source, "searches") == [
        (number, "click_cnt is not an integer", lines[number - 1])
        for number, (*_, item, _) in enumerate(shown, 2)
        if item == unreadable
    ]


def test_rows_that_cannot_be_read_are_rejected_with_their_lines(raw: Path) -> None:
    feed = raw / "rec_inter.csv"
    replace_in(feed, "2,11,1.0", "2,,11,1.0")
    replace_in(feed, "3000.0", "3000.5")
    assert read_rejected(KuaiSar(raw), "interactions") == [
        (5, "line has too many values", FEED.splitlines()[4].replace("2,11", "2,,11")),
        (7, "timestamp is not an integer", FEED.splitlines()[6].replace("3000.0", "3000.5")),
    ]
    assert read_table(KuaiSar(raw), "interactions").index.tolist() == [0, 1, 4, 6, 7, 8, 9, 10]
    for name, table in (("item_features.csv", "items"), ("user_features.csv", "users")):
        with (raw / name).open("ab") as file:
            file.write(b"\xff\n")
        (found,) = read_rejected(KuaiSar(raw), table)
        assert found == (4, "line is no UTF-8 text", r"\xff")
        assert len(read_table(KuaiSar(raw), table)) == 2


def test_a_session_goes_on_without_its_rejected_rows(raw: Path) -> None:
    lines = SEARCHES.splitlines()
    # The first row of user 1's session, one of its clicks, and both rows of user 2's session.
    lines[1] = lines[1].replace("2000", "soon")
    lines[3] = lines[3].replace(",2,", ",often,")
    lines[5:7] = [line.replace("[7]", '"[7, exit()]"') for line in lines[5:7]]
    (raw / "src_inter.csv").write_text("\n".join(lines))
    keyword = "keyword is not a list of integers"
    assert read_rejected(KuaiSar(raw), "searches") == [
        (2, "search_session_timestamp is not an integer", lines[1]),
        (4, "click_cnt is not an integer", lines[3]),
        (6, keyword, lines[5]),
        (7, keyword, lines[6]),
    ]
    assert list(read_table(KuaiSar(raw), "searches")[SEARCH_COLUMNS].itertuples(name=None)) == [
        (1, "1", "5", "20 34", "USER_INPUT", "13 99", 2000),
        (7, "1", "5#2", "8", "USER_INPUT", "12", 3000),
    ]


def test_an_open_quote_costs_its_line(raw: Path) -> None:
    lines = FEED.splitlines()
    lines[4] = lines[4].replace("11", '"11', 1)
    (raw / "rec_inter.csv").write_text("\n".join(lines))
    assert read_rejected(KuaiSar(raw), "interactions") == [
        (5, "line ends within a value", lines[4])
    ]
    assert len(read_table(KuaiSar(raw), "interactions")) == 9


def test_tables_can_be_read_again_and_elsewhere(raw: Path) -> None:
    source = KuaiSar(raw)
    expected = {table: read_table(source, table) for table in source.tables}
    sent = pickle.dumps(source)
    assert len(sent) < 4_000
    for again in (source, pickle.loads(sent)):
        for table, frame in expected.items():
            pd.testing.assert_frame_equal(read_table(again, table), frame)


def test_lines_of_rows(raw: Path) -> None:
    source = KuaiSar(raw)
    files = ["rec_inter.csv", "src_inter.csv", "item_features.csv", "user_features.csv"]
    for table, name in zip(source.tables, files, strict=True):
        names, lines = source.lines(table, np.array([0, 3]))
        assert names == [str(raw / name)] * 2
        assert lines.tolist() == [2, 5]
    assert source.parts("products") == 0


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_at_once(raw: Path, name: str) -> None:
    (raw / name).unlink()
    with pytest.raises(InputError, match=f"there is no file .*{name}"):
        KuaiSar(raw)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("rec_inter.csv", "click"),
        ("src_inter.csv", "search_source"),
        ("user_features.csv", "user_id"),
        ("item_features.csv", "third_level_category_id"),
    ],
)
def test_a_missing_column_is_refused_at_once(raw: Path, name: str, column: str) -> None:
    replace_in(raw / name, column, "other")
    with pytest.raises(InputError, match=rf"{name}, line 1: missing column {column}\."):
        KuaiSar(raw)


def test_a_log_without_rows_has_no_searches(raw: Path) -> None:
    (raw / "src_inter.csv").write_text(SEARCHES.splitlines()[0] + "\n")
    searches = read_table(KuaiSar(raw), "searches")
    assert len(searches) == 0
    assert set(searches.columns) == set(SEARCH_COLUMNS)


def test_the_flag_chooses(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    KuaiSar.add_flags(parser.add_argument_group("kuaisar"))
    source = KuaiSar.from_arguments(parser.parse_args(["--input", str(raw)]))
    assert len(read_table(source, "searches")) == 3
    source = KuaiSar.from_arguments(parser.parse_args(["--input", str(raw), "--clickless", "drop"]))
    assert len(read_table(source, "searches")) == 2
    assert "(default: earliest)" in " ".join(parser.format_help().split())
    with pytest.raises(InputError, match=r"`--clickless` should be one of earliest, drop"):
        KuaiSar(raw, clickless="keep")


def instances(
    dataset: PreparedDataset, split: str
) -> list[tuple[str, list[str], list[tuple[str, str, str]], str]]:
    """User, recommended items, (words, source, clicks) of the searches, positive; ? is unknown."""
    names = {
        name: ["", "?", *dataset.vocabulary(name)]
        for name in ("users", "items", "words", "sources")
    }
    shape = dataset.history
    found = []
    for record in tf.data.TFRecordDataset(dataset.record_files(split)):
        feature = tf.train.Example.FromString(record.numpy()).features.feature
        values = {name: list(column.int64_list.value) for name, column in feature.items()}
        items = [names["items"][item] for item in values["clicked_items"]]
        words = [names["words"][word] for word in values["query_words"]]
        searches = [
            (
                " ".join(words[n * shape.query_words : (n + 1) * shape.query_words]).strip(),
                names["sources"][source],
                " ".join(items[n * shape.clicks : (n + 1) * shape.clicks]).strip(),
            )
            for n, source in enumerate(values["query_sources"])
        ]
        rec = [names["items"][item] for item in values["rec_items"]]
        user = names["users"][values["user"][0]]
        found.append((user, rec, searches, names["items"][values["candidates"][0]]))
    return sorted(found)


def test_prepared_instances_are_those_derived_by_hand(raw: Path, tmp_path: Path) -> None:
    options = PrepareOptions(time_unit=KuaiSar.time_unit, num_negatives=1)
    dataset = prepare(KuaiSar(raw), options, tmp_path / "prepared")
    # Each user's first click has none before it. Users 1 and 2 have three more each: train,
    # valid, test; user 3 has one. User 1's delivery at 1000 is a tie: 12, then 11, as in the file,
    # and the search at 3000 comes after the click at 3000. Training holds what precedes the
    # validation click: item 15 and the word 8 are not in it.
    first = ("20 34", "USER_INPUT", "13 11 99")
    other = ("7", "A_GUESS", "14")
    assert instances(dataset, "train") == [
        ("1", ["12"], [], "11"),
        ("2", ["11"], [other], "13"),
        ("3", ["31"], [], "32"),
    ]
    assert instances(dataset, "valid") == [
        ("1", ["12", "11"], [first], "13"),
        ("2", ["11", "13"], [other], "12"),
    ]
    assert instances(dataset, "test") == [
        ("1", ["12", "11", "13"], [first, ("?", "USER_INPUT", "12")], "14"),
        ("2", ["11", "13", "12"], [other], "?"),
    ]
    # Sizes as the data has them: three levels of the third feature would not hold a 7.
    assert dict(dataset.sizes.user_attributes)["onehot_feat1"] == 2


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kuaisar")
    write_kuaisar(directory, users=40, rows=6_000, seed=5)
    return directory


def test_generated_files_have_the_columns_and_rows_of_the_format(generated: Path) -> None:
    assert sorted(file.name for file in generated.iterdir()) == sorted(
        [*FILES, "social_network.csv"]
    )
    rows = 0
    for name, text in FILES.items():
        with (generated / name).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            content = list(reader)
        assert reader.fieldnames == text.splitlines()[0].split(",")
        rows += len(content) * name.endswith("_inter.csv")
        for list_column in {"keyword", "caption"} & set(reader.fieldnames or ()):
            assert all(isinstance(ast.literal_eval(row[list_column]), list) for row in content)
    assert rows == 6_000


def test_equal_seeds_generate_equal_files(generated: Path, tmp_path: Path) -> None:
    write_kuaisar(tmp_path / "same", users=40, rows=6_000, seed=5)
    write_kuaisar(tmp_path / "other", users=40, rows=6_000, seed=6)
    for name in FILES:
        text = (generated / name).read_bytes()
        assert (tmp_path / "same" / name).read_bytes() == text
        assert (tmp_path / "other" / name).read_bytes() != text


def test_a_generated_set_has_the_oddities_and_prepares(generated: Path, tmp_path: Path) -> None:
    shown = pd.read_csv(generated / "src_inter.csv")
    key = shown["search_session_id"]
    runs = int((key != key.shift()).sum())
    source = KuaiSar(generated)
    searches = read_table(source, "searches")
    assert runs > len(searches) == key.nunique()
    interactions = read_table(source, "interactions")
    clicked = pd.read_csv(generated / "rec_inter.csv")["click"] == 1
    assert interactions.index.tolist() == np.flatnonzero(clicked).tolist()
    assert interactions["timestamp"].duplicated().mean() > 0.3
    assert all(read_rejected(source, table) == [] for table in source.tables)
    assert read_left_out(source, "searches") == {JOINED: len(shown) - len(searches)}
    assert read_left_out(source, "interactions") == {"click is 0": int((~clicked).sum())}
    clickless = (shown.groupby("search_session_id")["click_cnt"].sum() == 0).sum()
    dropped = read_table(KuaiSar(generated, clickless="drop"), "searches")
    assert len(dropped) == len(searches) - clickless
    assert 0.3 < clickless / len(searches) < 0.5
    options = PrepareOptions(time_unit="ms", num_negatives=9)
    dataset = prepare(source, options, tmp_path / "prepared")
    assert dataset.instances("test") > 0
    assert set(dict(dataset.sizes.item_attributes)) >= {"author_id", "category_1", "category_4"}


@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 99),
    clickless=st.sampled_from(CLICKLESS),
    bad=st.lists(st.integers(1, 90), max_size=8, unique=True),
    rows=st.integers(3, 60),
    block=st.integers(300, 5_000),
)
def test_every_row_of_the_logs_counts_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    clickless: str,
    bad: list[int],
    rows: int,
    block: int,
) -> None:
    monkeypatch.setattr("tests.pipelines.sources.kuaisar_files.SCATTERED_SHARE", 0.5)
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", rows)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block)
    write_kuaisar(tmp_path, users=5, rows=200, seed=seed)
    files = {"interactions": "rec_inter.csv", "searches": "src_inter.csv"}
    read = {table: spoil(tmp_path / name, bad) for table, name in files.items()}
    source = KuaiSar(tmp_path, clickless)
    for table, (lines, spoilt) in read.items():
        assert count_rows(source, table) == lines
        assert len(read_rejected(source, table)) == spoilt


def spoil(file: Path, places: list[int]) -> tuple[int, int]:
    """Cuts lines short, each in another way; data rows in the file, and how many are bad."""
    lines = file.read_bytes().splitlines()
    places = [place for place in places if place < len(lines)]
    kinds = (b"1,2", b"\xff", b",".join([b"?"] * (lines[0].count(b",") + 1)), b'1,"2')
    for number, place in enumerate(places):
        lines[place] = kinds[number % len(kinds)]
    # Lines without a character are no rows.
    file.write_bytes(b"\n".join([*lines, b"", b""]))
    return len(lines) - 1, len(places)


def test_generated_sets_are_written_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.pipelines.sources.kuaisar_files.BLOCK_ROWS", 100)
    write_kuaisar(tmp_path, users=10, rows=1_000, seed=1)
    feed = pd.read_csv(tmp_path / "rec_inter.csv")
    assert len(feed) == 740
    assert feed["timestamp"].is_monotonic_increasing
    sessions = pd.read_csv(tmp_path / "src_inter.csv")["search_session_id"].nunique()
    assert len(read_table(KuaiSar(tmp_path), "searches")) == sessions
