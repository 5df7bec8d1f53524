"""What Recurly bills each interval: the plans and add-ons of subscriptions, version by version, and what they cost."""

from collections.abc import Mapping

import polars as pl

from schemas.customers import Export
from transforms.clean.money import Amount, minor_units

Frames = Mapping[str, pl.DataFrame]
NEVER_SERVED = ["future", "failed"]
TIERS = ["tiered", "stairstep", "volume"]
PLAN = "plan"
"""The item that a subscription's plan is; its add-ons have ids of their own."""
INTERVALS = {"days": "day", "months": "month"}
FROM = list(Export.dtypes())


def newest(rows: pl.DataFrame, prefix: str = "") -> pl.DataFrame:
    """Of each object its last version."""
    ordered = rows.sort(f"{prefix}version_at", nulls_last=False, maintain_order=True)
    return ordered.unique(f"{prefix}id", keep="last", maintain_order=True)


def newest_of(of: Frames, name: str) -> pl.DataFrame:
    """The last versions of objects of another kind than the first."""
    return newest(of[name], f"{name}.")


def lines(of: Frames) -> pl.DataFrame:
    """One row for each version of each line of the subscriptions that served, with its price and its interval.

    An add-on's versions are its own; of the subscription it has what the last version says. Prices with tax, prices by
    billing cycle and prices by tiers are none of the line: it is then without one, and so rejected.
    """
    served = newest(of["subscriptions"]).filter(~pl.col("state").is_in(NEVER_SERVED))
    kept = of["subscriptions"].join(served, on="id", how="semi", maintain_order="left")
    every = pl.concat([_plans(pl.concat([kept, _changed(kept, of)])), _add_ons(served, of)], how="diagonal")
    ramped = of["ramps"].select(subscription="ramps.subscription", is_ramped=pl.lit(value=True)).unique()
    plans = newest_of(of, "plans")
    rows = (
        every.join(_lives(served), on="subscription", how="left", maintain_order="left")
        .join(ramped, on="subscription", how="left", maintain_order="left")
        .join(plans, left_on="plan__id", right_on="plans.id", how="left", maintain_order="left")
    )
    has_tax = pl.col("tax_inclusive").fill_null(value=False)
    is_unpriced = has_tax | pl.col("is_ramped").fill_null(value=False) | pl.col("is_tiered").fill_null(value=False)
    return rows.with_columns(
        price=pl.when(~is_unpriced).then("own_price"),
        interval=pl.col("plans.interval_unit").replace(INTERVALS),
        called=pl.coalesce("add_on_name", "plans.name", "plan__name", "plan__id"),
    )


def _lives(served: pl.DataFrame) -> pl.DataFrame:
    """By subscription what is the same in all its versions, as the last says it: `life.` before each name."""
    told = ["state", "created_at", "activated_at", "canceled_at", "expires_at", "current_term_ends_at", "auto_renew"]
    names = [*told, "remaining_billing_cycles", "exported_at"]
    return served.select(subscription="id", **{f"life.{name}": name for name in names})


def _plans(versions: pl.DataFrame) -> pl.DataFrame:
    return versions.with_columns(
        subscription="id",
        item=pl.lit(PLAN),
        units="quantity",
        own_price="unit_amount",
        told_at=pl.coalesce("version_at", "exported_at"),
    )


def _changed(kept: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """Versions of before the first that is kept, as the changes that took effect by then tell them.

    What a change is still to bring, or would have brought, is none. Where no versions are kept only the present counts.
    """
    first = kept.drop_nulls("version_at").sort("version_at").unique("id", keep="first", maintain_order=True)
    changes = newest_of(of, "changes").filter(
        pl.col("changes.activated").fill_null(value=False) & pl.col("changes.deleted_at").is_null()
    )
    before = first.join(changes, left_on="id", right_on="changes.subscription_id", how="inner").filter(
        pl.col("changes.activate_at") < pl.col("version_at")
    )
    told = before.with_columns(
        version_at="changes.activate_at",
        plan__id=pl.coalesce("changes.plan__id", "plan__id"),
        unit_amount=pl.coalesce(
            minor_units(pl.col("changes.unit_amount"), pl.col("currency")).cast(Amount), "unit_amount"
        ),
        quantity=pl.coalesce("changes.quantity", "quantity"),
    )
    return told.select(kept.columns)


def _add_ons(served: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The add-ons, each with what the last version of its subscription says of it."""
    name = "add_ons"
    own = of[name].join(
        newest_of(of, "plan_add_ons"),
        left_on=f"{name}.add_on__id",
        right_on="plan_add_ons.id",
        how="left",
        maintain_order="left",
    )
    beside = own.join(
        served.drop(*FROM, "version_at", "quantity", "unit_amount"),
        left_on=f"{name}.subscription",
        right_on="id",
        how="inner",
        maintain_order="left",
    )
    unit = pl.coalesce(f"{name}.unit_amount_decimal", f"{name}.unit_amount")
    kind = pl.coalesce(f"{name}.add_on__add_on_type", "plan_add_ons.add_on_type")
    by_use = pl.when(pl.col(f"{name}.usage_type").is_not_null()).then(statement=True)
    called = [f"{name}.add_on__name", "plan_add_ons.name", f"{name}.add_on__code", "plan_add_ons.code"]
    called += [f"{name}.add_on__id", f"{name}.id"]
    # An add-on that was taken away says so in its last version.
    last = pl.col(f"{name}.expired_at").last().over(f"{name}.id", order_by=f"{name}.version_at")
    return beside.with_columns(
        *(pl.col(f"{name}.{column}").alias(column) for column in FROM),
        subscription=f"{name}.subscription",
        item=f"{name}.id",
        version_at=f"{name}.version_at",
        units=f"{name}.quantity",
        own_price=minor_units(unit, pl.col("currency")).cast(Amount),
        add_on_name=pl.coalesce(*called),
        by_use=pl.coalesce(kind == "usage", by_use),
        is_tiered=pl.coalesce(f"{name}.tier_type", "plan_add_ons.tier_type").is_in(TIERS),
        added_at=f"{name}.created_at",
        gone_at=last,
        told_at=f"{name}.exported_at",
    )
