"""The model of a bulk scoring, before any worker loads it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from sesrec_tf.errors import InputError
from sesrec_tf.servable.saved_model import serving_signatures
from sesrec_tf.signatures import EXAMPLES, PROBABILITIES, SCORES
from sesrec_tf.version_layout import SAVED_MODEL_FILE, version_number


def require_model(path: str) -> None:
    """Checks that a version can score requests.

    Args:
        path: `BASE/<version>`, also as a URL that TensorFlow knows.

    Raises:
        InputError: if there is no SavedModel, or none with the signature `examples`.
    """
    found = _read(path)
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


def _read(path: str) -> dict[str, Any]:
    try:
        if not tf.io.gfile.exists(f"{path}/{SAVED_MODEL_FILE}"):
            raise InputError(
                f"{path} holds no SavedModel: expected the directory of a version, "
                f"BASE/<version>.{_advice(path)} Export one with `python -m sesrec_tf.export`."
            )
        with tf.io.gfile.GFile(f"{path}/{SAVED_MODEL_FILE}", "rb") as file:
            return serving_signatures(file.read())
    except (tf.errors.OpError, DecodeError) as error:
        raise InputError(
            f"cannot read {path}/{SAVED_MODEL_FILE} ({error}). Expected a whole SavedModel. Export "
            "the run again with `python -m sesrec_tf.export`."
        ) from error


def _advice(path: str) -> str:
    """The newest version, where the base path was named."""
    inside = tf.io.gfile.listdir(path) if tf.io.gfile.isdir(path) else []
    # Of a URL, names of directories end in a slash.
    numbers = [version_number(name.rstrip("/")) for name in inside]
    versions = [number for number in numbers if number is not None]
    return f" Did you mean {path.rstrip('/')}/{max(versions)}?" if versions else ""
