"""Files of HubSpot's objects in the true headers of who writes them, of rows as small as a test needs."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
RENEWALS = {"renewal_pipeline": "77", "term_months": 12, "currency": "EUR"}
SYNCED = "2026-10-30 03:15:52.000"

COMPANY = (
    "id,is_deleted,_fivetran_synced,property_name,property_domain,property_createdate,property_industry,"
    "property_country,property_numberofemployees,property_hubspot_owner_id,property_hs_all-funky-a9384-syntax"
)
OWNER = "owner_id,_fivetran_synced,created_at,portal_id,type,updated_at,email,first_name,last_name,active_user_id"
DEAL = (
    "deal_id,is_deleted,_fivetran_synced,deal_pipeline_id,deal_pipeline_stage_id,owner_id,portal_id,"
    "property_dealname,property_description,property_amount,property_closedate,property_createdate,"
    "property_deal_currency_code,property_dealtype,property_contract_end"
)
DEAL_COMPANY = "company_id,deal_id,type_id,category,_fivetran_synced,_fivetran_deleted"
PIPELINE = "pipeline_id,_fivetran_deleted,_fivetran_synced,active,display_order,label,created_at,updated_at"
DEAL_STAGE = (
    "_fivetran_deleted,_fivetran_synced,active,closed_won,is_closed,display_order,probability,stage_id,"
    "label,pipeline_id,created_at,updated_at"
)
HISTORY = "_fivetran_start,deal_id,_fivetran_active,_fivetran_end,_fivetran_synced,date_entered,source,source_id,value"
MERGED = "deal_id,merged_deal_id,_fivetran_synced"
TICKET = (
    "_fivetran_synced,id,is_deleted,property_closed_date,property_createdate,property_first_agent_reply_date,"
    "property_hs_pipeline,property_hs_pipeline_stage,property_hs_ticket_category,property_hs_ticket_priority,"
    "property_hubspot_owner_id,property_subject,property_content"
)
TICKET_COMPANY = "_fivetran_synced,ticket_id,company_id,category"
TICKET_STAGE = (
    "stage_id,_fivetran_deleted,_fivetran_synced,active,display_order,is_closed,label,pipeline_id,"
    "ticket_state,created_at,updated_at"
)

SEEN_COMPANY = (
    "Record ID,Company name,Company Domain Name,Create Date,Company owner,Industry,Country/Region,Number of Employees"
)
SEEN_DEAL = (
    "Record ID,Deal Name,Deal Stage,Pipeline,Amount,Close Date,Associated Company IDs,"
    "Associated Company IDs (Primary),Currency"
)
SEEN_TICKET = "Ticket ID,Ticket name,Pipeline,Ticket status,Priority,Create date,Close date,Associated Company IDs"


def table(header: str, *rows: Row) -> str:
    """A CSV file with such a header; what a row doesn't have is empty."""
    names = header.split(",")
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"_fivetran_synced": SYNCED, **row} if "_fivetran_synced" in names else row for row in rows)
    return out.getvalue()


def lines(*objects: Row) -> str:
    """A JSON object a line."""
    return "".join(json.dumps(one) + "\n" for one in objects)


def deal(key: str = "9001", **changed: Any) -> Row:
    """A row of Fivetran's `deal`: a renewal of a thousand euros a month that was won."""
    return {"deal_id": key, "is_deleted": "false", "deal_pipeline_id": "77", "deal_pipeline_stage_id": "701",
            "property_amount": "12000", "property_closedate": "2026-03-01 09:00:00", "property_deal_currency_code":
            "EUR", "property_createdate": "2026-01-05 09:00:00", **changed}  # fmt: skip


def stage(key: str, **changed: Any) -> Row:
    """A row of Fivetran's `deal_pipeline_stage`."""
    return {"stage_id": key, "pipeline_id": "77", "_fivetran_deleted": "FALSE", "active": "TRUE", **changed}


WON = stage("701", label="Closed Won", closed_won="TRUE", is_closed="TRUE", probability="1.0")
LOST = stage("702", label="Closed Lost", closed_won="FALSE", is_closed="TRUE", probability="0.0")
TALKED = stage("703", label="In talks", closed_won="FALSE", is_closed="FALSE", probability="0.4")
STAGES = (WON, LOST, TALKED)


def ticket(key: str = "5001", **changed: Any) -> Row:
    """A row of Fivetran's `ticket`, which is open."""
    return {"id": key, "is_deleted": "FALSE", "property_createdate": "2026-02-01 08:00:00", "property_hs_pipeline": "0",
            "property_hs_pipeline_stage": "1", **changed}  # fmt: skip


TICKET_STAGES = (
    {"stage_id": "1", "pipeline_id": "0", "label": "New", "is_closed": "FALSE", "ticket_state": "OPEN"},
    {"stage_id": "4", "pipeline_id": "0", "label": "Done", "is_closed": "TRUE", "ticket_state": "CLOSED"},
    {"stage_id": "4", "pipeline_id": "8", "label": "Asked again", "is_closed": "FALSE", "ticket_state": "OPEN"},
)
