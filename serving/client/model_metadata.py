"""What a server says about a version of a model: its signatures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.client import wire_messages as wire


@dataclass(frozen=True)
class TensorMetadata:
    """One input or output of a signature.

    Attributes:
        dtype: NumPy's name of it, or `DataType <number>` for one no ranking model has.
        shape: sizes with the batch axis first, `None` where free; `None` for any shape at all.
    """

    dtype: str
    shape: tuple[int | None, ...] | None

    @classmethod
    def from_message(cls, info: Any) -> TensorMetadata:
        """From a `TensorInfo`."""
        sizes = (dim.size for dim in info.tensor_shape.dim)
        shape = tuple(size if size >= 0 else None for size in sizes)
        return cls(
            dtype=wire.DTYPE_NAMES.get(info.dtype, f"DataType {info.dtype}"),
            shape=None if info.tensor_shape.unknown_rank else shape,
        )


@dataclass(frozen=True)
class SignatureMetadata:
    """Inputs and outputs of one signature, by name."""

    inputs: dict[str, TensorMetadata]
    outputs: dict[str, TensorMetadata]

    @classmethod
    def from_message(cls, definition: Any) -> SignatureMetadata:
        """From a `SignatureDef`."""
        return cls(
            inputs=_tensors(definition.inputs),
            outputs=_tensors(definition.outputs),
        )


@dataclass(frozen=True)
class ModelMetadata:
    """One version of a model.

    Attributes:
        version: the version that answered.
        signatures: those of its graph, by name.
    """

    version: int
    signatures: dict[str, SignatureMetadata]

    @classmethod
    def from_message(cls, response: Any) -> ModelMetadata:
        """From a `GetModelMetadataResponse`.

        Raises:
            google.protobuf.message.DecodeError: if its signatures are no such message.
        """
        packed = response.metadata["signature_def"].value
        definitions = wire.SignatureDefMap.FromString(packed).signature_def
        return cls(
            version=response.model_spec.version.value,
            signatures={
                name: SignatureMetadata.from_message(definitions[name])
                for name in sorted(definitions)
                # TensorFlow's own, for the initialisation of the graph.
                if not name.startswith("__")
            },
        )


def _tensors(infos: Any) -> dict[str, TensorMetadata]:
    return {name: TensorMetadata.from_message(infos[name]) for name in sorted(infos)}
