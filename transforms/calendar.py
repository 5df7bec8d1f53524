"""Months and days in the reporting time zone."""

import datetime as dt
from itertools import pairwise

import polars as pl

from schemas.config import Finance


def next_month(month: dt.date) -> dt.date:
    """First day of the month after."""
    return (month.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def month_of(day: dt.date) -> dt.date:
    """First day of the day's month."""
    return day.replace(day=1)


def add_months(month: dt.date, count: int) -> dt.date:
    """First day of the month `count` months later (earlier, if negative)."""
    index = month.year * 12 + month.month - 1 + count
    return dt.date(index // 12, index % 12 + 1, 1)


def months_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """First days of the months from `first` through `last`."""
    span = (last.year - first.year) * 12 + last.month - first.month
    return [add_months(first, count) for count in range(span + 1)]


def contiguous(months: list[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """The months' unbroken stretches, as (first, last)."""
    ordered = sorted(set(months))
    if not ordered:
        return []
    breaks = [(a, b) for a, b in pairwise(ordered) if next_month(a) != b]
    return list(zip([ordered[0], *(b for _, b in breaks)], [*(a for a, _ in breaks), ordered[-1]], strict=True))


def calendar(months: list[dt.date], as_of: dt.date) -> pl.DataFrame:
    """One row per month: month, month_end, next_month, is_provisional, as in `dim_month`.

    Each ends on its last day or on `as_of`, whichever is earlier.
    """
    ends = [(month, next_month(month), next_month(month) - dt.timedelta(days=1)) for month in months]
    rows = [(month, min(last_day, as_of), following, as_of < last_day) for month, following, last_day in ends]
    schema = {"month": pl.Date, "month_end": pl.Date, "next_month": pl.Date, "is_provisional": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def gross_margins(months: list[dt.date], finance: Finance) -> pl.DataFrame:
    """One row per month: month, gross_margin, the last that the config gives from a month on; NULL before the first."""
    margins = sorted(finance.gross_margin, key=lambda margin: margin.month)
    known = [(month, [margin.share for margin in margins if margin.month <= month]) for month in months]
    rows = [(month, shares[-1] if shares else None) for month, shares in known]
    return pl.DataFrame(rows, schema={"month": pl.Date, "gross_margin": pl.Float64}, orient="row")


def local_day(instant: pl.Expr, time_zone: str) -> pl.Expr:
    """Day of a UTC instant in the reporting time zone."""
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone).dt.date()


def month_start(day: pl.Expr) -> pl.Expr:
    """First day of a day's month."""
    return day.dt.truncate("1mo")
