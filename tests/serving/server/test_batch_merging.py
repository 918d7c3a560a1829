"""Merging and splitting, by hand and as properties."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.batch_merging import allowed_size, batch_size, merge_inputs, split_outputs
from serving.server.status_error import StatusError


def strings(*rows):
    return np.array(rows, object)


def refusal(call, *arguments):
    with pytest.raises(StatusError) as caught:
        call(*arguments)
    return caught.value.code, caught.value.message


# ComputeTensorBatchSize in batching_util.h.
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "Batching Run() must have at least one input tensor"),
        (
            {"x": np.array(b"a", object)},
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            {"x": strings(b"a"), "y": strings(b"a", b"b")},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
    ],
)
def test_requests_without_rows(inputs, message):
    assert refusal(batch_size, inputs) == (grpc.StatusCode.INVALID_ARGUMENT, message)


def test_batch_size():
    assert batch_size({"x": strings(b"a", b"b"), "y": np.zeros((2, 0))}) == 2


def test_narrower_requests_are_filled_with_their_first_element():
    wide, narrow = strings([b"a", b"b", b"c"]), strings([b"d", b"e"], [b"f", b"g"])
    merged = merge_inputs([{"x": wide}, {"x": narrow}], True, 0)["x"]
    # CreatePadding pads behind each axis but the first, with input.flat()(0): d, not f.
    assert merged.tolist() == [[b"a", b"b", b"c"], [b"d", b"e", b"d"], [b"f", b"g", b"d"]]


def test_surplus_rows_repeat_the_first_of_the_last_request():
    requests = [{"x": strings([b"a"])}, {"x": strings([b"b"], [b"c"])}]
    merged = merge_inputs(requests, False, 2)["x"]
    assert merged.tolist() == [[b"a"], [b"b"], [b"c"], [b"b"], [b"b"]]


# MergeInputTensors in batching_session.cc.
def test_different_widths_without_padding():
    requests = [{"x": strings([b"a"])}, {"x": strings([b"b", b"c"])}]
    assert refusal(merge_inputs, requests, False, 0) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "Tensors with name 'x' from different tasks have different shapes and padding is turned "
        "off. Set pad_variable_length_inputs to true, or ensure that all tensors with the same "
        "name have equal dimensions starting with the first dim.",
    )


# PadTensor and PadTensorOfSpecificType in batching_util.cc.
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(1, 0), (1, 2)], "Got empty tensor in batch of non-empty tensors."),
        ([(1,) * 7, (1, 2, 1, 1, 1, 1, 1)], "Only tensors with rank from 1 to 6 can be padded."),
    ],
)
def test_tensors_that_cannot_be_padded(shapes, message):
    requests = [{"x": np.full(shape, b"a", object)} for shape in shapes]
    assert refusal(merge_inputs, requests, True, 0) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        message,
    )


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_splitting_gives_back_what_was_merged(shapes, surplus):
    random = np.random.default_rng(0)
    requests = [{"x": random.normal(size=shape)} for shape in shapes]
    merged = merge_inputs(requests, True, surplus)
    sizes = [rows for rows, _ in shapes]
    assert len(merged["x"]) == sum(sizes) + surplus
    for request, answer in zip(requests, split_outputs(merged, sizes, surplus), strict=True):
        width = request["x"].shape[1]
        np.testing.assert_array_equal(answer["x"][:, :width], request["x"])
        assert (answer["x"][:, width:] == request["x"].flat[0]).all()


# SplitOutputTensors in batching_session.cc.
@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.array(1.0), "Batched output tensor has 0 dimensions"),
        (
            np.zeros((3, 1)),
            "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension "
            "sizes of the input tensors",
        ),
    ],
)
def test_outputs_that_are_not_batch_major(output, message):
    code = grpc.StatusCode.FAILED_PRECONDITION
    assert refusal(split_outputs, {"y": output}, [1, 1], 0) == (code, message)


def test_allowed_sizes():
    assert [allowed_size(n, (2, 4, 8)) for n in (1, 2, 3, 8, 9)] == [2, 2, 4, 8, 9]
    assert allowed_size(5, ()) == 5
