"""The same few objects of Salesforce, as each writer writes them down, say the same."""

import datetime as dt
import io
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.frames import day
from tests.vendors import salesforce_files as salesforce
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.salesforce_files import ACME, BOLT, DELTA, lines, report, table

KIM, CONTRACT, RENEWAL = "005500000012345AAA", "8005500000Xyy06AAB", "0125500000AbCdEAAV"
WON, LOST = "006q000000HddohAAB", "006q000000HdPzpAAF"
TABLES = ("identities", "account_links", "accounts", "renewals", "csm_activities", "churn_events")
FIELDS = {"tier": "Tier__c", "prior": "Prior_Amount__c", "reason": "Loss_Reason__c", "due": "Renewal_Date__c"}
"""The org's own, by their names in the API."""
CHANGED = "2026-10-29T08:00:00.000Z"

OBJECTS: dict[str, list[dict[str, Any]]] = {
    "Account": [
        {"Id": ACME, "IsDeleted": False, "MasterRecordId": None, "Name": "Acme", "Website": "https://www.acme.example",
         "Industry": "Retail", "BillingCountry": "Spain", "BillingState": "Madrid", "NumberOfEmployees": 250,
         "OwnerId": KIM, "CreatedDate": "2026-01-31T23:30:00.000Z", "Tier__c": "gold"},
        {"Id": BOLT, "IsDeleted": False, "MasterRecordId": None, "Name": "Bolt", "Website": None, "Industry": None,
         "BillingCountry": None, "BillingState": None, "NumberOfEmployees": None, "OwnerId": None,
         "CreatedDate": "2026-02-01T10:00:00.000Z", "Tier__c": None},
        {"Id": DELTA, "IsDeleted": True, "MasterRecordId": ACME, "Name": "Acme again", "Website": "acme.example",
         "Industry": None, "BillingCountry": None, "BillingState": None, "NumberOfEmployees": None, "OwnerId": None,
         "CreatedDate": "2026-02-01T10:00:00.000Z", "Tier__c": None},
    ],
    "User": [{"Id": KIM, "Name": "Kim Roe", "Email": "kim@us.example"}],
    "RecordType": [{"Id": RENEWAL, "Name": "Renewal", "DeveloperName": "Renewal", "SobjectType": "Opportunity"}],
    "Contract": [{"Id": CONTRACT, "StartDate": "2025-03-01", "EndDate": "2026-02-28", "ContractTerm": 12}],
    "Opportunity": [
        {"Id": WON, "IsDeleted": False, "AccountId": ACME, "ContractId": CONTRACT, "RecordTypeId": RENEWAL,
         "Type": "Existing", "StageName": "Closed Won", "IsClosed": True, "IsWon": True, "CloseDate": "2026-02-20",
         "Amount": 12000.5, "Prior_Amount__c": 10000, "Loss_Reason__c": None, "Renewal_Date__c": None},
        {"Id": LOST, "IsDeleted": False, "AccountId": DELTA, "ContractId": None, "RecordTypeId": RENEWAL,
         "Type": "Existing", "StageName": "Closed Lost", "IsClosed": True, "IsWon": False, "CloseDate": "2026-03-20",
         "Amount": 700, "Prior_Amount__c": 600, "Loss_Reason__c": "Price", "Renewal_Date__c": "2026-04-01"},
    ],
    "Event": [
        {"Id": "00U5500000Xyy06AAB", "IsDeleted": False, "AccountId": None, "WhatId": WON, "Type": "QBR",
         "ActivityDate": "2026-02-10", "ActivityDateTime": "2026-02-10T23:15:00.000Z", "IsChild": False,
         "IsRecurrence": False},
    ],
    "Task": [
        {"Id": "00T5500000Xyy06AAB", "IsDeleted": False, "AccountId": BOLT, "WhatId": None, "Type": "QBR",
         "ActivityDate": "2026-02-12", "IsClosed": True, "CompletedDateTime": "2026-02-13T09:00:00.000Z",
         "IsRecurrence": False},
    ],
}  # fmt: skip


def snake(name: str, custom: str) -> str:
    """BillingCountry as billing_country; `custom`: what ends the names of the org's own."""
    own = name.removesuffix("__c")
    words = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in own.replace("_", "")).lstrip("_")
    return words + (custom if own != name else "")


def renamed(rows: list[dict[str, Any]], custom: str) -> list[dict[str, Any]]:
    return [{snake(name, custom): value for name, value in row.items()} for row in rows]


def with_changes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "SystemModstamp": CHANGED} for row in rows]


def csv_text(value: Any, *, instant: Callable[[str], str], yes: tuple[str, str] = ("false", "true")) -> Any:
    if isinstance(value, bool):
        return yes[value]
    return instant(value) if isinstance(value, str) and value.endswith("Z") and "T" in value else value


