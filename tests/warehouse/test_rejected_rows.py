"""What a company cannot have is no row of a canonical table: it is rejected, with the column and what was expected."""

from decimal import Decimal
from typing import Any

import polars as pl
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
    "tickets": {
        "ticket_id": "T1", "account_id": "A", "status": "solved", "created_at": at("2024-01-05T10:00"),
        "last_solved_at": at("2024-01-06T10:00"), "public_agent_replies": 1, "reopens": 0,
        "satisfaction_score": 4, "scale_min": 1, "scale_max": 5,
    },
    "survey_responses": {
        "response_id": "Q1", "account_id": "A", "kind": "nps", "score": 9, "scale_min": 0, "scale_max": 10,
        "sent_at": at("2024-01-05T10:00"), "responded_at": at("2024-01-06T10:00"), "comment": "fine",
    },
    "usage_events": {
        "event_id": "E1", "account_id": "A", "user_id": "U", "name": "export", "occurred_at": at("2024-01-05T10:00"),
        "seconds": 60, "event_count": 3, "errors": 1,
    },
    "accounts": {"account_id": "A", "account_name": "Acme", "region": "EMEA"},
    "account_links": {"source": "billing", "source_account_id": "cus_1", "account_id": "A"},
    "milestones": {"account_id": "A", "milestone": "kickoff", "reached_on": day("2024-01-05")},
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


# --- bounds -----------------------------------------------------------------------------------------------------------

NUMBERS = [
    (table, field.name)
    for table, contract in CANONICAL.items()
    for field in contract.fields()
    if field.dtype.is_numeric() and field.name != "export_line"
]
MOST = {
    ("subscription_items", "quantity"): 10**9,
    ("subscription_items", "seats"): 10**9,
    ("subscription_items", "unit_amount"): 10**15,
    ("subscription_items", "discount_amount"): 10**15,
    ("invoices", "amount"): 10**15,
    ("renewals", "mrr_amount"): 10**15,
    ("renewals", "renewed_mrr_amount"): 10**15,
    ("costs", "amount"): 10**15,
    ("fx_rates", "rate"): Decimal(10**9),
    ("tickets", "public_agent_replies"): 10**6,
    ("tickets", "reopens"): 10**6,
    ("usage_events", "seconds"): 10**11,
    ("usage_events", "event_count"): 10**10,
    ("usage_events", "errors"): 10**10,
}
ALONE = {"quantity": {"unit_amount": 0}, "unit_amount": {"quantity": None}}
"""What is beside a number at its bound, so that it alone is looked at."""


@pytest.mark.parametrize(("table", "column"), NUMBERS)
def test_every_number_of_an_export_is_bounded_on_both_sides(table: str, column: str) -> None:
    """By a rule of its own or by others: a refund by the amount, an answer by its scale, an interval by its unit."""
    huge = 10.0**30 if contract_of(table).dtypes()[column].is_float() else 10**17
    for value in (huge, -huge):
        told = judged(table, **{column: Decimal(value) if column == "rate" else value})
        assert column in {name for name, _ in told}, value


@pytest.mark.parametrize(("key", "most"), MOST.items())
def test_a_number_at_its_bound_is_good_and_one_beyond_is_rejected(key: tuple[str, str], most: Any) -> None:
    table, column = key
    beside = ALONE.get(column, {}) if table == "subscription_items" else {}
    assert judged(table, **{column: most, **beside}) == []
    beyond = judged(table, **{column: most + 1, **beside})
    assert [name for name, _ in beyond] == [column]
    assert all(f"at most {most}" in reason for _, reason in beyond)


@pytest.mark.parametrize(
    ("unit", "most"), [("day", 3660), ("week", 530), ("month", 120), ("quarter", 40), ("year", 10)]
)
def test_a_billing_interval_is_at_most_ten_years(unit: str, most: int) -> None:
    assert judged("subscription_items", interval_unit=unit, interval_count=most) == []
    beyond = judged("subscription_items", interval_unit=unit, interval_count=most + 1)
    assert beyond == [("interval_count", "expected an interval of at most ten years")]


def test_a_line_is_bounded_as_a_whole() -> None:
    assert judged("subscription_items", quantity=10**6, unit_amount=10**9) == []
    told = judged("subscription_items", quantity=10**6, unit_amount=10**9 + 1)
    assert [name for name, _ in told] == ["quantity"]


