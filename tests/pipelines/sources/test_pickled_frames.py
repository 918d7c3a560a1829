from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas as pd
import pytest

from pipelines.sources.pickled_frames import FRAME_NAMES, read_frame
from sesrec_tf.errors import InputError
from tests.pipelines.sources import pickled_frame_samples as samples
from tests.pipelines.sources.hostile_pickles import CARRIERS, Command, name, program, text

PROTOCOLS = range(6)
COLUMNS = ["user_id", "item_id", "neg_items", "rec_his", "src_session_his"]

# As pandas 1.1 and before write one, with protocol 2: the parts of a frame as state.
_INTEGERS = (
    b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    b"(K\x01K\x02K\x02\x86cnumpy\ndtype\nU\x02i8K\x00K\x01\x87R"
    b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"c_codecs\nencode\nX\x20\x00\x00\x00"
    + b"".join(bytes([n, 0, 0, 0, 0, 0, 0, 0]) for n in (5, 6, 7, 8))
    + b"U\x06latin1\x86Rtb"
)
_LABELS = (
    b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb\x89"
    b"](X\x07\x00\x00\x00user_idX\x07\x00\x00\x00item_idetb"
)
_AXES = (
    b"](cpandas.core.indexes.base\n_new_Index\ncpandas.core.indexes.base\nIndex\n"
    b"}(U\x04data" + _LABELS + b"U\x04nameNu\x86R"
    b"cpandas.core.indexes.base\n_new_Index\ncpandas.core.indexes.range\nRangeIndex\n"
    b"}(U\x04nameNU\x05startK\x00U\x04stopK\x02U\x04stepK\x01u\x86Re"
)
PANDAS_1_0 = (
    b"\x80\x02cpandas.core.frame\nDataFrame\n)\x81}(U\x05_data"
    b"cpandas.core.internals.managers\nBlockManager\n)\x81("
    b"]]]}U\x060.14.1}(U\x04axes"
    + _AXES
    + b"U\x06blocks]}(U\x06values"
    + _INTEGERS
    + b"U\x08mgr_locs"
    b"c__builtin__\nslice\nK\x00K\x02K\x01\x87Ruaustb"
    b"U\x04_typU\tdataframeU\t_metadata]ub."
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "frame.pkl"


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": [1, 0],
            "item_id": [5, 6],
            "neg_items": [[1, 2], [3, 4]],
            "rec_his": [0, 1],
            "src_session_his": [0, 0],
            "keyword": ["[1, 2]", "[3]"],
        }
    )


def values(columns: dict[str, np.ndarray]) -> dict[str, list[object]]:
    return {name: [np.asarray(v).tolist() for v in column] for name, column in columns.items()}


@pytest.mark.parametrize("sample", ["PANDAS_1_1", "PANDAS_1_3", "PANDAS_2_2"])
def test_frames_of_other_versions_of_pandas(file, sample):
    file.write_bytes(samples.unpacked(getattr(samples, sample)))
    found = read_frame(file, list(frame().columns))
    assert values(found) == frame().to_dict("list")


def test_a_frame_crafted_as_pandas_1_0_writes_it(file):
    file.write_bytes(PANDAS_1_0)
    found = read_frame(file, ["item_id", "user_id"])
    assert values(found) == {"item_id": [7, 8], "user_id": [5, 6]}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows,
        lambda rows: rows[rows["user_id"] == 1],
        lambda rows: rows.sample(frac=1, random_state=1),
        lambda rows: pd.concat([rows, rows]),
        lambda rows: rows.iloc[:0],
        lambda rows: rows.assign(neg_items=[np.arange(2), (3, 4)]),
        lambda rows: rows.assign(rec_his=np.asarray([0.5, 1]), label=[True, False]),
        lambda rows: rows.set_index("item_id", drop=False),
    ],
    ids=["whole", "part", "shuffled", "twice", "empty", "arrays", "floats", "index"],
)
def test_frames_of_this_version_of_pandas(file, change, protocol):
    wanted = change(frame())
    wanted.to_pickle(file, protocol=protocol)
    found = read_frame(file, list(wanted.columns))
    assert list(found) == list(wanted.columns)
    for name_, column in found.items():
        expected = [np.asarray(value).tolist() for value in wanted[name_]]
        assert [np.asarray(value).tolist() for value in column] == expected
    assert all(found[each].dtype.kind == "i" for each in ("user_id", "item_id"))


