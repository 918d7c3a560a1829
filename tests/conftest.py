"""Settings of every test, and one tiny world shared by all: logs, data set, trained run."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

# Before the first import of TensorFlow, which reads it once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow reads this when `tf.keras` is first used, which some test may do before those of
# TensorFlow Recommenders, which needs it (TensorBoard's hyperparameter plugin uses it on import).
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from sesrec_tf.config import Config
    from sesrec_tf.data.log_tables import LogTables
    from sesrec_tf.data.prepared import PreparedDataset
    from sesrec_tf.training.run_directory import RunDirectory

USERS, ITEMS, WORDS = 48, 60, 24
NEGATIVES = 19


def pytest_runtest_call(item: pytest.Item) -> None:
    """Draws without a seed of their own do not depend on the tests that ran before."""
    del item
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(20230723)


def item_id(number: int) -> str:
    """Ids that a careless reader would change: leading zeros, `NA`, letters beyond ASCII."""
    return {0: "NA", 1: "007", 2: "größe"}.get(number, f"i{number}")


def _interactions(random: np.random.Generator) -> pd.DataFrame:
    """5 to 12 events a user at even times; the last ones of every fourth are of new items."""
    rows = []
    for user in range(USERS):
        length = int(random.integers(5, 13))
        for position in range(length):
            item = int(random.beta(1, 2) * ITEMS)
            late = user % 4 == 0 and position >= length - 2
            name = f"new{user}_{position}" if late else item_id(item)
            rows.append((f"u{user}", name, 10 * position + 10))
    rows += [("brief", item_id(3), 10), ("brief", item_id(4), 20)]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])


def _searches(random: np.random.Generator, interactions: pd.DataFrame) -> pd.DataFrame:
    """0 to 9 sessions a user at odd times, some with many words, clicks or nothing at all.

    Every third user also searches just before the last interaction, which training never sees.
    """
    rows = []
    for user in range(USERS):
        for session in range(user % 10):
            words = [f"w{int(random.beta(1, 2) * WORDS)}" for _ in range(random.integers(1, 6))]
            clicks = [item_id(int(random.integers(ITEMS))) for _ in range(random.integers(0, 5))]
            source = ("typed", "suggested", "")[int(random.integers(3))]
            # Two spaces now and then: the text is the query's id, its words do not change.
            query = ("  " if session == 3 else " ").join(words)
            rows.append((f"u{user}", f"s{session}", query, source, " ".join(clicks), 15 * session))
        if user % 3 == 0:
            last = 10 * int((interactions["user_id"] == f"u{user}").sum())
            clicks = f"{item_id(user)} late{user}"
            rows.append((f"u{user}", "late", f"w1 rare{user}", "voice", clicks, last - 5))
    columns = ["user_id", "session_id", "query", "source", "clicked_item_ids", "timestamp"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="session")
def tiny_logs() -> LogTables:
    """48 users, 60 items in 4 brands and 6 two-level categories, 5 to 12 interactions a user.

    Users have 0 to 9 searches of 1 to 5 words and 0 to 4 clicks, from two sources or none. The
    last two interactions of every fourth user are with items that training never sees; the last
    search of every third user has a query, a word, a source and a click of that kind. Users have
    an attribute `age`, absent for some.
    """
    from sesrec_tf.data.log_tables import LogTables

    random = np.random.default_rng(7)
    items = pd.DataFrame(
        {
            "item_id": [item_id(number) for number in range(ITEMS)],
            "brand": [f"b{number % 4}" for number in range(ITEMS)],
            "category": [f"c{number % 2} > d{number % 6}" for number in range(ITEMS)],
        }
    )
    users = pd.DataFrame(
        {
            "user_id": [f"u{number}" for number in range(USERS)],
            "age": [("", "18-24", "25-34")[number % 3] for number in range(USERS)],
        }
    )
    interactions = _interactions(random)
    return LogTables(interactions, _searches(random, interactions), items, users)


@pytest.fixture(scope="session")
def tiny_data(tiny_logs: LogTables, tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """`tiny_logs` prepared: `T_r` 6, `T_s` 4, `L` 3, `C` 2, 1 + 19 candidates."""
    from sesrec_tf.data.preparation import prepare
    from sesrec_tf.data.prepare_options import PrepareOptions

    options = PrepareOptions(
        max_rec=6, max_searches=4, max_clicks=2, max_words=3, num_negatives=NEGATIVES
    )
    return prepare(tiny_logs, options, tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(scope="session")
def tiny_config(tiny_data: PreparedDataset) -> Config:
    """One epoch of a model of width 20 with every part of SESRec switched on."""
    from sesrec_tf.config import Config, ModelConfig, TrainingConfig

    model = ModelConfig(
        item_width=8,
        item_attribute_width=4,
        user_width=8,
        user_attribute_width=4,
        query_width=8,
        word_width=8,
        heads=2,
        hidden_units=(32, 16),
        alignment_negatives=16,
    )
    training = TrainingConfig(epochs=1, batch_size=32, optimizer="lazy_adam", learning_rate=0.005)
    return Config(tiny_data.history, model, training)


@pytest.fixture(scope="session")
def tiny_run(
    tiny_data: PreparedDataset, tiny_config: Config, tmp_path_factory: pytest.TempPathFactory
) -> RunDirectory:
    """`tiny_config` trained on `tiny_data`; copy the directory before changing it."""
    from sesrec_tf.training.run_directory import RunDirectory
    from sesrec_tf.training.strategy import choose_strategy
    from sesrec_tf.training.trainer import Trainer

    path = tmp_path_factory.mktemp("runs") / "tiny"
    run = RunDirectory.create(path, tiny_config, tiny_data, ["CPU"])
    Trainer(tiny_config, tiny_data, run, choose_strategy()).fit()
    return run


@pytest.fixture(scope="session")
def tiny_servable(tiny_run: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny_run` published as version 1 under a base path of its own; read only."""
    from sesrec_tf.loading import load
    from sesrec_tf.servable.publish import publish

    return publish(load(tiny_run.path), tiny_run, tmp_path_factory.mktemp("base"))
