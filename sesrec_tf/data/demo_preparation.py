"""A prepared data set of the demo world, with its truth beside it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from sesrec_tf.data.demo_settings import DemoSettings
from sesrec_tf.data.demo_truth import TRUTH_DIRECTORY
from sesrec_tf.data.demo_world import simulate
from sesrec_tf.data.output_directory import published_directory
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.data.progress_bar import Report, part_of, silent

_SIMULATED = 0.4

SETTINGS_FILE = "settings.json"
"""The settings of the world, in the directory of its truth."""


def prepare_demo(
    output: str | Path,
    settings: DemoSettings | None = None,
    options: PrepareOptions | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> PreparedDataset:
    """Simulates logs, prepares them, and keeps their truth in `truth/`.

    Data and truth appear together, by one rename.

    Args:
        output: the directory to appear.
        settings: of the world.
        options: of the preparation; `overwrite` of them is not used.
        overwrite: whether an earlier data set at `output` is replaced.
        report: told how far the work is.

    Raises:
        InputError: if `output` exists and is not to be overwritten, or holds something else.
    """
    settings, target = settings or DemoSettings(), Path(output)
    with published_directory(target, INFO_FILE, overwrite) as partial:
        report("simulating the demo world", 0.0)
        tables, truth = simulate(settings)
        whole = partial / "whole"
        prepare(tables, options or PrepareOptions(), whole, part_of(report, _SIMULATED, 1.0))
        truth.write(whole)
        text = json.dumps(dataclasses.asdict(settings), indent=2) + "\n"
        (whole / TRUTH_DIRECTORY / SETTINGS_FILE).write_text(text, "utf-8")
        for entry in whole.iterdir():
            entry.rename(partial / entry.name)
        whole.rmdir()
    return PreparedDataset(target)