def as_fivetran(*, own_casing: bool = False) -> Mapping[str, str]:
    def plainly(text: str) -> str:
        return text.replace("T", " ").removesuffix(".000Z")

    def day_too(name: str, value: Any) -> Any:
        return f"{value} 00:00:00" if name in {"CloseDate", "EndDate", "StartDate"} and value else value

    sent = {}
    for name, rows in OBJECTS.items():
        told = [
            {column: csv_text(day_too(column, value), instant=plainly) for column, value in row.items()}
            for row in with_changes(rows)
        ]
        told = told if own_casing else renamed(told, "_c")
        header = ",".join(["_fivetran_synced", *dict.fromkeys(column for row in told for column in row)])
        sent[f"{snake(name, '')}.csv"] = table(f"{header},_fivetran_active", *told)
    return sent


def as_fivetran_in_its_case() -> Mapping[str, str]:
    return as_fivetran(own_casing=True)


def as_airbyte() -> Mapping[str, str]:
    sent = {}
    for name, rows in OBJECTS.items():
        before = [{**row, "Name": "Before", "Type": "x", "SystemModstamp": "2026-10-01T08:00:00.000Z"} for row in rows]
        now = [{**row, "SystemModstamp": CHANGED.replace("Z", "+0000")} for row in rows]
        both = [{"_airbyte_extracted_at": 1793318400000, "_airbyte_data": row} for row in [*now, *before]]
        sent[f"{name}/2026_10_30_1793318400000_0.jsonl"] = lines(*both)
    return sent


def as_airbyte_parquet() -> Mapping[str, bytes]:
    days = {"CloseDate", "EndDate", "StartDate", "ActivityDate", "Renewal_Date__c"}
    times = {"CreatedDate", "ActivityDateTime", "CompletedDateTime", "SystemModstamp"}

    def value(name: str, told: Any) -> Any:
        if told is None:
            return None
        if name in days:
            return dt.date.fromisoformat(told)
        if name in times:
            return dt.datetime.fromisoformat(told)
        return float(told) if isinstance(told, int) and not isinstance(told, bool) else told

    sent = {}
    for name, rows in OBJECTS.items():
        told = [{column: value(column, of) for column, of in row.items()} for row in with_changes(rows)]
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(told), out)
        sent[f"{name}/2026_10_30_1793318400000_0.parquet"] = out.getvalue()
    return sent


def as_dlt() -> Mapping[str, str]:
    load = "1793318400.5"

    def finely(text: Any) -> Any:
        return text.replace(".000Z", ".000000Z") if isinstance(text, str) else text

    names = {name: "sf_user" if name == "User" else snake(name, "") for name in OBJECTS}
    return {
        f"{names[name]}/{load}.0.jsonl": lines(
            *(
                {**{column: finely(value) for column, value in row.items() if value is not None}, "_dlt_load_id": load,
                 "_dlt_id": f"{name}{number}"}
                for number, row in enumerate(renamed(with_changes(rows), "__c"))
            )
        )
        for name, rows in OBJECTS.items()
    }  # fmt: skip


def as_api() -> Mapping[str, str]:
    """As the Bulk API gives records: days and instants in milliseconds since 1970."""

    def number(value: Any) -> Any:
        if isinstance(value, str) and value[:2] == "20":
            text = value.replace("Z", "+00:00") if "T" in value else f"{value}T00:00:00+00:00"
            return int(dt.datetime.fromisoformat(text).timestamp()) * 1000
        return value

    return {
        f"{name}.jsonl": lines(
            *(
                {"attributes": {"type": name}, **{column: number(value) for column, value in row.items()}}
                for row in with_changes(rows)
            )
        )
        for name, rows in OBJECTS.items()
    }


def as_data_loader() -> Mapping[str, str]:
    return as_csv(lambda text: text.replace("Z", "+0000"), ("false", "true"))


def as_weekly_export() -> Mapping[str, str]:
    return as_csv(lambda text: text.replace("T", " ").removesuffix(".000Z"), ("0", "1"))


def as_csv(instant: Callable[[str], str], yes: tuple[str, str]) -> Mapping[str, str]:
    sent = {}
    for name, rows in OBJECTS.items():
        told = [
            {column: csv_text(value, instant=instant, yes=yes) for column, value in row.items()}
            for row in with_changes(rows)
        ]
        sent[f"{name}.csv"] = table(",".join(told[0]), *told)
    return sent


WRITTEN: Mapping[str, tuple[str, Callable[[], Mapping[str, str | bytes]]]] = {
    "Fivetran": ("fivetran", as_fivetran),
    "Fivetran in Salesforce's own casing": ("fivetran", as_fivetran_in_its_case),
    "Airbyte": ("airbyte", as_airbyte),
    "Airbyte's Parquet": ("airbyte", as_airbyte_parquet),
    "dlt": ("dlt", as_dlt),
    "the Bulk API": ("api", as_api),
    "Data Loader": ("dashboard", as_data_loader),
    "the weekly export": ("dashboard", as_weekly_export),
}


def options(custom: Callable[[str], str], **more: Any) -> Mapping[str, Any]:
    return {"segments": {"tier": custom(FIELDS["tier"])}, "renewal_record_types": ["Renewal"], "term_months": 12,
            "due_field": custom(FIELDS["due"]), "prior_amount_field": custom(FIELDS["prior"]),
            "loss_reason_field": custom(FIELDS["reason"]), "review_types": ["QBR"], "currency": "EUR",
            **more}  # fmt: skip


