"""Sessions that stand twice in the searches of one user."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sesrec_tf.data import log_tables
from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.data.sorted_codes import sorted_codes


def without_repeated_sessions(searches: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Keeps the first row of every session, by row number.

    Args:
        searches: all searches of some users, as `valid_rows.SEARCHES` says.

    Returns:
        The searches that are kept, and the rejected ones as `log_chunk.REJECTED` says.
    """
    users, (user,) = sorted_codes(searches[log_tables.USER_ID].combine_chunks())
    sessions, (session,) = sorted_codes(searches[log_tables.SESSION_ID].combine_chunks())
    del users
    key = user * len(sessions) + session
    order = np.lexsort((searches[ROW].to_numpy(), key))
    again = np.zeros(len(key), np.bool_)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    checks = RowChecks(searches, "searches")
    expected = "one row a session of a user, with all its clicks"
    checks.refuse(pa.array(again), log_tables.SESSION_ID, "stands again", expected)
    return searches.filter(pa.array(checks.usable)), checks.rejected()
