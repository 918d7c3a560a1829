"""SESRec: search-enhanced sequential recommendation (SIGIR 2023)."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from sesrec_tf.config import ModelConfig
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.layers.alignment_negatives import AlignmentNegatives
from sesrec_tf.layers.distinct_rows import distinct_ids, distinct_vectors
from sesrec_tf.layers.entity_embedding import EntityEmbedding
from sesrec_tf.layers.flat_dense import FlatDense
from sesrec_tf.layers.history_encoder import HistoryEncoder
from sesrec_tf.layers.id_embedding import IdEmbedding
from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.interest_contrast import InterestContrast
from sesrec_tf.layers.masking import masked_mean
from sesrec_tf.layers.multi_interest import MultiInterest
from sesrec_tf.layers.prediction import Prediction
from sesrec_tf.layers.query_embedding import QueryEmbedding
from sesrec_tf.layers.query_item_alignment import QueryItemAlignment
from sesrec_tf.layers.search_event import SearchEvent
from sesrec_tf.models.ranking_model import RankingModel, State
from sesrec_tf.schema import (
    CLICK_PAIRS,
    CLICKED_ITEMS,
    PADDING,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    USER,
    HistoryShape,
    VocabularySizes,
)
from sesrec_tf.signatures import DISSIMILAR, INTEREST_WEIGHTS, SIMILAR, WEIGHTS, explained

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class SESRec(RankingModel):
    """The model of equations (1)-(23); logits, not probabilities.

    Args:
        config: the model's settings.
        history: widths of a batch.
        sizes: known ids of every vocabulary.
        distinct_queries: rows of the table of training queries, from which the alignment
            negatives are drawn; by default as many as known queries.
        seed: of dropout and the alignment negatives.

    Raises:
        InputError: if `heads` does not divide `d`.
    """

    def __init__(
        self,
        config: ModelConfig,
        history: HistoryShape,
        sizes: VocabularySizes,
        distinct_queries: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        # Dropout draws depend on layer paths: not on how many models the process made before.
        kwargs.setdefault("name", "sesrec")
        super().__init__(seed=seed, **kwargs)
        self.config = config
        self.history = history
        self.sizes = sizes
        self.distinct_queries = sizes.queries if distinct_queries is None else distinct_queries
        self.width = config.item_width + config.item_attribute_width * len(sizes.item_attributes)
        if self.width % config.heads:
            raise InputError(
                f"`heads` should divide the item width d = {self.width} "
                f"({config.item_width} + {len(sizes.item_attributes)} attributes of "
                f"{config.item_attribute_width}). Received: heads={config.heads}."
            )
        self._make_embeddings()
        self._make_blocks()
        self.track_terms()
        self.build()

    def _make_embeddings(self) -> None:
        config, sizes = self.config, self.sizes
        open_tables = not config.closed_tables
        common = {
            "unknown_row": open_tables,
            "initialization": config.embedding_initialization,
            "dtype": self.dtype_policy,
        }
        self.users = EntityEmbedding(
            sizes.users,
            config.user_width,
            tuple(size for _, size in sizes.user_attributes),
            config.user_attribute_width,
            padding_row=open_tables,
            name="users",
            **common,
        )
        self.items = EntityEmbedding(
            sizes.items,
            config.item_width,
            tuple(size for _, size in sizes.item_attributes),
            config.item_attribute_width,
            name="items",
            **common,
        )
        self.queries = QueryEmbedding(
            sizes.queries,
            sizes.words,
            config.query_width,
            config.word_width,
            name="queries",
            **common,
        )
        self.search_event = SearchEvent(
            sizes.sources,
            self.width,
            config.closed_tables,
            config.embedding_initialization,
            dtype=self.dtype_policy,
            name="search_event",
        )
        self.item_projection = self._projection("item_projection", self.items.width)
        self.query_projection = self._projection("query_projection", self.queries.width)

    def _projection(self, name: str, width: int) -> FlatDense:
        return FlatDense(
            self.width,
            kernel_initializer=xavier_normal(width, self.width),
            dtype=self.dtype_policy,
            name=name,
        )

    def _make_blocks(self) -> None:
        config, policy = self.config, self.dtype_policy
        self.rec_encoder, self.search_encoder = (
            HistoryEncoder(
                config.heads,
                config.blocks,
                config.dropout,
                config.initialization,
                config.embedding_initialization,
                dtype=policy,
                name=name,
            )
            for name in ("rec_encoder", "search_encoder")
        )
        self.alignment = self.alignment_negatives = self.contrast = None
        if config.alpha:
            self.alignment = QueryItemAlignment(
                config.alpha,
                config.temperature,
                config.minimum_temperature,
                config.alignment_shared_bilinear,
                config.alignment_positive_in_denominator,
                config.alignment_reduction,
                dtype=policy,
                name="alignment",
            )
            self.alignment_negatives = AlignmentNegatives(
                config.alignment_negatives,
                self.sizes.items,
                self.distinct_queries,
                self.history.query_words,
                name="alignment_negatives",
            )
        if config.beta or config.multi_interest:
            self.contrast = InterestContrast(
                config.beta,
                config.margin,
                config.threshold,
                config.threshold_strict,
                config.mask_both_axes,
                dtype=policy,
                name="contrast",
            )
        self.rec_interest, self.search_interest = (
            MultiInterest(config.initialization, dtype=policy, name=name)
            for name in ("rec_interest", "search_interest")
        )
        self.prediction = Prediction(
            config.hidden_units, config.dropout, dtype=policy, name="prediction"
        )

    def build(self, input_shape: Any = None) -> None:
        """Makes every weight; all shapes follow from the settings."""
        del input_shape
        for embedding in (self.users, self.items, self.queries, self.search_event):
            embedding.build(None)
        self.item_projection.build((None, self.items.width))
        self.query_projection.build((None, self.queries.width))
        self.rec_encoder.build((None, self.history.rec_length, self.width))
        self.search_encoder.build((None, self.history.search_length, self.width))
        states = (None, None, self.width)
        for layer in (self.alignment, self.contrast, self.rec_interest, self.search_interest):
            if layer is not None:
                layer.build(states)
        if self.alignment_negatives is not None:
            self.alignment_negatives.build(None)
        interests = 2 * (3 if self.config.multi_interest else 1) + 1
        self.prediction.build((None, None, interests * self.width), (None, self.users.width))
        self.built = True

    @property
    def loss_layers(self) -> list[Any]:
        layers = (self.alignment, self.contrast)
        return [layer for layer in layers if layer is not None and layer.weight]

    def id_tables(self) -> list[tuple[IdEmbedding, str]]:
        return [
            (self.users.ids, "users"),
            (self.items.ids, "items"),
            (self.queries.ids, "queries"),
            (self.queries.words, "words"),
            (self.search_event.source_embedding, "sources"),
            *self._attribute_tables("user", self.users, self.sizes.user_attributes),
            *self._attribute_tables("item", self.items, self.sizes.item_attributes),
        ]

    def _attribute_tables(
        self, kind: str, entity: EntityEmbedding, attributes: tuple[tuple[str, int], ...]
    ) -> list[tuple[IdEmbedding, str]]:
        return [
            (embedding, f"{kind}_{name}")
            for embedding, (name, _) in zip(entity.attributes, attributes, strict=True)
        ]

    def set_tables(self, prepared: PreparedDataset) -> None:
        for embedding, table in (
            (self.items, prepared.item_attributes),
            (self.users, prepared.user_attributes),
        ):
            if embedding.attributes:
                embedding.attribute_table.assign(table)
        if self.alignment_negatives is not None:
            queries, words, counts = prepared.query_table
            self.alignment_negatives.set_table(
                queries, _of_width(words, self.history.query_words), counts
            )

    def encode(self, features: dict[str, Tensor], training: bool = False) -> State:
        """Encodes histories, aligns queries with clicks and separates interests.

        Returns:
            `rec_states` `[B, T_r, d]`, `search_states` `[B, T_s, d]`; `rec_masks` and
            `search_masks` `[B, M, T]`: valid events and, with multi-interest, the similar and
            dissimilar ones; `rec_weights` and `search_weights`, the co-attention (absent without
            contrast and multi-interest); `user` `[B, d_u]`.
        """
        seed = self.step_seed()
        rec_mask = ops.not_equal(features[REC_ITEMS], PADDING)
        search_mask = ops.not_equal(features[QUERIES], PADDING)
        rec_events, search_events = self._events(features, search_mask, training, seed)
        rec_states = self.rec_encoder(rec_events, rec_mask, training=training, seed=seed)
        search_states = self.search_encoder(
            search_events, search_mask, training=training, seed=seed
        )
        state = {
            "rec_states": rec_states,
            "search_states": search_states,
            "user": self.users(features[USER]),
        }
        rec_masks, search_masks = [rec_mask], [search_mask]
        if self.contrast is not None:
            rec, search = self.contrast(
                rec_states, search_states, rec_mask, search_mask, training=training
            )
            state |= {"rec_weights": rec.weights, "search_weights": search.weights}
            if self.config.multi_interest:
                rec_masks += [rec.similar, rec.dissimilar]
                search_masks += [search.similar, search.dissimilar]
        return state | {
            "rec_masks": ops.stack(rec_masks, axis=1),
            "search_masks": ops.stack(search_masks, axis=1),
        }

    def score(self, state: State, candidates: Tensor, training: bool = False) -> Tensor:
        """Logits `[B, K]`: interests pooled for each candidate, then the MLP (17)-(21)."""
        items = self._candidate_items(candidates)
        interests = ops.concatenate(
            [
                self.rec_interest(state["rec_states"], items, state["rec_masks"]),
                self.search_interest(state["search_states"], items, state["search_masks"]),
                items,
            ],
            axis=-1,
        )
        return self.prediction(interests, state["user"], training=training, seed=self.step_seed())

    @property
    def explainable(self) -> bool:
        return self.config.multi_interest

    def explain(self, state: State, candidates: Tensor) -> dict[str, Tensor]:
        """Co-attention (9)-(10), sets (11)-(12) and interest weights (17)-(19) of every event."""
        items = self._candidate_items(candidates[:, :1])
        return {
            **self._explain_history("rec", self.rec_interest, state, items),
            **self._explain_history("search", self.search_interest, state, items),
        }

    def _explain_history(
        self, side: str, interest: MultiInterest, state: State, items: Tensor
    ) -> dict[str, Tensor]:
        masks = state[f"{side}_masks"]
        shares = interest.weights_of(state[f"{side}_states"], items, masks)
        return {
            explained(side, WEIGHTS): ops.where(masks[:, 0], state[f"{side}_weights"], 0.0),
            explained(side, SIMILAR): ops.cast(masks[:, 1], "int32"),
            explained(side, DISSIMILAR): ops.cast(masks[:, 2], "int32"),
            explained(side, INTEREST_WEIGHTS): ops.transpose(shares[:, 0], (0, 2, 1)),
        }

    def _candidate_items(self, candidates: Tensor) -> Tensor:
        """`[B, K, d]` what the prediction sees of the candidates."""
        items = self.items(candidates)
        return self.item_projection(items) if self.config.project_candidates else items

    def pooled_user(self, state: State) -> Tensor:
        """`[B, 2 d + d_u]`: means of the valid `H^r` and `H^s`, 0 for none, and the user."""
        pooled = [
            masked_mean(state[f"{side}_states"], state[f"{side}_masks"][:, 0])
            for side in ("rec", "search")
        ]
        return ops.concatenate([*pooled, state["user"]], axis=-1)

    def embed_items(self, ids: Tensor) -> Tensor:
        """Projected items `ê^i`, int `[...]` to `[..., d]` (1)."""
        return self.item_projection(self.items(ids))

    def embed_queries(self, ids: Tensor, words: Tensor) -> Tensor:
        """Projected queries `ê^q`, int `[...]` and `[..., L]` to `[..., d]` (1)."""
        return self.query_projection(self.queries(ids, words))

    def _events(
        self, features: dict[str, Tensor], search_mask: Tensor, training: bool, seed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Events of both histories `[B, T, d]`; in training, the alignment loss is added.

        Every distinct item and query of the batch is looked up and projected once.
        """
        words, clicked_items = features[QUERY_WORDS], features[CLICKED_ITEMS]
        queries = distinct_vectors(ops.concatenate([features[QUERIES][..., None], words], axis=-1))
        query_vectors = self.embed_queries(queries.rows[:, 0], queries.rows[:, 1:])
        items, (rec_places, click_places) = _distinct_items(features[REC_ITEMS], clicked_items)
        item_vectors = self.embed_items(items)
        click_mask = ops.logical_and(ops.not_equal(clicked_items, PADDING), search_mask[..., None])
        if training and self.alignment is not None and self.alignment_negatives is not None:
            negative_items, *negative_queries = self.alignment_negatives(seed)
            self.alignment(
                query_vectors,
                item_vectors,
                click_mask,
                self.embed_items(negative_items),
                self.embed_queries(*negative_queries),
                global_pairs=features[CLICK_PAIRS][0] if CLICK_PAIRS in features else None,
                query_places=queries.places,
                click_places=click_places,
            )
        search_events = self.search_event(
            queries.spread(query_vectors),
            tf.gather(item_vectors, click_places),
            click_mask,
            features[QUERY_SOURCES],
        )
        return tf.gather(item_vectors, rec_places), search_events

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "config": dataclasses.asdict(self.config),
            "history": dataclasses.asdict(self.history),
            "sizes": dataclasses.asdict(self.sizes),
            "distinct_queries": self.distinct_queries,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SESRec:
        del custom_objects
        sizes = dict(config["sizes"])
        for name in ("item_attributes", "user_attributes"):
            sizes[name] = tuple((str(key), int(size)) for key, size in sizes[name])
        model = dict(config["config"])
        model["hidden_units"] = tuple(model["hidden_units"])
        return cls(
            **{
                **config,
                "config": ModelConfig(**model),
                "history": HistoryShape(**config["history"]),
                "sizes": VocabularySizes(**sizes),
            }
        )


def _distinct_items(*groups: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The distinct ids `[U]` of several tensors, and for each of these the places in it."""
    distinct = distinct_ids(ops.concatenate([ops.reshape(ids, (-1,)) for ids in groups]))
    places = tf.split(distinct.places, [tf.size(ids) for ids in groups])
    return distinct.rows, [
        tf.reshape(each, tf.shape(ids)) for each, ids in zip(places, groups, strict=True)
    ]


def _of_width(words: npt.NDArray[np.int32], width: int) -> npt.NDArray[np.int32]:
    """Words `[Q, L]` cut or padded to `[Q, width]`."""
    cut = words[:, :width]
    return np.pad(cut, ((0, 0), (0, width - cut.shape[1])), constant_values=PADDING)
