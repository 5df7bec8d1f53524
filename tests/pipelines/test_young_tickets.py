"""An export of tickets may be a list of the last days, which looks like a company that nobody asked before."""

from typing import Any

import polars as pl

from pipelines.ingest.notices import Noticed
from schemas.billing import Invoices
from schemas.config import Config
from schemas.support import Tickets
from tests.frames import at, config, rows

SINCE_JANUARY = config(first_month="2024-01-01")


def tickets(exported: str, *created: str, source: str = "desk") -> pl.DataFrame:
    given: list[dict[str, Any]] = [
        {"export_source": source, "ticket_id": f"T{n}", "created_at": at(day), "exported_at": at(exported)}
        for n, day in enumerate(created)
    ]
    return rows(Tickets, *given)


def told(*parts: pl.DataFrame, said: Config = SINCE_JANUARY) -> list[str]:
    """What is told of tickets that are looked at part by part."""
    noticed = Noticed(Tickets, said)
    for part in parts:
        noticed.look_at(part)
    return noticed.told()


def test_tickets_of_the_last_days_alone_are_told_with_the_oldest_of_them():
    young = tickets("2024-06-30T08:00", "2024-05-31T09:00", "2024-06-29T09:00")
    (line,) = told(young)
    assert line.startswith(
        "desk: the oldest of 2 tickets is of 2024-05-31, 30 days before the export; if it leaves out"
    )


def test_it_is_the_same_whatever_part_they_are_seen_in():
    first, second = tickets("2024-06-29T08:00", "2024-06-29T09:00"), tickets("2024-06-30T08:00", "2024-05-31T09:00")
    assert told(first, second) == told(pl.concat([second, first])) == told(second, first)
    assert "the oldest of 2 tickets is of 2024-05-31, 30 days before the export" in told(first, second)[0]


def test_one_older_ticket_shows_that_the_export_goes_further_back():
    assert told(tickets("2024-06-30T08:00", "2024-05-21T09:00", "2024-06-29T09:00")) == []
    assert told(tickets("2024-06-30T08:00", "2024-06-29T09:00"), tickets("2024-06-30T08:00", "2024-05-20T09:00")) == []


def test_each_source_is_looked_at_by_itself():
    young = tickets("2024-06-30T08:00", "2024-06-01T09:00", source="chat")
    old = tickets("2024-06-30T08:00", "2024-01-01T09:00")
    assert [line.partition(":")[0] for line in told(pl.concat([young, old]))] == ["chat"]


def test_where_no_earlier_month_is_asked_for_young_tickets_are_all_there_is():
    young = tickets("2024-06-30T08:00", "2024-06-01T09:00")
    assert told(young, said=config(first_month="2024-06-01", history_from="2024-06-01")) == []


def test_nothing_is_said_of_other_tables_or_of_no_tickets():
    noticed = Noticed(Invoices, SINCE_JANUARY)
    noticed.look_at(rows(Invoices, {"export_source": "desk", "status": "paid"}))
    assert noticed.told() == []
    assert told(Tickets.blank()) == told() == []
