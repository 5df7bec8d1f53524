"""Zendesk's objects and exports in small, in its own words."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any


def of_text(header: str) -> list[str]:
    """The columns of a header."""
    return next(csv.reader([header]))


HEADER = of_text(
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,"
    "Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,"
    "Due date,Initially assigned at,Solved at,Resolution time,Satisfaction Score,Group stations,Assignee stations,"
    "Reopens,Replies,First reply time in minutes,First reply time in minutes within business hours,"
    "First resolution time in minutes,First resolution time in minutes within business hours,"
    "Full resolution time in minutes,Full resolution time in minutes within business hours,"
    "Agent wait time in minutes,Agent wait time in minutes within business hours,"
    "Requester wait time in minutes,Requester wait time in minutes within business hours,"
    "On hold time in minutes,On hold time in minutes within business hours"
)
FIVETRAN = {
    "ticket": "id,_fivetran_synced,allow_channelback,assignee_id,brand_id,created_at,description,due_at,external_id,"
    "forum_topic_id,group_id,has_incidents,is_public,organization_id,priority,problem_id,recipient,requester_id,status,"
    "subject,submitter_id,system_client,ticket_form_id,type,updated_at,url,via_channel,via_source_from_id,"
    "via_source_from_title,via_source_rel,via_source_to_address,via_source_to_name,merged_ticket_ids,"
    "via_source_from_address,followup_ids,via_followup_source_id",
    "ticket_comment": "id,_fivetran_synced,body,created,facebook_comment,public,ticket_id,tweet,user_id,voice_comment",
    "ticket_field_history": "field_name,ticket_id,updated,_fivetran_synced,user_id,value",
    "ticket_tag": "tag,ticket_id,_fivetran_synced",
    "user": "id,_fivetran_synced,active,alias,authenticity_token,chat_only,created_at,details,email,external_id,"
    "last_login_at,locale,locale_id,moderator,name,notes,only_private_comments,organization_id,phone,remote_photo_url,"
    "restricted_agent,role,shared,shared_agent,signature,suspended,ticket_restriction,time_zone,"
    "two_factor_auth_enabled,updated_at,url,verified",
    "organization": "id,_fivetran_synced,created_at,details,external_id,group_id,name,notes,shared_comments,"
    "shared_tickets,updated_at,url",
    "domain_name": "index,organization_id,_fivetran_synced,domain_name",
}
SYNCED = {"_fivetran_synced": "2026-06-01 02:00:00.123"}
Row = Mapping[str, Any]


def lines(*objects: Row) -> str:
    """Objects, one a line of JSON."""
    return "".join(json.dumps(one) + "\n" for one in objects)


def ticket(key: int = 101, **changed: Any) -> dict[str, Any]:
    """A ticket as the API gives it."""
    return {
        "id": key,
        "created_at": "2026-03-02T09:00:00Z",
        "updated_at": "2026-03-06T09:00:00Z",
        "status": "solved",
        "priority": "normal",
        "type": "problem",
        "requester_id": 7001,
        "organization_id": 31,
        "via": {"channel": "email"},
        "tags": ["product"],
        "custom_fields": [{"id": 360001, "value": "billing"}, {"id": 360002, "value": None}],
        "satisfaction_rating": {"score": "unoffered"},
        **changed,
    }


def metrics(of: int = 101, **changed: Any) -> dict[str, Any]:
    """A ticket's metrics as the API gives them; their row was made later than the ticket."""
    return {
        "id": 90000 + of,
        "ticket_id": of,
        "created_at": "2026-03-04T12:00:00Z",
        "solved_at": "2026-03-03T17:00:00Z",
        "replies": 2,
        "reopens": 1,
        "reply_time_in_minutes": {"calendar": 90, "business": 30},
        "full_resolution_time_in_minutes": {"calendar": 1920, "business": 600},
        **changed,
    }


def rating(of: int = 101, score: str = "good", updated_at: str = "2026-03-04T08:00:00Z", key: int = 1) -> Row:
    """A rating as the API gives it."""
    made = {"id": 50000 + 10 * of + key, "ticket_id": of, "score": score}
    return {**made, "created_at": "2026-03-04T07:00:00Z", "updated_at": updated_at}


def user(key: int = 7001, role: str = "end-user", organization_id: int | None = 31) -> Row:
    """A person as the API gives them."""
    return {"id": key, "role": role, "organization_id": organization_id, "email": f"p{key}@acme.example"}


def shown(key: int = 101, **changed: Any) -> Row:
    """A row of the CSV that people download: `Created at` and others by their names with _ for each blank."""
    row = {
        "Id": key,
        "Requester id": 7001,
        "Requester email": "person@acme.example",
        "Requester domain": "acme.example",
        "Organization": "Acme",
        "Tags": "product vip",
        "Status": "Solved",
        "Priority": "Normal",
        "Via": "Mail",
        "Ticket type": "Problem",
        "Created at": "2026-03-02 09:00",
        "Solved at": "2026-03-03 17:00",
        "Resolution time": 999,
        "Satisfaction Score": "Not Offered",
        "Reopens": 1,
        "Replies": 2,
        "First reply time in minutes": 90,
        "First reply time in minutes within business hours": 30,
        "Full resolution time in minutes": 1920,
        "Full resolution time in minutes within business hours": 600,
    }
    return row | {name.replace("_", " "): value for name, value in changed.items()}


def table(header: list[str], *rows: Row) -> str:
    """A CSV file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def export(*rows: Row, also: tuple[str, ...] = (), renamed: Mapping[str, str] | None = None) -> str:
    """The CSV that people download, with further columns, or with other names in its header."""
    names = renamed or {}
    named = [{names.get(name, name): value for name, value in row.items()} for row in rows]
    return table([*(names.get(name, name) for name in HEADER), *also], *named)


def fivetran(**tables: list[Row]) -> dict[str, str]:
    """Tables as Fivetran keeps them, under its header and what else their rows have."""
    files = {}
    for name, rows in tables.items():
        own = of_text(FIVETRAN[name])
        header = dict.fromkeys([*own, *(column for row in rows for column in row)])
        files[f"{name}.csv"] = table(list(header), *({**SYNCED, **row} for row in rows))
    return files


def kept_ticket(key: int = 101, **changed: Any) -> Row:
    """A ticket as Fivetran keeps it."""
    return {
        "id": key,
        "created_at": "2026-03-02 09:00:00",
        "status": "solved",
        "priority": "normal",
        "type": "problem",
        "requester_id": 7001,
        "organization_id": 31,
        "via_channel": "email",
        "merged_ticket_ids": "[]",
        "is_public": "TRUE",
        **changed,
    }


def comment(key: int, by: int, created: str, of: int = 101, public: str = "TRUE") -> Row:
    """A comment as Fivetran keeps it."""
    return {"id": key, "ticket_id": of, "user_id": by, "created": created, "public": public, "body": "body"}


def changed(field: str, value: str, updated: str, of: int = 101) -> Row:
    """A value that a field of a ticket was given, as Fivetran keeps it."""
    return {"field_name": field, "ticket_id": of, "updated": updated, "value": value}
