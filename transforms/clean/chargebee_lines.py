"""What Chargebee bills each interval: the lines of subscriptions of both product catalogues, and what they cost."""

from collections.abc import Mapping

import polars as pl

from schemas.customers import Export
from transforms.clean.money import Amount, minor_units, whole

Frames = Mapping[str, pl.DataFrame]
TIERS = ["tiered", "volume", "stairstep"]
"""Pricing models in which no unit has a price of its own."""
INTERVALS = ["day", "week", "month", "year"]
FROM = list(Export.dtypes())


def lines(of: Frames) -> pl.DataFrame:
    """One row for each line of the subscriptions that began, with its price.

    In catalogue 2.0 these are the items, in 1.0 the plan and the addons: which of them is told by which is there. What
    is billed once is none. A subscription of which no line is told is a row without a price, so that it is rejected,
    unless it was deleted.
    """
    there = _that_began(of["subscriptions"])
    every = pl.concat([_items(of), _addons(of)], how="diagonal")
    alone = there.join(_items(of), left_on="id", right_on="subscription", how="anti", maintain_order="left")
    plans = _plans(alone)
    told = pl.concat([every, plans], how="diagonal")
    untold = there.filter(is_there()).join(
        told, left_on="id", right_on="subscription", how="anti", maintain_order="left"
    )
    lacking = untold.select(*FROM, subscription="id")
    whole_life = there.drop(FROM)
    rows = (
        pl.concat([plans, every, lacking], how="diagonal")
        .join(whole_life, left_on="subscription", right_on="id", how="inner", maintain_order="left")
        .join(_catalogue(of), on=["sold_as", "price"], how="left", maintain_order="left")
        .join(_metered_prices(of), on="price", how="left", maintain_order="left")
    )
    part = pl.coalesce("part", "catalogue.part")
    once = (part == "charge") | pl.col("is_once") | (pl.col("catalogue.charge_type") == "non_recurring")
    recurring = rows.filter(~once.fill_null(value=False)).with_columns(part=part)
    # Items have no id. A subscription's plan stays its plan when another price is chosen for it; all else is named by
    # its price, and what has the same name again is told apart by its place.
    called = pl.when(pl.col("part") == "plan").then(pl.lit("plan")).otherwise("price")
    again = pl.int_range(pl.len()).over("subscription", "called")
    named = pl.when(again == 0).then("called").otherwise(pl.concat_str("called", pl.lit("#"), again + 1))
    return _priced(recurring.with_columns(called=called).with_columns(item=named).drop("called"))


