from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.sources.amazon_qrels import QrelsQueries
from sesrec_tf.errors import InputError
from tests.pipelines.sources.amazon_raw_files import write_lines

TEXTS = ["book fiction", "", "  book  war ", "toy"]


def queries(directory: Path, *qrels: list[str], suffix: str = ".gz") -> QrelsQueries:
    files = [
        write_lines(directory / f"{number}.qrels{suffix}", lines)
        for number, lines in enumerate(qrels)
    ]
    return QrelsQueries(write_lines(directory / f"query_text.txt{suffix}", TEXTS), files, seed=0)


def of_pair(found: QrelsQueries, user: str, item: str) -> list[str]:
    """All queries that a pair may get."""
    (start,), (length,) = found.lists(pa.array([user]), pa.array([item]))
    return [found.texts[code].as_py() for code in found.codes[start : start + length]]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_judgements_of_all_files_are_one_set(tmp_path: Path, suffix: str) -> None:
    # The benchmark's lines end in a space; an id may hold the sign that ends it.
    found = queries(
        tmp_path,
        ["A1_2 0 B1 1 ", "A1_0 0 B1 1 ", "A_2_3 0 B1 1 ", "A1_3 0 B2 0 "],
        ["A1_0\t0\tB1\t1", "A3_1 0 B1 1", "A3_0 0 B2 1"],
        suffix=suffix,
    )
    assert of_pair(found, "A1", "B1") == ["book fiction", "book war"]
    assert of_pair(found, "A_2", "B1") == ["toy"]
    assert of_pair(found, "A3", "B2") == ["book fiction"]
    # A judgement of 0, a query without words, and pairs that nobody judged.
    for pair in (("A1", "B2"), ("A3", "B1"), ("A_2", "B2"), ("A9", "B1"), ("A1", "B9")):
        assert of_pair(found, *pair) == []


def test_the_order_of_the_files_makes_no_difference(tmp_path: Path) -> None:
    first = [f"A{n}_{n % 4} 0 B{n % 5} 1" for n in range(40)]
    second = [f"A{n}_{n % 3} 0 B{n % 5} 1" for n in range(40)]
    pairs = pa.array([f"A{n}" for n in range(40)]), pa.array([f"B{n % 5}" for n in range(40)])
    (tmp_path / "other").mkdir()
    expected = queries(tmp_path, first, second).draw(*pairs).to_pylist()
    other = queries(tmp_path / "other", second[::-1], first[::-1]).draw(*pairs).to_pylist()
    assert other == expected


def test_no_judgement_at_all(tmp_path: Path) -> None:
    assert of_pair(queries(tmp_path, []), "A1", "B1") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A1_0 0 B1", "no relevance judgement"),
        ("A1_0 0 B1 1 x", "no relevance judgement"),
        ("A1 0 B1 1", "no relevance judgement"),
        ("_0 0 B1 1", "no relevance judgement"),
        ("A1_x 0 B1 1", "no relevance judgement"),
        ("A1_\u00b2 0 B1 1", "no relevance judgement"),
        ("A1_0 0 B1 2", "no relevance judgement"),
        ("A1_4 0 B1 1", "there is no query 4. Expected a query below 4"),
    ],
)
def test_a_bad_judgement_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"0\.qrels\.gz, line 2: {message}"):
        queries(tmp_path, ["A1_0 0 B1 1", line])
