"""Whether a key stands twice."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.keys import is_repeated


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", None])), max_size=12))
def test_a_key_is_repeated_where_as_many_different_ones_are_fewer_than_rows(keys):
    frame = pl.DataFrame(keys, schema={"n": pl.Int64, "t": pl.String}, orient="row")
    assert is_repeated(frame, ["n", "t"]) == (len(set(keys)) < len(keys))


@pytest.mark.parametrize(("names", "expected"), [(["a"], True), (["b"], False), (["a", "b"], False)])
def test_only_the_key_counts(names, expected):
    assert is_repeated(pl.DataFrame({"a": [1, 1], "b": [1, 2]}), names) == expected
