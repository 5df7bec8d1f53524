"""Chargebee's discounts and coupons: what they take off which lines of a subscription."""

import polars as pl

from transforms.clean.chargebee_lines import Frames
from transforms.clean.discounted import DISCOUNT, discounted, ends_after, named, untold

OF_ITEMS = ["specific_item_price", "each_specified_item", "specified_items_total"]
"""Ways to apply a discount that take it off certain items, before others take from the whole invoice."""
EACH = ["specific_item_price", "each_specified_item"]


def with_discounts(rows: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The lines with what discounts take off each, interval by interval; what is given once takes nothing.

    Those of items come first, those of the whole invoice take from what is left.
    """
    units = pl.col("units").fill_null(1)
    keyed = rows.with_row_index("line").with_columns(pl.col("line").cast(pl.String))
    bill = keyed.select(
        "line",
        "subscription",
        "price",
        "part",
        "exported_at",
        currency=pl.col("currency_code").str.to_uppercase(),
        amount=pl.coalesce("line_amount", units * pl.col("unit_amount")).fill_null(0),
    )
    applied = _applied(_discounts(of), bill, of)
    of_items = pl.col("apply_on").is_in(OF_ITEMS)
    levels = [applied.filter(level).select(*DISCOUNT) for level in (of_items, ~of_items)]
    taken = discounted(bill.select("line", "amount", "currency", "exported_at"), *levels)
    return keyed.join(taken, on="line", how="left", maintain_order="left").drop("line")


def _discounts(of: Frames) -> pl.DataFrame:
    """One row per discount of a subscription that recurs, be it given by itself or by a coupon.

    A coupon says what it takes off where it is defined; of one that is in no file nobody knows what that is. One for a
    limited time ends when it says so, or so long after it was given as it says; when a coupon was given is not told
    where it stands by its id alone.
    """
    own = of["discounts"].select(
        subscription="discounts.subscription",
        coupon="discounts.coupon_id",
        percent_off="discounts.percentage",
        amount_off="discounts.amount",
        currency_off="discounts.currency_code",
        duration="discounts.duration_type",
        apply_on="discounts.apply_on",
        only_price="discounts.item_price_id",
        end="discounts.apply_till",
        discount="discounts.id",
        given_at="discounts.created_at",
        period="discounts.period",
        period_unit="discounts.period_unit",
    )
    listed = of["subscription_coupons"].select(
        subscription="subscription_coupons.subscription",
        coupon="subscription_coupons.coupon_id",
        end="subscription_coupons.apply_till",
    )
    single = of["subscriptions"].select(subscription="id", coupon="coupon").drop_nulls()
    keys = ["subscription", "coupon"]
    both = pl.concat([listed, single.join(listed, on=keys, how="anti", maintain_order="left")], how="diagonal")
    of_coupons = both.drop_nulls("coupon").join(own, on=keys, how="anti", maintain_order="left")
    given = pl.concat([own, of_coupons], how="diagonal")
    coupons = of["coupons"].select(
        coupon="coupons.id",
        percent_off="coupons.discount_percentage",
        amount_off="coupons.discount_amount",
        currency_off="coupons.currency_code",
        duration="coupons.duration_type",
        apply_on="coupons.apply_on",
        limit=pl.coalesce("coupons.period", "coupons.duration_month"),
        limit_unit=pl.when(pl.col("coupons.period").is_null()).then(pl.lit("month")).otherwise("coupons.period_unit"),
    )
    said = [name for name in coupons.columns if name not in {"coupon", "limit", "limit_unit"}]
    beside = given.join(
        coupons.rename({name: f"{name}?" for name in said}), on="coupon", how="left", maintain_order="left"
    )
    # What a discount takes off it says itself, or else its coupon does: not the share of one and the amount of another.
    some = pl.any_horizontal(pl.col("percent_off", "amount_off").is_not_null())
    every = beside.with_columns(
        pl.when(some).then(name).otherwise(pl.coalesce(name, f"{name}?")).alias(name) for name in said
    ).drop(f"{name}?" for name in said)
    recurs = (pl.col("duration") != "one_time").fill_null(value=True)
    is_limited = (pl.col("duration") == "limited_period").fill_null(value=False)
    ends = [
        ends_after(pl.col("given_at"), *map(pl.col, of)) for of in (("period", "period_unit"), ("limit", "limit_unit"))
    ]
    end = pl.coalesce("end", pl.when(is_limited).then(pl.coalesce(ends)))
    told = every.filter(recurs).with_columns(end=end)
    whose = named(pl.col("coupon"), pl.col("discount"))
    return told.with_columns(untold=untold(whose, is_limited)).with_row_index("number").cast({"number": pl.Int64})


def _applied(discounts: pl.DataFrame, bill: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The discounts beside each line that they are for, or may be: of some nobody tells which items they are for."""
    said = _constraints(of)
    beside = (
        discounts.join(
            bill.select("line", "subscription", "price", "part"), on="subscription", how="inner", maintain_order="left"
        )
        .join(said, on=["coupon", "part"], how="left", maintain_order="left")
        .join(said.select("coupon", is_said=pl.lit(value=True)).unique(), on="coupon", how="left")
    )
    is_named = pl.col("ids").str.contains(pl.concat_str(pl.lit('"'), "price", pl.lit('"')), literal=True)
    fits = (pl.col("which") == "all") | ((pl.col("which") == "specific") & is_named)
    is_for = (
        pl.when(pl.col("apply_on") == "specific_item_price")
        .then(pl.col("only_price") == pl.col("price"))
        .when(pl.col("apply_on").is_in(OF_ITEMS))
        .then(fits)
        .otherwise((pl.col("apply_on") == "invoice_amount").fill_null(value=True))
    )
    is_open = pl.col("is_said").is_null() | (pl.col("which") == "criteria")
    is_unknown = (
        pl.when(pl.col("apply_on") == "specific_item_price")
        .then(pl.col("only_price").is_null())
        .when(pl.col("apply_on").is_in(OF_ITEMS))
        .then(is_open | ((pl.col("which") == "specific") & pl.col("ids").is_null()))
        .fill_null(value=False)
    )
    whose = named(pl.col("coupon"), pl.col("discount"))
    for_which = pl.concat_str(pl.lit("expected a file that tells which items "), whose, pl.lit(" is for"))
    return beside.filter(is_for.fill_null(value=False) | is_unknown).with_columns(
        untold=pl.coalesce("untold", pl.when(is_unknown).then(for_which)),
        apply_on=pl.col("apply_on").fill_null("invoice_amount"),
        currency_off=pl.col("currency_off").str.to_uppercase(),
        is_each=pl.col("apply_on").is_in(EACH).fill_null(value=False),
    )


def _constraints(of: Frames) -> pl.DataFrame:
    """By coupon and part of subscriptions (plan, addon) which items the coupon is for."""
    listed = of["coupon_constraints"].select(
        coupon="coupon_constraints.coupon",
        part="coupon_constraints.item_type",
        which="coupon_constraints.constraint",
        ids="coupon_constraints.item_price_ids",
    )
    own = [
        of["coupons"].select(
            coupon="coupons.id", part=pl.lit(part), which=f"coupons.{part}_constraint", ids=f"coupons.{part}_ids"
        )
        for part in ("plan", "addon")
    ]
    said = pl.concat([listed, *own]).drop_nulls(["coupon", "part", "which"])
    return said.unique(["coupon", "part"], keep="first", maintain_order=True)
