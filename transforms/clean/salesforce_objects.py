"""Salesforce's objects, by the names of its API in the spelling of who copies them.

Sources: Salesforce's Object Reference (Account, Opportunity, Contract, Event, Task, User, RecordType); the headers of
Data Loader, of the weekly export and of reports; the tables of dbt_salesforce and of dlt's Salesforce source.
"""

from typing import Any

import polars as pl

from schemas.bounds import MOST_MONEY
from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant
from transforms.clean.money import Amount
from transforms.clean.salesforce_ids import SHAPE

NOWHERE: dict[str, str | tuple[str, ...]] = {"fivetran": (), "airbyte": (), "dlt": (), "api": (), "dashboard": ()}
"""Of what only a few write."""
_MIDNIGHT = r"([T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?)?"
DAY: dict[str, Any] = {
    "str_matches": rf"^(\d{{4}}-\d\d-\d\d{_MIDNIGHT}|\d{{11,13}}|\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{4}})$",
    "expected": "a day: 2026-01-31, or as reports show it (31/01/2026), whose order `day_order` of the source says",
}
RECORD: dict[str, Any] = {"str_matches": SHAPE, "expected": "the 15 or 18 letters and digits of an id"}


def _of(api: str, description: str, *labels: str, **rules: Any) -> Any:  # noqa: ANN401 - as of column
    """A field by its name in the API. Data Loader may put it into capitals; reports show a label instead."""
    spelled = {"airbyte": api, "api": api, "dashboard": (api, api.upper(), *labels)}
    return column(description, **{"optional": True, "spelled": spelled, **rules})


def _record(description: str, *labels: str) -> Any:  # noqa: ANN401 - as of column
    return _of("Id", description, *labels, optional=False, **RECORD)


def _deleted() -> Any:  # noqa: ANN401 - as of column
    return _of("IsDeleted", "Whether it was deleted, or merged into another")


def _changed() -> Any:  # noqa: ANN401 - as of column
    return _of("SystemModstamp", "When anything of it last changed: of several rows the newest counts")


def _version() -> Any:  # noqa: ANN401 - as of column
    spelled = {**NOWHERE, "fivetran": "_fivetran_start"}
    return column("From when on a version of it held, where its history is kept", optional=True, spelled=spelled)


class SalesforceAccounts(Export):
    """One row per account, and per change or version of it that was written down."""

    id: str = _record("Account", "Account ID")
    system_modstamp: Instant = _changed()  # type: ignore[valid-type]
    version_from: Instant = _version()  # type: ignore[valid-type]
    is_active: bool = column("Whether that version is the present one", optional=True,
                             spelled={**NOWHERE, "fivetran": "_fivetran_active"})  # fmt: skip
    is_deleted: bool = _deleted()
    master_record_id: str = _of("MasterRecordId", "Account into which it was merged")
    name: str = _of("Name", "What it is called", "Account Name")
    website: str = _of("Website", "Its site", "Website")
    industry: str = _of("Industry", "Industry", "Industry")
    billing_country: str = _of("BillingCountry", "Country", "Billing Country")
    billing_country_code: str = _of("BillingCountryCode", "The same by its code", "Billing Country Code")
    billing_state: str = _of("BillingState", "State or province", "Billing State/Province")
    number_of_employees: str = _of("NumberOfEmployees", "People who work there", "Employees")
    owner_id: str = _of("OwnerId", "Who of our staff is in charge")
    owner_name: str = column("The same by name", optional=True, personal="id",
                             spelled={**NOWHERE, "api": "Owner.Name",
                                      "dashboard": ("Owner.Name", "OWNER.NAME", "Account Owner")})  # fmt: skip
    created_date: Instant = _of("CreatedDate", "When the record was made")  # type: ignore[valid-type]
    created_on: str = column("The same as reports show it: the day", optional=True,
                             spelled={**NOWHERE, "dashboard": "Created Date"}, **DAY)  # fmt: skip

    class Config:
        unique = ["id", "system_modstamp", "version_from"]


class SalesforceUsers(Export):
    """One row per person of our staff who may be in charge of records; addresses are not read."""

    id: str = _record("Person", "User ID")
    system_modstamp: Instant = _changed()  # type: ignore[valid-type]
    version_from: Instant = _version()  # type: ignore[valid-type]
    name: str = _of("Name", "Whole name", "Full Name", personal="id")
    first_name: str = _of("FirstName", "First name", "First Name", personal="id")
    last_name: str = _of("LastName", "Last name", "Last Name", personal="id")

    class Config:
        unique = ["id", "system_modstamp", "version_from"]


