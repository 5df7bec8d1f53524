"""What was filed before the first computed month counts when it happens, and stays in step as that month is moved."""

from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from tests.frames import at, day
from tests.integration.small_company import SOURCES, SmallCompany

TABLES = ("subscription_items", "invoices", "tickets", "survey_responses", "csm_activities")
METRICS = ("art", "first_response_time", "clv", "nps", "csm_sentiment", "ebr_held_rate")
FACTS = ("fct_ticket", "fct_survey_response", "fct_invoice", "fct_csm_activity")
USERS = {1: 2, 2: 5, 3: 5, 4: 4}
"""Months of 2024, and how many used the product."""
BUILT = ("fct_mrr_account_month", "dim_account_month", "mrr", *FACTS, *METRICS)


def item() -> dict[str, Any]:
    price = {"unit_amount": 1_000, "currency": "EUR", "interval_unit": "month"}
    return {"subscription_id": "s", "item_id": "i", "valid_from": "2023-01-01", "account_id": "A", **price,
            "started_on": "2023-01-01"}  # fmt: skip


def ticket(key: str, created: str, solved: str) -> dict[str, Any]:
    times = {"created_at": at(created), "first_replied_at": at(solved), "last_solved_at": at(solved)}
    return {"ticket_id": key, "account_id": "A", "status": "solved", **times}


def answer(key: str, score: int, sent: str, responded: str) -> dict[str, Any]:
    told = {"kind": "nps", "score": score, "scale_min": 0, "scale_max": 10}
    return {"response_id": key, "account_id": "A", **told, "sent_at": at(sent), "responded_at": at(responded)}


def invoice(key: str, amount: int, issued: str, paid: str) -> dict[str, Any]:
    days = {"issued_on": day(issued), "paid_on": day(paid)}
    return {"invoice_id": key, "account_id": "A", "status": "paid", "amount": amount, "currency": "EUR", **days}


def activity(key: str, kind: str, due: str, held: str, rating: str | None = None) -> dict[str, Any]:
    return {
        "activity_id": key,
        "account_id": "A",
        "kind": kind,
        "due_on": day(due),
        "held_on": day(held),
        "rating": rating,
    }


def configure(company: SmallCompany, first: str, also: tuple[str, ...] = ()) -> None:
    others = [table for tables in SOURCES.values() for table in tables if table not in {*TABLES, *also}]
    company.configure(without=others, first_month=f"{first}-01", history_from=f"{first}-01", as_of="2024-06-30")


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    """Computed from April 2024; everything but one row of each table began before."""
    company = SmallCompany(tmp_path)
    company.data.mkdir()
    configure(company, "2024-04")
    company.export("subscription_items", [item()])
    company.export("tickets", [
        ticket("1", "2024-03-30T00:00", "2024-04-09T00:00"), ticket("2", "2024-04-01T08:00", "2024-04-01T10:00"),
        ticket("3", "2024-01-30T00:00", "2024-03-09T00:00"),
    ])  # fmt: skip
    company.export("survey_responses", [
        answer("1", 0, "2024-02-01T08:00", "2024-04-03T08:00"), answer("2", 10, "2024-04-02T08:00", "2024-04-03T08:00"),
    ])  # fmt: skip
    company.export("invoices", [
        invoice("1", 50_000, "2023-11-01", "2024-04-20"), invoice("2", 10_000, "2024-04-01", "2024-04-20"),
        invoice("3", 70_000, "2024-03-01", "2024-03-20"),
    ])  # fmt: skip
    company.export("csm_activities", [
        activity("1", "sentiment", "2024-02-20", "2024-03-30", "orange"),
        activity("2", "review", "2024-03-20", "2024-04-10"),
    ])  # fmt: skip
    return company


