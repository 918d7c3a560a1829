from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from sesrec_tf.data.log_files import LogFiles
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN, SPLITS, UNKNOWN, record_widths

OPTIONS = PrepareOptions(num_negatives=5, min_count=2, seed=3)


def generated_logs(seed: int = 0) -> LogTables:
    """Thirty users, forty items, some of them met late or only clicked."""
    random = np.random.default_rng(seed)
    size = 400
    interactions = pd.DataFrame(
        {
            "user_id": random.integers(0, 30, size),
            "item_id": [f"i{item}" for item in np.sqrt(random.integers(0, 1600, size)).astype(int)],
            "timestamp": random.integers(0, 99, size),
        }
    )
    clicks = [
        [f"i{item}" for item in random.integers(0, 42, n)] for n in random.integers(0, 4, 200)
    ]
    searches = pd.DataFrame(
        {
            "user_id": random.integers(0, 30, 200),
            "session_id": np.arange(200),
            "query": [f"word{a} word{b}" for a, b in random.integers(0, 9, (200, 2))],
            "source": random.choice(["", "typed"], 200),
            "clicked_item_ids": [" ".join(row) for row in clicks],
            "timestamp": random.integers(0, 99, 200),
        }
    )
    items = pd.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(40)],
            "category": [f"A{item % 3} > B{item % 5}" for item in range(40)],
        }
    )
    users = pd.DataFrame({"user_id": range(20), "age": random.integers(0, 4, 20)})
    return LogTables(interactions, searches, items, users)


def one_user_logs() -> LogTables:
    """Three instances of u; v searches only, and alone clicks x, y and z."""
    interactions = pd.DataFrame({"user_id": "u", "item_id": [*"abcd"], "timestamp": range(4)})
    searches = pd.DataFrame(
        {
            "user_id": "v",
            "session_id": [*"123"],
            "query": "q",
            "source": "",
            "clicked_item_ids": [*"xyz"],
            "timestamp": 0,
        }
    )
    return LogTables(interactions, searches)


@pytest.fixture(scope="module")
def logs() -> LogTables:
    return generated_logs()


