"""Sums that do not depend on the order of rows."""

import polars as pl

FRACTIONS = 2**40


def exact_sum(number: pl.Expr) -> pl.Expr:
    """Sum of numbers that does not depend on their order, as a sum of floats would: whole parts and fractions apart.

    Whole numbers are summed exactly; a fraction is taken to 2⁻⁴⁰.
    """
    whole = number.floor()
    fractions = ((number - whole) * FRACTIONS).round().cast(pl.Int64)
    return whole.cast(pl.Int128).sum().cast(pl.Float64) + fractions.sum().cast(pl.Float64) / FRACTIONS
