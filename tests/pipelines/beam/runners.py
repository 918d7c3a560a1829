"""The runners of the tests, and logs with everything that preparation tells of."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.beam.driver import BeamDriver
from pipelines.beam.options import beam_options
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from tests.data.log_rows import PartedLogs, shop_logs

OPTIONS = PrepareOptions(
    num_negatives=4, max_rec=3, max_searches=2, max_clicks=2, max_words=2, max_rejected=0.2
)
IN_MEMORY: list[str] = []
TWO_PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def spoilt_logs() -> LogTables:
    """`shop_logs` with rows that cannot be used in all tables and a session that stands twice."""
    logs = shop_logs()
    feed, searches = logs.interactions.copy(), logs.searches
    feed.loc[[3, 30, 31], "item_id"] = ["", "two words", ""]
    again = searches.iloc[[2]].assign(query="w9")
    items = pd.concat([logs.items, logs.items.iloc[[4]]], ignore_index=True)
    spoilt = pd.concat([searches, again], ignore_index=True)
    return replace(logs, interactions=feed, searches=spoilt, items=items)


def parted(logs: LogTables) -> PartedLogs:
    """The logs in three files of several chunks each."""
    return PartedLogs(logs, number=3, chunk_rows=12)


def in_memory(partitions: int = 5, staging: str | None = None) -> BeamDriver:
    """In this process."""
    return BeamDriver(fn_api(IN_MEMORY), partitions, staging)


def fn_api(flags: list[str]) -> PipelineOptions:
    """Beam's local runner."""
    return beam_options("FnApiRunner", flags)


def portable(endpoint: str) -> PipelineOptions:
    """A job service whose workers are threads of this process."""
    flags = [f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK"]
    return beam_options("PortableRunner", flags)


@contextmanager
def job_service(directory: Path) -> Iterator[str]:
    """The address of Beam's own job service, which ends with the body."""
    port = directory / "port"
    command = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main"]
    with (directory / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [*command, "--port", "0", "--port_file", str(port)],
            stdout=printed,
            stderr=printed,
            env=environment(),
        )
    try:
        # Written by rename: once it is there it is complete.
        while not port.exists():
            assert process.poll() is None, (directory / "printed").read_text()
            time.sleep(0.05)
        yield f"localhost:{port.read_text()}"
    finally:
        process.terminate()
        process.wait()


def environment() -> dict[str, str]:
    """For processes that import what this one can.

    What Beam imports warns of Python versions that it will leave behind.
    """
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
