"""Amounts as vendors tell them, in whole units or in minor ones, and how they are rounded."""

from decimal import Decimal

import polars as pl

from schemas.currencies import MINOR_DIGITS

Amount = pl.Decimal(38, 12)
_TENS = {code: 10**digits for code, digits in MINOR_DIGITS.items()}


def minor_units(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """An amount in whole units of a currency in its minor units by ISO 4217; of no known currency it is none."""
    return amount * currency.str.to_uppercase().replace_strict(_TENS, default=None, return_dtype=pl.Int64)


def rounded(amount: pl.Expr) -> pl.Expr:
    """To whole minor units, halves away from zero."""
    return (amount + pl.when(amount < 0).then(Decimal("-0.5")).otherwise(Decimal("0.5"))).cast(pl.Int64)


def whole(amount: pl.Expr) -> pl.Expr:
    """An amount that must be whole minor units; another is none."""
    return pl.when(amount % 1 == 0).then(amount.cast(pl.Int64))
