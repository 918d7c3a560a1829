"""What TF Serving's batcher does to requests: they share a batch, narrow ones are padded."""

from __future__ import annotations

import numpy as np
import pytest
from tensorflow.core.protobuf import saved_model_pb2

from sesrec_tf.schema import HistoryShape
from tests.servable.reference import RawRequest, dense, serialized

TOLERANCE = 1e-6
SIGNATURES = ("serving_default", "explain", "examples")

Inputs = dict[str, np.ndarray]


def inputs_of(signature: str, request: RawRequest, shape: HistoryShape) -> Inputs:
    if signature == "examples":
        return {"examples": serialized([request])}
    return dense([request], shape)


def batched(requests: list[Inputs]) -> Inputs:
    """One batch; each tensor is padded to the widest with its own first element."""
    batch = {}
    for name in requests[0]:
        values = [request[name] for request in requests]
        widest = np.max([value.shape[1:] for value in values], axis=0)
        batch[name] = np.concatenate([_pad(value, widest) for value in values])
    return batch


def _pad(value: np.ndarray, widths: np.ndarray) -> np.ndarray:
    missing = np.array(widths, int) - np.array(value.shape[1:], int)
    pads = [(0, 0), *((0, count) for count in missing)]
    return np.pad(value, pads, constant_values=value.flat[0])


@pytest.mark.parametrize("signature", SIGNATURES)
def test_answers_do_not_depend_on_batch_mates(predict, signature, requests_, shape):
    requests = [inputs_of(signature, request, shape) for request in requests_]
    alone = [predict(signature, request) for request in requests]
    together = predict(signature, batched(requests))
    widths = {answer["scores"].shape[1] for answer in alone}
    assert len(widths) > 3
    for row, answer in enumerate(alone):
        for name, values in answer.items():
            own = tuple(slice(size) for size in values.shape[1:])
            np.testing.assert_allclose(
                together[name][row][own],
                values[0],
                rtol=TOLERANCE,
                atol=TOLERANCE,
                err_msg=f"{name} of request {row}",
            )


def test_every_tensor_is_batch_major(tiny_servable):
    saved_model = saved_model_pb2.SavedModel.FromString(
        (tiny_servable / "saved_model.pb").read_bytes()
    )
    definitions = saved_model.meta_graphs[0].signature_def
    for signature in SIGNATURES:
        tensors = [*definitions[signature].inputs.items(), *definitions[signature].outputs.items()]
        for name, info in tensors:
            sizes = [dim.size for dim in info.tensor_shape.dim]
            assert sizes, name
            assert sizes[0] == -1, name
