"""A prepared data set on disk: what `pipelines.prepare` writes and everything later reads."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN, SPLITS, HistoryShape, VocabularySizes

FORMAT_VERSION = 1
INFO_FILE = "dataset_info.json"

VOCABULARIES = ("users", "items", "queries", "words", "sources")


class PreparedDataset:
    """Read access to a prepared data set.

    Layout:
        dataset_info.json: counts, lengths, split rule, seeds, format version, content hash.
        schema.pbtxt: `tensorflow-metadata` schema of the records.
        vocabularies/NAME.txt: raw ids, line n (from 0) is index n + 2. NAME is one of users,
            items, queries, words, sources, item_ATTRIBUTE, user_ATTRIBUTE.
        tables/items.parquet, tables/users.parquet: row i belongs to index i (rows 0 and 1 are
            padding and unknown); one int32 column per attribute, and `count`, the number of
            training interactions. Items also have `clicks`, the number of training clicks: an
            item that was only clicked has count 0.
        tables/queries.parquet: one row per distinct query text of the training searches:
            `text`, `query` (index), `words` (list of L indices), `count` (training sessions).
        tables/interactions.parquet: all interactions in (user, event) order: `row` in the log
            table, `user_id`, `item_id`, `timestamp`, `user` and `item` (indices),
            `earlier_interactions`, `earlier_searches`, `training` (whether it is a training
            row) and `split` ("" for an interaction that is no instance, or one left out of
            train because its item is unknown).
        tables/searches.parquet: all sessions in (user, event) order: `row`, `user_id`,
            `session_id`, `query_text`, `source_name`, `clicked_item_ids` (list), `timestamp`,
            `user`, `query`, `source` and `clicked_items` (indices, every click),
            `earlier_interactions`, `training`.
        train/, valid/, test/: `part-NNNNN-of-NNNNN.tfrecord` shards.

    Times are int64, `ticks_per_second` of `dataset_info.json` to a second; it is null where times
    are positions in the user's sequence.

    A run directory keeps the first four entries (without the event tables), so that a model can
    be rebuilt and exported without the data it was trained on.

    Args:
        path: the directory.

    Raises:
        InputError: if `path` is no prepared data set, or one of another format version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / INFO_FILE
        if not file.is_file():
            raise InputError(
                f"{self.path} is not a prepared data set: expected a file {INFO_FILE} in it. "
                "Make one with `python -m pipelines.prepare`."
            )
        try:
            self.info: dict[str, Any] = json.loads(file.read_text("utf-8"))
            version = self.info["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{file} is unreadable ({error}). Prepare the data set again."
            ) from error
        if version != FORMAT_VERSION:
            raise InputError(
                f"{self.path} has format version {version}, expected {FORMAT_VERSION}. "
                "Prepare the data set again with this version of the package."
            )

    @cached_property
    def history(self) -> HistoryShape:
        """The widths the records were written with."""
        return HistoryShape(**self.info["history"])

    @cached_property
    def sizes(self) -> VocabularySizes:
        """Known ids of every vocabulary."""
        sizes = self.info["vocabularies"]
        return VocabularySizes(
            **{name: sizes[name] for name in VOCABULARIES},
            item_attributes=tuple(sizes["item_attributes"].items()),
            user_attributes=tuple(sizes["user_attributes"].items()),
        )

    def vocabulary_file(self, name: str) -> Path:
        """The text file of one vocabulary."""
        return self.path / "vocabularies" / f"{name}.txt"

    def vocabulary(self, name: str) -> list[str]:
        """Raw ids of one vocabulary; element n has index n + 2."""
        text = self.vocabulary_file(name).read_text("utf-8")
        # Not `splitlines`: an id may hold an exotic line separator, only "\n" ends a line.
        return text.split("\n")[:-1]

    def table(self, name: str) -> pd.DataFrame:
        """One of the Parquet tables."""
        return pd.read_parquet(self.path / "tables" / f"{name}.parquet")

    @cached_property
    def item_attributes(self) -> npt.NDArray[np.int32]:
        """`[items + 2, number of item attributes]` attribute indices by item index."""
        return self._attributes("items", self.sizes.item_attributes)

    @cached_property
    def user_attributes(self) -> npt.NDArray[np.int32]:
        """`[users + 2, number of user attributes]` attribute indices by user index."""
        return self._attributes("users", self.sizes.user_attributes)

    @cached_property
    def item_counts(self) -> npt.NDArray[np.int64]:
        """`[items + 2]` training interactions of each item index."""
        return self.table("items")["count"].to_numpy(np.int64)

    @cached_property
    def query_table(
        self,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Indices `[Q]`, words `[Q, L]` and session counts `[Q]` of the training query texts."""
        table = self.table("queries")
        words = np.zeros((len(table), self.history.query_words), np.int32)
        if len(table):
            words[:] = np.stack(table["words"].to_list())
        return table["query"].to_numpy(np.int32), words, table["count"].to_numpy(np.int64)

    def record_files(self, split: str) -> list[str]:
        """Sorted record shards of one split.

        Raises:
            InputError: if there are none.
        """
        if split not in SPLITS:
            raise InputError(f"`split` should be one of {SPLITS}. Received: {split!r}.")
        files = sorted(str(file) for file in (self.path / split).glob("part-*.tfrecord"))
        if not files:
            raise InputError(f"{self.path / split} holds no record shards. Prepare the data again.")
        return files

    def instances(self, split: str) -> int:
        """Number of ranking instances, and so of records, of one split."""
        return int(self.info["instances"][split])

    def _attributes(
        self, table: str, attributes: tuple[tuple[str, int], ...]
    ) -> npt.NDArray[np.int32]:
        size = getattr(self.sizes, table) + FIRST_KNOWN
        if not attributes:
            return np.zeros((size, 0), np.int32)
        return self.table(table)[[name for name, _ in attributes]].to_numpy(np.int32)
