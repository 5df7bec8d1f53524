"""Money at a rate: exact whatever the digits, rounded once; held against fractions."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.billing import FxRates
from schemas.bounds import MOST_MONEY, MOST_RATE
from schemas.currencies import CODES, MINOR_DIGITS, WITHDRAWN_SINCE
from tests.frames import months
from transforms.facts.rates import (
    RATE_DENOMINATOR,
    MissingRateError,
    at_rate,
    minor_digits,
    monthly_rates,
    sum_at_rates,
)

RATES = st.decimals(min_value=Decimal("1e-20"), max_value=MOST_RATE, places=20)
AMOUNTS = st.integers(-MOST_MONEY, MOST_MONEY)
SCALES = st.sampled_from([1, 12, 84, 12 * 7 * 11 * 13, 10**9])


def half_away(number: Fraction) -> int:
    """Nearest whole number; a half goes away from zero."""
    whole = (2 * abs(number.numerator) + number.denominator) // (2 * number.denominator)
    return whole if number >= 0 else -whole


def capped(cents: int) -> int:
    """What is beyond the bound stays just beyond it, where it is refused by name."""
    return max(-MOST_MONEY - 1, min(MOST_MONEY + 1, cents))


def frame(*rows: tuple[int, Decimal]) -> pl.DataFrame:
    whole = [int(Fraction(rate) * RATE_DENOMINATOR) for _, rate in rows]
    return pl.DataFrame(
        {"amount": [amount for amount, _ in rows], "rate": whole}, schema={"amount": pl.Int128, "rate": pl.Int128}
    )


@given(AMOUNTS, RATES, SCALES)
@example(MOST_MONEY, Decimal(MOST_RATE), 1)
@example(-MOST_MONEY, Decimal(MOST_RATE), 10**9)
@example(-1, Decimal("0.5"), 1)
@example(1, Decimal("0.49999999999999999999"), 1)
def test_an_amount_at_a_rate_is_its_nearest_cent(amount: int, rate: Decimal, scale: int) -> None:
    found = frame((amount, rate)).select(at_rate(pl.col("amount"), pl.col("rate"), scale)).item()
    assert found == capped(half_away(Fraction(amount) * Fraction(rate) / scale))


@given(st.lists(st.tuples(AMOUNTS, RATES), min_size=1, max_size=6), SCALES)
@example([(3, Decimal("0.5")), (-3, Decimal("0.5"))], 1)
@example([(1, Decimal("0.25")), (1, Decimal("0.25"))], 1)
def test_a_sum_of_amounts_at_rates_is_rounded_once(rows: list[tuple[int, Decimal]], scale: int) -> None:
    found = frame(*rows).select(sum_at_rates(pl.col("amount"), pl.col("rate"), scale)).item()
    exact = sum((Fraction(amount) * Fraction(rate) for amount, rate in rows), Fraction(0)) / scale
    assert found == capped(half_away(exact))


def test_ten_thousand_amounts_at_the_bounds_of_amount_rate_and_interval_do_not_wrap() -> None:
    """Each is 10¹⁵ of a foreign unit at 10⁹: told to be beyond the bound, never a small or negative number."""
    at_the_bounds = frame(*[(MOST_MONEY * 10**9, Decimal(MOST_RATE))] * 10_000)
    assert at_the_bounds.select(sum_at_rates(pl.col("amount"), pl.col("rate"), 10**9)).item() == MOST_MONEY + 1
    below = at_the_bounds.select(sum_at_rates(pl.col("amount") * -1, pl.col("rate"), 10**9)).item()
    assert below == -MOST_MONEY - 1


@pytest.mark.parametrize(
    ("code", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("HRK", 2), ("BYR", 0), ("ITL", 0), ("LTL", 2), ("CLF", 4)]
)
def test_a_currency_has_the_minor_digits_that_the_standard_gives_or_gave_it(code: str, digits: int) -> None:
    assert minor_digits(code) == digits


def test_currencies_that_were_withdrawn_are_known_and_those_that_never_were_are_not() -> None:
    withdrawn = {"HRK", "BGN", "ANG", "ZWL", "SLL", "MRO", "VEF", "STD", "BYR", "LTL", "LVL", "EEK", "CUC"}
    assert withdrawn <= set(CODES)
    assert not {"AAA", "XYZ", "EUO", "eur", "Eur", ""} & set(CODES)


def test_a_currency_in_force_is_not_among_those_withdrawn() -> None:
    assert not {"EUR", "USD", "GBP", "JPY", "CHF", "SEK", "PLN", "CZK", "DKK", "XCG", "SLE"} & set(WITHDRAWN_SINCE)
    assert WITHDRAWN_SINCE["HRK"] == dt.date(2023, 1, 1)
    assert set(MINOR_DIGITS.values()) == {0, 2, 3, 4}


@pytest.mark.parametrize(("number", "end"), [(11, "USD in 2023-11"), (12, "USD in 2023-12"), (14, "and 2 more")])
def test_of_many_rates_that_are_missing_the_first_twelve_are_named_and_the_others_counted(
    number: int, end: str
) -> None:
    dim_month = months("2023-01", "2024-12").head(number)
    in_service = dim_month.select("month", currency=pl.lit("USD"))
    with pytest.raises(MissingRateError, match=r"USD in 2023-01, USD in 2023-02, ") as fault:
        monthly_rates(FxRates.blank(), in_service, dim_month, "EUR")
    named = str(fault.value).partition("; each currency")[0]
    assert named.endswith(end)
    assert named.count("USD in ") == min(number, 12)
