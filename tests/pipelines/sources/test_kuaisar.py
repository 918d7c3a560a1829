from __future__ import annotations

import argparse
import ast
import csv
from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources import csv_file
from pipelines.sources.kuaisar import KuaiSar
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.search_origins import TYPED_SOURCES
from sesrec_tf.errors import InputError
from tests.pipelines.sources.kuaisar_files import write_kuaisar

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


def tuples(frame: pd.DataFrame | None) -> list[tuple[object, ...]]:
    assert frame is not None
    return list(frame.itertuples(index=False, name=None))


def test_clicks_of_the_feed_are_the_interactions_in_file_order(raw: Path) -> None:
    interactions = KuaiSar(raw).read().interactions
    assert tuples(interactions) == [
        ("1", "12", 1000),
        ("1", "11", 1000),
        ("2", "11", 1500),
        ("2", "13", 2500),
        ("1", "13", 3000),
        ("3", "31", 100),
        ("3", "32", 200),
        ("2", "12", 3500),
        ("2", "15", 4500),
        ("1", "14", 5000),
    ]


def test_rows_of_one_session_become_one_search(raw: Path) -> None:
    searches = KuaiSar(raw).read().searches
    assert [*searches.columns] == [
        "user_id",
        "session_id",
        "query",
        "source",
        "clicked_item_ids",
        "timestamp",
    ]
    assert tuples(searches) == [
        # 15 is only shown, 13 is shown and clicked twice, 99 comes after another session.
        ("1", "5", "20 34", "USER_INPUT", "13 11 99", 2000),
        ("1", "5#2", "8", "USER_INPUT", "12", 3000),
        # No click: the earliest shown.
        ("2", "5", "7", "A_GUESS", "14", 2000),
    ]
    assert set(searches["source"]) & set(TYPED_SOURCES) == {"USER_INPUT"}


def test_sessions_without_a_click_can_be_dropped(raw: Path) -> None:
    searches = KuaiSar(raw, clickless="drop").read().searches
    assert searches["session_id"].tolist() == ["5", "5#2"]
    assert searches["clicked_item_ids"].tolist() == ["13 11 99", "12"]


def test_padding_of_attributes_is_unknown(raw: Path) -> None:
    items = KuaiSar(raw).read().items
    assert items is not None
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
    assert tuples(items) == [
        ("11", "10", "NORMAL", "LongImport", "9", "136", "", ""),
        ("103656000000", "", "NORMAL", "UNKNOWN", "", "", "", ""),
    ]


def test_zero_is_a_level_of_activity(raw: Path) -> None:
    users = KuaiSar(raw).read().users
    assert users is not None
    assert tuples(users) == [("1", "0", "4", "7", "2"), ("2", "1", "0", "0", "0")]


