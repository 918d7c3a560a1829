from __future__ import annotations

import csv
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data import rejected_rows
from sesrec_tf.data.local_driver import LocalDriver
from sesrec_tf.data.log_chunk import REJECTED, rejection
from sesrec_tf.data.log_files import LogFiles
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.rejected_rows import TableRows, require_few, write_rejected
from sesrec_tf.errors import InputError
from tests.data.log_rows import interactions, searches, shop_logs

LOGS = LogTables(interactions(("u", "a", 0)), searches(("u", "1", "q", "", "", 0)))


def rejected(rows: range, reason: str = "user_id is empty") -> pa.Table:
    return rejection(np.array(rows), reason, "an id", [f"row {row}" for row in rows])


def test_counts() -> None:
    found = pa.concat_tables([rejected(range(2), "b"), rejected(range(2, 3), "a")])
    assert TableRows(12, found, {"c": 2}).counts() == {
        "read": 12,
        "used": 7,
        "left_out": {"c": 2},
        "rejected": {"a": 1, "b": 2},
    }
    nothing = {"left_out": {}, "rejected": {}}
    assert TableRows(4).counts() == {"read": 4, "used": 4, **nothing}


@pytest.mark.parametrize(
    ("read", "limit", "share"),
    [
        (100, 1, 0.01),
        (199, 1, 0.01),
        (200, 2, 0.01),
        (99, 0, 0.01),
        # Binary fractions put 0.29 x 100 below 29, and 0.07 x 100 above 7.
        (100, 29, 0.29),
        (100, 7, 0.07),
        (1_000_000, 10, 1e-05),
        (3, 3, 1.0),
        (3, 3, 1),
        (5, 0, 0.0),
    ],
)
def test_the_limit_itself_is_allowed(read: int, limit: int, share: float) -> None:
    require_few(LOGS, "interactions", TableRows(read, rejected(range(limit))), share)
    if limit < read:
        with pytest.raises(InputError):
            require_few(LOGS, "interactions", TableRows(read, rejected(range(limit + 1))), share)


def test_too_many_rows() -> None:
    # Wherever they were found, the first ten by number are shown.
    found = pa.concat_tables([rejected(range(20, 26)), rejected(range(4, 12), "item_id is empty")])
    with pytest.raises(InputError) as caught:
        require_few(LOGS, "interactions", TableRows(1200, found), 0.0025)
    assert str(caught.value) == (
        "interactions: 14 of 1,200 rows cannot be used. Expected at most 0.25% (`--max-rejected "
        "0.0025`). Mend the table or choose the right flags, or allow more. The first 10:"
    )
    assert caught.value.details == (
        *(
            f"interactions, line {row + 1}: item_id is empty. Expected an id. Received: row {row}"
            for row in range(4, 12)
        ),
        "interactions, line 21: user_id is empty. Expected an id. Received: row 20",
        "interactions, line 22: user_id is empty. Expected an id. Received: row 21",
    )


def test_where_none_is_allowed_one_line_says_it_all() -> None:
    for complete in (True, False):
        with pytest.raises(InputError) as caught:
            require_few(LOGS, "searches", TableRows(9, rejected(range(3, 5))), 0.0, complete)
        assert caught.value.details == ()
        assert str(caught.value) == (
            "searches: searches, line 4: user_id is empty. Expected an id. Received: row 3. Mend "
            "or drop the row, or allow some with `--max-rejected`."
        )


def test_a_bad_start_is_no_reason_to_give_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_rows, "_MOST_KEPT", 100)
    require_few(LOGS, "items", TableRows(100, rejected(range(100))), 0.01, complete=False)
    # More than should be kept, and too many so far.
    with pytest.raises(InputError, match=r"101 of 101 rows read so far cannot be used"):
        require_few(LOGS, "items", TableRows(101, rejected(range(101))), 0.01, complete=False)
    # More than should be kept, but not too many so far.
    require_few(LOGS, "items", TableRows(10_100, rejected(range(101))), 0.01, complete=False)


def test_without_allowance_the_first_chunk_with_a_bad_row_is_the_last() -> None:
    with pytest.raises(InputError, match=r"^items: items, line 1: .*`--max-rejected`"):
        require_few(LOGS, "items", TableRows(9, rejected(range(1))), 0, complete=False)


def test_nothing_rejected_leaves_no_directory(tmp_path: Path) -> None:
    write_rejected(tmp_path, LOGS, {"items": TableRows(3, REJECTED.empty_table())})
    assert list(tmp_path.iterdir()) == []


def test_files_are_in_the_order_of_the_rows(tmp_path: Path) -> None:
    found = pa.concat_tables([rejected(range(7, 8), 'a "b", c'), rejected(range(2, 3), "ä")])
    write_rejected(tmp_path, LOGS, {"items": TableRows(9, found)})
    assert rows_of(tmp_path, "items") == [
        {"file": "items", "line": "3", "reason": "ä", "expected": "an id", "row": "row 2"},
        {"file": "items", "line": "8", "reason": 'a "b", c', "expected": "an id", "row": "row 7"},
    ]


def rows_of(directory: Path, table: str) -> list[dict[str, str]]:
    path = directory / "rejected" / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# What is wrong with some lines of each table, one after another below the good ones.
