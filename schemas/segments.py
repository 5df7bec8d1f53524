"""What a segment may be called: it is a column of accounts, and stands beside ours in tables that analysts read."""

import keyword
import re
from typing import Annotated

from pydantic import AfterValidator

from schemas.contract import Contract
from schemas.customers import Accounts, AccountVersion, DimAccount, DimAccountMonth, DimMonth
from schemas.metrics import MetricMonth, MetricPart

FREE = frozenset({"industry", "country", "region", "size", "csm_owner", "plan", "interval"})
"""Columns of every account that are there to slice by; the last two are a segment only where the CRM has them."""
_TABLES = (Accounts, AccountVersion, DimAccount, DimAccountMonth, DimMonth, MetricMonth, MetricPart)
_PASSING = (
    "all at_fault begins_on day exported_on in_crm is_shown known linked_account_id observation part_of reached_on "
    "reason row share_of_denominator share_of_numerator slice"
)
"""Names that stand beside an account's columns only while a table is made or asked."""
TAKEN = frozenset({name for table in _TABLES for name in table.dtypes()} | set(_PASSING.split())) - FREE
_ATTRIBUTES = frozenset(name.casefold() for name in dir(Contract))
"""What a contract already has under that name cannot be a column of it."""


def _segment_name(name: str) -> str:
    if not re.fullmatch(r"[^\W\d_]\w{0,62}", name) or keyword.iskeyword(name):
        raise ValueError("expected a column of accounts to slice by: a word of at most 63 letters, digits and _")
    folded = name.casefold()
    if name not in FREE and folded in FREE:
        raise ValueError(f"accounts have the column {folded}: write it so, or call the other column otherwise")
    if folded in TAKEN:
        raise ValueError(f"the warehouse has a column {folded} of its own: call the column of accounts otherwise")
    if folded in _ATTRIBUTES:
        raise ValueError("this name cannot be a column's in a contract: call the column of accounts otherwise")
    return name


SegmentName = Annotated[str, AfterValidator(_segment_name)]
