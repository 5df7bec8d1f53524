"""Recurly's objects, in the words of its API (v3); amounts are in whole units of their currency.

Fivetran keeps each version of an object, known by when it was made; of all others only the present is told.
"""

from typing import Any

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant
from transforms.clean.money import Amount

STATES = ["active", "canceled", "expired", "failed", "future", "paused"]
INVOICE_STATES = ["open", "pending", "processing", "past_due", "paid", "failed", "closed", "voided"]


def _version() -> Any:  # noqa: ANN401 - as of column
    """When this version of an object was made; who tells only the present has none."""
    return column(
        "When this version was made", optional=True, spelled={"fivetran": "updated_at", "airbyte": (), "api": ()}
    )


class RecurlySubscriptions(Export):
    """One row per subscription and version of it."""

    id: str = column("Subscription")
    version_at: Instant = _version()  # type: ignore[valid-type]
    account__id: str = column("Account that pays")
    plan__id: str = column("Its plan", optional=True)
    plan__name: str = column("What the plan is called", optional=True)
    state: str = column("State; canceled: it is served until it expires", isin=STATES)
    created_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    activated_at: Instant = column("When service began", optional=True)  # type: ignore[valid-type]
    canceled_at: Instant = column("When the cancellation was asked for", optional=True)  # type: ignore[valid-type]
    expires_at: Instant = column("When service ends", optional=True)  # type: ignore[valid-type]
    expiration_reason: str = column("Why it ended", optional=True)
    current_period_ends_at: Instant = column("When its billing period ends", optional=True)  # type: ignore[valid-type]
    current_term_ends_at: Instant = column("When its term ends", optional=True)  # type: ignore[valid-type]
    trial_started_at: Instant = column("When its trial began", optional=True)  # type: ignore[valid-type]
    trial_ends_at: Instant = column("When its trial ends", optional=True)  # type: ignore[valid-type]
    auto_renew: bool = column("Whether it renews at the end of its term", optional=True)
    remaining_billing_cycles: pl.Int64 = column("Periods of the term that are still to come", optional=True)
    paused_at: Instant = column("When it was paused, or is going to be", optional=True)  # type: ignore[valid-type]
    remaining_pause_cycles: pl.Int64 = column("Periods for which it stays paused", optional=True)
    currency: str = column("Currency")
    unit_amount: Amount = column("Price of a unit of the plan", optional=True, money="currency")  # type: ignore[valid-type]
    quantity: pl.Int64 = column("Units of the plan", optional=True, ge=0)
    tax_inclusive: bool = column("Whether prices are with tax", optional=True)

    class Config:
        unique = ["id", "version_at"]