def test_what_began_before_the_first_computed_month_counts_in_the_month_in_which_it_happens(company):
    company.run(only=BUILT)
    assert company.value("art", "2024-04") == (121, None)  # 240 and 2 hours
    assert company.value("first_response_time", "2024-04") == (121, None)
    assert company.value("nps", "2024-04") == (0, None)  # one detractor, one promoter
    assert company.value("average_purchase_value", "2024-04") == (30_000, None)  # 500.00 and 100.00
    assert company.value("csm_sentiment", "2024-05") == (2, None)
    assert company.value("ebr_held_rate", "2024-04") == (None, "zero_denominator")  # due in March


def test_a_fact_stays_one_when_it_is_made_again_and_when_the_first_month_moves_there_and_back(company):
    company.run(only=BUILT)
    first = company.frames([*FACTS, "metric_month"])
    assert first["fct_ticket"]["ticket_id"].sort().to_list() == ["1", "2"]
    for month, tickets in (("2024-05", []), ("2024-03", ["1", "2", "3"]), ("2024-04", ["1", "2"])):
        configure(company, month)
        company.run(only=BUILT)
        found = company.frames(FACTS)["fct_ticket"]
        assert found["ticket_id"].sort().to_list() == tickets, month
    again = company.frames([*FACTS, "metric_month"])
    for name in FACTS:
        assert_frame_equal(again[name], first[name])
    assert company.value("art", "2024-04") == (121, None)


def test_a_change_of_what_was_filed_earlier_is_made_again_with_the_first_month(company):
    company.run(only=BUILT)
    company.export("tickets", [ticket("1", "2024-03-31T00:00", "2024-04-09T00:00")])
    company.ingest()
    assert {entry.month for entry in company.stale() if entry.table == "fct_ticket"} == {day("2024-04-01")}
    company.mend(only=BUILT)
    assert company.value("art", "2024-04") == (216, None)
    assert company.frames(FACTS)["fct_ticket"]["ticket_id"].to_list() == ["1"]


def test_an_answer_that_is_given_again_in_a_later_month_leaves_the_month_that_is_over_as_it_was(company):
    first, again = answer("1", 10, "2024-04-02T08:00", "2024-04-03T08:00"), answer("1", 0, "2024-04-02T08:00",
                                                                                   "2024-06-05T08:00")  # fmt: skip
    company.export("survey_responses", [first])
    company.run(only=BUILT)
    assert company.value("nps", "2024-04") == (100, None)
    company.export("survey_responses", [first, again])
    company.run(only=BUILT)
    months = ("2024-04", "2024-05", "2024-06")
    assert [company.value("nps", month) for month in months] == [(100, None), (None, "zero_denominator"), (-100, None)]


def test_health_is_the_same_wherever_the_computed_months_begin(company):
    """Its trend looks back three months, its payments two: in January 2 users, in February and March 5."""

    def event(number: int, month: int) -> dict[str, Any]:
        return {"event_id": f"{month}-{number}", "account_id": "A", "user_id": f"{number}", "occurred_at": at(
            f"2024-{month:02}-10T08:00")}  # fmt: skip

    late = {**invoice("4", 1_000, "2024-02-01", "2024-02-29"), "due_on": day("2024-02-15")}
    company.export("usage_events", [event(n, month) for month, users in USERS.items() for n in range(users)])
    company.export("invoices", [late, {**invoice("5", 1_000, "2024-04-01", "2024-04-02"), "due_on": day("2024-05-01")}])
    for first in ("2024-04", "2023-12"):
        configure(company, first, also=("usage_events",))
        company.run(only=(*BUILT, "fct_usage_account_month", "fct_health_input"))
        found = company.frames(["fct_health_input"])["fct_health_input"]
        told = found.filter(found["month"] == day("2024-04-01")).select("input", "raw").rows()
        assert [row for row in told if row[0] in {"payment", "usage_trend"}] == [
            ("payment", 0.5), ("usage_trend", 4 / ((2 + 5 + 5) / 3)),
        ], first  # fmt: skip
