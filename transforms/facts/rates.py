"""Exchange rates as exact fractions, and money in the reporting currency."""

import datetime as dt

import polars as pl

from schemas.bounds import MOST_MONEY, MOST_RATE
from schemas.currencies import MINOR_DIGITS, WITHDRAWN_SINCE
from transforms.refusals import UndefinedError

DECIMALS = 20
"""Decimals of a rate as it is read: more than a DOUBLE can tell of any rate above 0.001."""
SHIFT = 4
"""Currencies differ by at most so many minor digits."""
RATE_DENOMINATOR: int = 10 ** (DECIMALS + SHIFT)
"""Every rate between minor units is a whole multiple of 1 / RATE_DENOMINATOR."""
LIMB = 10**12
"""RATE_DENOMINATOR is LIMB²: an amount × a rate outgrows 128 bits, an amount × a third of the rate's digits doesn't."""
NAMED = 12
"""So many rates that are missing are named."""
MOST_OF_ALL = 2**63 - 1
"""What the sum of a month's accounts may come to: published sums have 64 bits."""


class MissingRateError(UndefinedError):
    """A closed month has no rate for a currency in service."""

    lacks = "fx_rates"


class TooMuchError(UndefinedError):
    """Money beyond what any company has: an amount or a rate is wrong."""


def minor_digits(currency: str) -> int:
    """Decimal digits of a currency by ISO 4217, in force or withdrawn (a yen has none)."""
    return MINOR_DIGITS[currency]


def _whole_rate(known: pl.Expr, reporting: str, currencies: list[str]) -> pl.Expr:
    """Reporting minor units for one native minor unit, in multiples of 1 / RATE_DENOMINATOR."""
    tens = {code: 10 ** (SHIFT + minor_digits(reporting) - minor_digits(code)) for code in currencies}
    own = pl.col("currency") == reporting
    # A decimal's own digits: to multiply it by ten outgrows its 38.
    per_unit = pl.when(own).then(pl.lit(10**DECIMALS, pl.Int128)).otherwise(known.to_physical())
    return per_unit * pl.col("currency").replace_strict(tens, return_dtype=pl.Int64, default=None).cast(pl.Int128)


def monthly_rates(
    fx_rates: pl.DataFrame, in_service: pl.DataFrame, dim_month: pl.DataFrame, reporting: str
) -> pl.DataFrame:
    """One row per month and currency in service, with the rate at month end.

    `whole_rate` / RATE_DENOMINATOR reporting minor units for one native minor unit; `rate` is reporting units for one
    foreign unit, for people. In a month that is not over the last known rate speaks, and so it does of a currency that
    is withdrawn: nobody rates it any more. `in_service` has month, currency.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency in service.
        TooMuchError: a rate between minor units, which may have fewer digits, is beyond the bound of rates.
    """
    rated = known_rates(fx_rates, in_service, dim_month, reporting)
    missing = rated.filter(pl.col("whole_rate").is_null()).select("month", "currency").rows()
    if missing:
        named = ", ".join(f"{currency} in {month:%Y-%m}" for month, currency in missing[:NAMED])
        named += f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise MissingRateError(f"fx_rates has no rate for {named}; each currency in service needs one every month")
    return rated


def known_rates(
    fx_rates: pl.DataFrame, in_service: pl.DataFrame, dim_month: pl.DataFrame, reporting: str
) -> pl.DataFrame:
    """The same; where a closed month lacks the rate of a currency, `whole_rate` is NULL.

    For what is told beside the metrics, and so is unknown rather than a reason to stop.
    """
    known = fx_rates.select("currency", rate_month="month", known="rate").sort("rate_month")
    wanted = (
        in_service.select("month", "currency").unique().join(dim_month.select("month", "is_provisional"), on="month")
    )
    matched = wanted.sort("month").join_asof(
        known, left_on="month", right_on="rate_month", by="currency", check_sortedness=False
    )
    since = pl.col("currency").replace_strict(WITHDRAWN_SINCE, return_dtype=pl.Date, default=None)
    is_withdrawn = (pl.col("month") >= since).fill_null(value=False)
    usable = (pl.col("rate_month") == pl.col("month")) | pl.col("is_provisional") | is_withdrawn
    rated = matched.with_columns(
        whole_rate=_whole_rate(pl.when(usable).then(pl.col("known")), reporting, matched["currency"].unique().to_list())
    ).sort("month", "currency")
    if (
        beyond := rated.filter(pl.col("whole_rate") > MOST_RATE * RATE_DENOMINATOR)["currency"]
        .unique()
        .sort()
        .to_list()
    ):
        raise TooMuchError(f"fx_rates: a rate of {', '.join(beyond)} is more than {MOST_RATE:.0e} between minor units")
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