class RecurlyAddOns(Export):
    """One row per add-on of a subscription and version of it."""

    id: str = column("Add-on of the subscription")
    version_at: Instant = _version()  # type: ignore[valid-type]
    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    add_on__id: str = column("The plan's add-on", optional=True, spelled={"fivetran": "plan_add_on_id"})
    add_on__code: str = column("Its code", optional=True)
    add_on__name: str = column("What it is called", optional=True)
    add_on__add_on_type: str = column("fixed, or usage: billed by use", optional=True)
    usage_type: str = column("How use is billed", optional=True)
    tier_type: str = column("flat, or by tiers: tiered, stairstep, volume", optional=True)
    quantity: pl.Int64 = column("Units", optional=True, ge=0)
    unit_amount: Amount = column("Price of a unit, in whole units of currency", optional=True)  # type: ignore[valid-type]
    unit_amount_decimal: Amount = column("The same with more decimals", optional=True)  # type: ignore[valid-type]
    created_at: Instant = column("When it was added", optional=True)  # type: ignore[valid-type]
    expired_at: Instant = column("When it ended", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id", "version_at"]


class RecurlyChanges(Export):
    """One row per change of a subscription and version of it: what the subscription has since it was activated."""

    id: str = column("Change")
    version_at: Instant = _version()  # type: ignore[valid-type]
    subscription_id: str = column("Its subscription", optional=True)
    plan__id: str = column("Plan from then on", optional=True)
    unit_amount: Amount = column("Price of a unit from then on", optional=True)  # type: ignore[valid-type]
    quantity: pl.Int64 = column("Units from then on", optional=True, ge=0)
    activate_at: Instant = column("When it takes effect", optional=True)  # type: ignore[valid-type]
    activated: bool = column("Whether it took effect", optional=True)
    deleted_at: Instant = column("When it was taken back", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id", "version_at"]


class RecurlyRamps(Export):
    """One row per stretch of a subscription's billing cycles that has a price of its own."""

    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    starting_billing_cycle: pl.Int64 = column("First cycle with the price", optional=True)


class RecurlyPlans(Export):
    """One row per plan and version of it."""

    id: str = column("Plan")
    version_at: Instant = _version()  # type: ignore[valid-type]
    name: str = column("What it is called", optional=True)
    interval_unit: str = column("Unit of the billing interval: days or months", optional=True)
    interval_length: pl.Int64 = column("Units between bills", optional=True, gt=0)

    class Config:
        unique = ["id", "version_at"]


class RecurlyPlanAddOns(Export):
    """One row per add-on that a plan may have and version of it."""

    id: str = column("Add-on of a plan")
    version_at: Instant = _version()  # type: ignore[valid-type]
    code: str = column("Its code", optional=True)
    name: str = column("What it is called", optional=True)
    add_on_type: str = column("fixed, or usage: billed by use", optional=True)
    tier_type: str = column("flat, or by tiers: tiered, stairstep, volume", optional=True)

    class Config:
        unique = ["id", "version_at"]


class RecurlyRedemptions(Export):
    """One row per coupon that an account or a subscription redeemed and version of it."""

    id: str = column("Redemption")
    version_at: Instant = _version()  # type: ignore[valid-type]
    account__id: str = column("Account", optional=True)
    subscription_id: str = column("Subscription, if it is for one alone", optional=True)
    coupon__id: str = column("The coupon", optional=True)
    state: str = column("active or inactive", optional=True)
    created_at: Instant = column("When it was redeemed", optional=True)  # type: ignore[valid-type]
    removed_at: Instant = column("When it was taken away", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id", "version_at"]


class RecurlySubscriptionRedemptions(Export):
    """One row per coupon that a subscription names."""

    id: str = column("Redemption", optional=True, spelled={"fivetran": ("coupon_redemption_id", "id")})
    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    coupon__id: str = column("The coupon", optional=True)
    state: str = column("active or inactive", optional=True)
    created_at: Instant = column("When it was redeemed", optional=True)  # type: ignore[valid-type]


class RecurlyCoupons(Export):
    """One row per coupon and version of it."""

    id: str = column("Coupon")
    version_at: Instant = _version()  # type: ignore[valid-type]
    duration: str = column("forever, single_use, or temporal: for some time", optional=True)
    temporal_amount: pl.Int64 = column("Units of that time", optional=True)
    temporal_unit: str = column("Unit of that time: day, week, month or year", optional=True)
    discount__type: str = column("percent, fixed, or free_trial, which takes nothing off", optional=True)
    discount__percent: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    applies_to_all_plans: bool = column("Whether it is for all plans", optional=True)

    class Config:
        unique = ["id", "version_at"]


class RecurlyCouponDiscounts(Export):
    """One row per currency in which a coupon takes an amount off; in Fivetran's table also of its share."""

    coupon: str = column("The coupon", optional=True, of_parent="id", refers=True)
    percentage: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    amount: Amount = column("Amount taken off", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency of the amount", optional=True)


class RecurlyCouponPlans(Export):
    """One row per plan that a coupon is for."""

    coupon: str = column("The coupon", optional=True, of_parent="id", refers=True)
    plan: str = column("The plan", optional=True, spelled={"fivetran": "plan_id", "airbyte": "id", "api": "id"})


class RecurlyAccounts(Export):
    """One row per account and version of it."""

    id: str = column("Account, as Recurly names it")
    version_at: Instant = _version()  # type: ignore[valid-type]
    code: str = column("Account, as the company named it", optional=True)
    company: str = column("Name of the company", optional=True)
    email: str = column("Address of the person who is billed", optional=True, personal="id")
    created_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    deleted_at: Instant = column("When it was deleted", optional=True)  # type: ignore[valid-type]
    address__country: str = column(
        "Country", optional=True, spelled={"fivetran": ("account_country", "address_country")}
    )

    class Config:
        unique = ["id", "version_at"]


class RecurlyInvoices(Export):
    """One row per invoice and version of it."""

    id: str = column("Invoice")
    version_at: Instant = _version()  # type: ignore[valid-type]
    account__id: str = column("Account that was billed", optional=True)
    type: str = column("charge, credit, or legacy: of before there were credit invoices", optional=True)
    origin: str = column("What it was made for: purchase, renewal, refund …", optional=True)
    state: str = column("State", isin=INVOICE_STATES)
    previous_invoice_id: str = column("Invoice that it gives back", optional=True)
    currency: str = column("Currency")
    created_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    due_at: Instant = column("By when it is to be paid", optional=True)  # type: ignore[valid-type]
    closed_at: Instant = column("When it was closed, as by being paid", optional=True)  # type: ignore[valid-type]
    total: Amount = column("The whole with tax", money="currency")  # type: ignore[valid-type]
    tax: Amount = column("Tax", optional=True, money="currency")  # type: ignore[valid-type]
    has_more_line_items: bool = column("Whether the list of its lines was cut off", optional=True)

    class Config:
        unique = ["id", "version_at"]


class RecurlyInvoiceLines(Export):
    """One row per line of an invoice and version of it."""

    id: str = column("Line")
    version_at: Instant = _version()  # type: ignore[valid-type]
    invoice_id: str = column("Its invoice", optional=True)
    subscription_id: str = column("Subscription that it is for; none: it doesn't recur", optional=True)
    origin: str = column("What it is for: plan, add_on, setup_fee, debit …", optional=True)
    currency: str = column("Currency", optional=True)
    subtotal: Amount = column("Amount before discounts and tax", optional=True, money="currency")  # type: ignore[valid-type]
    discount: Amount = column("What discounts take off it", optional=True, money="currency")  # type: ignore[valid-type]

    class Config:
        unique = ["id", "version_at"]
