"""Freshdesk's tickets in small, as its API gives them and as its CSV shows them, in their own words."""

from typing import Any

from tests.vendors.zendesk_files import Row, of_text, table

HEADER = of_text(
    "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,Resolved time,Closed time,"
    "Last update time,Initial response time,Time tracked,First response time (in hrs),Resolution time (in hrs),"
    "Agent interactions,Customer interactions,Resolution status,First response status,Tags,Survey results,Product,"
    "Full name,Email,Contact ID,Company Name,Company Domains"
)
ACME, BOLT = 67000893975, 67000888235
ANN, BEN = 67038833123, 67038833125


def stats(**changed: Any) -> dict[str, Any]:
    """What the API tells of a ticket where it is asked for it."""
    return {
        "agent_responded_at": "2026-03-03T15:00:00Z",
        "requester_responded_at": None,
        "first_responded_at": "2026-03-02T10:30:00Z",
        "status_updated_at": "2026-03-05T17:00:00Z",
        "reopened_at": None,
        "resolved_at": "2026-03-03T17:00:00Z",
        "closed_at": "2026-03-05T17:00:00Z",
        "pending_since": None,
        **changed,
    }


def ticket(key: int = 101, **changed: Any) -> dict[str, Any]:
    """A ticket as the API gives it."""
    return {
        "id": key,
        "created_at": "2026-03-02T09:00:00Z",
        "updated_at": "2026-03-06T09:00:00Z",
        "status": 5,
        "priority": 2,
        "source": 1,
        "type": "Problem",
        "requester_id": ANN,
        "company_id": ACME,
        "spam": False,
        "is_escalated": True,
        "fr_escalated": True,
        "tags": ["product"],
        "custom_fields": {"cf_reason": "billing"},
        "stats": stats(),
        **changed,
    }


def conversation(key: int, created: str, of: int = 101, *, incoming: bool = False, private: bool = False) -> Row:
    """A reply or a note as the API gives it."""
    told = {"id": key, "ticket_id": of, "incoming": incoming, "private": private, "created_at": created}
    return {**told, "body_text": "text", "from_email": "person@acme.example"}


def rating(answer: int | None, of: int = 101, created: str = "2026-03-04T08:00:00Z", key: int = 1) -> Row:
    """An answer to a survey as the API gives it."""
    made = {"id": 43006810000 + 10 * of + key, "ticket_id": of, "created_at": created, "updated_at": created}
    return {**made, "survey_id": 42, "feedback": "fine", "ratings": {"default_question": answer}}


def contact(key: int = ANN, company_id: int | None = ACME) -> Row:
    """A person as the API gives them; their own rating is none of a ticket."""
    return {"id": key, "company_id": company_id, "email": "person@acme.example", "csat_rating": 103}


def company(key: int = ACME, **changed: Any) -> Row:
    """A company as the API gives it."""
    made = {"id": key, "name": "Acme", "domains": ["Acme.Example", "acme.test"]}
    return {**made, "custom_fields": {"crm": "A-1"}, **changed}


def shown(key: int = 101, **changed: Any) -> dict[str, Any]:
    """A row of the CSV: `Created_time` and others by their names with _ for each blank."""
    row = {
        "Ticket ID": key,
        "Subject": "Subject",
        "Status": "Closed",
        "Priority": "Medium",
        "Source": "Email",
        "Type": "Problem",
        "Created time": "2026-03-02 09:00:00",
        "Resolved time": "2026-03-03 17:00:00",
        "Closed time": "2026-03-05 17:00:00",
        "Initial response time": "2026-03-02 10:30:00",
        "First response time (in hrs)": "00:30:00",
        "Resolution time (in hrs)": "17.5",
        "Agent interactions": 2,
        "Customer interactions": 3,
        "Resolution status": "SLA Violated",
        "First response status": "SLA Violated",
        "Tags": "product,Tier 2",
        "Full name": "Person A",
        "Email": "person@acme.example",
        "Contact ID": ANN,
        "Company Name": "Acme",
        "Company Domains": "Acme.example,acme.test",
    }
    return row | {name.replace("_", " "): value for name, value in changed.items()}


def export(*rows: Row, also: tuple[str, ...] = ()) -> str:
    """The CSV that people download, with further columns."""
    return table([*HEADER, *also], *rows)
