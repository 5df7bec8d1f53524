"""Stripe's discounts: what they take off the items of subscriptions."""

from collections.abc import Mapping

import polars as pl

from transforms.clean.discounted import DISCOUNT, discounted, named, untold

Frames = Mapping[str, pl.DataFrame]
TAKEN = ("percent_off", "amount_off", "currency", "duration")
"""What coupons say of themselves."""
DISCOUNTS = ("discounts", "item_discounts", "expanded_item_discounts", "invoice_discounts", "known_discounts")
"""Kinds of objects in which a discount may stand whole, so that another may name it by its id alone."""
WAY = (
    ": export subscriptions with data.discounts and data.items.data.discounts expanded, or give invoices that have "
    "it whole, or a file of discounts"
)


def with_discounts(rows: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The items with what discounts take off each, interval by interval; a discount that is given once is none.

    Those of items come first, those of the subscription take from what is left. An amount is of the one item, or of
    the whole subscription. Of several discounts each takes its part of the full line.
    """
    told = pl.coalesce("line_amount", pl.col("units").fill_null(1) * pl.col("unit_amount"))
    lines = rows.select("subscription", "exported_at", "currency", line="id", amount=told)
    known = _known(of)
    own = _taking(_told_of(_of_items(of), known), of).join(lines.select("line"), on="line", maintain_order="left")
    shared = _taking(_of_subscriptions(of, known), of).join(
        lines.select("subscription", "line"), on="subscription", maintain_order="left"
    )
    taken = discounted(lines, own.select(DISCOUNT), shared.select(DISCOUNT))
    return rows.join(taken.rename({"line": "id"}), on="id", how="left", maintain_order="left")


def _taking(given: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """Those of the discounts that recur, with what they take off, which the coupon says where the discount doesn't.

    One is given once where its coupon says so; of a coupon that is in no file nobody knows.
    """
    coupons = of["coupons"].select(coupon="coupons.id", **{f"{name}?": f"coupons.{name}" for name in TAKEN})
    told = given.join(coupons, on="coupon", how="left", maintain_order="left").with_columns(
        pl.coalesce(name, f"{name}?").alias(name) for name in TAKEN
    )
    recurs = (pl.col("duration") != "once").fill_null(value=True)
    is_bare = pl.col("coupon").is_null()
    whose, is_limited = named(pl.col("coupon"), pl.col("discount")), pl.lit(value=False)
    return (
        told.filter(recurs)
        .with_row_index("number")
        .with_columns(
            # An amount of no known currency is off no line.
            currency_off=pl.col("currency").str.to_uppercase().fill_null(""),
            is_each=pl.lit(value=False),
            untold=pl.when(is_bare).then(untold(whose, is_limited, WAY)).otherwise(untold(whose, is_limited)),
        )
    )


def _known(of: Frames) -> pl.DataFrame:
    """One row per discount that stands whole somewhere: discount, coupon, what it takes off (TAKEN), end."""
    whole = [_told_in(of, name).select("discount", *_SAID) for name in DISCOUNTS]
    single = [_single(of[name], name, pl.lit(None, pl.String)).select("discount", *_SAID) for name in _HOLDERS]
    return pl.concat([*whole, *single]).drop_nulls("discount").filter(_says()).unique("discount", keep="first")


_SAID = ("coupon", *TAKEN, "end")
_HOLDERS = ("subscriptions", "customers")


def _says() -> pl.Expr:
    return pl.any_horizontal(pl.col("coupon", "percent_off", "amount_off").is_not_null())


def _told_in(of: Frames, name: str, **whose: str) -> pl.DataFrame:
    """The discounts of a kind of objects, and `whose` they are."""
    return of[name].select(
        discount=f"{name}.id",
        coupon=pl.coalesce(f"{name}.coupon__id", f"{name}.source__coupon"),
        end=f"{name}.end",
        **{each: f"{name}.coupon__{each}" for each in TAKEN},
        **{each: f"{name}.{column}" for each, column in whose.items()},
    )


def _told_of(given: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The discounts with what is told of them elsewhere, where they say nothing of themselves."""
    elsewhere = known.rename({name: f"{name}!" for name in _SAID})
    joined = given.join(elsewhere, on="discount", how="left", maintain_order="left")
    told = joined.with_columns(
        pl.when(_says()).then(name).otherwise(pl.coalesce(name, f"{name}!")).alias(name) for name in _SAID
    )
    return told.select(given.columns)


def _of_items(of: Frames) -> pl.DataFrame:
    """One row per discount of an item alone, be it named by its id."""
    text = pl.col("discounts")
    are_ids = text.str.contains(r'^\s*\[\s*"')
    found = (
        pl.when(are_ids).then(text.str.extract_all(r'"[^"]+"')).otherwise(text.str.extract_all(r'"id":\s*"di_[^"]+"'))
    )
    listed = of["subscription_items"].select(line="id", discount=found).explode("discount").drop_nulls()
    plain = listed.with_columns(pl.col("discount").str.extract(r'"([^"]+)"$'))
    by_table = _told_in(of, "item_discounts", line="item")
    every = pl.concat([by_table, plain], how="diagonal").drop_nulls("line")
    return every.filter(_says() | pl.col("discount").is_not_null())


def _of_subscriptions(of: Frames, known: pl.DataFrame) -> pl.DataFrame:
    """One row per discount of a subscription: as a list, or the single one of older versions; else its customer's."""
    subscriptions = of["subscriptions"]
    single = _single(subscriptions, "subscriptions", subscriptions["subscriptions.id"])
    listed = _told_of(_told_in(of, "discounts", subscription="subscription"), known)
    listed = listed.filter(_says() | pl.col("discount").is_not_null())
    # The one that is listed by its id is the one that stands beside the list.
    nameless = single.filter(pl.col("discount").is_null())["subscription"].implode()
    is_single = ~_says() & pl.col("subscription").is_in(nameless) & (pl.len().over("subscription") == 1)
    listed = listed.filter(~is_single)
    own = pl.concat([listed, single.join(listed, on="subscription", how="anti", maintain_order="left")], how="diagonal")
    customers = subscriptions.join(
        of["customers"], left_on="subscriptions.customer", right_on="customers.id", how="inner", maintain_order="left"
    )
    of_customers = _single(customers, "customers", customers["subscriptions.id"])
    rest = of_customers.join(own, on="subscription", how="anti", maintain_order="left")
    return pl.concat([own, rest], how="diagonal")


def _single(rows: pl.DataFrame, prefix: str, subscription: pl.Series | pl.Expr) -> pl.DataFrame:
    """The discounts that stand on objects themselves."""
    taken = {name: f"{prefix}.discount__coupon__{name}" for name in TAKEN}
    told = rows.select(
        subscription=subscription,
        discount=f"{prefix}.discount__id",
        coupon=f"{prefix}.discount__coupon__id",
        end=f"{prefix}.discount__end",
        **taken,
    )
    return told.filter(_says())
