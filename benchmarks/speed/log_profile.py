"""What logs to draw: the paper's sizes, or a fraction of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sesrec_tf.config import Config
from sesrec_tf.models.presets import PRESETS
from sesrec_tf.schema import VocabularySizes

_SMALLEST = {"users": 400, "items": 200, "queries": 50, "words": 20}


@dataclass(frozen=True)
class EventCounts:
    """How many events precede an instance: 1 + a gamma-Poisson draw, before histories are cut.

    Attributes:
        mean: of the draw.
        spread: shape of the gamma distribution; the smaller, the more users differ.
    """

    mean: float
    spread: float


@dataclass(frozen=True)
class LogProfile:
    """Sizes of logs, and settings of the runs on them.

    Attributes:
        name: of the data set whose sizes these are; the name of its preset.
        config: settings with the batch, the negatives and the history widths.
        sizes: of the vocabularies.
        train, valid: instances; each of a user of its own.
        peer_users: instances of valid that the official code evaluates in a round.
        feed, searches: events before an instance.
    """

    name: str
    config: Config
    sizes: VocabularySizes
    train: int
    valid: int
    peer_users: int
    feed: EventCounts
    searches: EventCounts

    def scaled(self, divisor: int) -> LogProfile:
        """A profile with everything but the history widths divided, for a quick trial."""
        if divisor == 1:
            return self
        training, model = self.config.training, self.config.model
        sizes = {
            name: max(getattr(self.sizes, name) // divisor, least)
            for name, least in _SMALLEST.items()
        }
        config = self.config.replace(
            "training", batch_size=max(training.batch_size // divisor, 8)
        ).replace("model", alignment_negatives=max(model.alignment_negatives // divisor, 8))
        return dataclasses.replace(
            self,
            config=config,
            sizes=dataclasses.replace(self.sizes, **sizes),
            train=max(self.train // divisor, 100),
            valid=max(self.valid // divisor, 20),
            peer_users=max(self.peer_users // divisor, 4),
        )

    def with_items(self, items: int, train: int, valid: int) -> LogProfile:
        """The same logs over another number of items, with other numbers of instances."""
        sizes = dataclasses.replace(self.sizes, items=items)
        return dataclasses.replace(
            self, sizes=sizes, train=train, valid=valid, peer_users=min(self.peer_users, valid)
        )


def _profile(
    name: str,
    train: int,
    valid: int,
    peer_users: int,
    feed: EventCounts,
    searches: EventCounts,
) -> LogProfile:
    preset = PRESETS[name]
    assert preset.sizes is not None
    return LogProfile(name, preset.config, preset.sizes, train, valid, peer_users, feed, searches)


KINDLE = _profile("kindle", 40_000, 2_000, 200, EventCounts(8.0, 2.0), EventCounts(4.7, 2.0))
"""About 8 feed events and 5.5 searches an instance."""

KUAISHOU = _profile("kuaishou", 12_000, 512, 20, EventCounts(400.0, 2.0), EventCounts(20.0, 20.0))
"""150 feed events for most, about 20 searches of 1 to 5 clicks."""
