"""Chargebee's objects, in the words of its API (v2), of both product catalogues.

Catalogue 1.0 has a plan and addons in the subscription itself; 2.0 has a list of items, each with an item price.
Amounts are integers in minor units; those that end with `_in_decimal` are in whole units, with decimals.
"""

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant
from transforms.clean.money import Amount

STATES = ["future", "in_trial", "active", "non_renewing", "paused", "cancelled", "transferred"]


class ChargebeeSubscriptions(Export):
    """One row per subscription."""

    id: str = column("Subscription")
    customer_id: str = column("Customer who pays")
    status: str = column("State", isin=STATES)
    currency_code: str = column("Currency")
    created_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    started_at: Instant = column("When it first started, be it with a trial", optional=True)  # type: ignore[valid-type]
    activated_at: Instant = column("When it last became active", optional=True)  # type: ignore[valid-type]
    updated_at: Instant = column("When it last changed", optional=True)  # type: ignore[valid-type]
    cancelled_at: Instant = column("When it was cancelled, or is going to be", optional=True)  # type: ignore[valid-type]
    cancel_schedule_created_at: Instant = column(  # type: ignore[valid-type]
        "When it was asked for that it be cancelled later", optional=True
    )
    cancel_reason: str = column("Why Chargebee cancelled it", optional=True)
    cancel_reason_code: str = column("Why it was cancelled, in the company's words of a list", optional=True)
    current_term_end: Instant = column("When its billing period ends", optional=True)  # type: ignore[valid-type]
    trial_start: Instant = column("When its trial began", optional=True)  # type: ignore[valid-type]
    trial_end: Instant = column("When its trial ends", optional=True)  # type: ignore[valid-type]
    pause_date: Instant = column("When it was paused, or is going to be", optional=True)  # type: ignore[valid-type]
    resume_date: Instant = column("When the pause ends", optional=True)  # type: ignore[valid-type]
    billing_period: pl.Int64 = column("Units between bills", optional=True, gt=0)
    billing_period_unit: str = column("Unit of the billing period", optional=True)
    contract_term__status: str = column("State of its contract", optional=True)
    contract_term__contract_end: Instant = column("When its contract ends", optional=True)  # type: ignore[valid-type]
    coupon: str = column("Its coupon, in old exports of catalogue 1.0", optional=True)
    deleted: bool = column("Whether it was deleted", optional=True)
    plan_id: str = column("Its plan, in catalogue 1.0", optional=True)
    plan_quantity: pl.Int64 = column("Units of the plan", optional=True, ge=0)
    plan_quantity_in_decimal: Amount = column("The same with decimals", optional=True)  # type: ignore[valid-type]
    plan_free_quantity: pl.Int64 = column("Units that are not billed", optional=True, ge=0)
    plan_free_quantity_in_decimal: Amount = column("The same with decimals", optional=True)  # type: ignore[valid-type]
    plan_unit_price: Amount = column("Price of a unit of the plan", optional=True)  # type: ignore[valid-type]
    plan_unit_price_in_decimal: Amount = column("The same in whole units", optional=True)  # type: ignore[valid-type]
    plan_amount: Amount = column("What the plan costs", optional=True)  # type: ignore[valid-type]
    plan_amount_in_decimal: Amount = column("The same in whole units", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class ChargebeeSubscriptionItems(Export):
    """One row per item of a subscription, in catalogue 2.0; it has no id."""

    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    item_price_id: str = column("Its price", optional=True)
    item_type: str = column("plan, addon, or charge: what is billed once", optional=True)
    quantity: pl.Int64 = column("Units", optional=True, ge=0)
    quantity_in_decimal: Amount = column("The same with decimals", optional=True)  # type: ignore[valid-type]
    free_quantity: pl.Int64 = column("Units that are not billed", optional=True, ge=0)
    free_quantity_in_decimal: Amount = column("The same with decimals", optional=True)  # type: ignore[valid-type]
    metered_quantity: str = column("Units that were used, of a price that is billed by use", optional=True)
    unit_price: Amount = column("Price of a unit", optional=True)  # type: ignore[valid-type]
    unit_price_in_decimal: Amount = column("The same in whole units", optional=True)  # type: ignore[valid-type]
    amount: Amount = column("What the item costs", optional=True)  # type: ignore[valid-type]
    amount_in_decimal: Amount = column("The same in whole units", optional=True)  # type: ignore[valid-type]
    trial_end: Instant = column("When the item's own trial ends", optional=True)  # type: ignore[valid-type]
    charge_once: bool = column("Whether it is billed once", optional=True)
    charge_on_event: str = column("What it is billed upon, if not each period", optional=True)


class ChargebeeSubscriptionAddons(Export):
    """One row per addon of a subscription, in catalogue 1.0."""

    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    addon: str = column(
        "The addon",
        optional=True,
        spelled={**dict.fromkeys(("api", "airbyte", "dlt"), "id"), "fivetran": ("addon_id", "id")},
    )
    quantity: pl.Int64 = column("Units", optional=True, ge=0)
    quantity_in_decimal: Amount = column("The same with decimals", optional=True)  # type: ignore[valid-type]
    unit_price: Amount = column("Price of a unit", optional=True)  # type: ignore[valid-type]
    unit_price_in_decimal: Amount = column("The same in whole units", optional=True)  # type: ignore[valid-type]
    amount: Amount = column("What the addon costs", optional=True)  # type: ignore[valid-type]
    amount_in_decimal: Amount = column("The same in whole units", optional=True)  # type: ignore[valid-type]
    trial_end: Instant = column("When the addon's own trial ends", optional=True)  # type: ignore[valid-type]


class ChargebeeItemPrices(Export):
    """One row per price of an item, in catalogue 2.0."""

    id: str = column("Item price")
    item_id: str = column("What is sold", optional=True)
    item_type: str = column("plan, addon or charge", optional=True)
    name: str = column("What it is called", optional=True)
    external_name: str = column("What customers are shown", optional=True)
    pricing_model: str = column("flat_fee, per_unit, or by tiers: tiered, volume, stairstep", optional=True)
    period: pl.Int64 = column("Units between bills", optional=True, gt=0)
    period_unit: str = column("Unit of the period", optional=True)
    metered: bool = column("Whether it is billed by use", optional=True)

    class Config:
        unique = ["id"]


class ChargebeeItems(Export):
    """One row per thing that is sold, in catalogue 2.0."""

    id: str = column("Item")
    name: str = column("What it is called", optional=True)
    external_name: str = column("What customers are shown", optional=True)
    metered: bool = column("Whether it is billed by use", optional=True)

    class Config:
        unique = ["id"]


class ChargebeePlans(Export):
    """One row per plan, in catalogue 1.0."""

    id: str = column("Plan")
    name: str = column("What it is called", optional=True)
    pricing_model: str = column("flat_fee, per_unit, or by tiers: tiered, volume, stairstep", optional=True)

    class Config:
        unique = ["id"]


class ChargebeeAddons(Export):
    """One row per addon that is sold, in catalogue 1.0."""

    id: str = column("Addon")
    name: str = column("What it is called", optional=True)
    pricing_model: str = column("flat_fee, per_unit, or by tiers: tiered, volume, stairstep", optional=True)
    charge_type: str = column("recurring, or non_recurring: billed once", optional=True)
    period: pl.Int64 = column("Units between bills", optional=True)
    period_unit: str = column("Unit of the period", optional=True)

    class Config:
        unique = ["id"]


class ChargebeeDiscounts(Export):
    """One row per discount that was given to a subscription by itself."""

    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    id: str = column("Discount", optional=True)
    coupon_id: str = column("Its coupon", optional=True)
    percentage: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    amount: Amount = column("Amount taken off", optional=True)  # type: ignore[valid-type]
    currency_code: str = column("Currency of the amount", optional=True)
    duration_type: str = column("one_time, limited_period or forever", optional=True)
    created_at: Instant = column("When it was given", optional=True)  # type: ignore[valid-type]
    period: pl.Int64 = column("Units of time for which it was given, of limited_period", optional=True)
    period_unit: str = column("Unit of that time: day, week, month or year", optional=True)
    apply_till: Instant = column("When it ends", optional=True)  # type: ignore[valid-type]
    apply_on: str = column("invoice_amount, or specific_item_price", optional=True)
    item_price_id: str = column("The price that it is for", optional=True)


class ChargebeeSubscriptionCoupons(Export):
    """One row per coupon of a subscription."""

    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)
    coupon_id: str = column("The coupon", optional=True)
    apply_till: Instant = column("When it ends", optional=True)  # type: ignore[valid-type]


