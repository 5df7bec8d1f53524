"""What customers pay: subscription items, invoices, renewals, costs, rates, and the MRR made of them."""

from typing import Any

import polars as pl

from schemas.bounds import LONGEST_INTERVALS, MOST_MONEY, MOST_RATE, MOST_UNITS, PAID_AHEAD_MONTHS
from schemas.contract import Contract, Outcome, column
from schemas.currencies import CODES
from schemas.customers import OF_SOURCE, Export
from schemas.support import Instant

INTERVAL_UNITS = ["day", "week", "month", "quarter", "year"]
MINOR = "minor units of currency"
FIRST_OF_MONTH = ("month", "the first day of a month", pl.col("month").dt.day() == 1)
"""A rule of tables by month: a row of another day would be in no month."""
PAYMENT_MONTHS = 3
"""Months of issue of the invoices that tell of an account's health, its own among them."""


def currency(*, optional: bool = False) -> Any:  # noqa: ANN401 - the declared type is the annotation's
    """A currency that is or was one."""
    return column(
        "ISO 4217 code, in force or withdrawn",
        optional=optional,
        isin=CODES,
        expected="an ISO 4217 code, in force or withdrawn, in capitals",
    )


class SubscriptionItems(Export):
    """One row per version of a subscription's item: what is billed from `valid_from` until the next version."""

    subscription_id: str = column("Subscription")
    item_id: str = column("Item of the subscription")
    valid_from: pl.Date = column("First day of this version", optional=True)
    account_id: str = column("Account that pays", null=True)
    plan: str = column("Plan", optional=True)
    quantity: pl.Int64 = column("Units billed; empty is 1", optional=True, ge=0, le=MOST_UNITS)
    seats: pl.Int64 = column("Seats the item gives", unit="count", optional=True, ge=0, le=MOST_UNITS)
    unit_amount: pl.Decimal(38, 12) = column(  # type: ignore[valid-type]
        "Price of one unit per interval, without tax; with decimals, as half a cent a call",
        unit=MINOR,
        optional=True,
        ge=-MOST_MONEY,
        le=MOST_MONEY,
    )
    line_amount: pl.Int64 = column(
        "The whole line per interval, without tax, where there is no unit price (tiers, packages); counts before "
        "quantity × unit_amount",
        unit=MINOR,
        optional=True,
        ge=-MOST_MONEY,
        le=MOST_MONEY,
    )
    currency: str = currency()
    interval_unit: str = column("Unit of the billing interval", isin=INTERVAL_UNITS)
    interval_count: pl.Int64 = column("Units in the billing interval; empty is 1", optional=True, gt=0)
    discount_amount: pl.Int64 = column(
        "Recurring discount of the whole line per interval; empty is 0",
        unit=MINOR,
        optional=True,
        ge=0,
        le=MOST_MONEY,
    )
    discount_ends_on: pl.Date = column(
        "First day without the discount", optional=True, moment="planned", open_ended=True
    )
    is_trial: bool = column("On trial; counts only where there are no trial dates", optional=True)
    trial_started_on: pl.Date = column("First day of the trial", optional=True, moment="planned")
    trial_ends_on: pl.Date = column("First day after the trial", optional=True, moment="planned")
    is_metered: bool = column("Billed by use: never in MRR", optional=True)
    started_on: pl.Date = column("First day of service; the same in all versions of the item")
    ended_on: pl.Date = column("First day out of service", optional=True, moment="planned", open_ended=True)
    cancel_requested_on: pl.Date = column("Day the cancellation was asked for", optional=True, moment="happened")
    term_ends_on: pl.Date = column("First day after the current term", optional=True, moment="planned", open_ended=True)
    paused_from: pl.Date = column("First paused day", optional=True, moment="planned", open_ended=True)
    paused_until: pl.Date = column("First day in service again", optional=True, moment="planned", open_ended=True)
    changed_at: Instant = column(  # type: ignore[valid-type]
        "When this version was made (UTC); of versions with one valid_from the last made speaks", optional=True
    )

    class Config:
        unique = ["export_source", "subscription_id", "item_id", "valid_from", "changed_at"]
        metadata = {
            "dated_by": ("valid_from", "started_on"),
            "cumulative": True,
            "versioned_by": ("valid_from", "changed_at"),
            "held_by_last": ("ended_on", "cancel_requested_on"),
            "ordered": [
                ("started_on", "ended_on"),
                ("paused_from", "paused_until"),
                ("trial_started_on", "trial_ends_on"),
            ],
            "unless": [(("unit_amount", "line_amount"), "is_metered")],
            "rules": [
                (
                    "interval_count",
                    "an interval of at most ten years",
                    pl.col("interval_count")
                    <= pl.col("interval_unit").replace_strict(LONGEST_INTERVALS, default=None, return_dtype=pl.Int64),
                ),
                (
                    "quantity",
                    f"a line of at most {MOST_MONEY:.0e} {MINOR}: quantity × unit_amount",
                    # As floats, which the product doesn't outgrow.
                    (pl.col("quantity").cast(pl.Float64) * pl.col("unit_amount").cast(pl.Float64)).abs() <= MOST_MONEY,
                ),
            ],
        }


