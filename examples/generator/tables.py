"""The exported tables: their columns, and how a row becomes a line of CSV."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from examples.generator.ledger import Fault

Row = Mapping[str, Any]

COLUMNS: dict[str, str] = {
    "crm/accounts": "account_id account_name industry country region size csm_owner signup_on is_internal",
    "crm/account_links": "source source_account_id account_id rule",
    "crm/renewals": "renewal_id account_id subscription_id term_started_on term_ended_on renewed_on outcome mrr_amount"
    " renewed_mrr_amount currency",
    "crm/churn_events": "churn_event_id account_id churned_on reason comment",
    "crm/csm_activities": "activity_id account_id kind due_on held_on executive_present csm_thumb"
    " customer_thumb rating",
    "crm/milestones": "account_id milestone reached_on",
    "billing/subscription_items": "subscription_id item_id valid_from account_id plan quantity seats unit_amount"
    " currency interval_unit interval_count discount_amount discount_ends_on is_trial trial_started_on trial_ends_on"
    " is_metered started_on ended_on cancel_requested_on term_ends_on paused_from paused_until",
    "billing/invoices": "invoice_id account_id issued_on due_on paid_on status amount one_off_amount refunded currency",
    "support/tickets": "ticket_id account_id requester_id topic channel priority status created_at first_replied_at"
    " last_solved_at public_agent_replies reopens is_escalated is_merged is_spam satisfaction_score scale_min"
    " scale_max satisfaction_at",
    "product/usage_events": "event_id account_id user_id name occurred_at seconds event_count errors is_internal",
    "surveys/survey_responses": "response_id account_id respondent_id ticket_id kind score scale_min scale_max"
    " direction comment sent_at responded_at",
    "finance/costs": "month category amount currency",
    "finance/fx_rates": "month currency rate",
}


@dataclass
class BadRow:
    """A row that is put in before row number `before`, and what is wrong with it."""

    before: int
    row: Row
    column: str
    what: str


@dataclass
class Table:
    """One exported file."""

    path: str
    rows: list[Row]
    bad_rows: list[BadRow] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The file, relative to the company's folder."""
        return f"{self.path}.csv"

    def render(self) -> tuple[str, list[Fault]]:
        """The file's text, and where in it the bad rows ended up."""
        columns = COLUMNS[self.path].split()
        records = [",".join(columns) + "\n"]
        faults: list[Fault] = []
        bad_rows = {bad.before: bad for bad in self.bad_rows}
        line = 2
        for number, row in enumerate([*self.rows, None]):
            bad = bad_rows.get(number)
            if bad:
                faults.append(Fault(self.path.split("/")[1], self.file, line, bad.column, bad.what))
            for each in (bad.row if bad else None, row):
                if each is not None:
                    records.append(record(cell(each.get(column)) for column in columns))
                    line += records[-1].count("\n")
        return "".join(records), faults


def record(cells: Iterable[object]) -> str:
    """One record of a CSV file, with quotes where they are needed; a quoted cell may hold several lines."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def cell(value: object) -> object:
    """A value as the exports write it: empty for nothing, true and false, instants in UTC with Z."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if value is None else value
