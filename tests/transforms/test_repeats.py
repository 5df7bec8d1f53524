"""What a source says twice under one id, and which of it counts."""

from typing import Any

import pytest

from schemas.feedback import SurveyResponses
from schemas.product import UsageEvents
from schemas.support import Tickets
from tests.frames import at, rows
from transforms.clean.repeats import repeated, spoken

OLD = {"export_source": "tool", "export_file": "a.csv", "exported_at": at("2024-03-01T00:00")}
NEW = {"export_source": "tool", "export_file": "b.csv", "exported_at": at("2024-04-01T00:00")}


def event(line: int, when: str, **more: Any) -> dict[str, Any]:
    return {**OLD, "event_id": "e", "name": "login", "occurred_at": at(when), "export_line": line, **more}


def answer(line: int, when: str | None, score: float | None, **more: Any) -> dict[str, Any]:
    given = {"score": score, "scale_min": 0.0, "scale_max": 10.0} if score is not None else {}
    responded_at = at(when) if when else None
    return {
        **OLD,
        "response_id": "q",
        "kind": "nps",
        "responded_at": responded_at,
        "export_line": line,
        **given,
        **more,
    }


class TestEvents:
    def counted(self, *given: dict[str, Any]) -> list[tuple[Any, ...]]:
        return spoken(rows(UsageEvents, *given), UsageEvents).select("export_file", "export_line").rows()

    def test_sent_again_are_one_event_the_earliest_wherever_it_stands(self):
        late, early = event(2, "2024-02-29T23:00:05"), event(3, "2024-02-29T23:00:00")
        assert self.counted(late, early) == self.counted(early, late) == [("a.csv", 3)]

    def test_of_one_instant_are_the_one_that_stands_first(self):
        assert self.counted(event(5, "2024-02-01T08:00", seconds=9), event(4, "2024-02-01T08:00")) == [("a.csv", 4)]

    def test_sent_again_in_a_newer_export_are_one_event_the_earliest_of_all(self):
        again = event(2, "2024-02-01T08:00:07", **NEW)
        assert self.counted(event(9, "2024-02-01T08:00"), again) == [("a.csv", 9)]

    def test_that_a_newer_export_corrects_are_as_it_says(self):
        corrected = event(2, "2024-02-01T08:00", is_internal=True, **NEW)
        assert self.counted(event(9, "2024-02-01T08:00"), corrected) == [("b.csv", 2)]

    def test_that_do_not_count_are_told(self):
        given = rows(UsageEvents, *(event(line, f"2024-02-01T08:00:0{line}") for line in (2, 3, 4)))
        assert repeated(given, UsageEvents, "UTC")["export_line"].to_list() == [3, 4]


class TestAnswers:
    def test_given_again_all_stay_and_all_but_the_last_are_told(self):
        """Which is the last depends on the day from which is looked: `seen_on` says it."""
        given = rows(SurveyResponses, answer(2, "2024-02-09T08:00", 9), answer(3, "2024-02-05T08:00", 2))
        assert sorted(spoken(given, SurveyResponses)["export_line"].to_list()) == [2, 3]
        assert repeated(given, SurveyResponses, "UTC")["export_line"].to_list() == [3]

    def test_in_a_later_month_count_too_and_are_no_repeat(self):
        given = rows(SurveyResponses, answer(2, "2024-02-09T08:00", 9), answer(3, "2024-03-05T08:00", 2))
        assert repeated(given, SurveyResponses, "UTC").is_empty()

    def test_of_one_instant_are_as_the_newest_export_says(self):
        one, other = answer(7, "2024-02-09T08:00", 9), answer(2, "2024-02-09T08:00", 3, **NEW)
        given = rows(SurveyResponses, other, one)
        assert spoken(given, SurveyResponses)["score"].to_list() == [3]
        assert repeated(given, SurveyResponses, "UTC")["score"].to_list() == [9]

    def test_sent_and_then_answered_are_one_survey(self):
        given = rows(SurveyResponses, answer(2, "2024-02-09T08:00", 9), answer(3, None, None, **NEW))
        assert repeated(given, SurveyResponses, "UTC")["export_line"].to_list() == [3]


def test_of_other_rows_with_one_key_the_newest_export_counts_and_none_is_a_repeat():
    ticket = {**OLD, "ticket_id": "t", "status": "open", "created_at": at("2024-02-01T08:00"), "export_line": 2}
    given = rows(Tickets, ticket, {**ticket, **NEW, "status": "solved"})
    assert spoken(given, Tickets)["status"].to_list() == ["solved"]
    assert repeated(given, Tickets, "UTC").is_empty()


@pytest.mark.parametrize("contract", [UsageEvents, SurveyResponses, Tickets])
def test_nothing_is_nothing(contract):
    assert spoken(contract.blank(), contract).is_empty()
    assert repeated(contract.blank(), contract, "UTC").is_empty()
