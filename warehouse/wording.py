"""Text that says nothing, or that would be taken for another: its row is rejected."""

import re
from collections.abc import Collection
from functools import reduce
from operator import or_

import narwhals as nw
import polars as pl

from schemas.contract import Column, Contract
from schemas.customers import COMPANY, UNKNOWN
from warehouse.reading import PROVENANCE

FOR_NOTHING = ("NULL", "null", r"\N", UNKNOWN, COMPANY)
"""What databases write for an empty cell, and our own names for no account and for the company."""
NO_ID = ("null", "none", "nan", "nat", "<na>", "nil", "undefined", "inf", "-inf")
"""What programs write for an id that is none, in any case: all rows with one would be one customer's."""
CONTROL = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"
"""Characters that nobody sees: two ids that differ in one look alike."""
VISIBLE = r"[^\s\p{Z}\p{Cc}\p{Cf}]"
BLANKS_AROUND = r"^[\s\p{Z}]|[\s\p{Z}]\z"
NOT_PLAIN = "|".join([r"[^ -~]", "^ ", r" \z", rf"(?i:^({'|'.join(map(re.escape, ['', *FOR_NOTHING, *NO_ID]))})\z)"])
"""All text in which something may be wrong, and some in which nothing is: other text has only letters, digits, signs
and blanks of ASCII, none of these around it, and is no word for nothing."""
Fault = tuple[str, str, nw.Expr]
"""Column at fault, what was expected, and whether the row is wrong; of Polars' rows or of Spark's."""


def text_faults(contract: type[Contract], sources: Collection[str] = ()) -> list[Fault]:
    """What may be wrong with the contract's text; what people write (comments) may be anything.

    `sources`: the config's sources, whose customers without an account are named `source:id`.
    """
    found: list[Fault] = []
    for field in contract.fields():
        if field.dtype != pl.String or field.name in PROVENANCE or field.personal == "text":
            continue
        text = nw.col(field.name)
        found.append((field.name, "some text", ~text.str.contains(VISIBLE)))
        found.append((field.name, f"a value, or nothing; not {', '.join(FOR_NOTHING)}", text.is_in(FOR_NOTHING)))
        if _is_id(field, contract):
            is_none = text.str.to_lowercase().is_in(NO_ID) & ~text.is_in(FOR_NOTHING)
            found.append((field.name, "an id, not what a program writes for none", is_none))
            found.append((field.name, "an id without control or invisible characters", text.str.contains(CONTROL)))
            around = text.str.contains(BLANKS_AROUND) & text.str.contains(VISIBLE) & ~text.str.contains(CONTROL)
            found.append((field.name, "a name or id without blanks around it", around))
    if contract.table() == "accounts" and sources:
        made = nw.any_horizontal(
            *(nw.col("account_id").str.starts_with(f"{source}:") for source in sources), ignore_nulls=False
        )
        found.append(("account_id", "an id that is no source's customer without an account (source:id)", made))
    return found


def may_be_wrong(name: str, sources: Collection[str] = ()) -> pl.Expr:
    """Whether any of the `text_faults` may be in a column's text: where it is not, none is.

    It is a single look, and mostly finds nothing; to look for each fault takes many times longer.
    """
    text = pl.col(name)
    begins = [text.str.starts_with(f"{source}:") for source in sources if name == "account_id"]
    return reduce(or_, begins, text.str.contains(NOT_PLAIN))


def _is_id(field: Column, contract: type[Contract]) -> bool:
    return field.name in contract.grain() or field.name.endswith("_id")
