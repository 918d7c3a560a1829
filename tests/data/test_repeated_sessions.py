from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data import valid_rows as forms
from sesrec_tf.data.repeated_sessions import without_repeated_sessions
from tests.data.log_rows import searches, valid_rows


def test_the_first_row_of_a_session_stays() -> None:
    frame = searches(
        ("u", "7", "shoe", "", "", 1), ("v", "7", "x", "", "", 1), ("u", "7", "red", "", "a", 2)
    )
    frame.index = [8, 5, 3]
    kept, rejected = without_repeated_sessions(valid_rows(frame, "searches"))
    # The first by its number in the file, wherever it stands; v's session is another.
    assert kept["row"].to_pylist() == [5, 3]
    (row,) = rejected.to_pylist()
    assert row["row"] == 8
    assert row["reason"] == "session_id stands again"
    assert row["expected"] == "one row a session of a user, with all its clicks"
    assert '"query": "shoe"' in row["content"]


def test_no_searches() -> None:
    kept, rejected = without_repeated_sessions(forms.SEARCHES.empty_table())
    assert len(kept) == len(rejected) == 0


PAIRS = st.tuples(st.sampled_from(["u", "v", "ux"]), st.sampled_from(["1", "x1", "2"]))


@settings(deadline=None, max_examples=50)
@given(st.lists(PAIRS, min_size=1, max_size=10), st.data())
def test_as_a_set_would_find_them(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    seen: set[tuple[str, str]] = set()
    again = [row for row, pair in enumerate(pairs) if pair in seen or seen.add(pair)]
    frame = searches(*((user, session, "q", "", "", 0) for user, session in pairs))
    order = data.draw(st.permutations(range(len(pairs))))
    kept, rejected = without_repeated_sessions(valid_rows(frame.iloc[order], "searches"))
    assert sorted(rejected["row"].to_pylist()) == again
    assert kept["row"].to_pylist() == [row for row in order if row not in again]
