"""Stripe's objects, in the words of its API.

Sources: Stripe's API reference, with what version 2025-03-31 moved; the headers of its exports.
"""

import polars as pl

from schemas.bounds import MOST_UNITS
from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant
from transforms.clean.money import Amount

STATES = ["incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"]


class StripeSubscriptions(Export):
    """One row per subscription."""

    id: str = column("Subscription", spelled={"dashboard": "id"})
    customer: str = column("Customer who pays", refers=True, spelled={"dashboard": "Customer ID"})
    status: str = column("State", isin=STATES, spelled={"dashboard": "Status"})
    created: Instant = column("When it was made", optional=True, spelled={"dashboard": "Created (UTC)"})  # type: ignore[valid-type]
    start_date: Instant = column(  # type: ignore[valid-type]
        "When service began, be it before it was made",
        optional=True,
        spelled={"dashboard": ("Start Date (UTC)", "Start (UTC)")},
    )
    canceled_at: Instant = column(  # type: ignore[valid-type]
        "When the cancellation was asked for", optional=True, spelled={"dashboard": "Canceled At (UTC)"}
    )
    cancel_at: Instant = column("When it is going to end", optional=True)  # type: ignore[valid-type]
    cancel_at_period_end: bool = column(
        "Whether it ends with its period", optional=True, spelled={"dashboard": "Cancel At Period End"}
    )
    ended_at: Instant = column("When service ended", optional=True, spelled={"dashboard": "Ended At (UTC)"})  # type: ignore[valid-type]
    trial_start: Instant = column("When its trial began", optional=True, spelled={"dashboard": "Trial Start (UTC)"})  # type: ignore[valid-type]
    trial_end: Instant = column("When its trial ends", optional=True, spelled={"dashboard": "Trial End (UTC)"})  # type: ignore[valid-type]
    current_period_end: Instant = column(  # type: ignore[valid-type]
        "When its period ends; of newer versions that of the items",
        optional=True,
        spelled={"dashboard": "Current Period End (UTC)"},
    )
    pause_collection__behavior: str = column("What becomes of invoices while it is paused", optional=True)
    pause_collection__resumes_at: Instant = column("When the pause ends", optional=True)  # type: ignore[valid-type]
    livemode: bool = column("Whether it is no test", optional=True)
    cancellation_details__reason: str = column("Why it was cancelled", optional=True)
    cancellation_details__feedback: str = column("Why, in the customer's words of a list", optional=True)
    cancellation_details__comment: str = column("Why, in free words", optional=True, personal="text")
    discount__id: str = column("Its discount", optional=True)
    discount__coupon__id: str = column("Its coupon", optional=True, spelled={"dashboard": "Coupon"})
    discount__coupon__percent_off: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    discount__coupon__amount_off: Amount = column(  # type: ignore[valid-type]
        "Amount taken off", optional=True, money="discount__coupon__currency"
    )
    discount__coupon__currency: str = column("Currency of the amount", optional=True)
    discount__coupon__duration: str = column("Whether once, for some months, or forever", optional=True)
    discount__end: Instant = column("When the discount ends", optional=True)  # type: ignore[valid-type]
    items__has_more: bool = column(
        "Whether the list of items was cut off",
        optional=True,
        eq=False,
        expected="false: the list of its items was cut off; export it with all of them",
    )

    class Config:
        unique = ["id"]


class StripePriced(Export):
    """One row per object in which its price stands whole."""

    price__nickname: str = column("What the price is called", optional=True)
    price__product: str = column("What is sold", optional=True, refers=True)
    price__unit_amount: Amount = column("Price of a unit", optional=True, money="price__currency")  # type: ignore[valid-type]
    price__unit_amount_decimal: Amount = column(  # type: ignore[valid-type]
        "Price of a unit with fractions of a cent",
        optional=True,
        money="price__currency",
        spelled={"dashboard": "Amount"},
    )
    price__currency: str = column("Currency", optional=True, spelled={"dashboard": "Currency"})
    price__recurring__interval: str = column("Billing interval", optional=True, spelled={"dashboard": "Interval"})
    price__recurring__interval_count: pl.Int64 = column("Intervals between bills", optional=True)
    price__recurring__usage_type: str = column("licensed, or metered: billed by use", optional=True)
    price__transform_quantity__divide_by: pl.Int64 = column("Units of a package", optional=True, gt=0)
    price__transform_quantity__round: str = column("How packages are rounded", optional=True)


