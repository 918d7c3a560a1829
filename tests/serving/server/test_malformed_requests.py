"""Several hundred malformed requests: none hangs, none is answered OK wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.development_server import DevelopmentServer
from serving.server.model_manager import ModelManager
from serving.server.servable import Servable
from tests.serving.server.malformed_requests import Requests, Sender, string_tensor, violation


@pytest.fixture(scope="module", params=["alone", "batching"])
def sender(request: pytest.FixtureRequest, tiny_servable: Path) -> Iterator[Sender]:
    """Of a server of the tiny run."""
    scheduler = None
    if request.param == "batching":
        parameters = BatchingParameters(8, 1000, 100, 2, pad_variable_length_inputs=True)
        scheduler = BatchScheduler(parameters)
    manager = ModelManager(
        "sesrec",
        tiny_servable.parent,
        load=lambda path, number: Servable(path, number, scheduler),
        warmup=False,
    )
    manager.load_any()
    with DevelopmentServer(max_message_bytes=4 << 20) as server:
        server.start(manager)
        with Sender(server.address, "sesrec", timeout=60) as sending:
            yield sending
    if scheduler is not None:
        scheduler.close()


def test_malformed_requests(sender: Sender):
    before = sender.probe()
    tally = sender.send_all(count=400, seed=3, callers=4)
    assert sum(tally.statuses.values()) == 400
    assert tally.wrong == []
    assert tally.hung == 0
    assert tally.internal == []
    statuses = {status for _, status in tally.statuses}
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"} <= statuses
    for signature, outputs in sender.probe().items():
        for (name, values), (other, others) in zip(before[signature], outputs, strict=True):
            assert name == other
            np.testing.assert_allclose(values, others, atol=1e-6)


def test_requests_repeat_with_the_seed(sender: Sender):
    first, second = (Requests(7, "sesrec", sender.signatures) for _ in range(2))
    assert [first.draw() for _ in range(50)] == [second.draw() for _ in range(50)]


def test_judgement(sender: Sender):
    """The judge finds what it is there to find."""

    def judged(change) -> str | None:
        request = Requests(1, "sesrec", sender.signatures).valid("serving_default")
        change(request)
        return violation(request.SerializeToString(), "sesrec", [sender.version], sender.signatures)

    def replace(name, tensor):
        return lambda request: request.inputs[name].CopyFrom(tensor)

    assert judged(lambda request: None) is None
    assert judged(lambda request: request.inputs.pop("user")) == "names of inputs"
    assert judged(replace("user", string_tensor([9], [b"u"]))) == "rows"
    assert judged(replace("rec_items", string_tensor([1, 99], [b"u"]))) == "shape"
    assert judged(replace("user", string_tensor([-1], [b"u"]))) == "tensor"
    assert judged(replace("user", tf.make_tensor_proto([1]))) == "dtype"
    assert judged(lambda request: request.output_filter.append("x")) == "outputs"
    assert violation(b"\xff", "sesrec", [1], sender.signatures) == "no message"
