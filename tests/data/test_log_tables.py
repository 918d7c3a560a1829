from __future__ import annotations

import pandas as pd
import pytest

from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.errors import InputError

INTERACTIONS = pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "timestamp": [1]})
SEARCHES = pd.DataFrame(
    {
        "user_id": ["u"],
        "session_id": ["1"],
        "query": ["q"],
        "source": [""],
        "clicked_item_ids": [""],
        "timestamp": [1],
    }
)


def test_further_columns_are_welcome() -> None:
    LogTables(INTERACTIONS.assign(more=1), SEARCHES)


@pytest.mark.parametrize("column", SEARCHES.columns)
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(InputError, match=rf"searches: missing column {column}\. Expected the"):
        LogTables(INTERACTIONS, SEARCHES.drop(columns=column))


def test_a_column_twice_is_refused() -> None:
    twice = pd.concat([INTERACTIONS, INTERACTIONS[["item_id"]]], axis=1)
    with pytest.raises(InputError, match="interactions: column item_id stands twice"):
        LogTables(twice, SEARCHES)


def test_tables_without_rows_are_refused() -> None:
    with pytest.raises(InputError, match="searches: no rows"):
        LogTables(INTERACTIONS, SEARCHES[:0])
    with pytest.raises(InputError, match=r"items: no rows.*leave the table out"):
        LogTables(INTERACTIONS, SEARCHES, items=pd.DataFrame({"item_id": []}))
