"""The products: Python literals, one dictionary a line."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.line_blocks import line_blocks
from pipelines.sources.rejected_lines import RejectedLines, UnusableLineError, utf8_text
from sesrec_tf.data.attributes import PATH_COLUMN, PATH_SEPARATOR
from sesrec_tf.data.log_chunk import CHUNK_ROWS, REJECTED, ROW, LogChunk
from sesrec_tf.data.log_tables import ITEM_ID

CategoryPath = tuple[str, ...]

_PATHS = "such as [['Books', 'Fiction']]"
_LITERAL = "a Python dictionary of literals"


@dataclass(frozen=True)
class Metadata:
    """What the metadata say of the products, in the order of their file.

    Attributes:
        rows: `[M]` their line numbers, from 0.
        item_ids: `[M]`, all different.
        categories: `[M]` of every product's first path of at least two levels, or else its first,
            levels joined by " > "; "" for none.
        brands: `[M]`, "" for none.
        paths: all different category paths.
        path_offsets, path_codes: `[M + 1]` and places in `paths`; product n has those from
            `path_offsets[n]` to `path_offsets[n + 1]`.
        rejected: the lines that are no product, as `REJECTED` says.
    """

    rows: npt.NDArray[np.int64]
    item_ids: pa.Array
    categories: pa.Array
    brands: pa.Array
    paths: tuple[CategoryPath, ...]
    path_offsets: npt.NDArray[np.int64]
    path_codes: npt.NDArray[np.int64]
    rejected: pa.Table

    @classmethod
    def read(cls, path: Path) -> Metadata:
        """Reads `meta_*.json.gz` by `ast.literal_eval`.

        Rejected are lines that are no dictionary of literals, have no `asin` or that of an
        earlier line, or a brand or categories of another type.

        Raises:
            InputError: if the file cannot be read to its end.
        """
        products, rejected = _Products(), RejectedLines()
        with warnings.catch_warnings():
            # Python warns of "\d" in a literal, whose meaning is plain.
            warnings.simplefilter("ignore")
            for block in line_blocks(path):
                for row, line in enumerate(block.raw_lines, block.first_line - 1):
                    if not line.strip():
                        continue
                    try:
                        products.add(row, line)
                    except UnusableLineError as problem:
                        rejected.add(row, problem, line)
        return products.metadata(rejected.table())

    def chunks(self) -> Iterator[LogChunk]:
        """Chunks of `row, item_id, category, brand`; no `brand` where no product has one."""
        columns = {ROW: self.rows, ITEM_ID: self.item_ids, PATH_COLUMN: self.categories}
        if pc.any(pc.not_equal(self.brands, "")).as_py():
            columns["brand"] = self.brands
        table, rejected = pa.table(columns), self.rejected
        for start in range(0, max(len(table), 1), CHUNK_ROWS):
            yield LogChunk(table.slice(start, CHUNK_ROWS), rejected)
            rejected = REJECTED.empty_table()


@dataclass
class _Products:
    """The products read so far."""

    rows: dict[str, int] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    brands: list[str] = field(default_factory=list)
    path_counts: list[int] = field(default_factory=list)
    path_codes: list[int] = field(default_factory=list)
    places: dict[CategoryPath, int] = field(default_factory=dict)

    def add(self, row: int, line: bytes) -> None:
        product = _literal(line)
        item, paths = _item(product.get("asin")), _paths(product.get("categories"))
        brand = _brand(product.get("brand"))
        if item in self.rows:
            raise UnusableLineError("asin stands in an earlier line", "one line a product")
        self.rows[item] = row
        self.categories.append(PATH_SEPARATOR.join(_category(paths)))
        self.brands.append(brand)
        self.path_counts.append(len(paths))
        self.path_codes += [self.places.setdefault(path, len(self.places)) for path in paths]

    def metadata(self, rejected: pa.Table) -> Metadata:
        return Metadata(
            rows=np.fromiter(self.rows.values(), np.int64, len(self.rows)),
            item_ids=pa.array(self.rows, pa.large_string()),
            categories=pa.array(self.categories, pa.large_string()),
            brands=pa.array(self.brands, pa.large_string()),
            paths=tuple(self.places),
            path_offsets=np.concatenate([[0], np.cumsum(self.path_counts)]).astype(np.int64),
            path_codes=np.array(self.path_codes, np.int64),
            rejected=rejected,
        )


def _literal(line: bytes) -> dict[str, Any]:
    text = utf8_text(line).strip()
    try:
        product = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise UnusableLineError("line is no Python literal", _LITERAL) from error
    if not isinstance(product, dict):
        raise UnusableLineError("line is no dictionary", _LITERAL)
    return product


def _item(item: object) -> str:
    if item is None:
        raise UnusableLineError("asin is missing", "text")
    if not isinstance(item, str) or _text(item) != item:
        raise UnusableLineError("asin is not text", "text")
    return item


def _brand(brand: object) -> str:
    if not isinstance(brand, str | None):
        raise UnusableLineError("brand is not text", "text")
    return _plain(brand or "")


def _paths(paths: object) -> list[CategoryPath]:
    """The paths without empty levels, none of them empty or twice."""
    if paths is None:
        return []
    if not isinstance(paths, list) or not all(map(_is_path, paths)):
        raise UnusableLineError("categories is not a list of lists of texts", _PATHS)
    plain = (tuple(filter(None, map(_plain, path))) for path in paths)
    return [path for path in dict.fromkeys(plain) if path]


def _is_path(path: object) -> bool:
    return isinstance(path, list) and all(isinstance(level, str) for level in path)


def _category(paths: list[CategoryPath]) -> CategoryPath:
    return next((path for path in paths if len(path) > 1), paths[0] if paths else ())


def _plain(text: str) -> str:
    """On one line, and without the sign that separates levels."""
    return " ".join(_text(text).replace(PATH_SEPARATOR.strip(), " ").split())


def _text(text: str) -> str:
    """Without halves of surrogate pairs, which are no text."""
    return text.encode("utf-8", "ignore").decode()
