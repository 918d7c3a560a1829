from __future__ import annotations

import argparse
import os

import pytest
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions

from pipelines.beam.driver import BeamDriver
from pipelines.driver_flags import PARTITIONS, add_driver_flags, chosen_driver
from sesrec_tf.data.local_driver import MEMORY, LocalDriver
from sesrec_tf.data.preparation_driver import PreparationDriver
from sesrec_tf.errors import InputError


def chosen(*words: str) -> PreparationDriver:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_driver_flags(parser)
    return chosen_driver(*parser.parse_known_args(words))


def test_by_default_the_processes_of_this_machine() -> None:
    assert chosen() == LocalDriver(os.cpu_count() or 1, MEMORY)


@pytest.mark.parametrize(
    ("text", "size"), [("1M", 1 << 20), ("8g", 8 << 30), ("500MB", 500 << 20), ("2097152", 2 << 20)]
)
def test_memory(text: str, size: int) -> None:
    assert chosen("--processes", "3", "--memory", text) == LocalDriver(3, size)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--processes", "0"], "`--processes` should be at least 1. Received: 0"),
        (["--memory", "lots"], "`--memory` should be a number.*'lots'"),
        (["--memory", "1K"], "of at least 1M"),
        (["--memory=-1G"], "`--memory` should be"),
        (["--memory", "1.5G"], "`--memory` should be"),
        (["--max-rejectd", "0"], "^unrecognized arguments: --max-rejectd 0"),
        (["stray"], "^unrecognized arguments: stray"),
        (["--direct_num_workers=2"], "^unrecognized arguments: --direct_num_workers=2"),
        # Of Beam, and without it of no use.
        (["--staging", "x"], "^unrecognized arguments: --staging"),
        (["--staging", ""], "^unrecognized arguments: --staging"),
        (["--partitions", "0"], "^unrecognized arguments: --partitions"),
        (["--beam-option", "a=b"], "^unrecognized arguments: --beam-option"),
        # And the other way round.
        (["--runner", "FnApiRunner", "--memory", "1G"], "`--memory` belongs to.*FnApiRunner"),
        (["--runner", "FnApiRunner", "--processes", "2"], "`--processes` belongs to"),
        (["--runner", "FnApiRunner", "--partitions", "0"], "should be 1 to 256. Received: 0"),
        (["--runner", "FnApiRunner", "--partitions", "257"], "should be 1 to 256. Received: 257"),
        (["--runner", "FnApiRunner", "--partition", "3"], "did you mean --partitions"),
        (["--runner", "FnApiRunner", "stray"], "^unrecognized arguments: stray"),
        (["--runner", "NoRunner"], "`--runner NoRunner` cannot be used"),
        (["--runner", "PortableRunner"], "needs `--job_endpoint"),
    ],
)
def test_flags_that_cannot_be_meant(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chosen(*words)


def test_a_beam_runner_with_its_own_flags() -> None:
    driver = chosen(
        *("--runner", "FnApiRunner", "--direct_running_mode=multi_processing"),
        *("--direct_num_workers", "4", "--partitions", "7", "--staging", "gs://bucket/x"),
        *("--beam-option", "a=1", "--beam-option", "b=2"),
    )
    assert isinstance(driver, BeamDriver)
    assert (driver.partitions, driver.staging) == (7, "gs://bucket/x")
    assert driver.options.view_as(StandardOptions).runner == "FnApiRunner"
    assert driver.options.view_as(DirectOptions).direct_num_workers == 4
    options = driver.options.get_all_options(retain_unknown_options=True)
    assert (options["a"], options["b"]) == ("1", "2")


def test_partitions_by_default() -> None:
    driver = chosen("--runner", "FnApiRunner")
    assert isinstance(driver, BeamDriver)
    assert (driver.partitions, driver.staging) == (PARTITIONS, None)
