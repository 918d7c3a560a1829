from __future__ import annotations

import collections
import contextlib
import copyreg
import datetime
import decimal
import functools
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.pickle_names import CONTAINER_NAMES
from pipelines.sources.pickled_arrays import ARRAY_NAMES
from pipelines.sources.pickled_frames import FRAME_NAMES
from pipelines.sources.restricted_unpickler import read_pickle
from sesrec_tf.errors import InputError
from tests.pipelines.sources.hostile_pickles import (
    CARRIERS,
    Command,
    Expression,
    name,
    program,
    text,
)

PROTOCOLS = range(6)
SYSTEM = f"{os.system.__module__}.system"

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.integers() | st.text() | st.binary()
PLAIN = st.recursive(
    SCALARS | st.binary() | st.frozensets(KEYS),
    lambda inner: (
        st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner) | st.sets(KEYS)
    ),
    max_leaves=10,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file.pickle"


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "it-ran"


@settings(deadline=None, max_examples=60)
@given(PLAIN, st.sampled_from(PROTOCOLS))
def test_plain_data_is_read_as_it_is(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("plain") / "file.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    assert read_pickle(path) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_ordered_and_default_dictionaries_become_plain_ones(file, protocol):
    counts = collections.defaultdict(int, a=1)
    lists = collections.defaultdict(list, a=[1])
    ordered = collections.OrderedDict(b=1, a=2)
    file.write_bytes(pickle.dumps([counts, lists, ordered], protocol))
    found = read_pickle(file)
    assert found == [{"a": 1}, {"a": [1]}, {"b": 1, "a": 2}]
    assert [type(each) for each in found] == [dict, dict, dict]
    assert list(found[2]) == ["b", "a"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("hostile", [Command, Expression])
def test_hostile_pickles_are_refused_and_do_nothing(file, marker, hostile, carrier, protocol):
    file.write_bytes(pickle.dumps(CARRIERS[carrier](hostile(marker)), protocol))
    # Protocols below 3 have the old name of the module.
    names = SYSTEM if hostile is Command else r"(builtins|__builtin__)\.eval"
    with pytest.raises(InputError, match=rf"file\.pickle asks for {names}, which is refused"):
        read_pickle(file, FRAME_NAMES)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("collections", "OrderedDict.__init__"),
        ("collections", "namedtuple"),
        ("pandas", "read_pickle"),
        ("pandas", "eval"),
        ("pandas.core.frame", "DataFrame.eval"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy.core.multiarray", "fromfile"),
        ("pyarrow.lib", "memory_map"),
        ("functools", "reduce"),
        ("copyreg", "__newobj__"),
        ("pickle", "loads"),
    ],
)
def test_names_beside_the_allowed_ones_are_refused(file, module, attribute):
    file.write_bytes(program(name(module, attribute)))
    with pytest.raises(InputError, match=f"asks for {module}.{attribute}, which is refused"):
        read_pickle(file, FRAME_NAMES)


@pytest.mark.parametrize(
    "value",
    [datetime.date(2024, 1, 1), decimal.Decimal(1), complex(1), range(3), functools.partial(int)],
)
def test_other_classes_are_refused(file, value):
    file.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match="which is refused"):
        read_pickle(file, ARRAY_NAMES)


@pytest.mark.parametrize("read_before", [False, True])
def test_objects_registered_by_number_are_refused(file, marker, read_before):
    copyreg.add_extension(os.system.__module__, "system", 240)
    try:
        hostile = pickle.dumps(Command(marker), 2)
        assert pickle.EXT1 + b"\xf0" in hostile
        if read_before:
            # Whoever trusts a pickle once makes the object known by its number.
            assert pickle.loads(pickle.PROTO + b"\x02" + pickle.EXT1 + b"\xf0.") is os.system
        file.write_bytes(hostile)
        with pytest.raises(InputError, match="which is refused"):
            read_pickle(file, FRAME_NAMES)
    finally:
        copyreg.remove_extension(os.system.__module__, "system", 240)
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"Pelsewhere\n.",
        program(text("elsewhere"), pickle.BINPERSID),
        pickle.EXT1 + b"\xf1.",
        b"i" + b"nothing\n.",
        b"h\x05.",
        program(pickle.NEXT_BUFFER),
    ],
    ids=["PERSID", "BINPERSID", "EXT1", "INST", "BINGET", "NEXT_BUFFER"],
)
def test_other_ways_to_objects_are_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*file\.pickle"):
        read_pickle(file, FRAME_NAMES)


