"""Users and items: an id beside categorical attributes, equation (1) without the projection."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from sesrec_tf.layers.id_embedding import IdEmbedding
from sesrec_tf.schema import FIRST_KNOWN

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class EntityEmbedding(keras.layers.Layer):
    """`e = E_id ‖ E_attribute1 ‖ …`, attributes looked up by id in a constant table.

    Args:
        vocabulary_size: known ids.
        width: width of the id vector.
        attribute_sizes: known values of each attribute.
        attribute_width: width of each attribute vector.
        padding_row, unknown_row: of the id table. Attribute tables have both rows or, with
            `unknown_row=False`, neither, as the official ones.
        initialization: see `table_initializer`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        attribute_sizes: tuple[int, ...] = (),
        attribute_width: int = 8,
        padding_row: bool = True,
        unknown_row: bool = True,
        initialization: str | float = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.attribute_sizes = tuple(attribute_sizes)
        self.attribute_width = attribute_width
        self.ids = IdEmbedding(
            vocabulary_size,
            width,
            padding_row,
            unknown_row,
            initialization,
            dtype=self.dtype_policy,
            name="ids",
        )
        self.attributes = [
            IdEmbedding(
                size,
                attribute_width,
                padding_row=unknown_row,
                unknown_row=unknown_row,
                initialization=initialization,
                dtype=self.dtype_policy,
                name=f"attribute_{number}",
            )
            for number, size in enumerate(self.attribute_sizes)
        ]

    @property
    def width(self) -> int:
        """Width of the concatenated vector."""
        return self.ids.width + self.attribute_width * len(self.attributes)

    def build(self, input_shape: Any = None) -> None:
        for embedding in (self.ids, *self.attributes):
            embedding.build(input_shape)
        if self.attributes:
            self.attribute_table = self.add_weight(
                name="attribute_table",
                shape=(self.ids.vocabulary_size + FIRST_KNOWN, len(self.attributes)),
                dtype="int32",
                initializer="zeros",
                trainable=False,
            )

    def call(self, ids: Tensor) -> Tensor:
        """Vectors of `ids`, int `[...]` to float `[..., width]`."""
        vectors = [self.ids(ids)]
        if self.attributes:
            values = tf.gather(self.attribute_table.value, ids)
            vectors += [
                embedding(values[..., number]) for number, embedding in enumerate(self.attributes)
            ]
        return ops.concatenate(vectors, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.ids.vocabulary_size,
            "width": self.ids.width,
            "attribute_sizes": list(self.attribute_sizes),
            "attribute_width": self.attribute_width,
            "padding_row": self.ids.padding_row,
            "unknown_row": self.ids.unknown_row,
            "initialization": self.ids.initialization,
        }
