"""What the company spends, by month and category."""

from decimal import Decimal
from typing import Any

import polars as pl

from schemas.billing import Costs, FctCostMonth, FxRates
from schemas.config import Finance
from tests.frames import day, months, rows
from transforms.facts.costs import fct_cost_month


def spent(amount: int, category: str = "customer_success", month: str = "2024-06", **given: Any) -> dict[str, Any]:
    return {"month": day(f"{month}-01"), "category": category, "amount": amount, "currency": "EUR", **given}


def made(*costs: dict[str, Any], rates: dict[str, str] | None = None, as_of: str | None = None) -> list[Any]:
    known = [{"month": day(f"{month}-01"), "currency": "USD", "rate": Decimal(r)} for month, r in (rates or {}).items()]
    calendar = months("2024-06", "2024-07", as_of)
    found = fct_cost_month(rows(Costs, *costs), rows(FxRates, *known), calendar, Finance(), "EUR")
    return [(f"{month:%Y-%m}", *row) for month, *row in FctCostMonth.checked(found).rows()]


def test_costs_of_all_sources_and_currencies_add_up_by_month_and_category():
    # 50 + 0.9 × 101 = 140.9 cents, rounded once.
    costs = [
        spent(50),
        spent(100, currency="USD"),
        spent(1, currency="USD", export_source="other"),
        spent(700, "hosting"),
        spent(-30, month="2024-07"),
        spent(99, month="2024-05"),
    ]
    assert made(*costs, rates={"2024-06": "0.90"}) == [
        ("2024-06", "customer_success", True, 141),
        ("2024-06", "hosting", False, 700),
        ("2024-07", "customer_success", True, -30),
    ]


def test_a_category_is_unknown_in_a_closed_month_that_lacks_a_rate_of_it():
    costs = [spent(50, "hosting"), spent(50, "hosting", currency="USD"), spent(70)]
    assert made(*costs, rates={"2024-05": "0.90"}) == [
        ("2024-06", "customer_success", True, 70),
        ("2024-06", "hosting", False, None),
    ]


def test_a_month_that_is_not_over_takes_the_last_known_rate():
    cost = spent(100, month="2024-07", currency="USD")
    assert made(cost, rates={"2024-06": "0.90"}, as_of="2024-07-30") == [("2024-07", "customer_success", True, 90)]


def test_there_may_be_no_costs():
    assert made() == []
    assert FctCostMonth.blank().schema == pl.Schema(FctCostMonth.dtypes())
