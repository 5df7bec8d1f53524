"""Answers about tickets that are in nothing are in nothing."""

from typing import Any

import pytest

from schemas.customers import Accounts
from schemas.feedback import SurveyResponses
from schemas.support import Tickets
from tests.frames import at, rows
from transforms.clean.counting import about_what_counts, internal_told, of_customers


def ticket(key: str, source: str = "desk", **given: Any) -> dict[str, Any]:
    named = {"ticket_id": key, "account_id": "a", "status": "solved", "created_at": at("2024-02-01T09:00")}
    return {**named, "export_source": source, **given}


def survey(key: str, about: str | None, source: str = "desk", **given: Any) -> dict[str, Any]:
    return {"response_id": key, "account_id": "a", "ticket_id": about, "kind": "csat", "export_source": source, **given}


def counting(surveys: list[dict[str, Any]], tickets: list[dict[str, Any]]) -> list[str]:
    return about_what_counts(rows(SurveyResponses, *surveys), rows(Tickets, *tickets))["response_id"].to_list()


class TestASurvey:
    @pytest.mark.parametrize("flag", ["is_merged", "is_spam", "is_internal"])
    @pytest.mark.parametrize("account", ["a", "(unknown)"])
    def test_about_a_ticket_that_is_in_nothing_is_in_nothing_whatever_account_it_names(self, flag, account):
        tickets = [ticket("out", **{flag: True}), ticket("in", **{flag: False}), ticket("empty")]
        surveys = [survey(f"about {key}", key, account_id=account) for key in ("out", "in", "empty")]
        assert counting(surveys, tickets) == ["about in", "about empty"]

    def test_about_no_ticket_or_one_that_nobody_exports_counts(self):
        assert counting([survey("1", None), survey("2", "gone")], [ticket("t", is_spam=True)]) == ["1", "2"]

    def test_of_a_tool_of_its_own_is_about_the_ticket_of_the_only_source_that_has_it(self):
        assert counting([survey("1", "t", "tool")], [ticket("t", is_spam=True)]) == []
        two = [ticket("t", is_spam=True), ticket("t", "other desk", is_spam=True)]
        assert counting([survey("1", "t", "tool")], two) == ["1"]

    def test_is_about_the_ticket_of_its_own_source_where_another_has_the_same_id(self):
        two = [ticket("t"), ticket("t", "other desk", is_spam=True)]
        assert counting([survey("1", "t"), survey("2", "t", "other desk")], two) == ["1"]

    def test_keeps_every_time_it_was_answered(self):
        twice = [survey("1", "t", responded_at=at(f"2024-02-0{n}T09:00")) for n in (2, 3)]
        assert counting(twice, [ticket("t")]) == ["1", "1"]
        assert counting(twice, [ticket("t", is_merged=True)]) == []


class TestATicketOfOurOwn:
    accounts = rows(Accounts, {"account_id": "a"}, {"account_id": "us", "is_internal": True})

    def test_is_told_by_its_account_or_by_the_export(self):
        given = rows(Tickets, ticket("1"), ticket("2", account_id="us"), ticket("3", is_internal=True))
        found = internal_told(given, self.accounts)
        assert found["is_internal"].to_list() == [False, True, True]
        assert of_customers("tickets", found)["ticket_id"].to_list() == ["1"]

    def test_is_as_the_export_says_where_there_is_no_crm(self):
        given = rows(Tickets, ticket("1"), ticket("2", is_internal=True))
        assert of_customers("tickets", internal_told(given, None))["ticket_id"].to_list() == ["1"]


def test_of_accounts_those_of_customers_are_read_and_of_other_tables_all_rows():
    assert of_customers("accounts", TestATicketOfOurOwn.accounts)["account_id"].to_list() == ["a"]
    surveys = rows(SurveyResponses, survey("1", None))
    assert of_customers("survey_responses", surveys).equals(surveys)
