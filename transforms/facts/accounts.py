"""Who the customers are: accounts as known now, and as known at each month's end."""

from collections.abc import Iterable

import polars as pl

from schemas.billing import Invoices, Renewals, SubscriptionItems
from schemas.config import Onboarding
from schemas.contract import Contract, with_columns
from schemas.customers import UNKNOWN, Accounts, AccountVersion, DimAccount, DimAccountMonth
from schemas.feedback import SurveyResponses
from schemas.product import UsageEvents
from schemas.success import ChurnEvents, CsmActivities, Milestones
from schemas.support import Tickets
from transforms.calendar import local_day, month_start
from transforms.declaration import SO_FAR, intermediate, monthly, whole
from transforms.facts.plans import PLAN, with_plan
from transforms.facts.service import Service, first_paid

BEGINNINGS = {
    "accounts": ("signup_on",),
    "subscription_items": ("started_on", "trial_started_on"),
    "renewals": ("term_started_on",),
}
"""Tables whose rows begin on other days than the one that dates them."""
SEGMENT = "Segment of the config: {name}"


@intermediate()
def first_seen(
    accounts: pl.DataFrame,
    subscription_items: pl.DataFrame,
    invoices: pl.DataFrame,
    renewals: pl.DataFrame,
    tickets: pl.DataFrame,
    survey_responses: pl.DataFrame,
    usage_events: pl.DataFrame,
    milestones: pl.DataFrame,
    csm_activities: pl.DataFrame,
    churn_events: pl.DataFrame,
    time_zone: str,
) -> pl.DataFrame:
    """One row per account that any of the canonical tables names: account_id, first_seen_on.

    The earliest day on which its rows begin, are dated or say that something happened. A planned day counts only if it
    had come when it was exported. An account without any such day was first seen on the day of its first export.
    """
    naming = (
        (Accounts, accounts),
        (SubscriptionItems, subscription_items),
        (Invoices, invoices),
        (Renewals, renewals),
        (Tickets, tickets),
        (SurveyResponses, survey_responses),
        (UsageEvents, usage_events),
        (Milestones, milestones),
        (CsmActivities, csm_activities),
        (ChurnEvents, churn_events),
    )
    return (
        pl.concat([_signs(contract, frame, time_zone) for contract, frame in naming])
        .group_by("account_id")
        .agg(first_seen_on=pl.coalesce(pl.col("day").min(), pl.col("exported_on").min()))
        .sort("account_id")
    )


def _signs(contract: type[Contract], frame: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """One row per account of the table: its earliest `day`, and the day it was first exported."""
    moments = {field.name: field.moment for field in contract.fields()}
    happened = [name for name, moment in moments.items() if moment == "happened"]
    exported_on = local_day(pl.col("exported_at"), time_zone)
    days = []
    for name in dict.fromkeys([*BEGINNINGS.get(contract.table(), contract.dated_by()), *happened]):
        day = pl.col(name) if contract.dtypes()[name] == pl.Date else local_day(pl.col(name), time_zone)
        days.append(pl.when(day <= exported_on).then(day) if moments[name] == "planned" else day)
    # To tell each row's days within the groups takes twice as long.
    of_rows = frame.select("account_id", day=pl.min_horizontal(days), exported_on=exported_on)
    return of_rows.group_by("account_id").agg(pl.col("day", "exported_on").min())


@whole
def account_version(accounts: pl.DataFrame, first_seen: pl.DataFrame, segments: tuple[str, ...]) -> pl.DataFrame:
    """See the contract, with a column for every segment."""
    ordered = accounts.sort("account_id", "known_from", nulls_last=False)
    is_first = pl.col("account_id").is_first_distinct() | pl.col("known_from").is_null()
    earliest = pl.min_horizontal("first_seen_on", pl.col("known_from").min().over("account_id"))
    told = ordered.join(first_seen, on="account_id", how="left", maintain_order="left").with_columns(
        speaks_from=pl.when(is_first).then(earliest).otherwise("known_from")
    )
    last = told.unique(["account_id", "speaks_from"], keep="last", maintain_order=True)
    return _segmented(AccountVersion, segments).shaped(last).sort("account_id", "speaks_from")


@whole
def dim_account(
    accounts: pl.DataFrame,
    first_seen: pl.DataFrame,
    milestones: pl.DataFrame,
    subscription_items: pl.DataFrame,
    paying_turns: pl.DataFrame,
    onboarding: Onboarding,
    segments: tuple[str, ...],
) -> pl.DataFrame:
    """See the contract, with a column for every segment: one row per account that is seen, as known at `as_of`.

    Attributes are those of the latest version; an account that the CRM doesn't know has none.
    """
    latest = accounts.sort("account_id", "known_from", nulls_last=False).unique(
        "account_id", keep="last", maintain_order=True
    )
    is_value = pl.col("milestone").is_in(onboarding.value_milestones)
    value = milestones.filter(is_value).group_by("account_id").agg(reached_on=pl.col("reached_on").min())
    # Versions are dated by their source, or folded from several snapshots; a single one dates nothing.
    undated = subscription_items.filter(pl.col("valid_from").is_null())["account_id"].unique()
    known = (
        first_seen.join(latest.with_columns(is_in_crm=pl.lit(value=True)), on="account_id", how="left")
        .join(first_paid(paying_turns), on="account_id", how="left")
        .join(value, on="account_id", how="left")
    )
    both = pl.col("reached_on").is_not_null() & pl.col("first_paid_on").is_not_null()
    valued = known.with_columns(
        pl.col("is_in_crm").fill_null(value=False),
        has_history=~pl.col("account_id").is_in(undated.implode()),
        value_on=pl.when(both).then(pl.max_horizontal("reached_on", "first_paid_on")),
    ).with_columns(
        value_month=month_start(pl.col("value_on")),
        ttv_days=(pl.col("value_on") - pl.col("first_paid_on")).dt.total_days(),
    )
    return _segmented(DimAccount, segments).shaped(valued).sort("account_id")


@monthly(fx_rates=SO_FAR)
def dim_account_month(
    account_version: pl.DataFrame,
    dim_account: pl.DataFrame,
    item_months: pl.DataFrame,
    service_periods: Service,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    currency: str,
    segments: tuple[str, ...],
) -> pl.DataFrame:
    """See the contract, with a column for every segment: one row per account and month from the one it is first seen.

    The version with the greatest speaks_from ≤ month end speaks. A segment that is called plan or interval is the
    version's.
    """
    seen = dim_account.select("account_id", "first_seen_on", "first_paid_on", "has_history")
    there = seen.join(dim_month.select("month", "month_end"), how="cross").filter(
        pl.col("first_seen_on") <= pl.col("month_end")
    )
    told = there.sort("month_end").join_asof(
        account_version.sort("speaks_from"),
        left_on="month_end",
        right_on="speaks_from",
        by="account_id",
        check_sortedness=False,
    )
    contract = _segmented(DimAccountMonth, segments)
    of_items = [name for name in PLAN if name not in segments]
    planned = with_plan(told.drop(of_items, strict=False), item_months, service_periods, fx_rates, currency, of_items)
    paid = pl.when(pl.col("first_paid_on") <= pl.col("month_end")).then("first_paid_on")
    rows = contract.shaped(planned.with_columns(first_paid_on=paid))
    named = dict.fromkeys([*segments, *PLAN])
    return rows.with_columns(pl.col(name).fill_null(UNKNOWN) for name in named).sort("month", "account_id")


def _segmented(contract: type[Contract], segments: Iterable[str]) -> type[Contract]:
    return with_columns(contract, tuple(segments), SEGMENT)
