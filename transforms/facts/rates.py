"""Exchange rates as exact fractions, and money in the reporting currency."""

import polars as pl
from iso4217 import Currency

from transforms.refusals import UndefinedError

RATE_DENOMINATOR = 10**14
"""Rates carry ten decimals and currencies differ by at most four digits: every rate is a whole multiple of it."""


class MissingRateError(UndefinedError):
    """A closed month has no rate for a currency in service."""


def minor_digits(currency: str) -> int:
    """Decimal digits of a currency by ISO 4217 (a yen has none)."""
    return int(Currency(currency).exponent or 0)


def _whole_rate(known: pl.Expr, reporting: str, currencies: list[str]) -> pl.Expr:
    """Reporting minor units for one native minor unit, in multiples of 1 / RATE_DENOMINATOR."""
    tens = {code: 10 ** (4 + minor_digits(reporting) - minor_digits(code)) for code in currencies}
    own = pl.col("currency") == reporting
    per_unit = pl.when(own).then(pl.lit(10**10, pl.Int128)).otherwise((known * 10**10).cast(pl.Int128))
    return per_unit * pl.col("currency").replace_strict(tens, return_dtype=pl.Int64, default=None).cast(pl.Int128)


def monthly_rates(
    fx_rates: pl.DataFrame, in_service: pl.DataFrame, dim_month: pl.DataFrame, reporting: str
) -> pl.DataFrame:
    """One row per month and currency in service, with the rate at month end.

    `whole_rate` / RATE_DENOMINATOR reporting minor units for one native minor unit; `rate` is reporting units for one
    foreign unit, for people. In a month that is not over the last known rate speaks. `in_service` has month, currency.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency in service.
    """
    known = fx_rates.select("currency", rate_month="month", known="rate").sort("rate_month")
    wanted = (
        in_service.select("month", "currency").unique().join(dim_month.select("month", "is_provisional"), on="month")
    )
    matched = wanted.sort("month").join_asof(
        known, left_on="month", right_on="rate_month", by="currency", check_sortedness=False
    )
    usable = (pl.col("rate_month") == pl.col("month")) | pl.col("is_provisional")
    rated = matched.with_columns(
        whole_rate=_whole_rate(pl.when(usable).then(pl.col("known")), reporting, matched["currency"].unique().to_list())
    ).sort("month", "currency")
    missing = rated.filter(pl.col("whole_rate").is_null()).select("month", "currency").rows()
    if missing:
        named = ", ".join(f"{currency} in {month:%Y-%m}" for month, currency in missing[:12])
        raise MissingRateError(f"fx_rates has no rate for {named}; each currency in service needs one every month")
    own = pl.col("currency") == reporting
    return rated.select(
        "month", "currency", "whole_rate", rate=pl.when(own).then(1.0).otherwise(pl.col("known").cast(pl.Float64))
    )


def rates_so_far(fx_rates: pl.DataFrame, days: pl.DataFrame, reporting: str) -> pl.DataFrame:
    """`days` (month, currency) with `whole_rate`: the month's rate, or else the last before; NULL before the first.

    For asking only whether an amount is above zero, in months that may lie before the first rate.
    """
    known = fx_rates.select("currency", rate_month="month", known="rate").sort("rate_month")
    matched = days.sort("month").join_asof(
        known, left_on="month", right_on="rate_month", by="currency", check_sortedness=False
    )
    rate = _whole_rate(pl.col("known"), reporting, matched["currency"].unique().to_list())
    return matched.with_columns(whole_rate=rate).drop("rate_month", "known")


def rate_bounds(fx_rates: pl.DataFrame, currencies: pl.DataFrame, reporting: str) -> pl.DataFrame:
    """`currencies` (currency) with `least_rate` and `greatest_rate` of all its rates, as `whole_rate`; NULL without."""
    ends = fx_rates.group_by("currency").agg(least=pl.col("rate").min(), greatest=pl.col("rate").max())
    known = currencies.select("currency").unique().join(ends, on="currency", how="left")
    codes = known["currency"].to_list()
    return known.select(
        "currency",
        least_rate=_whole_rate(pl.col("least"), reporting, codes),
        greatest_rate=_whole_rate(pl.col("greatest"), reporting, codes),
    )


def rounded(numerator: pl.Expr, denominator: int) -> pl.Expr:
    """Nearest whole number to numerator / denominator, half away from zero."""
    magnitude = (2 * numerator.abs() + denominator) // (2 * denominator)
    return (magnitude * numerator.sign()).cast(pl.Int64)
