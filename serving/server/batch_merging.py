"""Many requests as one, and its outputs as the answers of many: `batching_session.cc`."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import numpy as np

from serving.server.status_error import StatusError, invalid_argument

Arrays = dict[str, np.ndarray]

_PADDABLE_RANKS = range(1, 7)


def batch_size(inputs: Arrays) -> int:
    """Rows of a request.

    Raises:
        StatusError: INVALID_ARGUMENT if its inputs have none or not the same number.
    """
    if not inputs:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    if any(value.ndim == 0 for value in inputs.values()):
        raise invalid_argument("Batching Run() input tensors must have at least one dimension")
    sizes = {len(value) for value in inputs.values()}
    if len(sizes) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return sizes.pop()


def merge_inputs(requests: Sequence[Arrays], pad: bool, surplus: int) -> Arrays:
    """Rows of all requests, then the first row of the last request, `surplus` times.

    Args:
        requests: inputs of the same names, ranks and dtypes.
        pad: whether narrower requests are widened at the end of each axis, with the first element
            of the tensor.
        surplus: rows up to an allowed batch size.

    Raises:
        StatusError: FAILED_PRECONDITION for different widths without `pad`, INVALID_ARGUMENT for a
            tensor without elements beside others with some.
    """
    merged = {}
    for name in requests[0]:
        parts = [request[name] for request in requests]
        if pad:
            widest = np.max([part.shape for part in parts], axis=0)
            parts = [_padded(part, widest) for part in parts]
        elif len({part.shape[1:] for part in parts}) > 1:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Tensors with name '{name}' from different tasks have different shapes and "
                "padding is turned off. Set pad_variable_length_inputs to true, or ensure that "
                "all tensors with the same name have equal dimensions starting with the first dim.",
            )
        merged[name] = np.concatenate([*parts, *[parts[-1][:1]] * surplus])
    return merged


def split_outputs(outputs: Arrays, sizes: Sequence[int], surplus: int) -> list[Arrays]:
    """Rows of the outputs for each request, as wide as the widest request made them.

    Raises:
        StatusError: FAILED_PRECONDITION for an output that is not batch-major.
    """
    for value in outputs.values():
        if value.ndim == 0:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions"
            )
        if len(value) != sum(sizes) + surplus:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                "dimension sizes of the input tensors",
            )
    ends = np.cumsum(sizes)
    return [
        {name: value[end - size : end] for name, value in outputs.items()}
        for size, end in zip(sizes, ends, strict=True)
    ]


def allowed_size(size: int, allowed: Sequence[int]) -> int:
    """The smallest allowed batch size that holds `size` rows, or `size` itself."""
    return next((candidate for candidate in allowed if candidate >= size), size)


def _padded(part: np.ndarray, widest: np.ndarray) -> np.ndarray:
    if part.ndim not in _PADDABLE_RANKS:
        raise invalid_argument("Only tensors with rank from 1 to 6 can be padded.")
    if tuple(widest[1:]) == part.shape[1:]:
        return part
    if part.size == 0:
        raise invalid_argument("Got empty tensor in batch of non-empty tensors.")
    missing = [(0, int(after)) for after in widest - np.array(part.shape)]
    return np.pad(part, [(0, 0), *missing[1:]], constant_values=part.flat[0])
