from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipelines.prepare import main, parser
from pipelines.sources.registry import SOURCES
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from tests.pipelines.sources.kuaisar_files import write_kuaisar

INTERACTIONS = "user_id,item_id,timestamp\n" + "".join(
    f"u{user},{10 * user + step:03d},{step}\n" for user in range(4) for step in range(5)
)
SEARCHES = "user_id,session_id,query,source,clicked_item_ids,timestamp\n" + "".join(
    f"u{user},{step},red shoe {step},typed,{10 * user:03d} NA,{step}\n"
    for user in range(4)
    for step in range(3)
)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir()
    (directory / "interactions.csv").write_text(INTERACTIONS)
    (directory / "searches.csv").write_text(SEARCHES)
    return directory


def arguments(logs: Path, *more: str) -> list[str]:
    return [
        *("--interactions", str(logs / "interactions.csv")),
        *("--searches", str(logs / "searches.csv")),
        *("--output", str(logs.parent / "data")),
        *("--num-negatives", "2"),
        *("--processes", "1"),
        *more,
    ]


def test_prepares_and_says_what_is_next(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(arguments(logs, "--max-rec", "7", "--min-earlier-searches", "1"))
    dataset = PreparedDataset(logs.parent / "data")
    assert dataset.history.rec_length == 7
    assert dataset.instances("test") == 4
    assert "NA" in dataset.vocabulary("items")
    assert "002" in dataset.vocabulary("items")
    printed = capsys.readouterr().out
    assert "recommendation actions" in printed
    assert "positive unknown" in printed
    assert f"python -m sesrec_tf.train --data {logs.parent / 'data'}" in printed


def test_parquet_gives_the_same_as_csv(logs: Path) -> None:
    main(arguments(logs))
    expected = PreparedDataset(logs.parent / "data").info
    for name in ("interactions", "searches"):
        frame = pd.read_csv(logs / f"{name}.csv", dtype=str, keep_default_na=False)
        frame["timestamp"] = frame["timestamp"].astype("int64")
        frame.to_parquet(logs / f"{name}.parquet")
    parquet = [word.replace(".csv", ".parquet") for word in arguments(logs)]
    main([*parquet, "--overwrite"])
    assert PreparedDataset(logs.parent / "data").info == expected


def test_attributes_of_both_tables(logs: Path) -> None:
    (logs / "items.csv").write_text("item_id,category\n000,A > B\nNA,A\n")
    (logs / "users.csv").write_text("user_id,age\nu1,30\n")
    main(arguments(logs, "--items", str(logs / "items.csv"), "--users", str(logs / "users.csv")))
    sizes = PreparedDataset(logs.parent / "data").sizes
    assert sizes.item_attributes == (("category_1", 1), ("category_2", 1))
    assert sizes.user_attributes == (("age", 1),)


# (file, text to replace, replacement, message)
BAD_LOGS = {
    "missing column": ("interactions", "item_id", "item", "missing column item_id"),
    "missing search column": ("searches", "source", "origin", "missing column source"),
    "time that is no number": (
        "interactions",
        "u1,011,1\n",
        "u1,011,soon\n",
        "line 8: timestamp is not an integer.*soon",
    ),
    "duplicate session": (
        "searches",
        "u2,1,red shoe 1",
        "u2,0,blue shoe",
        "line 9: session_id stands again. Expected one row a session.*blue shoe",
    ),
    "whitespace in an id": ("interactions", "u1,011", "u 1,011", "line 8: user_id holds"),
    "empty id": ("interactions", "u1,011", "u1,", "line 8: item_id is empty"),
    "query of no words": ("searches", "u0,0,red shoe 0", "u0,0,  ", "line 2: query has no words"),
    "broken line": ("interactions", "u1,011,1\n", "u1,011\n", "line 8: line has too few values"),
}


@pytest.mark.parametrize(("file", "old", "new", "message"), BAD_LOGS.values(), ids=BAD_LOGS)
def test_without_allowance_the_first_bad_row_stops_the_job(
    logs: Path, file: str, old: str, new: str, message: str
) -> None:
    path = logs / f"{file}.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=f"(?s)^{file}: .*{message}"):
        main(arguments(logs, "--max-rejected", "0"))
    assert list(logs.parent.iterdir()) == [logs]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"), list(BAD_LOGS.values())[2:], ids=list(BAD_LOGS)[2:]
)
def test_allowed_bad_rows_are_kept_aside_and_told(
    logs: Path,
    file: str,
    old: str,
    new: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = logs / f"{file}.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=r"1 of \d+ rows cannot be used.*The first 1:") as caught:
        main(arguments(logs))
    assert len(caught.value.details) == 1
    assert re.search(message, caught.value.details[0])
    main(arguments(logs, "--max-rejected", "0.1"))
    with (logs.parent / "data" / "rejected" / f"{file}.csv").open(newline="") as rejected:
        (row,) = csv.DictReader(rejected)
    assert row["file"] == str(path)
    number, reason = re.match(r"line (\d+): ([^.]+)", message).groups()  # type: ignore[union-attr]
    assert (row["line"], row["reason"][: len(reason)]) == (number, reason)
    rows = PreparedDataset(logs.parent / "data").info["rows"][file]
    assert rows["read"] == rows["used"] + 1 == path.read_text().count("\n") - 1
    assert rows["rejected"] == {row["reason"]: 1}
    assert f"rejected, {row['reason']}: 1" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "user_id,item_id,timestamp\n"])
