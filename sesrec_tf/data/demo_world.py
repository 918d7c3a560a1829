"""The demo world: joint search and recommendation logs from a story with known truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.demo_catalogue import DemoCatalogue, make_catalogue
from sesrec_tf.data.demo_events import DemoEvents, FeedEvents, SearchEvents
from sesrec_tf.data.demo_logs import tell_truth, write_logs
from sesrec_tf.data.demo_settings import DemoSettings
from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.data.log_tables import LogTables

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NO_INTEREST, SHARED, FEED, SEARCH = range(4)
"""Kinds of interest of a user in a topic."""

CLICK_COUNTS = (0.15, 0.5, 0.25, 0.1)
"""Probabilities of 0, 1, 2 and 3 clicks of a search."""


def simulate(settings: DemoSettings | None = None) -> tuple[LogTables, DemoTruth]:
    """Simulates the logs of one world; equal settings give equal logs.

    Returns:
        The log tables, rows in (user, time) order, and the truth of their rows.
    """
    settings = settings or DemoSettings()
    generator = np.random.default_rng(settings.seed)
    catalogue = make_catalogue(settings, generator)
    world = DemoWorld(settings, catalogue, generator)
    events = world.run()
    return (
        write_logs(events, world.lengths, settings, catalogue, generator),
        tell_truth(events, world.kind == SHARED, catalogue),
    )


class DemoWorld:
    """All users of one world, advanced one event at a time.

    Symbols: `U` users, `Z` topics, `M` items a topic.

    Attributes:
        lengths: `[U]` events of each user.
        kind: `[U, Z]` kind of interest of each user in each topic.
    """

    def __init__(
        self, settings: DemoSettings, catalogue: DemoCatalogue, generator: np.random.Generator
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self._feed_steps: list[FeedEvents] = []
        self._search_steps: list[SearchEvents] = []
        self._random = generator
        self.lengths = self._draw_lengths()
        self.kind = self._draw_kinds()
        self._strength = generator.gamma(2.0, 1.0, self.kind.shape) + 0.2
        self._strength *= self.kind != NO_INTEREST
        self._onset = self._draw_onsets()
        self._voiced = (self.kind == SHARED) & (self._onset == 0)
        self._heat = np.zeros(self.kind.shape)
        self._last_topic = np.full(settings.users, -1)
        self._free = np.ones((settings.users, settings.topics, settings.items_per_topic), bool)
        self._mass = np.tile(catalogue.item_weights.sum(axis=1), (settings.users, 1))

    def run(self) -> DemoEvents:
        """Simulates every event of every user; to be called once."""
        for step in range(int(self.lengths.max())):
            users = np.flatnonzero(self.lengths > step)
            # A user's first event is a feed event: a history to start from.
            searching = (self._random.random(len(users)) < self.settings.search_rate) & (step > 0)
            self._heat[users] *= self.settings.heat_decay
            self._search(step, users[searching])
            self._feed(step, users[~searching])
        return DemoEvents(
            FeedEvents.in_user_order(self._feed_steps),
            SearchEvents.in_user_order(self._search_steps),
        )

    def _draw_lengths(self) -> IntArray:
        settings = self.settings
        spread = settings.mean_events - settings.minimum_events
        extra = self._random.gamma(1.5, spread / 1.5 if spread else 1e-9, settings.users)
        return np.minimum(settings.minimum_events + extra.round(), settings.maximum_events).astype(
            np.int64
        )

    def _draw_kinds(self) -> IntArray:
        settings, topics = self.settings, self.settings.topics
        kind = np.full((settings.users, topics), NO_INTEREST)
        appeal = np.log(self.catalogue.topic_popularity)
        wanted = (settings.shared_interests, settings.feed_interests, settings.search_interests)
        for name, count in zip((SHARED, FEED, SEARCH), wanted, strict=True):
            logits = appeal + self.catalogue.leaning[:, name - 1]
            keys = logits + self._random.gumbel(size=kind.shape)
            keys[kind != NO_INTEREST] = -np.inf
            chosen = np.argsort(-keys, axis=1)[:, :count]
            np.put_along_axis(kind, chosen, name, axis=1)
        return kind

    def _draw_onsets(self) -> FloatArray:
        """Step at which each interest begins: for one shared and one feed interest, the first."""
        onset = np.floor(self._random.random(self.kind.shape) * 0.9 * self.lengths[:, None])
        for name in (SHARED, FEED):
            keys = np.where(self.kind == name, self._random.random(self.kind.shape), -1.0)
            onset[np.arange(len(onset)), keys.argmax(axis=1)] = 0.0
        return onset

    def _active(self, step: int, users: IntArray) -> FloatArray:
        """`[n, Z]` strength of the interests that have begun, older ones weaker."""
        age = step - self._onset[users]
        old = self.settings.old_interest
        freshness = old + (1 - old) * np.exp(-np.maximum(age, 0) / self.settings.wane)
        return self._strength[users] * freshness * (age >= 0)

    def _feed(self, step: int, users: IntArray) -> None:
        settings = self.settings
        kind, active = self.kind[users], self._active(step, users)
        known = (kind == FEED) | self._voiced[users]
        weight = active * known * (1 + settings.heat_boost * self._heat[users])
        last = self._last_topic[users]
        weight[np.arange(len(users)), last] *= np.where(last >= 0, settings.momentum, 1.0)
        mass = self._mass[users]
        story = _normalised(weight * (mass > 0))
        noise = _normalised(self.catalogue.topic_popularity * (mass > 0))
        has_story = story.sum(axis=1, keepdims=True) > 0
        share = np.where(has_story, settings.feed_noise, 1.0)
        probability = (1 - share) * story + share * noise
        topics = self._draw(probability)
        items = self._take(users, topics)
        self._last_topic[users] = topics
        # Exhausted topics have probability 0, so the floor only avoids 0 / 0.
        intensity = (probability / np.maximum(mass, 1e-300)).astype(np.float32)
        steps = np.full(len(users), step)
        self._feed_steps.append(FeedEvents(users, steps, topics, items, intensity))

    def _search(self, step: int, users: IntArray) -> None:
        settings, rows = self.settings, np.arange(len(users))
        kind, active = self.kind[users], self._active(step, users)
        weight = active * ((kind == SHARED) | (kind == SEARCH))
        unvoiced = (kind == SHARED) & ~self._voiced[users]
        weight *= np.where(unvoiced, settings.voice_boost, 1.0)
        suggested = self._random.random(len(users)) < settings.suggested_rate
        off_topic = suggested & (self._random.random(len(users)) < settings.off_topic_suggestions)
        off_topic |= weight.sum(axis=1) == 0
        weight[off_topic] = self.catalogue.topic_popularity
        topics = self._draw(_normalised(weight))
        typed_shared = (kind[rows, topics] == SHARED) & ~suggested
        typed_shared &= step >= self._onset[users, topics]
        self._voiced[users, topics] |= typed_shared
        self._heat[users, topics] += np.where(suggested, settings.suggested_heat, 1.0)
        steps = np.full(len(users), step)
        clicks = self._click(users, topics)
        self._search_steps.append(SearchEvents(users, steps, topics, suggested, clicks))

    def _click(self, users: IntArray, topics: IntArray) -> IntArray:
        """`[n, 3]` clicked items, -1 where there is none."""
        most = len(CLICK_COUNTS) - 1
        counts = self._random.choice(most + 1, len(users), p=CLICK_COUNTS)
        clicks = np.full((len(users), most), -1)
        for place in range(most):
            rows = np.flatnonzero(counts > place)
            wanted = topics[rows].copy()
            stray = self._random.random(len(rows)) < self.settings.off_topic_clicks
            popularity = np.broadcast_to(
                self.catalogue.topic_popularity, (len(rows), self.settings.topics)
            )
            wanted[stray] = self._draw(popularity)[stray]
            left = self._mass[users[rows], wanted] > 0
            rows, wanted = rows[left], wanted[left]
            clicks[rows, place] = self._take(users[rows], wanted)
        return clicks

    def _draw(self, probability: FloatArray) -> IntArray:
        """One column per row, by Gumbel maxima."""
        with np.errstate(divide="ignore"):
            keys = np.log(probability) + self._random.gumbel(size=probability.shape)
        return keys.argmax(axis=1)

    def _take(self, users: IntArray, topics: IntArray) -> IntArray:
        """Draws one unused item of each topic by popularity and uses it up."""
        chosen = self._draw(self.catalogue.item_weights[topics] * self._free[users, topics])
        self._free[users, topics, chosen] = False
        left = self.catalogue.item_weights[topics] * self._free[users, topics]
        self._mass[users, topics] = left.sum(axis=1)
        return topics * self.settings.items_per_topic + chosen


def _normalised(weight: FloatArray) -> FloatArray:
    """Rows divided by their sums; rows of zeros stay."""
    total = weight.sum(axis=-1, keepdims=True)
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
