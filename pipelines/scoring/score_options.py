"""Settings of a bulk scoring."""

from __future__ import annotations

from dataclasses import dataclass

from sesrec_tf.errors import InputError

SCORED = "scores"
SUMMARY_FILE = "summary.json"
REJECTED_FILE = "rejected/requests.csv"
"""What an output directory holds: a directory of files, and two files."""


@dataclass(frozen=True)
class ScoreOptions:
    """How requests are scored.

    Attributes:
        batch_size: requests that the model scores at once, at most; fewer if they are long.
        max_candidates: of one request.
        file_records: records of an input file whose scores make one output file, and that a worker
            takes at a time.
        max_rejected: share of the records that may be unusable, from 0 to 1.
        overwrite: whether an earlier output is replaced.

    Raises:
        InputError: if a setting is out of range.
    """

    batch_size: int = 128
    max_candidates: int = 100_000
    file_records: int = 2_000
    max_rejected: float = 0.01
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_candidates", "file_records"):
            value = getattr(self, name)
            if value < 1:
                flag = name.replace("_", "-")
                raise InputError(f"`--{flag}` should be at least 1. Received: {value}.")
        if not 0 <= self.max_rejected <= 1:
            raise InputError(
                "`--max-rejected` should be a share of the records, from 0 to 1. Received: "
                f"{self.max_rejected}."
            )
