"""Widths read from a signature, and signatures of other models."""

from __future__ import annotations

import pytest

from serving import wire_messages as wire
from serving.ranking_signature import RankingSignature
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape, request_shapes


def signature_def(clicks=2):
    signature = wire.SignatureDefMap().signature_def["serving_default"]
    shape = HistoryShape(rec_length=4, search_length=3, clicks=clicks)
    for name, dims in request_shapes(shape).items():
        info = signature.inputs[name]
        info.dtype = wire.DT_STRING
        for size in (None, *dims):
            info.tensor_shape.dim.add(size=-1 if size is None else size)
    for name in ("scores", "probabilities"):
        signature.outputs[name].dtype = wire.DT_FLOAT
        for _ in range(2):
            signature.outputs[name].tensor_shape.dim.add(size=-1)
    return signature


def test_widths():
    assert RankingSignature.from_signature_def(signature_def()) == RankingSignature(4, 3, 2, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.inputs.pop("user"), "Missing or different: user"),
        (lambda s: setattr(s.inputs["queries"], "dtype", 9), "Missing or different: queries"),
        (lambda s: s.inputs["user"].tensor_shape.dim.add(size=1), "Missing or different: user"),
        (lambda s: s.inputs["region"].MergeFrom(s.inputs["user"]), "region"),
        (lambda s: s.outputs.pop("scores"), "outputs should be .*Missing or different: scores"),
    ],
)
def test_signature_of_another_model(change, message):
    signature = signature_def()
    change(signature)
    with pytest.raises(InputError, match=message):
        RankingSignature.from_signature_def(signature)
