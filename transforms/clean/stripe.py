"""Stripe (billing): what its objects mean, whoever wrote them down.

Sources: Stripe's API reference (subscriptions, prices, invoices, credit notes, currencies); what dbt_stripe decided.
"""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.form import EPOCH, Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from transforms.calendar import local_day
from transforms.clean import stripe_objects as stripe
from transforms.clean.linking import domain_of
from transforms.clean.money import Amount, in_proportion, whole
from transforms.clean.stripe_discounts import DISCOUNTS, with_discounts
from transforms.clean.stripe_lines import (
    at_each_change,
    is_one_off,
    is_proration,
    last_lines,
    told_once,
    valid_from,
    versions,
    with_lines,
)

Frames = Mapping[str, pl.DataFrame]
WHOLE_UNITS = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
THOUSANDTHS = ["BHD", "JOD", "KWD", "OMR", "TND"]
HUNDREDTHS = ["ISK", "UGX"]
"""Sent in hundredths, though ISO 4217 gives them no decimals."""
NEVER_SERVED = ["incomplete", "incomplete_expired"]


class StripeOptions(BaseModel):
    """What the config may say of a source of Stripe's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    versions: Literal["snapshots", "invoices"] = Field(
        "snapshots",
        description="What tells how quantities and prices of items came to be what they are: the exports that were "
        "landed day by day, or the lines of invoices",
    )
    amount_is: Literal["unit", "line"] = Field(
        "unit", description="Whether the Amount of subscriptions.csv is that of one unit, or of the whole line"
    )
    crm_id: str | None = Field(
        None, description="Field of a customer with the CRM's account id, like metadata.crm_id or crm_id (metadata)"
    )


def subscription_items(of: Frames, told: Told) -> Filled:
    """Each item with its price, its subscription's life, and its share of the discounts that recur.

    Where the config says so, version by version, as the lines of invoices tell them: the discounts are in all of them
    those that the subscription has now, as no line tells which of its former ones recurred.
    """
    if told.options is not None and told.options.versions == "invoices":
        return _with_versions(of, told)
    return _as_told(with_discounts(_priced(of["subscription_items"], of, told), of), told.time_zone)


def _with_versions(of: Frames, told: Told) -> Filled:
    """The same, with the versions of items; of a former one no end of a term is known, as it has had several."""
    zone = told.time_zone
    rows = versions(_priced(with_lines(of), of, told), of, zone).with_columns(
        begins_on=local_day(_begins(), zone), ends_on=local_day(_ends(), zone)
    )
    present = _as_told(at_each_change(rows, zone, lambda items: with_discounts(items, of)), zone)
    term = pl.when("is_present").then(present.columns["term_ends_on"])
    return Filled(present.rows, {**present.columns, "valid_from": valid_from(zone), "term_ends_on": term})


def _begins() -> pl.Expr:
    """When service began: with the subscription, or when an item was added to it later."""
    added = pl.when(pl.col("created") > pl.col("subscriptions.created") + pl.duration(days=1)).then("created")
    return pl.coalesce(added, "subscriptions.start_date", "subscriptions.created")


def _ends() -> pl.Expr:
    """When service ended, or is going to."""
    is_over = pl.col("subscriptions.status") == "canceled"
    return pl.coalesce(
        "subscriptions.ended_at",
        pl.when(is_over).then("subscriptions.canceled_at"),
        "subscriptions.cancel_at",
        pl.when("subscriptions.cancel_at_period_end").then(_period_end()),
    )


def _as_told(rows: pl.DataFrame, zone: str) -> Filled:
    is_paused = pl.col("subscriptions.pause_collection__behavior").is_not_null()
    return Filled(
        rows,
        {
            "subscription_id": pl.col("subscription"),
            "item_id": pl.col("id"),
            "account_id": pl.col("subscriptions.customer"),
            "plan": pl.coalesce("nickname", "products.name", "price"),
            "quantity": pl.col("units"),
            "seats": pl.col("quantity"),
            "unit_amount": pl.col("unit_amount"),
            "line_amount": whole(pl.col("line_amount")),
            "currency": pl.col("currency"),
            "interval_unit": pl.col("interval"),
            "interval_count": pl.col("interval_count"),
            "discount_amount": pl.col("discount_amount"),
            "discount_ends_on": _day("discount_end", zone),
            "trial_started_on": _day("subscriptions.trial_start", zone),
            "trial_ends_on": _day("subscriptions.trial_end", zone),
            "is_metered": _told_of("recurring__usage_type", "usage_type") == "metered",
            "started_on": local_day(_begins(), zone),
            "ended_on": local_day(_ends(), zone),
            "cancel_requested_on": _day("subscriptions.canceled_at", zone),
            "term_ends_on": local_day(_period_end(), zone),
            # When a pause began is told nowhere: it is first known from the export that shows it.
            "paused_from": pl.when(is_paused)
            .then(local_day(pl.col("exported_at"), zone))
            .when(pl.col("subscriptions.status") == "paused")
            .then(_day("subscriptions.trial_end", zone)),
            "paused_until": _day("subscriptions.pause_collection__resumes_at", zone),
        },
        {"discount_amount": pl.col("untold")},
    )


def _period_end() -> pl.Expr:
    return pl.coalesce("current_period_end", "subscriptions.current_period_end")


def _day(instant: str, zone: str) -> pl.Expr:
    return local_day(pl.col(instant), zone)


def _priced(items: pl.DataFrame, of: Frames, told: Told) -> pl.DataFrame:
    """Those of the items whose subscriptions served, each with what it costs, from where Stripe's versions tell it.

    Where no unit has a price (tiers), the last line of an invoice for a whole period tells the line's.
    """
    of_subscriptions = items.join(
        of["subscriptions"], left_on="subscription", right_on="subscriptions.id", how="left", maintain_order="left"
    )
    serve = ~pl.col("subscriptions.status").is_in(NEVER_SERVED) & _is_live("subscriptions.livemode")
    rows = (
        of_subscriptions.filter(serve.fill_null(value=True))
        .with_columns(price=pl.coalesce("price__id", "plan__id"))
        .join(of["prices"], left_on="price", right_on="prices.id", how="left", maintain_order="left")
        .join(of["plans"], left_on="price", right_on="plans.id", how="left", maintain_order="left")
        .with_columns(product=_told_of("product", "product"))
        .join(of["products"], left_on="product", right_on="products.id", how="left", maintain_order="left")
        .join(last_lines(of), left_on="id", right_on="item", how="left", maintain_order="left")
    )
    package = _told_of("transform_quantity__divide_by", "transform_usage__divide_by")
    up = _told_of("transform_quantity__round", "transform_usage__round") != "down"
    packages = (pl.col("quantity") + pl.when(up).then(package - 1).otherwise(0)) // package
    unit = pl.coalesce(
        *(name for name in _names("unit_amount", "amount")),
        *(name for name in _names("unit_amount_decimal", "amount_decimal")),
    )
    is_line = told.options is not None and told.options.amount_is == "line"
    is_metered = (_told_of("recurring__usage_type", "usage_type") == "metered").fill_null(value=False)
    return rows.with_columns(
        by_use=is_metered,
        nickname=_told_of("nickname", "nickname"),
        currency=_told_of("currency", "currency").str.to_uppercase(),
        interval=_told_of("recurring__interval", "interval"),
        interval_count=_told_of("recurring__interval_count", "interval_count"),
        units=pl.when(package.is_null()).then("quantity").otherwise(packages),
        unit_amount=pl.lit(None, Amount) if is_line else unit,
        line_amount=unit if is_line else pl.when(unit.is_null() & ~is_metered).then("last_line_amount"),
    )


def _is_live(column: str) -> pl.Expr:
    return pl.col(column).fill_null(value=True)


def _names(new: str, old: str) -> list[str]:
    """Columns in which something of a price may stand, the newest first."""
    every = [f"price__{new}", f"prices.{new}", f"plan__{old}", f"plans.{old}"]
    return [name for name in every if name != "plans.amount_decimal"]


def _told_of(new: str, old: str) -> pl.Expr:
    return pl.coalesce(*_names(new, old))


def invoices(of: Frames, told: Told) -> Filled:
    """The invoices without tax, with their part that doesn't recur and what was given back of them."""
    taxes = of["invoice_taxes"].group_by("invoice_taxes.invoice").agg(taxes=pl.col("invoice_taxes.amount").sum())
    invoices = of["invoices"].filter(_is_live("livemode") & ~pl.col("is_deleted").fill_null(value=False))
    net_of_tax = pl.coalesce("total_excluding_tax", pl.col("total") - pl.coalesce("tax", "taxes", pl.lit(0, Amount)))
    rows = (
        invoices.join(taxes, left_on="id", right_on="invoice_taxes.invoice", how="left", maintain_order="left")
        .with_columns(amount=whole(net_of_tax))
        .join(_one_off(of["invoice_lines"]), left_on="id", right_on="invoice", how="left", maintain_order="left")
        .join(_given_back(of), left_on="id", right_on="invoice", how="left", maintain_order="left")
    )
    # Lines are without what discounts take off the whole; what recurs and what doesn't bear that alike.
    one_off = in_proportion(pl.col("amount"), pl.col("one_off_lines"), pl.col("all_lines"))
    net = in_proportion(pl.col("amount"), pl.col("refunds"), pl.col("total"))
    refunded = pl.sum_horizontal(net, whole(pl.col("credits")))
    zone = told.time_zone
    return Filled(
        rows,
        {
            "invoice_id": pl.col("id"),
            "account_id": pl.col("customer"),
            "issued_on": local_day(pl.coalesce("status_transitions__finalized_at", "created"), zone),
            "due_on": _day("due_date", zone),
            "paid_on": pl.when(pl.col("status") == "paid").then(_day("status_transitions__paid_at", zone)),
            "status": pl.col("status"),
            "amount": pl.col("amount"),
            "one_off_amount": pl.when(~pl.col("lines__has_more").fill_null(value=False)).then(
                pl.coalesce(one_off, pl.when(pl.col("all_lines") == 0).then(0))
            ),
            "refunded": pl.when(pl.any_horizontal(pl.col("refunds", "credits").is_not_null())).then(
                pl.min_horizontal(refunded, pl.col("amount").abs())
            ),
            "currency": pl.col("currency").str.to_uppercase(),
        },
    )


