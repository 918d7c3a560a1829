"""The data package that the authors of SESRec publish."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from pipelines.sources.release_files import require_files
from pipelines.sources.release_source import ReleaseSource
from pipelines.sources.sesrec_package import INSTANCES, ITEMS, SESSIONS, USERS, SesrecPackage
from pipelines.sources.sesrec_sessions import CLICKLESS, RELEVANT
from pipelines.sources.source import add_input_flag
from sesrec_tf.errors import require_choice


@dataclass(frozen=True)
class SesrecRelease(ReleaseSource):
    """Reads `dataset/*_inter.tsv` and `vocab/*.pickle`, the latter without running what they hold.

    - Instances, their splits and the 99 frozen negatives of valid and test are those of the
      `.tsv` files: see `pipelines.sources.sesrec_instances`.
    - Interactions are the `rec_his` of all users, searches their `src_his`; item 0 and session 0
      are padding.
    - A query is the words of `keyword_seg`: those of `word_vocab.pickle` where it has them, else
      their numbers. Its source is `search_source`, verbatim.
    - Item attributes are `type1` and `cate`, user attributes `gender`, `age` and `src_level`,
      those that any entry has; a table without any is left out.

    Attributes:
        directory: with `dataset` and `vocab`.
        clickless: what becomes of a session without a click, one of `CLICKLESS`.

    Raises:
        InputError: if a file is missing, or `clickless` is another.
    """

    name = "sesrec_release"
    summary = "the data package of SESRec's authors: dataset/*_inter.tsv, vocab/*.pickle"

    directory: Path
    clickless: str = RELEVANT

    def __post_init__(self) -> None:
        require_choice("clickless", self.clickless, CLICKLESS)
        require_files(self.directory, (USERS, ITEMS, SESSIONS, *INSTANCES))

    @classmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """Adds `--input` and `--clickless`."""
        add_input_flag(flags)
        flags.add_argument(
            "--clickless",
            choices=CLICKLESS,
            default=RELEVANT,
            help="search sessions without a click: the most relevant shown item counts as clicked, "
            "as in the authors' code, or nothing does (default: %(default)s)",
        )

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> SesrecRelease:
        """See `Source.from_arguments`."""
        return cls(arguments.input, arguments.clickless)

    def package(self) -> SesrecPackage:
        """See the base class."""
        return SesrecPackage(self.directory, self.clickless)