class ChargebeeCoupons(Export):
    """One row per coupon."""

    id: str = column("Coupon")
    discount_percentage: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    discount_amount: Amount = column("Amount taken off", optional=True)  # type: ignore[valid-type]
    currency_code: str = column("Currency of the amount", optional=True)
    duration_type: str = column("one_time, limited_period or forever", optional=True)
    duration_month: pl.Int64 = column("Months for which it is given, in older versions", optional=True)
    period: pl.Int64 = column("Units of time for which it is given, of limited_period", optional=True)
    period_unit: str = column("Unit of that time: day, week, month or year", optional=True)
    apply_on: str = column("invoice_amount, each_specified_item or specified_items_total", optional=True)
    plan_constraint: str = column("Which plans it is for, in catalogue 1.0: none, all, specific", optional=True)
    plan_ids: str = column("Those plans, as a list in JSON", optional=True)
    addon_constraint: str = column("Which addons it is for, in catalogue 1.0: none, all, specific", optional=True)
    addon_ids: str = column("Those addons, as a list in JSON", optional=True)

    class Config:
        unique = ["id"]


class ChargebeeCouponConstraints(Export):
    """One row per kind of item that a coupon says something of, in catalogue 2.0."""

    coupon: str = column("The coupon", optional=True, of_parent="id", refers=True)
    item_type: str = column("plan, addon or charge", optional=True)
    constraint: str = column("Which of them it is for: none, all, specific, criteria", optional=True)
    item_price_ids: str = column("Those prices, as a list in JSON", optional=True)


