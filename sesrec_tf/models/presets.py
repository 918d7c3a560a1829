"""Named settings: the two published configurations and the ones of this project."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sesrec_tf.config import Config, ModelConfig, TrainingConfig
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape, VocabularySizes


@dataclass(frozen=True)
class Preset:
    """Settings under a name.

    Attributes:
        config: the settings.
        sizes: published vocabulary sizes, for building the model without data; or `None`.
    """

    config: Config
    sizes: VocabularySizes | None = None


PRESETS = {
    "kindle": Preset(
        Config(HistoryShape(15, 15, 15, 1), ModelConfig(), TrainingConfig()),
        VocabularySizes(users=68_223, items=61_934, queries=4_298, words=1_846, sources=0),
    ),
    "demo": Preset(
        Config(
            HistoryShape(),
            ModelConfig(alignment_negatives=128, embedding_initialization=0.05),
            TrainingConfig(
                epochs=8,
                optimizer="lazy_adam",
                learning_rate=3e-3,
                negative_distribution="uniform",
            ),
        ),
    ),
    # Chosen on the validation split of Amazon Beauty, see docs/results.md.
    "sparse": Preset(
        Config(
            HistoryShape(),
            ModelConfig(user_width=8, dropout=0.2, alpha=0.001, alignment_negatives=256),
            TrainingConfig(
                epochs=40,
                optimizer="lazy_adam",
                learning_rate=4e-3,
                weight_decay=5e-5,
                negatives=9,
                negative_distribution="uniform",
                unknown_rate=0.25,
                # The average does what lowering the rate would, and overfits less.
                weight_average=0.7,
                minimum_learning_rate=4e-3,
                early_stopping_patience=2,
            ),
        ),
    ),
    "kuaishou": Preset(
        Config(
            HistoryShape(rec_length=150, search_length=25, query_words=6, clicks=5),
            ModelConfig(
                user_width=16, user_attribute_width=4, query_width=32, word_width=32, heads=2
            ),
            TrainingConfig(weight_decay=1e-6, plateau_patience=1, early_stopping_patience=2),
        ),
        VocabularySizes(
            users=35_721,
            items=822_832,
            queries=398_924,
            words=116_569,
            sources=4,
            item_attributes=(("type", 38), ("category", 37)),
            user_attributes=(("gender", 3), ("age", 8), ("search_level", 4)),
        ),
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        InputError: if there is none.
    """
    if name not in PRESETS:
        raise InputError(
            f"`preset` should be one of {', '.join(sorted(PRESETS))}. Received: {name!r}."
        )
    return PRESETS[name]


def parity(config: Config) -> Config:
    """The official code's choices wherever another one can be made.

    Tables without unknown rows, an untransposed similarity for items to queries, padding only
    masked in the softmax of the co-attention, a free temperature, Torch's fans, dense Adam, the
    weights themselves and no id replaced by the unknown one, and none of the slides' choices.
    Sizes, rates and the distribution of negatives stay; its unshuffled sampling is an option of
    its own.
    """
    model = replace(
        config.model,
        closed_tables=True,
        threshold_strict=False,
        alignment_shared_bilinear=False,
        alignment_positive_in_denominator=True,
        alignment_reduction="mean",
        project_candidates=True,
        mask_both_axes=False,
        minimum_temperature=None,
        initialization="torch",
    )
    training = replace(
        config.training, optimizer="adam", unknown_rate=0.0, weight_average=0.0, epsilon=1e-8
    )
    return Config(config.history, model, training)
