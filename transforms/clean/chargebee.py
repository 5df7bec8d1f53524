"""Chargebee (billing): what its objects mean, whoever wrote them down.

Sources: Chargebee's API reference (v2, product catalogues 1.0 and 2.0) and its clients' descriptions of objects; what
Airbyte's connector makes of custom fields.
"""

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.form import EPOCH, Cleaning, Filled, Told
from schemas.segments import SegmentName
from schemas.vendor import Kind, Vendor
from transforms.calendar import local_day
from transforms.clean import chargebee_objects as chargebee
from transforms.clean.chargebee_discounts import with_discounts
from transforms.clean.chargebee_lines import Frames, is_there, lines
from transforms.clean.custom_fields import LISTED, FieldName, custom_field
from transforms.clean.linking import domain_of
from transforms.clean.money import in_proportion, whole

ENDING = ["cancelled", "non_renewing", "transferred"]
ONE_OFF = ["charge_item_price", "adhoc", "plan_setup"]
"""What lines of invoices are for that don't recur."""
STATES = {
    "posted": "open",
    "payment_due": "open",
    "not_paid": "uncollectible",
    "voided": "void",
    "pending": "draft",
}


class ChargebeeOptions(BaseModel):
    """What the config may say of a source of Chargebee's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    crm_id: FieldName | None = Field(
        default=None, description="Custom field of a customer with the CRM's account id, like cf_crm_id"
    )
    segments: dict[SegmentName, FieldName] = Field(
        default_factory=dict, description="Segments of accounts, each with the custom field of customers that has it"
    )


def subscription_items(of: Frames, told: Told) -> Filled:
    """Each line of a subscription with its price, the subscription's life, and what discounts take off it.

    A subscription that does not renew is served and paid until it is cancelled, which lies ahead.
    """
    zone, rows = told.time_zone, with_discounts(_with_contracts(lines(of), of), of)
    ends = _ends()
    is_paused = (pl.col("status") == "paused") | (pl.col("pause_date") > pl.col("exported_at"))
    told_pause = is_paused.fill_null(value=False) | pl.col("resume_date").is_not_null()
    return Filled(
        rows,
        {
            "subscription_id": pl.col("subscription"),
            "item_id": pl.col("item"),
            "account_id": pl.col("customer_id"),
            "plan": pl.coalesce("catalogue.name", "price"),
            "quantity": pl.col("units"),
            "seats": pl.col("seats_given"),
            "unit_amount": pl.col("unit_amount"),
            "line_amount": pl.col("line_amount"),
            "currency": pl.col("currency_code").str.to_uppercase(),
            "interval_unit": pl.col("interval"),
            "interval_count": pl.col("interval_count"),
            "discount_amount": pl.col("discount_amount"),
            "discount_ends_on": _day("discount_end", zone),
            "trial_started_on": _day("trial_start", zone),
            "trial_ends_on": _day_after(pl.coalesce("own_trial_end", "trial_end"), zone),
            "is_metered": pl.col("is_metered_price"),
            "started_on": local_day(pl.coalesce("started_at", "activated_at", "created_at"), zone),
            "ended_on": local_day(ends, zone),
            "cancel_requested_on": pl.when(ends.is_not_null()).then(_day("cancel_schedule_created_at", zone)),
            "term_ends_on": local_day(pl.coalesce("contract_ends", "current_term_end"), zone),
            # Of a pause that is over nobody says when it ended: it is told only while it lasts, or lies ahead.
            "paused_from": pl.when(told_pause).then(_day("pause_date", zone)),
            "paused_until": pl.when(told_pause).then(_day("resume_date", zone)),
        },
        {"discount_amount": pl.col("untold")},
    )


def _day(instant: str, zone: str) -> pl.Expr:
    return local_day(pl.col(instant), zone)


def _day_after(instant: pl.Expr, zone: str) -> pl.Expr:
    """The first whole day after an instant: its own if it is the first moment of it."""
    day = local_day(instant, zone)
    begins = day.cast(pl.Datetime("us")).dt.replace_time_zone(zone, non_existent="null", ambiguous="earliest")
    is_first = (begins.dt.convert_time_zone("UTC").dt.replace_time_zone(None) == instant).fill_null(value=False)
    return pl.when(is_first).then(day).otherwise(day.dt.offset_by("1d"))


def _ends() -> pl.Expr:
    """When it ended or is going to; `cancelled_at` may lie ahead, and of what goes on may be of a former life.

    What was transferred to another entity, or deleted, changes no more, so that its last change is its end, if it did
    not end before.
    """
    is_ending, lies_ahead = pl.col("status").is_in(ENDING), pl.col("cancelled_at") > pl.col("exported_at")
    told = pl.coalesce(
        pl.when(is_ending | lies_ahead).then("cancelled_at"),
        pl.when(pl.col("status") == "non_renewing").then("current_term_end"),
        pl.when(pl.col("status") == "transferred").then("updated_at"),
    )
    deleted_at = pl.when(~is_there()).then(pl.coalesce("updated_at", "exported_at"))
    return pl.min_horizontal(told, deleted_at)


def _with_contracts(rows: pl.DataFrame, of: Frames) -> pl.DataFrame:
    """The lines with the end of the contract that runs, wherever it is told."""
    terms = of["contract_terms"].filter((pl.col("contract_terms.status") == "active").fill_null(value=True))
    last = (
        terms.sort("contract_terms.contract_start", nulls_last=False, maintain_order=True)
        .unique("contract_terms.subscription", keep="last", maintain_order=True)
        .select(subscription="contract_terms.subscription", contract_end="contract_terms.contract_end")
    )
    runs = (pl.col("contract_term__status") == "active").fill_null(value=True)
    own = pl.when(runs).then("contract_term__contract_end")
    joined = rows.join(last, on="subscription", how="left", maintain_order="left")
    return joined.with_columns(contract_ends=pl.coalesce(own, "contract_end"))


def invoices(of: Frames, told: Told) -> Filled:
    """The invoices without tax, with their part that doesn't recur and what was given back of them."""
    rows = (
        of["invoices"]
        .filter(is_there())
        .with_columns(net=whole(pl.col("total") - pl.col("tax").fill_null(0)))
        .join(_one_off(of), left_on="id", right_on="invoice", how="left", maintain_order="left")
        .join(_given_back(of), left_on="id", right_on="invoice", how="left", maintain_order="left")
    )
    # Lines may be with tax: what recurs and what doesn't bear that alike.
    of_lines = in_proportion(pl.col("net"), pl.col("one_off_lines"), pl.col("all_lines"))
    refunded = in_proportion(pl.col("net"), pl.col("credited"), pl.col("total")).clip(lower_bound=0)
    zone = told.time_zone
    return Filled(
        rows,
        {
            "invoice_id": pl.col("id"),
            "account_id": pl.col("customer_id"),
            "issued_on": local_day(pl.coalesce("date", "generated_at"), zone),
            "due_on": _day("due_date", zone),
            "paid_on": pl.when(pl.col("status") == "paid").then(_day("paid_at", zone)),
            "status": pl.col("status").replace(STATES),
            "amount": pl.col("net"),
            "one_off_amount": pl.when(~pl.col("recurring"))
            .then("net")
            .otherwise(pl.coalesce(of_lines, pl.when(pl.col("all_lines") == 0).then(0))),
            "refunded": pl.when(refunded.is_not_null()).then(pl.min_horizontal(refunded, pl.col("net").abs())),
            "currency": pl.col("currency_code").str.to_uppercase(),
        },
    )


