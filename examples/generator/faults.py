"""The bad rows: a handful of additional rows that a check of the exports must find; none is about recurring revenue."""

from collections.abc import Mapping
from dataclasses import dataclass

from examples.generator.tables import BadRow, Row, Table


@dataclass(frozen=True)
class Mistake:
    """A copy of the row at `share` of the table, with these `changes`: `column` is wrong, and `what` says how."""

    table: str
    share: float
    column: str
    what: str
    changes: Mapping[str, str]


MISTAKES = (
    Mistake(
        "billing/invoices", 0.3, "issued_on", "a date that no calendar has, and not as ISO 8601",
        {"invoice_id": "N90001", "issued_on": "31/02/2025"},
    ),
    Mistake(
        "billing/invoices", 0.6, "amount", "an amount with a decimal comma",
        {"invoice_id": "N90002", "amount": "1234,50"},
    ),
    Mistake("crm/renewals", 0.5, "outcome", "an unknown outcome", {"renewal_id": "R9001", "outcome": "maybe"}),
    Mistake(
        "crm/csm_activities", 0.4, "held_on", "a thirteenth month",
        {"activity_id": "C90001", "held_on": "2025-13-04"},
    ),
    Mistake("support/tickets", 0.2, "status", "an unknown status", {"ticket_id": "T90001", "status": "resolvd"}),
    Mistake(
        "support/tickets", 0.7, "created_at", "an instant without an offset",
        {"ticket_id": "T90002", "created_at": "2025-11-03 10:15:00"},
    ),
    Mistake(
        "surveys/survey_responses", 0.5, "response_id", "a key that occurs twice (the first is the true row)",
        {"comment": "Sent once more."},
    ),
    Mistake(
        "product/usage_events", 0.5, "occurred_at", "a required value is missing",
        {"event_id": "E90001", "occurred_at": ""},
    ),
    Mistake("finance/costs", 0.6, "amount", "a word for an amount", {"category": "training", "amount": "n/a"}),
)  # fmt: skip


def plant_faults(tables: Mapping[str, Table]) -> None:
    """Put the bad rows among the true ones."""
    for mistake in MISTAKES:
        table = tables[mistake.table]
        before = max(1, int(len(table.rows) * mistake.share))
        row: Row = {**table.rows[before - 1], **mistake.changes}
        table.bad_rows.append(BadRow(before, row, mistake.column, mistake.what))
