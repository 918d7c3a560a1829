from __future__ import annotations

import argparse
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.line_blocks import line_blocks
from pipelines.sources.sesrec_release import SesrecRelease
from sesrec_tf.data.log_chunk import CONTENT, PART_ROWS, ROW
from sesrec_tf.errors import InputError
from tests.pipelines.sources import sesrec_files
from tests.pipelines.sources.reading import every_rejection, every_row
from tests.pipelines.sources.sesrec_files import block, line, negatives, write_package


@pytest.fixture
def release(tmp_path):
    return SesrecRelease(write_package(tmp_path / "package"))


def test_interactions_are_the_histories_and_the_target_after_them(release):
    rows = every_row(release, "interactions")
    assert rows["user_id"].to_pylist() == ["A1"] * 5 + ["A2"] * 3
    assert rows["item_id"].to_pylist() == ["B1", "B2", "B3", "B4", "B5", "B4", "B1", "B2"]
    assert rows["split"].to_pylist() == ["", "", "train", "valid", "test", "", "train", ""]
    assert rows[ROW].to_pylist() == list(range(8))
    assert every_rejection(release, "interactions") == []


def test_candidates_are_the_negatives_of_the_block_in_their_order(release):
    given = every_row(release, "interactions")["negative_item_ids"].to_pylist()
    assert given == [[], [], [], negatives(), negatives(), [], [], []]


def test_positions_agree_with_the_prefix_lengths(release):
    # A1: B1 B2 s11 B3 B4 s12 s13 B5: 1 session before B3 and B4, 3 before B5, none known before
    # B2. A2: B4 s11 B1 B2.
    assert every_row(release, "interactions")["timestamp"].to_pylist() == [0, 1, 3, 4, 7, 0, 2, 3]
    assert every_row(release, "searches")["timestamp"].to_pylist() == [2, 5, 6, 1]


def test_searches_are_one_row_for_each_user_of_a_session(release):
    rows = every_row(release, "searches")
    assert rows["user_id"].to_pylist() == ["A1", "A1", "A1", "A2"]
    assert rows["session_id"].to_pylist() == ["11", "12", "13", "11"]
    # Word 7 has no name; 0 is padding.
    words = ["photo digital", "lens", "digital 7", "photo digital"]
    assert rows["query"].to_pylist() == words
    assert rows["source"].to_pylist() == ["0", "3", "0", "0"]
    assert rows["clicked_item_ids"].to_pylist() == [["B1"], ["B8"], ["B2", "B3"], ["B1"]]


def test_a_session_without_a_click_can_stay_so(tmp_path):
    release = SesrecRelease(write_package(tmp_path / "package"), clickless="none")
    clicks = every_row(release, "searches")["clicked_item_ids"].to_pylist()
    assert clicks == [["B1"], [], ["B2", "B3"], ["B1"]]


def test_words_are_numbers_without_their_names(tmp_path):
    release = SesrecRelease(write_package(tmp_path / "package", words=None))
    assert every_row(release, "searches")["query"].to_pylist() == ["1 2", "3", "2 7", "1 2"]


@pytest.mark.parametrize(
    "words",
    [
        {1: "photo", 2: "digital", 3: "two words"},
        {"photo": {"id": 1}, "digital": {"id": 2}, "two words": {"id": 3}},
    ],
)
def test_words_may_be_listed_otherwise(tmp_path, words):
    release = SesrecRelease(write_package(tmp_path / "package", words=words))
    # A word of two words would be another query.
    assert every_row(release, "searches")["query"].to_pylist()[:2] == ["photo digital", "3"]


def test_integer_ids_are_their_digits(tmp_path):
    users = {7: {"rec_his": [1, 2, 0], "src_his": ["0", "11", 0, "12"]}}
    train = [line(7, 2, 1, 2, 1)]
    release = SesrecRelease(
        write_package(tmp_path / "package", users=users, train=train, valid=[], test=[])
    )
    rows = every_row(release, "interactions")
    assert rows["item_id"].to_pylist() == ["1", "2"]
    # Sessions 0 are no events, but the first counts in the prefix: 1 0 11 2 0 12.
    assert rows["timestamp"].to_pylist() == [0, 3]
    searches = every_row(release, "searches")
    assert searches["session_id"].to_pylist() == ["11", "12"]
    assert searches["timestamp"].to_pylist() == [2, 5]


def test_a_session_that_stands_again_has_an_id_of_its_own(tmp_path):
    users = {"A1": {"rec_his": ["B1"], "src_his": ["11", "12", "11", "11"]}}
    release = SesrecRelease(
        write_package(tmp_path / "package", users=users, train=[], valid=[], test=[])
    )
    assert every_row(release, "searches")["session_id"].to_pylist() == ["11", "12", "11#2", "11#3"]


