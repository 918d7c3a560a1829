"""Options and parameters of the NumPy reference of SESRec, one dataclass per block.

Dense kernels are `[in, out]` (`x @ kernel + bias`). Everything trainable is a float64 array, so
that `named_arrays` finds it; τ is an array of shape `[]`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Options:
    """The settings of the model that the equations depend on, named as in `ModelConfig`."""

    item_width: int = 32
    item_attribute_width: int = 8
    user_width: int = 32
    user_attribute_width: int = 8
    query_width: int = 16
    word_width: int = 16
    heads: int = 4
    blocks: int = 1
    hidden_units: tuple[int, ...] = (200, 80)
    threshold: str | float = "mean"
    threshold_strict: bool = False
    margin: float = 0.1
    alpha: float = 0.1
    beta: float = 0.001
    multi_interest: bool = True
    temperature: float = 0.1
    alignment_shared_bilinear: bool = True
    alignment_positive_in_denominator: bool = True
    alignment_reduction: str = "mean"
    project_candidates: bool = True
    mask_both_axes: bool = True
    closed_tables: bool = False

    @classmethod
    def of(cls, config: Any) -> Options:
        """The options of any object with attributes of these names, such as a `ModelConfig`."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: getattr(config, name) for name in names})


@dataclass(frozen=True)
class TableRows:
    """Rows of every embedding table, padding and unknown included where there are any."""

    users: int = 7
    items: int = 12
    queries: int = 9
    words: int = 10
    sources: int = 4
    item_attributes: tuple[int, ...] = ()
    user_attributes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dense:
    """`kernel [in, out]` and `bias [out]`."""

    kernel: Array
    bias: Array


@dataclass(frozen=True)
class Normalization:
    """`gamma` and `beta` of a layer normalisation, both `[d]`."""

    gamma: Array
    beta: Array


@dataclass(frozen=True)
class Embedding:
    """Tables, and the projections of (1).

    Attributes:
        item, user, query, word: `[rows, width]`.
        source: `M̂_s` of (3), `[rows, d]`.
        item_attributes, user_attributes: one `[rows, width]` table an attribute, in order.
        item_attribute_ids, user_attribute_ids: constant int32 `[item rows, attributes]` and
            `[user rows, attributes]`.
        item_projection: `W_i, b_i`, `[d_i, d]`; query_projection: `W_q, b_q`, `[d_q, d]`.
    """

    item: Array
    user: Array
    query: Array
    word: Array
    source: Array
    item_attributes: tuple[Array, ...]
    user_attributes: tuple[Array, ...]
    item_attribute_ids: Indices
    user_attribute_ids: Indices
    item_projection: Dense
    query_projection: Dense


@dataclass(frozen=True)
class TransformerBlock:
    """One block of (4)-(5), all kernels `[d, d]`.

    Head h of H reads columns `h·d/H : (h+1)·d/H` of the kernels of query, key and value, and the
    same rows of the kernel of output.
    """

    query: Dense
    key: Dense
    value: Dense
    output: Dense
    attention_norm: Normalization
    inner: Dense
    outer: Dense
    feed_forward_norm: Normalization


@dataclass(frozen=True)
class Encoder:
    """`positions [T, d]` of (2) or (3), and the blocks in order."""

    positions: Array
    blocks: tuple[TransformerBlock, ...]


@dataclass(frozen=True)
class Alignment:
    """`bilinear`: `W_A [d, d]`, query side first; `temperature`: τ, shape `[]`."""

    bilinear: Array
    temperature: Array


@dataclass(frozen=True)
class CoAttention:
    """`bilinear`: `W_l [d, d]`, search side first; `rec`: `w_r [d]`; `search`: `w_s [d]`."""

    bilinear: Array
    rec: Array
    search: Array


@dataclass(frozen=True)
class Interests:
    """`W_d [d, d]`, history side first, of the recommendation and of the search history."""

    rec: Array
    search: Array


@dataclass(frozen=True)
class Parameters:
    """Every parameter; `prediction` is the MLP of (21), hidden layers first, output `[h, 1]`."""

    embedding: Embedding
    rec_encoder: Encoder
    search_encoder: Encoder
    alignment: Alignment
    co_attention: CoAttention
    interests: Interests
    prediction: tuple[Dense, ...]


def named_arrays(parameters: Any, prefix: str = "") -> dict[str, Array]:
    """The trainable (float64) arrays of a block or of the whole, by dotted name.

    The arrays themselves, not copies: `central_differences` moves them in place.
    """
    if isinstance(parameters, np.ndarray):
        return {prefix: parameters} if parameters.dtype == np.float64 else {}
    if isinstance(parameters, tuple):
        children = [(str(index), child) for index, child in enumerate(parameters)]
    else:
        fields = dataclasses.fields(parameters)
        children = [(field.name, getattr(parameters, field.name)) for field in fields]
    arrays: dict[str, Array] = {}
    for name, child in children:
        arrays |= named_arrays(child, f"{prefix}.{name}" if prefix else name)
    return arrays


