from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pipelines.sources.pickle_nesting import DEEPEST, require_shallow
from tests.pipelines.sources.hostile_pickles import name, program

MANY = 300_000
SLICE = name("builtins", "slice")


def nested(make: type[list] | type[tuple], levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = make([value])
    return value


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("make", [list, tuple])
def test_nesting_is_limited(make, protocol):
    require_shallow(pickle.dumps(nested(make, DEEPEST), protocol))
    with pytest.raises(pickle.UnpicklingError, match="deeper than 100"):
        require_shallow(pickle.dumps(nested(make, DEEPEST + 1), protocol))


@pytest.mark.parametrize("protocol", range(6))
def test_what_data_have_in_common_is_not_deep(protocol):
    shared = ["a", (1, 2)]
    values = [{str(n): [shared, (shared, n, 2.5, 1 << 80, None, b"x")]} for n in range(2000)]
    require_shallow(pickle.dumps(values, protocol))
    frame = pd.DataFrame({"text": list("ab" * 600), "lists": [[1, 2], []] * 600, "n": 1.5})
    require_shallow(pickle.dumps([frame, np.empty(2, object), np.float32(2)], protocol))


HOSTILE = {
    "tuples as a key": b"}" + b")" + b"\x85" * MANY + b"K\x01s",
    "tuples with what does nothing between": b"})" + b"\x85\x94" * MANY + b"K\x01s",
    "tuples by their numbers": b"})q\x00" + b"0h\x00\x85q\x00" * MANY + b"K\x01s",
    "lists": b"]" * MANY + b"a" * (MANY - 1),
    "dictionaries": b"}K\x01" * MANY + b"N" + b"s" * MANY,
    "a list that goes on after it was put into another": b"]]q\x01ah\x01]a",
    "itself": b"]2a",
    "slices": SLICE + b"q\x00" + b"h\x00" * MANY + b"N" + b"\x85R" * (MANY + 1),
    "numbered in two ways": b"])q\x05\x85\x94a",
}


@pytest.mark.parametrize("opcodes", HOSTILE.values(), ids=HOSTILE)
def test_hostile_nesting_ends_with_an_input_error(tmp_path, opcodes):
    path = tmp_path / "file.pickle"
    path.write_bytes(program(opcodes))
    code = (
        "import sys, pathlib\n"
        "from pipelines.sources.pickled_frames import FRAME_NAMES\n"
        "from pipelines.sources.restricted_unpickler import read_pickle\n"
        "from sesrec_tf.errors import InputError\n"
        "try:\n    read_pickle(pathlib.Path(sys.argv[1]), FRAME_NAMES)\n"
        "except InputError as error:\n    print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    assert "cannot read" in ended.stdout
    assert "damaged" not in ended.stdout
