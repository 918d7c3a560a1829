"""Widths of a ranking model's inputs, read from the server's signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving import wire_messages as wire
from sesrec_tf import schema
from sesrec_tf.errors import InputError
from sesrec_tf.signatures import PROBABILITIES, SCORES

_INPUT_RANKS = {
    name: 1 + len(dims) for name, dims in schema.request_shapes(schema.HistoryShape()).items()
}


@dataclass(frozen=True)
class RankingSignature:
    """Widths that requests are padded to; `None` is free, as wide as the batch needs.

    Attributes:
        rec_length: `T_r`.
        search_length: `T_s`.
        clicks: `C`.
        candidates: `K`, free in this project's exports.
    """

    rec_length: int | None
    search_length: int | None
    clicks: int | None
    candidates: int | None

    @classmethod
    def from_signature_def(cls, signature: Any) -> RankingSignature:
        """Checks that a `SignatureDef` is that of a ranking model and reads its widths.

        Raises:
            InputError: if inputs or outputs have other names, dtypes or ranks.
        """
        _check_tensors("inputs", signature.inputs, _INPUT_RANKS, wire.DT_STRING)
        extra = sorted(set(signature.inputs) - set(_INPUT_RANKS))
        if extra:
            raise InputError(f"the model wants inputs that a ranking model has not: {extra}.")
        outputs = {SCORES: 2, PROBABILITIES: 2}
        _check_tensors("outputs", signature.outputs, outputs, wire.DT_FLOAT)
        return cls(
            rec_length=_width(signature, schema.REC_ITEMS, 1),
            search_length=_width(signature, schema.QUERIES, 1),
            clicks=_width(signature, schema.CLICKED_ITEMS, 2),
            candidates=_width(signature, schema.CANDIDATES, 1),
        )


def _width(signature: Any, name: str, axis: int) -> int | None:
    size = signature.inputs[name].tensor_shape.dim[axis].size
    return size if size >= 0 else None


def _check_tensors(kind: str, tensors: Any, ranks: dict[str, int], dtype: int) -> None:
    wrong = [
        name
        for name, rank in ranks.items()
        if name not in tensors
        or tensors[name].dtype != dtype
        or len(tensors[name].tensor_shape.dim) != rank
    ]
    if wrong:
        expected = ", ".join(f"{name} of rank {rank}" for name, rank in ranks.items())
        raise InputError(
            f"the model is no ranking model: its {kind} should be {expected}, of DataType {dtype}. "
            f"Missing or different: {', '.join(wrong)}. Received: {', '.join(sorted(tensors))}."
        )
