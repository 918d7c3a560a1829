"""Threads that compute batches, shared by all signatures of all versions."""

from __future__ import annotations

import threading
import time

from serving.server.batch_queue import BatchQueue, BatchTask
from serving.server.batching_parameters import BatchingParameters


class BatchScheduler:
    """Takes full or timed-out batches from its queues in turn.

    As `SharedBatchScheduler` of TensorFlow.

    Args:
        parameters: number of threads, and the bounds of every queue.
    """

    def __init__(self, parameters: BatchingParameters) -> None:
        self.parameters = parameters
        self._changed = threading.Condition()
        self._queues: list[BatchQueue] = []
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{number}", daemon=True)
            for number in range(parameters.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, queue: BatchQueue) -> None:
        """Begins to serve a queue."""
        with self._changed:
            self._queues.append(queue)

    def remove(self, queue: BatchQueue) -> None:
        """Ceases to serve a queue, which should be empty."""
        with self._changed:
            self._queues.remove(queue)

    def schedule(self, queue: BatchQueue, task: BatchTask) -> None:
        """Puts a task into a queue; its `answer` is set when it has been computed.

        Raises:
            StatusError: INVALID_ARGUMENT for a task larger than a batch, UNAVAILABLE if the queue
                is full.
        """
        with self._changed:
            queue.add(task, time.monotonic())
            self._changed.notify()

    def close(self) -> None:
        """Ends the threads after the batches that they are computing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            queue, tasks = batch
            queue.process(tasks)
            # Neither tasks nor model are kept alive by a thread that waits.
            del batch, queue, tasks

    def _take(self) -> tuple[BatchQueue, list[BatchTask]] | None:
        """The next batch, waited for; `None` when the scheduler is closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for place, queue in enumerate(self._queues):
                    tasks = queue.take(now)
                    if tasks:
                        # The other queues come first the next time.
                        self._queues = self._queues[place + 1 :] + self._queues[: place + 1]
                        return queue, tasks
                first = min((queue.ready_at() for queue in self._queues), default=None)
                self._changed.wait(None if first is None or first == float("inf") else first - now)
        return None
