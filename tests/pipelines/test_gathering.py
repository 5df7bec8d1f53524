"""What becomes of rows that say a thing twice, or stamp it the wrong way round: told by file, and rejected nowhere."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.frames import at
from tests.integration.small_company import ONE_MONTH, SOURCES, SmallCompany

TABLES = ("tickets", "survey_responses", "usage_events")
COUNTS = ("rows_read", "rows_loaded", "rows_quarantined", "rows_repeated", "rows_skewed")


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    """A company with nothing but tickets, surveys and events of use."""
    company = SmallCompany(tmp_path)
    company.data.mkdir()
    others = [table for tables in SOURCES.values() for table in tables if table not in TABLES]
    company.configure(without=others, **ONE_MONTH)
    company.export("tickets", [ticket("t")])
    company.export("survey_responses", [answer("q", "2024-06-03T08:00")])
    company.export("usage_events", [event("e", "2024-06-03T08:00")])
    return company


def ticket(key: str, **instants: str) -> dict[str, Any]:
    given = {"created_at": "2024-06-04T09:00", "first_replied_at": "2024-06-04T09:30", **instants}
    return {"ticket_id": key, "account_id": "A01", "status": "open", **{name: at(text) for name, text in given.items()}}


def answer(key: str, when: str, score: int = 9) -> dict[str, Any]:
    scale = {"scale_min": 0, "scale_max": 10}
    return {"response_id": key, "account_id": "A01", "kind": "nps", "score": score, **scale, "responded_at": at(when)}


def account(key: str, is_internal: bool | None) -> dict[str, Any]:
    return {"account_id": key, "tier": None, "is_internal": is_internal}


def event(key: str, when: str, seconds: int = 60) -> dict[str, Any]:
    return {"event_id": key, "account_id": "A01", "user_id": key, "occurred_at": at(when), "seconds": seconds}


def counts(company: SmallCompany, table: str) -> dict[str, tuple[int, ...]]:
    """By file name: the rows that were read, loaded and rejected, repeat another, and had clocks that disagree."""
    files = company.project().database.read("export_file", where={"table_name": [table]})
    return {Path(name).name: counted for name, *counted in files.select("file", *COUNTS).iter_rows()}  # type: ignore[misc]


def staged(company: SmallCompany, table: str) -> pl.DataFrame:
    project = company.project()
    return project.staged(table)


def test_an_event_sent_again_is_loaded_once_and_its_repeats_are_counted_with_the_loaded(company):
    again = [event("e", "2024-06-03T08:00:05"), event("e", "2024-06-03T08:00"), event("e", "2024-06-03T08:00", 61)]
    company.export("usage_events", [*again, event("f", "2024-06-03T08:00")])
    company.ingest(["usage_events"])
    assert counts(company, "usage_events") == {"usage_events.csv": [4, 4, 0, 2, 0]}
    assert sorted(staged(company, "usage_events").select("event_id", "seconds").rows()) == [("e", 60), ("f", 60)]


def test_a_wrong_copy_of_an_event_is_rejected_and_the_right_one_counts(company):
    company.export("usage_events", [event("e", "2024-06-03T07:00", -1), event("e", "2024-06-03T08:00")])
    company.ingest(["usage_events"])
    assert counts(company, "usage_events") == {"usage_events.csv": [2, 1, 1, 0, 0]}
    assert staged(company, "usage_events")["seconds"].to_list() == [60]


def test_an_event_that_two_files_of_a_source_send_is_one_and_is_counted_where_it_does_not_count(company):
    company.configure(
        files={"usage_events": "usage-*.csv"},
        without=[table for tables in SOURCES.values() for table in tables if table not in TABLES],
        **ONE_MONTH,
    )
    company.export("usage_events", [event("e", "2024-06-03T08:00")], name="usage-2024-06-28.csv")
    company.export("usage_events", [event("e", "2024-06-03T08:00:04")], name="usage-2024-06-29.csv")
    company.ingest(["usage_events"])
    found = counts(company, "usage_events")
    assert found == {"usage-2024-06-28.csv": [1, 1, 0, 0, 0], "usage-2024-06-29.csv": [1, 1, 0, 1, 0]}


def test_an_answer_given_again_is_no_fault_and_the_last_one_counts(company):
    given = [answer("q", "2024-06-09T08:00", 3), answer("q", "2024-06-03T08:00"), answer("p", "2024-06-03T08:00")]
    company.export("survey_responses", given)
    company.ingest()
    company.build(only=["dim_account_month", "fct_survey_response", "nps"])
    assert counts(company, "survey_responses") == {"survey_responses.csv": [3, 3, 0, 1, 0]}
    assert company.value("nps", "2024-06") == (0, None)  # one detractor, one promoter


def test_a_ticket_with_a_reply_some_minutes_early_is_loaded_and_told_and_one_with_an_hour_is_rejected(company):
    early, much = (
        ticket(key, first_replied_at=when) for key, when in (("u", "2024-06-04T08:45"), ("v", "2024-06-04T08:00"))
    )
    company.export("tickets", [ticket("t"), early, much])
    company.ingest(["tickets"])
    assert counts(company, "tickets") == {"tickets.csv": [3, 2, 1, 0, 1]}
    replied = dict(staged(company, "tickets").select("ticket_id", "first_replied_at").iter_rows())
    assert replied == {"t": at("2024-06-04T09:30"), "u": at("2024-06-04T09:00")}


def test_of_tickets_with_one_key_and_different_content_none_counts(company):
    company.export("tickets", [ticket("t"), ticket("t", created_at="2024-06-04T08:00")])
    company.ingest(["tickets"])
    assert counts(company, "tickets") == {"tickets.csv": [2, 0, 2, 0, 0]}


class TestAnswersAboutOurOwnTickets:
    @pytest.fixture
    def company(self, company: SmallCompany) -> SmallCompany:
        """The same with a CRM, in which A09 is our own account."""
        others = [t for tables in SOURCES.values() for t in tables if t not in {*TABLES, "accounts", "account_links"}]
        company.configure(without=others, **ONE_MONTH)
        company.export("accounts", [account("A01", None), account("A09", True)])
        company.export("account_links", [{"source": "support", "source_account_id": "us", "account_id": "A09"}])
        company.export("tickets", [ticket("t"), {**ticket("o"), "account_id": "us"}])
        about = {"t": "t", "o": "o", "n": None}
        company.export("survey_responses", [
            {**answer(key, "2024-06-09T08:00"), "account_id": None, "ticket_id": about[key]} for key in about
        ])  # fmt: skip
        return company

    def test_are_in_nothing_and_their_tickets_neither(self, company):
        company.ingest()
        company.build(only=["dim_account_month", "fct_ticket", "fct_survey_response"])
        found = company.frames(["fct_ticket", "fct_survey_response", "dim_account"])
        assert found["fct_ticket"]["ticket_id"].to_list() == ["t"]
        answers = found["fct_survey_response"].select("response_id", "account_id").sort("response_id").rows()
        assert answers == [("n", "(unknown)"), ("t", "A01")]
        assert sorted(found["dim_account"]["account_id"].to_list()) == ["(unknown)", "A01"]

    def test_are_read_again_when_the_tickets_are(self, company):
        company.ingest(["tickets", "survey_responses"])
        company.export(
            "tickets", [{**ticket("t"), "is_spam": True}, {**ticket("o"), "account_id": "A01", "is_spam": False}]
        )
        company.ingest(["tickets", "survey_responses"])
        assert sorted(staged(company, "survey_responses")["response_id"].to_list()) == ["n", "o"]

    def test_are_read_again_when_the_account_is_no_more_our_own(self, company):
        company.ingest(["tickets", "survey_responses"])
        company.export("accounts", [account("A01", None), account("A09", False)])
        company.ingest(["tickets", "survey_responses"])
        assert sorted(staged(company, "survey_responses")["response_id"].to_list()) == ["n", "o", "t"]
