"""Amounts of whole terms as what they are by month."""

import polars as pl

from schemas.currencies import MINOR_DIGITS


def by_month(amount: pl.Expr, currency: pl.Expr, months: pl.Expr | int) -> pl.Expr:
    """What an amount in whole units is by month in minor ones, rounded once, halves away from zero."""
    tens = currency.replace_strict(
        {code: 10**digits for code, digits in MINOR_DIGITS.items()}, default=None, return_dtype=pl.Int64
    )
    whole = (amount.abs() * tens * 2 + months) // (2 * months)
    return whole.cast(pl.Int64, strict=False) * pl.when(amount < 0).then(-1).otherwise(1)
