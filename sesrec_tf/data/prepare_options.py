"""Settings of one preparation."""

from __future__ import annotations

from dataclasses import dataclass

from sesrec_tf.data.log_columns import parse_instant
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.errors import InputError, require_choice

TIME_UNITS = ("s", "ms", "datetime", "order")
SPLIT_RULES = ("leave-last-out", "time", "given")
NEGATIVE_DISTRIBUTIONS = ("uniform", "popularity", "given")

MIN_INSTANCES = 3
"""Default of `min_instances`."""


@dataclass(frozen=True)
class PrepareOptions:
    """Everything that shapes a prepared data set, apart from the logs.

    Attributes:
        time_unit: of the `timestamp` columns: integer seconds `s`, integer milliseconds `ms`,
            ISO 8601 `datetime` (UTC where it names no zone), or `order`, a position in the
            user's own sequence.
        split: `leave-last-out` (a user's last instance is test, the second last valid), `time`, or
            `given`, by the column `split` of the interactions.
        valid_from, test_from: first instant of the validation and test periods of `time`, written
            as in the logs.
        min_earlier_searches: searches that must precede an instance.
        min_instances: instances a user must have to give one to valid and one to test, of
            `leave-last-out`; `None` for `MIN_INSTANCES`. Instances left out for `min_count` count.
        min_count: occurrences in training rows below which an item, query or word is unknown;
            training instances of such items are left out.
        max_rec, max_searches: `T_r`, `T_s`, most recent events kept.
        max_clicks, max_words: upper bounds of `C` and `L`; the stored widths are no larger than
            what training rows hold.
        negatives: distribution of the frozen evaluation negatives, or `given`, by the column
            `negative_item_ids` of the interactions.
        num_negatives: frozen negatives an instance.
        seed: of the frozen negatives.
        shards: record files of each split, at most `BUCKETS`; `None` chooses by size.
        max_rejected: share of a table's rows that may be unusable, from 0 to 1; 0 stops at the
            first such row.
        overwrite: whether an existing prepared data set is replaced.

    Raises:
        InputError: if a setting is out of range, or two contradict each other.
    """

    time_unit: str = "s"
    split: str = "leave-last-out"
    valid_from: str | int | None = None
    test_from: str | int | None = None
    min_earlier_searches: int = 0
    min_instances: int | None = None
    min_count: int = 1
    max_rec: int = 15
    max_searches: int = 15
    max_clicks: int = 5
    max_words: int = 15
    negatives: str = "uniform"
    num_negatives: int = 99
    seed: int = 20210823
    shards: int | None = None
    max_rejected: float = 0.01
    overwrite: bool = False

    def __post_init__(self) -> None:
        require_choice("time-unit", self.time_unit, TIME_UNITS)
        require_choice("split", self.split, SPLIT_RULES)
        require_choice("negatives", self.negatives, NEGATIVE_DISTRIBUTIONS)
        # Two instances are the least that can give one to each of valid and test.
        least = {"min_earlier_searches": 0, "min_instances": 2, "shards": 1, "seed": 0}
        for name in (
            "min_earlier_searches",
            "min_count",
            "max_rec",
            "max_searches",
            "max_clicks",
            "max_words",
            "num_negatives",
            "seed",
        ):
            _require_integer(name, getattr(self, name), least.get(name, 1))
        for name in ("min_instances", "shards"):
            if getattr(self, name) is not None:
                _require_integer(name, getattr(self, name), least[name])
        if self.shards is not None and self.shards > BUCKETS:
            raise InputError(f"`--shards` should be at most {BUCKETS}. Received: {self.shards}.")
        if not 0 <= self.max_rejected <= 1:
            raise InputError(
                "`--max-rejected` should be a share of the rows, from 0 to 1. Received: "
                f"{self.max_rejected}."
            )
        self._check_split()

    @property
    def required_instances(self) -> int:
        """Instances a user must have to validate and test in `leave-last-out`."""
        return MIN_INSTANCES if self.min_instances is None else self.min_instances

    @property
    def periods(self) -> tuple[int, int]:
        """First instants of validation and test of the split `time`, in ticks."""
        assert self.valid_from is not None
        assert self.test_from is not None
        return (
            parse_instant(self.valid_from, "valid-from", self.time_unit),
            parse_instant(self.test_from, "test-from", self.time_unit),
        )

    def _check_split(self) -> None:
        instants = (self.valid_from, self.test_from)
        if self.split == "time":
            if self.time_unit == "order":
                raise InputError(
                    "`--split time` needs real times. Received: `--time-unit order`, positions in "
                    "each user's own sequence. Use `--split leave-last-out`."
                )
            if None in instants:
                raise InputError(
                    "`--split time` needs both `--valid-from` and `--test-from`. Received: "
                    f"{self.valid_from!r} and {self.test_from!r}."
                )
            valid_from, test_from = self.periods
            if valid_from >= test_from:
                raise InputError(
                    f"`--valid-from` should lie before `--test-from`. Received: "
                    f"{self.valid_from!r} and {self.test_from!r}."
                )
        if self.split != "leave-last-out" and self.min_instances is not None:
            raise InputError(
                "`--min-instances` belongs to `--split leave-last-out`: otherwise every instance "
                f"of a split counts. Received: `--split {self.split} --min-instances "
                f"{self.min_instances}`. Leave it out."
            )
        if self.split == "given" and self.min_earlier_searches:
            raise InputError(
                "`--split given` takes the instances as they are. Received: "
                f"`--min-earlier-searches {self.min_earlier_searches}`. Leave it out."
            )
        if self.negatives == "given" and self.split != "given":
            raise InputError(
                "`--negatives given` needs `--split given`: the log gives negatives to the "
                f"instances that it calls valid or test. Received: `--split {self.split}`. Choose "
                "both, or other negatives."
            )
        if self.split != "time" and instants != (None, None):
            raise InputError(
                "`--valid-from` and `--test-from` belong to `--split time`. Received: "
                f"`--split {self.split}`."
            )


def _require_integer(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        flag = name.replace("_", "-")
        raise InputError(
            f"`--{flag}` should be an integer of at least {least}. Received: {value!r}."
        )
