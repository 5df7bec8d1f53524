"""The example company's support as Zendesk's objects; and what of it Zendesk can tell."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from examples.generator.vendors.numbered import numbered
from examples.generator.vendors.stripe import domain_of
from examples.generator.vendors.writing import Object, Objects, to_the_minute

Row = Mapping[str, str]
TOPIC, TOPIC_ID = "Contact reason", 360001
AGENT = 9001
ESCALATED, MERGED = "escalated", "closed_by_merge"
LEAST_GOOD = 4
"""Of five: with as many stars a requester is taken to have pressed the good one of Zendesk's two buttons."""
STATUSES = {"new", "open", "pending", "hold", "solved", "closed"}
UNTOLD = {"is_spam"}
"""Columns of tickets that Zendesk's objects can't tell: what is marked as spam it deletes."""
MINUTE = timedelta(minutes=1)
OPTIONS = {"topic": TOPIC, "escalated_tags": [ESCALATED], "external_id_is_crm_id": True}
"""What the config says of such a source."""


def told(tickets: Iterable[Row]) -> list[Row]:
    """The tickets that Zendesk can tell, spam included, as the canonical form tells the same.

    Ids are numbers. An answer is good or bad; it has a time, which is that of the solution where nobody knows it. Left
    out are the faulty rows, which are another test's, and tickets that were reopened but never solved: what is opened
    again was solved before.
    """
    known = [row for row in tickets if row["status"] in STATUSES and row["created_at"].endswith("Z")]
    return [_told(row) for row in known if row["last_solved_at"] or row["reopens"] == "0"]


def kept(rows: Iterable[Row]) -> list[Row]:
    """Of these the tickets that are no spam, which Zendesk deletes."""
    return [
        {name: value for name, value in row.items() if name not in UNTOLD} for row in rows if row["is_spam"] != "true"
    ]


def _told(row: Row) -> Row:
    ids = {name: numbered(row[name]) for name in ("ticket_id", "account_id", "requester_id")}
    if not row["satisfaction_score"]:
        return {**row, **ids}
    answer = "1" if int(row["satisfaction_score"]) >= LEAST_GOOD else "0"
    answered_at = row["satisfaction_at"] or row["last_solved_at"]
    scale = {"satisfaction_score": answer, "scale_min": "0", "scale_max": "1", "satisfaction_at": answered_at}
    return {**row, **ids, **scale}


def objects(rows: list[Row], accounts: Iterable[Row]) -> list[Objects]:
    """All kinds of objects that tell these tickets, and the accounts as organizations."""
    return [tickets(rows, accounts), metrics(rows), ratings(rows), comments(rows), history(rows), users(rows),
            organizations(accounts), fields()]  # fmt: skip


def organization_of(account_id: str) -> str:
    """The number of an account's organization, which is none of the CRM's."""
    return f"5{account_id}" if account_id else ""


def tickets(rows: Iterable[Row], accounts: Iterable[Row]) -> Objects:
    """Each ticket; connectors have its custom fields in columns, people see what metrics tell beside it."""
    names = {organization_of(row["account_id"]): row["account_name"] for row in accounts}
    objects, by_number = [], dict[int, Row]()
    for row in rows:
        objects.append(_ticket(row))
        by_number[objects[-1]["id"]] = row
    return Objects(
        objects,
        {"api": "tickets", "airbyte": "tickets", "dlt": "tickets", "fivetran": "ticket", "dashboard": "export"},
        lists={"tags": ({"fivetran": "ticket_tag"}, "ticket_id")},
        renamed={"fivetran tags": {"value": "tag"}},
        times=frozenset({"created_at", "updated_at"}),
        shaped={
            "fivetran": partial(_with_topic, column="custom_contact_reason", without=("satisfaction_rating",)),
            "dlt": partial(_with_topic, column="contact_reason", without=()),
        },
        shown={
            "Id": lambda ticket: ticket["id"],
            "Requester id": lambda ticket: ticket["requester_id"],
            "Requester domain": lambda ticket: domain_of(by_number[ticket["id"]]["account_id"]),
            "Organization": lambda ticket: names.get(str(ticket["organization_id"]), ""),
            "Tags": lambda ticket: " ".join(ticket["tags"]),
            "Status": lambda ticket: "On-hold" if ticket["status"] == "hold" else ticket["status"].capitalize(),
            "Priority": lambda ticket: ticket["priority"].capitalize() if ticket["priority"] else "-",
            "Via": lambda ticket: ticket["via"]["channel"],
            "Created at": lambda ticket: to_the_minute(ticket["created_at"]),
            "Solved at": lambda ticket: to_the_minute(by_number[ticket["id"]]["last_solved_at"]),
            "Satisfaction Score": lambda ticket: ticket["satisfaction_rating"]["score"].capitalize(),
            "Reopens": lambda ticket: by_number[ticket["id"]]["reopens"],
            "Replies": lambda ticket: by_number[ticket["id"]]["public_agent_replies"],
            "First reply time in minutes": lambda ticket: replied_after(by_number[ticket["id"]]),
            f"{TOPIC} [list]": lambda ticket: ticket["custom_fields"][0]["value"],
        },
    )


def _ticket(row: Row) -> Object:
    tags = [ESCALATED] * (row["is_escalated"] == "true") + [MERGED] * (row["is_merged"] == "true")
    return {
        "id": int(row["ticket_id"]),
        "created_at": row["created_at"],
        "updated_at": row["last_solved_at"] or row["created_at"],
        "status": "deleted" if row["is_spam"] == "true" else row["status"],
        "priority": row["priority"] or None,
        "type": "question",
        "requester_id": int(row["requester_id"]) if row["requester_id"] else None,
        "organization_id": int(organization_of(row["account_id"])) if row["account_id"] else None,
        "via": {"channel": row["channel"]},
        "tags": ["product", *tags],
        "custom_fields": [{"id": TOPIC_ID, "value": row["topic"] or None}],
        "satisfaction_rating": {"score": _score(row) or "unoffered"},
    }


