"""What Stripe billed for the items of subscriptions: the lines of its invoices, and the versions of items they tell.

Sources: Stripe's API reference (invoice lines, prorations); what dbt_stripe takes from lines for its report of MRR.
"""

import datetime as dt
from collections.abc import Callable, Mapping

import polars as pl

from schemas.bounds import MOST_UNITS
from schemas.customers import Export
from transforms.calendar import local_day
from transforms.clean.money import Amount, rounded
from transforms.clean.stripe_objects import StripePriced

Frames = Mapping[str, pl.DataFrame]
FROM = list(Export.dtypes())
START = "invoice_lines.period__start"
"""From when a line bills, and so from when a version speaks."""
ONE_OFF = ["invoiceitem", "invoice_item_details"]
SAYS = ("price", "quantity", "unit_amount", "line_amount")
"""In what two lines of an item differ where it became another one."""
OF_PRICE = tuple(name.removeprefix("price__") for name in StripePriced.dtypes() if name.startswith("price__"))
"""What lines and items say themselves of their price."""


def is_proration() -> pl.Expr:
    """Whether a line is for a part of a period."""
    details = ("subscription_item_details", "invoice_item_details")
    newer = (f"invoice_lines.parent__{name}__proration" for name in details)
    return pl.coalesce("invoice_lines.proration", *newer, pl.lit(value=False))


def is_one_off() -> pl.Expr:
    """Whether a line is of an item of the invoice's own, and of no subscription."""
    return pl.coalesce("invoice_lines.parent__type", "invoice_lines.type").is_in(ONE_OFF).fill_null(value=False)