# --- what contradicts itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "wrong", "column"),
    [
        (
            "subscription_items",
            {"trial_started_on": day("2024-02-01"), "trial_ends_on": day("2024-01-31")},
            "trial_ends_on",
        ),
        ("invoices", {"paid_on": day("2023-01-04")}, "paid_on"),
        ("invoices", {"refunded": -1}, "refunded"),
        ("invoices", {"refunded": 100_01}, "refunded"),
        ("invoices", {"one_off_amount": 100_01}, "one_off_amount"),
        ("invoices", {"one_off_amount": -1}, "one_off_amount"),
        ("invoices", {"kind": "receipt"}, "kind"),
        ("renewals", {"outcome": "renewed", "renewed_on": day("2023-01-04")}, "renewed_on"),
        ("renewals", {"outcome": "lost", "renewed_on": day("2024-01-04")}, "renewed_on"),
        ("renewals", {"outcome": "open", "renewed_on": day("2024-01-04")}, "renewed_on"),
        ("survey_responses", {"responded_at": None}, "responded_at"),
    ],
)
def test_what_contradicts_itself_rejects_its_row(table: str, wrong: dict[str, Any], column: str) -> None:
    assert [name for name, _ in judged(table, **wrong)] == [column]


@pytest.mark.parametrize(
    ("table", "given"),
    [
        ("subscription_items", {"trial_started_on": day("2024-02-01"), "trial_ends_on": day("2024-02-01")}),
        ("invoices", {"paid_on": day("2023-01-05")}),
        ("invoices", {"refunded": 100_00, "one_off_amount": 100_00}),
        ("invoices", {"refunded": 0, "one_off_amount": 0}),
        ("invoices", {"amount": -100_00, "one_off_amount": -100_00, "refunded": None}),
        ("invoices", {"amount": 100_00, "one_off_amount": 20_00, "kind": "credit_note", "credits_invoice_id": "N0"}),
        ("renewals", {"outcome": "renewed", "renewed_on": day("2023-01-05")}),
        ("renewals", {"outcome": "renewed", "renewed_on": None}),
        ("survey_responses", {"score": None, "responded_at": None}),
        ("survey_responses", {"score": None}),
    ],
)
def test_what_may_well_be_is_good(table: str, given: dict[str, Any]) -> None:
    assert judged(table, **given) == []


# --- text -------------------------------------------------------------------------------------------------------------

FREE = ("comment",)
TEXTS = [
    (table, field.name)
    for table in GOOD
    for field in CANONICAL[table].fields()
    if field.dtype == pl.String and not field.name.startswith("export") and field.name not in FREE
]
IDS = [(table, name) for table, name in TEXTS if name.endswith("_id")]


@pytest.mark.parametrize(("table", "column"), TEXTS)
@pytest.mark.parametrize("text", [" ", "\t ", "\u00a0", "NULL", "null", r"\N", "(unknown)", "(company)"])
def test_text_that_says_nothing_rejects_its_row(table: str, column: str, text: str) -> None:
    assert column in {name for name, _ in judged(table, **{column: text})}


@pytest.mark.parametrize(("table", "column"), IDS)
@pytest.mark.parametrize("text", ["A\x00", "A\x07B", "A\nB", "\x7fA", "A\x85"])
def test_an_id_with_a_control_character_rejects_its_row(table: str, column: str, text: str) -> None:
    assert judged(table, **{column: text}) == [(column, "expected an id without control or invisible characters")]


@pytest.mark.parametrize(("table", "column"), IDS)
@pytest.mark.parametrize("text", ["nan", "NaN", "None", "Null", "<NA>", "undefined", "NaT", "inf"])
def test_an_id_that_a_program_writes_for_none_rejects_its_row(table: str, column: str, text: str) -> None:
    assert judged(table, **{column: text}) == [(column, "expected an id, not what a program writes for none")]


def test_what_people_write_may_be_anything() -> None:
    for comment in (" ", "NULL", "two\nlines", "(unknown)"):
        assert judged("survey_responses", comment=comment) == []


def test_an_id_may_have_blanks_signs_and_letters_of_any_script() -> None:
    for text in ("A B", "Ärger & Söhne", "007", "顧客1", "a:b", "null-1", "NULLA"):
        assert judged("accounts", account_id=text) == []


def test_an_account_is_not_named_like_a_customer_of_a_source_that_has_no_account() -> None:
    """`billing:cus_9` is what a customer cus_9 of the source billing is called, whom the CRM doesn't know."""
    came = {"export_source": "crm", "export_file": "f", "export_line": 2, "exported_at": at("2024-06-30T22:00")}
    names = ["billing:cus_9", "billing", "other:cus_9", "my billing:1"]
    given = rows(contract_of("accounts"), *({**came, "account_id": name} for name in names))
    good, rejects = validate(given, contract_of("accounts"), sources=("crm", "billing"))
    assert good["account_id"].to_list() == names[1:]
    assert rejects["column_name"].to_list() == ["account_id"]
