"""Where searches come from: typed by the user, or suggested by the platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.event_log import Integers
from sesrec_tf.data.prepared_events import SearchEvents
from sesrec_tf.errors import InputError

TYPED_SOURCES = ("USER_INPUT", "typed")
"""Sources of spontaneous searches, unless said otherwise: KuaiSAR's name and the plain one."""

TYPED, SUGGESTED, UNKNOWN_ORIGIN = ORIGINS = ("typed", "suggested", "unknown")


@dataclass(frozen=True)
class SearchOrigins:
    """The source of every session and its origin.

    A source named as typed is typed (spontaneous, in the paper's words), the empty one unknown,
    every other suggested (passive).

    Attributes:
        sources: `[sources]` names.
        source_origin: `[sources]` number of each source's origin among `ORIGINS`.
        source: `[S]` code of each session's source.
    """

    sources: tuple[str, ...]
    source_origin: Integers
    source: Integers

    @classmethod
    def of(cls, searches: SearchEvents, typed: Sequence[str] | None = None) -> SearchOrigins:
        """Applies the rule.

        Args:
            searches: the sessions.
            typed: names of the typed sources; `None` for `TYPED_SOURCES`, of which a data set
                need not have any.

        Raises:
            InputError: if a name given is no source of the data set.
        """
        absent = sorted(set(typed or ()) - (set(searches.sources) - {""}))
        if absent:
            known = ", ".join(name for name in searches.sources if name) or "none"
            raise InputError(
                f"`--typed {absent[0]!r}` is no source of these searches. Expected one of their "
                f"sources: {known}. Name sources as the log does, in upper or lower case."
            )
        names = TYPED_SOURCES if typed is None else typed
        origin = [
            UNKNOWN_ORIGIN if not name else TYPED if name in names else SUGGESTED
            for name in searches.sources
        ]
        numbers = np.array([ORIGINS.index(name) for name in origin], np.int64)
        return cls(searches.sources, numbers, searches.source)

    def searches(self, origin: str) -> npt.NDArray[np.bool_]:
        """`[S]` whether each session is of this origin."""
        return (self.source_origin == ORIGINS.index(origin))[self.source]

    def source_summary(self) -> list[dict[str, Any]]:
        """Per source, most frequent first: `source`, `origin`, `searches` and `share` of all."""
        counts = np.bincount(self.source, minlength=len(self.sources))
        return [
            {
                "source": self.sources[code],
                "origin": ORIGINS[self.source_origin[code]],
                **_counted(int(counts[code]), len(self.source)),
            }
            for code in np.argsort(-counts, kind="stable")
        ]

    def summary(self) -> dict[str, Any]:
        """Per origin: `searches` and their `share` of all; the shares sum to 1."""
        return {
            name: _counted(int(self.searches(name).sum()), len(self.source)) for name in ORIGINS
        }


def _counted(searches: int, total: int) -> dict[str, Any]:
    return {"searches": searches, "share": searches / total if total else None}