class StripeSubscriptionItems(StripePriced):
    """One row per item of a subscription."""

    id: str = column("Item", spelled={"dashboard": "id"})
    subscription: str = column("Its subscription", of_parent="id", refers=True, spelled={"dashboard": "id"})
    quantity: pl.Int64 = column("Units", optional=True, ge=0, le=MOST_UNITS, spelled={"dashboard": "Quantity"})
    created: Instant = column("When the item was added", optional=True)  # type: ignore[valid-type]
    discounts: str = column("Its own discounts, as a list in JSON", optional=True)
    current_period_end: Instant = column("When its period ends", optional=True)  # type: ignore[valid-type]
    price__id: str = column("Its price", optional=True, spelled={"fivetran": "plan_id", "dashboard": "Plan"})
    price__billing_scheme: str = column("per_unit, or tiered: then no unit has a price", optional=True)
    plan__id: str = column("Its plan, as prices were called", optional=True, spelled={"fivetran": "plan_id"})
    plan__nickname: str = column("What the plan is called", optional=True)
    plan__product: str = column("What is sold", optional=True, refers=True)
    plan__amount: Amount = column("Price of a unit", optional=True, money="plan__currency")  # type: ignore[valid-type]
    plan__amount_decimal: Amount = column("The same with fractions", optional=True, money="plan__currency")  # type: ignore[valid-type]
    plan__currency: str = column("Currency", optional=True)
    plan__billing_scheme: str = column("per_unit or tiered", optional=True)
    plan__interval: str = column("Billing interval", optional=True)
    plan__interval_count: pl.Int64 = column("Intervals between bills", optional=True)
    plan__usage_type: str = column("licensed or metered", optional=True)
    plan__transform_usage__divide_by: pl.Int64 = column("Units of a package", optional=True, gt=0)
    plan__transform_usage__round: str = column("How packages are rounded", optional=True)

    class Config:
        unique = ["id"]


