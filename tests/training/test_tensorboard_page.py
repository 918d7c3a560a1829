"""What a person sees: a TensorBoard server over a real run, in headless Chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.tensorboard_report import TensorBoardReport
from sesrec_tf.training.trainer import Trainer
from tests.training.browser import Browser, require_browser, shows

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require_browser()
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def run(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory
) -> RunDirectory:
    path = tmp_path_factory.mktemp("page") / "shop"
    config = tiny_config.replace("training", epochs=2)
    run = RunDirectory.create(path, config, tiny_data, ["CPU"])
    report = TensorBoardReport(run.path / "tensorboard", config, tiny_data)
    Trainer(config, tiny_data, run, tf.distribute.get_strategy(), (report,)).fit()
    return run


@pytest.fixture(scope="module")
def address(run: RunDirectory) -> Iterator[str]:
    """Of `tensorboard --logdir` over the directory that holds the run."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(run.path.parent)]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        yield _address(server)
    finally:
        server.terminate()
        server.wait()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    lines = []
    for line in server.stderr:
        lines.append(line)
        if found := re.search(r"http://\S+:\d+/", line):
            return found[0]
    raise RuntimeError("tensorboard ended before it was ready:\n" + "".join(lines))


RUNS = ("shop/tensorboard/best", "shop/tensorboard/epochs", "shop/tensorboard/steps")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(
            "#scalars",
            (
                *RUNS,
                "loss",
                "loss/alignment_i2q",
                "loss/alignment_q2i",
                "loss/bce",
                "loss/contrast_rec",
                "loss/contrast_search",
                "loss/l2",
                "loss/total",
                "running_loss",
                "training",
                "validation",
            ),
            id="scalars",
        ),
        pytest.param(
            "?smoothing=0&tagFilter=training%7Cndcg%7Cmrr#timeseries",
            (
                *RUNS,
                # This page shows a tag as two texts.
                "validation\n/ndcg@5",
                "validation\n/ndcg@10",
                "validation\n/mrr",
                "training\n/learning_rate",
                "training\n/examples_per_second",
                "training\n/temperature",
            ),
            id="metrics",
        ),
        pytest.param(
            "#text", ("configuration", "data", "shop/tensorboard/epochs", "step\n0"), id="text"
        ),
        pytest.param(
            "#hparams",
            ("data", "model.heads", "training.learning_rate", "validation/ndcg@10"),
            id="hparams",
        ),
        pytest.param("#projector", ("items", "queries", "count", "Dimension:\n20"), id="projector"),
        pytest.param("#histograms", ("weights/alignment/bilinear",), id="histograms"),
    ],
)
def test_page(
    page: str, expected: tuple[str, ...], browser: Browser, address: str, tmp_path: Path
) -> None:
    text = browser.open_until(f"{address}{page}", expected)
    browser.screenshot(tmp_path / "page.png")
    missing = [each for each in expected if not shows(text, each)]
    assert not missing, f"{missing} not on the page, see {tmp_path / 'page.png'}"
    assert _colours(tmp_path / "page.png") > 20


def _colours(file: Path) -> int:
    pixels = tf.io.decode_png(file.read_bytes(), channels=3).numpy().reshape(-1, 3)
    return len(np.unique(pixels, axis=0))