INVOICE, CREDIT_NOTE = "invoice", "credit_note"


class Invoice(Contract):
    """One row per invoice or credit note."""

    invoice_id: str = column("Invoice")
    account_id: str = column("Account that was billed", null=True)
    issued_on: pl.Date = column("Day of issue")
    due_on: pl.Date = column("Day by which it is to be paid", optional=True, moment="planned")
    paid_on: pl.Date = column("Day it was paid in full", optional=True, moment="happened")
    status: str = column("State", isin=["draft", "open", "paid", "void", "uncollectible"])
    amount: pl.Int64 = column("The whole amount without tax", unit=MINOR, ge=-MOST_MONEY, le=MOST_MONEY)
    one_off_amount: pl.Int64 = column("Part of the amount that does not recur", unit=MINOR, optional=True)
    refunded: pl.Int64 = column("Refunded part without tax; empty is 0", unit=MINOR, optional=True)
    kind: str = column(
        "Invoice or credit note; empty: by the sign of amount", optional=True, isin=[INVOICE, CREDIT_NOTE]
    )
    credits_invoice_id: str = column("Invoice that a credit note takes back, or a part of it", optional=True)
    currency: str = currency()


class Invoices(Invoice, Export):
    """One row per invoice or credit note of the billing system."""

    class Config:
        unique = ["export_source", "invoice_id"]
        metadata = {
            "by_month": True,
            "dated_by": "issued_on",
            "rules": [
                ("refunded", "from 0 to the amount", pl.col("refunded").is_between(0, pl.col("amount").abs())),
                (
                    "one_off_amount",
                    "a part of the amount, of its sign",
                    (pl.col("one_off_amount").abs() <= pl.col("amount").abs())
                    & ((pl.col("one_off_amount") == 0) | (pl.col("one_off_amount").sign() == pl.col("amount").sign())),
                ),
                (
                    "paid_on",
                    f"not more than {PAID_AHEAD_MONTHS} months before issued_on",
                    pl.col("paid_on") >= pl.col("issued_on").dt.offset_by(f"-{PAID_AHEAD_MONTHS}mo"),
                ),
            ],
            "outcome": Outcome("status", told="paid", before="open", day="paid_on", due=("due_on",)),
        }


class FctInvoice(Invoice):
    """One row per invoice or credit note, in the month it was issued."""

    month: pl.Date = column("Month of issue")
    source: str = column(OF_SOURCE)
    paid_month: pl.Date = column(
        "Month it was paid, if it is no credit note and amount − refunded is above zero", null=True
    )
    paid_cents: pl.Int64 = column("Amount − refunded at the rate of the month it was paid", unit="cents", null=True)
    one_off_cents: pl.Int64 = column(
        "One-off amount at the rate of the month of issue; below zero of a credit note", unit="cents", null=True
    )
    credited_cents: pl.Int64 = column(
        "What a credit note takes back, at the rate of the month of issue", unit="cents", null=True
    )
    open_cents: pl.Int64 = column(
        "Amount − refunded of an open invoice at the rate of the month of issue; NULL without such a rate",
        unit="cents",
        null=True,
    )

    class Config:
        unique = ["source", "invoice_id"]


class Term(Contract):
    """One row per term of a subscription."""

    renewal_id: str = column("Term")
    account_id: str = column("Account", null=True)
    subscription_id: str = column("Subscription", optional=True)
    term_started_on: pl.Date = column("First day of the term")
    term_ended_on: pl.Date = column("Due day: the first day after the term", moment="planned")


class Renewal(Term):
    """One row per term that came up for renewal."""

    renewed_on: pl.Date = column("Day it was renewed", optional=True, moment="happened")
    outcome: str = column("What became of it", isin=["renewed", "lost", "open"])
    mrr_amount: pl.Int64 = column("MRR of the term", unit=MINOR, optional=True, ge=0, le=MOST_MONEY)
    renewed_mrr_amount: pl.Int64 = column(
        "MRR after renewal; empty is mrr_amount if renewed, else 0",
        unit=MINOR,
        optional=True,
        ge=0,
        le=MOST_MONEY,
    )
    currency: str = currency(optional=True)


