from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import numpy as np
import pytest

from pipelines.sources.logs import Logs
from sesrec_tf.errors import InputError

FILES = {
    "interactions": "user_id,item_id,timestamp\nu,a,1\n",
    "searches": "user_id,session_id,query,source,clicked_item_ids,timestamp\nu,1,q,,a,1\n",
    "items": "item_id,brand\na,x\n",
    "users": "user_id\nu\n",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for table, text in FILES.items():
        (tmp_path / f"{table}.csv").write_text(text)
    return tmp_path


def logs_of(*argv: str) -> Logs:
    parser = argparse.ArgumentParser()
    Logs.add_flags(parser.add_argument_group("logs"))
    return Logs.from_arguments(parser.parse_args(argv))


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_flags_name_the_tables(directory: Path, scheme: str) -> None:
    argv = [each for table in FILES for each in (f"--{table}", f"{scheme}{directory}/{table}.csv")]
    logs = pickle.loads(pickle.dumps(logs_of(*argv)))
    for table, text in FILES.items():
        assert logs.parts(table) == 1
        (chunk,) = logs.chunks(table)
        assert chunk.rows.column_names == [*text.split("\n")[0].split(","), "row"]
        assert len(chunk.rows) == 1
        names, lines = logs.lines(table, np.array([0]))
        assert names == [f"{scheme}{directory}/{table}.csv"]
        assert lines.tolist() == [2]


def test_attributes_are_optional(directory: Path) -> None:
    events = [f"--{table}={directory}/{table}.csv" for table in ("interactions", "searches")]
    assert [logs_of(*events).parts(table) for table in FILES] == [1, 1, 0, 0]


def test_a_pattern_names_several_files(directory: Path) -> None:
    logs = logs_of(f"--interactions={directory}/i*s.csv", f"--searches={directory}/searches.csv")
    assert logs.parts("interactions") == 2
    with pytest.raises(InputError, match=r"missing column user_id.*The file is .*items\.csv"):
        list(logs.chunks("interactions", 1))


def test_a_missing_file_stops_at_once(directory: Path) -> None:
    with pytest.raises(InputError, match=r"searches: there is no file .*search\.csv"):
        logs_of("--interactions", f"{directory}/interactions.csv", "--searches", "search.csv")
