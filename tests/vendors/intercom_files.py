"""Intercom's conversations in small, as its API gives them and as Fivetran keeps them, in their own words."""

import datetime as dt
from typing import Any

from tests.vendors.zendesk_files import Row, of_text, table

FIVETRAN = {
    "conversation_history": "id,updated_at,_fivetran_synced,assignee_id,assignee_type,conversation_rating_created_at,"
    "conversation_rating_remark,conversation_rating_value,created_at,first_contact_reply_created_at,"
    "first_contact_reply_type,priority,read,sla_name,sla_status,snoozed_until,source_author_id,source_author_type,"
    "source_delivered_as,source_id,source_type,state,waiting_since,first_contact_reply_url,source_body,source_subject,"
    "source_url,_fivetran_start,_fivetran_end,_fivetran_active",
    "conversation_part_history": "id,updated_at,_fivetran_synced,assigned_to_id,assigned_to_type,author_id,author_type,"
    "conversation_id,conversation_updated_at,created_at,notified_at,part_type,body,_fivetran_start,_fivetran_end,"
    "_fivetran_active",
    "conversation_contact_history": "contact_id,conversation_id,conversation_updated_at,_fivetran_synced,"
    "_fivetran_start,_fivetran_end,_fivetran_active",
    "conversation_tag_history": "tag_id,conversation_id,conversation_updated_at,_fivetran_synced,_fivetran_start,"
    "_fivetran_end,_fivetran_active",
    "tag": "id,_fivetran_deleted,_fivetran_synced,name",
    "contact_company_history": "company_id,contact_id,contact_updated_at,_fivetran_synced,_fivetran_active,"
    "_fivetran_start,_fivetran_end",
    "company_history": "id,updated_at,_fivetran_synced,company_id,created_at,industry,last_request_at,monthly_spend,"
    "plan_id,plan_name,remote_created_at,session_count,size,user_count,website,name,_fivetran_active,_fivetran_start,"
    "_fivetran_end",
}
BEGAN = "2026-03-02T09:00"
ACME, BOLT = "6762f07a1bb69f9f2193baea", "6762f07a1bb69f9f2193baeb"
ANN, BEN = "6762f0d01bb69f9f2193bb7d", "6762f0d01bb69f9f2193bb7e"


def seconds(moment: str) -> int:
    """An instant as the API gives it: in seconds since 1970."""
    return int(dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp())


def plain(moment: str) -> str:
    """An instant as Fivetran keeps it."""
    return f"{dt.datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S}"


def statistics(**changed: Any) -> dict[str, Any]:
    """What Intercom counted; its durations leave out what is outside of business hours."""
    return {
        "type": "conversation_statistics",
        "time_to_assignment": 60,
        "time_to_admin_reply": 600,
        "time_to_first_close": 3600,
        "median_time_to_reply": 600,
        "first_contact_reply_at": seconds(BEGAN),
        "first_admin_reply_at": seconds("2026-03-02T10:30"),
        "first_close_at": seconds("2026-03-02T12:00"),
        "last_close_at": seconds("2026-03-03T17:00"),
        "count_reopens": 1,
        "count_assignments": 2,
        "count_conversation_parts": 9,
        **changed,
    }


def conversation(key: int = 501, parts: list[Row] | None = None, **changed: Any) -> dict[str, Any]:
    """A conversation as the API gives it; `parts`: those that are there, numbered within it."""
    made = {
        "type": "conversation",
        "id": str(key),
        "created_at": seconds(BEGAN),
        "updated_at": seconds("2026-03-06T09:00"),
        "source": source(),
        "contacts": people(ANN),
        "first_contact_reply": {"created_at": seconds(BEGAN), "type": "conversation", "url": None},
        "open": False,
        "state": "closed",
        "read": True,
        "tags": tags("billing"),
        "priority": "not_priority",
        "statistics": None,
        "conversation_rating": None,
        "custom_attributes": {},
        "topics": {},
        "ai_agent_participated": False,
    }
    if parts is not None:
        own = [{**one, "id": f"{key}{int(one['id']):04}"} for one in parts]
        made["conversation_parts"] = {"conversation_parts": own, "total_count": len(own)}
    return {**made, **changed}


