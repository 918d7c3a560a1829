"""Where TF Serving looks for versions of a model and for the parts of one."""

from __future__ import annotations

SAVED_MODEL_FILE = "saved_model.pb"
"""Relative to the version, as are all names here."""

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""An uncompressed TFRecord file of `PredictionLog` messages."""

ORIGIN_FILE = "assets.extra/origin.json"
"""Ours: which model the version holds; TF Serving leaves it alone."""

LARGEST_VERSION = 2**63 - 1


def version_number(name: str) -> int | None:
    """Number of the directory of that name, `None` if it is no version; "007" is version 7."""
    if not (name.isascii() and name.isdigit()) or int(name) > LARGEST_VERSION:
        return None
    return int(name)
