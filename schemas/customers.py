"""Who the customers are: accounts, how vendors' ids map to them, and the months they are looked at."""

import polars as pl

from schemas.contract import Contract, column

UNKNOWN = "(unknown)"
"""The account of rows that name none, and the segment of accounts that have none."""
COMPANY = "(company)"
"""The account of company-level inputs (costs); it is in no segment."""


OF_SOURCE = "Source of the config whose row it is; an id belongs to its source"


class Export(Contract):
    """Where a row came from."""

    export_source: str = column("Source of the config that sent the row")
    export_file: str = column("File the row was read from, as the config names it")
    export_line: pl.Int64 = column("Line of the file on which the row starts; the header is line 1")
    exported_at: pl.Datetime("us") = column("When the file was exported (UTC)")  # type: ignore[valid-type]


class Account(Contract):
    """One row per account."""

    account_id: str = column("Account in the CRM", str_length={"min_value": 1})
    account_name: str = column("Name of the company", optional=True)
    industry: str = column("Industry", optional=True)
    country: str = column("Country", optional=True)
    region: str = column("Region", optional=True)
    size: str = column("Size class", optional=True)
    csm_owner: str = column("Customer-success manager in charge", optional=True)
    signup_on: pl.Date = column("Day of signing up", optional=True)


class Accounts(Account, Export):
    """One row per account of the CRM and version of what the CRM says of it.

    An export shows one version, and the landed exports together give the others; or it tells former ones itself.
    """

    known_from: pl.Date = column(
        "First day of this version, where the export tells versions; else filled from the landed snapshots",
        optional=True,
    )
    is_internal: bool = column("Our own or a test account: out of everything (empty: it is not)", optional=True)

    class Config:
        unique = ["account_id", "known_from"]
        metadata = {"dated_by": "known_from", "cumulative": True}


class AccountLinks(Export):
    """One row per vendor's customer id that belongs to an account of the CRM under another id."""

    source: str = column("Source of the config in which the id occurs")
    source_account_id: str = column("The vendor's customer id")
    account_id: str = column("Account in the CRM")
    rule: str = column("How the two were matched", optional=True)

    class Config:
        unique = ["source", "source_account_id"]


class DimAccount(Account):
    """One row per account, as known at `as_of`; internal accounts are out.

    An account of a CRM other than the first of the config is `source:id`, and so is a billing customer without a CRM
    account, who is an account of its own; rows that name no account are
    under `(unknown)`; company-level inputs are under `(company)`, which has no row here.
    """

    account_key: pl.Int32 = column("Number of the account in metric_part; never reused")
    is_in_crm: bool = column("Whether the CRM knows the account")
    first_seen_on: pl.Date = column("First day any export mentions the account")
    first_paid_on: pl.Date = column("First day with MRR", null=True, moment="happened")
    value_on: pl.Date = column(
        "Day the first value milestone counts: when reached, or the first paying day if that is later",
        null=True,
        moment="happened",
    )
    value_month: pl.Date = column("Month of value_on", null=True)
    has_history: bool = column(
        "Whether former versions of its subscription items are known; not while a source of theirs has sent only the "
        "present, and only once"
    )
    ttv_days: pl.Int64 = column("First paying day → value_on", unit="days", null=True)

    class Config:
        unique = ["account_id"]
        metadata = {
            "dated_by": "first_seen_on",
            "cumulative": True,
            "followed": (
                "account_id",
                "first_seen_on",
                "first_paid_on",
                "value_on",
                "value_month",
                "ttv_days",
                "has_history",
            ),
            "told_with": [("value_month", "value_on"), ("ttv_days", "value_on")],
        }


class AccountVersion(Account):
    """One row per account and version of what the CRM says of it, from the day it speaks.

    The first version speaks from the first sign of the account: before the CRM told anything, the earliest known holds.
    """

    speaks_from: pl.Date = column("First day on which the version speaks")

    class Config:
        unique = ["account_id", "speaks_from"]
        metadata = {"dated_by": "speaks_from", "cumulative": True}


class DimAccountMonth(Account):
    """One row per account and month from the month it is first seen, with its segments as known at month end.

    Known from the landed snapshots; before the first snapshot, the earliest known. No value is `(unknown)`. Plan and
    interval are those of the item with the greatest MRR on the account's last day in service by month end, so that who
    left counts under what it left; a segment of the config that is called so is what the CRM says instead.
    """

    month: pl.Date = column("First day of the month")
    account_key: pl.Int32 = column("Number of the account in metric_part")
    first_paid_on: pl.Date = column("First day with MRR, if that was by month end", null=True)
    has_history: bool = column("Whether former versions of its subscription items are known, see dim_account")
    plan: str = column("Plan of the item with the greatest MRR, the last that it had by month end", null=True)
    interval: str = column("Billing interval of that item", null=True)

    class Config:
        unique = ["month", "account_id"]


class DimMonth(Contract):
    """One row per month."""

    month: pl.Date = column("First day of the month")
    month_end: pl.Date = column("Last day that counts: the month's last day or as_of, whichever is earlier")
    next_month: pl.Date = column("First day of the next month")
    is_provisional: bool = column("Whether the month is not over at as_of")
    gross_margin: pl.Float64 = column("Gross margin of the company, from the config", unit="share", null=True)

    class Config:
        unique = ["month"]
