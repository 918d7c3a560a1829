from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence

import pytest

from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError


def fails_with(error: BaseException) -> int | str | None:
    """The exit status of a command that raises."""

    def main(argv: Sequence[str] | None) -> None:
        assert argv is None
        raise error

    with pytest.raises(SystemExit) as exit_:
        run_command(main)
    assert exit_.value.__cause__ is None
    assert exit_.value.__suppress_context__
    return exit_.value.code


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("no such thing. Do that."), 2, "error: no such thing. Do that.\n"),
        (InputError("first\nsecond"), 2, "error: first second\n"),
        (
            InputError("3 rows are bad. The first 2:", ["a: x\ny", "b: z"]),
            2,
            "error: 3 rows are bad. The first 2:\n  a: x y\n  b: z\n",
        ),
        (FloatingPointError("`bce` is nan"), 1, "error: `bce` is nan\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
)
def test_what_a_user_can_mend_is_a_line_and_its_details(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(error) == status
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", line)


def test_details_survive_the_way_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(InputError("a line", ["b", "c"])))
    assert (str(error), error.details) == ("a line", ("b", "c"))


def test_a_defect_keeps_its_traceback() -> None:
    def main(argv: Sequence[str] | None) -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        run_command(main)


def test_success_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(lambda argv: None)
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_leaves_early_is_no_defect() -> None:
    """As `… | head -1`, with more output than a pipe holds."""
    code = (
        "from sesrec_tf.command_line import run_command\n"
        "run_command(lambda argv: print('x\\n' * 10**6))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
