"""The demo world is deterministic, well formed, and true to its story."""

import numpy as np
import pandas as pd
import pytest

from sesrec_tf.data.demo_catalogue import make_catalogue, zipf
from sesrec_tf.data.demo_settings import DemoSettings
from sesrec_tf.data.demo_world import FEED, SEARCH, SHARED, DemoWorld, simulate
from sesrec_tf.errors import InputError

SMALL = DemoSettings(users=300)


@pytest.fixture(scope="module")
def world():
    return simulate(SMALL)


def all_items(tables) -> pd.DataFrame:
    """(user_id, item_id) of every interaction and click."""
    clicks = tables.searches.assign(item_id=tables.searches["clicked_item_ids"].str.split())
    clicks = clicks.explode("item_id").dropna(subset="item_id")
    return pd.concat([part[["user_id", "item_id"]] for part in (tables.interactions, clicks)])


def user_events(tables, truth, user: int) -> list[tuple[int, int | None, list[str]]]:
    """(step, row of the feed or `None` for a search, items met), in order."""
    feed = truth.interactions[truth.interactions["user"] == user]
    searches = truth.searches[truth.searches["user"] == user]
    events = [
        (int(step), int(row), [tables.interactions["item_id"].iloc[row]])
        for step, row in zip(feed["step"], feed["row"], strict=True)
    ]
    events += [
        (int(step), None, tables.searches["clicked_item_ids"].iloc[row].split())
        for step, row in zip(searches["step"], searches["row"], strict=True)
    ]
    return sorted(events, key=lambda event: event[0])


def test_equal_settings_give_equal_logs(world):
    tables, truth = simulate(SMALL)
    for name in ("interactions", "searches", "items", "users"):
        pd.testing.assert_frame_equal(getattr(tables, name), getattr(world[0], name))
    np.testing.assert_array_equal(truth.topic_intensity, world[1].topic_intensity)
    other, _ = simulate(DemoSettings(users=300, seed=1))
    assert not other.interactions.equals(tables.interactions)


def test_rows_are_in_user_and_time_order(world):
    tables, _ = world
    for table in (tables.interactions, tables.searches):
        ordered = table.sort_values(["user_id", "timestamp"], kind="stable")
        assert ordered.index.equals(table.index)
    events = pd.concat([tables.interactions, tables.searches])
    assert not events.duplicated(["user_id", "timestamp"]).any()


def test_lengths_and_words(world):
    tables, _ = world
    events = pd.concat([tables.interactions["user_id"], tables.searches["user_id"]])
    counts = events.value_counts()
    assert len(counts) == 300
    assert counts.between(SMALL.minimum_events, SMALL.maximum_events).all()
    assert tables.searches["session_id"].is_unique
    assert set(tables.searches["source"]) == {"typed", "suggested"}
    assert tables.searches["query"].str.split(" ").str.len().between(1, 5).all()
    assert tables.searches["clicked_item_ids"].str.split().str.len().max() == 3


def test_no_user_meets_an_item_twice(world):
    assert not all_items(world[0]).duplicated().any()


def test_a_crowded_world_never_runs_out_of_items():
    settings = DemoSettings(
        users=40, categories=3, items_per_topic=24, minimum_events=60, mean_events=68
    )
    tables, truth = simulate(settings)
    assert not all_items(tables).duplicated().any()
    assert np.isfinite(truth.topic_intensity).all()


