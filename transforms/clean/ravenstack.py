"""RavenStack's five CSV files (public synthetic data of a B2B SaaS company).

Its subscriptions are the truth for churn; its churn events give reasons and comments. It exports no user ids, no
replies or reopens of tickets, no invoices, surveys, sentiment, reviews or milestones.
"""

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.form import Cleaning, Form, Formats, RawTable
from schemas.support import Instant
from transforms.template import filled

PROVENANCE = ("export_source", "export_file", "export_line", "exported_at")
LEAST, MOST = 1.0, 5.0
"""The scale of ratings."""


class RavenstackAccounts(Export):
    """One row per account of the CRM."""

    account_id: str = column("Account")
    account_name: str = column("Name", null=True)
    industry: str = column("Industry", null=True)
    country: str = column("Country", null=True)
    signup_date: pl.Date = column("Day of signing up", null=True)
    referral_source: str = column("Where the account came from", null=True)
    plan_tier: str = column("Plan", null=True)
    seats: pl.Int64 = column("Seats", null=True)
    is_trial: bool = column("On trial", null=True)
    churn_flag: bool = column("Set for accounts that still pay: not used", null=True)

    class Config:
        unique = ["account_id"]


class RavenstackSubscriptions(Export):
    """One row per plan period of an account."""

    subscription_id: str = column("Subscription")
    account_id: str = column("Account", null=True)
    start_date: pl.Date = column("First day of service")
    end_date: pl.Date = column("First day out of service", null=True)
    plan_tier: str = column("Plan", null=True)
    seats: pl.Int64 = column("Seats", null=True, ge=0)
    mrr_amount: pl.Decimal(38, 2) = column("Monthly amount in dollars")  # type: ignore[valid-type]
    arr_amount: pl.Decimal(38, 2) = column("Yearly amount in dollars", null=True)  # type: ignore[valid-type]
    is_trial: bool = column("On trial", null=True)
    upgrade_flag: bool = column("Upgraded", null=True)
    downgrade_flag: bool = column("Downgraded", null=True)
    churn_flag: bool = column("Ended", null=True)
    billing_frequency: str = column("Billing interval; the amounts are monthly all the same", null=True)
    auto_renew_flag: bool = column("Renews by itself", null=True)

    class Config:
        unique = ["subscription_id"]
        metadata = {"ordered": [("start_date", "end_date")]}


class RavenstackChurnEvents(Export):
    """One row per churn recorded by people."""

    churn_event_id: str = column("Record")
    account_id: str = column("Account", null=True)
    churn_date: pl.Date = column("Day given")
    reason_code: str = column("Reason", null=True)
    refund_amount_usd: pl.Float64 = column("Refund", null=True)
    preceding_upgrade_flag: bool = column("After an upgrade", null=True)
    preceding_downgrade_flag: bool = column("After a downgrade", null=True)
    is_reactivation: bool = column("Came back", null=True)
    feedback_text: str = column("Comment", null=True, personal="text")

    class Config:
        unique = ["churn_event_id"]


class RavenstackFeatureUsage(Export):
    """One row per use of a feature; the ids repeat with other content, so no column is a key."""

    usage_id: str = column("Use")
    subscription_id: str = column("Subscription", null=True)
    usage_date: pl.Date = column("Day")
    feature_name: str = column("Feature", null=True)
    usage_count: pl.Int64 = column("Times used", null=True, ge=0)
    usage_duration_secs: pl.Int64 = column("Time spent", null=True, ge=0)
    error_count: pl.Int64 = column("Errors met", null=True, ge=0)
    is_beta_feature: bool = column("Feature in beta", null=True)


class RavenstackSupportTickets(Export):
    """One row per ticket."""

    ticket_id: str = column("Ticket")
    account_id: str = column("Account", null=True)
    submitted_at: pl.Date = column("Day of creation")
    closed_at: Instant = column("When it was closed", null=True)  # type: ignore[valid-type]
    resolution_time_hours: pl.Float64 = column("Hours from creation to closing", null=True)
    priority: str = column("Priority", null=True)
    first_response_time_minutes: pl.Int64 = column("Minutes to the first reply", null=True, ge=0)
    satisfaction_score: pl.Float64 = column("Rating, 1–5", null=True, in_range={"min_value": 1, "max_value": 5})
    escalation_flag: bool = column("Escalated", null=True)

    class Config:
        unique = ["ticket_id"]


