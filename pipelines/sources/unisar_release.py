"""The data packages that the authors of UniSAR publish."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from pipelines.sources.release_files import require_files
from pipelines.sources.release_source import ReleaseSource
from pipelines.sources.source import add_input_flag
from pipelines.sources.unisar_package import (
    INSTANCES,
    ITEM_ARRAYS,
    SESSIONS,
    USER_ARRAYS,
    USERS,
    UnisarPackage,
)


@dataclass(frozen=True)
class UnisarRelease(ReleaseSource):
    """Reads `dataset/rec_*.pkl` and `vocab/*.pkl` without running what they hold.

    - Instances and splits are the rows of `rec_train`, `rec_val` and `rec_test`, and `neg_items`
      of the latter two the frozen negatives. The instances of search ranking (`src_*.pkl`) are
      not read.
    - Interactions are the `rec_his` of all users, searches their `src_session_his`; item 0,
      session 0 and word 0 are padding. Where prefix lengths leave the order of the two open,
      `rec_his_ts` and `src_session_his_ts` decide. They are not the timestamps: targets of one
      time can have prefixes that no times give.
    - A query is the numbers of its words; there is no source. Clicks are `pos_items`.
    - Attributes are the arrays of one value an id; captions are none.

    Attributes:
        directory: with `dataset` and `vocab`.

    Raises:
        InputError: if a file is missing.
    """

    name = "unisar_release"
    summary = "the data packages of UniSAR's authors: dataset/rec_*.pkl, vocab/*.pkl"

    directory: Path

    def __post_init__(self) -> None:
        files = (USERS, USER_ARRAYS, ITEM_ARRAYS, SESSIONS, *INSTANCES)
        require_files(self.directory, files)

    @classmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """Adds `--input`."""
        add_input_flag(flags)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> UnisarRelease:
        """See `Source.from_arguments`."""
        return cls(arguments.input)

    def package(self) -> UnisarPackage:
        """See the base class."""
        return UnisarPackage(self.directory)