def test_attributes_of_items_and_users(tmp_path, release):
    assert release.parts("items") == release.parts("users") == 0
    users = {
        user: {**entry, "gender": 1, "age": None} for user, entry in sesrec_files.USERS.items()
    }
    items = {"B1": {"id": 1, "type1": "VIDEO", "cate": 3.0}, 0: {"id": 0}, "B2": {"id": 2}}
    full = SesrecRelease(write_package(tmp_path / "other", users=users, items=items))
    assert every_row(full, "items").to_pylist() == [
        {"row": 0, "item_id": "B1", "type1": "VIDEO", "cate": "3"},
        {"row": 2, "item_id": "B2", "type1": "", "cate": ""},
    ]
    assert every_row(full, "users").to_pylist() == [
        {"row": 0, "user_id": "A1", "gender": "1", "age": ""},
        {"row": 1, "user_id": "A2", "gender": "1", "age": ""},
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (line("A9", "B3", 2, 1, 1), "u_id is not in user_vocab.pickle"),
        (line("A1", "B3", 5, 1, 1), "rec_his goes beyond the user's interactions"),
        (line("A1", "B3", 2, 4, 1), "src_his goes beyond the user's searches"),
        (line("A1", "B4", 2, 1, 1), "i_id is not the interaction that follows the first rec_his"),
        (line("A1", "0", 4, 3, 1), "i_id is not the interaction that follows the first rec_his"),
        (line("A1", "B2", 1, 2, 1), None),
        (line("", "B3", 2, 1, 1), "u_id is empty"),
        (line("A1", "", 2, 1, 1), "i_id is empty"),
        ("A1\tB3\t2.5\t1\t1", "rec_his is not an integer"),
        ("A1\tB3\t2\t-1\t1", "src_his is not an integer"),
        (line("A1", "B3", 2, 1, 2), "label is neither 0 nor 1"),
        ("A1\tB3\t2\t1", "the line has another number of values than the first line"),
        (line("A1", "B3", 2, 1, 0), None),
    ],
)
def test_rows_that_are_no_instances_are_rejected(tmp_path, row, reason):
    release = SesrecRelease(write_package(tmp_path / "package", train=[row], valid=[], test=[]))
    wanted = [] if reason is None else [("train_inter.tsv", reason, 2)]
    assert every_rejection(release, "interactions") == wanted
    assert every_row(release, "interactions")["item_id"].to_pylist()[:4] == ["B1", "B2", "B3", "B4"]


def test_contradicting_rows_are_rejected_with_their_lines(tmp_path):
    train = [
        *sesrec_files.TRAIN,
        "",
        line("A1", "B3", 2, 1, 1),  # the place of line 2
        line("A1", "B2", 1, 3, 1),  # more searches before B2 than before B3, which so has fewer
    ]
    release = SesrecRelease(write_package(tmp_path / "package", train=train))
    assert every_rejection(release, "interactions") == [
        ("train_inter.tsv", "src_his is less than at an earlier place", 2),
        ("train_inter.tsv", "rec_his is that of an earlier row", 5),
        ("valid_inter.tsv", "src_his is less than at an earlier place", 2),
    ]
    splits = every_row(release, "interactions")["split"].to_pylist()
    assert splits == ["", "train", "", "", "test", "", "train", ""]


def test_a_test_target_after_the_history_is_appended_once(tmp_path):
    test = [*block("A1", "B5", 4, 3), *block("A1", "B6", 4, 2)]
    release = SesrecRelease(write_package(tmp_path / "package", test=test))
    assert every_rejection(release, "interactions") == [
        ("test_inter.tsv", "rec_his is that of an earlier row", 102)
    ]
    assert "B6" not in every_row(release, "interactions")["item_id"].to_pylist()


SIZE = "label: the rows of an instance are not 1 positive and 99 negatives"
APART = "i_id: a negative is the positive, or padding"


