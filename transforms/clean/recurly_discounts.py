"""Recurly's coupons: what they take off the lines of subscriptions."""

import polars as pl

from transforms.clean.discounted import DISCOUNT, discounted, ends_after, named, untold
from transforms.clean.recurly_lines import Frames, newest, newest_of

ONCE = "single_use"
FREE = "free_trial"


def with_discounts(rows: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The lines with what coupons take off each, interval by interval; what is given once takes nothing.

    Of a line's versions those have a discount that were not over when the coupon was redeemed.
    """
    redeemed = _redeemed(of)
    keyed = rows.with_row_index("line").with_columns(pl.col("line").cast(pl.String))
    following = pl.col("version_at").shift(-1).over("subscription", "item", order_by="version_at")
    bill = keyed.with_columns(until=following).select(
        *("line", "subscription", "item", "plan__id", "version_at", "until", "exported_at"),
        currency=pl.col("currency").str.to_uppercase(),
        amount=(pl.col("units").fill_null(1) * pl.col("price")).fill_null(0),
    )
    billed = _billed_together(bill.join(redeemed, on="subscription", how="semi", maintain_order="left"))
    applied = _applied(redeemed, billed, of).select(*DISCOUNT)
    taken = discounted(billed.select("line", "amount", "currency", "exported_at"), applied)
    own = billed.filter("is_own").select("line", "bearer").join(taken, on="line", how="inner", maintain_order="left")
    return keyed.join(own.drop("line"), left_on="line", right_on="bearer", how="left", maintain_order="left").drop(
        "line"
    )


def _billed_together(bill: pl.DataFrame) -> pl.DataFrame:
    """Each version of a line (`bearer`) beside those of the subscription's other lines that hold when it begins.

    An item that came later stands there with its first version: when it came may not be told.
    """
    first = pl.col("version_at").min().over("subscription", "item")
    bearers = bill.select("subscription", bearer="line", borne_by="item", at="version_at", over_at="until")
    pairs = bearers.join(bill.with_columns(first=first), on="subscription", how="inner", maintain_order="left")
    since = (pl.col("version_at") <= pl.col("at")) | (pl.col("version_at") == pl.col("first"))
    holds = (pl.col("item") != pl.col("borne_by")) & since.fill_null(value=True)
    lasts = (pl.col("until") > pl.col("at")).fill_null(value=True)
    is_own = pl.col("line") == pl.col("bearer")
    kept = pairs.filter(is_own | (holds & lasts)).with_columns(is_own=is_own)
    return kept.with_columns(line=pl.concat_str("bearer", pl.lit("/"), "line"))


def _redeemed(of: Frames) -> pl.DataFrame:
    """One row per coupon of a subscription that takes something off each invoice: its own, or its account's.

    A coupon says what it takes off where it is defined; of one that is in no file nobody knows what that is. One for
    some time ends so long after it was redeemed.
    """
    all_known = newest_of(of, "redemptions")
    by_name = of["subscription_redemptions"].join(
        all_known, left_on="subscription_redemptions.id", right_on="redemptions.id", how="left", maintain_order="left"
    )
    own = by_name.select(
        redemption="subscription_redemptions.id",
        subscription="subscription_redemptions.subscription",
        coupon=pl.coalesce("subscription_redemptions.coupon__id", "redemptions.coupon__id"),
        state=pl.coalesce("redemptions.state", "subscription_redemptions.state"),
        created_at=pl.coalesce("redemptions.created_at", "subscription_redemptions.created_at"),
        removed_at="redemptions.removed_at",
    )
    rest = all_known.select(
        redemption="redemptions.id",
        subscription="redemptions.subscription_id",
        account="redemptions.account__id",
        **{name: f"redemptions.{name}" for name in ("state", "created_at", "removed_at")},
        coupon="redemptions.coupon__id",
    ).join(own, on="redemption", how="anti", maintain_order="left")
    of_account = rest.filter(pl.col("subscription").is_null()).drop("subscription")
    accounts = newest(of["subscriptions"]).select(subscription="id", account="account__id")
    shared = of_account.join(accounts, on="account", how="inner", maintain_order="left")
    alone = rest.drop_nulls("subscription")
    every = pl.concat([own, alone, shared], how="diagonal").unique(["redemption", "subscription"], maintain_order=True)
    is_on = (pl.col("state") == "active").fill_null(value=True) & pl.col("removed_at").is_null()
    known = every.filter(is_on).join(
        newest_of(of, "coupons"), left_on="coupon", right_on="coupons.id", how="left", maintain_order="left"
    )
    recurs = (pl.col("coupons.duration") != ONCE).fill_null(value=True)
    end = ends_after(pl.col("created_at"), pl.col("coupons.temporal_amount"), pl.col("coupons.temporal_unit"))
    told = known.filter(recurs).with_columns(end=pl.when(_is_limited()).then(end))
    return told.with_row_index("redeemed").drop("redemption")


def _is_limited() -> pl.Expr:
    return (pl.col("coupons.duration") == "temporal").fill_null(value=False)


def _applied(redeemed: pl.DataFrame, billed: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The coupons beside each line that they are for: an amount is off all lines of a subscription together."""
    said = of["coupon_discounts"].select(
        coupon="coupon_discounts.coupon",
        percentage="coupon_discounts.percentage",
        amount_off="coupon_discounts.amount",
        currency_off=pl.col("coupon_discounts.currency").str.to_uppercase(),
    )
    shares = said.drop_nulls("percentage").unique("coupon", maintain_order=True).select("coupon", "percentage")
    amounts = said.drop_nulls(["amount_off", "currency_off"]).drop("percentage")
    plans = of["coupon_plans"].select(coupon="coupon_plans.coupon", plan__id="coupon_plans.plan").unique()
    beside = (
        redeemed.join(billed.drop("exported_at"), on="subscription", how="inner", maintain_order="left")
        .join(shares, on="coupon", how="left", maintain_order="left")
        .join(
            amounts.unique(["coupon", "currency_off"], maintain_order=True).with_columns(currency="currency_off"),
            on=["coupon", "currency"],
            how="left",
            maintain_order="left",
        )
        .join(amounts.select("coupon", has_amounts=pl.lit(value=True)).unique(), on="coupon", how="left")
        .join(plans.with_columns(is_named=pl.lit(value=True)), on=["coupon", "plan__id"], how="left")
    )
    fits = pl.col("coupons.applies_to_all_plans").fill_null(value=True) | pl.col("is_named").fill_null(value=False)
    speaks = (pl.col("over_at") > pl.col("created_at")).fill_null(value=True)
    percent = pl.coalesce("coupons.discount__percent", "percentage")
    some = percent.is_not_null() | pl.col("amount_off").is_not_null()
    # An amount in other currencies takes nothing off this one, and a free trial nothing at all.
    is_known = pl.col("has_amounts").fill_null(value=False) | (pl.col("coupons.discount__type") == FREE).fill_null(
        value=False
    )
    number = pl.struct("redeemed", "bearer").rank("dense").cast(pl.Int64)
    applied = beside.filter(fits & speaks & (some | ~is_known)).with_columns(percent_off=percent, number=number)
    return applied.with_columns(is_each=pl.lit(value=False), untold=untold(named(pl.col("coupon")), _is_limited()))