BAD_LINES = {
    "interactions": {
        ",i1,3": "user_id is empty",
        "u1,i 1,3": "item_id holds whitespace",
        "u1,i1,noon": "timestamp is not an integer",
        "u2,i1,": "timestamp is not an integer",
        "u1,,3": "item_id is empty",
    },
    "searches": {
        "u1,s0,w0,,,3": "session_id stands again",
        'u1,new,"  ",,,3': "query has no words",
        "u1,,w0,,,3": "session_id is empty",
        "u1,new,w0,,i1\ti2,3": "clicked_item_ids holds whitespace other than spaces",
    },
    "items": {
        "i2,c9": "item_id stands again",
        "i29,c0 >  > c1": "category has an empty level",
        ",c1": "item_id is empty",
    },
    "users": {"u3,x": "user_id stands again"},
}


def write_logs(directory: Path, bad: Collection[str] = tuple(BAD_LINES)) -> Path:
    """CSV files with the bad lines of some tables; three items have no line, or no good one."""
    logs = shop_logs()
    assert logs.items is not None
    for table, frame in {**vars(logs), "items": logs.items.iloc[:27]}.items():
        lines = [
            *frame.to_csv(index=False).splitlines(),
            "",
            *(BAD_LINES[table] if table in bad else ()),
        ]
        (directory / f"{table}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return directory


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_logs(tmp_path_factory.mktemp("logs"))


def reader(files: Path) -> LogFiles:
    return LogFiles.find(**{table: files / f"{table}.csv" for table in BAD_LINES})


@pytest.fixture(scope="module", params=[LocalDriver(), LocalDriver(memory=1)], ids=["one", "many"])
def dataset(
    files: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreparedDataset:
    options = PrepareOptions(num_negatives=4, max_rejected=0.2)
    output = tmp_path_factory.mktemp("prepared") / "data"
    return prepare(reader(files), options, output, driver=request.param)


@pytest.mark.parametrize("table", list(BAD_LINES))
def test_every_row_is_used_or_rejected(table: str, dataset: PreparedDataset, files: Path) -> None:
    rows = dataset.info["rows"][table]
    reasons = list(BAD_LINES[table].values())
    # The header and the line without a character are no rows.
    written = len((files / f"{table}.csv").read_text("utf-8").splitlines()) - 2
    assert rows["read"] == written
    assert rows["used"] == written - len(reasons)
    assert rows["rejected"] == {reason: reasons.count(reason) for reason in sorted(set(reasons))}


@pytest.mark.parametrize("table", list(BAD_LINES))
def test_rejected_rows_are_kept(table: str, dataset: PreparedDataset, files: Path) -> None:
    lines = (files / f"{table}.csv").read_text("utf-8").splitlines()
    found = rows_of(dataset.path, table)
    assert [row["reason"] for row in found] == list(BAD_LINES[table].values())
    for row, line in zip(found, BAD_LINES[table], strict=True):
        assert list(row) == ["file", "line", "reason", "expected", "row"]
        assert Path(row["file"]).name == f"{table}.csv"
        assert lines[int(row["line"]) - 1] == line
        assert row["expected"]
        first = line.split(",")[0]
        assert f'"{first}"' in row["row"]


def test_what_tables_do_not_describe_is_counted(dataset: PreparedDataset) -> None:
    # i27, i28 and i29, if they are known; the two users that no row of `users` describes.
    known = set(dataset.vocabulary("items"))
    absent = len(known & {"i27", "i28", "i29"})
    assert absent
    assert dataset.info["without_attributes"] == {"items": absent, "users": 2}
    index = dataset.vocabulary("items").index("i29") + 2
    assert dataset.item_attributes[index].tolist() == [1]
    # The first row of an item counts.
    first = dataset.vocabulary("items").index("i2") + 2
    values = ["", "", *dataset.vocabulary("item_category_1")]
    assert values[dataset.item_attributes[first][0]] == "c0"


@pytest.mark.parametrize("table", list(BAD_LINES))
def test_too_many_leave_nothing_behind(table: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    tables = reader(write_logs(tmp_path / "logs", bad=[table]))
    for share, message in ((0.005, "cannot be used"), (0, "Mend or drop the row")):
        options = PrepareOptions(num_negatives=4, max_rejected=share)
        with pytest.raises(InputError, match=f"{table}: .*{message}"):
            prepare(tables, options, tmp_path / "data")
        assert os.listdir(tmp_path) == ["logs"]


def test_a_table_without_rows_is_refused(files: Path, tmp_path: Path) -> None:
    for table in ("items", "users"):
        header = (files / f"{table}.csv").read_text("utf-8").splitlines()[0]
        empty = tmp_path / f"{table}.csv"
        empty.write_text(header + "\n", "utf-8")
        given = {name: files / f"{name}.csv" for name in ("interactions", "searches")}
        tables = LogFiles.find(**given, **{table: empty})
        with pytest.raises(InputError, match=rf"{table}: no rows\..*leave the table out"):
            prepare(tables, PrepareOptions(num_negatives=4, max_rejected=1), tmp_path / "data")


def test_a_log_may_lose_all_its_searches(tmp_path: Path) -> None:
    logs = shop_logs()
    sessions = pd.DataFrame(logs.searches.assign(query=" "))
    options = PrepareOptions(num_negatives=4, max_rejected=1)
    dataset = prepare(LogTables(logs.interactions, sessions), options, tmp_path / "data")
    assert dataset.info["rows"]["searches"]["used"] == 0
    assert len(dataset.table("searches")) == 0
    assert dataset.vocabulary("queries") == []