def _that_began(subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Without those that are still to begin, and those that were cancelled before they did."""
    began = pl.any_horizontal(pl.col("started_at", "activated_at").is_not_null())
    never = (pl.col("status") == "future") | ((pl.col("status") == "cancelled") & ~began)
    return subscriptions.filter(~never)


def is_there() -> pl.Expr:
    """Whether an object was not deleted."""
    return ~pl.col("deleted").fill_null(value=False)


def _items(of: Frames) -> pl.DataFrame:
    """Of catalogue 2.0."""
    name = "subscription_items"
    once = pl.col(f"{name}.charge_once").fill_null(value=False) | pl.col(f"{name}.charge_on_event").is_not_null()
    return of[name].select(
        *_from(name),
        subscription=f"{name}.subscription",
        sold_as=pl.lit("item"),
        price=f"{name}.item_price_id",
        part=f"{name}.item_type",
        is_once=once,
        number=_number(f"{name}.quantity"),
        free=_number(f"{name}.free_quantity"),
        used=f"{name}.metered_quantity",
        own_trial_end=f"{name}.trial_end",
        **_amounts(f"{name}.unit_price", f"{name}.amount"),
    )


def _plans(subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Of catalogue 1.0: what the subscriptions themselves say."""
    return subscriptions.filter(pl.col("plan_id").is_not_null()).select(
        *FROM,
        subscription="id",
        sold_as=pl.lit("plan"),
        price="plan_id",
        part=pl.lit("plan"),
        number=_number("plan_quantity"),
        free=_number("plan_free_quantity"),
        **_amounts("plan_unit_price", "plan_amount"),
    )


def _addons(of: Frames) -> pl.DataFrame:
    """Of catalogue 1.0."""
    name = "subscription_addons"
    return of[name].select(
        *_from(name),
        subscription=f"{name}.subscription",
        sold_as=pl.lit("addon"),
        price=f"{name}.addon",
        part=pl.lit("addon"),
        number=_number(f"{name}.quantity"),
        own_trial_end=f"{name}.trial_end",
        **_amounts(f"{name}.unit_price", f"{name}.amount"),
    )


def _from(name: str) -> list[pl.Expr]:
    return [pl.col(f"{name}.{column}").alias(column) for column in FROM]


def _number(quantity: str) -> pl.Expr:
    return pl.coalesce(f"{quantity}_in_decimal", pl.col(quantity).cast(Amount))


def _amounts(unit: str, amount: str) -> dict[str, pl.Expr]:
    told = {"unit_price": unit, "amount": amount}
    return {
        **{name: pl.col(column) for name, column in told.items()},
        **{f"{name}_in_decimal": pl.col(f"{column}_in_decimal") for name, column in told.items()},
    }


def _catalogue(of: Frames) -> pl.DataFrame:
    """What is said of prices, plans and addons where they are sold: by `sold_as` and `price`."""
    prices = of["item_prices"].join(
        of["items"], left_on="item_prices.item_id", right_on="items.id", how="left", maintain_order="left"
    )
    sold = [
        prices.select(
            pl.lit("item").alias("sold_as"),
            pl.col("item_prices.id").alias("price"),
            pl.col("item_prices.item_type").alias("catalogue.part"),
            pl.coalesce("item_prices.external_name", "item_prices.name", "items.external_name", "items.name").alias(
                "catalogue.name"
            ),
            pl.coalesce("item_prices.metered", "items.metered").alias("catalogue.metered"),
            *_said_of("item_prices", "pricing_model", "period", "period_unit"),
        ),
        of["plans"].select(
            pl.lit("plan").alias("sold_as"),
            pl.col("plans.id").alias("price"),
            *_said_of("plans", "name", "pricing_model"),
        ),
        of["addons"].select(
            pl.lit("addon").alias("sold_as"),
            pl.col("addons.id").alias("price"),
            *_said_of("addons", "name", "pricing_model", "charge_type", "period", "period_unit"),
        ),
    ]
    return pl.concat(sold, how="diagonal")


def _said_of(name: str, *columns: str) -> list[pl.Expr]:
    return [pl.col(f"{name}.{column}").alias(f"catalogue.{column}") for column in columns]


def _metered_prices(of: Frames) -> pl.DataFrame:
    """The prices that lines of invoices tell to be billed by use."""
    told = of["invoice_lines"].filter(pl.col("invoice_lines.metered").fill_null(value=False))
    named = told.select(price="invoice_lines.entity_id").drop_nulls().unique("price", maintain_order=True)
    return named.with_columns(is_metered_in_invoices=pl.lit(value=True))


def _priced(rows: pl.DataFrame) -> pl.DataFrame:
    """The lines with units, unit_amount, line_amount, and the interval that these are for.

    Units that are free are not billed. By tiers no unit has a price, and the line costs what the subscription says of
    it; so does a line without a price of a unit, and one of an unknown pricing model whose amount is another than its
    units make. A number of units with decimals is one unit, of all of them.
    """
    currency, model = pl.col("currency_code"), pl.col("catalogue.pricing_model")
    unit = pl.coalesce(minor_units(pl.col("unit_price_in_decimal"), currency), "unit_price")
    amount = pl.coalesce(whole(minor_units(pl.col("amount_in_decimal"), currency)), whole(pl.col("amount")))
    billed = (
        pl.when(model == "flat_fee").then(1).otherwise(_not_below_zero(pl.col("number") - pl.col("free").fill_null(0)))
    )
    is_part = (billed % 1 != 0).fill_null(value=False)
    made = (unit * billed.fill_null(1)).cast(Amount)
    by_line = model.is_in(TIERS).fill_null(value=False) | unit.is_null() | (model.is_null() & (amount != made))
    of_price = pl.col("catalogue.period_unit").is_in(INTERVALS).fill_null(value=False)
    own_period = of_price & (pl.col("part") != "plan").fill_null(value=True)
    by_line = by_line.fill_null(value=False)
    return rows.with_columns(
        units=pl.when(is_part).then(1).otherwise(whole(billed.cast(Amount))),
        seats_given=whole(pl.col("number")),
        unit_amount=pl.when(~by_line).then(pl.when(is_part).then(made).otherwise(unit)),
        line_amount=pl.when(by_line).then(amount),
        is_metered_price=pl.coalesce(
            "catalogue.metered",
            "is_metered_in_invoices",
            pl.when(pl.col("used").is_not_null()).then(statement=True),
        ),
        interval=pl.when(own_period).then("catalogue.period_unit").otherwise("billing_period_unit"),
        interval_count=pl.when(own_period).then("catalogue.period").otherwise("billing_period"),
    )


def _not_below_zero(number: pl.Expr) -> pl.Expr:
    return pl.when(number < 0).then(0).otherwise(number)
