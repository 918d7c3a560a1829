from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.prepare import main
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from tests.data.dataset_content import content
from tests.data.log_rows import shop_logs
from tests.pipelines.beam.runners import TWO_PROCESSES, environment


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir()
    for name, table in vars(shop_logs()).items():
        table.to_csv(directory / f"{name}.csv", index=False)
    return directory


def words(logs: Path, output: str, *more: str) -> list[str]:
    files = [word for file in logs.iterdir() for word in (f"--{file.stem}", str(file))]
    return [*files, "--output", str(logs.parent / output), "--num-negatives", "4", *more]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.prepare", *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )


def test_the_command_gives_the_same_data_set(logs: Path) -> None:
    main(words(logs, "local", "--processes", "1"))
    on_beam = ("--runner", "FnApiRunner", "--partitions", "3")
    result = command(*words(logs, "beam", *on_beam))
    assert (result.returncode, result.stderr) == (0, "")
    assert f"--data {logs.parent / 'beam'}" in result.stdout
    found = [content(PreparedDataset(logs.parent / name)) for name in ("local", "beam")]
    assert found[0] == found[1]


def test_an_error_of_a_worker_is_one_line(logs: Path) -> None:
    file = logs / "searches.csv"
    file.write_text(file.read_text().replace("typed", "typed,too many values", 1))
    strict = ("--max-rejected", "0")
    with pytest.raises(InputError) as caught:
        main(words(logs, "local", "--processes", "1", *strict))
    result = command(*words(logs, "beam", "--runner", "FnApiRunner", *TWO_PROCESSES, *strict))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"error: {caught.value}\n"
    assert list(logs.parent.iterdir()) == [logs]


def test_a_misspelt_flag_is_named(logs: Path) -> None:
    with pytest.raises(InputError, match=r"--max-rejectd 0 \(did you mean --max-rejected\?"):
        main(words(logs, "data", "--runner", "FnApiRunner", "--max-rejectd", "0"))
    assert list(logs.parent.iterdir()) == [logs]