def in_parts(amount: pl.Expr, rate: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Amount × rate as three whole numbers, of LIMB², of LIMB and of 1; each may be summed by itself."""
    whole = amount.cast(pl.Int128)
    return whole * (rate // LIMB**2), whole * (rate // LIMB % LIMB), whole * (rate % LIMB)


def joined(parts: tuple[pl.Expr, pl.Expr, pl.Expr]) -> tuple[pl.Expr, pl.Expr]:
    """What `in_parts` gives, or sums of it, as (whole, rest): whole + rest / RATE_DENOMINATOR, 0 ≤ rest below 1."""
    high, middle, low = parts
    carried = middle + low // LIMB
    return high + carried // LIMB, carried % LIMB * LIMB + low % LIMB


def at_rate(amount: pl.Expr, rate: pl.Expr, scale: int | pl.Expr = 1) -> pl.Expr:
    """Reporting cents of an amount in 1 / scale minor units: exact, rounded once, half away from zero."""
    return _nearest(joined(in_parts(amount, rate)), scale)


def sum_at_rates(amount: pl.Expr, rate: pl.Expr, scale: int | pl.Expr = 1) -> pl.Expr:
    """The same of a sum of amounts, each at its rate: the sum is exact, and rounded once."""
    high, middle, low = in_parts(amount, rate)
    return _nearest(joined((high.sum(), middle.sum(), low.sum())), scale)


def _nearest(exact: tuple[pl.Expr, pl.Expr], scale: int | pl.Expr) -> pl.Expr:
    """Nearest whole number to (whole + rest / RATE_DENOMINATOR) / scale, half away from zero."""
    whole, rest = exact
    unit = (pl.lit(scale) if isinstance(scale, int) else scale).cast(pl.Int128)
    up = (2 * whole + unit + 2 * rest // RATE_DENOMINATOR) // (2 * unit)
    down = (unit - 2 * whole - (2 * rest + RATE_DENOMINATOR - 1) // RATE_DENOMINATOR) // (2 * unit)
    return _as_cents(pl.when(whole < 0).then(down * -1).otherwise(up))


def rounded(numerator: pl.Expr, denominator: int) -> pl.Expr:
    """Nearest whole number to numerator / denominator, half away from zero."""
    magnitude = (2 * numerator.abs() + denominator) // (2 * denominator)
    return _as_cents(magnitude * numerator.sign())


def _as_cents(whole: pl.Expr) -> pl.Expr:
    # What is beyond the bound stays beyond it, for `refuse_too_much` to tell.
    return whole.clip(-MOST_MONEY - 1, MOST_MONEY + 1).cast(pl.Int64)


def refuse_too_much(rows: pl.DataFrame, what: str, *columns: str) -> pl.DataFrame:
    """The rows themselves, unless some money of theirs is beyond what any company has.

    Raises:
        TooMuchError: naming what it is of, and the first month.
    """
    beyond = rows.filter(pl.any_horizontal(pl.col(columns).abs() > MOST_MONEY))
    if beyond.is_empty():
        sums = rows.group_by("month").agg(pl.col(columns).abs().cast(pl.Int128).sum())
        beyond = sums.filter(pl.any_horizontal(pl.col(columns) > MOST_OF_ALL))
    if beyond.is_empty():
        return rows
    first: dt.date = beyond["month"].min()  # type: ignore[assignment]
    raise TooMuchError(
        f"{what} of {first:%Y-%m} comes to more than {MOST_MONEY:.0e} minor units of the reporting currency, or "
        "to more than 64 bits hold; an amount or a rate is wrong"
    )
