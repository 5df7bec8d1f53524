"""Which facts are kept: those filed in the months, and those that were filed earlier and are not over by the first."""

import datetime as dt

import polars as pl


def filed(
    rows: pl.DataFrame, dim_month: pl.DataFrame, computed_from: dt.date | None, later: pl.Expr | None = None
) -> pl.DataFrame:
    """The rows whose `month` is one of the months.

    With the first computed month (`computed_from`, if it is among them) go those of earlier months of which something
    falls into it or comes later: `later` is the last day that anything of a row names; None keeps them all.
    """
    in_months = rows.join(dim_month.select("month"), on="month", how="semi")
    if computed_from is None:
        return in_months
    is_kept = pl.lit(value=True) if later is None else (later >= computed_from).fill_null(value=False)
    return pl.concat([in_months, rows.filter((pl.col("month") < computed_from) & is_kept)])
