"""What customers ask: tickets."""

import polars as pl

from schemas.bounds import MOST_SCORE, MOST_TURNS
from schemas.contract import Contract, column
from schemas.customers import OF_SOURCE, Export

Instant = pl.Datetime("us")
"""A UTC instant; stored without zone because BI tools read TIMESTAMP best."""


class Ticket(Contract):
    """One row per ticket."""

    ticket_id: str = column("Ticket")
    account_id: str = column("Account of the requester", null=True)
    requester_id: str = column("Person who asked", optional=True, personal="id")
    topic: str = column("What it is about", optional=True)
    channel: str = column("Where it came in", optional=True)
    priority: str = column("Priority", optional=True)
    status: str = column("State in the export", isin=["new", "open", "pending", "hold", "solved", "closed"])
    created_at: Instant = column("When it was created (UTC)")  # type: ignore[valid-type]
    first_replied_at: Instant = column(  # type: ignore[valid-type]
        "First public reply of an agent (UTC)", optional=True, moment="happened"
    )
    last_solved_at: Instant = column(  # type: ignore[valid-type]
        "When it was last solved (UTC)", optional=True, moment="happened"
    )
    public_agent_replies: pl.Int64 = column(
        "Public replies of agents", unit="count", optional=True, ge=0, le=MOST_TURNS
    )
    reopens: pl.Int64 = column("Times it was reopened", unit="count", optional=True, ge=0, le=MOST_TURNS)
    is_escalated: bool = column("Whether it was escalated", optional=True)
    is_merged: bool = column("Merged into another: in nothing", optional=True)
    is_spam: bool = column("Spam: in nothing", optional=True)
    satisfaction_score: pl.Float64 = column("Rating by the requester", optional=True, ge=-MOST_SCORE, le=MOST_SCORE)
    scale_min: pl.Float64 = column("Lowest rating of the scale", optional=True, ge=-MOST_SCORE, le=MOST_SCORE)
    scale_max: pl.Float64 = column("Highest rating of the scale", optional=True, ge=-MOST_SCORE, le=MOST_SCORE)
    satisfaction_at: Instant = column(  # type: ignore[valid-type]
        "When it was rated (UTC); empty is last_solved_at", optional=True, moment="happened"
    )


class Tickets(Ticket, Export):
    """One row per ticket of the support system."""

    is_internal: bool = column("Our own: in nothing; so are all tickets of internal accounts", optional=True)

    class Config:
        unique = ["export_source", "ticket_id"]
        metadata = {
            "by_month": True,
            "dated_by": "created_at",
            "told_with": [("satisfaction_score", ("satisfaction_at", "last_solved_at"))],
            "ordered": [
                ("created_at", "first_replied_at"),
                ("created_at", "last_solved_at"),
                ("scale_min", "satisfaction_score"),
                ("satisfaction_score", "scale_max"),
            ],
            "needs": [("satisfaction_score", "scale_min"), ("satisfaction_score", "scale_max")],
        }


class FctTicket(Ticket):
    """One row per ticket, in the month it was created; merged and spam tickets are kept and count in nothing."""

    month: pl.Date = column("Month of creation")
    source: str = column(OF_SOURCE)
    counts: bool = column("Whether the ticket counts: neither merged nor spam")
    solved_month: pl.Date = column("Month it was last solved, if it counts and is solved or closed", null=True)
    resolution_hours: pl.Float64 = column("From creation to last solved, if it counts", unit="hours", null=True)
    first_replied_month: pl.Date = column("Month of the first public agent reply, if it counts", null=True)
    first_response_hours: pl.Float64 = column(
        "From creation to the first public agent reply, if it counts", unit="hours", null=True
    )

    class Config:
        unique = ["source", "ticket_id"]
