"""How much of what Beam says is heard."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced(level: int) -> Iterator[None]:
    """No log message up to a level; through the root, which some runners log to directly."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
