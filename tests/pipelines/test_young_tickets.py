"""An export of tickets may be a list of the last days, which looks like a company that nobody asked before."""

from typing import Any

import polars as pl

from pipelines.ingest.notices import notices_on_young
from schemas.support import Tickets
from tests.frames import at, config, rows

SINCE_JANUARY = config(first_month="2024-01-01")


def tickets(exported: str, *created: str, source: str = "desk") -> pl.DataFrame:
    given: list[dict[str, Any]] = [
        {"export_source": source, "ticket_id": f"T{n}", "created_at": at(day), "exported_at": at(exported)}
        for n, day in enumerate(created)
    ]
    return rows(Tickets, *given)


def test_tickets_of_the_last_days_alone_are_told_with_the_oldest_of_them():
    young = tickets("2024-06-30T08:00", "2024-05-31T09:00", "2024-06-29T09:00")
    (told,) = notices_on_young("tickets", young, SINCE_JANUARY)
    assert told.startswith(
        "desk: the oldest of 2 tickets is of 2024-05-31, 30 days before the export; if it leaves out"
    )


def test_one_older_ticket_shows_that_the_export_goes_further_back():
    assert (
        notices_on_young("tickets", tickets("2024-06-30T08:00", "2024-05-21T09:00", "2024-06-29T09:00"), SINCE_JANUARY)
        == []
    )


def test_each_source_is_looked_at_by_itself():
    young = tickets("2024-06-30T08:00", "2024-06-01T09:00", source="chat")
    old = tickets("2024-06-30T08:00", "2024-01-01T09:00")
    assert [told.partition(":")[0] for told in notices_on_young("tickets", pl.concat([young, old]), SINCE_JANUARY)] == [
        "chat"
    ]


def test_where_no_earlier_month_is_asked_for_young_tickets_are_all_there_is():
    young = tickets("2024-06-30T08:00", "2024-06-01T09:00")
    assert notices_on_young("tickets", young, config(first_month="2024-06-01", history_from="2024-06-01")) == []


def test_nothing_is_said_of_other_tables_or_of_no_tickets():
    assert notices_on_young("invoices", tickets("2024-06-30T08:00", "2024-06-01T09:00"), SINCE_JANUARY) == []
    assert notices_on_young("tickets", Tickets.blank(), SINCE_JANUARY) == []
