"""Sums that do not depend on the order of rows."""

import polars as pl

FRACTIONS = 2**40


def exact_sum(number: pl.Expr) -> pl.Expr:
    """Sum of numbers that does not depend on their order, as a sum of floats would: whole parts and fractions apart.

    Whole numbers are summed exactly; a fraction is taken to 2⁻⁴⁰.
    """
    whole, fractions = _parted(number)
    return _joined(whole.sum(), fractions.sum())


def parted_sums(name: str) -> list[pl.Expr]:
    """The exact sum of a column as two whole numbers, which can be added up further."""
    whole, fractions = _parted(pl.col(name))
    return [whole.sum().alias(f"{name}_whole"), fractions.sum().alias(f"{name}_fractions")]


def added(name: str) -> pl.Expr:
    """The exact sum of a column over rows that hold it as `parted_sums`."""
    return _joined(pl.col(f"{name}_whole").sum(), pl.col(f"{name}_fractions").sum()).alias(name)


def _parted(number: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    whole = number.floor()
    return whole.cast(pl.Int128), ((number - whole) * FRACTIONS).round().cast(pl.Int64)


def _joined(whole: pl.Expr, fractions: pl.Expr) -> pl.Expr:
    return whole.cast(pl.Float64) + fractions.cast(pl.Float64) / FRACTIONS
