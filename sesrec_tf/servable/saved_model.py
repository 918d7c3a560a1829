"""Signatures of a SavedModel, read without loading it."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2


def serving_signatures(content: bytes) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Signatures of the graph tagged `serve` alone, by name; none if there is no such graph.

    Args:
        content: of `SAVED_MODEL_FILE`.

    Raises:
        google.protobuf.message.DecodeError: if the content is no SavedModel.
    """
    for graph in saved_model_pb2.SavedModel.FromString(content).meta_graphs:
        if set(graph.meta_info_def.tags) == {tf.saved_model.SERVING}:
            return dict(graph.signature_def)
    return {}
