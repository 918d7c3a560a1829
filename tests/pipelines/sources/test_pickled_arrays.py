from __future__ import annotations

import pickle

import numpy as np
import pytest

from pipelines.sources.pickle_names import CONTAINER_NAMES
from pipelines.sources.pickled_arrays import ARRAY_NAMES
from pipelines.sources.restricted_unpickler import read_pickle
from sesrec_tf.errors import InputError
from tests.pipelines.sources.hostile_pickles import name, object_array, program, text

NAMES = {**CONTAINER_NAMES, **ARRAY_NAMES}
PROTOCOLS = range(6)


@pytest.fixture
def read(tmp_path):
    def read(content: object) -> object:
        path = tmp_path / "file.pickle"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
        return read_pickle(path, NAMES)

    return read


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(6)[::2],
        np.asarray([1.5, -2.0], ">f4"),
        np.asarray([True, False]),
        np.zeros((0, 5), np.uint16),
        np.asarray(7),
        np.asarray([[1, "a"], [None, 2.5]], object),
    ],
    ids=["C", "F", "strided", "big-endian", "bool", "empty", "0-d", "object"],
)
def test_arrays_are_read_as_they_are(read, array, protocol):
    found = read(pickle.dumps(array, protocol))
    assert isinstance(found, np.ndarray)
    assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [np.int64(-3), np.float32(0.5), np.bool_(True), np.uint8(9)])
def test_numbers_become_pythons(read, value, protocol):
    found = read(pickle.dumps(value, protocol))
    assert found == value.item()
    assert type(found) is type(value.item())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_may_hold_each_other(read, protocol):
    found = read(pickle.dumps(object_array([np.arange(3), {"a": np.int8(1)}]), protocol))
    assert found[0][0].tolist() == [0, 1, 2]
    assert found[0][1] == {"a": 1}


@pytest.mark.parametrize(
    "value",
    [
        np.asarray(["text"]),
        np.asarray([b"text"]),
        np.asarray(["2024-01-01"], "datetime64[D]"),
        np.asarray([1j]),
        np.zeros(2, [("a", np.int64)]),
        np.longdouble(1),
        np.datetime64("2024-01-01"),
    ],
    ids=["text", "bytes", "time", "complex", "record", "longdouble", "moment"],
)
def test_arrays_of_other_types_are_refused(read, value):
    with pytest.raises(InputError, match="cannot read"):
        read(value)


@pytest.mark.parametrize(
    "value", [np.ma.masked_array([1]), np.recarray(1, [("a", int)]), np.random.default_rng(1)]
)
def test_other_classes_of_numpy_are_refused(read, value):
    with pytest.raises(InputError, match="which is refused"):
        read(value)


def integer_type(code: str = "i8") -> bytes:
    """The opcodes of a NumPy type."""
    flags = pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3
    return name("numpy", "dtype") + text(code) + flags + pickle.REDUCE


def integer(value: int) -> bytes:
    return pickle.BININT + value.to_bytes(4, "little")


def filled(shape: bytes, data: bytes, code: str = "i8") -> bytes:
    """An array of a shape and data that need not fit."""
    return program(
        name("numpy.core.multiarray", "_reconstruct"),
        name("numpy", "ndarray") + integer(0) + pickle.TUPLE1 + text("b") + pickle.TUPLE3,
        pickle.REDUCE,
        pickle.MARK + integer(1) + shape + integer_type(code) + pickle.NEWFALSE + data,
        pickle.TUPLE + pickle.BUILD,
    )


def raw(size: int) -> bytes:
    return pickle.SHORT_BINBYTES + bytes([size]) + bytes(size)


def test_an_array_as_crafted_here_can_be_read(read):
    assert read(filled(integer(2) + pickle.TUPLE1, raw(16))).tolist() == [0, 0]


@pytest.mark.parametrize(
    "content",
    [
        filled(integer(2**31 - 1) + pickle.TUPLE1, raw(16)),
        filled(integer(1) + pickle.TUPLE1, raw(16)),
        filled(b"J\xff\xff\xff\xff" + pickle.TUPLE1, raw(0)),
        filled(text("two") + pickle.TUPLE1, raw(16)),
        filled(integer(2), raw(16)),
        filled(integer(1) + pickle.TUPLE1, raw(8), "O8"),
        filled(integer(1) + pickle.TUPLE1, pickle.EMPTY_LIST, "O8"),
        filled(integer(1) + pickle.TUPLE1, pickle.EMPTY_LIST, "i8"),
        filled(integer(1) + pickle.TUPLE1, raw(8), "V8"),
        filled(integer(1) + pickle.TUPLE1, raw(8), "m8"),
        program(
            name("numpy.core.multiarray", "_reconstruct"),
            name("collections", "OrderedDict") + integer(9) + pickle.TUPLE1 + text("b"),
            pickle.TUPLE3 + pickle.REDUCE,
        ),
        program(
            name("numpy.core.numeric", "_frombuffer"),
            pickle.MARK + raw(8) + integer_type() + integer(2) + pickle.TUPLE1 + text("C"),
            pickle.TUPLE + pickle.REDUCE,
        ),
        program(
            name("numpy.core.numeric", "_frombuffer"),
            pickle.MARK + raw(8) + integer_type("O8") + integer(1) + pickle.TUPLE1 + text("C"),
            pickle.TUPLE + pickle.REDUCE,
        ),
        program(
            name("numpy.core.multiarray", "scalar") + integer_type("O8") + raw(8),
            pickle.TUPLE2 + pickle.REDUCE,
        ),
        program(
            name("numpy.core.multiarray", "scalar") + integer_type() + raw(4),
            pickle.TUPLE2 + pickle.REDUCE,
        ),
    ],
)
def test_arrays_whose_parts_do_not_fit_are_refused(read, content):
    with pytest.raises(InputError, match="cannot read"):
        read(content)


def test_a_large_array_asked_for_before_its_data_takes_no_memory(read):
    array = program(
        name("numpy.core.multiarray", "_reconstruct"),
        name("numpy", "ndarray") + integer(2**31 - 1) + pickle.TUPLE1 + text("b"),
        pickle.TUPLE3 + pickle.REDUCE,
    )
    assert read(array).nbytes == 0
