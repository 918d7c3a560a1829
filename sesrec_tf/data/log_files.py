"""Reading the log tables from CSV and Parquet files."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path
from typing import IO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sesrec_tf.data.log_tables import REQUIRED_COLUMNS, LogTables, log_frame, require_columns
from sesrec_tf.errors import InputError

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".parquet.gz")

# What pandas calls an index without a name when it writes Parquet.
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


def read_log_tables(
    interactions: Path, searches: Path, items: Path | None = None, users: Path | None = None
) -> LogTables:
    """Reads the tables; every CSV value is text, verbatim.

    Raises:
        InputError: if a file is missing, unreadable, empty, or lacks a column.
    """
    return LogTables(
        interactions=read_table(interactions, "interactions"),
        searches=read_table(searches, "searches"),
        items=None if items is None else read_table(items, "items"),
        users=None if users is None else read_table(users, "users"),
    )


def read_table(path: Path, table: str) -> pd.DataFrame:
    """Reads one table: the required columns, and for `items` and `users` all columns.

    Args:
        path: CSV with column names in the first line, or Parquet; either may be gzipped.
        table: key of `REQUIRED_COLUMNS`.

    Raises:
        InputError: as `read_log_tables`.
    """
    if not path.name.endswith(SUFFIXES):
        raise InputError(
            f"{table}: unknown kind of file {path}. Expected a name that ends in "
            f"{', '.join(SUFFIXES)}. Convert or rename it."
        )
    read = _read_csv if path.name.endswith((".csv", ".csv.gz")) else _read_parquet
    try:
        rows = read(path, table)
    except FileNotFoundError as error:
        raise InputError(f"{table}: there is no file {path}. Give an existing file.") from error
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise InputError(
            f"{table}: cannot read {path} ({error}). Expected {' or '.join(SUFFIXES)} as the name "
            "says, complete and in UTF-8. Write the file again."
        ) from error
    return log_frame(rows)


def _read_csv(path: Path, table: str) -> pa.Table:
    with _open(path) as file:
        header = next(csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline="")), [])
    require_columns(table, header)
    with _open(path) as file:
        return pyarrow.csv.read_csv(
            file,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=_wanted(table, header),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )


def _read_parquet(path: Path, table: str) -> pa.Table:
    with _open(path) as file:
        # A gzipped Parquet file offers no seeking worth the name: read it whole.
        source = pa.BufferReader(file.read()) if path.suffix == ".gz" else file
        parquet = pyarrow.parquet.ParquetFile(source)
        names = parquet.schema_arrow.names
        ranges = _named_ranges(parquet)
        header = [*ranges, *(name for name in names if not _NAMELESS_INDEX.fullmatch(name))]
        require_columns(table, header)
        wanted = _wanted(table, header)
        rows = parquet.read(columns=[name for name in wanted if name not in ranges])
        # A new table, without pandas' metadata: what was an index would become one again.
        return pa.table({name: ranges[name] if name in ranges else rows[name] for name in wanted})


def _named_ranges(parquet: pa.parquet.ParquetFile) -> dict[str, pa.Array]:
    """Index columns of consecutive integers: pandas keeps them in its metadata alone."""
    indices = (parquet.schema_arrow.pandas_metadata or {}).get("index_columns", [])
    named = [each for each in indices if isinstance(each, dict) and each.get("name") is not None]
    ranges = {each["name"]: range(each["start"], each["stop"], each["step"]) for each in named}
    rows = parquet.metadata.num_rows
    return {name: pa.array(values) for name, values in ranges.items() if len(values) == rows}


def _wanted(table: str, header: list[str]) -> list[str]:
    """Attribute columns count; other columns of the event tables are not even parsed."""
    return header if table in ("items", "users") else list(REQUIRED_COLUMNS[table])


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")
