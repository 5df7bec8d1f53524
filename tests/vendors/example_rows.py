"""The rows of the example company's exports, as they are and as files."""

import csv
import io
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from examples.generator.vendors.numbered import numbered
from examples.generator.vendors.stripe import Row, rows_of

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "company"


def exported(name: str) -> list[Row]:
    """The rows of one of its files."""
    return rows_of((EXAMPLE / name).read_text(encoding="utf-8"))


@cache
def numbered_accounts() -> tuple[Row, ...]:
    """The accounts under the numbers that a CRM gives them."""
    return tuple({**row, "account_id": numbered(row["account_id"])} for row in exported("crm/accounts.csv"))


def as_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """A CSV file with the columns of the first row."""
    told = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(told[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    return out.getvalue()
