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
    """To whole minor units, halves away from zero; of more than any table holds none."""
    half = pl.when(amount < 0).then(Decimal("-0.5")).otherwise(Decimal("0.5"))
    return (amount + half).cast(pl.Int64, strict=False)


def in_proportion(amount: pl.Expr, part: pl.Expr, of_all: pl.Expr) -> pl.Expr:
    """What part of all falls to an amount of minor units, rounded, halves away from zero; nothing of nothing.

    A decimal of all digits would not hold the product of two amounts.
    """
    one, other, all_of = (each.cast(pl.Int128, strict=False) for each in (amount, part, of_all))
    product = one * other * 2
    nearest = ((product.abs() + all_of.abs()) // (all_of.abs() * 2)).cast(pl.Int64, strict=False)
    is_below = (product < 0) != (all_of < 0)
    return pl.when(all_of != 0).then(pl.when(is_below).then(-nearest).otherwise(nearest))


def whole(amount: pl.Expr) -> pl.Expr:
    """An amount that must be whole minor units; another is none."""
    return pl.when(amount % 1 == 0).then(amount.cast(pl.Int64, strict=False))


def by_month(amount: pl.Expr, currency: pl.Expr, months: pl.Expr | int) -> pl.Expr:
    """What an amount of a term, in whole units, is by month in minor ones, rounded once, halves away from zero."""
    doubled = minor_units(amount.abs(), currency) * 2
    return ((doubled + months) // (2 * months)).cast(pl.Int64, strict=False) * pl.when(amount < 0).then(-1).otherwise(1)
