"""From simulated events to log tables and their truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.data.demo_catalogue import DemoCatalogue, zipf
from sesrec_tf.data.demo_events import DemoEvents
from sesrec_tf.data.demo_settings import DemoSettings
from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.data.log_tables import LogTables

FIRST_SECOND = 1_672_531_200
"""2023-01-01T00:00:00Z."""

START_SECONDS = 30 * 86_400
"""Users arrive over this long."""

GAP_SECONDS = 8 * 3_600
"""Mean time between two events of a user."""

MOST_TOPIC_WORDS = 3


def write_logs(
    events: DemoEvents,
    lengths: npt.NDArray[np.int64],
    settings: DemoSettings,
    catalogue: DemoCatalogue,
    generator: np.random.Generator,
) -> LogTables:
    """The logs as a platform would have kept them, rows in (user, time) order.

    Args:
        events: all events.
        lengths: `[U]` events of each user.
        settings, catalogue: of the world.
        generator: draws times and words.
    """
    feed, searches = events.feed, events.searches
    user_ids = np.array([f"u{number:05d}" for number in range(settings.users)], object)
    times = _times(settings.users, int(lengths.max()), generator)
    interactions = pd.DataFrame(
        {
            "user_id": user_ids[feed.users],
            "item_id": catalogue.item_ids[feed.items],
            "timestamp": times[feed.users, feed.steps],
        }
    )
    search_table = pd.DataFrame(
        {
            "user_id": user_ids[searches.users],
            "session_id": [f"s{number:06d}" for number in range(len(searches.users))],
            "query": _queries(searches.topics, settings, catalogue, generator),
            "source": np.where(searches.suggested, "suggested", "typed"),
            "clicked_item_ids": _join_clicks(searches.clicks, catalogue.item_ids),
            "timestamp": times[searches.users, searches.steps],
        }
    )
    activity = np.array(["low", "medium", "high"], object)[_thirds(lengths)]
    users = pd.DataFrame({"user_id": user_ids, "activity": activity})
    return LogTables(interactions, search_table, catalogue.item_table(), users)


def tell_truth(
    events: DemoEvents, shared: npt.NDArray[np.bool_], catalogue: DemoCatalogue
) -> DemoTruth:
    """The truth of the rows of `write_logs`.

    Args:
        events: all events.
        shared: `[U, Z]` whether a topic is a shared interest of a user.
        catalogue: of the world.
    """
    tables = [
        pd.DataFrame(
            {
                "row": np.arange(len(part.users)),
                "user": part.users,
                "step": part.steps,
                "similar": shared[part.users, part.topics],
                "topic": part.topics,
            }
        )
        for part in (events.feed, events.searches)
    ]
    return DemoTruth(tables[0], tables[1], catalogue.item_truth(), events.feed.intensity)


def _times(users: int, steps: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """`[U, steps]` strictly increasing seconds."""
    start = generator.integers(0, START_SECONDS, (users, 1))
    gaps = 1 + generator.exponential(GAP_SECONDS, (users, steps)).astype(np.int64)
    return FIRST_SECOND + start + gaps.cumsum(axis=1)


def _thirds(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Which third of the users each belongs to, by length."""
    return np.searchsorted(np.quantile(lengths, [1 / 3, 2 / 3]), lengths, side="left")


def _queries(
    topics: npt.NDArray[np.int64],
    settings: DemoSettings,
    catalogue: DemoCatalogue,
    generator: np.random.Generator,
) -> list[str]:
    """One to three words of the topic, sometimes one of its category and one of none."""
    count, words = len(topics), settings.topic_words
    keys = np.log(zipf(words, settings.word_skew)) + generator.gumbel(size=(count, words))
    places = np.argsort(-keys, axis=1)[:, :MOST_TOPIC_WORDS]
    chosen = catalogue.topic_words[topics[:, None], places]
    used = generator.integers(1, chosen.shape[1], count, endpoint=True)
    noise = generator.choice(catalogue.noise_words, count)
    columns = [*chosen.T, catalogue.category_words[topics], noise]
    kept = [
        *(place < used for place in range(chosen.shape[1])),
        generator.random(count) < settings.category_word_rate,
        generator.random(count) < settings.noise_word_rate,
    ]
    return _join(columns, kept)


def _join_clicks(clicks: npt.NDArray[np.int64], item_ids: npt.NDArray[np.object_]) -> list[str]:
    return _join([item_ids[column] for column in clicks.T], [column >= 0 for column in clicks.T])


def _join(columns: list[npt.NDArray[np.object_]], kept: list[npt.NDArray[np.bool_]]) -> list[str]:
    """Joins by spaces, row by row, the columns' values that are kept."""
    rows = zip(zip(*columns, strict=True), zip(*kept, strict=True), strict=True)
    return [
        " ".join(word for word, keep in zip(values, flags, strict=True) if keep)
        for values, flags in rows
    ]