def test_columns_stand_in_any_order_and_files_may_be_gzipped(raw: Path) -> None:
    whole = KuaiSar(raw).read()
    for name in FILES:
        frame = pd.read_csv(raw / name, dtype=str, keep_default_na=False)
        (raw / name).unlink()
        frame[frame.columns[::-1]].to_csv(raw / f"{name}.gz", index=False)
    again = KuaiSar(raw).read()
    pd.testing.assert_frame_equal(again.interactions, whole.interactions)
    pd.testing.assert_frame_equal(again.searches, whole.searches)
    pd.testing.assert_frame_equal(again.items[whole.items.columns], whole.items)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_chunks_do_not_cut_sessions(raw: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    whole = KuaiSar(raw).read()
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", rows)
    again = KuaiSar(raw).read()
    pd.testing.assert_frame_equal(again.interactions, whole.interactions)
    pd.testing.assert_frame_equal(again.searches, whole.searches)


def reference_sessions(shown: list[tuple[int, int, int, int, int]]) -> list[tuple[str, str, str]]:
    """User, session id and clicked items by a loop over the rows; word stands for the query."""
    sessions: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    for user, session, word, item, clicks in shown:
        sessions.setdefault((user, session, word), []).append((item, clicks))
    numbers: dict[tuple[int, int], int] = {}
    result = []
    for (user, session, _), rows in sessions.items():
        number = numbers[user, session] = numbers.get((user, session), 0) + 1
        clicked = [item for item, clicks in rows if clicks] or [rows[0][0]]
        name = str(session) if number == 1 else f"{session}#{number}"
        result.append((str(user), name, " ".join(map(str, dict.fromkeys(clicked)))))
    return result


SHOWN = st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(0, 2)
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(shown=st.lists(SHOWN, min_size=1, max_size=25), rows=st.integers(1, 30))
def test_sessions_are_those_of_a_plain_loop(
    raw: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: list[tuple[int, int, int, int, int]],
    rows: int,
) -> None:
    lines = [SEARCHES.splitlines()[0]]
    for user, session, word, item, clicks in shown:
        lines.append(f"{user},{session},now,{session},[{word}],S,{item},{clicks},VIDEO")
    (raw / "src_inter.csv").write_text("\n".join(lines))
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", rows)
    searches = pd.concat(KuaiSar(raw).searches())
    found = tuples(searches[["user_id", "session_id", "clicked_item_ids"]])
    # Sessions that share an id stand together in the table, wherever their rows stand.
    assert sorted(found) == sorted(reference_sessions(shown))
    first_of_id = [row for row in found if "#" not in str(row[1])]
    assert first_of_id == [row for row in reference_sessions(shown) if "#" not in row[1]]


def test_errors_name_file_and_line(raw: Path) -> None:
    file = raw / "src_inter.csv"
    replace_in(file, "[7],A_GUESS,15", '"[7, exit()]",A_GUESS,15')
    with pytest.raises(InputError, match=r"src_inter\.csv, line 7: keyword is not a list of"):
        KuaiSar(raw).read()
    replace_in(file, '"[7, exit()]"', "[7]")
    replace_in(file, "15,0,VIDEO\n1,5", "15,often,VIDEO\n1,5")
    with pytest.raises(InputError, match=r"src_inter\.csv, line 2: click_cnt is not an integer"):
        KuaiSar(raw).read()
    replace_in(raw / "rec_inter.csv", "3000.0", "3000.5")
    with pytest.raises(InputError, match=r"rec_inter\.csv, line 7: timestamp is not an integer"):
        KuaiSar(raw).read()


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


def test_a_log_without_rows_is_refused(raw: Path) -> None:
    (raw / "src_inter.csv").write_text(SEARCHES.splitlines()[0] + "\n")
    with pytest.raises(InputError, match="searches: no rows"):
        KuaiSar(raw).read()


def test_the_flag_chooses(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    KuaiSar.add_flags(parser.add_argument_group("kuaisar"))
    source = KuaiSar.from_arguments(parser.parse_args(["--input", str(raw)]))
    assert len(source.read().searches) == 3
    source = KuaiSar.from_arguments(parser.parse_args(["--input", str(raw), "--clickless", "drop"]))
    assert len(source.read().searches) == 2
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
    dataset = prepare(KuaiSar(raw).read(), options, tmp_path / "prepared")
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
    tables = KuaiSar(generated).read()
    assert runs > len(tables.searches) == key.nunique()
    assert (
        len(tables.interactions) == (pd.read_csv(generated / "rec_inter.csv")["click"] == 1).sum()
    )
    assert tables.interactions["timestamp"].duplicated().mean() > 0.3
    clickless = (shown.groupby("search_session_id")["click_cnt"].sum() == 0).sum()
    dropped = KuaiSar(generated, clickless="drop").read().searches
    assert len(dropped) == len(tables.searches) - clickless
    assert 0.3 < clickless / len(tables.searches) < 0.5
    options = PrepareOptions(time_unit="ms", num_negatives=9)
    dataset = prepare(tables, options, tmp_path / "prepared")
    assert dataset.instances("test") > 0
    assert set(dict(dataset.sizes.item_attributes)) >= {"author_id", "category_1", "category_4"}


def test_generated_sets_are_written_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.pipelines.sources.kuaisar_files.BLOCK_ROWS", 100)
    write_kuaisar(tmp_path, users=10, rows=1_000, seed=1)
    feed = pd.read_csv(tmp_path / "rec_inter.csv")
    assert len(feed) == 740
    assert feed["timestamp"].is_monotonic_increasing
    tables = KuaiSar(tmp_path).read()
    assert (
        len(tables.searches)
        == pd.read_csv(tmp_path / "src_inter.csv")["search_session_id"].nunique()
    )
