"""Widths read from a signature, and signatures of other models."""

from __future__ import annotations

import pytest

from serving.client.model_metadata import SignatureMetadata, TensorMetadata
from serving.client.ranking_signature import RankingSignature, output_names
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape, request_shapes
from sesrec_tf.signatures import EXPLAIN, RECOMMEND, explanation_shapes, recommend_shapes

SHAPE = HistoryShape(rec_length=4, search_length=3, clicks=2)
SCORES = {
    "scores": TensorMetadata("float32", (None, None)),
    "probabilities": TensorMetadata("float32", (None, None)),
}


def strings(shapes):
    return {name: TensorMetadata("string", (None, *dims)) for name, dims in shapes.items()}


def ranking():
    return SignatureMetadata(strings(request_shapes(SHAPE)), dict(SCORES))


def explanation():
    outputs = {
        name: TensorMetadata("int32" if "similar" in name else "float32", (None, *dims))
        for name, dims in explanation_shapes(SHAPE).items()
    }
    return SignatureMetadata(strings(request_shapes(SHAPE)), {**SCORES, **outputs})


def recommendation():
    items = {"items": TensorMetadata("string", (None, 5))}
    return SignatureMetadata(strings(recommend_shapes(SHAPE)), {**SCORES, **items})


def test_widths():
    assert RankingSignature.of(ranking()) == RankingSignature(4, 3, 2, None)
    assert RankingSignature.of(explanation(), EXPLAIN) == RankingSignature(4, 3, 2, None)
    assert RankingSignature.of(recommendation(), RECOMMEND) == RankingSignature(4, 3, 2, None)


def test_free_and_unknown_widths():
    signature = ranking()
    signature.inputs["rec_items"] = TensorMetadata("string", (None, None))
    signature.inputs["clicked_items"] = TensorMetadata("string", None)
    signature.inputs["candidates"] = TensorMetadata("string", (None, 9))
    assert RankingSignature.of(signature) == RankingSignature(None, 3, None, 9)


def test_every_output_is_asked_for():
    assert set(output_names(EXPLAIN)) == set(explanation().outputs)
    assert set(output_names(RECOMMEND)) == set(recommendation().outputs)


@pytest.mark.parametrize(
    ("make", "name", "change", "message"),
    [
        (ranking, "serving_default", {"user": None}, "Missing or different: user"),
        (
            ranking,
            "serving_default",
            {"queries": TensorMetadata("int64", (None, 3))},
            "Missing or different: queries",
        ),
        (
            ranking,
            "serving_default",
            {"user": TensorMetadata("string", (None, 1))},
            "Missing or different: user",
        ),
        (ranking, "serving_default", {"region": TensorMetadata("string", (None,))}, "region"),
        (recommendation, RECOMMEND, {"candidates": TensorMetadata("string", (None, 1))}, "candid"),
        (ranking, EXPLAIN, {}, "outputs should be .*Missing or different: rec_weights"),
        (explanation, RECOMMEND, {"candidates": None}, "Missing or different: items"),
    ],
)
def test_signature_of_another_model(make, name, change, message):
    signature = make()
    for input_, tensor in change.items():
        if tensor is None:
            del signature.inputs[input_]
        else:
            signature.inputs[input_] = tensor
    with pytest.raises(InputError, match=message):
        RankingSignature.of(signature, name)


def test_output_of_another_dtype():
    signature = ranking()
    signature.outputs["scores"] = TensorMetadata("int32", (None, None))
    with pytest.raises(InputError, match=r"scores \(float32, rank 2\).*different: scores\."):
        RankingSignature.of(signature)