def changed(place: int, row: str) -> list[str]:
    rows = block("A1", "B5", 4, 3)
    rows[place] = row
    return rows


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (block("A1", "B5", 4, 3)[:-1], [(SIZE, 2)]),
        (changed(7, line("A1", "B60", 4, 3, 1)), [(SIZE, 2)]),
        (changed(0, line("A1", "B5", 4, 3, 0)), [(SIZE, 2)]),
        ([*block("A1", "B5", 4, 3), line("A1", "B60", 4, 3, 0)], [(SIZE, 2)]),
        # A row of another instance is alone, and parts those around it.
        (changed(7, line("A2", "B60", 4, 3, 0)), [(SIZE, 2), (SIZE, 9), (SIZE, 10)]),
        (changed(7, line("A1", "B60", 3, 3, 0)), [(SIZE, 2), (SIZE, 9), (SIZE, 10)]),
        (changed(99, line("A1", "B60", 4, 2, 0)), [(SIZE, 2), (SIZE, 101)]),
        (changed(7, line("A1", "B5", 4, 3, 0)), [(APART, 2)]),
        (changed(7, line("A1", "0", 4, 3, 0)), [(APART, 2)]),
        (changed(7, "A1\tB60\t4\tx\t0"), [(SIZE, 2), ("src_his is not an integer", 9)]),
        (changed(0, "A1\tB60\t4\tx\t0"), [("src_his is not an integer", 2), (SIZE, 3)]),
    ],
)
def test_a_run_of_rows_that_is_no_instance_is_one_rejected_row(tmp_path, rows, wanted):
    good = block("A2", "B2", 2, 1), block("A1", "B4", 3, 1)
    release = SesrecRelease(
        write_package(tmp_path / "package", valid=[], test=[*good[0], *rows, *good[1]])
    )
    found = [
        (reason, number - 100) for _, reason, number in every_rejection(release, "interactions")
    ]
    assert found == wanted
    assert every_row(release, "interactions")["split"].to_pylist().count("test") == 2
    assert accounted(release, "interactions") == 7 + 2 + len(rows) + 200


def test_a_missing_line_costs_its_own_instance_only(tmp_path):
    users = {f"A{n}": {"rec_his": ["B1"], "src_his": []} for n in range(30)}
    rows = [row for user in users for row in block(user, "B1", 0, 0)]
    del rows[349]
    release = SesrecRelease(
        write_package(tmp_path / "package", users=users, train=[], valid=[], test=rows)
    )
    assert every_rejection(release, "interactions") == [("test_inter.tsv", SIZE, 302)]
    assert every_row(release, "interactions")["split"].to_pylist().count("test") == 29
    (chunk,) = release.chunks("interactions", 3)
    assert chunk.rejected[CONTENT][0].as_py().endswith('"positives": 1, "negatives": 98}')
    assert chunk.left_out == {
        "instance of an event of the histories": 29,
        "negative of an instance": 29 * 99,
        "row of a rejected instance, beside its first": 98,
    }


def accounted(source: SesrecRelease, name: str) -> int:
    """Rows that are used, rejected or left out."""
    chunks = [c for part in range(source.parts(name)) for c in source.chunks(name, part)]
    assert all(count > 0 for chunk in chunks for count in chunk.left_out.values())
    return sum(len(c.rows) + len(c.rejected) + sum(c.left_out.values()) for c in chunks)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_every_row_is_used_rejected_or_left_out(tmp_path_factory, data):
    bad = [
        "",
        "A1",
        line("A9", "B1", 0, 0, 1),
        line("A1", "B1", 0, 0, 0),
        line("A1", "B2", 1, 9, 1),
    ]
    row = st.sampled_from([*bad, *sesrec_files.TRAIN, line("A1", "B5", 4, 3, 1)])
    blocks = [block("A1", "B5", 4, 3), block("A2", "B2", 2, 1), block("A1", "B2", 1, 0)]
    listed = {"train": data.draw(st.lists(row, max_size=6))}
    for split in ("valid", "test"):
        rows = [each for one in data.draw(st.permutations(blocks)) for each in one]
        for other in data.draw(st.lists(row, max_size=3)):
            place = data.draw(st.integers(0, len(rows) - 1))
            rows[place : place + 1] = data.draw(
                st.sampled_from([[], [other], [rows[place], other]])
            )
        listed[split] = rows
    padded = {"rec_his": ["B1", 0, "B2", 0, 0], "src_his": [0, "11", "99", 0]}
    users = {**sesrec_files.USERS, "A3": {k: list(map(str, v)) for k, v in padded.items()}}
    items = {**sesrec_files.ITEMS, 0: {"id": 0, "cate": 1}}
    directory = tmp_path_factory.mktemp("sums") / "package"
    release = SesrecRelease(write_package(directory, users=users, items=items, **listed))
    lines = sum(each != "" for rows in listed.values() for each in rows)
    assert accounted(release, "interactions") == 4 + 3 + 5 + lines
    assert accounted(release, "searches") == 3 + 1 + 4
    assert accounted(release, "items") == 151


def test_lines_in_another_encoding_are_rejected(tmp_path):
    directory = write_package(tmp_path / "package")
    path = directory / "dataset" / "train_inter.tsv"
    path.write_bytes(path.read_bytes() + b"A1\tB\xe9\t1\t0\t1\r\nA2\tB2\t2.0\t1\t1.0\r\n")
    release = SesrecRelease(directory)
    assert every_rejection(release, "interactions") == [
        ("train_inter.tsv", "the line is not text", 4)
    ]
    splits = every_row(release, "interactions")["split"].to_pylist()
    assert splits == ["", "", "train", "valid", "test", "", "train", "train"]


