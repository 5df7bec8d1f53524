"""The example company's CRM as HubSpot's objects; and what of it HubSpot can tell."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any

from examples.generator.days import add_months
from examples.generator.vendors.hubspot_records import (
    links,
    record,
    records,
    shown_companies,
    shown_instant,
    shown_property,
)
from examples.generator.vendors.numbered import numbered
from examples.generator.vendors.stripe import DIGITS, ZONE, domain_of
from examples.generator.vendors.writing import Object, Objects

Row = Mapping[str, str]
TERM_MONTHS = 3
"""Months of the terms that most renewals of the company are for: all of a portal last as long."""
RENEWALS, SALES = "77", "default"
STAGES = {"renewed": ("701", "Signed", "1.0"), "lost": ("702", "Gone", "0.0"), "open": ("703", "In talks", "0.4")}
"""By outcome the stage of a deal: its id, what people call it, and how likely a deal in it is won."""
UNASKED, DONE = ("1", "New"), ("4", "Closed")
SEEN = {"region": "Sales region", "size": "Headcount"}
TOLD_OF_ACCOUNTS = ("account_id", "account_name", "industry", "country", "region", "size", "csm_owner", "signup_on")
TOLD_OF_RENEWALS = ("renewal_id", "account_id", "term_started_on", "term_ended_on", "renewed_on", "outcome",
                    "mrr_amount", "currency")  # fmt: skip
TOLD_OF_TICKETS = ("ticket_id", "account_id", "topic", "channel", "priority", "status", "created_at",
                   "first_replied_at", "last_solved_at")  # fmt: skip


def options(written_by: str) -> dict[str, Any]:
    """What the config says of such a source: which columns the portal added, and what its pipelines mean."""
    before = {"fivetran": "property_", "airbyte": "properties_", "api": "properties."}.get(written_by, "")
    is_seen = written_by == "dashboard"
    return {
        "segments": {name: SEEN[name] if is_seen else f"{before}{_own(name)}" for name in SEEN},
        "renewal_pipeline": "Renewals",
        "term_months": TERM_MONTHS,
        "due_property": "Contract end" if is_seen else f"{before}contract_end",
        "won_stages": [STAGES["renewed"][1]],
        "lost_stages": [STAGES["lost"][1]],
        "closed_ticket_stages": [DONE[1]],
    }


def _own(segment: str) -> str:
    return SEEN[segment].lower().replace(" ", "_")


def accounts_told(rows: Iterable[Row]) -> list[Row]:
    """The accounts as HubSpot can tell them, under numbers: not which of them are our own."""
    return [{name: row[name] for name in TOLD_OF_ACCOUNTS} | {"account_id": numbered(row["account_id"])}
            for row in rows]  # fmt: skip


def renewals_told(rows: Iterable[Row]) -> list[Row]:
    """The renewals that HubSpot can tell: those of terms of one length, without what they came to afterwards.

    The faulty one is another test's.
    """
    return [
        {name: row[name] for name in TOLD_OF_RENEWALS}
        | {name: numbered(row[name]) for name in ("renewal_id", "account_id")}
        for row in rows
        if row["outcome"] in STAGES and _lasts_a_term(row)
    ]


def _lasts_a_term(row: Row) -> bool:
    started, ended = (date.fromisoformat(row[name]) for name in ("term_started_on", "term_ended_on"))
    return started.day == ended.day and add_months(started, TERM_MONTHS) == ended


def tickets_told(tickets: Iterable[Row]) -> list[Row]:
    """The tickets that HubSpot can tell, of those that are neither merged nor spam: open ones and closed ones.

    Which is opened again was never closed.
    """
    told = []
    for row in tickets:
        if row["created_at"].endswith("Z") and row["is_spam"] == row["is_merged"] == "false":
            is_closed = row["status"] in {"solved", "closed"}
            ids = {name: numbered(row[name]) for name in ("ticket_id", "account_id")}
            state = {
                "status": "closed" if is_closed else "open",
                "last_solved_at": row["last_solved_at"] if is_closed else "",
            }
            told.append({name: row[name] for name in TOLD_OF_TICKETS} | ids | state)
    return told


def midnight(day: str) -> str:
    """The start of a day of the company's, as HubSpot spells instants."""
    instant = datetime.combine(date.fromisoformat(day), time(), ZONE).astimezone(UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000Z"


def crm(accounts: list[Row], renewals: Iterable[Row]) -> list[Objects]:
    """All kinds of objects that tell these accounts and renewals."""
    of = deals(renewals, accounts)
    return [companies(accounts), owners(accounts), of, links(of, "deal"), deal_pipelines()]


def helpdesk(rows: Iterable[Row]) -> list[Objects]:
    """All kinds of objects that tell these tickets."""
    of = tickets(rows)
    return [of, links(of, "ticket"), ticket_pipelines()]


def _owner_ids(accounts: Iterable[Row]) -> dict[str, str]:
    names = sorted({row["csm_owner"] for row in accounts if row["csm_owner"]})
    return {name: str(number) for number, name in enumerate(names, start=301)}


def companies(accounts: list[Row]) -> Objects:
    """Each account as a company; what is no property of HubSpot's is one of the portal's own."""
    owner, names = _owner_ids(accounts), {row["account_id"]: row["csm_owner"] for row in accounts}
    rows = [
        record(
            row["account_id"],
            {
                "name": row["account_name"],
                "domain": domain_of(row["account_id"]),
                "industry": row["industry"],
                "country": row["country"],
                "hubspot_owner_id": owner.get(row["csm_owner"], ""),
                "createdate": midnight("2024-04-02"),
                "closedate": midnight(row["signup_on"]),
                **{_own(name): row[name] for name in SEEN},
            },
        )
        for row in accounts
    ]
    shown = {
        "Record ID": lambda company: company["id"],
        "Company name": shown_property("name"),
        "Company Domain Name": shown_property("domain"),
        "Create Date": shown_instant("createdate"),
        "Close Date": shown_instant("closedate"),
        "Company owner": lambda company: names[company["id"]],
        "Industry": shown_property("industry"),
        "Country/Region": shown_property("country"),
        **{spelled: shown_property(_own(name)) for name, spelled in SEEN.items()},
    }
    return records(rows, "companies", "id", shown, "company")


def owners(accounts: Iterable[Row]) -> Objects:
    """Who of the staff looks after accounts."""
    rows = [
        {"id": number, "firstName": name.split()[0], "lastName": name.split()[1], "archived": False}
        for name, number in _owner_ids(accounts).items()
    ]
    renamed = {"id": "owner_id", "firstName": "first_name", "lastName": "last_name", "archived": ""}
    return Objects(rows, _everywhere("owners", fivetran="owner"), renamed={"fivetran": renamed})


def _everywhere(name: str, **others: str) -> dict[str, str]:
    return {**dict.fromkeys(("api", "airbyte", "dlt"), name), **others}


def deals(renewals: Iterable[Row], accounts: Iterable[Row]) -> Objects:
    """Each renewal as a deal; and in another pipeline what accounts first bought, which is none."""
    rows = [_renewal(row) for row in renewals] + [_sale(row) for row in accounts if int(row["account_id"]) % 3 == 0]
    labels = {number: label for number, label, _ in STAGES.values()}
    shown = {
        "Record ID": lambda deal: deal["id"],
        "Deal Name": shown_property("dealname"),
        "Deal Stage": lambda deal: labels.get(deal["properties"]["dealstage"], "Closed Won"),
        "Pipeline": lambda deal: "Renewals" if deal["properties"]["pipeline"] == RENEWALS else "Sales Pipeline",
        "Amount": shown_property("amount"),
        "Currency": shown_property("deal_currency_code"),
        "Create Date": shown_instant("createdate"),
        "Close Date": shown_instant("closedate"),
        "Contract end": shown_property("contract_end"),
        "Associated Company IDs": shown_companies,
        "Associated Company IDs (Primary)": shown_property("hs_primary_associated_company"),
    }
    return records(rows, "deals", "deal_id", shown, "deal")


def _renewal(row: Row) -> Object:
    digits = DIGITS.get(row["currency"], 2)
    return record(
        row["renewal_id"],
        {
            "dealname": f"Renewal of {row['term_ended_on']}",
            "pipeline": RENEWALS,
            "dealstage": STAGES[row["outcome"]][0],
            "amount": f"{(Decimal(row['mrr_amount']) * TERM_MONTHS).scaleb(-digits):f}",
            "deal_currency_code": row["currency"],
            "createdate": midnight(row["term_started_on"]),
            "closedate": midnight(row["renewed_on"] or row["term_ended_on"]),
            "contract_end": row["term_ended_on"],
            "hs_primary_associated_company": row["account_id"],
        },
        "deal",
        row["account_id"],
    )


def _sale(row: Row) -> Object:
    return record(
        f"9{row['account_id']}",
        {
            "dealname": "First plan",
            "pipeline": SALES,
            "dealstage": "closedwon",
            "amount": "1200",
            "deal_currency_code": "EUR",
            "createdate": midnight("2024-04-02"),
            "closedate": midnight(row["signup_on"]),
            "contract_end": "",
            "hs_primary_associated_company": row["account_id"],
        },
        "deal",
        row["account_id"],
    )


def _stage(name: str, label: str, **metadata: str) -> Object:
    return {"id": name, "label": label, "metadata": metadata}


def deal_pipelines() -> Objects:
    """The pipelines of deals with their stages."""
    of_renewals = [
        _stage(name, label, isClosed=str(outcome != "open").lower(), probability=likely)
        for outcome, (name, label, likely) in STAGES.items()
    ]
    won = _stage("closedwon", "Closed Won", isClosed="true", probability="1.0")
    rows = [
        {"id": RENEWALS, "label": "Renewals", "stages": of_renewals},
        {"id": SALES, "label": "Sales Pipeline", "stages": [won]},
    ]
    return _pipelines(rows, "deal")


def _pipelines(rows: list[Object], kind: str) -> Objects:
    name = f"{kind}_pipelines"
    stage = {"id": "stage_id", "metadata.isClosed": "is_closed", "metadata.probability": "probability",
             "metadata.ticketState": "ticket_state"}  # fmt: skip
    return Objects(
        rows,
        {"api": name, "airbyte": name, "dlt": f"pipelines_{kind}s", "fivetran": f"{kind}_pipeline"},
        lists={"stages": ({"fivetran": f"{kind}_pipeline_stage"}, "pipeline_id")},
        renamed={"fivetran": {"id": "pipeline_id"}, "fivetran stages": stage},
        shaped={"airbyte": partial(_with_longer_ids, "pipelineId", "stageId")} if kind == "deal" else {},
    )


def _with_longer_ids(pipeline_id: str, stage_id: str, pipeline: Object) -> Object:
    """Airbyte asks for pipelines of deals in an older way, in which ids are called otherwise."""
    stages = [{stage_id: stage["id"], "label": stage["label"], "metadata": stage["metadata"]}
              for stage in pipeline["stages"]]  # fmt: skip
    return {pipeline_id: pipeline["id"], "label": pipeline["label"], "stages": stages}


def tickets(rows: Iterable[Row]) -> Objects:
    """Each ticket."""
    told = [
        record(
            row["ticket_id"],
            {
                "subject": "A question",
                "hs_pipeline": "0",
                "hs_pipeline_stage": (DONE if row["status"] == "closed" else UNASKED)[0],
                "hs_ticket_category": row["topic"],
                "hs_ticket_priority": row["priority"].upper(),
                "source_type": row["channel"].upper(),
                "createdate": row["created_at"],
                "closed_date": row["last_solved_at"],
                "first_agent_reply_date": row["first_replied_at"],
                "hs_primary_company_id": row["account_id"],
            },
            "ticket",
            row["account_id"],
        )
        for row in rows
    ]
    labels = dict((UNASKED, DONE))
    shown = {
        "Ticket ID": lambda ticket: ticket["id"],
        "Ticket name": shown_property("subject"),
        "Pipeline": lambda _: "Support",
        "Ticket status": lambda ticket: labels[ticket["properties"]["hs_pipeline_stage"]],
        "Priority": lambda ticket: ticket["properties"]["hs_ticket_priority"].capitalize(),
        "Category": shown_property("hs_ticket_category"),
        "Source": lambda ticket: ticket["properties"]["source_type"].capitalize(),
        "Create date": shown_instant("createdate"),
        "Close date": shown_instant("closed_date"),
        "First agent email response date": shown_instant("first_agent_reply_date"),
        "Associated Company IDs": shown_companies,
        "Associated Company IDs (Primary)": shown_property("hs_primary_company_id"),
    }
    return records(told, "tickets", "id", shown, "ticket")


def ticket_pipelines() -> Objects:
    """The pipeline of tickets with its stages."""
    stages = [_stage(*UNASKED, isClosed="false", ticketState="OPEN"),
              _stage(*DONE, isClosed="true", ticketState="CLOSED")]  # fmt: skip
    return _pipelines([{"id": "0", "label": "Support", "stages": stages}], "ticket")
