"""Log tables written row by row, and read in whatever order and pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sesrec_tf.data.event_scatter import EVENT_SCHEMAS
from sesrec_tf.data.log_chunk import ROW, LogChunk
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.log_tables import REQUIRED_COLUMNS, LogTables
from sesrec_tf.data.valid_rows import ValidRows


def interactions(*rows: Sequence[object], **more: object) -> pd.DataFrame:
    """Rows of (user, item, time), and further columns."""
    return pd.DataFrame(rows, columns=list(REQUIRED_COLUMNS["interactions"])).assign(**more)


def searches(*rows: Sequence[object]) -> pd.DataFrame:
    """Rows of (user, session, query, source, clicked items, time)."""
    return pd.DataFrame(rows, columns=list(REQUIRED_COLUMNS["searches"]))


def valid_rows(frame: pd.DataFrame, table: str) -> pa.Table:
    """The rows of an event table as preparation holds them, numbered by the frame's index."""
    if frame.empty:
        return EVENT_SCHEMAS[table].empty_table()
    columns = {name: pa.array(frame[name].tolist()) for name in frame.columns}
    chunk = LogChunk(pa.table({**columns, ROW: pa.array(frame.index.to_numpy(np.int64))}))
    return ValidRows.of(chunk, table, "s").rows.cast(EVENT_SCHEMAS[table])


def shop_logs(seed: int = 0, users: int = 12) -> LogTables:
    """Users of 4 to 9 interactions and up to 4 searches, many at the same time; 30 items in two
    categories.

    Two more users meet ten other items each, twice, so that everyone leaves some for negatives.
    """
    random = np.random.default_rng(seed)
    feed, sessions = [], []
    for user in range(users):
        for _ in range(random.integers(4, 10)):
            feed.append((f"u{user}", f"i{random.integers(10)}", int(random.integers(6))))
        for session in range(random.integers(5)):
            clicks = " ".join(f"i{item}" for item in random.integers(0, 12, random.integers(3)))
            query = " ".join(f"w{word}" for word in random.integers(0, 5, random.integers(1, 4)))
            source = ("", "typed")[session % 2]
            time = int(random.integers(6))
            sessions.append((f"u{user}", f"s{session}", query, source, clicks, time))
    for number in (1, 2):
        feed += [(f"wide{number}", f"i{10 * number + item // 2}", item) for item in range(20)]
    sessions.append(("wide1", "s0", "w0", "typed", "i29", 3))
    order = random.permutation(len(feed))
    items = pd.DataFrame({"item_id": [f"i{item}" for item in range(30)]})
    return LogTables(
        interactions(*(feed[place] for place in order)),
        searches(*sessions),
        items.assign(category=[f"c{item % 2}" for item in range(30)]),
        pd.DataFrame({"user_id": [f"u{user}" for user in range(users)], "age": "18-24"}),
    )


@dataclass(frozen=True)
class PartedLogs(LogReader):
    """Log tables whose rows keep their numbers and come in another order, parts and chunks.

    Attributes:
        tables: the logs.
        orders: places of the rows, for the tables whose order is another.
        number: of parts, each read in chunks of `chunk_rows`.
    """

    tables: LogTables
    orders: Mapping[str, Sequence[int]] = field(default_factory=dict)
    number: int = 1
    chunk_rows: int = 1 << 18

    def parts(self, table: str) -> int:
        return self.number * self.tables.parts(table)

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        (whole,) = self.tables.chunks(table)
        order = np.asarray(self.orders.get(table, range(len(whole.rows))), np.int64)
        own = np.array_split(order, self.number)[part]
        for start in range(0, max(len(own), 1), self.chunk_rows):
            yield LogChunk(whole.rows.take(pa.array(own[start : start + self.chunk_rows])))

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        return self.tables.lines(table, rows)
