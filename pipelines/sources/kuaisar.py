"""KuaiSAR as its authors publish it: five CSV files (doi.org/10.5281/zenodo.8181109)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.csv_columns import FLAG, INTEGER, TEXT
from pipelines.sources.csv_file import CsvFile
from pipelines.sources.kuaisar_sessions import CLICKLESS, COLUMNS, EARLIEST, FILE, SearchSessions
from pipelines.sources.source import Source, add_input_flag
from sesrec_tf.data.log_chunk import ROW, LogChunk
from sesrec_tf.data.log_tables import ITEM_ID, TIMESTAMP, USER_ID
from sesrec_tf.errors import require_choice

FEED_COLUMNS = {USER_ID: TEXT, ITEM_ID: TEXT, TIMESTAMP: INTEGER, "click": FLAG}
NOT_CLICKED = "click is 0"
"""Why rows of the feed are left out."""

LEVELS = ("first", "second", "third", "fourth")
ITEM_ATTRIBUTES = {
    "author_id": "author_id",
    "item_type": "item_type",
    "upload_type": "upload_type",
    **{f"{level}_level_category_id": f"category_{n + 1}" for n, level in enumerate(LEVELS)},
}
"""Columns of `item_features.csv` and the attributes they become."""

# The two kinds of padding of authors and categories; a type has none but the empty text.
_PADDING = pa.array(["0", "empty"])
_PADDED = tuple(column for column in ITEM_ATTRIBUTES if column.endswith("_id"))


class KuaiSar(Source):
    """Reads `rec_inter`, `src_inter`, `user_features` and `item_features` (`.csv` or `.csv.gz`).

    - Interactions are the rows of `rec_inter.csv` with `click = 1`, in the order of the file; those
      with `click = 0` are left out, and any other `click` is rejected. Items sent together share
      their timestamp; preparation breaks ties of a user by (timestamp, interaction before search,
      row number), hence by the order of the file.
    - Searches: see `pipelines.sources.kuaisar_sessions`. The query is the keyword's integers
      separated by spaces, the source is `search_source` verbatim (typed or suggested: see
      `sesrec_tf.data.search_origins`), and the clicked items are the shown ones with
      `click_cnt > 0`, of any type, also of those that the feed never shows (USER,
      LIVE, COMMODITY, MUSIC, ADVERT).
    - Item attributes are those of `ITEM_ATTRIBUTES`, an author or category of 0 or `empty` being
      unknown; user attributes are all columns of `user_features.csv`. Their sizes are what the
      files hold, not what the documentation says.
    - `social_network.csv` is not read and may be absent.

    Args:
        directory: with the files.
        clickless: what becomes of a session without a click, one of `CLICKLESS`.

    Raises:
        InputError: if a file or column is missing, or `clickless` is another.
    """

    name: ClassVar[str] = "kuaisar"
    summary: ClassVar[str] = (
        "KuaiSAR's CSV files: rec_inter, src_inter, user_features, item_features "
        "(social_network is not used)"
    )
    time_unit: ClassVar[str] = "ms"
    tables: ClassVar[tuple[str, ...]] = ("interactions", "searches", "items", "users")

    def __init__(self, directory: str | Path, clickless: str = EARLIEST) -> None:
        require_choice("clickless", clickless, CLICKLESS)
        directory = Path(directory)
        self._feed = CsvFile(directory, "rec_inter.csv", list(FEED_COLUMNS))
        self._sessions = SearchSessions(CsvFile(directory, FILE, list(COLUMNS)), clickless)
        self._users = CsvFile(directory, "user_features.csv", (USER_ID,))
        self._items = CsvFile(directory, "item_features.csv", (ITEM_ID, *ITEM_ATTRIBUTES))

    @classmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """Adds `--input` and `--clickless`."""
        add_input_flag(flags)
        flags.add_argument(
            "--clickless",
            choices=CLICKLESS,
            default=EARLIEST,
            help="search sessions without a click: the earliest shown item, which the app plays by "
            "itself, counts as clicked, or the session is dropped (default: %(default)s)",
        )

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> KuaiSar:
        """See `Source.from_arguments`."""
        return cls(arguments.input, arguments.clickless)

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """See `LogReader`.

        Rejected rows are rows of the files: several may belong to one session, and those of the
        feed need not be clicks.
        """
        read = {
            "interactions": self._interactions,
            "searches": self._sessions.chunks,
            "items": self._item_chunks,
            "users": self._user_chunks,
        }
        return read[table]()

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`; the line of a session is that of its first row."""
        files = {
            "interactions": self._feed,
            "searches": self._sessions.file,
            "items": self._items,
            "users": self._users,
        }
        return files[table].lines(rows)

    def _interactions(self) -> Iterator[LogChunk]:
        for chunk in self._feed.chunks(FEED_COLUMNS):
            clicked = chunk.rows.filter(pc.equal(chunk.rows["click"], 1))
            others = len(chunk.rows) - len(clicked)
            left_out = {NOT_CLICKED: others} if others else {}
            yield LogChunk(clicked.drop_columns("click"), chunk.rejected, left_out)

    def _item_chunks(self) -> Iterator[LogChunk]:
        names = (ITEM_ID, *ITEM_ATTRIBUTES)
        for chunk in self._items.chunks(dict.fromkeys(names, TEXT)):
            columns = {name: chunk.rows[name] for name in (ROW, ITEM_ID)}
            for column, attribute in ITEM_ATTRIBUTES.items():
                values = chunk.rows[column]
                if column in _PADDED:
                    values = pc.if_else(pc.is_in(values, _PADDING), "", values)
                columns[attribute] = values
            yield LogChunk(pa.table(columns), chunk.rejected)

    def _user_chunks(self) -> Iterator[LogChunk]:
        return self._users.chunks(dict.fromkeys(self._users.header, TEXT))
