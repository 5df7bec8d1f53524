"""Amounts: rounded once, halves away from zero, however great."""

from decimal import Decimal

import polars as pl
import pytest

from transforms.clean.money import Amount, by_month, in_proportion, minor_units, rounded, whole

GREATEST = 10**15


def of(expression: pl.Expr, **values: object) -> object:
    return pl.DataFrame({name: [value] for name, value in values.items()}).select(expression).item()


@pytest.mark.parametrize(
    ("amount", "part", "of_all", "told"),
    [
        (100, 1, 3, 33),
        (100, 2, 3, 67),
        (5, 1, 2, 3),  # two and a half
        (-5, 1, 2, -3),
        (5, -1, -2, 3),
        (5, 1, 0, None),
        (None, 1, 2, None),
        (GREATEST, GREATEST - 1, GREATEST, GREATEST - 1),
    ],
)
def test_a_part_falls_to_an_amount_in_proportion(amount: int | None, part: int, of_all: int, told: int | None):
    values = {name: value and Decimal(value) for name, value in (("a", amount), ("p", part), ("w", of_all))}
    frame = pl.DataFrame(values, schema=dict.fromkeys(values, Amount))
    assert frame.select(in_proportion(pl.col("a"), pl.col("p"), pl.col("w"))).item() == told


@pytest.mark.parametrize(("amount", "told"), [("0.5", 1), ("-0.5", -1), ("1.499999999999", 1), ("2", 2)])
def test_halves_are_rounded_away_from_zero(amount: str, told: int):
    assert of(rounded(pl.col("a").cast(Amount)), a=amount) == told


def test_an_amount_with_a_part_of_a_minor_unit_is_none():
    assert of(whole(pl.col("a").cast(Amount)), a="10.5") is None
    assert of(whole(pl.col("a").cast(Amount)), a="10") == 10


@pytest.mark.parametrize(("currency", "told"), [("EUR", 1250), ("jpy", 12.5), ("KWD", 12500), ("???", None)])
def test_minor_units_are_those_of_the_currency(currency: str, told: float | None):
    assert of(minor_units(pl.col("a"), pl.col("c")), a=12.5, c=currency) == told


def test_a_terms_amount_is_divided_by_its_months_once():
    # 100.00 in 12 months are 833.33 cents a month; the half of an odd cent is a whole one.
    assert of(by_month(pl.col("a").cast(Amount), pl.lit("EUR"), 12), a="100") == 833
    assert of(by_month(pl.col("a").cast(Amount), pl.lit("EUR"), 2), a="0.01") == 1
    assert of(by_month(pl.col("a").cast(Amount), pl.lit("EUR"), 2), a="-0.01") == -1
