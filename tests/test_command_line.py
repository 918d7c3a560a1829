"""How a command fails and stops."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError


def raising(error: BaseException) -> int | str | None:
    def main(argv: Sequence[str] | None) -> None:
        assert argv is None
        raise error

    with pytest.raises(SystemExit) as caught:
        run_command(main)
    return caught.value.code


def test_an_input_error_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(InputError("no such file")) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: no such file\n")


def test_a_diverged_training_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(FloatingPointError("the loss is nan")) == 1
    assert capsys.readouterr().err == "error: the loss is nan\n"


def test_an_interrupt_has_the_shells_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_defect_keeps_its_traceback() -> None:
    def main(_: Sequence[str] | None) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main)


def test_success_is_silent() -> None:
    run_command(lambda _: None)


def test_an_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)
