"""The price list: plans, add-ons, billing intervals. Amounts are in minor units of the currency."""

from dataclasses import dataclass
from fractions import Fraction

MINOR_UNITS = {"EUR": 2, "USD": 2, "JPY": 0}
# Basic is one flat price with three seats; Pro and Enterprise are priced by the seat. All a month.
PLANS = {
    "Basic": {"EUR": 4900, "USD": 5400, "JPY": 7800},
    "Pro": {"EUR": 2900, "USD": 3200, "JPY": 4600},
    "Enterprise": {"EUR": 5500, "USD": 5900, "JPY": 8700},
}
BASIC_SEATS = 3
ADD_ONS = {
    "analytics": {"EUR": 3900, "USD": 4300, "JPY": 6200},
    "sso": {"EUR": 2500, "USD": 2700, "JPY": 4000},
    "priority support": {"EUR": 5900, "USD": 6500, "JPY": 9400},
}


@dataclass(frozen=True)
class Interval:
    """How often is billed: `count` units; `months` is what one billing period is worth in months."""

    unit: str
    count: int
    months: Fraction
    reduction: Fraction

    @property
    def whole_months(self) -> int:
        """The length in calendar months, 0 for weeks."""
        return int(self.months) if self.months.denominator == 1 else 0

    def price(self, monthly: int) -> int:
        """The price of one billing period, in whole minor units, for a given list price a month."""
        return round(monthly * self.months * (1 - self.reduction))


WEEK = Interval("week", 1, Fraction(12, 52), Fraction(0))
MONTH = Interval("month", 1, Fraction(1), Fraction(0))
QUARTER = Interval("quarter", 1, Fraction(3), Fraction(3, 100))
HALF_YEAR = Interval("month", 6, Fraction(6), Fraction(6, 100))
YEAR = Interval("year", 1, Fraction(12), Fraction(15, 100))
TWO_YEARS = Interval("year", 2, Fraction(24), Fraction(20, 100))
