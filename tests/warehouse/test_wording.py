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


def wrong(frame: pl.DataFrame, expected: nw.Expr | pl.Expr) -> list[bool | None]:
    """Of each row whether an expression holds."""
    rows = frame if isinstance(expected, pl.Expr) else nw.from_native(frame)
    return rows.select(expected.alias("wrong"))["wrong"].to_list()


FAULTS = {
    (name, expected): fault
    for contract in CANONICAL.values()
    for name, expected, fault in text_faults(contract, ["crm"])
}
"""Of all contracts: a fault of a column that several have is one."""
NAMES = sorted({name for name, _ in FAULTS})


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.none() | texts | st.sampled_from(WORDS).map(str.upper), max_size=8))
def test_what_is_wrong_is_suspected(values):
    # To ask of each fault by itself takes many times longer.
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name in NAMES})
    found = nw.from_native(frame).select(fault.alias(str(n)) for n, fault in enumerate(FAULTS.values())).to_native()
    suspected = frame.select(may_be_wrong(name, ["crm"]).alias(name) for name in NAMES)
    for (name, expected), is_wrong in zip(FAULTS, found, strict=True):
        for value, wrong, is_suspected in zip(values, is_wrong, suspected[name], strict=True):
            assert is_suspected or not wrong, (name, expected, value)


@pytest.mark.parametrize("value", ["a", "A-1", "E003870643", "u17545-1", "Customer 7", "null-value", "<x>", "a~"])
def test_plain_text_is_not(value):
    frame = pl.DataFrame({"account_id": [value]})
    assert wrong(frame, may_be_wrong("account_id", ["crm"])) == [False]


def test_no_value_is_neither_wrong_nor_right():
    frame = pl.DataFrame({"account_id": pl.Series([None], dtype=pl.String)})
    assert wrong(frame, may_be_wrong("account_id", ["crm"])) == [None]
    assert all(wrong(frame, fault) == [None] for name, _, fault in text_faults(Accounts) if name == "account_id")