def _score(row: Row) -> str:
    return {"": "", "1": "good", "0": "bad"}[row["satisfaction_score"]]


def _with_topic(ticket: Object, column: str, without: tuple[str, ...]) -> Object:
    plain = {name: value for name, value in ticket.items() if name not in {"custom_fields", *without}}
    return {**plain, column: ticket["custom_fields"][0]["value"]}


def replied_after(row: Row) -> int | None:
    """Minutes from a ticket's creation to the first answer."""
    if not row["first_replied_at"]:
        return None
    waited = datetime.fromisoformat(row["first_replied_at"]) - datetime.fromisoformat(row["created_at"])
    return int(waited / MINUTE)


def metrics(rows: Iterable[Row]) -> Objects:
    """What became of each ticket, which Fivetran doesn't keep."""
    told = [
        {
            "id": int(row["ticket_id"]) + 90_000_000,
            "ticket_id": int(row["ticket_id"]),
            "created_at": row["created_at"],
            "solved_at": row["last_solved_at"] or None,
            "replies": int(row["public_agent_replies"]),
            "reopens": int(row["reopens"]),
            "reply_time_in_minutes": {"calendar": replied_after(row), "business": None},
        }
        for row in rows
    ]
    return Objects(told, _streams("ticket_metrics"))


def _streams(name: str) -> dict[str, str]:
    return dict.fromkeys(("api", "airbyte", "dlt"), name)


def ratings(rows: Iterable[Row]) -> Objects:
    """The ratings that requesters were asked for and gave."""
    told = [
        {
            "id": int(row["ticket_id"]) + 50_000_000,
            "ticket_id": int(row["ticket_id"]),
            "score": _score(row),
            "updated_at": row["satisfaction_at"],
        }
        for row in rows
        if row["satisfaction_score"]
    ]
    return Objects(told, _streams("satisfaction_ratings"))


def comments(rows: Iterable[Row]) -> Objects:
    """What was written: the requester's question, and the answers, a minute after each other."""
    told: list[Object] = []
    for row in rows:
        ticket = {"ticket_id": int(row["ticket_id"]), "public": True}
        asked = {"user_id": row["requester_id"] or None, "created": row["created_at"]}
        told.append({"id": len(told) + 1, **ticket, **asked})
        for number in range(int(row["public_agent_replies"])):
            told.append({"id": len(told) + 1, **ticket, "user_id": AGENT,
                         "created": _later(row["first_replied_at"], number)})  # fmt: skip
    return Objects(told, {"fivetran": "ticket_comment"}, times=frozenset({"created"}))


def _later(instant: str, minutes: int) -> str:
    return (datetime.fromisoformat(instant) + minutes * MINUTE).isoformat()


def history(rows: Iterable[Row]) -> Objects:
    """The values that the fields of each ticket were given, which Fivetran keeps in place of metrics."""
    told = [
        {"ticket_id": int(row["ticket_id"]), "field_name": field, "updated": at, "value": value}
        for row in rows
        for field, at, value in _changes(row)
    ]
    return Objects(told, {"fivetran": "ticket_field_history"}, times=frozenset({"updated"}))


def _changes(row: Row) -> Iterator[tuple[str, str, str]]:
    """A ticket is solved and opened again as often as it says, in the first minutes; then it is solved for good.

    One that is not solved now, but was, was opened again after that.
    """
    created, solved, is_done = row["created_at"], row["last_solved_at"], row["status"] in {"solved", "closed"}
    yield "status", created, "new"
    for number in range(int(row["reopens"]) - (not is_done and solved != "")):
        yield "status", _later(created, 2 * number + 1), "solved"
        yield "status", _later(created, 2 * number + 2), "open"
    if solved:
        yield "status", solved, "solved"
    if row["status"] not in {"new", "solved"}:
        yield "status", _later(solved or created, 7), row["status"]
    if row["satisfaction_score"]:
        yield "satisfaction_score", created, "offered"
        yield "satisfaction_score", row["satisfaction_at"], _score(row)


def users(rows: Iterable[Row]) -> Objects:
    """The requesters and an agent; of no organization, else tickets without one would be of theirs."""
    numbers = sorted({int(row["requester_id"]) for row in rows if row["requester_id"]})
    told = [{"id": AGENT, "role": "agent", "active": True}]
    told += [{"id": number, "role": "end-user", "active": True} for number in numbers]
    return Objects(told, {**_streams("users"), "fivetran": "user"})


def organizations(accounts: Iterable[Row]) -> Objects:
    """Each account as an organization, which names the account."""
    told = [
        {
            "id": int(organization_of(row["account_id"])),
            "name": row["account_name"],
            "external_id": row["account_id"],
            "domain_names": [domain_of(row["account_id"])],
        }
        for row in accounts
    ]
    return Objects(
        told,
        {**_streams("organizations"), "fivetran": "organization"},
        lists={"domain_names": ({"fivetran": "domain_name"}, "organization_id")},
        renamed={"fivetran domain_names": {"value": "domain_name"}},
    )


def fields() -> Objects:
    """The fields that tickets have."""
    return Objects([{"id": TOPIC_ID, "title": TOPIC}], _streams("ticket_fields"))
