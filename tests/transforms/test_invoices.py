"""Invoices in the reporting currency."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctInvoice, FxRates, Invoices
from tests.frames import day, months, rows
from transforms.facts.invoices import fct_invoice, paid_invoices
from transforms.facts.rates import MissingRateError, TooMuchError


def invoice(number: str = "1", issued: str = "2024-01-15", **given: Any) -> dict[str, Any]:
    first = {"invoice_id": number, "account_id": "a", "issued_on": day(issued), "status": "paid"}
    return {**first, "amount": 10_000, "currency": "EUR", **given}


def rate(month: str, value: str, currency: str = "USD") -> dict[str, Any]:
    return {"month": day(f"{month}-01"), "currency": currency, "rate": Decimal(value)}


def built(
    *invoices: dict[str, Any],
    rates: tuple[dict[str, Any], ...] = (),
    first: str = "2024-01",
    last: str = "2024-01",
    as_of: str = "2024-12-31",
    currency: str = "EUR",
) -> pl.DataFrame:
    return fct_invoice(rows(Invoices, *invoices), rows(FxRates, *rates), months(first, last), day(as_of), currency)


def money(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("paid_month", "paid_cents", "one_off_cents").rows()


def test_an_invoice_lies_in_its_month_of_issue_and_names_the_month_it_was_paid():
    found = built(invoice(issued="2024-01-31", paid_on=day("2024-03-05")))
    assert found.select("month", "paid_month", "paid_cents").rows() == [(day("2024-01-01"), day("2024-03-01"), 10_000)]


def test_what_is_issued_in_other_months_is_left_out():
    found = built(invoice("1", "2023-12-31"), invoice("2", "2024-01-01"), invoice("3", "2024-02-01"))
    assert found["invoice_id"].to_list() == ["2"]


@pytest.mark.parametrize("status", ["paid", "open", "uncollectible"])
def test_a_day_of_payment_makes_an_invoice_paid_whatever_its_status(status):
    assert money(built(invoice(status=status, paid_on=day("2024-01-20")))) == [(day("2024-01-01"), 10_000, None)]


@pytest.mark.parametrize("status", ["void", "draft"])
def test_what_is_void_or_a_draft_has_no_money(status):
    found = built(invoice(status=status, paid_on=day("2024-01-20"), one_off_amount=500))
    assert money(found) == [(None, None, None)]


def test_an_unpaid_invoice_has_no_paid_month_but_its_one_off_amount():
    assert money(built(invoice(status="open", one_off_amount=500))) == [(None, None, 500)]


@pytest.mark.parametrize(
    ("refunded", "expected"),
    [
        (None, (day("2024-01-01"), 10_000, None)),
        (2_500, (day("2024-01-01"), 7_500, None)),
        (9_999, (day("2024-01-01"), 1, None)),
        (10_000, (None, None, None)),
        (10_001, (None, None, None)),
    ],
)
def test_only_what_is_left_after_a_refund_is_paid(refunded, expected):
    assert money(built(invoice(paid_on=day("2024-01-20"), refunded=refunded))) == [expected]


def test_payment_takes_the_rate_of_its_month_and_the_one_off_amount_that_of_the_issue():
    given = invoice(currency="USD", paid_on=day("2024-03-05"), one_off_amount=2_000)
    rates = (rate("2024-01", "0.90"), rate("2024-02", "0.5"), rate("2024-03", "0.95"))
    assert money(built(given, rates=rates)) == [(day("2024-03-01"), 9_500, 1_800)]


def paid(*invoices: dict[str, Any], rates: tuple[dict[str, Any], ...] = (), as_of: str | None = None) -> list[Any]:
    calendar = months("2024-01", "2024-03", as_of)
    return sorted(paid_invoices(rows(Invoices, *invoices), rows(FxRates, *rates), calendar, "EUR").rows())


def test_what_was_paid_is_told_in_the_month_of_payment_at_its_rate():
    early = invoice("1", "2024-03-10", currency="USD", paid_on=day("2024-01-20"), refunded=1_000)
    late = invoice("2", "2023-06-10", paid_on=day("2024-02-20"))
    rates = (rate("2024-01", "0.9"), rate("2024-03", "0.5"))
    assert paid(early, late, rates=rates) == [(day("2024-01-01"), "a", 8_100), (day("2024-02-01"), "a", 10_000)]


def test_a_credit_note_an_invoice_taken_back_whole_or_void_is_none_that_was_paid():
    asked = {"paid_on": day("2024-01-20")}
    none = [{"amount": -5}, {"kind": "credit_note"}, {"amount": 0}, {"refunded": 10_000}, {"status": "void"}]
    assert paid(*(invoice(str(n), **asked, **given) for n, given in enumerate(none))) == []
    assert paid(invoice(status="open")) == []


def test_what_was_paid_before_the_months_at_hand_needs_no_rate():
    assert paid(invoice("1", "2023-06-10", currency="USD", paid_on=day("2023-07-01"))) == []


def test_a_closed_month_in_which_something_was_paid_needs_its_rate():
    given = invoice(currency="USD", paid_on=day("2024-03-05"))
    assert paid(given, rates=(rate("2024-02", "0.8"),), as_of="2024-03-30") == [(day("2024-03-01"), "a", 8_000)]
    with pytest.raises(MissingRateError, match="USD in 2024-03"):
        paid(given, rates=(rate("2024-02", "0.8"),))


def test_a_credit_note_is_no_paid_invoice_and_takes_back_its_amount_at_the_rate_of_its_issue():
    notes = (
        invoice("1", currency="USD", amount=-5_000, paid_on=day("2024-02-20")),
        invoice("2", currency="USD", amount=5_000, kind="credit_note", status="open"),
    )
    found = built(*notes, rates=(rate("2024-01", "0.90"), rate("2024-02", "0.5")))
    assert money(found) == [(None, None, None)] * 2
    assert found.select("kind", "credited_cents").rows() == [("credit_note", 4_500)] * 2


@pytest.mark.parametrize("status", ["void", "draft"])
def test_a_credit_note_that_is_void_or_a_draft_takes_nothing_back(status):
    assert built(invoice(amount=-5_000, status=status))["credited_cents"].to_list() == [None]


def test_an_invoice_is_one_by_its_kind_or_else_by_the_sign_of_its_amount():
    given = [invoice("1"), invoice("2", amount=0), invoice("3", amount=-1), invoice("4", amount=-1, kind="invoice")]
    found = built(*given, invoice("5", kind="credit_note"))
    assert found["kind"].to_list() == ["invoice", "invoice", "credit_note", "invoice", "credit_note"]
    assert found["credited_cents"].to_list() == [None, None, 1, None, 10_000]


def test_a_one_off_that_a_credit_note_takes_back_is_below_zero():
    for sign in (1, -1):
        note = invoice(amount=sign * 500, one_off_amount=sign * 300, kind="credit_note", status="open")
        assert money(built(note)) == [(None, None, -300)]


def test_money_is_rounded_half_away_from_zero():
    rates = (rate("2024-01", "0.5"),)
    up = invoice("1", currency="USD", amount=3, one_off_amount=3, paid_on=day("2024-01-20"))
    down = invoice("2", currency="USD", amount=1, one_off_amount=-3, paid_on=day("2024-01-20"))
    assert money(built(up, down, rates=rates)) == [(day("2024-01-01"), 2, 2), (day("2024-01-01"), 1, -2)]


def test_a_large_amount_is_exact():
    given = invoice(currency="USD", amount=719_925_474_099_301, paid_on=day("2024-01-20"))
    found = built(given, rates=(rate("2024-01", "1.0000000001"),))
    assert found["paid_cents"].to_list() == [719_925_474_171_294]  # …99_301 + 71_992.5…


def test_an_invoice_worth_more_than_any_company_has_stops_the_run_by_name():
    given = invoice(currency="USD", amount=10**15, paid_on=day("2024-01-20"))
    assert built(given, rates=(rate("2024-01", "1"),))["paid_cents"].to_list() == [10**15]
    with pytest.raises(TooMuchError, match=r"invoices of 2024-01 comes to more than 1e\+15"):
        built(given, rates=(rate("2024-01", "1.00000000000001"),))


def test_a_yen_has_no_cents():
    yen = invoice(currency="JPY", amount=10_000, one_off_amount=150, paid_on=day("2024-01-20"))
    assert money(built(yen, rates=(rate("2024-01", "0.0061", "JPY"),))) == [(day("2024-01-01"), 6_100, 92)]
    euros = invoice(currency="EUR", amount=10_000, paid_on=day("2024-01-20"))
    found = built(euros, rates=(rate("2024-01", "164.5", "EUR"),), currency="JPY")
    assert found["paid_cents"].to_list() == [16_450]


def test_a_closed_month_without_a_rate_stops_the_run():
    paid_later = invoice(currency="USD", paid_on=day("2024-03-05"))
    with pytest.raises(MissingRateError, match="USD in 2024-03"):
        built(paid_later, rates=(rate("2024-01", "0.9"), rate("2024-02", "0.9")))
    with pytest.raises(MissingRateError, match="USD in 2024-01"):
        built(invoice(currency="USD", status="open", one_off_amount=5))


def test_the_month_of_as_of_takes_the_last_known_rate_until_it_is_over():
    paid_later = invoice(currency="USD", paid_on=day("2024-03-05"))
    rates = (rate("2024-02", "0.8"),)
    assert built(paid_later, rates=rates, as_of="2024-03-30")["paid_cents"].to_list() == [8_000]
    with pytest.raises(MissingRateError, match="USD in 2024-03"):
        built(paid_later, rates=rates, as_of="2024-03-31")


def test_no_rate_is_asked_for_what_is_not_converted():
    unpaid = invoice("1", currency="USD", status="open")
    nothing = invoice("2", currency="USD", status="open", one_off_amount=0)
    void = invoice("3", currency="USD", status="void", one_off_amount=7, paid_on=day("2024-01-20"))
    elsewhere = invoice("4", "2024-02-01", currency="CHF", paid_on=day("2024-02-02"))
    found = built(unpaid, nothing, void, elsewhere)
    assert money(found) == [(None, None, None), (None, None, 0), (None, None, None)]


def test_what_is_paid_in_a_currency_that_was_withdrawn_meanwhile_takes_its_last_rate():
    late = invoice(issued="2022-12-20", currency="HRK", amount=75_345, paid_on=day("2023-01-09"))
    found = built(late, rates=(rate("2022-12", "0.1327228", "HRK"),), first="2022-12", last="2023-01")
    assert money(found) == [(day("2023-01-01"), 10_000, None)]


def test_a_rate_that_is_beyond_its_bound_between_minor_units_stops_the_run_by_name():
    """A yen has no minor unit, so that a yen at 10⁸ is 10¹⁰ cents."""
    with pytest.raises(TooMuchError, match="a rate of JPY is more than 1e"):
        built(invoice(currency="JPY", paid_on=day("2024-01-20")), rates=(rate("2024-01", "100000000", "JPY"),))


def test_a_currency_still_in_force_needs_the_rate_of_the_month_of_payment():
    late = invoice(issued="2022-10-20", currency="HRK", amount=75_345, paid_on=day("2022-11-09"))
    with pytest.raises(MissingRateError, match="HRK in 2022-11"):
        built(late, rates=(rate("2022-10", "0.1327", "HRK"),), first="2022-10", last="2022-11")


def test_a_month_is_the_same_alone_and_among_others_and_for_shuffled_rows():
    given = [
        invoice("1", "2024-01-10", currency="USD", paid_on=day("2024-02-10"), one_off_amount=700),
        invoice("2", "2024-02-10", paid_on=day("2024-02-20")),
        invoice("3", "2024-01-11", currency="USD", paid_on=day("2024-01-30")),
    ]
    rates = (rate("2024-01", "0.9"), rate("2024-02", "0.8"))
    alone = built(*given, rates=rates)
    among = built(*given[::-1], rates=rates[::-1], last="2024-03")
    assert alone.equals(among.filter(pl.col("month") == day("2024-01-01")))


def test_facts_survive_empty_inputs():
    assert built().schema == FctInvoice.blank().schema
    assert fct_invoice(
        rows(Invoices, invoice()), rows(FxRates), months("2024-01", "2024-01").clear(), day("2024-12-31"), "EUR"
    ).is_empty()


def test_invoices_of_two_sources_with_one_number_are_two_invoices():
    paid = {"paid_on": day("2024-01-20")}
    found = built(invoice(**paid, export_source="east"), invoice(**paid, amount=700, export_source="west"))
    assert found.select("source", "invoice_id", "paid_cents").rows() == [("east", "1", 10_000), ("west", "1", 700)]


def open_cents(*invoices: dict[str, Any], **how: Any) -> list[int | None]:
    return built(*invoices, **how)["open_cents"].to_list()


def test_an_open_invoice_is_told_at_the_rate_of_its_month_of_issue():
    # $100.00 less $20.00, at 0.90.
    bill = invoice(status="open", currency="USD", refunded=2_000, due_on=day("2024-02-15"))
    assert open_cents(bill, rates=(rate("2024-01", "0.90"), rate("2024-02", "0.80"))) == [7_200]


@pytest.mark.parametrize(
    "given",
    [
        {"status": "paid", "paid_on": day("2024-01-20")},
        {"status": "open", "paid_on": day("2024-01-20")},
        {"status": "paid"},
        {"status": "void"},
        {"status": "draft"},
        {"status": "uncollectible"},
        {"status": "open", "amount": -10_000},
        {"status": "open", "kind": "credit_note"},
        {"status": "open", "refunded": 10_000},
    ],
)
def test_what_is_paid_given_up_taken_back_or_never_asked_for_is_not_open(given):
    assert open_cents(invoice(**given)) == [None]


def test_an_open_invoice_without_a_rate_stops_nothing_and_is_unknown():
    assert open_cents(invoice(status="open", currency="USD"), rates=(rate("2023-12", "0.90"),)) == [None]
    assert open_cents(invoice(status="open", currency="USD"), rates=(rate("2023-12", "0.90"),), as_of="2024-01-30") == [
        9_000
    ]


def test_an_invoice_of_before_the_first_computed_month_tells_no_open_money():
    early = rows(Invoices, invoice(issued="2023-11-01", status="open", currency="USD"))
    calendar, start = months("2024-01", "2024-01"), day("2024-01-01")
    found = fct_invoice(early, rows(FxRates), calendar, day("2024-01-31"), "EUR", computed_from=start)
    assert found.select("invoice_id", "open_cents").rows() == [("1", None)]
