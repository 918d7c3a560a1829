"""Loads on one export, and bare calls of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.load import Load, LoadResult
from benchmarks.ranking_requests import Strings, draw_request, read_servable, serialized
from benchmarks.server_process import ServerProcess
from sesrec_tf.errors import InputError
from sesrec_tf.signatures import SERVING_DEFAULT

DISTINCT_REQUESTS = 50


@dataclass(frozen=True)
class LoadOptions:
    """How to load.

    Attributes:
        candidates: every `K` to measure.
        seconds: of each load.
        callers: of the closed loop.
        open_share: rate of the open loop, as a share of the closed loop's throughput.
        batching_parameters: file of the loads with batching.
        target: a running endpoint; servers are started when `None`.
        model_name: of the endpoint.

    Raises:
        InputError: for a number that is not positive.
    """

    candidates: tuple[int, ...]
    seconds: float
    callers: int
    open_share: float
    batching_parameters: Path
    target: str | None = None
    model_name: str = "sesrec"

    def __post_init__(self) -> None:
        positive = {
            "candidates": min(self.candidates, default=0),
            "seconds": self.seconds,
            "callers": self.callers,
            "open_share": self.open_share,
        }
        for name, value in positive.items():
            if not value > 0:
                raise InputError(f"`{name}` should be positive. Received: {value}.")


class ServingBenchmark:
    """Loads on servers of one export, beside calls of its function in this process.

    Args:
        version: directory of the SavedModel.
        options: how to load.
        report: told what is under way.

    Raises:
        InputError: if the directory holds no ranking model.
    """

    def __init__(self, version: Path, options: LoadOptions, report: Callable[[str], None]) -> None:
        self._options = options
        self._version = version
        self._report = report
        self._history, self._vocabularies = read_servable(version)
        self._servable = tf.saved_model.load(str(version))

    def rows(self) -> list[dict[str, Any]]:
        """One row for every number of candidates, server and load."""
        bare = {k: self._bare(k) for k in self._options.candidates}
        rows = []
        for server, target in self._servers():
            for k in self._options.candidates:
                rows += [self._row(server, k, bare[k], *load) for load in self._loads(target, k)]
        return rows

    def encode_once(self) -> dict[str, Any]:
        """1,000 candidates in one bare call against as many calls of one candidate."""
        many, single = (self._bare(k).percentile(50) for k in (1000, 1))
        return {
            "history": self._history.rec_length,
            "one_call_ms": many,
            "single_calls_ms": 1000 * single,
            "gain": 1000 * single / many,
        }

    def _requests(self, k: int) -> list[dict[str, Strings]]:
        random = np.random.default_rng(k)
        return [
            draw_request(random, self._vocabularies, self._history, k)
            for _ in range(DISTINCT_REQUESTS)
        ]

    def _bare(self, k: int) -> LoadResult:
        """The signature's function, one request after another."""
        self._report(f"bare calls: histories of {self._history.rec_length}, {k} candidates")
        signature = self._servable.signatures[SERVING_DEFAULT]
        inputs = [
            {name: tf.constant(value, tf.string) for name, value in request.items()}
            for request in self._requests(k)
        ]
        for request in inputs[:3]:
            signature(**request)
        result, start = LoadResult(), time.perf_counter()
        while result.seconds < self._options.seconds:
            before = time.perf_counter()
            signature(**inputs[len(result.latencies) % len(inputs)])
            after = time.perf_counter()
            result.latencies.append(after - before)
            result.seconds = after - start
        return result

    def _servers(self) -> Iterator[tuple[str, str]]:
        options = self._options
        if options.target is not None:
            yield "given", options.target
            return
        batching = ["--enable-batching"]
        batching += ["--batching-parameters-file", str(options.batching_parameters)]
        with tempfile.TemporaryDirectory(prefix="benchmark-") as base:
            # This version alone: a server takes the newest of a base.
            shutil.copytree(self._version, Path(base) / "1")
            for name, flags in (("plain", []), ("batching", batching)):
                flags += ["--model-name", options.model_name]
                with ServerProcess(Path(base), flags) as server:
                    yield name, server.target

    def _loads(self, target: str, k: int) -> Iterator[tuple[str, LoadResult]]:
        options = self._options
        requests = [serialized(request, options.model_name) for request in self._requests(k)]
        load = Load(target, requests)
        what = f"histories of {self._history.rec_length}, {k} candidates"
        self._report(f"load on {target}: {what}")
        load.closed(1, min(0.5, options.seconds))
        yield "1 caller", load.closed(1, options.seconds)
        closed = load.closed(options.callers, options.seconds)
        yield f"{options.callers} callers", closed
        if closed.latencies:
            rate = options.open_share * closed.throughput
            yield f"open {rate:.0f}/s", load.open(rate, options.seconds)

    def _row(
        self, server: str, k: int, bare: LoadResult, load: str, result: LoadResult
    ) -> dict[str, Any]:
        if not result.latencies:
            raise InputError(f"no request of {k} candidates was answered: {result.failures}.")
        return {
            "history": self._history.rec_length,
            "candidates": k,
            "server": server,
            "load": load,
            **{f"p{p}_ms": result.percentile(p) for p in (50, 95, 99)},
            "throughput": result.throughput,
            "failures": result.failures,
            "bare_p50_ms": bare.percentile(50),
            "bare_throughput": bare.throughput,
            "p50_ratio": result.percentile(50) / bare.percentile(50),
            "throughput_ratio": result.throughput / bare.throughput,
        }
