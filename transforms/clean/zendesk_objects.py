"""Zendesk Support's objects, in the words of its API.

Sources: Zendesk's API reference and its help on exporting data; the streams of Airbyte's and dlt's connectors; the
tables of Fivetran's; headers of exported CSV files.
"""

import polars as pl

from schemas.contract import column
from schemas.customers import Export
from schemas.support import Instant

IN_LISTS: dict[str, str | tuple[str, ...]] = {"api": (), "airbyte": ()}
"""Of what these have as a list of its own, which is read as one."""


class ZendeskTickets(Export):
    """One row per ticket.

    A ticket's metrics are an object of their own. Its `metric_set` is the same within the ticket: where the API is
    asked to send both together, and in the CSV, which has a column for each.
    """

    id: str = column("Ticket", spelled={"dashboard": ("Id", "ID")})
    status: str = column("new, open, pending, hold, solved, closed or deleted", spelled={"dashboard": "Status"})
    created_at: Instant = column("When it was created", spelled={"dashboard": "Created at"})  # type: ignore[valid-type]
    organization_id: str = column(
        "Organization of the requester; people are told its name", optional=True, spelled={"dashboard": "Organization"}
    )
    requester_id: str = column(
        "Person who asked",
        optional=True,
        personal="id",
        spelled={"dashboard": ("Requester id", "Requester ID")},
    )
    priority: str = column("low, normal, high or urgent", optional=True, spelled={"dashboard": "Priority"})
    type: str = column("question, incident, problem or task", optional=True, spelled={"dashboard": "Ticket type"})
    via__channel: str = column("Where it came in", optional=True, spelled={"dashboard": "Via"})
    tags: str = column(
        "Its tags, where they stand in one text: parted by blanks, or as JSON",
        optional=True,
        spelled={**IN_LISTS, "dashboard": "Tags"},
    )
    merged_ticket_ids: str = column(
        "Tickets that were merged into it, as JSON", optional=True, spelled={"api": (), "airbyte": ()}
    )
    satisfaction_rating__score: str = column(
        "offered, unoffered, or the answer", optional=True, spelled={"dashboard": "Satisfaction Score"}
    )
    metric_set__solved_at: Instant = column(  # type: ignore[valid-type]
        "When it was last solved", optional=True, spelled={"dashboard": "Solved at"}
    )
    metric_set__replies: pl.Int64 = column("Public replies of agents", optional=True, spelled={"dashboard": "Replies"})
    metric_set__reopens: pl.Int64 = column("Times it was reopened", optional=True, spelled={"dashboard": "Reopens"})
    metric_set__reply_time_in_minutes__calendar: pl.Int64 = column(
        "From creation to the first public reply of an agent",
        unit="minutes",
        optional=True,
        spelled={"dashboard": "First reply time in minutes"},
    )
    metric_set__reply_time_in_seconds__calendar: pl.Int64 = column(
        "The same of conversations", unit="seconds", optional=True
    )

    class Config:
        unique = ["id"]


class ZendeskTicketMetrics(Export):
    """One row per ticket of which there are metrics; their own `created_at` is that of the row, and not needed."""

    ticket_id: str = column("Its ticket")
    solved_at: Instant = column("When it was last solved", optional=True)  # type: ignore[valid-type]
    replies: pl.Int64 = column("Public replies of agents", optional=True)
    reopens: pl.Int64 = column("Times it was reopened", optional=True)
    reply_time_in_minutes__calendar: pl.Int64 = column(
        "From creation to the first public reply of an agent", unit="minutes", optional=True
    )
    reply_time_in_seconds__calendar: pl.Int64 = column("The same of conversations", unit="seconds", optional=True)

    class Config:
        unique = ["ticket_id"]


class ZendeskSatisfactionRatings(Export):
    """One row per rating that a requester was asked for."""

    id: str = column("Rating")
    ticket_id: str = column("Its ticket")
    score: str = column("offered, unoffered, or the answer", optional=True)
    updated_at: Instant = column("When it last changed", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class ZendeskTicketTags(Export):
    """One row per tag of a ticket."""

    ticket_id: str = column("Its ticket", optional=True, of_parent="id")
    value: str = column("Tag", spelled={"fivetran": "tag"})


class ZendeskTicketComments(Export):
    """One row per comment of a ticket, the first of which is what the ticket was opened with."""

    id: str = column("Comment")
    ticket_id: str = column("Its ticket", optional=True, of_parent="id")
    author_id: str = column("Who wrote it", optional=True, personal="id", spelled={"fivetran": "user_id"})
    public: bool = column("Whether the requester sees it", optional=True)
    created_at: Instant = column("When it was written", optional=True, spelled={"fivetran": "created"})  # type: ignore[valid-type]

    class Config:
        unique = ["id"]


class ZendeskTicketFieldHistory(Export):
    """One row per value that a field of a ticket was given, its first one too."""

    ticket_id: str = column("Its ticket")
    field_name: str = column("Field")
    updated: Instant = column("When it was given the value")  # type: ignore[valid-type]
    value: str = column("Value", optional=True)

    class Config:
        unique = ["ticket_id", "field_name", "updated"]


class ZendeskTicketFields(Export):
    """One row per field that tickets have, a custom one too."""

    id: str = column("Field")
    title: str = column("What it is called", optional=True)

    class Config:
        unique = ["id"]


class ZendeskUsers(Export):
    """One row per person, be it an agent or a customer."""

    id: str = column("Person", personal="id")
    role: str = column("end-user, agent or admin", optional=True)
    organization_id: str = column("Organization of the person", optional=True)

    class Config:
        unique = ["id"]


class ZendeskOrganizations(Export):
    """One row per organization; of the CSV, which tells organizations only by their tickets, one per ticket."""

    id: str = column("Organization; of the CSV its name", null=True, spelled={"dashboard": "Organization"})
    ticket_id: str = column("Ticket that tells of it", optional=True, spelled={"dashboard": ("Id", "ID")})
    name: str = column("Name", optional=True, spelled={"dashboard": "Organization"})
    external_id: str = column("Its id in another system", optional=True)
    requester_domain: str = column(
        "Domain of the address of who asked", optional=True, spelled={"dashboard": "Requester domain"}
    )
    deleted_at: Instant = column("When it was deleted", optional=True)  # type: ignore[valid-type]

    class Config:
        unique = ["id", "ticket_id"]


class ZendeskOrganizationDomains(Export):
    """One row per domain of an organization: addresses in it are of its people."""

    organization_id: str = column("Its organization", optional=True, of_parent="id")
    value: str = column("Domain", spelled={"fivetran": "domain_name"})
    index: pl.Int64 = column("Its place among them", optional=True, spelled={"dlt": "_dlt_list_idx"})
