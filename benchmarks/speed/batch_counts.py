"""What training batches hold, counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sesrec_tf.schema import CLICKED_ITEMS, PADDING, QUERIES, QUERY_WORDS, REC_ITEMS


def batch_counts(batches: Iterable[dict[str, Any]]) -> dict[str, float]:
    """The fields of `BatchCounts`, means over batches of numpy arrays."""
    found = [_counts(batch) for batch in batches]
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def _counts(batch: dict[str, Any]) -> dict[str, int]:
    clicked = batch[CLICKED_ITEMS]
    pairs = (clicked != PADDING) & (batch[QUERIES] != PADDING)[..., None]
    texts = np.concatenate([batch[QUERIES][..., None], batch[QUERY_WORDS]], axis=-1)
    distinct = np.unique(texts.reshape(-1, texts.shape[-1]), axis=0)
    return {
        "pairs": int(pairs.sum()),
        "queries": len(np.unique(texts[pairs.any(-1)], axis=0)),
        "clicked": len(np.unique(clicked[pairs])),
        "items": len(np.union1d(batch[REC_ITEMS], clicked)),
        "words": int((distinct[:, 1:] != PADDING).sum()),
    }
