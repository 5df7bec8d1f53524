"""Recurly (billing): what its objects mean, whoever wrote them down.

Sources: Recurly's API reference (v2021-02-25) and its clients' descriptions of objects; the headers of Fivetran's
tables, as dbt_recurly has them.
"""

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.currencies import MINOR_DIGITS
from schemas.form import Cleaning, Filled, Told
from schemas.segments import SegmentName
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.calendar import local_day
from transforms.clean import recurly_objects as recurly
from transforms.clean.custom_fields import LISTED, FieldName, custom_field
from transforms.clean.linking import domain_of
from transforms.clean.money import rounded
from transforms.clean.recurly_discounts import with_discounts
from transforms.clean.recurly_lines import NEVER_SERVED, Frames, lines, newest

ENDING = ["canceled", "expired"]
CODE = "code"
SETUP_FEE = "setup_fee"
STATES = {
    "pending": "open",
    "processing": "open",
    "past_due": "open",
    "failed": "uncollectible",
    "closed": "paid",
    "voided": "void",
}
NOT_GIVEN = ["failed", "voided"]
"""States of credit invoices that gave nothing back."""


class RecurlyOptions(BaseModel):
    """What the config may say of a source of Recurly's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    crm_id: FieldName = Field(
        default=CODE,
        description="Field of an account with the CRM's account id: its code, or a custom field",
    )
    segments: dict[SegmentName, FieldName] = Field(
        default_factory=dict, description="Segments of accounts, each with the custom field of accounts that has it"
    )


def subscription_items(of: Frames, told: Told) -> Filled:
    """Each line of a subscription with its price, the subscription's life, and what coupons take off it.

    A subscription that is canceled is served and paid until it expires, which may lie ahead.
    """
    zone, rows = told.time_zone, with_discounts(lines(of), of)
    is_paused = ((pl.col("state") == "paused") | (pl.col("paused_at") > pl.col("told_at"))).fill_null(value=False)
    return Filled(
        rows,
        {
            "subscription_id": pl.col("subscription"),
            "item_id": pl.col("item"),
            "valid_from": _day("version_at", zone),
            "changed_at": pl.col("version_at"),
            "account_id": pl.col("account__id"),
            "plan": pl.col("called"),
            "quantity": pl.col("units"),
            "seats": pl.col("units"),
            "unit_amount": pl.col("price"),
            "currency": pl.col("currency").str.to_uppercase(),
            "interval_unit": pl.col("interval"),
            "interval_count": pl.col("plans.interval_length"),
            "discount_amount": pl.col("discount_amount"),
            "discount_ends_on": _day("discount_end", zone),
            "trial_started_on": _day("trial_started_at", zone),
            "trial_ends_on": _day("trial_ends_at", zone),
            "is_metered": pl.col("by_use"),
            "started_on": local_day(
                pl.max_horizontal("added_at", pl.coalesce("life.activated_at", "life.created_at")), zone
            ),
            "ended_on": local_day(_ends(), zone),
            "cancel_requested_on": pl.when(pl.col("life.state").is_in(ENDING)).then(_day("life.canceled_at", zone)),
            "term_ends_on": _day("current_term_ends_at", zone),
            "paused_from": pl.when(is_paused).then(_day("paused_at", zone)),
            "paused_until": pl.when(is_paused).then(_resumes(zone)),
        },
        {"discount_amount": pl.col("untold")},
    )


def _day(instant: str, zone: str) -> pl.Expr:
    return local_day(pl.col(instant), zone)


def _ends() -> pl.Expr:
    """When a line ended or is going to: with its subscription, or an add-on by itself before that.

    An end that lies behind what goes on is of a former life; one that simply runs out ends with its term.
    """
    counts = pl.col("life.state").is_in(ENDING) | (pl.col("life.expires_at") > pl.col("life.exported_at"))
    runs_out = ~pl.col("life.auto_renew") & (pl.col("life.remaining_billing_cycles") == 0)
    of_subscription = pl.coalesce(
        pl.when(counts).then("life.expires_at"),
        pl.when(pl.col("life.state") == "expired").then("life.canceled_at"),
        pl.when(runs_out).then("life.current_term_ends_at"),
    )
    return pl.min_horizontal(of_subscription, "gone_at")


def _resumes(zone: str) -> pl.Expr:
    """The day on which a pause ends: so many intervals after the end of the period that is billed."""
    count = pl.col("remaining_pause_cycles") * pl.col("plans.interval_length")
    unit = pl.col("interval").replace_strict({"day": "d", "month": "mo"}, default=None, return_dtype=pl.String)
    return _day("current_period_ends_at", zone).dt.offset_by(pl.concat_str(count.cast(pl.String), unit))


def invoices(of: Frames, told: Told) -> Filled:
    """The invoices without tax, with their part that doesn't recur and what was given back of them.

    A credit invoice is none: it says what was given back of another.
    """
    rows = (
        newest(of["invoices"])
        .with_columns(net=pl.col("total") - pl.col("tax").fill_null(0))
        .filter((pl.col("type") != "credit").fill_null(value=True))
        .join(_one_off(of), left_on="id", right_on="invoice", how="left", maintain_order="left")
        .join(_given_back(of), left_on="id", right_on="invoice", how="left", maintain_order="left")
        .with_columns(amount=rounded(pl.col("net")), status=pl.col("state").replace(STATES))
    )
    is_whole = ~pl.col("has_more_line_items").fill_null(value=False)
    # Credits among the lines may leave less to pay than what doesn't recur.
    once = pl.min_horizontal(rounded(pl.col("one_off_lines")), "amount").clip(lower_bound=0)
    zone = told.time_zone
    return Filled(
        rows,
        {
            "invoice_id": pl.col("id"),
            "account_id": pl.col("account__id"),
            "issued_on": _day("created_at", zone),
            "due_on": _day("due_at", zone),
            "paid_on": pl.when(pl.col("status") == "paid").then(_day("closed_at", zone)),
            "status": pl.col("status"),
            "amount": pl.col("amount"),
            "one_off_amount": pl.when(is_whole & pl.col("one_off_lines").is_not_null()).then(once),
            "refunded": pl.when(pl.col("given_back").is_not_null()).then(
                pl.min_horizontal(rounded(pl.col("given_back")), pl.col("amount").abs())
            ),
            "currency": pl.col("currency").str.to_uppercase(),
        },
    )


def _one_off(of: Frames) -> pl.DataFrame:
    """By invoice what its lines cost, after discounts, that are for no subscription or for setting one up."""
    told = newest(of["invoice_lines"], "invoice_lines.")
    is_once = pl.col("invoice_lines.subscription_id").is_null() | (pl.col("invoice_lines.origin") == SETUP_FEE)
    amount = pl.col("invoice_lines.subtotal") - pl.col("invoice_lines.discount").fill_null(0)
    return told.group_by(invoice="invoice_lines.invoice_id").agg(
        one_off_lines=amount.filter(is_once.fill_null(value=False)).sum()
    )


def _given_back(of: Frames) -> pl.DataFrame:
    """By invoice the credit invoices without tax that refund it, whatever their sign."""
    credits = newest(of["invoices"]).filter(
        (pl.col("type") == "credit")
        & pl.col("origin").str.contains("refund", literal=True)
        & ~pl.col("state").is_in(NOT_GIVEN)
    )
    net = (pl.col("total") - pl.col("tax").fill_null(0)).abs()
    return credits.drop_nulls("previous_invoice_id").group_by(invoice="previous_invoice_id").agg(given_back=net.sum())


def churn_events(of: Frames, told: Told) -> Filled:
    """The ends of subscriptions, with why they ended."""
    served = newest(of["subscriptions"]).filter(~pl.col("state").is_in(NEVER_SERVED))
    ended = (pl.col("state") == "expired") & pl.col("expires_at").is_not_null()
    return Filled(
        served.filter(ended & pl.col("expiration_reason").is_not_null()),
        {
            "churn_event_id": pl.col("id"),
            "account_id": pl.col("account__id"),
            "churned_on": _day("expires_at", told.time_zone),
            "reason": pl.col("expiration_reason"),
        },
    )


def accounts(of: Frames, told: Told) -> Filled:
    """The accounts, where no CRM tells who these are."""
    return Filled(
        newest(of["accounts"]).filter(pl.col("deleted_at").is_null()),
        {
            "account_id": pl.col("id"),
            "account_name": pl.col("company"),
            "country": pl.col("address__country"),
            "signup_on": _day("created_at", told.time_zone),
            **{name: custom_field(f"segment_{name}", field) for name, field in _options(told).segments.items()},
        },
    )


def identities(of: Frames, told: Told) -> Filled:
    """The accounts, by the domain of the address they are billed at and by the code that the company gave them."""
    field = _options(told).crm_id
    return Filled(
        newest(of["accounts"]).filter(pl.col("deleted_at").is_null()),
        {
            "customer_id": pl.col("id"),
            "crm_id": pl.col("code") if field == CODE else custom_field("crm_id", field),
            "domain": domain_of(pl.col("email")),
            "name": pl.col("company"),
        },
    )


def _options(told: Told) -> RecurlyOptions:
    return told.options if isinstance(told.options, RecurlyOptions) else RecurlyOptions()


def asked(options: RecurlyOptions) -> dict[str, dict[str, str]]:
    """The custom fields of accounts that the config names, and where all of them are listed."""
    fields = {f"segment_{name}": field for name, field in options.segments.items()}
    if options.crm_id != CODE:
        fields["crm_id"] = options.crm_id
    return {"accounts": {**fields, LISTED: LISTED}} if fields else {}


def _everywhere(name: str, fivetran: str) -> dict[str, str | tuple[str, ...]]:
    return {"api": name, "airbyte": name, "fivetran": fivetran}


VENDOR = Vendor(
    name="recurly",
    title="Recurly (billing)",
    kinds={
        "subscriptions": Kind(recurly.RecurlySubscriptions, _everywhere("subscriptions", "subscription_history")),
        "add_ons": Kind(
            recurly.RecurlyAddOns, {"fivetran": "subscription_add_on_history"}, within=("subscriptions", "add_ons")
        ),
        "changes": Kind(recurly.RecurlyChanges, _everywhere("subscription_changes", "subscription_change_history")),
        "ramps": Kind(
            recurly.RecurlyRamps,
            {"fivetran": "subscription_ramp_interval_history"},
            within=("subscriptions", "ramp_intervals"),
        ),
        "plans": Kind(recurly.RecurlyPlans, _everywhere("plans", "plan_history"), outlives=True),
        "plan_add_ons": Kind(recurly.RecurlyPlanAddOns, _everywhere("add_ons", "plan_add_on_history"), outlives=True),
        "redemptions": Kind(
            recurly.RecurlyRedemptions,
            {
                "api": "coupon_redemptions",
                "airbyte": "account_coupon_redemptions",
                "fivetran": "coupon_redemption_history",
            },
        ),
        "subscription_redemptions": Kind(
            recurly.RecurlySubscriptionRedemptions,
            {"fivetran": "subscription_coupon_redemption_history"},
            within=("subscriptions", "coupon_redemptions"),
        ),
        "coupons": Kind(recurly.RecurlyCoupons, _everywhere("coupons", "coupon_history"), outlives=True),
        "coupon_discounts": Kind(
            recurly.RecurlyCouponDiscounts, {"fivetran": "coupon_discount"}, within=("coupons", "discount.currencies")
        ),
        "coupon_plans": Kind(
            recurly.RecurlyCouponPlans, {"fivetran": "coupon_plan_history"}, within=("coupons", "plans")
        ),
        "accounts": Kind(recurly.RecurlyAccounts, _everywhere("accounts", "account_history")),
        "invoices": Kind(recurly.RecurlyInvoices, _everywhere("invoices", "invoice_history")),
        "invoice_lines": Kind(
            recurly.RecurlyInvoiceLines,
            {"fivetran": "line_item_history", "airbyte": "line_items"},
            within=("invoices", "line_items"),
        ),
    },
    clean={
        "identities": Cleaning(identities, ("accounts",)),
        "accounts": Cleaning(accounts, ("accounts",)),
        "subscription_items": Cleaning(
            subscription_items,
            ("subscriptions",),
            (
                "add_ons",
                "changes",
                "ramps",
                "plans",
                "plan_add_ons",
                "redemptions",
                "subscription_redemptions",
                "coupons",
                "coupon_discounts",
                "coupon_plans",
            ),
            also=("add_ons",),
            tells_whole=True,
        ),
        "invoices": Cleaning(invoices, ("invoices",), ("invoice_lines",)),
        "churn_events": Cleaning(churn_events, ("subscriptions",)),
    },
    writers=("fivetran", "airbyte", "api"),
    instants=ISO,
    pages=("data",),
    minor_digits=dict.fromkeys(MINOR_DIGITS, 0),
    options=RecurlyOptions,
    asked=asked,
)
