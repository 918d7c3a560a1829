"""Names of weights that are the same for every model of a kind."""

from __future__ import annotations


def name_in_model(path: str) -> str:
    """The path of a layer or variable without its first part, the model's own name.

    That name depends on how many models the process has made before.
    """
    return path.split("/", 1)[-1]