def _one_off(of: Frames) -> pl.DataFrame:
    """By invoice what its lines cost after discounts, and those of them that don't recur."""
    bought = of["invoice_lines"].join(
        of["addons"], left_on="invoice_lines.entity_id", right_on="addons.id", how="left", maintain_order="left"
    )
    kind = pl.col("invoice_lines.entity_type")
    is_once = kind.is_in(ONE_OFF) | ((kind == "addon") & (pl.col("addons.charge_type") == "non_recurring"))
    amount = pl.col("invoice_lines.amount") - pl.col("invoice_lines.discount_amount").fill_null(0)
    return bought.group_by(invoice="invoice_lines.invoice").agg(
        all_lines=amount.sum(), one_off_lines=amount.filter(is_once.fill_null(value=False)).sum()
    )


def _given_back(of: Frames) -> pl.DataFrame:
    """By invoice with tax what its credit notes gave back, as the invoice says; else as the credit notes do.

    What is credited before it is paid, and what is still to be given back, gives nothing back.
    """
    inside = of["issued_credits"].filter(pl.col("issued_credits.cn_status") == "refunded")
    own = inside.group_by(invoice="issued_credits.invoice").agg(credited=pl.col("issued_credits.cn_total").sum())
    gone = pl.col("credit_notes.deleted").fill_null(value=False)
    notes = of["credit_notes"].filter((pl.col("credit_notes.status") == "refunded") & ~gone)
    apart = notes.group_by(invoice="credit_notes.reference_invoice_id").agg(credited=pl.col("credit_notes.total").sum())
    return pl.concat([own, apart.join(own, on="invoice", how="anti")])


