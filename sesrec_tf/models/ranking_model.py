"""What every ranking model is: encode a user once, score any number of candidates."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.layers.id_embedding import IdEmbedding
from sesrec_tf.schema import CANDIDATES

Tensor = Any
State = dict[str, Tensor]


class RankingModel(keras.Model):
    """Base class: `call = score ∘ encode`.

    Subclasses implement `encode` and `score`, and list in `loss_layers` the layers that add
    losses, each with `term_names` and `term_scale`, so that every term is tracked by name.

    Args:
        seed: of the draws inside the model.
    """

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        # Kept here as well: Keras' own group of metrics does not reset its members before the
        # first step.
        self.bce_metric = keras.metrics.BinaryCrossentropy(from_logits=True, name="bce")

    def encode(self, features: dict[str, Tensor], training: bool = False) -> State:
        """User state from the histories, computed once however many candidates follow.

        Args:
            features: a batch, see `sesrec_tf.schema.batch_shapes`.
            training: whether dropout and the auxiliary losses are active.
        """
        raise NotImplementedError(f"{type(self).__name__} should implement `encode`.")

    def score(self, state: State, candidates: Tensor, training: bool = False) -> Tensor:
        """Logits `[B, K]` of candidates `[B, K]` (int32 indices) for encoded users."""
        raise NotImplementedError(f"{type(self).__name__} should implement `score`.")

    @property
    def explainable(self) -> bool:
        """Whether the model has what `explain` tells."""
        return False

    def explain(self, state: State, candidates: Tensor) -> dict[str, Tensor]:
        """What the model made of every event of encoded histories.

        Args:
            state: of `encode`, not in training.
            candidates: int32 `[B, K]`, at least one column; the first one counts.

        Returns:
            The tensors of `sesrec_tf.signatures.explanation_shapes`, 0 at padding.
        """
        raise NotImplementedError(f"{type(self).__name__} should implement `explain`.")

    def pooled_user(self, state: State) -> Tensor:
        """`[B, P]`: an encoded user as one vector, whatever the candidate, for retrieval."""
        raise NotImplementedError(f"{type(self).__name__} should implement `pooled_user`.")

    def embed_items(self, ids: Tensor) -> Tensor:
        """`[..., d]`: vectors of items int `[...]`, for retrieval."""
        raise NotImplementedError(f"{type(self).__name__} should implement `embed_items`.")

    def set_tables(self, prepared: PreparedDataset) -> None:
        """Loads the constant tables (attributes, queries) of a prepared data set."""
        raise NotImplementedError(f"{type(self).__name__} should implement `set_tables`.")

    def call(self, features: dict[str, Tensor], training: bool = False) -> Tensor:
        """Logits `[B, K]` of the batch's candidates."""
        state = self.encode(features, training=training)
        return self.score(state, features[CANDIDATES], training=training)

    def id_tables(self) -> list[tuple[IdEmbedding, str]]:
        """Every table looked up by vocabulary index, with the name of its vocabulary."""
        return []

    @property
    def loss_layers(self) -> list[Any]:
        """Layers that add losses."""
        return []

    def track_terms(self) -> None:
        """Makes a metric for each auxiliary term; to be called before the model is built."""
        self.term_metrics = {
            name: keras.metrics.Mean(name=name)
            for layer in self.loss_layers
            for name in layer.term_names
        }

    def step_seed(self) -> Tensor:
        """int32 `[2]`: the model's seed and the number of updates so far."""
        optimizer = getattr(self, "optimizer", None)
        step = 0 if optimizer is None else tf.cast(optimizer.iterations.value, tf.int32)
        return tf.stack([tf.constant(self.seed, tf.int32), tf.convert_to_tensor(step, tf.int32)])

    def loss_terms(self) -> dict[str, Tensor]:
        """Unweighted auxiliary loss terms of the latest training call, by name."""
        return {
            name: loss / layer.term_scale
            for layer in self.loss_layers
            for name, loss in zip(layer.term_names, layer.losses, strict=False)
        }

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, with binary cross-entropy on logits as the default loss.

        The cross-entropy is also tracked on its own as `bce`, and every auxiliary term by name,
        beside the total `loss`.
        """
        kwargs.setdefault("metrics", [self.bce_metric])
        loss = keras.losses.BinaryCrossentropy(from_logits=True) if loss is None else loss
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as the saved model was (called by Keras on loading)."""
        config = keras.saving.deserialize_keras_object(config)
        # The model's own metric, not a copy that nothing resets.
        config["metrics"] = [
            self.bce_metric if metric.name == self.bce_metric.name else metric
            for metric in config["metrics"] or ()
        ]
        self.compile(**config)
        self.optimizer.build(self.trainable_variables)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Tensor:
        """As `keras.Model.compute_loss`, and tracks the auxiliary terms of the latest call.

        Here and not after the update: replicas share the layers' lists of losses, and take turns
        at the update.
        """
        total = super().compute_loss(*args, **kwargs)
        for name, value in self.loss_terms().items():
            self.term_metrics[name].update_state(value)
        return total

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """One update; the logs hold `loss`, `bce` and every auxiliary term by name."""
        logs = super().train_step(data)
        return {**logs, **{name: metric.result() for name, metric in self.term_metrics.items()}}

    def count_params(self) -> int:
        """Trainable parameters; the constant lookup tables are data, not parameters."""
        return int(sum(variable.shape.num_elements() for variable in self.trainable_variables))