def accounts(accounts: pl.DataFrame) -> pl.DataFrame:
    """The CRM's accounts; `plan` is the account's plan tier."""
    return accounts.select(
        *PROVENANCE,
        "account_id",
        "account_name",
        "industry",
        "country",
        "referral_source",
        signup_on="signup_date",
        plan="plan_tier",
    )


def subscription_items(subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Each plan period is an item of its own; `mrr_amount` is monthly whatever the billing frequency."""
    return subscriptions.select(
        *PROVENANCE,
        "subscription_id",
        "account_id",
        "seats",
        "is_trial",
        item_id="subscription_id",
        valid_from="start_date",
        plan="plan_tier",
        unit_amount=(pl.col("mrr_amount") * 100).cast(pl.Int64),
        currency=pl.lit("USD"),
        interval_unit=pl.lit("month"),
        started_on="start_date",
        ended_on="end_date",
    )


def churn_events(churn_events: pl.DataFrame) -> pl.DataFrame:
    """Reasons and comments; most match no end of a subscription."""
    return churn_events.select(
        *PROVENANCE,
        "churn_event_id",
        "account_id",
        churned_on="churn_date",
        reason="reason_code",
        comment="feedback_text",
    )


def usage_events(feature_usage: pl.DataFrame, subscriptions: pl.DataFrame) -> pl.DataFrame:
    """Uses under the account of their subscription; a repeated usage_id gets a number, as the rows differ."""
    nth = pl.int_range(pl.len()).over("usage_id", order_by=["usage_date", "subscription_id", "export_line"])
    return feature_usage.join(
        subscriptions.select("subscription_id", "account_id"), on="subscription_id", how="left"
    ).select(
        *PROVENANCE,
        "account_id",
        event_id=pl.when(nth == 0).then("usage_id").otherwise(filled("{}#{}", "usage_id", nth + 1)),
        name="feature_name",
        occurred_at=pl.col("usage_date").cast(Instant),
        seconds="usage_duration_secs",
        event_count="usage_count",
        errors="error_count",
    )


def tickets(support_tickets: pl.DataFrame) -> pl.DataFrame:
    """Created at the start of their day, the only reading that agrees with the exported resolution times."""
    created_at = pl.col("submitted_at").cast(Instant)
    rated = pl.col("satisfaction_score").is_not_null()
    return support_tickets.select(
        *PROVENANCE,
        "ticket_id",
        "account_id",
        "priority",
        "satisfaction_score",
        status=pl.when(pl.col("closed_at").is_null()).then(pl.lit("open")).otherwise(pl.lit("closed")),
        created_at=created_at,
        first_replied_at=created_at + pl.duration(minutes=pl.col("first_response_time_minutes")),
        last_solved_at="closed_at",
        is_escalated="escalation_flag",
        scale_min=pl.when(rated).then(LEAST),
        scale_max=pl.when(rated).then(MOST),
    )


FORM = Form(
    name="ravenstack",
    raw={
        "accounts": RawTable(RavenstackAccounts, "ravenstack_accounts.csv"),
        "subscriptions": RawTable(RavenstackSubscriptions, "ravenstack_subscriptions.csv"),
        "churn_events": RawTable(RavenstackChurnEvents, "ravenstack_churn_events.csv"),
        "feature_usage": RawTable(RavenstackFeatureUsage, "ravenstack_feature_usage.csv"),
        "support_tickets": RawTable(RavenstackSupportTickets, "ravenstack_support_tickets.csv"),
    },
    clean={
        "accounts": Cleaning(accounts, ("accounts",)),
        "subscription_items": Cleaning(subscription_items, ("subscriptions",)),
        "churn_events": Cleaning(churn_events, ("churn_events",)),
        "usage_events": Cleaning(usage_events, ("feature_usage", "subscriptions")),
        "tickets": Cleaning(tickets, ("support_tickets",), scales=((LEAST, MOST),)),
    },
    formats=Formats(instants=("%Y-%m-%d %H:%M:%S",), true=("True",), false=("False",)),
)
