"""Salesforce (CRM): what its objects mean, whoever wrote them down.

A deletion changes no history: an account that was deleted still says what it was, as rows of other sources name it. It
is matched with no customer by domain or name. An account that was merged into another is that one from then on.

Sources: Salesforce's Object Reference; what dbt_salesforce and dlt's Salesforce source decided.
"""

import polars as pl

from schemas.form import EPOCH_MS, Cleaning, Filled, Told
from schemas.vendor import Kind, Vendor
from schemas.writer import ISO
from transforms.calendar import local_day
from transforms.clean import salesforce_objects as salesforce
from transforms.clean.linking import domain_of
from transforms.clean.salesforce_activities import csm_activities
from transforms.clean.salesforce_ids import SHAPE, USER, records, whole_id, with_whole_ids
from transforms.clean.salesforce_opportunities import churn_events, renewals
from transforms.clean.salesforce_options import (
    CSM,
    Frames,
    SalesforceOptions,
    asked,
    day_of,
    options_of,
    segment_column,
)

OFFSETS = (*ISO, "%Y-%m-%dT%H:%M:%S%.f%z")
"""How the API and Data Loader spell instants: the offset also without a colon."""


def accounts(of: Frames, told: Told) -> Filled:
    """The accounts, those that were deleted too; of those that were merged into others these count.

    Where a history of them is kept, their former versions, too.
    """
    options, users = options_of(told), _users(of)
    rows = _named(_versions(of["accounts"], told.time_zone), users, "owner_id", "owner")
    owner = pl.coalesce("owner_name", "owner")
    if options.csm_field:
        rows = _named(rows.with_columns(csm_id=whole_id(pl.col(CSM))), users, "csm_id", "csm_by_id")
        is_id = pl.col("csm_id").str.contains(SHAPE) & pl.col("csm_id").str.starts_with(USER)
        owner = pl.coalesce(pl.col("csm_by_id"), pl.when(~is_id).then(CSM))
    day = pl.coalesce(local_day(pl.col("created_date"), told.time_zone), day_of(pl.col("created_on"), options))
    return Filled(
        rows,
        {
            "account_id": pl.col("id"),
            "account_name": pl.col("name"),
            "industry": pl.col("industry"),
            "country": pl.coalesce("billing_country", "billing_country_code"),
            "region": pl.col("billing_state"),
            "size": pl.col("number_of_employees").str.replace(r"\.0+$", ""),
            # Who has no name is shown by an address, which is none of ours to keep.
            "csm_owner": pl.when(~owner.str.contains("@", literal=True)).then(owner),
            "signup_on": day,
            "known_from": pl.col("version_on"),
            **{name: pl.col(segment_column(name)) for name in options.segments},
        },
    )


