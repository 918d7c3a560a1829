"""Writes files in the raw format of the Amazon 2014 reviews."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REVIEWS = "reviews_Kindle_Store_5.json.gz"
METADATA = "meta_Kindle_Store.json.gz"

# The keys of the real file in their order; only `reviewerName` may be missing there.
REVIEW = {
    "reviewerID": "A1F6404F1VG29J",
    "asin": "B000F83SZQ",
    "reviewerName": "Avidreader",
    "helpful": [0, 0],
    "reviewText": 'I enjoy vintage books.\nSay "naïve".',
    "overall": 5.0,
    "summary": "Nice vintage story",
    "unixReviewTime": 1399248000,
    "reviewTime": "05 5, 2014",
}


def review(**changes: Any) -> str:
    """One line of strict JSON; a change to `None` leaves the key out."""
    return json.dumps({k: v for k, v in {**REVIEW, **changes}.items() if v is not None})


def product(asin: str, *paths: list[str], **more: Any) -> str:
    """One line as Python prints a dictionary."""
    return repr({"asin": asin, **more, "categories": list(paths)})


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Gzipped if the name says so."""
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
