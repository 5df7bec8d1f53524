"""A few of HubSpot's objects say the same, whoever wrote them down."""

from collections.abc import Mapping

import pytest

from tests.frames import at, day
from tests.vendors import hubspot_files as hubspot
from tests.vendors.hubspot_files import lines, table
from tests.vendors.one_source import Ingested, ingested

OPTIONS = {
    "segments": {"tier": "tier"},
    "renewal_pipeline": "77",
    "term_months": 12,
    "currency": "EUR",
    "due_property": "contract_end",
    "won_stages": ["Closed Won"],
    "lost_stages": ["Closed Lost"],
    "closed_ticket_stages": ["Done"],
}
TABLES = ["accounts", "renewals", "tickets"]
LOAD = "1793318400.5"
COMPANIES = {
    "11": {"name": "Acme", "domain": "acme.example", "industry": "RETAIL", "country": "Spain", "tier": "gold",
           "numberofemployees": "250", "hubspot_owner_id": "3", "createdate": "2026-01-31T23:30:00.000Z"},
    "12": {"name": "Bolt", "domain": "bolt.example", "industry": "", "country": "", "tier": "",
           "numberofemployees": "", "hubspot_owner_id": "", "createdate": "2026-02-01T10:00:00.000Z"},
}  # fmt: skip
DEALS = {
    "9001": {"dealname": "Acme again", "pipeline": "77", "dealstage": "701", "amount": "12000.5", "deal_currency_code":
             "USD", "closedate": "2026-02-20T09:00:00.000Z", "createdate": "2026-01-05T09:00:00.000Z",
             "contract_end": "2026-03-01", "hs_primary_associated_company": "12"},
    "9002": {"dealname": "Bolt again", "pipeline": "77", "dealstage": "702", "amount": "600", "deal_currency_code": "",
             "closedate": "2026-02-21T09:00:00.000Z", "createdate": "2026-01-05T09:00:00.000Z",
             "contract_end": "", "hs_primary_associated_company": ""},
    "9003": {"dealname": "More seats", "pipeline": "1", "dealstage": "701", "amount": "5", "deal_currency_code": "",
             "closedate": "2026-02-22T09:00:00.000Z", "createdate": "2026-01-05T09:00:00.000Z",
             "contract_end": "", "hs_primary_associated_company": ""},
}  # fmt: skip
TICKETS = {
    "5001": {"subject": "Invoice", "hs_pipeline": "0", "hs_pipeline_stage": "4", "hs_ticket_priority": "HIGH",
             "hs_ticket_category": "BILLING", "createdate": "2026-02-01T08:00:00.000Z",
             "closed_date": "2026-02-03T10:00:00.000Z", "first_agent_reply_date": "2026-02-01T09:15:00.000Z"},
    "5002": {"subject": "Login", "hs_pipeline": "0", "hs_pipeline_stage": "1", "hs_ticket_priority": "",
             "hs_ticket_category": "", "createdate": "2026-02-04T08:00:00.000Z", "closed_date": "",
             "first_agent_reply_date": ""},
}  # fmt: skip
OF_DEALS = {"9001": ["11", "12"], "9002": ["12", "11"], "9003": ["11"]}
OF_TICKETS = {"5001": ["12"], "5002": ["12", "11"]}
DEAL_STAGES = {"701": ("Closed Won", True, "1.0"), "702": ("Closed Lost", True, "0.0")}
TICKET_STAGES = {"1": ("New", False), "4": ("Done", True)}


def plainly(value: str) -> str:
    """As Fivetran spells times: in UTC, without saying so."""
    return value.replace("T", " ").removesuffix("Z") if value.endswith("Z") else value


