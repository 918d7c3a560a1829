from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data import user_buckets
from sesrec_tf.data.user_buckets import BUCKETS, bucket_of, row_buckets, user_codes, user_hashes

GOLDEN = {
    "u": 0x9EC0D5C492BEA1E8,
    "v": 0x3D3604564CC551A7,
    "007": 0x4F354E1C37D872EE,
    "NA": 0xD44AC9DE71C531EC,
    "größe": 0x7368E68A5B79C2D5,
    "用户": 0x94D689CE4784F199,
}
"""`reference_hash` of some ids. Another value would change the order of users in every data set."""

MASK = 2**64 - 1
IDS = st.text(max_size=20)


def texts(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


def rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK


def sip_round(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    a, c = (a + b) & MASK, (c + d) & MASK
    b, d = rotated(b, 13) ^ a, rotated(d, 16) ^ c
    a, c = (rotated(a, 32) + d) & MASK, (c + b) & MASK
    return a, rotated(b, 17) ^ c, rotated(c, 32), rotated(d, 21) ^ a


def sip_hash(data: bytes, key: bytes) -> int:
    """SipHash-2-4 (Aumasson and Bernstein, 2012)."""
    low, high = (int.from_bytes(half, "little") for half in (key[:8], key[8:]))
    state = (
        low ^ 0x736F6D6570736575,
        high ^ 0x646F72616E646F6D,
        low ^ 0x6C7967656E657261,
        high ^ 0x7465646279746573,
    )
    whole = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) % 256])
    for start in range(0, len(whole), 8):
        block = int.from_bytes(whole[start : start + 8], "little")
        state = (*state[:3], state[3] ^ block)
        state = sip_round(*sip_round(*state))
        state = (state[0] ^ block, *state[1:])
    state = (*state[:2], state[2] ^ 0xFF, state[3])
    for _ in range(4):
        state = sip_round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def reference_hash(user: str) -> int:
    """SipHash, and the finaliser of SplitMix64 that pandas puts after it."""
    value = sip_hash(user.encode(), b"sesrec_tf_users1")
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def test_the_reference_is_siphash() -> None:
    # From the reference implementation: key 00 01 .. 0f, messages of 0 and 15 bytes 00 01 .. 0e.
    key = bytes(range(16))
    assert sip_hash(b"", key) == 0x726FDB47DD0E0E31
    assert sip_hash(bytes(range(15)), key) == 0xA129CA6149BE45E5


def test_golden_hashes() -> None:
    assert user_hashes(texts(*GOLDEN)).tolist() == list(GOLDEN.values())
    assert [reference_hash(user) for user in GOLDEN] == list(GOLDEN.values())


@settings(deadline=None, max_examples=50)
@given(st.lists(IDS, max_size=5))
def test_hashes_are_those_of_the_reference(users: list[str]) -> None:
    assert user_hashes(texts(*users)).tolist() == [reference_hash(user) for user in users]


@pytest.mark.parametrize("seed", ["0", "1234"])
def test_hashes_are_the_same_in_every_process(seed: str) -> None:
    code = (
        "import pyarrow as pa; from sesrec_tf.data.user_buckets import user_hashes; "
        f"print(user_hashes(pa.array({list(GOLDEN)!r}, pa.large_string())).tolist())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert printed.strip() == str(list(GOLDEN.values()))


def test_bucket_boundaries() -> None:
    # 256 buckets: the first 8 of 64 bits.
    hashes = np.array([0, 2**56 - 1, 2**56, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    assert bucket_of(hashes).tolist() == [0, 0, 1, 127, 128, BUCKETS - 1]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, MASK)))
def test_buckets_are_in_the_order_of_hashes(hashes: list[int]) -> None:
    buckets = bucket_of(np.array(sorted(hashes), np.uint64))
    assert (np.diff(buckets) >= 0).all()
    assert ((buckets >= 0) & (buckets < BUCKETS)).all()


def test_the_bucket_of_every_row() -> None:
    # The first byte of each golden hash.
    assert row_buckets(texts("u", "NA", "u", "v")).tolist() == [0x9E, 0xD4, 0x9E, 0x3D]
    assert row_buckets(texts()).tolist() == []


def test_golden_order_of_users() -> None:
    # 0x3d.. < 0x4f.. < 0x9e.. < 0xd4..
    users, buckets, (first, second) = user_codes(texts("u", "v", "u"), texts("NA", "007"))
    assert users.to_pylist() == ["v", "007", "u", "NA"]
    assert buckets.tolist() == [0x3D, 0x4F, 0x9E, 0xD4]
    assert first.tolist() == [2, 0, 2]
    assert second.tolist() == [3, 1]


def test_users_of_one_hash_are_ordered_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(users: pa.Array) -> np.ndarray:
        return np.array(
            [5 << 56 if user != "first" else 0 for user in users.to_pylist()], np.uint64
        )

    monkeypatch.setattr(user_buckets, "user_hashes", same)
    users, buckets, (codes,) = user_codes(texts("ä", "b", "first", "a", "B"))
    assert users.to_pylist() == ["first", "B", "a", "b", "ä"]
    assert buckets.tolist() == [0, 5, 5, 5, 5]
    assert codes.tolist() == [4, 3, 0, 2, 1]


@settings(deadline=None, max_examples=50)
@given(st.lists(IDS, max_size=12), st.lists(IDS, max_size=12))
def test_codes_lead_back_to_the_ids(first: list[str], second: list[str]) -> None:
    users, buckets, codes = user_codes(texts(*first), texts(*second))
    ordered = users.to_pylist()
    assert ordered == sorted({*first, *second}, key=lambda user: (reference_hash(user), user))
    assert buckets.tolist() == [reference_hash(user) >> 56 for user in ordered]
    for values, own in zip((first, second), codes, strict=True):
        assert [ordered[code] for code in own] == values
