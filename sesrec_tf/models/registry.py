"""Models by name, and how one is made for a prepared data set."""

from __future__ import annotations

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.sesrec import SESRec

MODELS: dict[str, type[SESRec]] = {"sesrec": SESRec}


def create_model(config: Config, prepared: PreparedDataset) -> RankingModel:
    """The configured model with the row counts and constant tables of a data set.

    Args:
        config: the run's settings.
        prepared: the data set, or the copy of its vocabularies and tables in a run.

    Raises:
        InputError: for a name no model has.
    """
    if config.model.name not in MODELS:
        raise InputError(
            f"`model` should be one of {', '.join(sorted(MODELS))}. "
            f"Received: {config.model.name!r}."
        )
    model = MODELS[config.model.name](
        config=config.model,
        history=config.history,
        sizes=prepared.sizes,
        distinct_queries=len(prepared.query_table[0]),
        seed=config.training.seed % 2**31,
    )
    model.set_tables(prepared)
    return model