class SalesforceOpportunities(Export):
    """One row per opportunity, and per change or version of it that was written down."""

    id: str = _record("Opportunity", "Opportunity ID")
    system_modstamp: Instant = _changed()  # type: ignore[valid-type]
    version_from: Instant = _version()  # type: ignore[valid-type]
    is_deleted: bool = _deleted()
    account_id: str = _of("AccountId", "Its account", "Account ID")
    contract_id: str = _of("ContractId", "Its contract", "Contract ID")
    type: str = _of("Type", "New or existing business, or a type of the org's own", "Type")
    record_type_id: str = _of("RecordTypeId", "Its record type", "Record Type ID")
    record_type_name: str = column("The same by name", optional=True,
                                   spelled={**NOWHERE, "api": "RecordType.Name",
                                            "dashboard": ("RecordType.Name", "RECORDTYPE.NAME",
                                                          "Opportunity Record Type", "Record Type")})  # fmt: skip
    stage_name: str = _of("StageName", "Its stage, as the org calls it", "Stage")
    is_closed: bool = _of("IsClosed", "Whether it is won or lost", "Closed")
    is_won: bool = _of("IsWon", "Whether it is won", "Won")
    close_date: str = _of("CloseDate", "Day it was won or lost, or is expected to be", "Close Date", **DAY)
    amount: Amount = _of("Amount", "What the new term is worth, in whole units", "Amount", ge=-MOST_MONEY,  # type: ignore[valid-type]
                         le=MOST_MONEY)  # fmt: skip
    currency_iso_code: str = _of("CurrencyIsoCode", "Currency of the amount; orgs of one currency have no such column",
                                 "Opportunity Currency", "Amount Currency")  # fmt: skip

    class Config:
        unique = ["id", "system_modstamp", "version_from"]


class SalesforceRecordTypes(Export):
    """One row per record type."""

    id: str = _record("Record type")
    system_modstamp: Instant = _changed()  # type: ignore[valid-type]
    version_from: Instant = _version()  # type: ignore[valid-type]
    name: str = _of("Name", "What people call it")
    developer_name: str = _of("DeveloperName", "What programs call it")

    class Config:
        unique = ["id", "system_modstamp", "version_from"]


class SalesforceContracts(Export):
    """One row per contract, and per change or version of it that was written down."""

    id: str = _record("Contract", "Contract ID")
    system_modstamp: Instant = _changed()  # type: ignore[valid-type]
    version_from: Instant = _version()  # type: ignore[valid-type]
    start_date: str = _of("StartDate", "First day of the term", "Contract Start Date", **DAY)
    end_date: str = _of("EndDate", "Last day of the term", "Contract End Date", **DAY)
    contract_term: pl.Int64 = _of("ContractTerm", "Months of the term", "Contract Term (months)", gt=0, le=1200)

    class Config:
        unique = ["id", "system_modstamp", "version_from"]


class SalesforceActivities(Export):
    """One row per event of a calendar or task, and per change or version of it that was written down."""

    id: str = _record("Event or task", "Activity ID")
    system_modstamp: Instant = _changed()  # type: ignore[valid-type]
    version_from: Instant = _version()  # type: ignore[valid-type]
    is_deleted: bool = _deleted()
    account_id: str = _of("AccountId", "Its account", "Account ID")
    what_id: str = _of("WhatId", "Record that it is about, of whatever kind")
    type: str = _of("Type", "Meeting, call, or a type of the org's own", "Type")
    subject: str = _of("Subject", "What it is called", "Subject", personal="text")
    activity_date: str = _of("ActivityDate", "Day of an event of a whole day, or on which a task is due", "Date", **DAY)
    activity_date_time: Instant = _of("ActivityDateTime", "When an event begins that is not of a whole day")  # type: ignore[valid-type]
    is_closed: bool = _of("IsClosed", "Whether a task is done")
    completed_date_time: Instant = _of("CompletedDateTime", "When a task was done")  # type: ignore[valid-type]
    is_child: bool = _of("IsChild", "Whether it is the copy of an event for somebody who was invited")
    is_recurrence: bool = _of("IsRecurrence", "Whether it stands for a series, whose parts stand beside it")

    class Config:
        unique = ["id", "system_modstamp", "version_from"]