@pytest.mark.parametrize(
    "content",
    [
        b"(Vtouch it\nios\nsystem\n.",
        b"(cos\nsystem\nVtouch it\no.",
        b"cos\nsystem\n(Vtouch it\ntR.",
        program(name("os", "system"), text("touch it"), pickle.TUPLE1, pickle.NEWOBJ),
    ],
    ids=["INST", "OBJ", "GLOBAL", "NEWOBJ"],
)
def test_every_call_asks_for_its_name(file, content):
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"asks for os\.system"):
        read_pickle(file, FRAME_NAMES)


@pytest.mark.parametrize("asked", sorted(FRAME_NAMES))
@pytest.mark.parametrize("state", ["attributes", "slots"])
def test_what_a_name_stands_for_cannot_be_changed(file, asked, state):
    stands_for = FRAME_NAMES[asked]
    kind = stands_for if isinstance(stands_for, type) else type(stands_for)
    before = dict(vars(kind))
    attributes = pickle.EMPTY_DICT + text("__call__") + text("x") + pickle.SETITEM
    if state == "slots":
        attributes = pickle.NONE + attributes + pickle.TUPLE2
    file.write_bytes(program(name(*asked), attributes, pickle.BUILD))
    with pytest.raises(InputError, match="cannot read"):
        read_pickle(file, FRAME_NAMES)
    assert dict(vars(kind)) == before
    assert FRAME_NAMES[asked] is stands_for


@pytest.mark.parametrize("asked", sorted(FRAME_NAMES))
@pytest.mark.parametrize("argument", [text("x"), b"J\xff\xff\xff\x7f", name("numpy", "ndarray")])
def test_calls_with_other_arguments_give_plain_data_or_nothing(file, asked, argument):
    # Above all: two billion is no size of anything.
    file.write_bytes(program(name(*asked), argument, pickle.TUPLE1, pickle.REDUCE))
    found: object = None
    with contextlib.suppress(InputError):
        found = read_pickle(file, FRAME_NAMES)
    assert not callable(found) or type(found).__module__.startswith("pipelines.")
    assert not isinstance(found, (bytes, bytearray, np.ndarray)) or len(found) <= 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_shortened_pickle_is_named(file, protocol):
    whole = pickle.dumps({"a": [1, "b", 2.5], "c": {3, 4}, "d": b"e"}, protocol)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cannot read .*file\.pickle") as error:
            read_pickle(file)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"user_id,item_id\n1,2\n", b"\x1f\x8b\x08\x00", b"\x00"])
def test_what_is_no_pickle_is_named(file, content):
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*file\.pickle"):
        read_pickle(file)


def test_a_refusal_is_one_short_line(file):
    long = "a\nb" + "c" * 240
    file.write_bytes(program(name("os", long)))
    with pytest.raises(InputError) as error:
        read_pickle(file)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


def test_a_missing_file_is_named(file):
    with pytest.raises(InputError, match=r"there is no file .*file\.pickle"):
        read_pickle(file)


def test_no_name_is_allowed_by_default_but_those_of_containers(file):
    file.write_bytes(pickle.dumps(np.arange(3)))
    with pytest.raises(InputError, match="numpy"):
        read_pickle(file)
    assert ("numpy", "ndarray") not in CONTAINER_NAMES
