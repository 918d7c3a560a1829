from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.sources.id_codes import PADDING, IdCodes, id_array
from sesrec_tf.errors import InputError


def test_ids_are_numbered_as_they_are_met():
    ids = IdCodes(padding="0")
    assert ids.codes(pa.array([7, 0, 5, 7])).tolist() == [0, PADDING, 1, 0]
    assert ids.codes(pa.array(["5", "x", "0"])).tolist() == [1, 2, PADDING]
    assert ids.texts().to_pylist() == ["7", "5", "x"]
    assert len(ids) == 3


def test_without_padding_every_id_has_a_number():
    ids = IdCodes()
    assert ids.codes(pa.array(["0", "1"])).tolist() == [0, 1]
    assert ids.texts().to_pylist() == ["0", "1"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], [1, 2]),
        (["a", 0], ["a", "0"]),
        ([np.int32(3), np.int32(4)], [3, 4]),
        ([2**70, "b"], [str(2**70), "b"]),
        ([], []),
    ],
)
def test_ids_of_pickles(values, expected):
    assert id_array(values, "here").to_pylist() == expected


@pytest.mark.parametrize("values", [[None], [1.5], [[1]], ["a", None], ["a", 1.5], [b"a"]])
def test_other_values_are_no_ids(values):
    with pytest.raises(InputError, match="here holds something else than ids"):
        id_array(values, "here")
