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
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.line_blocks import line_blocks, line_error
from pipelines.sources.source import CHUNK_ROWS
from sesrec_tf.data.attributes import PATH_COLUMN, PATH_SEPARATOR
from sesrec_tf.data.log_tables import ITEM_ID, log_frame
from sesrec_tf.errors import InputError

CategoryPath = tuple[str, ...]

_LITERAL = "a Python dictionary of literals"
_TEXT = "a non-empty text"
_PATHS = "a list of lists of texts"


@dataclass(frozen=True)
class Metadata:
    """What the metadata say of the products, in the order of their file.

    Attributes:
        item_ids: `[M]`.
        categories: `[M]` of every product's first path of at least two levels, or else its first,
            levels joined by " > "; "" for none.
        brands: `[M]`, "" for none.
        paths: all different category paths.
        path_offsets, path_codes: `[M + 1]` and places in `paths`; product n has those from
            `path_offsets[n]` to `path_offsets[n + 1]`.
    """

    item_ids: pa.Array
    categories: pa.Array
    brands: pa.Array
    paths: tuple[CategoryPath, ...]
    path_offsets: npt.NDArray[np.int64]
    path_codes: npt.NDArray[np.int64]

    @classmethod
    def read(cls, path: Path) -> Metadata:
        """Reads `meta_*.json.gz` by `ast.literal_eval`.

        Raises:
            InputError: naming the line that is no literal, has no `asin` or one that was there
                before, or a brand or categories of another type.
        """
        products = _Products(path)
        with warnings.catch_warnings():
            # Python warns of "\d" in a literal, whose meaning is plain.
            warnings.simplefilter("ignore")
            for block in line_blocks(path):
                for number, line in block.lines():
                    products.add(number, line)
        return products.metadata()

    def tables(self) -> Iterator[pd.DataFrame]:
        """Chunks of `item_id, category, brand`; no `brand` where no product has one."""
        columns = {ITEM_ID: self.item_ids, PATH_COLUMN: self.categories}
        if pc.any(pc.not_equal(self.brands, "")).as_py():
            columns["brand"] = self.brands
        table = pa.table(columns)
        for start in range(0, len(table), CHUNK_ROWS):
            yield log_frame(table.slice(start, CHUNK_ROWS))


@dataclass
class _Products:
    """The products read so far."""

    path: Path
    lines: dict[str, int] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    brands: list[str] = field(default_factory=list)
    path_counts: list[int] = field(default_factory=list)
    path_codes: list[int] = field(default_factory=list)
    places: dict[CategoryPath, int] = field(default_factory=dict)

    def add(self, number: int, line: str) -> None:
        product = self._literal(number, line)
        item = product.get("asin")
        if not isinstance(item, str) or not item:
            raise line_error(self.path, number, "no `asin`", _TEXT, line)
        if item in self.lines:
            problem = f"`asin` {item!r} stands in line {self.lines[item]} already"
            raise line_error(self.path, number, problem, "one line a product", line)
        self.lines[item] = number
        paths = self._paths(number, product.get("categories"))
        self.categories.append(PATH_SEPARATOR.join(_category(paths)))
        self.brands.append(self._brand(number, product.get("brand")))
        self.path_counts.append(len(paths))
        self.path_codes += [self.places.setdefault(path, len(self.places)) for path in paths]

    def metadata(self) -> Metadata:
        if not self.lines:
            raise InputError(
                f"{self.path} holds no products. Expected {_LITERAL} a line. Download it again."
            )
        return Metadata(
            item_ids=pa.array(self.lines, pa.large_string()),
            categories=pa.array(self.categories, pa.large_string()),
            brands=pa.array(self.brands, pa.large_string()),
            paths=tuple(self.places),
            path_offsets=np.concatenate([[0], np.cumsum(self.path_counts)]).astype(np.int64),
            path_codes=np.array(self.path_codes, np.int64),
        )

    def _literal(self, number: int, line: str) -> dict[str, Any]:
        try:
            product = ast.literal_eval(line)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            problem = f"no Python literal ({error})"
            raise line_error(self.path, number, problem, _LITERAL, line) from error
        if not isinstance(product, dict):
            raise line_error(self.path, number, "no dictionary", _LITERAL, line)
        return product

    def _brand(self, number: int, brand: object) -> str:
        if not isinstance(brand, str | None):
            raise line_error(self.path, number, "`brand` is no text", "a text", brand)
        return _plain(brand or "")

    def _paths(self, number: int, paths: object) -> list[CategoryPath]:
        """The paths without empty levels, none of them empty or twice."""
        if paths is None:
            return []
        if not isinstance(paths, list) or not all(map(_is_path, paths)):
            raise line_error(self.path, number, "`categories` is unusable", _PATHS, paths)
        plain = (tuple(filter(None, map(_plain, path))) for path in paths)
        return [path for path in dict.fromkeys(plain) if path]


def _is_path(path: object) -> bool:
    return isinstance(path, list) and all(isinstance(level, str) for level in path)


def _category(paths: list[CategoryPath]) -> CategoryPath:
    return next((path for path in paths if len(path) > 1), paths[0] if paths else ())


def _plain(text: str) -> str:
    """On one line, and without the sign that separates levels."""
    return " ".join(text.replace(PATH_SEPARATOR.strip(), " ").split())