Draw = Callable[[str, tuple[int, ...]], Array]
"""Makes an array of a kind (`table`, `kernel`, `bias`, `gamma`, `temperature`) and a shape."""


def build_parameters(
    rows: TableRows, rec_length: int, search_length: int, options: Options, draw: Draw
) -> Parameters:
    """Parameters of every shape the options ask for, filled by `draw`; attribute ids are 0."""
    d = options.item_width + options.item_attribute_width * len(rows.item_attributes)
    d_user = options.user_width + options.user_attribute_width * len(rows.user_attributes)
    pooled = (6 if options.multi_interest else 2) * d
    return Parameters(
        embedding=_build_embedding(rows, d, options, draw),
        rec_encoder=_build_encoder(rec_length, d, options.blocks, draw),
        search_encoder=_build_encoder(search_length, d, options.blocks, draw),
        alignment=Alignment(draw("kernel", (d, d)), draw("temperature", ())),
        co_attention=CoAttention(
            draw("kernel", (d, d)), draw("kernel", (d,)), draw("kernel", (d,))
        ),
        interests=Interests(draw("kernel", (d, d)), draw("kernel", (d, d))),
        prediction=_build_mlp((pooled + d + d_user, *options.hidden_units, 1), draw),
    )


def _build_embedding(rows: TableRows, d: int, options: Options, draw: Draw) -> Embedding:
    width, user_width = options.item_attribute_width, options.user_attribute_width
    return Embedding(
        item=draw("table", (rows.items, options.item_width)),
        user=draw("table", (rows.users, options.user_width)),
        query=draw("table", (rows.queries, options.query_width)),
        word=draw("table", (rows.words, options.word_width)),
        source=draw("table", (rows.sources, d)),
        item_attributes=tuple(draw("table", (size, width)) for size in rows.item_attributes),
        user_attributes=tuple(draw("table", (size, user_width)) for size in rows.user_attributes),
        item_attribute_ids=np.zeros((rows.items, len(rows.item_attributes)), np.int32),
        user_attribute_ids=np.zeros((rows.users, len(rows.user_attributes)), np.int32),
        item_projection=_build_dense(d, d, draw),
        query_projection=_build_dense(options.query_width + options.word_width, d, draw),
    )


def _build_encoder(length: int, d: int, blocks: int, draw: Draw) -> Encoder:
    return Encoder(draw("table", (length, d)), tuple(_build_block(d, draw) for _ in range(blocks)))


def _build_block(d: int, draw: Draw) -> TransformerBlock:
    dense = [_build_dense(d, d, draw) for _ in range(6)]
    norms = [Normalization(draw("gamma", (d,)), draw("bias", (d,))) for _ in range(2)]
    return TransformerBlock(*dense[:4], norms[0], *dense[4:], norms[1])


def _build_mlp(widths: tuple[int, ...], draw: Draw) -> tuple[Dense, ...]:
    return tuple(_build_dense(*pair, draw) for pair in pairwise(widths))


def _build_dense(inputs: int, outputs: int, draw: Draw) -> Dense:
    return Dense(draw("kernel", (inputs, outputs)), draw("bias", (outputs,)))


def random_parameters(
    rng: np.random.Generator,
    rows: TableRows,
    rec_length: int,
    search_length: int,
    options: Options,
) -> Parameters:
    """Parameters of order one everywhere, and random attribute ids.

    Scales are chosen so that no softmax saturates and no bias is zero; rows of padding are zero,
    as the specification asks, and have attribute ids 0.
    """

    def draw(kind: str, shape: tuple[int, ...]) -> Array:
        if kind == "temperature":
            return np.array(rng.uniform(0.3, 0.8))
        center, scale = {
            "table": (0.0, 1.0),
            "kernel": (0.0, 1 / np.sqrt(shape[0])),
            "bias": (0.0, 0.3),
            "gamma": (1.0, 0.3),
        }[kind]
        return rng.normal(center, scale, shape)

    parameters = build_parameters(rows, rec_length, search_length, options, draw)
    embedding = parameters.embedding
    padded = [embedding.item, embedding.query, embedding.word]
    if not options.closed_tables:
        padded += [embedding.user, embedding.source]
        padded += [*embedding.item_attributes, *embedding.user_attributes]
    for table in padded:
        table[0] = 0.0
    first = 0 if options.closed_tables else 1
    for ids, sizes in (
        (embedding.item_attribute_ids, rows.item_attributes),
        (embedding.user_attribute_ids, rows.user_attributes),
    ):
        for column, size in enumerate(sizes):
            ids[first:, column] = rng.integers(first, size, len(ids) - first)
    embedding.item_attribute_ids[0] = 0
    return parameters
