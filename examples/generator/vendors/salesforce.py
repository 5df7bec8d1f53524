"""The example company's CRM as Salesforce's objects; and what of it Salesforce can tell."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from examples.generator.vendors.hubspot import midnight
from examples.generator.vendors.salesforce_records import (
    ACCOUNT,
    CONTRACT,
    EVENT,
    OPPORTUNITY,
    TASK,
    USER,
    Row,
    custom,
    number_of,
    record_id,
    records,
)
from examples.generator.vendors.stripe import DIGITS, domain_of
from examples.generator.vendors.writing import Object, Objects

OUTCOMES = {"renewed": "Signed", "lost": "Gone", "open": "In talks"}
"""By outcome the stage of an opportunity, as this org calls it."""
RENEWAL, SALE, REVIEW = "Renewal", "New Business", "QBR"
SEGMENTS = {"region": "Sales_Region__c", "size": "Headcount__c"}
DUE, WORTH, MONTHS, WHY, WORDS = ("Renewed_Contract__c", "Contract_Value__c", "New_Term__c", "Loss_Reason__c",
                                  "Loss_Comment__c")  # fmt: skip
"""The org's own fields of opportunities and contracts."""
TOLD_OF_ACCOUNTS = ("account_id", "account_name", "industry", "country", "region", "size", "csm_owner", "signup_on")
TOLD_OF_RENEWALS = ("renewal_id", "account_id", "term_started_on", "term_ended_on", "renewed_on", "outcome",
                    "mrr_amount", "renewed_mrr_amount", "currency")  # fmt: skip
TOLD_OF_REVIEWS = ("activity_id", "account_id", "kind", "due_on", "held_on")


def options(written_by: str) -> dict[str, Any]:
    """What the config says of such a source: what this org's own fields and types mean."""
    return {
        "segments": {name: custom(field, written_by) for name, field in SEGMENTS.items()},
        "renewal_types": [RENEWAL],
        "term_months": 12,
        "term_months_field": custom(MONTHS, written_by),
        "contract_field": custom(DUE, written_by),
        "contract_amount_field": custom(WORTH, written_by),
        "loss_reason_field": custom(WHY, written_by),
        "loss_comment_field": custom(WORDS, written_by),
        "review_types": [REVIEW],
    }


def accounts_told(rows: Iterable[Row]) -> list[Row]:
    """The accounts as Salesforce can tell them: not which of them are our own."""
    return [
        {name: row[name] for name in TOLD_OF_ACCOUNTS} | {"account_id": record_id(ACCOUNT, row["account_id"])}
        for row in rows
    ]


def renewals_told(rows: Iterable[Row]) -> list[Row]:
    """The renewals as Salesforce can tell them, of terms of any length: not of which subscription they are.

    The faulty one is another test's.
    """
    return [
        {name: row[name] for name in TOLD_OF_RENEWALS}
        | {"renewal_id": record_id(OPPORTUNITY, row["renewal_id"]), "account_id": record_id(ACCOUNT, row["account_id"])}
        for row in rows
        if row["outcome"] in OUTCOMES
    ]


def churn_told(rows: Iterable[Row], renewals: Iterable[Row]) -> list[Row]:
    """The churn events that Salesforce can tell: reasons stand at lost renewals alone, and of some nobody said one.

    `renewals` as they are told: an event is the renewal that was due on its day.
    """
    lost = {
        (row["account_id"], row["term_ended_on"]): row["renewal_id"] for row in renewals if row["outcome"] == "lost"
    }
    named = [{**row, "account_id": record_id(ACCOUNT, row["account_id"])} for row in rows]
    return [
        {**row, "churn_event_id": lost[row["account_id"], row["churned_on"]]}
        for row in named
        if (row["account_id"], row["churned_on"]) in lost and (row["reason"] or row["comment"])
    ]


def reviews_told(rows: Iterable[Row]) -> list[Row]:
    """The business reviews, with the days of each and not how it went; sentiments are no record of Salesforce's.

    What was due on a day is a task; an event is told by when it took place alone.
    """
    return [
        {name: row[name] for name in TOLD_OF_REVIEWS}
        | {
            "activity_id": record_id(TASK if row["due_on"] else EVENT, row["activity_id"]),
            "account_id": record_id(ACCOUNT, row["account_id"]),
        }
        for row in rows
        if row["kind"] == "review"
    ]


def objects(tables: Mapping[str, list[Row]], *, keeps_case: bool = False) -> list[Objects]:
    """All kinds of objects that tell these tables; `keeps_case`: Fivetran's columns are called as the API's fields."""
    accounts, renewals, reviews = tables["accounts"], tables["renewals"], tables["csm_activities"]
    why = {row["churn_event_id"]: row for row in tables["churn_events"]}
    sales = [_sale(row) for number, row in enumerate(accounts) if number % 3 == 0]
    deleted = [{**_renewal(row, why), "Id": record_id(OPPORTUNITY, f"{50_000 + number}"), "IsDeleted": True}
               for number, row in enumerate(renewals) if number % 9 == 0]  # fmt: skip
    others = [{**_task(row, number), "Id": record_id(TASK, f"{60_000 + number}"), "Type": "Call"}
              for number, row in enumerate(reviews) if number % 4 == 0]  # fmt: skip
    events = [_event(row, number) for number, row in enumerate(reviews) if row["activity_id"].startswith(EVENT)]
    invited = [{**event, "Id": record_id(EVENT, f"{70_000 + number}"), "IsChild": True}
               for number, event in enumerate(events)]  # fmt: skip
    kinds = {
        "Account": [_account(row, _user_ids(accounts)) for row in accounts],
        "User": [_user(name, number) for name, number in _user_ids(accounts).items()],
        "Opportunity": [*(_renewal(row, why) for row in renewals), *sales, *deleted],
        "Contract": [_contract(row) for row in renewals],
        "Task": [*(_task(row, n) for n, row in enumerate(reviews) if row["activity_id"].startswith(TASK)), *others],
        "Event": [*events, *invited],
    }
    return [records(rows, name, keeps_case=keeps_case) for name, rows in kinds.items()]


