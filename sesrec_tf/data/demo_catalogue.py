"""What exists in the demo world before any user acts: topics, items and words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.data.demo_settings import DemoSettings

CATEGORIES = (
    ("Beauty", ("Skin", "Hair", "Fragrance", "Nails")),
    ("Cooking", ("Baking", "Grilling", "Noodles", "Coffee")),
    ("Crafts", ("Knitting", "Pottery", "Woodwork", "Drawing")),
    ("Music", ("Guitar", "Piano", "Choir", "Synthesizer")),
    ("Outdoors", ("Climbing", "Cycling", "Fishing", "Camping")),
    ("Technology", ("Cameras", "Drones", "Keyboards", "Astronomy")),
)

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_NOISE_WORDS = ("best", "cheap", "new", "easy", "how", "review", "for", "beginners", "top", "video")


@dataclass(frozen=True)
class DemoCatalogue:
    """Topics, items and words.

    Attributes:
        item_ids: `[items]` raw ids, in the order of internal item numbers.
        topic_popularity: `[Z]` float64, sums to 1.
        item_weights: `[Z, M]` float64, popularity of each item within its topic.
        leaning: `[Z, 3]` float64 log-odds that a topic becomes a shared, feed or search interest.
        topic_words: `[Z, W]` words of each topic, most frequent first.
        category_words: `[Z]` one word of each topic's category.
        noise_words: words that belong to no topic.
        categories: `[Z]` category path of each topic.
    """

    item_ids: npt.NDArray[np.object_]
    topic_popularity: npt.NDArray[np.float64]
    item_weights: npt.NDArray[np.float64]
    leaning: npt.NDArray[np.float64]
    topic_words: npt.NDArray[np.object_]
    category_words: npt.NDArray[np.object_]
    noise_words: npt.NDArray[np.object_]
    categories: npt.NDArray[np.object_]

    def item_table(self) -> pd.DataFrame:
        """`item_id, category`, by id: all that models are told about items."""
        path = np.repeat(self.categories, self.item_weights.shape[1])
        table = pd.DataFrame({"item_id": self.item_ids, "category": path})
        return table.sort_values("item_id", ignore_index=True)

    def item_truth(self) -> pd.DataFrame:
        """`item_id, topic, weight`: the true topic and the popularity within it."""
        topics, items = self.item_weights.shape
        return pd.DataFrame(
            {
                "item_id": self.item_ids,
                "topic": np.repeat(np.arange(topics), items),
                "weight": self.item_weights.reshape(-1),
            }
        )


def make_catalogue(settings: DemoSettings, generator: np.random.Generator) -> DemoCatalogue:
    """Draws the catalogue of one world."""
    topics, items = settings.topics, settings.items_per_topic
    popularity = zipf(topics, settings.topic_skew)[generator.permutation(topics)]
    leaves = [(top, leaf) for top, names in CATEGORIES for leaf in names]
    # Spread over the departments however few categories there are.
    order = [leaves[(7 * position) % len(leaves)] for position in range(settings.categories)]
    paths = np.repeat([f"{top} > {leaf}" for top, leaf in order], settings.topics_per_category)
    leaf_words = np.repeat([leaf.lower() for _, leaf in order], settings.topics_per_category)
    words = _invent_words(topics * settings.topic_words, generator)
    numbers = generator.permutation(topics * items)
    return DemoCatalogue(
        item_ids=np.array([f"i{number:05d}" for number in numbers], object),
        topic_popularity=popularity,
        item_weights=np.tile(zipf(items, settings.item_skew), (topics, 1)),
        leaning=generator.normal(0, settings.leaning, (topics, 3)),
        topic_words=words.reshape(topics, settings.topic_words),
        category_words=leaf_words.astype(object),
        noise_words=np.array(_NOISE_WORDS, object),
        categories=paths.astype(object),
    )


def zipf(size: int, exponent: float) -> npt.NDArray[np.float64]:
    """Probabilities of ranks `1 .. size` in proportion to `rank ** -exponent`."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return weights / weights.sum()


def _invent_words(count: int, generator: np.random.Generator) -> npt.NDArray[np.object_]:
    """Distinct pronounceable words of three syllables."""
    syllables = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]
    base = len(syllables)
    numbers = generator.choice(base**3, count, replace=False)
    return np.array(
        [
            syllables[n // base**2] + syllables[n // base % base] + syllables[n % base]
            for n in numbers
        ],
        object,
    )
