"""Billing intervals: how long they are, and how people say them."""

import polars as pl

from transforms.template import filled

MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}


def interval() -> pl.Expr:
    """The billing interval as people say it, one way for one length: month, quarter, 6 months, year, 2 weeks.

    Days and weeks stay what they are: MRR has 52 weeks a year and 365 days.
    """
    unit, count = pl.col("interval_unit"), pl.col("interval_count").fill_null(1)
    months = count * unit.replace_strict(MONTHS, default=0, return_dtype=pl.Int64)
    is_years = (months > 0) & (months % MONTHS["year"] == 0)
    in_years, in_months = months // MONTHS["year"], pl.lit("month")
    number = pl.when(months == 0).then(count).when(is_years).then(in_years).otherwise(months)
    told = pl.when(months == 0).then(unit).when(is_years).then(pl.lit("year")).otherwise(in_months)
    several = pl.when(number == 1).then(told).otherwise(filled("{} {}s", number, told))
    return pl.when(months == MONTHS["quarter"]).then(pl.lit("quarter")).otherwise(several)
