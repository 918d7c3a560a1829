"""A preparation in processes that can be interrupted: OUTPUT, and a directory for its marks.

With a third argument the logs are read so slowly that they never end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sesrec_tf.command_line import run_command
from sesrec_tf.data.local_driver import LocalDriver
from sesrec_tf.data.log_chunk import LogChunk
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from tests.data.log_rows import PartedLogs, shop_logs


@dataclass(frozen=True)
class SlowLogs(PartedLogs):
    """Logs of which the last chunk comes again and again; they say who reads them."""

    marks: Path = Path()

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        chunk = next(super().chunks(table, part))
        for _ in range(3_000):
            yield chunk
            (self.marks / f"{table}.{os.getpid()}").touch()
            time.sleep(0.02)


def main(argv: Sequence[str] | None = None) -> None:
    """Prepares `shop_logs`."""
    output, marks, *slow = sys.argv[1:] if argv is None else argv
    logs = PartedLogs(shop_logs(), number=2)
    if slow:
        logs = SlowLogs(shop_logs(), number=2, marks=Path(marks))
    options = PrepareOptions(num_negatives=4)
    prepare(logs, options, output, driver=LocalDriver(2))


if __name__ == "__main__":
    run_command(main)
