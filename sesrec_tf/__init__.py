"""SESRec in TensorFlow and Keras: models that learn from search and recommendation together.

The public API, each name loaded when it is first used, so that `import sesrec_tf` is quick:

    load(run_dir): the model of a run with its best weights, a `RankingModel`.
    PreparedDataset(path): a prepared data set on disk.
    Config: settings of a run, from and to YAML.
    SESRec: the model of the paper, a Keras model over batches of indices.
    RankingMetrics: NDCG, hit rate and MRR with exact ties, as means and per instance.

Example:

    import sesrec_tf

    model = sesrec_tf.load("runs/first")
    logits = model(batch)                                  # [B, K]
    state = model.encode(batch)                            # once per user ...
    logits = model.score(state, candidates)                # ... for any number of candidates

A model saved by itself (`model.save("m.keras")`) is read by `keras.saving.load_model` once
`sesrec_tf.SESRec` has been used or `sesrec_tf.models.sesrec` imported, which registers it.

A batch is a dictionary of int32 tensors, see `sesrec_tf.schema.batch_shapes`. Training, evaluation
and export are commands: `python -m sesrec_tf.train`, `.evaluate`, `.export`, with `--help`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sesrec_tf.config import Config
    from sesrec_tf.data.prepared import PreparedDataset
    from sesrec_tf.evaluation.ranking_metrics import RankingMetrics
    from sesrec_tf.loading import load
    from sesrec_tf.models.sesrec import SESRec

__version__ = "0.1.0"

__all__ = ["Config", "PreparedDataset", "RankingMetrics", "SESRec", "__version__", "load"]

_MODULES = {
    "Config": "sesrec_tf.config",
    "PreparedDataset": "sesrec_tf.data.prepared",
    "RankingMetrics": "sesrec_tf.evaluation.ranking_metrics",
    "SESRec": "sesrec_tf.models.sesrec",
    "load": "sesrec_tf.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
