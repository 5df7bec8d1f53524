"""What discounts take off the lines of subscriptions, interval by interval."""

import polars as pl

from schemas.bounds import MOST_MONEY
from transforms.clean.money import rounded

DISCOUNT = ("number", "line", "percent_off", "amount_off", "currency_off", "end", "is_each", "untold")
"""Columns of a discount beside a line that it is for: `number` tells discounts apart; `is_each`: whether its amount is
taken off each of its lines, and not off all of them together; `untold`: what no file tells of it, in words."""

PARTS = 10**6
"""So many parts of a minor unit tell how much of an amount a line bears."""
MOST_UNITS = 1_200
"""A discount for more units of time than this is none whose end is known."""
_SHORT = {"day": "d", "week": "w", "month": "mo", "year": "y"}


def named(coupon: pl.Expr, discount: pl.Expr | None = None) -> pl.Expr:
    """Whose a discount is, in words: its coupon's, or its own where it has none."""
    own = [] if discount is None else [pl.concat_str(pl.lit("the discount "), discount)]
    return pl.coalesce(pl.concat_str(pl.lit("the coupon "), coupon), *own, pl.lit("a discount without a coupon"))


def untold(whose: pl.Expr, is_limited: pl.Expr, way: str = "") -> pl.Expr:
    """What no file tells of a discount, in words: what it takes off (and a `way` to have it told), or till when."""
    takes_nothing = pl.all_horizontal(pl.col("percent_off", "amount_off").is_null())
    what = pl.concat_str(pl.lit("expected a file that tells what "), whose, pl.lit(f" takes off{way}"))
    limited = pl.lit(" takes something off, as it is for a limited time")
    till_when = pl.concat_str(pl.lit("expected a file that tells till when "), whose, limited)
    return pl.when(takes_nothing).then(what).when(is_limited & pl.col("end").is_null()).then(till_when)


def ends_after(begins: pl.Expr, units: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """The end of what lasts so many days, weeks, months or years; NULL where that is not told whole."""
    letters = unit.str.to_lowercase().replace_strict(_SHORT, default=None, return_dtype=pl.String)
    span = pl.when(units.is_between(1, MOST_UNITS)).then(pl.concat_str(units.cast(pl.String), letters))
    return begins.dt.offset_by(span)


def discounted(lines: pl.DataFrame, *levels: pl.DataFrame) -> pl.DataFrame:
    """By `line` the `discount_amount` in whole minor units and the `discount_end`, of lines that have a discount.

    And `untold`, what is wrong in words, of lines with a discount of which no file tells what it takes off, or till
    when it does though it is limited: without it they would silently be billed in full.
    `lines`: line, amount, currency, exported_at. `levels`: discounts that follow upon each other, those of the second
    taking from what the first left; of one level each takes its part of the full line.
    """
    left, taken = lines, []
    goes_on = pl.concat([_fitting(lines, discounts).filter(_is_on()).select("line") for discounts in levels]).unique()
    for discounts in levels:
        of_level = _taken(left, discounts, goes_on)
        taken.append(of_level)
        left = (
            left.join(of_level, on="line", how="left", maintain_order="left")
            .with_columns(pl.col("amount") - pl.col("discount_amount").fill_null(0))
            .select(lines.columns)
        )
    every = pl.concat(taken).group_by("line", maintain_order=True)
    return every.agg(
        pl.col("discount_amount").sum(), pl.col("discount_end").min(), pl.col("untold").drop_nulls().first()
    )


def _is_on() -> pl.Expr:
    return pl.col("end").is_null() | (pl.col("end") > pl.col("exported_at"))


def _fitting(lines: pl.DataFrame, discounts: pl.DataFrame) -> pl.DataFrame:
    """The discounts beside those of their lines that they may take something off."""
    # An amount takes nothing off another currency.
    fits = pl.col("amount_off").is_null() | (pl.col("currency_off") == pl.col("currency")).fill_null(value=True)
    return discounts.join(lines, on="line", how="inner", maintain_order="left").filter(
        fits & pl.col("amount").is_between(0, MOST_MONEY, closed="right")  # a greater line is rejected
    )


def _taken(lines: pl.DataFrame, discounts: pl.DataFrame, goes_on: pl.DataFrame) -> pl.DataFrame:
    """What one level takes.

    A share is of the line. An amount is of the line, or of all lines that the discount is for: these bear it in
    proportion, the greatest what doesn't divide. They end with the first of them, but for those that are over where
    one of any level `goes_on`. No line costs less than nothing.
    """
    joined = _fitting(lines, discounts).filter(_is_on() | ~pl.col("line").is_in(goes_on["line"].implode()))
    whole = pl.col("amount").sum().over("number")
    parts = ((pl.col("amount_off"), 1), (pl.col("amount"), PARTS), (whole, PARTS))
    # A decimal of all digits would not hold the product of two amounts.
    off, part, of_all = ((amount * tens).cast(pl.Int128) for amount, tens in parts)
    share = (off * part // of_all).cast(pl.Int64, strict=False)
    is_greatest = pl.struct("amount", "line").rank("ordinal", descending=True).over("number") == 1
    rest = rounded(pl.col("amount_off")) - pl.col("share").sum().over("number")
    shared = pl.col("share") + pl.when("is_greatest").then(rest).otherwise(0)
    return (
        joined.with_columns(share=share, is_greatest=is_greatest)
        .with_columns(
            by_amount=pl.when("is_each").then(rounded(pl.col("amount_off"))).otherwise(shared),
            by_share=rounded(pl.col("amount") * pl.col("percent_off") / 100),
        )
        .group_by("line", maintain_order=True)
        .agg(
            discount_amount=pl.sum_horizontal("by_share", "by_amount").sum(),
            discount_end=pl.col("end").min(),
            untold=pl.col("untold").drop_nulls().first(),
            most=pl.col("amount").first().cast(pl.Int64, strict=False),
        )
        .select("line", pl.min_horizontal("discount_amount", "most").alias("discount_amount"), "discount_end", "untold")
    )
