"""The model of a bulk scoring, before any worker loads it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from sesrec_tf.errors import InputError
from sesrec_tf.signatures import EXAMPLES, PROBABILITIES, SCORES

_FILE = "saved_model.pb"


def require_model(path: str) -> None:
    """Checks that a version can score requests.

    Args:
        path: `BASE/<version>`, also as a URL that TensorFlow knows.

    Raises:
        InputError: if there is no SavedModel, or none with the signature `examples`.
    """
    graphs = _read(path).meta_graphs
    signatures = [graph for graph in graphs if tf.saved_model.SERVING in graph.meta_info_def.tags]
    found = signatures[0].signature_def if signatures else {}
    if EXAMPLES not in found:
        raise InputError(
            f"{path} has no signature `{EXAMPLES}`. Expected one that takes serialized tf.Example "
            f"messages. Received: {', '.join(sorted(found)) or 'none'}. Export the run again with "
            "`python -m sesrec_tf.export`."
        )
    signature = found[EXAMPLES]
    inputs = {name: each.dtype for name, each in signature.inputs.items()}
    outputs = {name: each.dtype for name, each in signature.outputs.items()}
    string, number = tf.string.as_datatype_enum, tf.float32.as_datatype_enum
    if inputs != {EXAMPLES: string} or outputs != {SCORES: number, PROBABILITIES: number}:
        raise InputError(
            f"{path} is no ranking model: its signature `{EXAMPLES}` should take {EXAMPLES} and "
            f"give {SCORES} and {PROBABILITIES}. Received: {', '.join(sorted(inputs))} and "
            f"{', '.join(sorted(outputs))}. Name another version."
        )


def _read(path: str) -> Any:
    try:
        if not tf.io.gfile.exists(f"{path}/{_FILE}"):
            raise InputError(
                f"{path} holds no SavedModel: expected the directory of a version, "
                f"BASE/<version>.{_advice(path)} Export one with `python -m sesrec_tf.export`."
            )
        with tf.io.gfile.GFile(f"{path}/{_FILE}", "rb") as file:
            return saved_model_pb2.SavedModel.FromString(file.read())
    except (tf.errors.OpError, DecodeError) as error:
        raise InputError(
            f"cannot read {path}/{_FILE} ({error}). Expected a whole SavedModel. Export the run "
            "again with `python -m sesrec_tf.export`."
        ) from error


def _advice(path: str) -> str:
    """The newest version, where the base path was named."""
    inside = tf.io.gfile.listdir(path) if tf.io.gfile.isdir(path) else []
    # Of a URL, names of directories end in a slash.
    names = [name.rstrip("/") for name in inside]
    versions = [int(name) for name in names if name.isascii() and name.isdecimal()]
    return f" Did you mean {path.rstrip('/')}/{max(versions)}?" if versions else ""