def test_numbers_in_either_order_of_bytes(file):
    pd.DataFrame({"user_id": np.asarray([1, 2], ">i4")}).to_pickle(file)
    assert read_frame(file, ["user_id"])["user_id"].tolist() == [1, 2]


def test_no_code_of_pandas_is_reached(file):
    frame().to_pickle(file)
    found = [value for value in FRAME_NAMES.values() if isinstance(value, type)]
    assert all(value.__module__.startswith("pipelines.") for value in found)
    assert not any(value is getattr(sys.modules["pandas"], "DataFrame") for value in found)  # noqa: B009


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_hostile_cell_is_refused(file, tmp_path, protocol):
    marker = tmp_path / "it-ran"
    CARRIERS["frame"](Command(marker)).to_pickle(file, protocol=protocol)
    with pytest.raises(InputError, match=r"asks for \w+\.system, which is refused"):
        read_frame(file, ["user_id"])
    assert not marker.exists()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"])),
        pd.Series(["a", "b"], dtype="category"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([{1}, pd.Timestamp(0)]),
    ],
    ids=["time", "category", "nullable", "object"],
)
def test_columns_that_no_release_has_are_refused(file, column):
    pd.DataFrame({"user_id": [1, 2], "other": column}).to_pickle(file)
    with pytest.raises(InputError, match=r"frame\.pkl"):
        read_frame(file, ["user_id"])


def test_what_is_no_frame_is_refused(file):
    file.write_bytes(pickle.dumps({"user_id": [1]}))
    with pytest.raises(InputError, match=r"holds no pandas frame.*Received: dict"):
        read_frame(file, ["user_id"])


def test_missing_columns_are_named(file):
    frame().to_pickle(file)
    with pytest.raises(InputError, match=r"missing column label\. .*Received: user_id, item_id"):
        read_frame(file, ["user_id", "label"])


def test_shortened_frames_are_refused(file):
    frame().to_pickle(file)
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cannot read .*frame\.pkl"):
            read_frame(file, COLUMNS)


def test_a_prepared_call_of_another_function_is_refused(file):
    function = name("collections", "OrderedDict") + pickle.TUPLE1
    file.write_bytes(program(name("functools", "partial") + function + pickle.REDUCE))
    with pytest.raises(InputError, match="prepares the call of a function"):
        read_frame(file, COLUMNS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x00K\x02K\x01\x87R", b"K\x00K\x01K\x01\x87R"),
        (b"K\x00K\x02K\x01\x87R", b"K\x05K\x07K\x01\x87R"),
        (b"X\x07\x00\x00\x00item_id", b"X\x07\x00\x00\x00user_id"),
        (b"X\x07\x00\x00\x00item_id", b"N"),
        (b"U\x060.14.1", b"U\x060.15.0"),
        (b"U\x05_data", b"U\x05_dat_"),
        (b"U\x06values", b"U\x06value_"),
    ],
)
def test_parts_that_do_not_make_a_frame_are_refused(file, old, new):
    assert old in PANDAS_1_0
    file.write_bytes(PANDAS_1_0.replace(old, new))
    with pytest.raises(InputError, match=r"cannot read .*frame\.pkl"):
        read_frame(file, ["user_id"])


def test_text_that_is_not_whole_is_refused(file):
    # Three texts of no data.
    kind = name("pyarrow.lib", "type_for_alias") + text("string") + pickle.TUPLE1 + pickle.REDUCE
    empty = (
        name("pyarrow.lib", "py_buffer") + pickle.SHORT_BINBYTES + b"\x00" + pickle.TUPLE1
    ) + pickle.REDUCE
    buffers = pickle.MARK + pickle.NONE + empty + empty + pickle.LIST
    parts = kind + b"K\x03K\x00K\x00" + buffers + pickle.EMPTY_LIST + pickle.NONE
    array = name("pyarrow.lib", "_restore_array") + pickle.MARK + parts + pickle.TUPLE
    file.write_bytes(program(array + pickle.TUPLE1 + pickle.REDUCE))
    with pytest.raises(InputError, match="ArrowInvalid"):
        read_frame(file, COLUMNS)