def churn_events(of: Frames, told: Told) -> Filled:
    """The ends of subscriptions of which it is said why."""
    why = pl.coalesce("cancel_reason_code", "cancel_reason")
    began = pl.any_horizontal(pl.col("started_at", "activated_at").is_not_null())
    ended = (pl.col("status") == "cancelled") & pl.col("cancelled_at").is_not_null() & began
    return Filled(
        of["subscriptions"].filter(ended & why.is_not_null() & is_there()),
        {
            "churn_event_id": pl.col("id"),
            "account_id": pl.col("customer_id"),
            "churned_on": _day("cancelled_at", told.time_zone),
            "reason": why,
        },
    )


def accounts(of: Frames, told: Told) -> Filled:
    """The customers, where no CRM tells who the accounts are."""
    return Filled(
        of["customers"].filter(is_there()),
        {
            "account_id": pl.col("id"),
            "account_name": pl.col("company"),
            "country": pl.col("billing_address__country"),
            "signup_on": _day("created_at", told.time_zone),
            **{name: custom_field(f"segment_{name}", field) for name, field in _options(told).segments.items()},
        },
    )


def identities(of: Frames, told: Told) -> Filled:
    """The customers, by the domain of the address they are billed at and by a field with the CRM's id."""
    field = _options(told).crm_id
    return Filled(
        of["customers"].filter(is_there()),
        {
            "customer_id": pl.col("id"),
            "crm_id": custom_field("crm_id", field) if field else pl.lit(None, pl.String),
            "domain": domain_of(pl.col("email")),
            "name": pl.col("company"),
        },
    )


def _options(told: Told) -> ChargebeeOptions:
    return told.options if isinstance(told.options, ChargebeeOptions) else ChargebeeOptions()


def asked(options: ChargebeeOptions) -> dict[str, dict[str, str]]:
    """The custom fields of customers that the config names, and where Airbyte lists all of them."""
    fields = {f"segment_{name}": field for name, field in options.segments.items()}
    if options.crm_id:
        fields["crm_id"] = options.crm_id
    return {"customers": {**fields, LISTED: LISTED}} if fields else {}


def _everywhere(name: str) -> dict[str, str | tuple[str, ...]]:
    """The table of a kind by writer: in the API's lists there are several, Airbyte and Fivetran call it by one."""
    one = name.removesuffix("s")
    return {"api": name, "airbyte": one, "fivetran": one, "dlt": (name, one)}


def _inside(parent: str, path: str, *fivetran: str) -> dict[str, str | tuple[str, ...]]:
    """The tables of a list for those writers that keep lists by themselves."""
    dlt = (f"{parent}__{path}", f"{parent.removesuffix('s')}__{path}")
    return {"fivetran": fivetran, "dlt": dlt} if fivetran else {"dlt": dlt}


