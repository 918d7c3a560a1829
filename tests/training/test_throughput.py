from __future__ import annotations

from sesrec_tf.training.throughput import Throughput


def measured(epochs: list[list[float]]) -> list[float]:
    """Throughput with batches of 10, by epoch, for the times of its start and its steps."""
    times = iter([time for epoch in epochs for time in epoch])
    throughput = Throughput(10, lambda: next(times))
    found = []
    for epoch in epochs:
        throughput.start()
        for _ in epoch[1:]:
            throughput.step()
        found.append(throughput.examples_per_second)
    return found


def test_the_first_step_of_the_process_is_left_out() -> None:
    """It takes 60 s, all others one each: 20 examples in 2 s, then 30 in 3 s."""
    assert measured([[0, 60, 61, 62], [70, 71, 72, 73]]) == [10.0, 10.0]


def test_a_single_first_step_counts() -> None:
    """10 examples in 5 s; the next epoch is complete, 20 in 4 s."""
    assert measured([[0, 5], [10, 12, 14]]) == [2.0, 5.0]
