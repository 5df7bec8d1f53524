"""Rows are sorted by several columns as if by all of them at once, however many are alike in the first."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.in_order import sorted_by

rows_given = st.lists(
    st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from("xyz"), st.none() | st.integers(0, 3)),
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(given_rows=rows_given)
def test_is_the_order_of_all_columns(given_rows):
    frame = pl.DataFrame(given_rows, {"a": pl.Int64, "b": pl.String, "c": pl.Int64}, orient="row")
    expected = sorted(given_rows, key=lambda row: [(value is None, str(value)) for value in row])
    assert sorted_by(frame, ["a", "b", "c"]).rows() == expected
    assert sorted_by(frame, ["a", "b", "c"]).equals(frame.sort("a", "b", "c", nulls_last=True))