def _one_off(lines: pl.DataFrame) -> pl.DataFrame:
    """By invoice the sum of its lines, and of those that are for no subscription."""
    amount = pl.col("invoice_lines.amount")
    return (
        told_once(lines)
        .group_by(invoice="invoice_lines.invoice")
        .agg(all_lines=amount.sum(), one_off_lines=amount.filter(is_one_off() & ~is_proration()).sum())
    )


def _given_back(of: Frames) -> pl.DataFrame:
    """By invoice its credit notes without tax, and the refunds with tax that no credit note tells of."""
    # What is credited before anything is paid gives nothing back.
    counts = (pl.col("credit_notes.status") != "void") & (pl.col("credit_notes.type") != "pre_payment").fill_null(
        value=True
    )
    notes = of["credit_notes"].filter(counts.fill_null(value=True))
    credits = notes.group_by(invoice="credit_notes.invoice").agg(
        credits=pl.coalesce("credit_notes.total_excluding_tax", "credit_notes.total").sum()
    )
    charges = pl.concat(
        [
            of["charges"].select(charge="charges.id", invoice="charges.invoice"),
            of["invoices"].select("charge", invoice="id"),
        ]
    )
    failed = pl.col("refunds.status").is_in(["failed", "canceled"]).fill_null(value=False)
    refunds = (
        of["refunds"]
        .filter(~failed)
        .join(notes, left_on="refunds.id", right_on="credit_notes.refund", how="anti", maintain_order="left")
        .join(charges.drop_nulls().unique(), left_on="refunds.charge", right_on="charge", how="inner")
        .group_by("invoice")
        .agg(refunds=pl.col("refunds.amount").sum())
    )
    return credits.join(refunds, on="invoice", how="full", coalesce=True)


