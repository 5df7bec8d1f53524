"""What a company cannot have is no row of a canonical table: it is rejected, with the column and what was expected."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.contract import Contract
from schemas.tables import CANONICAL
from tests.frames import at, day, rows
from warehouse.validation import validate

GOOD: dict[str, dict[str, Any]] = {
    "subscription_items": {
        "subscription_id": "S1", "item_id": "I1", "valid_from": day("2024-01-05"), "account_id": "A",
        "quantity": 2, "seats": 5, "unit_amount": 10_00, "currency": "EUR", "interval_unit": "month",
        "interval_count": 1, "started_on": day("2024-01-05"),
    },
    "invoices": {
        "invoice_id": "N1", "account_id": "A", "issued_on": day("2024-01-05"), "due_on": day("2024-01-19"),
        "status": "paid", "amount": 100_00, "one_off_amount": 10_00, "refunded": 5_00, "currency": "EUR",
    },
    "renewals": {
        "renewal_id": "R1", "account_id": "A", "term_started_on": day("2023-01-05"),
        "term_ended_on": day("2024-01-05"), "outcome": "open", "mrr_amount": 100_00, "currency": "EUR",
    },
    "costs": {"month": day("2024-01-01"), "category": "support", "amount": 100_00, "currency": "EUR"},
    "fx_rates": {"month": day("2024-01-01"), "currency": "USD", "rate": Decimal("0.9")},
}  # fmt: skip


def contract_of(table: str) -> type[Contract]:
    return CANONICAL[table]


def judged(table: str, **wrong: Any) -> list[tuple[Any, str]]:
    """Column and reason of each reject of the good row with something wrong; nothing: the row is good."""
    came = {"export_source": "s", "export_file": "f", "export_line": 2, "exported_at": at("2024-06-30T22:00")}
    good, rejects = validate(rows(contract_of(table), {**came, **GOOD[table], **wrong}), contract_of(table))
    assert good.height == (0 if rejects.height else 1)
    return sorted(rejects.select("column_name", "reason").rows())


@pytest.mark.parametrize("table", GOOD)
def test_the_rows_that_the_tests_spoil_are_good(table: str) -> None:
    assert judged(table) == []


CURRENCIES = ["subscription_items", "invoices", "renewals", "costs", "fx_rates"]


@pytest.mark.parametrize("table", CURRENCIES)
@pytest.mark.parametrize("code", ["HRK", "BGN", "BYR", "LTL", "CUC", "JPY"])
def test_a_currency_in_force_or_withdrawn_is_good(table: str, code: str) -> None:
    assert judged(table, currency=code) == []


@pytest.mark.parametrize("table", CURRENCIES)
@pytest.mark.parametrize("code", ["XYZ", "AAA", "eur", "€", "EURO"])
def test_a_currency_that_never_was_rejects_its_row_and_names_the_column(table: str, code: str) -> None:
    assert judged(table, currency=code) == [
        ("currency", "expected an ISO 4217 code, in force or withdrawn, in capitals")
    ]
