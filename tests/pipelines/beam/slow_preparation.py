"""A preparation on Beam of logs that never end: OUTPUT, a directory for its marks, STAGING or
`-`, and flags of Beam.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.beam.driver import BeamDriver
from sesrec_tf.command_line import run_command
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from tests.data.log_rows import shop_logs
from tests.data.slow_preparation import SlowLogs
from tests.pipelines.beam.runners import fn_api


def main(argv: Sequence[str] | None = None) -> None:
    """Prepares until it is stopped."""
    output, marks, staging, *flags = sys.argv[1:] if argv is None else argv
    logs = SlowLogs(shop_logs(), number=2, marks=Path(marks))
    driver = BeamDriver(fn_api(flags), 4, None if staging == "-" else staging)
    prepare(logs, PrepareOptions(num_negatives=4), output, driver=driver)


if __name__ == "__main__":
    run_command(main)