class StripePrices(Export):
    """One row per price."""

    id: str = column("Price")
    nickname: str = column("What it is called", optional=True)
    product: str = column("What is sold", optional=True, refers=True)
    unit_amount: Amount = column("Price of a unit", optional=True, money="currency")  # type: ignore[valid-type]
    unit_amount_decimal: Amount = column("The same with fractions of a cent", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency", optional=True)
    billing_scheme: str = column("per_unit or tiered", optional=True)
    recurring__interval: str = column("Billing interval", optional=True)
    recurring__interval_count: pl.Int64 = column("Intervals between bills", optional=True)
    recurring__usage_type: str = column("licensed or metered", optional=True)
    transform_quantity__divide_by: pl.Int64 = column("Units of a package", optional=True, gt=0)
    transform_quantity__round: str = column("How packages are rounded", optional=True)

    class Config:
        unique = ["id"]


class StripePlans(Export):
    """One row per plan, as prices were called."""

    id: str = column("Plan")
    nickname: str = column("What it is called", optional=True)
    product: str = column("What is sold", optional=True, refers=True)
    amount: Amount = column("Price of a unit", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency", optional=True)
    billing_scheme: str = column("per_unit or tiered", optional=True)
    interval: str = column("Billing interval", optional=True)
    interval_count: pl.Int64 = column("Intervals between bills", optional=True)
    usage_type: str = column("licensed or metered", optional=True)
    transform_usage__divide_by: pl.Int64 = column("Units of a package", optional=True, gt=0)
    transform_usage__round: str = column("How packages are rounded", optional=True)

    class Config:
        unique = ["id"]


class StripeProducts(Export):
    """One row per product."""

    id: str = column("Product")
    name: str = column("What it is called", optional=True)

    class Config:
        unique = ["id"]


class StripeCoupons(Export):
    """One row per coupon."""

    id: str = column("Coupon")
    percent_off: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    amount_off: Amount = column("Amount taken off", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency of the amount", optional=True)
    duration: str = column("Whether once, for some months (repeating), or forever", optional=True)

    class Config:
        unique = ["id"]


class StripeDiscountsElsewhere(Export):
    """One row per discount, wherever it stands whole, as in invoices; the same one may stand in several."""

    id: str = column("Discount", optional=True, spelled={"dlt": ("id", "value")})
    coupon__id: str = column("Its coupon", optional=True, spelled={"fivetran": "coupon_id"})
    source__coupon: str = column("Its coupon, where newer versions name it", optional=True, refers=True)
    coupon__percent_off: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    coupon__amount_off: Amount = column("Amount taken off", optional=True, money="coupon__currency")  # type: ignore[valid-type]
    coupon__currency: str = column("Currency of the amount", optional=True)
    coupon__duration: str = column("Whether once, for some months, or forever", optional=True)
    end: Instant = column("When it ends", optional=True)  # type: ignore[valid-type]


class StripeDiscounts(StripeDiscountsElsewhere):
    """One row per discount of a subscription; of one that is not expanded no more than its id is told."""

    subscription: str = column("Its subscription", optional=True, of_parent="id", refers=True)

    class Config:
        unique = ["id"]


class StripeItemDiscounts(StripeDiscountsElsewhere):
    """One row per discount of an item, where these have a table of their own."""

    item: str = column("Its item", optional=True, of_parent="id", refers=True)


class StripeCustomers(Export):
    """One row per customer."""

    id: str = column("Customer", spelled={"dashboard": "id"})
    name: str = column("Name", optional=True, spelled={"dashboard": "Name"})
    email: str = column("Address of the person who is billed", optional=True, personal="id",
                        spelled={"dashboard": "Email"})  # fmt: skip
    created: Instant = column("When it was made", optional=True, spelled={"dashboard": "Created (UTC)"})  # type: ignore[valid-type]
    address__country: str = column("Country", optional=True)
    livemode: bool = column("Whether it is no test", optional=True)
    is_deleted: bool = column("Whether it was deleted", optional=True, spelled={"api": "deleted"})
    discount__id: str = column("Its discount", optional=True)
    discount__coupon__id: str = column("Its coupon", optional=True)
    discount__coupon__percent_off: Amount = column("Share taken off", unit="%", optional=True)  # type: ignore[valid-type]
    discount__coupon__amount_off: Amount = column(  # type: ignore[valid-type]
        "Amount taken off", optional=True, money="discount__coupon__currency"
    )
    discount__coupon__currency: str = column("Currency of the amount", optional=True)
    discount__coupon__duration: str = column("Whether once, for some months, or forever", optional=True)
    discount__end: Instant = column("When the discount ends", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class StripeInvoices(Export):
    """One row per invoice."""

    id: str = column("Invoice", spelled={"dashboard": "id"})
    customer: str = column("Customer who pays", optional=True, refers=True, spelled={"dashboard": "Customer"})
    status: str = column("State", isin=["draft", "open", "paid", "uncollectible", "void"], null=True,
                         spelled={"dashboard": "Status"})  # fmt: skip
    currency: str = column("Currency", spelled={"dashboard": "Currency"})
    created: Instant = column("When it was made", spelled={"dashboard": "Date (UTC)"})  # type: ignore[valid-type]
    due_date: Instant = column(  # type: ignore[valid-type]
        "By when it is to be paid; none where it is charged", optional=True, spelled={"dashboard": "Due Date (UTC)"}
    )
    status_transitions__finalized_at: Instant = column(  # type: ignore[valid-type]
        "When it was issued", optional=True, spelled={"dashboard": "Finalized At (UTC)"}
    )
    status_transitions__paid_at: Instant = column(  # type: ignore[valid-type]
        "When it was paid", optional=True, spelled={"dashboard": "Paid At (UTC)"}
    )
    total: Amount = column("The whole with tax", money="currency", spelled={"dashboard": "Total"})  # type: ignore[valid-type]
    total_excluding_tax: Amount = column("The whole without tax", optional=True, money="currency")  # type: ignore[valid-type]
    tax: Amount = column("Tax", optional=True, money="currency", spelled={"dashboard": "Tax"})  # type: ignore[valid-type]
    charge: str = column("Its charge, before version 2025-03-31", optional=True, refers=True)
    lines__has_more: bool = column("Whether the list of lines was cut off", optional=True)
    livemode: bool = column("Whether it is no test", optional=True)
    is_deleted: bool = column("Whether it was deleted", optional=True, spelled={"api": "deleted"})

    class Config:
        unique = ["id"]


class StripeInvoiceTaxes(Export):
    """One row per tax of an invoice, since version 2025-03-31."""

    invoice: str = column("Its invoice", optional=True, of_parent="id", refers=True)
    amount: Amount = column("Tax", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency of the invoice", optional=True, of_parent="currency")


class StripeInvoiceLines(StripePriced):
    """One row per line of an invoice."""

    id: str = column("Line")
    invoice: str = column("Its invoice", optional=True, of_parent="id", refers=True)
    type: str = column("subscription, or invoiceitem: what doesn't recur", optional=True)
    parent__type: str = column("The same, since version 2025-03-31", optional=True)
    amount: Amount = column("Amount", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency", optional=True)
    proration: bool = column("Whether it is for a part of a period", optional=True)
    parent__subscription_item_details__proration: bool = column("The same, since version 2025-03-31", optional=True)
    parent__invoice_item_details__proration: bool = column("The same, of what was still to be billed", optional=True)
    subscription: str = column("Its subscription", optional=True, refers=True)
    parent__subscription_item_details__subscription: str = column("The same, since version 2025-03-31", optional=True)
    subscription_item: str = column("Its item", optional=True, refers=True)
    parent__subscription_item_details__subscription_item: str = column(
        "The same, since version 2025-03-31", optional=True
    )
    period__start: Instant = column("When the period begins that it is for", optional=True)  # type: ignore[valid-type]
    period__end: Instant = column("When the period ends that it is for", optional=True)  # type: ignore[valid-type]
    quantity: pl.Int64 = column("Units billed", optional=True)
    amount_excluding_tax: Amount = column(  # type: ignore[valid-type]
        "Amount without tax, before discounts", optional=True, money="currency"
    )
    unit_amount_excluding_tax: Amount = column("The same of one unit", optional=True, money="currency")  # type: ignore[valid-type]
    price__id: str = column("Its price", optional=True)
    pricing__price_details__price: str = column("Its price, since version 2025-03-31", optional=True)
    pricing__price_details__product: str = column("What is sold, since version 2025-03-31", optional=True)
    plan__id: str = column("Its plan, as prices were called", optional=True)

    class Config:
        unique = ["invoice", "id"]


class StripeCreditNotes(Export):
    """One row per credit note."""

    id: str = column("Credit note")
    invoice: str = column("Its invoice", refers=True)
    status: str = column("issued or void", optional=True)
    type: str = column("post_payment, or pre_payment: before anything was paid", optional=True)
    total: Amount = column("The whole with tax", optional=True, money="currency")  # type: ignore[valid-type]
    total_excluding_tax: Amount = column("The whole without tax", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency", optional=True)
    refund: str = column("The refund that pays it out", optional=True, refers=True)

    class Config:
        unique = ["id"]


class StripeRefunds(Export):
    """One row per refund."""

    id: str = column("Refund")
    charge: str = column("Its charge", optional=True, refers=True)
    status: str = column("succeeded, pending, failed …", optional=True)
    amount: Amount = column("Amount, with its share of tax", optional=True, money="currency")  # type: ignore[valid-type]
    currency: str = column("Currency", optional=True)

    class Config:
        unique = ["id"]


class StripeCharges(Export):
    """One row per charge."""

    id: str = column("Charge")
    invoice: str = column("Its invoice", optional=True, refers=True)

    class Config:
        unique = ["id"]