@pytest.fixture(scope="module")
def dataset(logs: LogTables, tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(logs, OPTIONS, tmp_path_factory.mktemp("prepared") / "data")


def records(dataset: PreparedDataset, split: str) -> list[dict[str, list[int]]]:
    result = []
    for record in tf.data.TFRecordDataset(dataset.record_files(split)):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        result.append({name: list(value.int64_list.value) for name, value in features.items()})
    return result


def test_every_split_holds_the_records_it_says(dataset: PreparedDataset) -> None:
    for split in SPLITS:
        assert len(records(dataset, split)) == dataset.instances(split) > 0


def test_records_are_as_wide_as_the_schema_says(dataset: PreparedDataset) -> None:
    text = (dataset.path / "schema.pbtxt").read_text()
    schema = text_format.Parse(text, schema_pb2.Schema())
    bounds = {feature.name: feature.value_count for feature in schema.feature}
    lengths = {"rec_items": "rec", "rec_times": "rec"}
    for record in records(dataset, "test"):
        assert set(record) == set(record_widths(dataset.history))
        events = {
            "rec": min(record["earlier_interactions"][0], 15),
            "search": min(record["earlier_searches"][0], 15),
        }
        for name, width in record_widths(dataset.history).items():
            if width is None:
                assert len(record[name]) == 1
            elif name != "candidates":
                assert len(record[name]) == width * events[lengths.get(name, "search")]
                assert len(record[name]) <= bounds[name].max
        assert len(record["candidates"]) == 6


def test_indices_lead_back_to_the_logs(dataset: PreparedDataset, logs: LogTables) -> None:
    items = ["", None, *dataset.vocabulary("items")]
    users = ["", None, *dataset.vocabulary("users")]
    for split in SPLITS:
        for record in records(dataset, split):
            row = logs.interactions.iloc[record["instance"][0]]
            assert users[record["user"][0]] == str(row["user_id"])
            assert items[record["candidates"][0]] in (row["item_id"], None)


def test_frozen_candidates_are_no_items_of_the_user(
    dataset: PreparedDataset, logs: LogTables
) -> None:
    met: dict[str, set[str]] = {}
    for user, item in zip(logs.interactions["user_id"], logs.interactions["item_id"], strict=True):
        met.setdefault(str(user), set()).add(item)
    for user, clicks in zip(
        logs.searches["user_id"], logs.searches["clicked_item_ids"], strict=True
    ):
        met.setdefault(str(user), set()).update(clicks.split())
    items, users = dataset.vocabulary("items"), dataset.vocabulary("users")
    for split in ("valid", "test"):
        for record in records(dataset, split):
            negatives = [items[index - FIRST_KNOWN] for index in record["candidates"][1:]]
            assert len(set(negatives)) == 5
            assert not met[users[record["user"][0] - FIRST_KNOWN]] & set(negatives)


def test_tables_agree_with_the_vocabularies(dataset: PreparedDataset, logs: LogTables) -> None:
    sizes = dataset.sizes
    for name in ("users", "items", "queries", "words", "sources"):
        assert len(dataset.vocabulary(name)) == getattr(sizes, name)
    assert dict(sizes.item_attributes).keys() == {"category_1", "category_2"}
    for name, size in sizes.item_attributes:
        assert len(dataset.vocabulary(f"item_{name}")) == size
    assert dataset.item_attributes.shape == (sizes.items + 2, 2)
    assert dataset.user_attributes.shape == (sizes.users + 2, 1)
    assert dataset.item_attributes[:2].tolist() == [[0, 0], [1, 1]]
    feed, searches = dataset.table("interactions"), dataset.table("searches")
    training = feed[feed["training"]]
    counts = training["item"].value_counts()
    assert dataset.item_counts[2:].sum() == (training["item"] >= FIRST_KNOWN).sum()
    assert all(dataset.item_counts[item] == n for item, n in counts.items() if item >= 2)
    query, words, count = dataset.query_table
    assert count.sum() == searches["training"].sum()
    assert words.shape == (len(query), dataset.history.query_words)
    assert len(feed) == len(logs.interactions)
    assert len(searches) == len(logs.searches)
    first = feed.iloc[0]
    assert str(logs.interactions["user_id"][first["row"]]) == first["user_id"]


def test_information_adds_up(dataset: PreparedDataset, logs: LogTables) -> None:
    info = dataset.info
    feed = dataset.table("interactions")
    clicked = " ".join(logs.searches["clicked_item_ids"]).split()
    assert info["counts"] == {
        "users": len({*logs.interactions["user_id"]} | {*logs.searches["user_id"]}),
        "items": len({*logs.interactions["item_id"]} | {*clicked}),
        "queries": logs.searches["query"].nunique(),
        "search_actions": 200,
        "recommendation_actions": 400,
    }
    for split in SPLITS:
        rows = feed[feed["split"] == split]
        assert info["instances"][split] == len(rows)
        if split != "train":
            assert info["unknown_positives"][split] == (rows["item"] == UNKNOWN).sum()
    assert info["time_unit"] == "s"
    assert info["ticks_per_second"] == 1
    assert info["split"]["rule"] == "leave-last-out"
    assert info["split"]["min_instances"] == 3
    assert info["negatives"]["number"] == 5


def test_training_instances_of_unknown_items_are_left_out(
    dataset: PreparedDataset, logs: LogTables, tmp_path: Path
) -> None:
    """They remain events: what is counted and what is in the histories does not change."""
    options = PrepareOptions(**{**vars(OPTIONS), "min_count": 14, "num_negatives": 3})
    rare = prepare(logs, options, tmp_path / "data")
    feed, searches = rare.table("interactions"), rare.table("searches")
    written, left_out = rare.info["instances"]["train"], rare.info["unknown_positives"]["train"]
    assert left_out > 50
    positives = [record["candidates"][0] for record in records(rare, "train")]
    assert len(positives) == written
    assert UNKNOWN not in positives
    # Every interaction but a user's first is an instance.
    instances = feed["earlier_interactions"] > 0
    unwritten = feed[instances & (feed["split"] == "")]
    assert (unwritten["item"] == UNKNOWN).all()
    assert unwritten["training"].all()
    assert len(unwritten) == left_out
    before = dataset.info["instances"]["train"] + dataset.info["unknown_positives"]["train"]
    assert written + left_out == before
    # The rule that gives users to valid and test counts what is left out.
    for split in ("valid", "test"):
        assert rare.instances(split) == dataset.instances(split)
    assert rare.info["unknown_positives"]["test"] > 0
    assert UNKNOWN in [record["candidates"][0] for record in records(rare, "test")]
    assert rare.info["training"] == dataset.info["training"]
    assert searches["training"].sum() == rare.info["training"]["search_actions"]
    for record in records(rare, "train"):
        assert len(record["rec_items"]) == min(record["earlier_interactions"][0], 15)
    assert any(UNKNOWN in record["rec_items"] for record in records(rare, "train"))


def test_only_rare_items_are_explained(logs: LogTables, tmp_path: Path) -> None:
    options = PrepareOptions(min_count=500, num_negatives=1)
    with pytest.raises(
        InputError, match=r"no training instances.*rarer than `--min-count`.*`--min-count 500`"
    ):
        prepare(logs, options, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_hashes_depend_on_the_content_alone(
    dataset: PreparedDataset, logs: LogTables, tmp_path: Path
) -> None:
    cut = prepare(logs, PrepareOptions(**{**vars(OPTIONS), "shards": 3}), tmp_path / "elsewhere")
    assert len(cut.record_files("train")) == 3
    assert cut.info == dataset.info
    assert records(cut, "train") == records(dataset, "train")
    seeded = prepare(logs, PrepareOptions(**{**vars(OPTIONS), "seed": 4}), tmp_path / "seeded")
    assert seeded.info["negatives"]["hash"] != dataset.info["negatives"]["hash"]
    assert seeded.info["content_hash"] != dataset.info["content_hash"]


def test_more_shards_than_instances_are_allowed(tmp_path: Path) -> None:
    dataset = prepare(one_user_logs(), PrepareOptions(num_negatives=2, shards=4), tmp_path / "data")
    assert [len(dataset.record_files(split)) for split in SPLITS] == [4, 4, 4]
    assert [len(records(dataset, split)) for split in SPLITS] == [1, 1, 1]


def test_popularity_draws_nothing_that_was_only_clicked(tmp_path: Path) -> None:
    options = PrepareOptions(num_negatives=1, negatives="popularity")
    with pytest.raises(InputError, match="the vocabulary has 5 items, 2 of them drawable"):
        prepare(one_user_logs(), options, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_time_split(logs: LogTables, tmp_path: Path) -> None:
    options = PrepareOptions(split="time", valid_from=60, test_from=80, num_negatives=3)
    dataset = prepare(logs, options, tmp_path / "data")
    feed = dataset.table("interactions")
    assert (feed["training"] == (feed["timestamp"] < 60)).all()
    assert feed[feed["split"] == "test"]["timestamp"].min() >= 80
    assert dataset.info["split"] == {
        "rule": "time",
        "min_earlier_interactions": 1,
        "min_earlier_searches": 0,
        "valid_from": 60,
        "test_from": 80,
    }


def test_no_instances_are_explained_and_leave_nothing(logs: LogTables, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no ranking instances for train, valid, test.*400 earlier"
    ):
        prepare(logs, PrepareOptions(min_earlier_searches=400), tmp_path / "data")
    with pytest.raises(InputError, match=r"for valid, test.*lower `--min-instances` \(now 99\)"):
        prepare(logs, PrepareOptions(min_instances=99), tmp_path / "data")
    with pytest.raises(InputError, match=r"for test.*move `--valid-from` and `--test-from`"):
        prepare(logs, PrepareOptions(split="time", valid_from=50, test_from=99), tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept(logs: LogTables, tmp_path: Path) -> None:
    output = tmp_path / "data"
    first = prepare(logs, OPTIONS, output).info
    with pytest.raises(InputError, match="exists already"):
        prepare(logs, PrepareOptions(num_negatives=4), output)
    assert json.loads((output / "dataset_info.json").read_text()) == first
    again = prepare(logs, PrepareOptions(num_negatives=4, overwrite=True), output)
    assert again.info["negatives"]["number"] == 4


def test_progress_is_reported_in_order(logs: LogTables, tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    prepare(logs, OPTIONS, tmp_path / "data", lambda *state: seen.append(state))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    stages = list(dict.fromkeys(stage.split(":")[0] for stage, _ in seen))
    assert stages == [
        *("reading the logs", "counting", "building vocabularies", "writing records"),
        "putting the parts together",
    ]


def logs_with_bad_rows() -> LogTables:
    """Six of the generated rows are spoilt, one in the attributes; a session stands again."""
    logs = generated_logs()
    feed, searches = logs.interactions.astype(str), logs.searches.astype(str)
    feed.loc[7, "item_id"] = ""
    feed.loc[300, "timestamp"] = "yesterday"
    feed.loc[301, "timestamp"] = str(2**64)
    searches.loc[20, "query"] = "  "
    searches.loc[21, "clicked_item_ids"] = "i1\ti2"
    # Whatever comes later: the first row of a session is the one that counts.
    again = searches.loc[[5]].assign(query="again", timestamp="0")
    items = pd.concat([logs.items, pd.DataFrame({"item_id": ["i3"], "category": ["Z"]})])
    return LogTables(feed, pd.concat([searches, again]), items, logs.users)


def test_rows_that_cannot_be_used_are_left_out_and_listed(tmp_path: Path) -> None:
    logs = logs_with_bad_rows()
    options = PrepareOptions(**{**vars(OPTIONS), "max_rejected": 0.1})
    dataset = prepare(logs, options, tmp_path / "data")
    assert dataset.info["rows"] == {
        "interactions": {
            "read": 400,
            "used": 397,
            "left_out": {},
            "rejected": {
                "item_id is empty": 1,
                "timestamp is not an integer": 1,
                "timestamp leaves the range of 64-bit integers": 1,
            },
        },
        "searches": {
            "read": 201,
            "used": 198,
            "left_out": {},
            "rejected": {
                "clicked_item_ids holds whitespace other than spaces": 1,
                "query has no words": 1,
                "session_id stands again": 1,
            },
        },
        "items": {"read": 41, "used": 40, "left_out": {}, "rejected": {"item_id stands again": 1}},
        "users": {"read": 20, "used": 20, "left_out": {}, "rejected": {}},
    }
    assert sorted(dataset.table("interactions")["row"]) == sorted({*range(400)} - {7, 300, 301})
    assert sorted(dataset.table("searches")["row"]) == sorted({*range(200)} - {20, 21})
    assert dataset.info["counts"]["recommendation_actions"] == 397
    listed = {
        path.name: pd.read_csv(path, dtype=str).to_dict("records")
        for path in (dataset.path / "rejected").iterdir()
    }
    assert sorted(listed) == ["interactions.csv", "items.csv", "searches.csv"]
    user = logs.interactions["user_id"][300]
    item = logs.interactions["item_id"][300]
    assert [row["line"] for row in listed["interactions.csv"]] == ["8", "301", "302"]
    assert listed["interactions.csv"][1] == {
        "file": "interactions",
        "line": "301",
        "reason": "timestamp is not an integer",
        "expected": "an integer of at most 64 bits (`--time-unit s`)",
        "row": json.dumps({"user_id": user, "item_id": item, "timestamp": "yesterday"}),
    }
    assert [row["line"] for row in listed["searches.csv"]] == ["21", "22", "201"]
    assert json.loads(listed["searches.csv"][2]["row"])["query"] == "again"
    assert [row["reason"] for row in listed["items.csv"]] == ["item_id stands again"]


def test_rows_left_out_are_as_rows_never_written(tmp_path: Path) -> None:
    logs = logs_with_bad_rows()
    clean = LogTables(
        logs.interactions.drop([7, 300, 301]),
        logs.searches.iloc[:-1].drop([20, 21]),
        logs.items.iloc[:-1],
        logs.users,
    )
    options = PrepareOptions(**{**vars(OPTIONS), "max_rejected": 0.1})
    found, expected = (
        prepare(tables, options, tmp_path / name)
        for tables, name in ((logs, "bad"), (clean, "clean"))
    )
    assert not (expected.path / "rejected").exists()
    assert found.info["rows"] != expected.info["rows"]
    for split in SPLITS:
        pairs = zip(records(found, split), records(expected, split), strict=True)
        for one, other in pairs:
            # Rows are numbered differently, and with them the negatives are drawn.
            for record in (one, other):
                del record["instance"], record["candidates"][1:]
            assert one == other


def test_too_many_rows_that_cannot_be_used_stop_it(tmp_path: Path) -> None:
    logs = logs_with_bad_rows()
    few = PrepareOptions(**{**vars(OPTIONS), "max_rejected": 3 / 400})
    with pytest.raises(InputError) as caught:
        prepare(logs, few, tmp_path / "data")
    # 3 of 400 interactions are allowed, and 1 of 201 searches is.
    assert str(caught.value).startswith(
        "searches: 2 of 201 rows cannot be used. Expected at most 0.75% (`--max-rejected 0.0075`)."
    )
    query, clicks = caught.value.details
    assert query.startswith("searches, line 21: query has no words. Expected words separated by")
    assert clicks.startswith("searches, line 22: clicked_item_ids holds whitespace other than")
    none = PrepareOptions(**{**vars(OPTIONS), "max_rejected": 0})
    with pytest.raises(InputError) as caught:
        prepare(logs, none, tmp_path / "data")
    assert caught.value.details == ()
    assert str(caught.value).startswith(
        "interactions: interactions, line 8: item_id is empty. Expected an id without whitespace. "
        'Received: {"user_id": '
    )
    assert str(caught.value).endswith("Mend or drop the row, or allow some with `--max-rejected`.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table", ["searches", "items"])
def test_ids_that_stand_again_are_rejected_rows(table: str, tmp_path: Path) -> None:
    """Each is seen only when the whole table, or all rows of a user, are together."""
    logs, bad = generated_logs(), logs_with_bad_rows()
    spoilt = LogTables(**{**vars(logs), table: getattr(bad, table).drop([20, 21])})
    none = PrepareOptions(**{**vars(OPTIONS), "max_rejected": 0})
    line, key = {"searches": (199, "session_id"), "items": (39, "item_id")}[table]
    with pytest.raises(InputError, match=rf"{table}, line {line}: {key} stands again.*Received"):
        prepare(spoilt, none, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_splits_and_negatives_may_be_given(tmp_path: Path) -> None:
    feed = pd.DataFrame(
        {
            "user_id": [*"uuuuvv"],
            "item_id": [*"abcdae"],
            "timestamp": [0, 1, 2, 3, 0, 1],
            "split": ["", "train", "valid", "test", "", "test"],
            "negative_item_ids": ["", "", "e a", "a x", "", "b a"],
        }
    )
    searches = one_user_logs().searches
    options = PrepareOptions(split="given", negatives="given", num_negatives=2, max_rejected=0)
    dataset = prepare(LogTables(feed, searches), options, tmp_path / "data")
    # Training rows come before a user's first evaluated one: a, b of u and a of v; clicks x, y, z.
    items = ["", None, *dataset.vocabulary("items")]
    assert items[2:] == [*"abxyz"]
    found = {
        record["instance"][0]: [items[index] for index in record["candidates"]]
        for split in SPLITS
        for record in records(dataset, split)
    }
    assert found == {
        1: ["b"],
        2: [None, None, "a"],
        3: [None, "a", "x"],
        5: [None, "b", "a"],
    }
    assert dataset.info["instances"] == {"train": 1, "valid": 1, "test": 2}
    assert dataset.info["unknown_negatives"] == {"train": 0, "valid": 1, "test": 0}
    assert dataset.info["unknown_positives"] == {"train": 0, "valid": 1, "test": 2}
    assert dataset.info["split"] == {"rule": "given"}
    assert dataset.info["negatives"]["distribution"] == "given"
    # As many as are said, where they are evaluated.
    three = PrepareOptions(split="given", negatives="given", num_negatives=3, max_rejected=0)
    with pytest.raises(InputError, match=r"line 3: negative_item_ids has another number of items"):
        prepare(LogTables(feed, searches), three, tmp_path / "three")
    with pytest.raises(InputError, match=r"`--split given` needs the column `split`"):
        prepare(one_user_logs(), PrepareOptions(split="given"), tmp_path / "none")


@pytest.mark.skipif("SESREC_TF_BEAUTY" not in os.environ, reason="SESREC_TF_BEAUTY is not set")
def test_beauty(tmp_path: Path) -> None:
    logs = Path(os.environ["SESREC_TF_BEAUTY"])
    reader = LogFiles.find(
        *(logs / f"{name}.csv.gz" for name in ("interactions", "searches", "items"))
    )
    options = PrepareOptions(time_unit="order", min_earlier_searches=1)
    info = prepare(reader, options, tmp_path / "beauty").info
    assert info["counts"] == {
        "users": 22_363,
        "items": 12_101,
        "queries": 250,
        "search_actions": 99_169,
        "recommendation_actions": 99_333,
    }
    assert info["instances"]["valid"] == 8_561
    assert info["instances"]["test"] == 8_561
    assert list(info["vocabularies"]["item_attributes"]) == [
        *(f"category_{level}" for level in (1, 2, 3, 4)),
        "brand",
    ]
