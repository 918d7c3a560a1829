"""The rules of the statistics of a data set."""

from __future__ import annotations

from dataclasses import dataclass

from sesrec_tf.errors import InputError

WINDOW_DAYS = 7
"""Of the authors' rule for Figure 1b."""


@dataclass(frozen=True)
class StatisticsOptions:
    """How searches are sorted.

    Attributes:
        typed: names of the sources of typed searches; `None` for those usual in this field.
        categories: item attributes by which searches are compared with the feed; `None` for
            `category` or every level `category_N` there is.
        window_days: days of the feed before a search that it is compared with.

    Raises:
        InputError: if the window is no positive whole number of days.
    """

    typed: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    window_days: int = WINDOW_DAYS

    def __post_init__(self) -> None:
        if self.window_days < 1:
            raise InputError(
                "`--window-days` should be a positive whole number of days. Received: "
                f"{self.window_days}."
            )