def _versions(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The accounts as they are, and as they were from `version_on` on: of a day the last version.

    What ends a version is not looked at: a far day may end the active one or a former one. None that began after the
    active one is former.
    """
    began = local_day(pl.col("version_from"), zone)
    present = records(rows).with_columns(version_on=began)
    former = (
        with_whole_ids(rows)
        .filter(~pl.col("is_active").fill_null(value=True) & pl.col("version_from").is_not_null())
        .with_columns(version_on=began)
        .sort("version_from", "system_modstamp", nulls_last=False, maintain_order=True)
        .unique(["id", "version_on"], keep="last", maintain_order=True)
    )
    until = former.join(present.select("id", until="version_on"), on="id", how="left", maintain_order="left")
    is_before = (pl.col("version_on") < pl.col("until")).fill_null(value=True)
    return pl.concat([until.filter(is_before).drop("until"), present])


def identities(of: Frames, told: Told) -> Filled:
    """The accounts, by domain and name; of those that were deleted only their ids, which others may still name."""
    is_there = ~pl.col("is_deleted").fill_null(value=False)
    return Filled(
        records(of["accounts"]),
        {
            "customer_id": pl.col("id"),
            "domain": pl.when(is_there).then(domain_of(pl.col("website"))),
            "name": pl.when(is_there).then(pl.col("name")),
        },
    )


def account_links(of: Frames, told: Told) -> Filled:
    """The accounts that were merged into others, each led to the one that is left."""
    master = pl.col("master_record_id")
    is_gone = pl.col("is_deleted").fill_null(value=True)
    return Filled(
        records(of["accounts"]).filter(master.is_not_null() & is_gone & (master != pl.col("id"))),
        {
            "source": pl.col("export_source"),
            "source_account_id": pl.col("id"),
            "account_id": master,
            "rule": pl.lit("merged"),
        },
    )


def _users(of: Frames) -> pl.DataFrame:
    """The people of our staff, by id and name."""
    whole = pl.concat_str(["users.first_name", "users.last_name"], separator=" ", ignore_nulls=True).str.strip_chars()
    return records(of["users"]).select("users.id", whole=pl.coalesce("users.name", pl.when(whole != "").then(whole)))


def _named(rows: pl.DataFrame, users: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """The rows with the name of the person whose id a column has."""
    named = users.rename({"whole": name})
    return rows.join(named, left_on=column, right_on="users.id", how="left", maintain_order="left")


def _tables(name: str, snake: str, *, dlt: str = "") -> dict[str, str | tuple[str, ...]]:
    """The table of an object, by whoever writes it.

    A weekly export has other objects whose names begin as this one's do: AccountHistory beside Account.
    """
    seen = tuple(f"{spelled}{rest}.csv" for spelled in (name, snake) for rest in ("", "[-_ ]*"))
    return {"fivetran": snake, "dlt": dlt or snake, "airbyte": name, "api": name, "dashboard": seen}


def _both(one: dict[str, str | tuple[str, ...]], other: dict[str, str | tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The tables of two objects that are read as one kind."""
    texts = [
        {writer: (names,) if isinstance(names, str) else names for writer, names in of.items()} for of in (one, other)
    ]
    return {writer: texts[0][writer] + texts[1][writer] for writer in texts[0]}


RENEWALS = ("renewal_types", "renewal_record_types")
"""Options that say which opportunities are renewals."""
VENDOR = Vendor(
    name="salesforce",
    title="Salesforce (CRM)",
    kinds={
        "accounts": Kind(salesforce.SalesforceAccounts, _tables("Account", "account"), outlives=True, versions=True),
        "users": Kind(salesforce.SalesforceUsers, _tables("User", "user", dlt="sf_user"), outlives=True),
        "opportunities": Kind(salesforce.SalesforceOpportunities, _tables("Opportunity", "opportunity")),
        "record_types": Kind(salesforce.SalesforceRecordTypes, _tables("RecordType", "record_type"), outlives=True),
        "contracts": Kind(salesforce.SalesforceContracts, _tables("Contract", "contract"), outlives=True),
        "activities": Kind(salesforce.SalesforceActivities, _both(_tables("Event", "event"), _tables("Task", "task"))),
    },
    clean={
        "identities": Cleaning(identities, ("accounts",)),
        "account_links": Cleaning(account_links, ("accounts",)),
        "accounts": Cleaning(accounts, ("accounts",), ("users",)),
        "renewals": Cleaning(renewals, ("opportunities",), ("record_types", "contracts"), asks_for=RENEWALS),
        "csm_activities": Cleaning(csm_activities, ("activities",), ("opportunities",)),
        "churn_events": Cleaning(churn_events, ("opportunities",), ("record_types", "contracts"), asks_for=RENEWALS),
    },
    writers=("fivetran", "airbyte", "dlt", "api", "dashboard"),
    instants=(*OFFSETS, EPOCH_MS),
    pages=("records",),
    shown=OFFSETS,
    is_crm=True,
    options=SalesforceOptions,
    asked=asked,
)