def _instant(day: str) -> str | None:
    """The start of a day of the company's, as Salesforce's API spells instants: its offset has no colon."""
    return midnight(day).replace("Z", "+0000") if day else None


def _user_ids(accounts: Iterable[Row]) -> dict[str, str]:
    names = sorted({row["csm_owner"] for row in accounts if row["csm_owner"]})
    return {name: record_id(USER, str(number)) for number, name in enumerate(names, start=301)}


def _user(name: str, number: str) -> Object:
    first, last = name.split()
    return {"Id": number, "FirstName": first, "LastName": last, "Name": name, "IsActive": True,
            "Email": f"{first}.{last}@vendor.example"}  # fmt: skip


def _account(row: Row, users: Mapping[str, str]) -> Object:
    return {
        "Id": row["account_id"],
        "IsDeleted": False,
        "MasterRecordId": None,
        "Name": row["account_name"],
        "Website": f"https://www.{domain_of(row['account_id'])}/",
        "Industry": row["industry"] or None,
        "BillingCountry": row["country"] or None,
        "OwnerId": users.get(row["csm_owner"]),
        "CreatedDate": _instant(row["signup_on"]),
        **{field: row[name] or None for name, field in SEGMENTS.items()},
    }


def _months(row: Row) -> int:
    """The months of a term: a term from the last day of a month ends on the last of another, too."""
    started, ended = (date.fromisoformat(row[name]) for name in ("term_started_on", "term_ended_on"))
    return 12 * (ended.year - started.year) + ended.month - started.month


def term_amount(row: Row, name: str) -> float | None:
    """What a term is worth, in whole units: of a month there is no field."""
    if not row[name]:
        return None
    return float((Decimal(row[name]) * _months(row)).scaleb(-DIGITS.get(row["currency"], 2)))


def _renewal(row: Row, why: Mapping[str, Row]) -> Object:
    is_renewed, reason = row["outcome"] == "renewed", why.get(row["renewal_id"], {})
    return {
        "Id": row["renewal_id"],
        "IsDeleted": False,
        "AccountId": row["account_id"],
        "ContractId": None,
        "Type": RENEWAL,
        "Name": f"Renewal of {row['term_ended_on']}",
        "StageName": OUTCOMES[row["outcome"]],
        "IsClosed": row["outcome"] != "open",
        "IsWon": is_renewed,
        "CloseDate": row["renewed_on"] or row["term_ended_on"],
        # Of one that is not won it is what somebody hopes for.
        "Amount": term_amount(row, "renewed_mrr_amount" if is_renewed else "mrr_amount"),
        "CurrencyIsoCode": row["currency"],
        "CreatedDate": _instant(row["term_started_on"]),
        DUE: _contract_of(row),
        MONTHS: float(_months(row)),
        WHY: reason.get("reason") or None,
        WORDS: reason.get("comment") or None,
    }


def _sale(row: Row) -> Object:
    """What an account first bought, which is no renewal."""
    name = record_id(OPPORTUNITY, f"4{number_of(row['account_id']):04d}")
    told = {"renewal_id": name, "account_id": row["account_id"],
            "term_started_on": row["signup_on"], "term_ended_on": row["signup_on"], "renewed_on": row["signup_on"],
            "outcome": "renewed", "renewed_mrr_amount": "", "currency": "EUR"}  # fmt: skip
    return {**_renewal(told, {}), "Type": SALE, "Name": "First plan", "Amount": 1200.0, DUE: None, MONTHS: None}


def _contract_of(row: Row) -> str:
    return record_id(CONTRACT, str(number_of(row["renewal_id"])))


def _contract(row: Row) -> Object:
    """The contract that a renewal is about: its last day is one of its own."""
    last = date.fromisoformat(row["term_ended_on"]) - timedelta(days=1)
    return {"Id": _contract_of(row), "IsDeleted": False, "AccountId": row["account_id"], "Status": "Activated",
            "StartDate": row["term_started_on"], "EndDate": last.isoformat(), "ContractTerm": _months(row),
            WORTH: term_amount(row, "mrr_amount")}  # fmt: skip


def _about(row: Row, number: int) -> Object:
    """Whom an activity is about: some name their account alone, and some the record, which is the account."""
    is_named = number % 2 == 0
    return {
        "AccountId": row["account_id"] if is_named else None,
        "WhatId": None if is_named else row["account_id"],
        "Type": REVIEW,
        "Subject": "Review with Kim Roe",
        "IsDeleted": False,
        "IsRecurrence": False,
    }


def _task(row: Row, number: int) -> Object:
    held = row["held_on"]
    return {"Id": row["activity_id"], **_about(row, number), "ActivityDate": row["due_on"] or held,
            "IsClosed": held != "", "CompletedDateTime": _instant(held)}  # fmt: skip


def _event(row: Row, number: int) -> Object:
    """One of a whole day has no hour."""
    held = row["held_on"]
    return {"Id": row["activity_id"], **_about(row, number), "IsChild": False, "ActivityDate": held,
            "ActivityDateTime": None if number % 3 == 0 else _instant(held)}  # fmt: skip
