"""What it costs to keep customers, cancellations to come, and revenue that doesn't recur."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from schemas.billing import Costs, FctInvoice, FctMrrAccountMonth, FxRates
from schemas.config import Finance, Minimums
from schemas.customers import COMPANY, DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from tests.frames import day, margins, months, rows
from transforms.declaration import SO_FAR
from transforms.exported import Exported
from transforms.facts.rates import MissingRateError
from transforms.metrics import cost, revenue
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, roll_up

JUNE = months("2024-06", "2024-06")
EXPORTED = Exported(
    {
        "costs": frozenset({"amount"}),
        "subscription_items": frozenset({"cancel_requested_on"}),
        "invoices": frozenset({"one_off_amount"}),
    }
)


def month(text: str) -> Any:
    return day(f"{text}-01")


def spent(amount: int, category: str = "customer_success", when: str = "2024-06", **given: Any) -> dict[str, Any]:
    return {"month": month(when), "category": category, "amount": amount, "currency": "EUR", **given}


def account(name: str, opening: int, closing: int, when: str = "2024-06", pending: int = 0) -> dict[str, Any]:
    money = {"opening_cents": opening, "closing_cents": closing, "pending_cancellation_cents": pending}
    return {"month": month(when), "account_id": name, **money}


THREE = (account("stays", 500, 700), account("left", 300, 0), account("new", 0, 100))


def of(
    name: str,
    *costs: dict[str, Any],
    accounts: tuple[dict[str, Any], ...] = THREE,
    calendar: pl.DataFrame = JUNE,
    rates: tuple[dict[str, Any], ...] = (),
    finance: Finance = Finance(),  # noqa: B008 - it cannot change
) -> pl.DataFrame:
    function = getattr(cost, name)
    given = rows(Costs, *costs), rows(FxRates, *rates), rows(FctMrrAccountMonth, *accounts), calendar, finance, "EUR"
    return Parts.validate(function(*given)).sort("month", "account_id")


def value(name: str, parts: pl.DataFrame, exported: Exported = EXPORTED, segment: str = "all") -> dict[str, Any]:
    placed = ({"month": month("2024-06"), "account_id": "stays", "account_key": 1, "region": "EMEA"},)
    where = Surroundings(
        dim_month=JUNE,
        gross_margin=margins(JUNE),
        accounts=AccountSegments(rows(DimAccountMonth, *placed), ("region",)),
        exported=exported,
        minimums=Minimums(),
        as_of=day("2099-12-31"),
    )
    found = MetricMonth.validate(roll_up(REGISTRY[name], parts, where))
    return found.filter(pl.col("segment") == segment).row(0, named=True)


class TestRetentionCost:
    def test_is_divided_by_accounts_with_opening_or_closing_mrr(self):
        parts = of("crc", spent(9_000))
        assert sorted(parts.select("account_id", "numerator", "denominator").rows()) == [
            (COMPANY, 9_000, 0),
            ("left", 0, 1),
            ("new", 0, 1),
            ("stays", 0, 1),
        ]
        found = value("crc", parts)
        assert (found["value"], found["numerator"], found["denominator"]) == (3_000, 9_000, 3)
        assert (found["observations"], found["null_reason"]) == (3, None)

    def test_as_a_share_is_divided_by_closing_mrr(self):
        found = value("crc_share", of("crc_share", spent(400)))
        assert (found["value"], found["denominator"]) == (0.5, 800)

    def test_counts_the_categories_of_the_config_alone(self):
        costs = (spent(9_000), spent(5_000, "support"), spent(70_000, "marketing"))
        both = Finance(retention_cost_categories=("customer_success", "support"))
        assert value("crc", of("crc", *costs))["numerator"] == 9_000
        assert value("crc", of("crc", *costs, finance=both))["numerator"] == 14_000

    def test_takes_each_currency_at_the_rate_of_the_month_and_rounds_the_sum_once(self):
        rates = tuple({"month": month(when), "currency": "USD", "rate": Decimal(rate)}
                      for when, rate in (("2024-05", "0.1"), ("2024-06", "0.5")))  # fmt: skip
        dollars = (spent(101, currency="USD"), spent(201, "support", currency="USD"))
        finance = Finance(retention_cost_categories=("customer_success", "support"))
        assert value("crc", of("crc", spent(7), *dollars, rates=rates, finance=finance))["numerator"] == 7 + 151

    def test_a_closed_month_without_the_rate_stops_the_run(self):
        with pytest.raises(MissingRateError, match="USD in 2024-06"):
            of("crc", spent(100, currency="USD"))

    def test_in_the_month_of_as_of_the_last_known_rate_speaks(self):
        known = ({"month": month("2024-05"), "currency": "USD", "rate": Decimal("0.5")},)
        calendar = months("2024-06", "2024-06", as_of="2024-06-10")
        assert value("crc", of("crc", spent(100, currency="USD"), rates=known, calendar=calendar))["numerator"] == 50
        assert REGISTRY["crc"].reads == REGISTRY["crc_share"].reads == {"fx_rates": SO_FAR}

    @pytest.mark.parametrize("name", ["crc", "crc_share"])
    def test_a_month_without_such_costs_has_no_parts(self, name):
        assert of(name, spent(9_000, when="2024-05"), spent(5_000, "support")).is_empty()
        assert value(name, of(name))["value"] is None

    @pytest.mark.parametrize("name", ["crc", "crc_share"])
    def test_a_cost_of_nothing_is_known(self, name):
        assert value(name, of(name, spent(0)))["value"] == 0

    @pytest.mark.parametrize("name", ["crc", "crc_share"])
    def test_is_the_companys_alone(self, name):
        found = value(name, of(name, spent(9_000)), segment="EMEA")
        assert (found["value"], found["numerator"], found["null_reason"]) == (None, None, "company_only")

    @pytest.mark.parametrize("name", ["crc", "crc_share"])
    def test_without_accounts_there_is_nothing_to_divide_by(self, name):
        assert value(name, of(name, spent(9_000), accounts=()))["null_reason"] == "zero_denominator"

    @pytest.mark.parametrize("name", ["crc", "crc_share"])
    @pytest.mark.parametrize("absent", ["costs", "subscription_items"])
    def test_has_no_source_without_costs_or_subscriptions(self, name, absent):
        exported = Exported({table: names for table, names in EXPORTED.columns.items() if table != absent})
        assert value(name, Parts.blank(), exported)["null_reason"] == "source_missing"

    def test_months_stand_for_themselves(self):
        calendar = months("2024-05", "2024-06")
        parts = of("crc", spent(100, when="2024-05"), spent(900), calendar=calendar)
        company = parts.filter(pl.col("account_id") == COMPANY).select("month", "numerator").rows()
        assert company == [(month("2024-05"), 100), (month("2024-06"), 900)]

    def test_lies_in_one_asset_and_is_the_same_for_shuffled_rows(self):
        assert REGISTRY["crc"].asset == REGISTRY["crc_share"].asset == "crc"
        costs = [spent(n, "customer_success" if n % 2 else "support") for n in range(9)]
        assert of("crc", *costs).equals(of("crc", *costs[::-1], accounts=THREE[::-1]))


class TestPendingCancellation:
    def test_sums_the_closing_mrr_of_cancelled_items(self):
        facts = rows(FctMrrAccountMonth, account("a", 0, 500, pending=200), account("b", 0, 100, pending=100))
        found = value("mrr_pending_cancellation", revenue.mrr_pending_cancellation(facts))
        assert (found["value"], found["denominator"], found["observations"]) == (300, None, 2)

    def test_nothing_pending_is_zero(self):
        parts = revenue.mrr_pending_cancellation(rows(FctMrrAccountMonth, account("a", 0, 500)))
        assert value("mrr_pending_cancellation", parts)["value"] == 0

    def test_is_unknown_where_no_request_is_exported(self):
        without = Exported({"subscription_items": frozenset({"ended_on"})})
        assert value("mrr_pending_cancellation", Parts.blank(), without)["null_reason"] == "not_exported"
        assert value("mrr_pending_cancellation", Parts.blank(), Exported({}))["null_reason"] == "source_missing"

    def test_is_a_leading_stock_in_the_asset_of_mrr(self):
        metric = REGISTRY["mrr_pending_cancellation"]
        assert (metric.signal, metric.over_time, metric.asset) == ("leading", "stock", "mrr")


class TestNonRecurringRevenue:
    def invoice(self, number: str, one_off: int | None, when: str = "2024-06") -> dict[str, Any]:
        return {"invoice_id": number, "account_id": "a", "month": month(when), "one_off_cents": one_off}

    def test_sums_one_off_amounts_by_month_of_issue(self):
        given = (
            self.invoice("1", 500),
            self.invoice("2", 250),
            self.invoice("3", None),
            self.invoice("4", 9, "2024-05"),
        )
        parts = Parts.validate(revenue.non_recurring_revenue(rows(FctInvoice, *given)))
        assert parts.sort("month")["numerator"].to_list() == [9, 750]
        assert value("non_recurring_revenue", parts)["value"] == 750

    def test_is_zero_where_nothing_was_billed(self):
        assert value("non_recurring_revenue", revenue.non_recurring_revenue(rows(FctInvoice)))["value"] == 0

    def test_is_unknown_where_no_one_off_amount_is_exported(self):
        without = Exported({"invoices": frozenset({"amount"})})
        assert value("non_recurring_revenue", Parts.blank(), without)["null_reason"] == "not_exported"
        assert value("non_recurring_revenue", Parts.blank(), Exported({}))["null_reason"] == "source_missing"
