"""Settings of the demo world."""

from __future__ import annotations

from dataclasses import dataclass

from sesrec_tf.errors import InputError

_PROBABILITIES = (
    "search_rate",
    "suggested_rate",
    "off_topic_suggestions",
    "off_topic_clicks",
    "feed_noise",
    "heat_decay",
    "suggested_heat",
    "old_interest",
    "category_word_rate",
    "noise_word_rate",
)


@dataclass(frozen=True)
class DemoSettings:
    """Size and nature of the simulated logs; `docs/demo_world.md` tells the story.

    Attributes:
        seed: of every random draw; equal settings give equal logs.
        users: number of users.
        categories: leaf categories, at most 24; shown to models as a two-level category path.
        topics_per_category: topics of each category; topics themselves are never shown, only
            query words and behaviour tell them apart.
        items_per_topic: items of each topic; none belongs to two.
        topic_skew, item_skew: Zipf exponents of topic popularity and of items within a topic.
        leaning: standard deviation of a topic's log-odds of being taken up as a shared, a feed
            or a search interest.
        shared_interests, feed_interests, search_interests: topics of each kind per user.
        minimum_events, mean_events, maximum_events: events per user, searches included.
        search_rate: probability that an event is a search.
        suggested_rate: probability that a search follows a suggested query.
        off_topic_suggestions: probability that a suggested query is not about an interest.
        off_topic_clicks: probability that a click is on an item of any topic.
        feed_noise: probability that a feed event is on an item of any topic.
        voice_boost: how much more a new shared interest is searched until it is voiced.
        heat_boost: factor by which one fresh typed search raises its topic in the feed.
        heat_decay: what is left of that heat one event later.
        suggested_heat: heat of a suggested search, relative to a typed one.
        momentum: factor by which the last feed topic is raised.
        old_interest: weight an interest keeps when it is old, relative to when it was new.
        wane: events over which an interest ages (e-folding).
        topic_words: words of each topic.
        word_skew: Zipf exponent of words within a topic.
        category_word_rate, noise_word_rate: probability that a query also holds such a word.
    """

    seed: int = 20230523
    users: int = 1800
    categories: int = 24
    topics_per_category: int = 3
    items_per_topic: int = 25
    topic_skew: float = 0.5
    item_skew: float = 0.9
    leaning: float = 1.5
    shared_interests: int = 4
    feed_interests: int = 2
    search_interests: int = 3
    minimum_events: int = 12
    mean_events: int = 32
    maximum_events: int = 70
    search_rate: float = 0.42
    suggested_rate: float = 0.35
    off_topic_suggestions: float = 0.3
    off_topic_clicks: float = 0.15
    feed_noise: float = 0.06
    voice_boost: float = 4.0
    heat_boost: float = 10.0
    heat_decay: float = 0.75
    suggested_heat: float = 0.15
    momentum: float = 1.5
    old_interest: float = 0.25
    wane: float = 8.0
    topic_words: int = 10
    word_skew: float = 0.8
    category_word_rate: float = 0.25
    noise_word_rate: float = 0.25

    def __post_init__(self) -> None:
        for name in _PROBABILITIES:
            self._require(name, 0 <= getattr(self, name) <= 1, "in [0, 1]")
        for name in ("users", "topics_per_category", "items_per_topic", "topic_words"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("shared_interests", "feed_interests"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        self._require("categories", 1 <= self.categories <= 24, "in 1..24")
        self._require("wane", self.wane > 0, "above 0")
        self._require("minimum_events", self.minimum_events >= 1, "at least 1")
        self._require(
            "mean_events",
            self.minimum_events <= self.mean_events <= self.maximum_events,
            "between `minimum_events` and `maximum_events`",
        )
        wanted = self.shared_interests + self.feed_interests + self.search_interests
        self._require("categories", wanted <= self.topics, f"enough for {wanted} topics a user")
        # No event takes more than three items, and no user meets one twice.
        least = 3 * self.maximum_events // self.topics + 1
        self._require("items_per_topic", self.items_per_topic >= least, f"at least {least}")

    def _require(self, name: str, condition: bool, expected: str) -> None:
        if not condition:
            raise InputError(f"`{name}` should be {expected}. Received: {getattr(self, name)!r}.")

    @property
    def topics(self) -> int:
        """Number of topics, `Z`."""
        return self.categories * self.topics_per_category

    @property
    def items(self) -> int:
        """Number of items; item `z * items_per_topic + j` belongs to topic `z`."""
        return self.topics * self.items_per_topic
