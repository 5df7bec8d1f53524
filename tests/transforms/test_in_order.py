"""Rows are sorted by several columns as if by all of them at once, however many are alike in the first."""

from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import in_order
from transforms.in_order import sorted_by

rows_given = st.lists(
    st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from("xyz"), st.none() | st.integers(0, 3)),
    max_size=20,
)


@pytest.mark.parametrize("few", [0, in_order.FEW])
@settings(max_examples=100, deadline=None)
@given(given_rows=rows_given)
def test_is_the_order_of_all_columns(few, given_rows):
    frame = pl.DataFrame(given_rows, {"a": pl.Int64, "b": pl.String, "c": pl.Int64}, orient="row")
    expected = sorted(given_rows, key=lambda row: [(value is None, str(value)) for value in row])
    with mock.patch.object(in_order, "FEW", few):
        found = sorted_by(frame, ["a", "b", "c"])
    assert found.rows() == expected
    assert found.equals(frame.sort("a", "b", "c", nulls_last=True))
