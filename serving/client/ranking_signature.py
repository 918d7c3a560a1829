"""Widths of a ranking model's inputs, read from the server's signature."""

from __future__ import annotations

from dataclasses import dataclass

from serving.client.model_metadata import SignatureMetadata, TensorMetadata
from sesrec_tf import schema
from sesrec_tf.errors import InputError
from sesrec_tf.signatures import (
    RECOMMEND,
    SERVING_DEFAULT,
    explanation_shapes,
    output_dtypes,
    recommend_shapes,
)

_SHAPE = schema.HistoryShape()


@dataclass(frozen=True)
class RankingSignature:
    """Widths that requests are padded to; `None` is free, as wide as the batch needs.

    Attributes:
        rec_length: `T_r`.
        search_length: `T_s`.
        clicks: `C`.
        candidates: `K`, free in this project's exports, and in `recommend`, which has none.
    """

    rec_length: int | None
    search_length: int | None
    clicks: int | None
    candidates: int | None

    @classmethod
    def of(cls, signature: SignatureMetadata, name: str = SERVING_DEFAULT) -> RankingSignature:
        """Checks that a signature is what the contract says of its name, and reads its widths.

        Args:
            signature: as the server reports it.
            name: `serving_default`, `explain` or `recommend`.

        Raises:
            InputError: if inputs or outputs have other names, dtypes or ranks.
        """
        ranks = _input_ranks(name)
        _check_tensors("inputs", signature.inputs, dict.fromkeys(ranks, "string"), ranks)
        extra = sorted(set(signature.inputs) - set(ranks))
        if extra:
            raise InputError(f"the model wants inputs that a ranking model has not: {extra}.")
        _check_tensors("outputs", signature.outputs, output_dtypes(name), _output_ranks(name))
        return cls(
            rec_length=_width(signature, schema.REC_ITEMS, 1),
            search_length=_width(signature, schema.QUERIES, 1),
            clicks=_width(signature, schema.CLICKED_ITEMS, 2),
            candidates=_width(signature, schema.CANDIDATES, 1),
        )


def output_names(name: str) -> list[str]:
    """Every output of a signature."""
    return list(output_dtypes(name))


def _input_ranks(name: str) -> dict[str, int]:
    shapes = recommend_shapes(_SHAPE) if name == RECOMMEND else schema.request_shapes(_SHAPE)
    return {input_: 1 + len(dims) for input_, dims in shapes.items()}


def _output_ranks(name: str) -> dict[str, int]:
    return {
        output: 1 + len(explanation_shapes(_SHAPE).get(output, (None,)))
        for output in output_dtypes(name)
    }


def _width(signature: SignatureMetadata, name: str, axis: int) -> int | None:
    shape = signature.inputs[name].shape if name in signature.inputs else None
    return None if shape is None else shape[axis]


def _check_tensors(
    kind: str, tensors: dict[str, TensorMetadata], dtypes: dict[str, str], ranks: dict[str, int]
) -> None:
    wrong = [
        name
        for name, dtype in dtypes.items()
        if name not in tensors
        or tensors[name].dtype != dtype
        or _rank(tensors[name]) not in (ranks[name], None)
    ]
    if wrong:
        expected = ", ".join(f"{name} ({dtypes[name]}, rank {ranks[name]})" for name in dtypes)
        raise InputError(
            f"the model is no ranking model: its {kind} should be {expected}. "
            f"Missing or different: {', '.join(wrong)}. Received: {', '.join(sorted(tensors))}."
        )


def _rank(tensor: TensorMetadata) -> int | None:
    return None if tensor.shape is None else len(tensor.shape)