def told_once(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines without old duplicates, which go by the id of their subscription beside the line itself."""
    is_old = pl.col("invoice_lines.id").str.starts_with("sub_")
    has_new = (~is_old & ~is_one_off()).any().over("invoice_lines.invoice")
    return lines.filter(~(is_old & has_new))


def last_lines(of: Frames) -> pl.DataFrame:
    """By item what its lines cost of the last invoice that is for a whole period, be it several, as of tiers."""
    told = told_once(of["invoice_lines"]).select(
        item=_item(),
        invoice="invoice_lines.invoice",
        end="invoice_lines.period__end",
        last_line_amount="invoice_lines.amount",
        is_part=is_proration(),
    )
    none = of["invoices"].filter(~_counts())
    whole = (
        told.drop_nulls("item")
        .filter(~pl.col("is_part"))
        .join(none, left_on="invoice", right_on="invoices.id", how="anti", maintain_order="left")
    )
    billed = whole.group_by("item", "invoice", "end").agg(pl.col("last_line_amount").sum())
    last = billed.sort("end", "invoice", nulls_last=False).unique("item", keep="last", maintain_order=True)
    return last.select("item", "last_line_amount")


def _item() -> pl.Expr:
    return pl.coalesce(
        "invoice_lines.subscription_item", "invoice_lines.parent__subscription_item_details__subscription_item"
    )


def _counts() -> pl.Expr:
    """Whether an invoice bills anything: none that is void, a draft, deleted or a test."""
    is_none = pl.col("invoices.status").is_in(["void", "draft"]).fill_null(value=False)
    is_live = pl.col("invoices.livemode").fill_null(value=True)
    return ~is_none & ~pl.col("invoices.is_deleted").fill_null(value=False) & is_live


def with_lines(of: Frames) -> pl.DataFrame:
    """The items that are listed, and a row for each period of an item that was billed, as the item was then.

    Several lines of one item, price and period, as of tiers, are one sum. Parts of a period are none, nor are lines of
    invoices that bill nothing or that no file has. A line has the account of its invoice; what it doesn't say of its
    price an item of that price does, if one is listed.
    """
    items = of["subscription_items"]
    listed = items.select("id", "created", "current_period_end", of_item="subscription", is_listed=pl.lit(value=True))
    billed = (
        _billed(of)
        .filter(~pl.col("is_part"))
        .group_by("id", "invoice", "price__id", START, maintain_order=True)
        .agg(
            pl.exclude("quantity", "net", "line_end").first(),
            pl.when(pl.col("quantity").count() > 0).then(pl.col("quantity").sum()).alias("quantity"),
            pl.when(pl.col("net").count() > 0).then(pl.col("net").sum()).alias("net"),
            pl.col("line_end").max(),
        )
        .join(listed, on="id", how="left", maintain_order="left")
        .with_columns(subscription=pl.coalesce("of_item", "subscription"))
    )
    known = items.sort("export_file", "export_line").drop_nulls("price__currency")
    of_items = known.unique("price__id", keep="last", maintain_order=True).select(
        "price__id", *(pl.col(f"price__{name}").alias(f"price__{name}?") for name in OF_PRICE)
    )
    priced = billed.join(of_items, on="price__id", how="left", maintain_order="left").with_columns(
        pl.coalesce(f"price__{name}", f"price__{name}?").alias(f"price__{name}") for name in OF_PRICE
    )
    told = priced.drop("of_item", "is_part", *(f"price__{name}?" for name in OF_PRICE))
    return pl.concat([items.with_columns(is_listed=pl.lit(value=True)), told], how="diagonal")


def _billed(of: Frames) -> pl.DataFrame:
    """One row per line of an item of a subscription, or part of a period of it, of invoices that bill something.

    `net` is what it costs without tax, and before discounts, where the line tells it apart.
    """
    quantity = pl.when(pl.col("invoice_lines.quantity").is_between(0, MOST_UNITS)).then("invoice_lines.quantity")
    by_unit = rounded(pl.col("invoice_lines.unit_amount_excluding_tax") * quantity).cast(Amount)
    details = "invoice_lines.pricing__price_details"
    own = {f"price__{name}": pl.col(f"invoice_lines.price__{name}") for name in OF_PRICE}
    invoices = of["invoices"].filter(_counts())
    return (
        told_once(of["invoice_lines"])
        .filter(_item().is_not_null() & pl.col(START).is_not_null() & (is_proration() | ~is_one_off()))
        .join(
            invoices.select("invoices.id", billed_to="invoices.customer", billed_at="invoices.created"),
            left_on="invoice_lines.invoice",
            right_on="invoices.id",
            how="inner",
            maintain_order="left",
        )
        .select(
            *(pl.col(f"invoice_lines.{name}").alias(name) for name in FROM),
            "billed_to",
            "billed_at",
            START,
            **own | {"price__product": pl.coalesce("invoice_lines.price__product", f"{details}__product")},
            id=_item(),
            invoice="invoice_lines.invoice",
            subscription=pl.coalesce(
                "invoice_lines.subscription", "invoice_lines.parent__subscription_item_details__subscription"
            ),
            price__id=pl.coalesce("invoice_lines.price__id", f"{details}__price", "invoice_lines.plan__id"),
            quantity="invoice_lines.quantity",
            net=pl.coalesce("invoice_lines.amount_excluding_tax", by_unit, "invoice_lines.amount"),
            line_end="invoice_lines.period__end",
            is_part=is_proration(),
        )
    )


def versions(rows: pl.DataFrame, of: Frames, zone: str) -> pl.DataFrame:
    """The versions of items: of priced rows `with_lines` those in which an item became another one.

    A version is a stretch of lines that say the same, from the day on which the first of them bills. The last version
    is the item as it is listed, and speaks from the first line that says the same; or from the part of a period in
    which it became so; else from the last whole day before the export (`seen_on`). An item that isn't listed any more
    was taken away: it has its lines alone, begins with the first and ends with the last of them, or with its
    subscription before that.
    """
    lines = _stretches(_costing(rows.drop_nulls(START)), zone)
    last = lines.group_by("id", maintain_order=True).last()
    beside = last.select("id", "day", *(pl.col(name).alias(f"last.{name}") for name in (START, *SAYS)))
    listed = (
        rows.filter(pl.col(START).is_null())
        .join(beside, on="id", how="left", maintain_order="left")
        .join(_changes(of), on="id", how="left", maintain_order="left")
    )
    same_units = pl.col("by_use") | pl.col("quantity").eq_missing(pl.col("last.quantity"))
    is_same = ((pl.col("price") == pl.col("last.price")) & same_units).fill_null(value=False)
    is_told = (
        (pl.col("change.start") > pl.col(f"last.{START}"))
        & (pl.col("price") == pl.col("change.price"))
        & pl.col("quantity").eq_missing(pl.col("change.quantity"))
    ).fill_null(value=False)
    seen_on = pl.max_horizontal(local_day(pl.col("exported_at"), zone) - dt.timedelta(days=1), "day")
    amounts = ("unit_amount", "line_amount")
    present = listed.with_columns(
        pl.when(is_same).then(f"last.{START}").when(is_told).then("change.start").alias(START),
        pl.when(~is_same & ~is_told & pl.col("day").is_not_null()).then(seen_on).alias("seen_on"),
        *(pl.when(is_same).then(f"last.{name}").otherwise(name).alias(name) for name in amounts),
        is_present=pl.lit(value=True),
    )
    since = present.select("id", since=valid_from(zone))
    former = lines.join(since, on="id", how="left", maintain_order="left").filter(
        pl.col("since").is_null() | (pl.col("day") < pl.col("since"))
    )
    columns = [*rows.columns, "seen_on", "is_present"]
    return pl.concat([present, former.with_columns(is_present=pl.lit(value=False))], how="diagonal").select(columns)


def valid_from(zone: str) -> pl.Expr:
    """First day of a version."""
    return pl.coalesce(local_day(pl.col(START), zone), "seen_on")


def _costing(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with what they cost: by unit where the price of one makes it, else in one sum.

    What is billed by use is as long the same as its price is. A line that costs nothing though its price does is of a
    trial, or of days that were given away, and tells of no price.
    """
    by_price = pl.col("units").fill_null(1) * pl.col("unit_amount")
    # A line is in whole minor units, and a price may have parts of one.
    agrees = ((by_price - pl.col("net")).abs() < 1).fill_null(pl.col("net").is_null())
    is_free = ~pl.col("by_use") & (pl.col("net") == 0) & (by_price > 0)
    return lines.filter(~is_free.fill_null(value=False)).with_columns(
        *(pl.when(~pl.col("by_use")).then(name).alias(name) for name in ("quantity", "units")),
        unit_amount=pl.when(pl.col("by_use") | agrees).then("unit_amount"),
        line_amount=pl.when(~pl.col("by_use") & ~agrees).then("net"),
    )


def _stretches(lines: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The first lines of stretches that say the same, each with its `day`; of an item's lines of one day the last made.

    Of items that were taken away with the life that lines tell.
    """
    by_start = lines.sort("id", START, "billed_at", "invoice").with_columns(day=local_day(pl.col(START), zone))
    of_days = by_start.unique(["id", "day"], keep="last", maintain_order=True)
    is_first = pl.int_range(pl.len()).over("id") == 0
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift().over("id")) for name in SAYS)
    is_gone = pl.col("is_listed").is_null()
    begins = pl.max_horizontal("subscriptions.start_date", pl.col(START).min().over("id"))
    ends = pl.min_horizontal("subscriptions.ended_at", pl.col("line_end").max().over("id"))
    return of_days.with_columns(
        pl.when(is_gone).then(begins).otherwise("subscriptions.start_date").alias("subscriptions.start_date"),
        pl.when(is_gone).then(ends).otherwise("subscriptions.ended_at").alias("subscriptions.ended_at"),
        pl.coalesce("subscriptions.customer", "billed_to").alias("subscriptions.customer"),
    ).filter(is_first | differs)


def _changes(of: Frames) -> pl.DataFrame:
    """By item the last part of a period that was charged: what it is from then on, though not what it costs."""
    charged = _billed(of).filter(pl.col("is_part") & (pl.col("net") > 0)).sort(START, "billed_at", "invoice")
    last = charged.unique("id", keep="last", maintain_order=True)
    told = {"start": START, "price": "price__id", "quantity": "quantity"}
    return last.select("id", *(pl.col(column).alias(f"change.{name}") for name, column in told.items()))


def at_each_change(rows: pl.DataFrame, zone: str, discounted: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """The versions with their discounts, which the items of a subscription bear together as they are at the time.

    So an item gets another version where another one of its subscription changed and the discount is borne otherwise.
    `rows` have the first day of each item and the first without it (`begins_on`, `ends_on`); `discounted` gives the
    discounts of items as they are at one time.
    """
    is_first = pl.int_range(pl.len()).over("id") == 0
    by_day = rows.with_columns(own=valid_from(zone)).sort("id", "own", nulls_last=False, maintain_order=True)
    since = pl.when(is_first).then("begins_on").otherwise(pl.max_horizontal("own", "begins_on"))
    of_days = by_day.with_columns(since=since).with_columns(following=pl.col("since").shift(-1).over("id"))
    # What was replaced before service began never speaks.
    spoken = of_days.filter((pl.col("following") > pl.col("since")).fill_null(value=True))
    moments = spoken.select("subscription", moment="since").unique(maintain_order=True)
    turns = moments.with_columns(turn=pl.col("moment").rank("dense").over("subscription"))
    until = pl.min_horizontal("following", "ends_on")
    is_on = (pl.col("moment") > pl.col("since")) & (until.is_null() | (pl.col("moment") < until))
    shown = spoken.join(turns, on="subscription", how="inner", nulls_equal=True, maintain_order="left").filter(
        pl.col("moment").eq_missing(pl.col("since")) | is_on.fill_null(value=False)
    )
    told = pl.concat([discounted(turn) for turn in shown.partition_by("turn", maintain_order=True) or [shown]])
    parts = ("since", "discount_amount", "discount_end")
    again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift().over("id")) for name in parts)
    is_own = pl.int_range(pl.len()).over("id", "since") == 0
    kept = told.sort("id", "moment", maintain_order=True).filter(is_own | ~again)
    is_cut = (pl.col("moment") > pl.col("since")).fill_null(value=False)
    return kept.with_columns(
        pl.when(~is_cut).then(START).alias(START),
        seen_on=pl.when(is_cut).then("moment").otherwise("seen_on"),
    )
