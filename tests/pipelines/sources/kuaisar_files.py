"""A generated data set in the format of KuaiSAR, of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BLOCK_ROWS = 1 << 16
FEED_SHARE = 0.74
"""Share of the feed among all log rows: 14.6 of 19.7 million in the real set."""
SCATTERED_SHARE = 0.01
"""Sessions whose last row stands after other sessions."""
FIRST_MS, LAST_MS = 1_684_684_800_000, 1_686_412_800_000
"""2023-05-22 to 2023-06-11 in Beijing."""

# Of the sources only USER_INPUT is documented.
SOURCES = np.array(["USER_INPUT", "HOME_GUESS", "COMMENT_WORD", "RELATED_QUERY"])
SHOWN_TYPES = np.array(["VIDEO", "IMAGE_ATLAS", "USER", "LIVE", "COMMODITY", "MUSIC", "ADVERT"])
CATEGORIES = (38, 297, 500, 200)
LEVELS = ("first", "second", "third", "fourth")

Integers = npt.NDArray[np.int64]
Column: TypeAlias = npt.NDArray[Any] | pa.Array
Blocks: TypeAlias = Iterator[Mapping[str, Column]]


def write_kuaisar(
    directory: Path, users: int, rows: int, seed: int, items: int | None = None
) -> None:
    """Writes the five files; memory does not grow with `rows`.

    Both logs are in the order of time, users mixed. Popularity of items and words falls off, one
    delivery shares one timestamp among up to 11 items, 40 % of the sessions have no click, a few
    shown items are none of the feed's, and `SCATTERED_SHARE` of the sessions of more than one row
    do not stand together.

    Args:
        directory: to write to; made where absent.
        users: number of users, from 1.
        rows: of `rec_inter.csv` and `src_inter.csv` together.
        seed: equal seeds give equal files.
        items: of the catalogue; a fifth of the rows if `None`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    items = items or max(rows // 5, 50)
    feed = int(rows * FEED_SHARE)
    streams = np.random.default_rng(seed).spawn(5)
    _write(directory / "rec_inter.csv", _feed(streams[0], users, items, feed))
    _write(directory / "src_inter.csv", _searches(streams[1], users, items, rows - feed))
    _write(directory / "user_features.csv", [_users(streams[2], users)])
    _write(directory / "item_features.csv", _items(streams[3], items))
    _write(directory / "social_network.csv", [_follows(streams[4], users)])


def _feed(random: np.random.Generator, users: int, items: int, rows: int) -> Blocks:
    for size, begin, end in _periods(rows):
        deliveries = np.repeat(np.arange(size), random.integers(1, 12, size))[:size]
        time = np.sort(random.integers(begin, end, size))[deliveries]
        duration = random.integers(5_000, 120_000, size)
        search = random.random(size) < 0.02
        yield {
            "user_id": random.integers(1, users + 1, size)[deliveries],
            "item_id": _item_ids(_popular(random, items, size)),
            "playing_time": _floats((duration * random.random(size) * 1.5).astype(np.int64)),
            "duration_ms": _floats(duration),
            "time": _beijing(time),
            "timestamp": time,
            "click": random.integers(0, 2, size),
            "forward": _flags(random, size, 0.01),
            "like": _flags(random, size, 0.05),
            "follow": _flags(random, size, 0.01),
            "search": search.astype(np.int64),
            "search_item_related": (search & (random.random(size) < 0.5)).astype(np.int64),
        }


def _searches(random: np.random.Generator, users: int, items: int, rows: int) -> Blocks:
    written = 0
    for size, begin, end in _periods(rows):
        session = np.repeat(np.arange(size), random.integers(1, 9, size))[:size]
        sessions = int(session[-1]) + 1
        time = np.sort(random.integers(begin, end, sessions))
        item, kind = _shown(random, items, size)
        clickable = random.random(sessions) < 0.6
        clicks = random.poisson(0.5, size) + _is_first(session)
        columns: dict[str, Column] = {
            "user_id": random.integers(1, users + 1, sessions)[session],
            "search_session_id": written + session,
            "search_session_time": _beijing(time).take(session),
            "search_session_timestamp": time[session],
            "keyword": _lists(random, random.integers(1, 6, sessions), items).take(session),
            "search_source": random.choice(SOURCES, sessions, p=[0.55, 0.2, 0.15, 0.1])[session],
            "item_id": item,
            "click_cnt": np.where(clickable[session], clicks, 0),
            "item_type": kind,
        }
        order = _file_order(random, session)
        yield {name: values.take(order) for name, values in columns.items()}
        written += sessions


def _users(random: np.random.Generator, users: int) -> Mapping[str, Column]:
    sizes = {"search_active_level": 5, "rec_active_level": 5, "onehot_feat1": 8, "onehot_feat2": 3}
    features = {name: random.integers(0, size, users) for name, size in sizes.items()}
    return {"user_id": np.arange(1, users + 1), **features}


def _items(random: np.random.Generator, items: int) -> Blocks:
    for first in range(0, items, BLOCK_ROWS):
        number = np.arange(first, min(first + BLOCK_ROWS, items))
        size = len(number)
        known = random.random(size) < 0.9
        columns: dict[str, Column] = {
            "item_id": _item_ids(number),
            "caption": _lists(random, random.integers(0, 12, size), items),
            "author_id": np.where(known, _popular(random, items, size) + 1, 0),
            "item_type": np.where(random.random(size) < 0.9, "NORMAL", "IMAGE_ATLAS"),
            "upload_time": np.where(known, "2023-04-22", "1970-01-01"),
            "upload_type": random.choice(["LongImport", "ShortCamera", "UNKNOWN"], size),
        }
        for depth, (level, categories) in enumerate(zip(LEVELS, CATEGORIES, strict=True)):
            category = 1 + (number * 7919 >> depth) % categories
            # Deeper levels are known less often.
            category = np.where(random.random(size) < 0.95**depth, category, 0)
            stem = f"{level}_level_category"
            columns |= _category(stem, np.where(known, category, 0))
        yield columns


def _category(stem: str, category: Integers) -> dict[str, Column]:
    text = category.astype(str)
    return {
        f"{stem}_id": category,
        f"{stem}_name": np.where(category > 0, np.char.add("类", text), "空"),
        f"{stem}_name_en": np.where(category > 0, np.char.add("Class ", text), "empty"),
    }


def _follows(random: np.random.Generator, users: int) -> Mapping[str, Column]:
    size = users // 10
    return {
        "user_id": random.integers(1, users + 1, size),
        "user_follow_id": random.integers(1, users + 1, size),
    }


def _periods(rows: int) -> Iterator[tuple[int, int, int]]:
    """Rows of each block, and the milliseconds its events lie between."""
    for first in range(0, rows, BLOCK_ROWS):
        last = min(first + BLOCK_ROWS, rows)
        begin, end = (
            FIRST_MS + (LAST_MS - FIRST_MS) * row // max(rows, 1) for row in (first, last)
        )
        yield last - first, begin, end


def _shown(random: np.random.Generator, items: int, size: int) -> tuple[Integers, Column]:
    kind = random.choice(len(SHOWN_TYPES), size, p=[0.8, 0.1, 0.04, 0.03, 0.01, 0.01, 0.01])
    item = _item_ids(_popular(random, items, size))
    # What the feed never shows has ids that the feed never shows.
    return np.where(kind < 2, item, 10**12 + item), SHOWN_TYPES[kind]


def _file_order(random: np.random.Generator, session: Integers) -> Integers:
    """Rows in the order of time, the last of a few sessions later than it should be."""
    place = np.arange(len(session), dtype=np.float64)
    last = np.append(_is_first(session)[1:], True) & ~_is_first(session)
    moved = last & (random.random(len(session)) < SCATTERED_SHARE)
    place[moved] += random.integers(5, 500, moved.sum()) + 0.5
    return np.argsort(place, kind="stable")


def _is_first(session: Integers) -> npt.NDArray[np.bool_]:
    return np.append(True, session[1:] != session[:-1])


def _popular(random: np.random.Generator, size: int, count: int) -> Integers:
    """Numbers below `size`, small ones more often."""
    return (random.random(count) ** 3 * size).astype(np.int64)


def _item_ids(number: Integers) -> Integers:
    return number * 37 + 1_000


def _lists(random: np.random.Generator, lengths: Integers, items: int) -> pa.Array:
    """Lists of words as pandas writes them: quoted where there is a comma."""
    words = _popular(random, max(items // 10, 20), int(lengths.sum())) * 11 + 3
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    lists = pa.LargeListArray.from_arrays(offsets, pa.array(words.astype(str), pa.string()))
    quote = pc.if_else(pa.array(lengths > 1), '"', "")
    joined = pc.binary_join(lists, ", ")
    return pc.binary_join_element_wise(quote, "[", joined, "]", quote, "")


def _flags(random: np.random.Generator, size: int, share: float) -> Integers:
    return (random.random(size) < share).astype(np.int64)


def _floats(values: Integers) -> pa.Array:
    return pc.binary_join_element_wise(pa.array(values).cast(pa.string()), ".0", "")


def _beijing(milliseconds: Integers) -> pa.Array:
    seconds = pa.array(milliseconds // 1000 + 8 * 3600).cast(pa.timestamp("s"))
    return pc.strftime(seconds, "%Y-%m-%d %H:%M:%S")


def _write(path: Path, blocks: Iterable[Mapping[str, Column]]) -> None:
    with path.open("wb") as file:
        for number, block in enumerate(blocks):
            if number == 0:
                file.write((",".join(block) + "\n").encode())
            _write_block(file, block)


def _write_block(file: IO[bytes], block: Mapping[str, Column]) -> None:
    texts = [pa.array(values).cast(pa.string()) for values in block.values()]
    lines = pc.binary_join_element_wise(*texts, ",")
    whole = pa.LargeListArray.from_arrays([0, len(lines)], lines)
    file.write(pc.binary_join(whole, "\n")[0].as_py().encode())
    file.write(b"\n" if len(lines) else b"")
