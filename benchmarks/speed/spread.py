"""A figure over the rounds of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Median and extremes.

    Attributes:
        median, minimum, maximum: of the rounds' figures.
    """

    median: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        """`median [minimum, maximum]`."""
        low, middle, high = (
            f"{value:,.{digits}f}" for value in (self.minimum, self.median, self.maximum)
        )
        return f"{middle} [{low}, {high}]"


def pairwise(figures: Sequence[float], references: Sequence[float]) -> list[float]:
    """Each round's figure over the reference's of the same round."""
    return [one / other for one, other in zip(figures, references, strict=True)]
