"""Tickets as facts."""

import polars as pl

from schemas.config import Privacy
from schemas.support import FctTicket
from transforms.calendar import local_day, month_start
from transforms.declaration import monthly
from transforms.facts.privacy import publishable

MICROSECONDS_PER_HOUR = 3_600_000_000


def counting(tickets: pl.DataFrame) -> pl.DataFrame:
    """The tickets that count: neither merged nor spam (empty: it is not)."""
    return tickets.filter(~_is_nothing())


def _is_nothing() -> pl.Expr:
    return pl.col("is_merged").fill_null(value=False) | pl.col("is_spam").fill_null(value=False)


def _hours_since_creation(instant: str) -> pl.Expr:
    return (pl.col(instant) - pl.col("created_at")).dt.total_microseconds() / MICROSECONDS_PER_HOUR


@monthly()
def fct_ticket(
    tickets: pl.DataFrame, dim_month: pl.DataFrame, time_zone: str, privacy: Privacy, secret: bytes
) -> pl.DataFrame:
    """See the contract. Solved = its status in the export is solved or closed, in the month it was last solved."""

    def month(instant: str) -> pl.Expr:
        return month_start(local_day(pl.col(instant), time_zone))

    counts = pl.col("counts")
    is_solved = counts & pl.col("status").is_in(["solved", "closed"])
    facts = (
        tickets.with_columns(month=month("created_at"), counts=~_is_nothing())
        .join(dim_month.select("month"), on="month", how="semi")
        .with_columns(
            solved_month=pl.when(is_solved).then(month("last_solved_at")),
            resolution_hours=pl.when(counts).then(_hours_since_creation("last_solved_at")),
            first_replied_month=pl.when(counts).then(month("first_replied_at")),
            first_response_hours=pl.when(counts).then(_hours_since_creation("first_replied_at")),
        )
    )
    return publishable(FctTicket.shaped(facts), FctTicket, privacy, secret).sort("ticket_id")
