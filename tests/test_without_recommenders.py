"""The package without TensorFlow Recommenders, and beside a `tf.keras` that it cannot use."""

from __future__ import annotations

import importlib
import importlib.abc
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import keras
import pytest
import tensorflow as tf

import sesrec_tf
from sesrec_tf.errors import InputError
from sesrec_tf.retrieval import require_recommenders
from sesrec_tf.servable.publish import publish
from sesrec_tf.training.run_directory import RunDirectory
from tests.new_process import in_new_process


class _Blocker(importlib.abc.MetaPathFinder):
    """Finds that a package is not installed."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def _work_without_it(run: Path, base: Path) -> tuple[list[str], str]:
    """Imports all modules and publishes; then asks for retrieval."""
    sys.meta_path.insert(0, _Blocker("tensorflow_recommenders"))
    names = [module.name for module in pkgutil.walk_packages(sesrec_tf.__path__, "sesrec_tf.")]
    for name in names:
        importlib.import_module(name)
    version = publish(sesrec_tf.load(run), RunDirectory.open(run), base)
    assert set(tf.saved_model.load(str(version)).signatures) >= {"serving_default"}
    try:
        require_recommenders()
    except InputError as error:
        return names, str(error)
    return names, ""


def test_only_retrieval_needs_it(tiny_run: RunDirectory, tmp_path: Path) -> None:
    names, message = in_new_process(_work_without_it, tiny_run.path, tmp_path)
    assert {"sesrec_tf.train", "sesrec_tf.retrieve", "sesrec_tf.two_stages"} < {*names}
    assert "pip install tensorflow-recommenders" in message


def _ask_without_keras_2() -> str:
    sys.meta_path.insert(0, _Blocker("tf_keras"))
    try:
        require_recommenders()
    except InputError as error:
        return str(error)
    return ""


def test_keras_2_is_needed_too() -> None:
    message = in_new_process(_ask_without_keras_2)
    assert "pip install tensorflow-recommenders tf-keras" in message


def _ask_too_late() -> str:
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    assert tf.keras.version().startswith("3.")
    try:
        require_recommenders()
    except InputError as error:
        return str(error)
    return ""


def test_too_late_is_said() -> None:
    assert "TF_USE_LEGACY_KERAS=1" in in_new_process(_ask_too_late)


def _models_of_both() -> tuple[str, str]:
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    package = require_recommenders()
    return package.tasks.Retrieval.__mro__[1].__module__, keras.layers.Layer.__module__


@pytest.mark.skipif(
    find_spec("tensorflow_recommenders") is None, reason="needs TensorFlow Recommenders"
)
def test_sets_the_switch_itself_and_leaves_keras_alone() -> None:
    """In a process where nothing has used `tf.keras`, such as the commands'."""
    theirs, ours = in_new_process(_models_of_both)
    assert theirs.startswith("tf_keras")
    assert ours.startswith("keras.")
