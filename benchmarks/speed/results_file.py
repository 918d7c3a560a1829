"""`results.json`: every benchmark's latest results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sesrec_tf.errors import InputError
from sesrec_tf.files import write_json


class ResultsFile:
    """Results by the name of the benchmark, each with the run that they are from.

    Args:
        path: of the JSON file, which need not exist.

    Attributes:
        benchmarks: what it holds.

    Raises:
        InputError: if the file is another's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.benchmarks: dict[str, dict[str, Any]] = {}
        if not path.exists():
            return
        try:
            self.benchmarks = dict(json.loads(path.read_text("utf-8"))["benchmarks"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} should hold results of this benchmark, to which new ones are added. "
                f"Received: {type(error).__name__}: {error}. Choose another --output."
            ) from error

    def put(self, name: str, run: dict[str, Any], result: dict[str, Any]) -> None:
        """Replaces one benchmark's results and writes the file; the others stay.

        Args:
            name: of the benchmark.
            run: machine, date, command line and options.
            result: see `measure`.
        """
        self.benchmarks[name] = {"run": run, **result}
        write_json(self._path, {"benchmarks": self.benchmarks})