def churn_events(of: Frames, told: Told) -> Filled:
    """The ends of subscriptions of which somebody said why."""
    said = pl.any_horizontal(pl.col("cancellation_details__feedback", "cancellation_details__comment").is_not_null())
    rows = of["subscriptions"].filter(said & pl.col("ended_at").is_not_null() & _is_live("livemode"))
    return Filled(
        rows,
        {
            "churn_event_id": pl.col("id"),
            "account_id": pl.col("customer"),
            "churned_on": _day("ended_at", told.time_zone),
            "reason": pl.coalesce("cancellation_details__feedback", "cancellation_details__reason"),
            "comment": pl.col("cancellation_details__comment"),
        },
    )


def accounts(of: Frames, told: Told) -> Filled:
    """The customers, where no CRM tells who the accounts are."""
    gone = pl.col("is_deleted").fill_null(value=False)
    return Filled(
        of["customers"].filter(_is_live("livemode") & ~gone),
        {
            "account_id": pl.col("id"),
            "account_name": pl.col("name"),
            "country": pl.col("address__country"),
            "signup_on": _day("created", told.time_zone),
        },
    )


def identities(of: Frames, told: Told) -> Filled:
    """The customers, by the domain of the address they are billed at."""
    has_id = told.options is not None and told.options.crm_id is not None
    return Filled(
        of["customers"].filter(_is_live("livemode")),
        {
            "customer_id": pl.col("id"),
            "crm_id": pl.col("crm_id") if has_id else pl.lit(None, pl.String),
            "domain": domain_of(pl.col("email")),
            "name": pl.col("name"),
        },
    )


