"""What each item makes at month end, and the plan that an account is on."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctMrrItemMonth, FxRates, SubscriptionItems
from tests.frames import day, months, rows
from transforms.facts.mrr_items import fct_mrr_item_month, item_months
from transforms.facts.plans import PLAN, with_plan
from transforms.facts.rates import MissingRateError
from transforms.facts.service import service_periods

FAR = day("2099-12-31")
JANUARY = months("2024-01", "2024-01")


def item(number: str, amount: int | Decimal, **given: Any) -> dict[str, Any]:
    """An item of account a, monthly and in euros from January on, unless it says otherwise."""
    named = {"subscription_id": "S", "item_id": number, "account_id": "a", "plan": number}
    priced = {"unit_amount": amount, "currency": "EUR", "interval_unit": "month"}
    days = {name: day(value) for name, value in given.items() if name.endswith("_on") or name == "valid_from"}
    return {**named, **priced, "started_on": day("2024-01-01"), **given, **days}


def rates(*given: tuple[str, str, str]) -> pl.DataFrame:
    told = ({"month": day(f"{month}-01"), "currency": code, "rate": Decimal(rate)} for month, code, rate in given)
    return rows(FxRates, *told)


def made(*items: dict[str, Any], calendar: pl.DataFrame = JANUARY, fx: pl.DataFrame | None = None) -> pl.DataFrame:
    in_service = service_periods(rows(SubscriptionItems, *items), FAR)
    fx_rates = FxRates.blank() if fx is None else fx
    return FctMrrItemMonth.checked(fct_mrr_item_month(item_months(in_service, fx_rates, calendar, "EUR")))


def cents(*items: dict[str, Any], **how: Any) -> list[int]:
    return made(*items, **how)["closing_cents"].to_list()


def test_an_item_is_told_with_its_plan_interval_units_seats_and_both_currencies():
    told = item("I", 600, interval_unit="year", quantity=4, seats=9, currency="USD", plan="Pro")
    assert made(told, fx=rates(("2024-01", "USD", "0.90"))).rows() == [
        # 4 × $6.00 a year are $2.00 a month, €1.80.
        (day("2024-01-01"), "a", "all", "S", "I", "Pro", "year", 4, 9, "USD", 200, 180),
    ]


def test_what_an_export_leaves_empty_is_one_unit_and_an_unknown_plan_and_number_of_seats():
    (row,) = made(item("I", 500, plan=None)).rows(named=True)
    assert (row["plan"], row["quantity"], row["seats"]) == (None, 1, None)


def test_an_item_has_a_row_for_each_month_end_on_which_it_makes_mrr():
    found = made(
        item("I", 500, started_on="2024-01-31", ended_on="2024-03-31"),
        item("free", 0),
        item("never", 500, started_on="2024-02-10", ended_on="2024-02-20"),
        calendar=months("2023-12", "2024-04"),
    )
    assert found.select("month", "item_id").rows() == [(day("2024-01-01"), "I"), (day("2024-02-01"), "I")]


def test_the_cents_that_lack_go_one_each_to_the_greatest_fractions_first():
    # 1.30 + 1.45 + 1.40 + 2 = 6.15 cents are 6, and 1 + 1 + 1 + 2 are 5: the one that lacks is that of 1.45.
    fine = [item("A", Decimal("1.30")), item("B", Decimal("1.45")), item("C", Decimal("1.40")), item("D", 2)]
    assert cents(*fine) == [1, 2, 1, 2]


def test_of_equal_fractions_the_first_by_source_subscription_and_item_gets_the_cent():
    # Three yearly plans of 10.00 are 83.33 cents each and 250 together.
    yearly = [item(name, 1_000, interval_unit="year") for name in "ABC"]
    assert cents(*yearly) == [84, 83, 83]
    assert cents(*yearly[::-1]) == [84, 83, 83]


def test_many_fractions_of_a_cent_take_no_cent_from_a_whole_one():
    # Ten times 0.4 cents and 7: 11 cents, of which the first four have one.
    assert cents(*(item(f"{n}", Decimal("0.4")) for n in range(10)), item("W", 7)) == [1, 1, 1, 1, *([0] * 6), 7]


def test_half_a_cent_is_rounded_up_with_the_account():
    assert cents(item("A", Decimal("1.5"))) == [2]
    assert cents(item("A", Decimal("1.25")), item("B", Decimal("1.25"))) == [2, 1]


def test_items_of_two_currencies_add_up_in_each_and_together():
    # ¥1 at 0.0065 is 0.65 cents; 0.65 + 0.65 + 83.33 cents are 84.63, so 85: 0 + 0 + 83, and two lack.
    found = made(
        item("A", 1, currency="JPY"),
        item("B", 1, currency="JPY"),
        item("C", 1_000, interval_unit="year"),
        fx=rates(("2024-01", "JPY", "0.0065")),
    )
    assert found.select("closing_native_cents", "closing_cents").rows() == [(1, 1), (1, 1), (83, 83)]


def test_a_closed_month_without_the_rate_of_a_currency_in_service_stops():
    with pytest.raises(MissingRateError, match="USD in 2024-01"):
        made(item("A", 100, currency="USD"))


@pytest.mark.parametrize(
    ("unit", "count", "told"),
    [
        ("month", None, "month"), ("month", 1, "month"), ("month", 2, "2 months"), ("month", 3, "quarter"),
        ("quarter", 1, "quarter"), ("quarter", 2, "6 months"), ("quarter", 4, "year"), ("month", 12, "year"),
        ("year", 1, "year"), ("year", 2, "2 years"), ("month", 18, "18 months"), ("week", 1, "week"),
        ("week", 2, "2 weeks"), ("day", 1, "day"), ("day", 7, "7 days"),
    ],
)  # fmt: skip
def test_one_length_of_interval_has_one_name(unit, count, told):
    assert made(item("A", 10_000, interval_unit=unit, interval_count=count))["interval"].to_list() == [told]


def test_there_may_be_nothing():
    assert made().is_empty()
    assert made(item("A", 1), calendar=JANUARY.clear()).schema == pl.Schema(FctMrrItemMonth.dtypes())


# --- the plan of an account -------------------------------------------------------------------------------------------


def plans(*items: dict[str, Any], last: str = "2024-04", fx: pl.DataFrame | None = None) -> list[tuple[Any, ...]]:
    """(plan, interval) of account a at the end of each month from January on."""
    calendar = months("2024-01", last)
    fx_rates = FxRates.blank() if fx is None else fx
    in_service = service_periods(rows(SubscriptionItems, *items), FAR)
    accounts = calendar.select("month", "month_end", account_id=pl.lit("a"))
    of_items = item_months(in_service, fx_rates, calendar, "EUR")
    found = with_plan(accounts, of_items, in_service, fx_rates, "EUR", [*PLAN])
    return found.sort("month").select(PLAN).rows()


def names(*items: dict[str, Any], **how: Any) -> list[str | None]:
    return [plan for plan, _ in plans(*items, **how)]


def test_the_plan_is_that_of_the_item_with_the_greatest_mrr_at_month_end():
    # 1,200.00 a year are 100.00 a month; from March on Plus is 150.00.
    items = [
        item("Base", 120_000, interval_unit="year"),
        item("Plus", 9_900, valid_from="2024-01-01"),
        item("Plus", 15_000, valid_from="2024-03-31"),
    ]
    assert plans(*items) == [("Base", "year"), ("Base", "year"), ("Plus", "month"), ("Plus", "month")]


def test_mrr_is_compared_in_the_reporting_currency():
    items = [item("Euro", 100), item("Dollar", 110, currency="USD")]
    fx = rates(*((f"2024-0{n}", "USD", rate) for n, rate in enumerate(("0.90", "0.92", "0.90", "0.91"), 1)))
    # 110 × 0.92 = 101.2, and 110 × 0.91 = 100.1, to the cent 100: of two with the same MRR the first by its id.
    assert names(*items, fx=fx) == ["Euro", "Dollar", "Euro", "Dollar"]


def test_who_left_has_the_plan_it_left_with():
    items = [
        item("Base", 5_000, ended_on="2024-02-20"),
        item("Plus", 9_000, ended_on="2024-02-10"),
        item("Extra", 100, ended_on="2024-02-20"),
    ]
    assert names(*items) == ["Plus", "Base", "Base", "Base"]


def test_who_was_there_for_some_days_only_has_the_plan_of_these():
    assert names(item("Base", 500, started_on="2024-02-03", ended_on="2024-02-25")) == [None, "Base", "Base", "Base"]


def test_who_comes_back_has_the_plan_it_comes_back_to():
    items = [item("Base", 500, ended_on="2024-01-20"), item("Plus", 100, started_on="2024-03-10")]
    assert names(*items) == ["Base", "Base", "Plus", "Plus"]


def test_an_item_without_a_plan_is_the_greatest_all_the_same():
    items = [item("Base", 500, ended_on="2024-01-20"), item("X", 500, plan=None, started_on="2024-02-01")]
    assert plans(*items) == [("Base", "month"), (None, "month"), (None, "month"), (None, "month")]