class Renewals(Renewal, Export):
    """One row per renewal of the CRM or the billing system."""

    class Config:
        unique = ["export_source", "renewal_id"]
        metadata = {
            "dated_by": "term_ended_on",
            "told_with": [("renewed_mrr_amount", "renewed_on")],
            "ordered": [("term_started_on", "term_ended_on"), ("term_started_on", "renewed_on")],
            "rules": [
                (
                    "renewed_on",
                    "no day, as the outcome is not renewed",
                    pl.col("renewed_on").is_null() | ~pl.col("outcome").is_in(["lost", "open"]),
                )
            ],
            "outcome": Outcome("outcome", told="renewed", before="open", day="renewed_on", due=("term_ended_on",)),
        }


class Costs(Export):
    """One row per month and cost category."""

    month: pl.Date = column("First day of the month")
    category: str = column("Cost category")
    amount: pl.Int64 = column("Cost", unit=MINOR, ge=-MOST_MONEY, le=MOST_MONEY)
    currency: str = currency()

    class Config:
        unique = ["export_source", "month", "category", "currency"]
        metadata = {"dated_by": "month", "rules": [FIRST_OF_MONTH]}


class FxRates(Export):
    """One row per month and foreign currency."""

    month: pl.Date = column("First day of the month")
    currency: str = currency()
    rate: pl.Decimal(38, 20) = column(  # type: ignore[valid-type]
        "Reporting units for one foreign unit at month end; decimals after the 20th are rounded", gt=0, le=MOST_RATE
    )

    class Config:
        unique = ["month", "currency"]
        metadata = {"dated_by": "month", "rules": [FIRST_OF_MONTH]}


class FctCostMonth(Contract):
    """One row per month and cost category with costs, of all sources and currencies together."""

    month: pl.Date = column("First day of the month")
    category: str = column("Cost category")
    is_retention: bool = column("Whether the config counts it as a cost of keeping customers")
    cost_cents: pl.Int64 = column(
        "Cost at the rate of the month, rounded once; NULL where the month lacks a rate", unit="cents", null=True
    )

    class Config:
        unique = ["month", "category"]


class FctMrrAccountMonth(Contract):
    """One row per account and month with opening or closing MRR.

    opening + new + reactivation + expansion − contraction − churned + fx = closing, exactly;
    opening is the closing of the month before.
    """

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    opening_cents: pl.Int64 = column("MRR on the last day of the month before", unit="cents", ge=0)
    new_cents: pl.Int64 = column("Closing MRR of an account that never paid before the month", unit="cents", ge=0)
    reactivation_cents: pl.Int64 = column("Closing MRR of an account that came back", unit="cents", ge=0)
    expansion_cents: pl.Int64 = column("Growth of a paying account in its own currencies", unit="cents", ge=0)
    upsell_cents: pl.Int64 = column("Part of expansion from items that grew", unit="cents", ge=0)
    cross_sell_cents: pl.Int64 = column("Part of expansion from items without opening MRR", unit="cents", ge=0)
    contraction_cents: pl.Int64 = column("Shrinking of an account that still pays", unit="cents", ge=0)
    churned_cents: pl.Int64 = column("Opening MRR of an account that pays nothing at month end", unit="cents", ge=0)
    fx_cents: pl.Int64 = column("What only the exchange rate moved", unit="cents")
    closing_cents: pl.Int64 = column("MRR on the last day of the month", unit="cents", ge=0)
    pending_cancellation_cents: pl.Int64 = column(
        "Closing MRR of items whose cancellation is requested and whose end is later or not known", unit="cents", ge=0
    )
    uncancelled_items: pl.Int64 = column(
        "Items with MRR above zero at month end whose cancellation is not requested", unit="count", ge=0
    )
    seats: pl.Int64 = column("Seats at month end of the items that make MRR", unit="count", null=True)

    class Config:
        unique = ["month", "account_id"]


class FctMrrAccountCurrencyMonth(Contract):
    """One row per account, month and currency with opening or closing MRR, in native minor units."""

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    currency: str = currency()
    opening_native_cents: pl.Int64 = column("MRR on the last day of the month before, rounded", unit=MINOR)
    closing_native_cents: pl.Int64 = column("MRR on the last day of the month, rounded", unit=MINOR)
    rate: pl.Float64 = column("Reporting units for one foreign unit at month end", unit="ratio")

    class Config:
        unique = ["month", "account_id", "currency"]