def as_fivetran() -> Mapping[str, str]:
    def rows(objects, renamed, key):
        return [
            {key: name, "is_deleted": "FALSE"} | {renamed.get(n, f"property_{n}"): plainly(v) for n, v in one.items()}
            for name, one in objects.items()
        ]

    def whole(told):
        return table(",".join(dict.fromkeys(name for row in told for name in row)), *told)

    staged = {"pipeline": "deal_pipeline_id", "dealstage": "deal_pipeline_stage_id"}
    links = [
        {"deal_id": deal, "company_id": company, "category": "HUBSPOT_DEFINED",
         "type_id": "5" if DEALS[deal]["hs_primary_associated_company"] == company else "341"}
        for deal, companies in OF_DEALS.items()
        for company in companies
    ]  # fmt: skip
    asks = {"tier": "tier", "contract_end": "contract_end"}
    deals = [{n: v for n, v in row.items() if "primary" not in n} for row in rows(DEALS, staged | asks, "deal_id")]
    stages = [{"stage_id": key, "pipeline_id": "77", "label": label, "is_closed": str(closed).upper(),
               "closed_won": str(likely == "1.0").upper(), "probability": likely}
              for key, (label, closed, likely) in DEAL_STAGES.items()]  # fmt: skip
    of_tickets = [{"ticket_id": ticket, "company_id": company} for ticket, of in OF_TICKETS.items() for company in of]
    ticket_stages = [{"stage_id": key, "pipeline_id": "0", "label": label, "is_closed": str(closed).upper()}
                     for key, (label, closed) in TICKET_STAGES.items()]  # fmt: skip
    return {
        "company.csv": whole(rows(COMPANIES, asks, "id")),
        "owner.csv": table(hubspot.OWNER, {"owner_id": "3", "first_name": "Kim", "last_name": "Roe"}),
        "deal.csv": whole(deals),
        "deal_company.csv": table(hubspot.DEAL_COMPANY, *links),
        "deal_pipeline.csv": table(hubspot.PIPELINE, {"pipeline_id": "77", "label": "Renewals"}),
        "deal_pipeline_stage.csv": table(hubspot.DEAL_STAGE, *stages),
        "merged_deal.csv": table(hubspot.MERGED),
        "ticket.csv": whole(rows(TICKETS, {}, "id")),
        "ticket_company.csv": table(hubspot.TICKET_COMPANY, *of_tickets),
        "ticket_pipeline_stage.csv": table(hubspot.TICKET_STAGE, *ticket_stages),
    }


def deal_stages(key: str) -> list[dict[str, object]]:
    return [{key: stage, "label": label, "displayOrder": 0,
             "metadata": {"isClosed": str(closed).lower(), "probability": likely}}
            for stage, (label, closed, likely) in DEAL_STAGES.items()]  # fmt: skip


def ticket_stages() -> list[dict[str, object]]:
    return [{"id": stage, "label": label,
             "metadata": {"isClosed": str(closed).lower(), "ticketState": "CLOSED" if closed else "OPEN"}}
            for stage, (label, closed) in TICKET_STAGES.items()]  # fmt: skip


def as_airbyte() -> Mapping[str, str]:
    def records(objects, of=None, key="companies"):
        return [
            {"id": name, "archived": False, "properties": one}
            | {f"properties_{n}": v for n, v in one.items()}
            | {n: v for n, v in one.items() if n in {"tier", "contract_end"}}
            | ({key: of[name]} if of else {})
            for name, one in objects.items()
        ]

    def stream(*objects):
        wrapped = {"_airbyte_raw_id": "a", "_airbyte_extracted_at": 1793318400000, "_airbyte_generation_id": 1}
        return lines(*({**wrapped, "_airbyte_data": one} for one in objects))

    told = {
        "companies": stream(*records(COMPANIES)),
        "owners": stream({"id": "3", "firstName": "Kim", "lastName": "Roe", "email": "kim@us.example"}),
        "deals": stream(*records(DEALS, OF_DEALS)),
        "deal_pipelines": stream({"pipelineId": "77", "label": "Renewals", "stages": deal_stages("stageId")}),
        "tickets": stream(*records(TICKETS, OF_TICKETS)),
        "ticket_pipelines": stream({"id": "0", "label": "Support", "stages": ticket_stages()}),
    }
    return {f"{name}/2026_10_30_1793318400000_0.jsonl": content for name, content in told.items()}


def as_dlt() -> Mapping[str, str]:
    def flat(objects):
        return [{"id": key, "_dlt_id": key} | {n: v for n, v in one.items() if v} for key, one in objects.items()]

    def turned(of, name):
        pairs = [(company, record) for record, companies in of.items() for company in companies]
        return [{"value": company, name: record, "_dlt_parent_id": company, "_dlt_id": f"{company}.{record}"}
                for company, record in pairs]  # fmt: skip

    # A number is a double.
    deals = [row | {n: float(row[n]) for n in ("amount", "hs_primary_associated_company") if n in row}
             for row in flat(DEALS)]  # fmt: skip
    stages = [
        {"id": key, "_dlt_id": key, "_dlt_parent_id": "p77", "label": label,
         "metadata__is_closed": str(closed).lower(), "metadata__probability": likely}
        for key, (label, closed, likely) in DEAL_STAGES.items()
    ]  # fmt: skip
    of_tickets = [
        {"id": key, "_dlt_id": key, "_dlt_parent_id": "p0", "label": label, "metadata__is_closed": str(closed).lower()}
        for key, (label, closed) in TICKET_STAGES.items()
    ]
    told = {
        "companies": flat(COMPANIES),
        "companies__deals": turned(OF_DEALS, "deals_id"),
        "companies__tickets": turned(OF_TICKETS, "tickets_id"),
        "owners": [{"id": "3", "first_name": "Kim", "last_name": "Roe", "email": "kim@us.example", "_dlt_id": "o"}],
        "deals": deals,
        "pipelines_deals": [{"id": "77", "label": "Renewals", "_dlt_id": "p77"}],
        "pipelines_deals__stages": stages,
        "tickets": flat(TICKETS),
        "pipelines_tickets": [{"id": "0", "label": "Support", "_dlt_id": "p0"}],
        "pipelines_tickets__stages": of_tickets,
    }
    parents = {name for name in told if "__" not in name}
    return {
        f"{name}/{LOAD}.0.jsonl": lines(
            *({**row, **({"_dlt_load_id": LOAD} if name in parents else {})} for row in rows)
        )
        for name, rows in told.items()
    }


