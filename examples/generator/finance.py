"""Costs of keeping customers, and exchange rates."""

from collections.abc import Mapping
from datetime import date

from examples.generator.chance import stream
from examples.generator.days import AS_OF, FIRST_DAY, months_between
from examples.generator.tables import Row

# A month at the start and how much is added each month, in cents.
COSTS = {
    "customer_success": (420_000, 26_000),
    "support": (310_000, 19_000),
    "hosting": (240_000, 15_000),
    "marketing": (500_000, 12_000),
}
MONTH_WITHOUT_COSTS = date(2024, 6, 1)
MISSING_COST = (date(2025, 9, 1), "marketing")


def draw_rates(seed: int) -> dict[str, dict[str, str]]:
    """Euros for one dollar and for one yen at each month end, from April 2024 on: two slow walks."""
    rates: dict[str, dict[str, str]] = {"USD": {}, "JPY": {}}
    for currency, start, stride, digits in (("USD", 92_000, 900, 5), ("JPY", 6_050, 60, 6)):
        rng = stream(seed, "rates", currency)
        units = start
        for month in months_between(date(2024, 4, 1), AS_OF):
            units += rng.randrange(-stride, stride + 1) + (start - units) // 12
            rates[currency][month.isoformat()] = f"0.{units:0{digits}d}"
    return rates


def rate_rows(rates: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """The exchange rates as rows, by month."""
    return [
        {"month": month, "currency": currency, "rate": by_month[month]}
        for month in rates["USD"]
        for currency, by_month in rates.items()
    ]


def cost_rows(seed: int) -> list[Row]:
    """Four kinds of cost a month; one early month has no rows at all, one later month lacks a category."""
    rng = stream(seed, "costs")
    rows: list[Row] = []
    for number, month in enumerate(months_between(FIRST_DAY, AS_OF)):
        for category, (start, growth) in COSTS.items():
            amount = (start + growth * number) * rng.randrange(930, 1071) // 1000
            if month != MONTH_WITHOUT_COSTS and (month, category) != MISSING_COST:
                rows.append({"month": month, "category": category, "amount": amount, "currency": "EUR"})
    return rows
