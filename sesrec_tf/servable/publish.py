"""From a model to a version that TF Serving can load."""

from __future__ import annotations

from pathlib import Path

from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.servable.origin import write_origin
from sesrec_tf.servable.servable import Servable
from sesrec_tf.servable.versions import publish_version
from sesrec_tf.servable.warmup import write_warmup
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.two_stages import TwoStages


def publish(
    model: RankingModel,
    run: RunDirectory,
    base: str | Path,
    version: int | None = None,
    two_stages: TwoStages | None = None,
) -> Path:
    """Publishes a model of a run.

    Args:
        model: with the weights to serve.
        run: whose settings and vocabularies the model was built with.
        base: directory of the versions, made if absent.
        version: number to publish under; the next free one when `None`.
        two_stages: two stages over the model, for the signature `recommend`.

    Returns:
        `BASE/<version>`: a SavedModel with the signatures of `Servable`, the vocabularies as
        assets, warm-up requests, and a record of the model it holds.

    Raises:
        InputError: if the version cannot be published, or a vocabulary is missing or damaged.
    """
    servable = Servable(model, run.dataset, run.config.history, two_stages)

    def write(path: Path) -> None:
        servable.write(path)
        write_warmup(path, servable.signatures, run.dataset, servable.history)
        write_origin(path, model, run, two_stages)

    return publish_version(base, write, version)