def as_api() -> Mapping[str, str]:
    def objects(told, of=None, kind=""):
        rows = []
        for key, one in told.items():
            row = {"id": key, "archived": False, "properties": one, "tier": one.get("tier"),
                   "contract_end": one.get("contract_end")}  # fmt: skip
            if of:
                primary = [company for company in of[key] if company == one.get("hs_primary_associated_company")]
                # The API names each company once for each way in which the two belong together.
                named = [{"id": company, "type": f"{kind}_to_company_unlabeled"} for company in of[key]]
                named += [{"id": company, "type": f"{kind}_to_company"} for company in primary]
                row["associations"] = {"companies": {"results": named}}
            rows.append(row)
        return rows

    return {
        "companies.jsonl": lines(*objects(COMPANIES)),
        "owners.jsonl": lines({"id": "3", "firstName": "Kim", "lastName": "Roe", "email": "kim@us.example"}),
        "deals.jsonl": lines(*objects(DEALS, OF_DEALS, "deal")),
        "deal_pipelines.jsonl": lines({"id": "77", "label": "Renewals", "stages": deal_stages("id")}),
        "tickets.jsonl": lines(*objects(TICKETS, OF_TICKETS, "ticket")),
        "ticket_pipelines.jsonl": lines({"id": "0", "label": "Support", "stages": ticket_stages()}),
    }


def as_dashboard() -> Mapping[str, str]:
    def minute(value):
        return plainly(value)[:16]

    companies = [
        {"Record ID": key, "Company name": one["name"], "Company Domain Name": one["domain"], "Industry":
         one["industry"], "Country/Region": one["country"], "Number of Employees": one["numberofemployees"],
         "Create Date": minute(one["createdate"]), "Company owner": "Kim Roe" if one["hubspot_owner_id"] else "",
         "tier": one["tier"]}
        for key, one in COMPANIES.items()
    ]  # fmt: skip
    deals = [
        {"Record ID": key, "Deal Name": one["dealname"], "Deal Stage": DEAL_STAGES[one["dealstage"]][0], "Pipeline":
         one["pipeline"], "Amount": one["amount"], "Close Date": minute(one["closedate"]), "Currency":
         one["deal_currency_code"], "Associated Company IDs": ";".join(OF_DEALS[key]),
         "Associated Company IDs (Primary)": one["hs_primary_associated_company"], "contract_end": one["contract_end"]}
        for key, one in DEALS.items()
    ]  # fmt: skip
    tickets = [
        {"Ticket ID": key, "Ticket name": one["subject"], "Pipeline": "Support", "Ticket status":
         TICKET_STAGES[one["hs_pipeline_stage"]][0], "Priority": one["hs_ticket_priority"].capitalize(), "Category":
         one["hs_ticket_category"], "Create date": minute(one["createdate"]), "Close date": minute(one["closed_date"]),
         "First agent email response date": minute(one["first_agent_reply_date"]),
         "Associated Company IDs": ";".join(OF_TICKETS[key])}
        for key, one in TICKETS.items()
    ]  # fmt: skip
    return {
        "hubspot-crm-exports-all-companies-2026-10-30.csv": table(f"{hubspot.SEEN_COMPANY},tier", *companies),
        "deals-2026-10-30.csv": table(f"{hubspot.SEEN_DEAL},contract_end", *deals),
        "all-tickets.csv": table(f"{hubspot.SEEN_TICKET},Category,First agent email response date", *tickets),
    }


WRITTEN = {
    "fivetran": as_fivetran,
    "airbyte": as_airbyte,
    "dlt": as_dlt,
    "api": as_api,
    "dashboard": as_dashboard,
}


