"""The reference's arrays under the paths of the layers' weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def below(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays of one block, without the block's name."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }


def under(prefix: str, weights: Arrays) -> dict[str, np.ndarray]:
    """Weights as those of a layer within another one."""
    return {f"{prefix}/{path}": array for path, array in weights.items()}


def attention_weights(block: Arrays) -> dict[str, np.ndarray]:
    """`SelfAttention`: query, key and value side by side in one matrix."""
    packed = ("query", "key", "value")
    return {
        "projection_kernel": np.concatenate([block[f"{name}.kernel"] for name in packed], 1),
        "projection_bias": np.concatenate([block[f"{name}.bias"] for name in packed]),
        "output_kernel": block["output.kernel"],
        "output_bias": block["output.bias"],
    }


def block_weights(block: Arrays) -> dict[str, np.ndarray]:
    """`TransformerBlock`."""
    weights = under("attention", attention_weights(block))
    for norm in ("attention_norm", "feed_forward_norm"):
        weights |= under(norm, below(norm, block))
    for dense in ("inner", "outer"):
        weights |= under(dense, below(dense, block))
    return weights


def encoder_weights(encoder: Arrays) -> dict[str, np.ndarray]:
    """`HistoryEncoder`."""
    weights = {"positions": encoder["positions"]}
    number = 0
    while block := below(f"blocks.{number}", encoder):
        weights |= under(f"block_{number}", block_weights(block))
        number += 1
    return weights


def entity_weights(kind: str, embedding: Arrays) -> dict[str, np.ndarray]:
    """`EntityEmbedding` of users or items (`kind` is `user` or `item`)."""
    attributes = below(f"{kind}_attributes", embedding)
    tables = {f"attribute_{number}/table": array for number, array in attributes.items()}
    return {"ids/table": embedding[kind], **tables}


def query_weights(embedding: Arrays) -> dict[str, np.ndarray]:
    """`QueryEmbedding`."""
    return {"ids/table": embedding["query"], "words/table": embedding["word"]}


def co_attention_weights(block: Arrays) -> dict[str, np.ndarray]:
    """`CoAttention`."""
    return {
        "bilinear": block["bilinear"],
        "rec_vector": block["rec"],
        "search_vector": block["search"],
    }


def prediction_weights(layers: Arrays) -> dict[str, np.ndarray]:
    """`Prediction`."""
    weights = {}
    for name, array in layers.items():
        number, _, part = name.partition(".")
        weights[f"{part}_{number}"] = array
    return weights


def sesrec_weights(arrays: Arrays) -> dict[str, np.ndarray]:
    """`SESRec`, of all arrays of the reference."""
    embedding = below("embedding", arrays)
    weights = {
        **under("users", entity_weights("user", embedding)),
        **under("items", entity_weights("item", embedding)),
        **under("queries", query_weights(embedding)),
        "search_event/sources/table": embedding["source"],
        **under("contrast/co_attention", co_attention_weights(below("co_attention", arrays))),
        **under("prediction", prediction_weights(below("prediction", arrays))),
        **under("alignment", below("alignment", arrays)),
    }
    for side in ("rec", "search"):
        name = f"{side}_encoder"
        weights |= under(name, encoder_weights(below(name, arrays)))
        weights[f"{side}_interest/bilinear"] = arrays[f"interests.{side}"]
    for projection in ("item_projection", "query_projection"):
        weights |= under(projection, below(projection, embedding))
    return weights
