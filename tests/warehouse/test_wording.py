"""A single look at text leaves out no fault that the exact looks would find."""

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.customers import Accounts
from schemas.tables import CANONICAL
from warehouse.wording import FOR_NOTHING, NO_ID, may_be_wrong, text_faults

WORDS = [
    *("", " ", "\t", "\n", "\u00a0", "\u200b", "\u2028", "\u00ad", "\ufeff", "\x00", "\x7f"),
    *("a", "B7", "a b", "-", "crm:", "crm:7", ":", "\u00fc", "\u212a", "\u0130", "\u4e2d"),
    *FOR_NOTHING,
    *NO_ID,
]
texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), min_size=1, max_size=3).map("".join)


def wrong(frame: pl.DataFrame, expected: nw.Expr) -> list[bool | None]:
    """Of each row whether an expression holds."""
    return nw.from_native(frame).select(expected.alias("wrong")).to_native()["wrong"].to_list()


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.none() | texts | st.sampled_from(WORDS).map(str.upper), max_size=8))
def test_what_is_wrong_is_suspected(values):
    for contract in CANONICAL.values():
        for name, _, fault in text_faults(contract, ["crm"]):
            frame = pl.DataFrame({name: pl.Series(values, dtype=pl.String)})
            for value, is_wrong, is_suspected in zip(
                values, wrong(frame, fault), wrong(frame, may_be_wrong(name, ["crm"])), strict=True
            ):
                assert is_suspected or not is_wrong, value


@pytest.mark.parametrize("value", ["a", "A-1", "E003870643", "u17545-1", "Customer 7", "null-value", "<x>", "a~"])
def test_plain_text_is_not(value):
    frame = pl.DataFrame({"account_id": [value]})
    assert wrong(frame, may_be_wrong("account_id", ["crm"])) == [False]


def test_no_value_is_neither_wrong_nor_right():
    frame = pl.DataFrame({"account_id": pl.Series([None], dtype=pl.String)})
    assert wrong(frame, may_be_wrong("account_id", ["crm"])) == [None]
    assert all(wrong(frame, fault) == [None] for name, _, fault in text_faults(Accounts) if name == "account_id")