def test_an_empty_file_is_refused(logs: Path, content: str) -> None:
    (logs / "interactions.csv").write_text(content)
    with pytest.raises(InputError, match=r"interactions: (missing column|no rows)"):
        main(arguments(logs))
    assert list(logs.parent.iterdir()) == [logs]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-negatives", "99"], "too few items for `--num-negatives 99`"),
        (["--min-instances", "9"], "no ranking instances for valid, test"),
        (["--split", "time"], "needs both"),
        (
            [*("--split", "time", "--valid-from", "2", "--test-from", "3"), "--min-instances", "3"],
            "`--min-instances` belongs to `--split leave-last-out`",
        ),
        (["--split", "time", "--valid-from", "x", "--test-from", "3"], "`--valid-from` should be"),
        (["--items", "nowhere.csv"], "items: there is no file nowhere.csv"),
        (["--split", "given"], "needs the column `split`"),
        (["--shards", "257"], "`--shards` should be at most 256"),
        (["--max-rejected", "2"], "`--max-rejected` should be a share"),
        (["--processes", "0"], "`--processes` should be at least 1"),
        (["--memory", "lots"], "`--memory` should be a number of bytes"),
        (["--staging", "x"], "unrecognized arguments: --staging"),
        (["--direct_num_workers=2"], "unrecognized arguments: --direct_num_workers=2"),
        (["--items", __file__], "items: unknown kind of file"),
    ],
)
def test_bad_flags_give_one_clear_error_and_no_output(
    logs: Path, flags: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        main(arguments(logs, *flags))
    assert list(logs.parent.iterdir()) == [logs]


def test_the_process_prints_one_line_and_exits_with_2(logs: Path) -> None:
    (logs / "searches.csv").write_text(SEARCHES.replace("u0,0,red shoe 0", "u0,0,"))
    command = [sys.executable, "-m", "pipelines.prepare", *arguments(logs, "--max-rejected", "0")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "line 2: query has no words" in result.stderr


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "python -m pipelines.prepare --interactions" in capsys.readouterr().out


def test_every_flag_has_a_help_text() -> None:
    assert [action.dest for action in parser()._actions if not action.help] == []


def test_says_how_many_training_instances_are_left_out(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Item 000 is u0's first and all its other rows are of rarer items; u1 meets it once more.
    path = logs / "interactions.csv"
    path.write_text(path.read_text().replace("u1,011,1", "u1,000,1"))
    main(arguments(logs, "--min-count", "3", "--num-negatives", "1"))
    printed = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines()]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in printed if row}
    info = PreparedDataset(logs.parent / "data").info
    left_out = info["unknown_positives"]["train"]
    assert left_out > 0
    assert cells["train"] == [str(info["instances"]["train"]), f"{left_out} (left out)"]
    assert cells["test"] == ["4", "4"]


def test_another_source_has_its_own_flags_and_time_unit(tmp_path: Path) -> None:
    write_kuaisar(tmp_path / "raw", users=60, rows=3000, seed=1)
    words = ["--source", "kuaisar", "--input", str(tmp_path / "raw"), "--clickless", "drop"]
    more = ["--num-negatives", "5", "--processes", "1"]
    main([*words, "--output", str(tmp_path / "data"), *more])
    dataset = PreparedDataset(tmp_path / "data")
    assert dataset.instances("test") > 0
    assert "USER_INPUT" in dataset.vocabulary("sources")


def test_ids_without_attributes_are_told(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "items.csv").write_text("item_id,category\n000,A\n")
    main(arguments(logs, "--items", str(logs / "items.csv")))
    dataset = PreparedDataset(logs.parent / "data")
    absent = dataset.info["without_attributes"]["items"]
    assert absent == dataset.sizes.items - 1
    assert f"known items without a row in `items`: {absent}" in capsys.readouterr().out


def test_a_flag_of_another_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    words = ["--source", "kuaisar", "--input", str(tmp_path), "--interactions", "feed.csv"]
    with pytest.raises(InputError, match=r"unrecognized arguments: --interactions feed\.csv"):
        main([*words, "--output", str(tmp_path / "data")])


@pytest.mark.parametrize(
    "words",
    [
        ["--source", "kuaisar"],
        ["--source", "taobao", "--input", "raw"],
        ["--input", "raw"],
    ],
    ids=" ".join,
)
def test_flags_of_no_or_another_source_are_refused(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--output", str(tmp_path / "data")])


@pytest.mark.parametrize("name", list(SOURCES))
def test_help_of_every_source(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--source", name, "--help"])
    printed = capsys.readouterr().out
    assert all(source in printed for source in SOURCES)
    assert [action.dest for action in parser(SOURCES[name])._actions if not action.help] == []
