"""Batching of the requests for one signature of one version."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.batch_merging import (
    Arrays,
    allowed_size,
    batch_size,
    merge_inputs,
    split_outputs,
)
from serving.server.batch_queue import BatchQueue, BatchTask
from serving.server.batch_scheduler import BatchScheduler
from serving.server.status_error import StatusError


class SignatureBatcher:
    """Computes requests together, as TF Serving's `BatchingSession` does, with three exceptions.

    In TF Serving an error of a batch is the answer of every request in it. Here a request that
    breaks the fixed widths of the signature runs alone, and if the graph refuses a batch, each of
    its requests is run alone, so that only the bad one fails. A request without rows, which TF
    Serving leaves waiting for another one, runs alone too.

    Args:
        compute: outputs of the signature for merged inputs.
        signature: names and widths of the inputs.
        scheduler: threads and bounds.
    """

    def __init__(
        self,
        compute: Callable[[Arrays], Arrays],
        signature: meta_graph_pb2.SignatureDef,
        scheduler: BatchScheduler,
    ) -> None:
        self._compute = compute
        self._widths = {
            name: tuple(dim.size for dim in info.tensor_shape.dim)
            for name, info in signature.inputs.items()
        }
        self._scheduler = scheduler
        self._parameters = scheduler.parameters
        self._queue = BatchQueue(self._parameters, self._process)
        scheduler.add(self._queue)

    def run(self, inputs: Arrays, deadline: float) -> Arrays:
        """Outputs for one request, waited for.

        Raises:
            StatusError: INVALID_ARGUMENT for inputs that no batch can hold, UNAVAILABLE if too
                many wait, RESOURCE_EXHAUSTED if it waited beyond its deadline, or what the
                signature raises.
        """
        size = batch_size(inputs)
        if size == 0 or not self._fits(inputs):
            return self._compute(inputs)
        task = BatchTask(inputs, size, deadline)
        self._scheduler.schedule(self._queue, task)
        return task.answer.result()

    def close(self) -> None:
        """Gives up the queue; no request may be under way."""
        self._scheduler.remove(self._queue)

    def _fits(self, inputs: Arrays) -> bool:
        return all(
            value.ndim == len(self._widths[name])
            and all(
                fixed in (-1, size)
                for fixed, size in zip(self._widths[name][1:], value.shape[1:], strict=True)
            )
            for name, value in inputs.items()
        )

    def _process(self, tasks: list[BatchTask]) -> None:
        now = time.monotonic()
        late = [task for task in tasks if task.deadline <= now]
        for task in late:
            task.answer.set_exception(_too_late())
        live = [task for task in tasks if task.deadline > now]
        if live:
            self._answer(live)

    def _answer(self, tasks: list[BatchTask]) -> None:
        try:
            answers = self._computed(tasks)
        except StatusError as error:
            if error.code == grpc.StatusCode.INVALID_ARGUMENT and len(tasks) > 1:
                for task in tasks:
                    self._answer([task])
                return
            for task in tasks:
                task.answer.set_exception(error)
        except Exception as error:
            # Whoever waits must hear of it, whatever it is.
            for task in tasks:
                task.answer.set_exception(error)
        else:
            for task, answer in zip(tasks, answers, strict=True):
                task.answer.set_result(answer)

    def _computed(self, tasks: list[BatchTask]) -> list[Arrays]:
        sizes = [task.size for task in tasks]
        surplus = allowed_size(sum(sizes), self._parameters.allowed_batch_sizes) - sum(sizes)
        merged = merge_inputs(
            [task.inputs for task in tasks], self._parameters.pad_variable_length_inputs, surplus
        )
        return split_outputs(self._compute(merged), sizes, surplus)


def _too_late() -> StatusError:
    return StatusError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Run() timeout exceeded while waiting in batching queue",
    )
