"""TF Serving's parameters of batching, from its own text format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf import wrappers_pb2 as wrappers

from sesrec_tf.errors import InputError

_PACKAGE = "sesrec_tf.serving"
_FIELD = descriptor_pb2.FieldDescriptorProto
_WRAPPED = {
    "max_batch_size": (1, wrappers.Int64Value),
    "batch_timeout_micros": (2, wrappers.Int64Value),
    "max_enqueued_batches": (3, wrappers.Int64Value),
    "num_batch_threads": (4, wrappers.Int64Value),
    "thread_pool_name": (5, wrappers.StringValue),
    "enable_large_batch_splitting": (8, wrappers.BoolValue),
    "max_execution_batch_size": (9, wrappers.Int64Value),
}
_PLAIN = {
    "allowed_batch_sizes": (6, _FIELD.TYPE_INT64, _FIELD.LABEL_REPEATED),
    "pad_variable_length_inputs": (7, _FIELD.TYPE_BOOL, _FIELD.LABEL_OPTIONAL),
}
"""Fields of `BatchingParameters` in `session_bundle_config.proto`.

The message is declared here, because tensorflow-serving-api does not hold it.
"""


@dataclass(frozen=True)
class BatchingParameters:
    """How requests are put together; the defaults are TF Serving's.

    Attributes:
        max_batch_size: rows of a batch, and of the largest request.
        batch_timeout_micros: how long a batch that is not full waits for more.
        max_enqueued_batches: batches of a queue that may wait.
        num_batch_threads: batches computed at the same time.
        allowed_batch_sizes: sizes up to which batches are filled; any size when empty.
        pad_variable_length_inputs: whether requests of different widths go together.

    Raises:
        InputError: for a value out of range.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False

    def __post_init__(self) -> None:
        for name, least in (
            ("max_batch_size", 1),
            ("batch_timeout_micros", 0),
            ("max_enqueued_batches", 1),
            ("num_batch_threads", 1),
        ):
            if getattr(self, name) < least:
                raise InputError(
                    f"`{name}` should be at least {least}. Received: {getattr(self, name)}."
                )
        sizes = self.allowed_batch_sizes
        if list(sizes) != sorted(set(sizes)) or (sizes and sizes[0] < 1):
            raise InputError(f"`allowed_batch_sizes` should increase. Received: {list(sizes)}.")
        if sizes and sizes[-1] != self.max_batch_size:
            raise InputError(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{sizes[-1]}; expected {self.max_batch_size}"
            )

    @classmethod
    def read(cls, file: str | Path) -> BatchingParameters:
        """Parameters from the file that `--batching_parameters_file` of TF Serving names.

        Raises:
            InputError: for a file that cannot be read, is no such text, or asks for the splitting
                of large requests, which is not done here.
        """
        message = _message_class()()
        try:
            text_format.Parse(Path(file).read_text("utf-8"), message)
        except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
            raise InputError(
                f"cannot read batching parameters from {file}: {error}. Expected lines such as "
                "`max_batch_size { value: 32 }` and `allowed_batch_sizes: 32`."
            ) from error
        if message.enable_large_batch_splitting.value:
            raise InputError(
                f"{file}: enable_large_batch_splitting is not known to this server. Leave it out; "
                "TF Serving itself splits."
            )
        given = {
            name: getattr(message, name).value
            for name in _WRAPPED
            if name in cls.__dataclass_fields__ and message.HasField(name)
        }
        return cls(
            **given,
            allowed_batch_sizes=tuple(message.allowed_batch_sizes),
            pad_variable_length_inputs=message.pad_variable_length_inputs,
        )


def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="sesrec_tf/batching_parameters.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[wrappers.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="BatchingParameters")
    for name, (number, wrapper) in _WRAPPED.items():
        message.field.add(
            name=name,
            number=number,
            type=_FIELD.TYPE_MESSAGE,
            label=_FIELD.LABEL_OPTIONAL,
            type_name=f".{wrapper.DESCRIPTOR.full_name}",
        )
    for name, (number, kind, label) in _PLAIN.items():
        message.field.add(name=name, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"{_PACKAGE}.BatchingParameters")
    return message_factory.GetMessageClass(found)
