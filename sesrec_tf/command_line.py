"""What every command shares: one way to fail and one way to stop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence

from sesrec_tf.errors import InputError


def run_command(main: Callable[[Sequence[str] | None], None]) -> None:
    """Runs `main` on the process's arguments.

    An `InputError` is printed as one line, and one for each of its details, with exit status 2, a
    diverged training with status 1; Ctrl-C exits with 130 and a closed pipe with 141, the shell's
    convention. None of them shows a traceback; anything else is a defect and keeps it.
    """
    try:
        main(None)
    except InputError as error:
        _print_error(error)
        raise SystemExit(2) from None
    except FloatingPointError as error:
        _print_error(error)
        raise SystemExit(1) from None
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would complain once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise SystemExit(130) from None


def _print_error(error: Exception) -> None:
    for line in (f"error: {error}", *(f"  {detail}" for detail in getattr(error, "details", ()))):
        print(" ".join(line.split("\n")), file=sys.stderr)