def test_columns_may_stand_in_any_order(tmp_path):
    header = "\tlabel\tsrc_his\trec_his\ti_id\tu_id\tts"
    train = ["0\t1\t1\t2\tB3\tA1\t99"]
    directory = write_package(tmp_path / "package", train=train, valid=[], test=[], header=header)
    assert "train" in every_row(SesrecRelease(directory), "interactions")["split"].to_pylist()


def test_a_session_that_is_not_known_is_rejected(tmp_path):
    sessions = {**sesrec_files.SESSIONS, "12": {"keyword_seg": "photo"}}
    del sessions["13"]
    release = SesrecRelease(write_package(tmp_path / "package", sessions=sessions))
    reason = "src_his names a session that s_session_vocab.pickle lacks or has damaged"
    assert every_rejection(release, "searches") == [
        ("user_vocab.pickle", reason, 2),
        ("user_vocab.pickle", reason, 3),
    ]
    (chunk,) = release.chunks("searches")
    assert chunk.rejected[CONTENT][0].as_py() == '{"user_id": "A1", "session_id": "12"}'
    assert every_row(release, "searches")["session_id"].to_pylist() == ["11", "11"]


def test_the_parts_of_the_interactions_number_their_rows_apart(release):
    assert release.parts("interactions") == 4
    files, numbers = release.lines("interactions", np.asarray([0, PART_ROWS, 3 * PART_ROWS + 5]))
    names = [file.rpartition("/")[2] for file in files]
    assert names == ["user_vocab.pickle", "train_inter.tsv", "test_inter.tsv"]
    assert numbers.tolist() == [1, 2, 7]


def test_the_size_of_blocks_and_chunks_does_not_matter(tmp_path, monkeypatch):
    test = [*block("A1", "B5", 4, 3), "A2", "", *block("A2", "B2", 2, 1)[1:]]
    directory = write_package(tmp_path / "package", test=test)
    whole = SesrecRelease(directory)
    tables = [every_row(whole, name) for name in ("interactions", "searches")]
    wrong = every_rejection(whole, "interactions")
    assert len(wrong) == 2
    small_blocks = partial(line_blocks, block_bytes=300)
    monkeypatch.setattr("pipelines.sources.sesrec_tsv.line_blocks", small_blocks)
    monkeypatch.setattr("pipelines.sources.released_events.CHUNK_ROWS", 3)
    monkeypatch.setattr("pipelines.sources.release_searches.CHUNK_ROWS", 3)
    small = SesrecRelease(directory)
    assert len(list(small.chunks("interactions"))) == 3
    assert [every_row(small, name) for name in ("interactions", "searches")] == tables
    assert every_rejection(small, "interactions") == wrong


def test_what_was_read_stays_behind(release):
    every_row(release, "interactions")
    again = pickle.loads(pickle.dumps(release))
    assert again == release
    assert vars(again) == {"directory": release.directory, "clickless": "relevant"}
    assert every_row(again, "searches") == every_row(release, "searches")


def test_a_package_of_no_events(tmp_path):
    release = SesrecRelease(
        write_package(tmp_path / "package", users={}, train=[], valid=[], test=[])
    )
    assert len(every_row(release, "interactions")) == len(every_row(release, "searches")) == 0


@pytest.mark.parametrize(
    "users",
    [
        {"A1": {"rec_his": ["B1"]}},
        {"A1": ["B1"]},
        {"A1": {"rec_his": [None], "src_his": []}},
        {"A1": {"rec_his": [1.5], "src_his": []}},
        {"1": {"rec_his": [], "src_his": []}, 1: {"rec_his": [], "src_his": []}},
    ],
)
def test_histories_of_another_form_are_refused(tmp_path, users):
    release = SesrecRelease(write_package(tmp_path / "package", users=users))
    with pytest.raises(InputError, match=r"user_vocab\.pickle"):
        list(release.chunks("interactions"))


def test_a_missing_column_is_named(tmp_path):
    release = SesrecRelease(
        write_package(tmp_path / "package", header="u_id\ti_id\trec_his\tlabel")
    )
    with pytest.raises(InputError, match=r"train_inter\.tsv, line 1: missing column src_his"):
        list(release.chunks("interactions"))


def test_missing_files_are_named(tmp_path):
    directory = write_package(tmp_path / "package")
    (directory / "vocab" / "item_vocab.pickle").unlink()
    with pytest.raises(InputError, match=r"lacks vocab/item_vocab\.pickle"):
        SesrecRelease(directory)


def test_flags(tmp_path):
    directory = write_package(tmp_path / "package")
    parser = argparse.ArgumentParser()
    SesrecRelease.add_flags(parser.add_argument_group("source"))
    arguments = parser.parse_args(["--input", str(directory), "--clickless", "none"])
    assert SesrecRelease.from_arguments(arguments) == SesrecRelease(directory, "none")
    with pytest.raises(InputError, match="clickless"):
        SesrecRelease(directory, "first")
