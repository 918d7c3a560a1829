"""The content of SESRec's data package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.sources.id_codes import IdCodes, Integers
from pipelines.sources.release_files import read_dictionary
from pipelines.sources.release_package import PackageFiles, ReleasePackage
from pipelines.sources.release_searches import Sessions
from pipelines.sources.released_attributes import ReleasedAttributes
from pipelines.sources.released_events import InstanceNames, ReleasedEvents
from pipelines.sources.released_histories import HistoryKeys, ReleasedHistories
from pipelines.sources.sesrec_instances import SesrecInstances
from pipelines.sources.sesrec_sessions import SesrecSessions
from pipelines.sources.sesrec_tsv import FIRST_ROW_LINE

USERS = "vocab/user_vocab.pickle"
ITEMS = "vocab/item_vocab.pickle"
SESSIONS = "vocab/s_session_vocab.pickle"
WORDS = "vocab/word_vocab.pickle"
INSTANCES = tuple(f"dataset/{split}_inter.tsv" for split in ("train", "valid", "test"))

ITEM_ATTRIBUTES = ("type1", "cate")
USER_ATTRIBUTES = ("gender", "age", "src_level")

_PADDING = "0"
_KEYS = HistoryKeys("rec_his", "src_his")
_NAMES = InstanceNames("u_id", "i_id", *_KEYS[:2], users=Path(USERS).name)


class SesrecPackage(ReleasePackage):
    """See `ReleasePackage`.

    Args:
        directory: with `dataset` and `vocab`.
        clickless: see `sesrec_sessions.CLICKLESS`.
    """

    files = PackageFiles(USERS, ITEMS, INSTANCES, FIRST_ROW_LINE)
    no_session = (
        "src_his names a session that s_session_vocab.pickle lacks or has damaged",
        "an entry with keyword_seg, search_source and click_items",
    )

    def __init__(self, directory: Path, clickless: str) -> None:
        super().__init__(directory)
        self._clickless = clickless
        self._users = IdCodes()
        self._items = IdCodes(_PADDING)
        self._session_ids = IdCodes(_PADDING)

    @cached_property
    def events(self) -> ReleasedEvents:
        """See the base class."""
        codes = (self._users, self._items, self._session_ids)
        return ReleasedEvents(self._histories, self._listed.instances, codes, _NAMES)

    def unreadable(self, part: int) -> pa.Table:
        """See the base class."""
        return self._listed.rejected[part]

    def left_out(self, part: int) -> Mapping[str, int]:
        """See the base class."""
        return self._listed.left_out[part]

    @cached_property
    def session_ids(self) -> pa.Array:
        """See the base class."""
        assert self._histories is not None
        return self._session_ids.texts()

    def sessions(self, codes: Integers) -> Sessions:
        """See the base class."""
        return self._sessions.of(self.session_ids.take(pa.array(codes)).to_pylist())

    @cached_property
    def item_attributes(self) -> ReleasedAttributes:
        """See the base class."""
        path = self.directory / ITEMS
        entries = read_dictionary(path)
        return ReleasedAttributes.of_entries(entries, ITEM_ATTRIBUTES, str(path), _PADDING)

    @property
    def user_attributes(self) -> ReleasedAttributes:
        """See the base class."""
        return self._user_file[1]

    @property
    def _histories(self) -> ReleasedHistories:
        return self._user_file[0]

    @cached_property
    def _user_file(self) -> tuple[ReleasedHistories, ReleasedAttributes]:
        path = self.directory / USERS
        entries = read_dictionary(path)
        codes = (self._users, self._items, self._session_ids)
        histories = ReleasedHistories.of(entries, path, _KEYS, codes)
        return histories, ReleasedAttributes.of_entries(entries, USER_ATTRIBUTES, str(path), None)

    @cached_property
    def _listed(self) -> SesrecInstances:
        # The codes of the users who have histories come first.
        assert self._histories is not None
        paths = [self.directory / name for name in INSTANCES]
        return SesrecInstances(paths, self._users, self._items)

    @cached_property
    def _sessions(self) -> SesrecSessions:
        words: dict[Any, Any] = {}
        if (self.directory / WORDS).is_file():
            words = read_dictionary(self.directory / WORDS)
        return SesrecSessions(read_dictionary(self.directory / SESSIONS), words, self._clickless)