VENDOR = Vendor(
    name="chargebee",
    title="Chargebee (billing)",
    kinds={
        "subscriptions": Kind(chargebee.ChargebeeSubscriptions, _everywhere("subscriptions"), wrapped="subscription"),
        "subscription_items": Kind(
            chargebee.ChargebeeSubscriptionItems,
            _inside("subscriptions", "subscription_items", "subscription_item"),
            within=("subscriptions", "subscription_items"),
        ),
        "subscription_addons": Kind(
            chargebee.ChargebeeSubscriptionAddons,
            _inside("subscriptions", "addons", "subscription_addon"),
            within=("subscriptions", "addons"),
        ),
        "discounts": Kind(
            chargebee.ChargebeeDiscounts,
            _inside("subscriptions", "discounts", "subscription_discount", "discount"),
            within=("subscriptions", "discounts"),
        ),
        "subscription_coupons": Kind(
            chargebee.ChargebeeSubscriptionCoupons,
            _inside("subscriptions", "coupons", "subscription_coupon"),
            within=("subscriptions", "coupons"),
        ),
        "contract_terms": Kind(chargebee.ChargebeeContractTerms, {"fivetran": "contract_term"}),
        "item_prices": Kind(
            chargebee.ChargebeeItemPrices, _everywhere("item_prices"), wrapped="item_price", outlives=True
        ),
        "items": Kind(chargebee.ChargebeeItems, _everywhere("items"), wrapped="item", outlives=True),
        "plans": Kind(chargebee.ChargebeePlans, _everywhere("plans"), wrapped="plan", outlives=True),
        "addons": Kind(chargebee.ChargebeeAddons, _everywhere("addons"), wrapped="addon", outlives=True),
        "coupons": Kind(chargebee.ChargebeeCoupons, _everywhere("coupons"), wrapped="coupon", outlives=True),
        "coupon_constraints": Kind(
            chargebee.ChargebeeCouponConstraints,
            _inside("coupons", "item_constraints"),
            within=("coupons", "item_constraints"),
            outlives=True,
        ),
        "customers": Kind(chargebee.ChargebeeCustomers, _everywhere("customers"), wrapped="customer"),
        "invoices": Kind(chargebee.ChargebeeInvoices, _everywhere("invoices"), wrapped="invoice"),
        "invoice_lines": Kind(
            chargebee.ChargebeeInvoiceLines,
            _inside("invoices", "line_items", "invoice_line_item"),
            within=("invoices", "line_items"),
        ),
        "issued_credits": Kind(
            chargebee.ChargebeeIssuedCredits,
            _inside("invoices", "issued_credit_notes", "invoice_issued_credit_note"),
            within=("invoices", "issued_credit_notes"),
        ),
        "credit_notes": Kind(chargebee.ChargebeeCreditNotes, _everywhere("credit_notes"), wrapped="credit_note"),
    },
    clean={
        "identities": Cleaning(identities, ("customers",)),
        "accounts": Cleaning(accounts, ("customers",)),
        "subscription_items": Cleaning(
            subscription_items,
            ("subscriptions",),
            (
                "subscription_items",
                "subscription_addons",
                "discounts",
                "subscription_coupons",
                "contract_terms",
                "item_prices",
                "items",
                "plans",
                "addons",
                "coupons",
                "coupon_constraints",
                "invoice_lines",
            ),
            also=("subscription_items", "subscription_addons"),
            shares_life=True,
            tells_whole=True,
        ),
        "invoices": Cleaning(
            invoices, ("invoices",), ("invoice_lines", "issued_credits", "credit_notes", "addons"), by_object=True
        ),
        "churn_events": Cleaning(churn_events, ("subscriptions",)),
    },
    writers=("fivetran", "airbyte", "dlt", "api"),
    instants=(EPOCH,),
    pages=("list",),
    options=ChargebeeOptions,
    asked=asked,
)
