"""Histories as a reader of the logs would write them down, event by event."""

from __future__ import annotations

import pandas as pd

from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import SPLITS
from tests.data.dataset_content import records
from tests.data.small_logs import users_in_order

Events = dict[str, list[tuple[int, str, int]]]
"""(time, table, row) of every event of every user."""


def assert_by_hand(dataset: PreparedDataset, logs: LogTables, options: PrepareOptions) -> None:
    """Compares the order of events, and every record, with lists made event by event."""
    events = ordered_events(logs)
    feed, sessions = dataset.table("interactions"), dataset.table("searches")
    expected = {"interactions": [], "searches": []}
    for own in events.values():
        seen = {"interactions": 0, "searches": 0}
        for _, table, row in own:
            before = tuple(seen.values()) if table == "interactions" else (seen["interactions"],)
            expected[table].append((row, *before))
            seen[table] += 1
    counted = ["row", "earlier_interactions"]
    assert rows_of(feed, [*counted, "earlier_searches"]) == expected["interactions"]
    assert rows_of(sessions, counted) == expected["searches"]
    split_of = dict(zip(feed["row"], feed["split"], strict=True))
    for split in SPLITS:
        targets = [row for row, *_ in expected["interactions"] if split_of[row] == split]
        found = records(dataset, split)
        assert [record["instance"] for record in found] == [[row] for row in targets]
        for record in found:
            assert_history(record, logs, events, dataset, options)


def ordered_events(logs: LogTables) -> Events:
    """(time, table, row) of every user: at one time interactions come first, then row numbers."""
    users = users_in_order({*logs.interactions["user_id"], *logs.searches["user_id"]})
    events: Events = {user: [] for user in users}
    for table in ("interactions", "searches"):
        frame = getattr(logs, table)
        for row, (user, time) in enumerate(zip(frame["user_id"], frame["timestamp"], strict=True)):
            events[user].append((time, table, row))
    # "interactions" < "searches".
    return {user: sorted(own) for user, own in events.items()}


def assert_history(
    record: dict[str, list[int]],
    logs: LogTables,
    events: Events,
    dataset: PreparedDataset,
    options: PrepareOptions,
) -> None:
    (row,) = record["instance"]
    user, item, time = logs.interactions.iloc[row][["user_id", "item_id", "timestamp"]]
    own = events[user]
    before = own[: own.index((time, "interactions", row))]
    index = {name: place + 2 for place, name in enumerate(dataset.vocabulary("items"))}
    queries = {name: place + 2 for place, name in enumerate(dataset.vocabulary("queries"))}
    met = [number for _, table, number in before if table == "interactions"]
    made = [number for _, table, number in before if table == "searches"]
    met, made = met[-options.max_rec :], made[-options.max_searches :]
    items, texts = logs.interactions["item_id"], logs.searches["query"]
    assert record["user"] == [dataset.vocabulary("users").index(user) + 2]
    assert record["candidates"][0] == index.get(item, 1)
    assert record["rec_items"] == [index.get(items[number], 1) for number in met]
    assert record["rec_times"] == [logs.interactions["timestamp"][number] for number in met]
    assert record["queries"] == [queries.get(texts[number], 1) for number in made]
    assert record["query_times"] == [logs.searches["timestamp"][number] for number in made]


def rows_of(frame: pd.DataFrame, columns: list[str]) -> list[tuple[int, ...]]:
    return [tuple(row) for row in frame[columns].to_numpy().tolist()]