def asked(options: StripeOptions) -> dict[str, dict[str, str]]:
    """The field of customers that names the CRM's account."""
    return {"customers": {"crm_id": options.crm_id}} if options.crm_id else {}


def _everywhere(name: str, fivetran: str | tuple[str, ...], dlt: str | None = None) -> dict[str, str | tuple[str, ...]]:
    """The table of a kind that every writer but people writes."""
    return {"api": name, "airbyte": name, "fivetran": fivetran, "dlt": dlt or name.removesuffix("s")}


VENDOR = Vendor(
    name="stripe",
    title="Stripe (billing)",
    kinds={
        "subscriptions": Kind(
            stripe.StripeSubscriptions,
            {
                **_everywhere("subscriptions", ("subscription_history", "subscription")),
                "dashboard": "subscriptions",
            },
        ),
        "subscription_items": Kind(
            stripe.StripeSubscriptionItems,
            {"fivetran": "subscription_item", "dlt": "subscription__items__data", "dashboard": "subscriptions"},
            within=("subscriptions", "items.data"),
            needed=True,
        ),
        "discounts": Kind(
            stripe.StripeDiscounts,
            {"fivetran": "subscription_discount", "dlt": "subscription__discounts"},
            within=("subscriptions", "discounts"),
        ),
        "item_discounts": Kind(
            stripe.StripeItemDiscounts,
            {"dlt": "subscription__items__data__discounts"},
            within=("subscription_items", "discounts"),
        ),
        "expanded_item_discounts": Kind(
            stripe.StripeDiscountsElsewhere, {}, within=("subscriptions", "items.data[].discounts")
        ),
        "invoice_discounts": Kind(
            stripe.StripeDiscountsElsewhere, {"dlt": "invoice__discounts"}, within=("invoices", "discounts")
        ),
        "known_discounts": Kind(
            stripe.StripeDiscountsElsewhere, {"api": "discounts", "airbyte": "discounts", "dlt": "discount"}
        ),
        "prices": Kind(stripe.StripePrices, _everywhere("prices", "price"), outlives=True),
        "plans": Kind(stripe.StripePlans, _everywhere("plans", "plan"), outlives=True),
        "products": Kind(stripe.StripeProducts, _everywhere("products", "product"), outlives=True),
        "coupons": Kind(stripe.StripeCoupons, _everywhere("coupons", "coupon"), outlives=True),
        "customers": Kind(stripe.StripeCustomers, {**_everywhere("customers", "customer"), "dashboard": "customers"}),
        "invoices": Kind(stripe.StripeInvoices, {**_everywhere("invoices", "invoice"), "dashboard": "invoices"}),
        "invoice_lines": Kind(
            stripe.StripeInvoiceLines,
            {"fivetran": "invoice_line_item", "dlt": "invoice__lines__data"},
            within=("invoices", "lines.data"),
        ),
        "invoice_taxes": Kind(
            stripe.StripeInvoiceTaxes, {"dlt": "invoice__total_taxes"}, within=("invoices", "total_taxes")
        ),
        "credit_notes": Kind(stripe.StripeCreditNotes, _everywhere("credit_notes", "credit_note")),
        "refunds": Kind(stripe.StripeRefunds, _everywhere("refunds", "refund")),
        "charges": Kind(stripe.StripeCharges, _everywhere("charges", "charge")),
    },
    clean={
        "identities": Cleaning(identities, ("customers",)),
        "accounts": Cleaning(accounts, ("customers",)),
        "subscription_items": Cleaning(
            subscription_items,
            ("subscription_items", "subscriptions"),
            (
                *DISCOUNTS,
                *("prices", "plans", "products", "coupons", "customers", "invoices", "invoice_lines"),
            ),
            also=("invoice_lines",),
            tells_whole=True,
        ),
        "invoices": Cleaning(
            invoices,
            ("invoices",),
            ("invoice_lines", "invoice_taxes", "credit_notes", "refunds", "charges"),
            by_object=True,
        ),
        "churn_events": Cleaning(churn_events, ("subscriptions",)),
    },
    writers=("fivetran", "airbyte", "dlt", "api", "dashboard"),
    instants=(EPOCH,),
    pages=("data",),
    minor_digits={
        **dict.fromkeys(WHOLE_UNITS, 0),
        **dict.fromkeys(THOUSANDTHS, 3),
        **dict.fromkeys(HUNDREDTHS, 2),
    },
    options=StripeOptions,
    asked=asked,
)
