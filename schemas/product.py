"""What customers do in the product."""

import polars as pl

from schemas.bounds import MOST_EVENTS, MOST_SECONDS
from schemas.contract import Contract, column
from schemas.customers import Export
from schemas.support import Instant

TREND_MONTHS = 3
"""Months whose mean a month's use is compared with."""


class UsageEvents(Export):
    """One row per event of a user in the product, or per bundle of equal events; sent twice, the earliest counts."""

    event_id: str = column("Event")
    account_id: str = column("Account of the user", null=True)
    user_id: str = column("User", optional=True, personal="id")
    name: str = column("Feature or event", optional=True)
    occurred_at: Instant = column("When it happened (UTC)", moment="happened")  # type: ignore[valid-type]
    seconds: pl.Int64 = column("Time spent", unit="seconds", optional=True, ge=0, le=MOST_SECONDS)
    event_count: pl.Int64 = column("Events in the row; empty is 1", unit="count", optional=True, ge=0, le=MOST_EVENTS)
    errors: pl.Int64 = column("Errors met", unit="count", optional=True, ge=0, le=MOST_EVENTS)
    is_internal: bool = column("Whether the user is one of our own", optional=True)

    class Config:
        unique = ["export_source", "event_id"]
        metadata = {"by_month": True, "dated_by": "occurred_at", "repeats": ("first", "occurred_at")}


class Usage(Contract):
    """Use in a month by users who are not our own."""

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    active_users: pl.Int64 = column("Distinct users in the month", unit="users", null=True)
    user_days: pl.Int64 = column("Distinct users per day, summed", unit="count", null=True)
    events: pl.Int64 = column("Events", unit="count")
    errors: pl.Int64 = column("Errors met", unit="count", null=True)
    minutes: pl.Float64 = column("Time spent", unit="minutes", null=True)


class FctUsageAccountMonth(Usage):
    """One row per account and month with an event in it, or in a week that ends in it."""

    user_weeks: pl.Int64 = column(
        "Distinct users per week (Mon–Sun) that ends in the month by its last day, summed", unit="count", null=True
    )
    days: pl.Int64 = column("Days of the month by its last day", unit="days")
    weeks: pl.Int64 = column("Weeks that end in the month by its last day", unit="count")
    seats: pl.Int64 = column("Seats at month end of the items that make MRR", unit="count", null=True)

    class Config:
        unique = ["month", "account_id"]


class FctFeatureAccountMonth(Usage):
    """One row per account, month and feature used."""

    feature: str = column("Feature or event name")

    class Config:
        unique = ["month", "account_id", "feature"]


class FeatureMonth(Contract):
    """One row per month and feature that was used in it or in the month before."""

    month: pl.Date = column("First day of the month")
    feature: str = column("Feature or event name")
    accounts_using: pl.Int64 = column("Paying accounts that used it", unit="count", ge=0)
    paying_accounts: pl.Int64 = column("Paying accounts", unit="count", ge=0)
    adoption: pl.Float64 = column("accounts_using / paying_accounts", unit="share", null=True)
    adoption_change: pl.Float64 = column(
        "Adoption less that of the month before; NULL where that month has no paying account or no use of anything",
        unit="share",
        null=True,
    )
    users: pl.Int64 = column("Distinct users, summed over accounts, paying or not", unit="users", null=True)
    events: pl.Int64 = column("Events of all accounts", unit="count", ge=0)
    errors: pl.Int64 = column("Errors met by all accounts", unit="count", null=True)

    class Config:
        unique = ["month", "feature"]
