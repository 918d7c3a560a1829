"""A record that cannot be scored."""

from __future__ import annotations


class RecordError(Exception):
    """Raised for one record; it stops neither the job nor the records beside it.

    Args:
        reason: what is wrong, the same words for all records of one kind.
        expected: what should be there.
    """

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason, expected)
        self.reason = reason
        self.expected = expected