def source(delivered_as: str | None = "customer_initiated", author: str = ANN, of: str = "user") -> dict[str, Any]:
    """How a conversation began."""
    return {
        "type": "email",
        "id": "403918334",
        "delivered_as": delivered_as,
        "body": "<p>Hello</p>",
        "author": {"type": of, "id": author, "name": "Person A", "email": "person@acme.example"},
    }


def people(*keys: str) -> dict[str, Any]:
    """The list of a conversation's contacts."""
    return {"type": "contact.list", "contacts": [{"type": "contact", "id": key, "external_id": "70"} for key in keys]}


def tags(*names: str) -> dict[str, Any]:
    """The list of a conversation's tags."""
    return {"type": "tag.list", "tags": [{"type": "tag", "id": f"t-{name.strip()}", "name": name} for name in names]}


def part(key: int, kind: str, author: str, created: str, body: str | None = None) -> dict[str, Any]:
    """A part of a conversation as the API gives it."""
    return {
        "type": "conversation_part",
        "id": str(key),
        "part_type": kind,
        "body": body,
        "created_at": seconds(created),
        "updated_at": seconds(created),
        "author": {"type": author, "id": "274", "name": "Person B", "email": "person@vendored.example"},
    }


def rating(value: int | None, **changed: Any) -> dict[str, Any]:
    """A rating: asked for the day after, and answered a day later still."""
    asked = {"created_at": seconds("2026-03-04T07:00"), "updated_at": seconds("2026-03-05T08:00")}
    return {"rating": value, "remark": None, **asked, **changed}


def contact(key: str = ANN, *companies: str) -> dict[str, Any]:
    """A customer's person as the API gives them."""
    of = [{"type": "company", "id": company, "url": f"/companies/{company}"} for company in companies]
    return {
        "type": "contact",
        "id": key,
        "external_id": "70",
        "role": "user",
        "email": "person@acme.example",
        "companies": {"type": "list", "data": of, "total_count": len(of), "has_more": False},
    }


def company(key: str = ACME, company_id: str = "crm-1", **changed: Any) -> dict[str, Any]:
    """A company as the API gives it."""
    made = {"type": "company", "id": key, "company_id": company_id, "name": "Acme", "tags": {"type": "tag.list"}}
    return {**made, "website": "https://www.Acme.example/en", "custom_attributes": {"crm": "A-1"}, **changed}


def kept(updated: str = "2026-03-06T09:00", active: str = "true", **row: Any) -> Row:
    """A row of a history of Fivetran's; its end is its start, as in files of theirs, whatever version it is."""
    moment = plain(updated)
    marks = {"_fivetran_synced": "2026-06-01 02:00:00.123", "_fivetran_start": moment, "_fivetran_end": moment}
    return {"updated_at": moment, "_fivetran_active": active, **marks, **row}


def kept_conversation(key: int = 501, **changed: Any) -> Row:
    """A conversation as Fivetran keeps it."""
    row = {
        "id": key,
        "created_at": plain(BEGAN),
        "first_contact_reply_created_at": plain(BEGAN),
        "priority": "not_priority",
        "source_author_id": ANN,
        "source_author_type": "user",
        "source_delivered_as": "customer_initiated",
        "source_type": "email",
        "source_body": "Hello",
        "state": "closed",
    }
    return kept(**{**row, **changed})


def kept_part(key: int, kind: str, author: str, created: str, body: str = "", of: int = 501, **changed: Any) -> Row:
    """A part of a conversation as Fivetran keeps it."""
    row = {"id": key, "part_type": kind, "author_type": author, "created_at": plain(created), "body": body}
    return kept(**{**row, "conversation_id": of, **changed})


def fivetran(**tables: list[Row]) -> dict[str, str]:
    """Tables as Fivetran keeps them, under their headers and what else their rows have."""
    files = {}
    for name, rows in tables.items():
        own = of_text(FIVETRAN[name])
        also = {column for row in rows for column in row} - {*own, "updated_at", "_fivetran_active"}
        header = [*own, *sorted(also - {"_fivetran_start", "_fivetran_end"})]
        files[f"{name}.csv"] = table(header, *({name: row.get(name, "") for name in header} for row in rows))
    return files
