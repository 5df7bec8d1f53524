"""Tickets as facts."""

import datetime as dt

import polars as pl

from schemas.config import Privacy
from schemas.support import FctTicket
from transforms.calendar import local_day, month_start
from transforms.clean.counting import is_nothing
from transforms.declaration import FILED, monthly
from transforms.facts.filing import filed
from transforms.facts.privacy import publishable

MICROSECONDS_PER_HOUR = 3_600_000_000


def counting(tickets: pl.DataFrame) -> pl.DataFrame:
    """The tickets that count: neither merged nor spam (empty: it is not)."""
    return tickets.filter(~is_nothing())


def _hours_since_creation(instant: str) -> pl.Expr:
    return (pl.col(instant) - pl.col("created_at")).dt.total_microseconds() / MICROSECONDS_PER_HOUR


@monthly(tickets=FILED)
def fct_ticket(
    tickets: pl.DataFrame,
    dim_month: pl.DataFrame,
    time_zone: str,
    privacy: Privacy,
    secret: bytes,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract. Solved = its status in the export is solved or closed, in the month it was last solved."""

    def month(instant: str) -> pl.Expr:
        return month_start(local_day(pl.col(instant), time_zone))

    counts = pl.col("counts")
    is_solved = counts & pl.col("status").is_in(["solved", "closed"])
    created = tickets.with_columns(month=month("created_at"), source="export_source", counts=~is_nothing())
    later = pl.max_horizontal(*(month(name) for name in ("first_replied_at", "last_solved_at", "satisfaction_at")))
    facts = filed(created, dim_month, computed_from, later).with_columns(
        solved_month=pl.when(is_solved).then(month("last_solved_at")),
        resolution_hours=pl.when(counts).then(_hours_since_creation("last_solved_at")),
        first_replied_month=pl.when(counts).then(month("first_replied_at")),
        first_response_hours=pl.when(counts).then(_hours_since_creation("first_replied_at")),
    )
    return publishable(FctTicket.shaped(facts), FctTicket, privacy, secret).sort("source", "ticket_id")