class ChargebeeContractTerms(Export):
    """One row per contract term of a subscription, where these have a table of their own."""

    id: str = column("Contract term")
    subscription: str = column("Its subscription", optional=True, refers=True)
    status: str = column("active, completed, cancelled or terminated", optional=True)
    contract_start: Instant = column("When it began", optional=True)  # type: ignore[valid-type]
    contract_end: Instant = column("When it ends", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class ChargebeeCustomers(Export):
    """One row per customer."""

    id: str = column("Customer")
    company: str = column("Name of the company", optional=True)
    email: str = column("Address of the person who is billed", optional=True, personal="id")
    created_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    billing_address__country: str = column("Country it is billed in", optional=True)
    deleted: bool = column("Whether it was deleted", optional=True)

    class Config:
        unique = ["id"]


class ChargebeeInvoices(Export):
    """One row per invoice."""

    id: str = column("Invoice")
    customer_id: str = column("Customer who was billed", optional=True)
    status: str = column("State", isin=["paid", "posted", "payment_due", "not_paid", "voided", "pending"])
    currency_code: str = column("Currency")
    date: Instant = column("When it was issued", optional=True)  # type: ignore[valid-type]
    generated_at: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    due_date: Instant = column("By when it is to be paid", optional=True)  # type: ignore[valid-type]
    paid_at: Instant = column("When it was paid", optional=True)  # type: ignore[valid-type]
    total: Amount = column("The whole with tax")  # type: ignore[valid-type]
    tax: Amount = column("Tax", optional=True)  # type: ignore[valid-type]
    recurring: bool = column("Whether it is for a subscription", optional=True)
    deleted: bool = column("Whether it was deleted", optional=True)

    class Config:
        unique = ["id"]


class ChargebeeInvoiceLines(Export):
    """One row per line of an invoice."""

    invoice: str = column("Its invoice", optional=True, of_parent="id", refers=True)
    entity_type: str = column("What it is for: plan_item_price, charge_item_price, adhoc …", optional=True)
    entity_id: str = column("Price, plan or addon that it is for", optional=True)
    amount: Amount = column("Amount before discounts", optional=True)  # type: ignore[valid-type]
    discount_amount: Amount = column("What discounts take off it", optional=True)  # type: ignore[valid-type]
    metered: bool = column("Whether it is billed by use", optional=True)


class ChargebeeIssuedCredits(Export):
    """One row per credit note that stands in its invoice."""

    invoice: str = column("Its invoice", optional=True, of_parent="id", refers=True)
    cn_status: str = column("adjusted, refunded, refund_due or voided", optional=True)
    cn_total: Amount = column("The whole with tax", optional=True)  # type: ignore[valid-type]


class ChargebeeCreditNotes(Export):
    """One row per credit note."""

    id: str = column("Credit note")
    reference_invoice_id: str = column("Its invoice", optional=True)
    status: str = column("adjusted, refunded, refund_due or voided", optional=True)
    total: Amount = column("The whole with tax", optional=True)  # type: ignore[valid-type]
    deleted: bool = column("Whether it was deleted", optional=True)

    class Config:
        unique = ["id"]
