"""Requests of known ids with full histories, drawn by a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2

from sesrec_tf.errors import InputError
from sesrec_tf.schema import CLICKED_ITEMS, REC_ITEMS, HistoryShape, request_shapes
from sesrec_tf.servable.saved_model import serving_signatures
from sesrec_tf.servable.warmup import VOCABULARY_OF
from sesrec_tf.signatures import SERVING_DEFAULT
from sesrec_tf.version_layout import SAVED_MODEL_FILE

Strings = npt.NDArray[np.object_]
Vocabularies = dict[str, list[str]]


def read_servable(version: Path) -> tuple[HistoryShape, Vocabularies]:
    """Widths of `serving_default`, and the ids that a version knows, by vocabulary.

    Raises:
        InputError: if the directory holds no ranking model.
    """
    file = version / SAVED_MODEL_FILE
    try:
        inputs = serving_signatures(file.read_bytes())[SERVING_DEFAULT].inputs
        _, search, clicks = (dim.size for dim in inputs[CLICKED_ITEMS].tensor_shape.dim)
        rec = inputs[REC_ITEMS].tensor_shape.dim[1].size
    except (OSError, DecodeError, KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"{version} should be an exported version, BASE/<number>. Received: {error}."
        ) from error
    return HistoryShape(rec_length=rec, search_length=search, clicks=clicks), {
        name: _lines(version / "assets" / f"{name}.txt") for name in set(VOCABULARY_OF.values())
    }


def _lines(file: Path) -> list[str]:
    # Empty vocabularies are no assets.
    return file.read_text("utf-8").split("\n")[:-1] if file.exists() else []


def draw_request(
    random: np.random.Generator, vocabularies: Vocabularies, history: HistoryShape, candidates: int
) -> dict[str, Strings]:
    """The tensors of one user with `K` candidates."""
    request = {}
    for name, dims in request_shapes(history).items():
        shape = (1, *(candidates if size is None else size for size in dims))
        ids = np.array(vocabularies[VOCABULARY_OF[name]] or [""], np.object_)
        request[name] = random.choice(ids, shape)
    return request


def serialized(request: dict[str, Strings], model_name: str) -> bytes:
    """The `PredictRequest` of `serving_default`."""
    message = predict_pb2.PredictRequest()
    message.model_spec.name = model_name
    message.model_spec.signature_name = SERVING_DEFAULT
    for name, values in request.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.string))
    return message.SerializeToString()
