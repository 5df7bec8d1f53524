"""Who the customers are: accounts as known now, and as known at each month's end."""

import datetime as dt
from collections.abc import Iterable, Mapping

import polars as pl

from schemas.config import Onboarding
from schemas.contract import Contract, with_columns
from schemas.customers import UNKNOWN, DimAccount, DimAccountMonth
from transforms.calendar import local_day, month_start
from transforms.facts.service import first_paid, service

BEGINNINGS = {
    "accounts": ("signup_on",),
    "subscription_items": ("started_on", "trial_started_on"),
    "renewals": ("term_started_on",),
}
"""Tables whose rows begin on other days than the one that dates them."""
SEGMENT = "Segment of the config: {name}"
ALWAYS = dt.date(1, 1, 1)


def first_seen(
    frames: Mapping[str, pl.DataFrame], contracts: Mapping[str, type[Contract]], time_zone: str
) -> pl.DataFrame:
    """One row per account that any canonical table names: account_id, first_seen_on.

    The earliest day on which its rows begin, are dated or say that something happened. A planned day counts only if it
    had come when it was exported. An account without any such day was first seen on the day of its first export.
    """
    signs = [
        _signs(frame, table, contracts[table], time_zone)
        for table, frame in frames.items()
        if "account_id" in contracts[table].dtypes() and contracts[table].dated_by()
    ]
    if not signs:
        return pl.DataFrame(schema={"account_id": pl.String, "first_seen_on": pl.Date})
    return (
        pl.concat(signs)
        .group_by("account_id")
        .agg(first_seen_on=pl.coalesce(pl.col("day").min(), pl.col("exported_on").min()))
        .sort("account_id")
    )


def _signs(frame: pl.DataFrame, table: str, contract: type[Contract], time_zone: str) -> pl.DataFrame:
    """One row per account of the table: its earliest `day`, and the day it was first exported."""
    moments = {field.name: field.moment for field in contract.fields()}
    happened = [name for name, moment in moments.items() if moment == "happened"]
    exported_on = local_day(pl.col("exported_at"), time_zone)
    days = []
    for name in dict.fromkeys([*BEGINNINGS.get(table, contract.dated_by()), *happened]):
        day = pl.col(name) if contract.dtypes()[name] == pl.Date else local_day(pl.col(name), time_zone)
        days.append(pl.when(day <= exported_on).then(day) if moments[name] == "planned" else day)
    return frame.group_by("account_id").agg(day=pl.min_horizontal(days).min(), exported_on=exported_on.min())


def _versions(accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts' versions, each from the day `speaks_from`; the first of an account has always spoken."""
    ordered = accounts.sort("account_id", "known_from", "exported_at", "export_file", "export_line", nulls_last=False)
    always = pl.col("account_id").is_first_distinct() | pl.col("known_from").is_null()
    return ordered.with_columns(speaks_from=pl.when(always).then(pl.lit(ALWAYS)).otherwise("known_from")).unique(
        ["account_id", "speaks_from"], keep="last", maintain_order=True
    )


def dim_account(
    first_seen: pl.DataFrame,
    account_key: pl.DataFrame,
    accounts: pl.DataFrame,
    subscription_items: pl.DataFrame,
    milestones: pl.DataFrame,
    fx_rates: pl.DataFrame,
    onboarding: Onboarding,
    segments: tuple[str, ...],
    as_of: dt.date,
    currency: str,
) -> pl.DataFrame:
    """See the contract, with a column for every segment: one row per account that is seen, as known at `as_of`.

    `first_seen` is the result of the function of that name; `account_key` has account_id, account_key.
    Attributes are those of the latest version; an account that the CRM doesn't know has none.
    """
    latest = _versions(accounts).unique("account_id", keep="last", maintain_order=True)
    is_value = pl.col("milestone").is_in(onboarding.value_milestones)
    value = milestones.filter(is_value).group_by("account_id").agg(reached_on=pl.col("reached_on").min())
    known = (
        first_seen.join(account_key.select("account_id", "account_key"), on="account_id", how="left")
        .join(latest.with_columns(is_in_crm=pl.lit(value=True)), on="account_id", how="left")
        .join(first_paid(service(subscription_items, as_of), fx_rates, currency), on="account_id", how="left")
        .join(value, on="account_id", how="left")
    )
    both = pl.col("reached_on").is_not_null() & pl.col("first_paid_on").is_not_null()
    valued = known.with_columns(
        pl.col("is_in_crm").fill_null(value=False),
        value_on=pl.when(both).then(pl.max_horizontal("reached_on", "first_paid_on")),
    ).with_columns(
        value_month=month_start(pl.col("value_on")),
        ttv_days=(pl.col("value_on") - pl.col("first_paid_on")).dt.total_days(),
    )
    return _segmented(DimAccount, segments).shaped(valued).sort("account_id")


def dim_account_month(
    accounts: pl.DataFrame, dim_account: pl.DataFrame, dim_month: pl.DataFrame, segments: tuple[str, ...]
) -> pl.DataFrame:
    """See the contract, with a column for every segment: one row per account and month from the one it is first seen.

    The version with the greatest known_from ≤ month end speaks; before the first, the earliest.
    """
    seen = dim_account.select("account_id", "account_key", "first_seen_on", "first_paid_on")
    there = seen.join(dim_month.select("month", "month_end"), how="cross").filter(
        pl.col("first_seen_on") <= pl.col("month_end")
    )
    told = there.sort("month_end").join_asof(
        _versions(accounts).sort("speaks_from"),
        left_on="month_end",
        right_on="speaks_from",
        by="account_id",
        check_sortedness=False,
    )
    contract = _segmented(DimAccountMonth, segments)
    paid = pl.when(pl.col("first_paid_on") <= pl.col("month_end")).then("first_paid_on")
    rows = contract.shaped(told.with_columns(first_paid_on=paid))
    return rows.with_columns(pl.col(name).fill_null(UNKNOWN) for name in segments).sort("month", "account_id")


def _segmented(contract: type[Contract], segments: Iterable[str]) -> type[Contract]:
    return with_columns(contract, segments, SEGMENT)


__all__ = ["dim_account", "dim_account_month", "first_seen"]
