"""Until when an answer is worth waiting for."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class Deadline:
    """A moment shared by the calls, the retries and the repetition that one answer takes.

    Attributes:
        moment: seconds of the monotonic clock.
    """

    moment: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """From now on.

        Raises:
            InputError: unless `seconds` is a positive number.
        """
        return cls(time.monotonic() + checked_timeout(seconds))

    def remaining(self) -> float:
        """Seconds left, 0 once it is over."""
        return max(self.moment - time.monotonic(), 0.0)


def checked_timeout(seconds: float) -> float:
    """Raises an InputError unless `seconds` is a positive number below a year."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds < 365 * 24 * 3600:
        raise InputError(f"`timeout` should be positive seconds. Received: {seconds!r}.")
    return seconds
