"""The content of UniSAR's data package."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.id_codes import IdCodes, Integers
from pipelines.sources.release_files import read_dictionary
from pipelines.sources.release_package import PackageFiles, ReleasePackage
from pipelines.sources.release_searches import Sessions
from pipelines.sources.released_attributes import ReleasedAttributes
from pipelines.sources.released_events import InstanceNames, ReleasedEvents
from pipelines.sources.released_histories import HistoryKeys, ReleasedHistories
from pipelines.sources.text_lists import joined, text_lists
from pipelines.sources.unisar_instances import INTEGERS, UnisarInstances
from sesrec_tf.errors import InputError

USERS = "vocab/user_vocab.pkl"
USER_ARRAYS = "vocab/user_vocab_np.pkl"
ITEM_ARRAYS = "vocab/item_vocab_np.pkl"
SESSIONS = "vocab/src_session_vocab_np.pkl"
INSTANCES = tuple(f"dataset/rec_{split}.pkl" for split in ("train", "val", "test"))

_PADDING = "0"
_KEYS = HistoryKeys("rec_his", "src_session_his", "rec_his_ts", "src_session_his_ts")


class UnisarPackage(ReleasePackage):
    """See `ReleasePackage`.

    Args:
        directory: with `dataset` and `vocab`.
    """

    files = PackageFiles(USERS, ITEM_ARRAYS, INSTANCES, first_line=1)
    no_session = (
        "src_session_his names a session that src_session_vocab_np.pkl lacks",
        "a row of its arrays",
    )

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        # Users count from 0 and have no padding.
        self._codes = IdCodes(), IdCodes(_PADDING), IdCodes(_PADDING)

    @cached_property
    def events(self) -> ReleasedEvents:
        """See the base class."""
        names = InstanceNames(*INTEGERS, users=Path(USERS).name)
        return ReleasedEvents(self._histories, self._listed.instances, self._codes, names)

    def unreadable(self, part: int) -> pa.Table:
        """See the base class."""
        return self._listed.rejected[part]

    @cached_property
    def session_ids(self) -> pa.Array:
        """See the base class."""
        assert self._histories is not None
        return self._codes[2].texts()

    def sessions(self, codes: Integers) -> Sessions:
        """See the base class; words and items of number 0 are padding, sources are unknown."""
        keyword, items = self._session_arrays
        ids = self._session_numbers[codes]
        known = ids < len(keyword)
        rows = np.where(known, ids, 0)
        return Sessions(
            query=joined(_without_padding(keyword[rows])),
            source=pa.array([""] * len(ids), pa.large_string()),
            clicked_item_ids=_without_padding(items[rows]),
            known=known,
        )

    @cached_property
    def item_attributes(self) -> ReleasedAttributes:
        """See the base class."""
        arrays = read_dictionary(self.directory / ITEM_ARRAYS)
        return ReleasedAttributes.of_arrays(arrays, "item_id", _PADDING)

    @cached_property
    def user_attributes(self) -> ReleasedAttributes:
        """See the base class."""
        arrays = read_dictionary(self.directory / USER_ARRAYS)
        return ReleasedAttributes.of_arrays(arrays, "user_id", None)

    @cached_property
    def _histories(self) -> ReleasedHistories:
        path = self.directory / USERS
        return ReleasedHistories.of(read_dictionary(path), path, _KEYS, self._codes)

    @cached_property
    def _listed(self) -> UnisarInstances:
        # The codes of the users who have histories come first.
        assert self._histories is not None
        paths = [self.directory / name for name in INSTANCES]
        return UnisarInstances(paths, *self._codes[:2])

    @cached_property
    def _session_numbers(self) -> Integers:
        """`[S]` rows of the sessions' arrays by code; too large a one where the id is no row."""
        number = pc.match_substring_regex(self.session_ids, "^[0-9]{1,18}$")
        digits = pc.if_else(number, self.session_ids, str(np.iinfo(np.int64).max))
        return digits.cast(pa.int64()).to_numpy()

    @cached_property
    def _session_arrays(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        path = self.directory / SESSIONS
        content = read_dictionary(path)
        keyword, items = (np.asarray(content.get(name)) for name in ("keyword", "pos_items"))
        for values in (keyword, items):
            if values.ndim != 2 or values.dtype.kind not in "iu" or len(values) != len(keyword):
                raise InputError(
                    f"{path}: keyword and pos_items are not two arrays of one session a row. "
                    "Expected integers, [sessions, words] and [sessions, clicks]. Received: "
                    f"{keyword.dtype} {keyword.shape} and {items.dtype} {items.shape}. Give the "
                    "file as it was published."
                )
        return keyword, items


def _without_padding(numbers: npt.NDArray[Any]) -> pa.LargeListArray:
    """The numbers of each row but 0, as text."""
    real = numbers != 0
    return text_lists(real.sum(axis=1), pa.array(numbers[real]))