class FctMrrItemMonth(Contract):
    """One row per item of a subscription and month at whose end it makes MRR.

    An account's items add up to its closing MRR exactly, in each currency and in the reporting currency: each item has
    its whole cents, and the cents that lack then go to those with the greatest fraction of one.
    """

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    source: str = column(OF_SOURCE)
    subscription_id: str = column("Subscription")
    item_id: str = column("Item of the subscription")
    plan: str = column("Plan", null=True)
    interval: str = column("Billing interval: month, 6 months, quarter, year, week …; 12 months are a year")
    quantity: pl.Int64 = column("Units billed; 1 where the export says nothing", ge=0)
    seats: pl.Int64 = column("Seats the item gives", unit="count", null=True)
    currency: str = currency()
    closing_native_cents: pl.Int64 = column("MRR on the last day of the month", unit=MINOR, ge=0)
    closing_cents: pl.Int64 = column("The same at the rate of the month", unit="cents", ge=0)

    class Config:
        unique = ["month", "source", "subscription_id", "item_id"]


RENEWAL_BASIS = ["renewals", "subscription_items"]
OF_TERM = f"{OF_SOURCE}; empty: a term that is read from items of several"


class FctRenewal(Renewal):
    """One row per term that came up for renewal, in the month it was due.

    As exported; where no source has renewals, one row per account and day on which some of its items that are billed
    for more than a month are due, in the reporting currency.
    """

    month: pl.Date = column("Month of the due day")
    source: str = column(OF_TERM, null=True)
    counts: bool = column("Whether the term is longer than a month")
    is_renewed: bool = column("Renewed before the 30th day after the due day")
    decided_on: pl.Date = column(
        "Day from which is_renewed is final: the due day, a later renewal's, or the 30th day after the due day"
    )
    mrr_cents: pl.Int64 = column("MRR of the term at the rate of the due month", unit="cents", null=True)
    renewed_mrr_cents: pl.Int64 = column(
        "MRR after renewal at the rate of the due month; 0 if it was not renewed", unit="cents", null=True
    )
    basis: str = column("Table the row was made from", isin=RENEWAL_BASIS)

    class Config:
        unique = ["source", "renewal_id"]


class UpcomingRenewal(Term):
    """One row per term longer than a month that is due after `as_of`, and of which nothing is decided yet.

    As exported; where no source has renewals, one row per account and next day on which some of its items that are
    billed for more than a month are due, without those whose end or cancellation is known.
    """

    source: str = column(OF_TERM, null=True)
    mrr_cents: pl.Int64 = column("MRR of the term at the rate of the month of as_of", unit="cents", null=True)
    basis: str = column("Table the row was made from", isin=RENEWAL_BASIS)

    class Config:
        unique = ["source", "renewal_id"]


class FctTrial(Contract):
    """One row per trial of an item, in the month it started, as far as known three months after that month."""

    source: str = column(OF_SOURCE)
    subscription_id: str = column("Subscription")
    item_id: str = column("Item on trial")
    account_id: str = column("Account")
    plan: str = column("Plan", null=True)
    trial_started_on: pl.Date = column("First day on trial")
    trial_ends_on: pl.Date = column("Planned first day after the trial, once it has come", null=True)
    trial_ended_on: pl.Date = column(
        "First day out: the planned end, the end of service, or a version that is not on trial, whichever is first",
        null=True,
    )
    was_paying_before: bool = column("Whether the account paid on the day before the trial")
    first_paid_after: pl.Date = column("The account's first paying day since the start of the trial", null=True)
    is_converted: bool = column(
        "Whether first_paid_after is at most 30 days after the end; NULL where that is not known", null=True
    )
    decided_on: pl.Date = column(
        "Day from which is_converted is final: the end, a later first payment, or the 30th day after the end", null=True
    )
    month: pl.Date = column("Month of the start")

    class Config:
        unique = ["source", "subscription_id", "item_id", "trial_started_on"]


class CohortRetention(Contract):
    """One row per month and month of first payment: what is left of those who began to pay then.

    An account that left and came back is kept. MRR now is closing MRR less the account's fx since the first month end.
    """

    month: pl.Date = column("Month at whose end is looked")
    cohort_month: pl.Date = column("Month of the first paying day")
    age_months: pl.Int64 = column("Months from cohort_month to month", unit="months", ge=0)
    accounts: pl.Int64 = column("Accounts that began to pay in cohort_month", unit="count", ge=0)
    accounts_kept: pl.Int64 = column("Those that pay at month end", unit="count", ge=0)
    mrr_then_cents: pl.Int64 = column("Their MRR at the end of cohort_month", unit="cents", ge=0)
    mrr_kept_cents: pl.Int64 = column("Σ of each one's smaller MRR, then or now", unit="cents", ge=0)
    mrr_now_cents: pl.Int64 = column("Σ of their MRR now, expansion included", unit="cents", ge=0)

    class Config:
        unique = ["month", "cohort_month"]