def read(folder, written_by) -> Ingested:
    source = {"form": "hubspot", "written_by": written_by, "options": OPTIONS}
    return ingested(folder, WRITTEN[written_by](), source, TABLES, segments=["tier"])


@pytest.mark.parametrize("written_by", list(WRITTEN))
def test_whoever_wrote_the_objects_down_they_say_the_same(written_by, tmp_path):
    found = read(tmp_path, written_by)
    assert found.rejects() == []
    assert found.values(
        "accounts", "account_id", "account_name", "industry", "country", "size", "csm_owner", "signup_on", "tier"
    ) == [
        ("11", "Acme", "RETAIL", "Spain", "250", "Kim Roe", day("2026-02-01"), "gold"),
        ("12", "Bolt", None, None, None, None, day("2026-02-01"), None),
    ]
    # 12,000.50 / 12 = 1,000.0416…, 600 / 12 = 50
    assert found.values(
        "renewals", "renewal_id", "account_id", "term_started_on", "term_ended_on", "renewed_on", "outcome",
        "mrr_amount", "currency",
    ) == [
        ("9001", "12", day("2025-03-01"), day("2026-03-01"), day("2026-02-20"), "renewed", 100_004, "USD"),
        ("9002", "11", day("2025-02-21"), day("2026-02-21"), None, "lost", 5_000, "EUR"),
    ]  # fmt: skip
    assert found.values(
        "tickets", "ticket_id", "account_id", "topic", "priority", "status", "created_at", "first_replied_at",
        "last_solved_at",
    ) == [
        ("5001", "12", "BILLING", "high", "closed", at("2026-02-01T08:00"), at("2026-02-01T09:15"),
         at("2026-02-03T10:00")),
        ("5002", "11", None, None, "open", at("2026-02-04T08:00"), None, None),
    ]  # fmt: skip


def test_a_list_of_a_former_load_says_nothing_of_the_object_as_it_is(tmp_path):
    before, later = "1793318000.5", LOAD
    deal = {"id": "9001", "pipeline": "77", "dealstage": "closedwon", "closedate": "2026-02-20T09:00:00Z"}
    sent = {
        f"deals/{before}.0.jsonl": lines({**deal, "_dlt_id": "a", "_dlt_load_id": before}),
        f"deals/{later}.0.jsonl": lines({**deal, "_dlt_id": "b", "_dlt_load_id": later}),
        f"deals__companies/{before}.0.jsonl": lines({"value": "9001", "companies_id": "11", "_dlt_parent_id": "a"}),
        f"deals__companies/{later}.0.jsonl": lines({"value": "9001", "companies_id": "12", "_dlt_parent_id": "b"}),
        f"stages_timing_deals/{later}.0.jsonl": lines(
            {"id": "9001", "stage": "closedwon", "hs_date_enteredx": "2026-02-19T09:00:00Z", "_dlt_load_id": later}
        ),
        f"deals__hs_merged_object_ids/{later}.0.jsonl": lines({"value": "9001", "_dlt_parent_id": "gone"}),
    }
    options = {"renewal_pipeline": "77", "term_months": 12}
    source = {"form": "hubspot", "written_by": "dlt", "options": options}
    found = ingested(tmp_path, sent, source, ["renewals"])
    assert found.values("renewals", "renewal_id", "account_id", "renewed_on") == [
        ("9001", "12", day("2026-02-19")),
    ]


def test_stages_of_one_id_are_told_apart_by_the_pipelines_in_whose_lists_they_stand(tmp_path):
    def listed(pipeline, likely):
        return {"id": "701", "_dlt_id": f"{pipeline}.701", "_dlt_parent_id": pipeline, "metadata__is_closed": "true",
                "metadata__probability": likely}  # fmt: skip

    deal = {"dealstage": "701", "dealtype": "existingbusiness", "closedate": "2026-02-20T09:00:00Z"}
    sent = {
        "deals/a.jsonl": lines({"id": "1", "pipeline": "77", **deal}, {"id": "2", "pipeline": "78", **deal}),
        "pipelines_deals/a.jsonl": lines({"id": "77", "_dlt_id": "p77"}, {"id": "78", "_dlt_id": "p78"}),
        "pipelines_deals__stages/a.jsonl": lines(listed("p77", "1.0"), listed("p78", "0.0")),
    }
    options = {"renewal_deal_type": "existingbusiness", "term_months": 12}
    found = ingested(tmp_path, sent, {"form": "hubspot", "written_by": "dlt", "options": options}, ["renewals"])
    assert found.rejects() == []
    assert found.values("renewals", "renewal_id", "outcome") == [("1", "renewed"), ("2", "lost")]