def test_items_are_known_and_popularity_is_long_tailed(world):
    tables, _ = world
    met = all_items(tables)["item_id"]
    assert set(met) <= set(tables.items["item_id"])
    counts = np.sort(met.value_counts().to_numpy())[::-1]
    assert counts[: len(counts) // 5].sum() > 0.45 * counts.sum()


def test_truth_belongs_to_the_rows(world):
    tables, truth = world
    items = truth.items.set_index("item_id")
    feed = truth.interactions
    assert feed["row"].tolist() == list(range(len(tables.interactions)))
    assert (items["topic"].loc[tables.interactions["item_id"]].to_numpy() == feed["topic"]).all()
    assert (
        tables.users["user_id"].to_numpy()[feed["user"]] == tables.interactions["user_id"]
    ).all()
    searches = truth.searches
    assert (
        tables.users["user_id"].to_numpy()[searches["user"]] == tables.searches["user_id"]
    ).all()
    category = tables.items.set_index("item_id")["category"]
    paths = pd.DataFrame({"topic": items["topic"], "path": category})
    assert (paths.groupby("topic")["path"].nunique() == 1).all()


def test_queries_hold_words_of_their_topic(world):
    tables, truth = world
    generator = np.random.default_rng(SMALL.seed)
    words = make_catalogue(SMALL, generator).topic_words
    topics = truth.searches["topic"]
    for query, topic in zip(tables.searches["query"].head(200), topics, strict=False):
        assert query.split()[0] in words[topic]


def test_intensity_is_the_probability_of_the_next_item(world):
    tables, truth = world
    items = truth.items.set_index("item_id")
    whole = items.groupby("topic")["weight"].sum().to_numpy()
    # The items that a user has not met yet are all that can come next, so theirs sum to 1.
    for user in range(20):
        left = whole.copy()
        for step, row, met in user_events(tables, truth, user):
            if row is not None:
                intensity = truth.topic_intensity[row]
                assert intensity @ left == pytest.approx(1, rel=1e-4), (user, step)
                assert intensity[items["topic"].loc[met[0]]] > 0
            for item in met:
                left[items["topic"].loc[item]] -= items["weight"].loc[item]


def test_drawn_topics_follow_the_stated_probabilities():
    # With enough rows, the mean stated probability of a topic is its observed share.
    _, truth = simulate(DemoSettings(users=600, feed_noise=0.3))
    weights = truth.items.groupby("topic")["weight"].sum().to_numpy()
    first = (~truth.interactions.duplicated("user")).to_numpy()
    stated = (truth.topic_intensity[first] * weights).sum(axis=0)
    observed = np.bincount(truth.interactions["topic"][first], minlength=len(weights))
    deviation = (observed - stated) / np.sqrt(np.maximum(stated, 1))
    assert np.abs(deviation).max() < 5


def test_similar_topics_occur_in_both_logs(world):
    _, truth = world
    both = {}
    for name in ("interactions", "searches"):
        table = getattr(truth, name)
        both[name] = set(zip(table["user"], table["topic"], strict=True))
    shared = both["interactions"] & both["searches"]
    for name in ("interactions", "searches"):
        table = getattr(truth, name)
        met = [pair in shared for pair in zip(table["user"], table["topic"], strict=True)]
        crossed = pd.Series(met).groupby(table["similar"].to_numpy()).mean()
        assert crossed[True] > 0.75
        assert crossed[False] < 0.2


def test_a_shared_interest_is_voiced_before_the_feed_takes_it_up():
    settings = DemoSettings(users=300, feed_noise=0.0)
    generator = np.random.default_rng(settings.seed)
    world = DemoWorld(settings, make_catalogue(settings, generator), generator)
    begun = world._voiced.copy()
    events = world.run()
    feed, searches = events.feed, events.searches
    late = (world.kind[feed.users, feed.topics] == SHARED) & ~begun[feed.users, feed.topics]
    typed = {
        (user, topic): step
        for user, step, topic, suggested in zip(
            searches.users[::-1],
            searches.steps[::-1],
            searches.topics[::-1],
            searches.suggested[::-1],
            strict=True,
        )
        if not suggested
    }
    rows = zip(feed.users[late], feed.topics[late], feed.steps[late], strict=True)
    assert late.sum() > 500
    assert all(typed[user, topic] < step for user, topic, step in rows)
    assert not (world.kind[feed.users, feed.topics] == SEARCH).any()
    typed_topics = world.kind[searches.users, searches.topics][~searches.suggested]
    # A typed search strays only before any of its user's searchable interests has begun.
    assert (typed_topics == FEED).mean() < 0.01


def test_zipf():
    # 1, 1/2, 1/3 over 11/6.
    assert zipf(3, 1.0) == pytest.approx([6 / 11, 3 / 11, 2 / 11])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": 0}, "`users` should be at least 1. Received: 0"),
        ({"search_rate": 1.5}, r"`search_rate` should be in \[0, 1\]"),
        ({"mean_events": 5}, "`mean_events` should be between"),
        ({"categories": 2}, "enough for 9 topics a user"),
        ({"categories": 25}, r"in 1\.\.24"),
        # 72 topics, 70 events of 3 items at most: 210 / 72 is just below 3.
        ({"items_per_topic": 2}, "`items_per_topic` should be at least 3. Received: 2"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        DemoSettings(**settings)