def read(folder, how: str) -> Ingested:
    written_by, write = WRITTEN[how]
    named = (lambda name: snake(name, "__c")) if written_by == "dlt" else lambda name: name
    source = {"form": "salesforce", "written_by": written_by, "options": options(named)}
    return ingested(folder, write(), source, TABLES, segments=["tier"])


@pytest.mark.parametrize("how", list(WRITTEN))
def test_whoever_wrote_the_objects_down_they_say_the_same(how, tmp_path):
    found = read(tmp_path, how)
    assert found.rejects() == []
    assert found.values(
        "accounts", "account_id", "account_name", "industry", "country", "region", "size", "csm_owner", "signup_on",
        "tier",
    ) == [
        (ACME, "Acme", "Retail", "Spain", "Madrid", "250", "Kim Roe", day("2026-02-01"), "gold"),
        (BOLT, "Bolt", None, None, None, None, None, day("2026-02-01"), None),
    ]  # fmt: skip
    assert found.values("identities", "customer_id", "domain", "name") == [
        (ACME, "acme.example", "Acme"),
        (BOLT, None, "Bolt"),
        (DELTA, None, None),
    ]
    assert found.values("account_links", "source_account_id", "account_id") == [(DELTA, ACME)]
    # 10,000 / 12 = 833.33…, 12,000.50 / 12 = 1,000.0416…, 600 / 12 = 50
    assert found.values(
        "renewals", "renewal_id", "account_id", "term_started_on", "term_ended_on", "renewed_on", "outcome",
        "mrr_amount", "renewed_mrr_amount", "currency",
    ) == [
        (LOST, ACME, day("2025-04-01"), day("2026-04-01"), None, "lost", 5_000, None, "EUR"),
        (WON, ACME, day("2025-03-01"), day("2026-03-01"), day("2026-02-20"), "renewed", 83_333, 100_004, "EUR"),
    ]  # fmt: skip
    assert found.values("csm_activities", "activity_id", "account_id", "kind", "due_on", "held_on") == [
        ("00T5500000Xyy06AAB", BOLT, "review", day("2026-02-12"), day("2026-02-13")),
        ("00U5500000Xyy06AAB", ACME, "review", None, day("2026-02-11")),
    ]
    assert found.values("churn_events", "churn_event_id", "account_id", "churned_on", "reason") == [
        (LOST, ACME, day("2026-04-01"), "Price")
    ]


def test_reports_say_of_the_same_objects_what_they_show(tmp_path):
    """A report has no contracts, no deleted records and no ids of 18 signs."""
    shown = {True: "1", False: "0"}
    accounts = [
        {"Account ID": one["Id"][:15], "Account Name": one["Name"],
         "Account Owner": "Kim Roe" if one["OwnerId"] else "",
         "Billing Country": one["BillingCountry"] or "", "Billing State/Province": one["BillingState"] or "",
         "Industry": one["Industry"] or "", "Employees": one["NumberOfEmployees"] or "", "Created Date": "2/1/2026",
         "Website": one["Website"] or "", "Tier": one["Tier__c"] or ""}
        for one in OBJECTS["Account"] if not one["IsDeleted"]
    ]  # fmt: skip
    opportunities = [
        {"Opportunity ID": one["Id"][:15], "Account ID": ACME[:15], "Opportunity Name": "x", "Type": one["Type"],
         "Stage": one["StageName"], "Amount": one["Amount"], "Close Date": close, "Closed": shown[one["IsClosed"]],
         "Won": shown[one["IsWon"]], "Renewal Date": due}
        for one, close, due in zip(OBJECTS["Opportunity"], ("2/20/2026", "3/20/2026"), ("3/1/2026", "4/1/2026"),
                                   strict=True)
    ]  # fmt: skip
    sent = {
        "reports/customers.csv": report(salesforce.SEEN_ACCOUNT, *accounts),
        "reports/renewals.csv": report(salesforce.SEEN_OPPORTUNITY, *opportunities),
    }
    said = {"segments": {"tier": "Tier"}, "renewal_types": ["Existing"], "term_months": 12,
            "due_field": "Renewal Date", "day_order": "month_first", "currency": "EUR"}  # fmt: skip
    source = {"form": "salesforce", "written_by": "dashboard", "options": said, "has_footer": True,
              "files": {"accounts": "reports/customers.csv", "opportunities": "reports/renewals.csv"}}  # fmt: skip
    found = ingested(tmp_path, sent, source, TABLES[:4], segments=["tier"])
    assert found.rejects() == []
    whole = read(tmp_path / "whole", "Data Loader")
    columns = ("account_id", "account_name", "industry", "country", "region", "size", "csm_owner", "signup_on", "tier")
    assert found.values("accounts", *columns) == whole.values("accounts", *columns)
    columns = ("renewal_id", "account_id", "term_ended_on", "renewed_on", "outcome", "renewed_mrr_amount", "currency")
    assert found.values("renewals", *columns) == whole.values("renewals", *columns)
