"""Milestones reached, ratings given, reviews held."""

from typing import Any

import polars as pl
import pytest

from schemas.config import Onboarding, Sentiment
from schemas.product import UsageEvents
from schemas.success import CsmActivities, FctCsmActivity, FctMilestone, Milestones
from tests.frames import at, config, day, months, rows
from transforms.clean.onboarding import milestones_from_usage
from transforms.facts.activities import UnknownRatingError, fct_csm_activity
from transforms.facts.milestones import fct_milestone

STEPS = [
    {"name": "kickoff", "within_days": 7},
    {"name": "project", "within_days": 30, "from_event": "project_created"},
    {"name": "report", "within_days": 60, "is_value": True, "from_event": "report_shared"},
]
YEAR = months("2024-01", "2024-12")


def onboarding(steps: list[dict[str, Any]] = STEPS) -> Onboarding:
    return config(onboarding={"milestones": steps}).onboarding


def milestone(name: str, on: str, account_id: str = "a", **given: Any) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "milestone": name,
        "reached_on": day(on),
        "export_file": "milestones.csv",
        **given,
    }


def event(name: str, when: str, account_id: str = "a", **given: Any) -> dict[str, Any]:
    number = f"{name}{when}{account_id}"
    first = {"event_id": number, "account_id": account_id, "name": name, "occurred_at": at(when)}
    return {**first, "export_file": "usage.csv", **given}


def from_usage(*events: dict[str, Any], given: tuple[dict[str, Any], ...] = (), zone: str = "UTC") -> list[Any]:
    found = milestones_from_usage(rows(UsageEvents, *events), rows(Milestones, *given), onboarding(), zone)
    assert found.schema == Milestones.blank().schema
    return found.select("account_id", "milestone", "reached_on").rows()


class TestMilestonesFromUsage:
    def test_are_reached_on_the_local_day_of_the_first_event(self):
        late = event("report_shared", "2024-03-05T10:00")
        first = event("report_shared", "2024-02-29T23:30")
        for events in ([late, first], [first, late]):
            assert from_usage(*events, zone="Europe/Berlin") == [("a", "report", day("2024-03-01"))]

    def test_come_only_from_events_that_the_config_names(self):
        assert from_usage(event("login", "2024-02-01T10:00"), event("kickoff", "2024-02-01T10:00")) == []

    def test_take_no_account_of_our_own_users_nor_of_rows_without_an_event(self):
        own = event("report_shared", "2024-02-01T10:00", is_internal=True)
        none = event("report_shared", "2024-02-02T10:00", event_count=0)
        theirs = event("report_shared", "2024-02-03T10:00", is_internal=False, event_count=2)
        assert from_usage(own, none, theirs) == [("a", "report", day("2024-02-03"))]

    def test_are_nobodys_where_the_event_names_no_account(self):
        assert from_usage(event("report_shared", "2024-02-01T10:00", "(unknown)")) == []

    def test_yield_to_the_export_for_that_account_and_milestone_alone(self):
        found = from_usage(
            event("report_shared", "2024-02-01T10:00"),
            event("report_shared", "2024-02-02T10:00", "b"),
            event("project_created", "2024-02-03T10:00"),
            given=(milestone("report", "2024-05-01"), milestone("kickoff", "2024-01-01", "b")),
        )
        assert found == [
            ("a", "project", day("2024-02-03")),
            ("a", "report", day("2024-05-01")),
            ("b", "kickoff", day("2024-01-01")),
            ("b", "report", day("2024-02-02")),
        ]

    def test_say_where_they_come_from(self):
        events = rows(UsageEvents, event("report_shared", "2024-02-01T10:00", export_line=7))
        found = milestones_from_usage(events, rows(Milestones), onboarding(), "UTC")
        assert found.select("export_file", "export_line").rows() == [("usage.csv", 7)]

    def test_are_the_same_when_asked_again(self):
        events = rows(UsageEvents, event("report_shared", "2024-02-01T10:00"))
        once = milestones_from_usage(events, rows(Milestones), onboarding(), "UTC")
        assert milestones_from_usage(events, once, onboarding(), "UTC").equals(once)

    def test_survive_empty_inputs(self):
        assert from_usage() == []
        events = rows(UsageEvents, event("report_shared", "2024-02-01T10:00"))
        assert milestones_from_usage(events, rows(Milestones), onboarding([]), "UTC").is_empty()


class TestFctMilestone:
    def test_lies_in_the_month_it_was_reached_and_knows_what_is_value(self):
        given = rows(Milestones, milestone("report", "2024-03-31"), milestone("kickoff", "2024-02-01"))
        found = fct_milestone(given, onboarding(), YEAR)
        assert found.select("milestone", "month", "is_value").rows() == [
            ("kickoff", day("2024-02-01"), False),
            ("report", day("2024-03-01"), True),
        ]

    def test_counts_when_first_reached_where_two_customers_became_one_account(self):
        given = rows(Milestones, milestone("report", "2024-03-31"), milestone("report", "2024-02-11"))
        assert fct_milestone(given, onboarding(), YEAR)["reached_on"].to_list() == [day("2024-02-11")]
        assert fct_milestone(given, onboarding(), months("2024-03", "2024-03")).is_empty()

    def test_has_the_months_asked_for_alone(self):
        given = rows(Milestones, milestone("report", "2024-01-31"), milestone("kickoff", "2024-02-01"))
        assert fct_milestone(given, onboarding(), months("2024-02", "2024-02"))["milestone"].to_list() == ["kickoff"]

    def test_survives_empty_inputs(self):
        assert fct_milestone(rows(Milestones), onboarding([]), YEAR).schema == FctMilestone.blank().schema


def activity(number: str, **given: Any) -> dict[str, Any]:
    return {"activity_id": number, "account_id": "a", "kind": "sentiment", **given}


class TestFctCsmActivity:
    def test_lies_in_the_month_it_was_due_or_else_held(self):
        given = rows(
            CsmActivities,
            activity("3", kind="review", due_on=day("2024-03-02"), held_on=day("2024-02-27")),
            activity("2", kind="review", due_on=day("2024-04-30"), held_on=day("2024-05-09")),
            activity("1", held_on=day("2024-05-31"), rating="green"),
        )
        found = fct_csm_activity(given, Sentiment(), YEAR)
        assert found.select("activity_id", "month").rows() == [
            ("1", day("2024-05-01")),
            ("2", day("2024-04-01")),
            ("3", day("2024-03-01")),
        ]

    def test_reads_a_rating_by_the_words_of_the_config(self):
        held = {"held_on": day("2024-02-01")}
        given = rows(
            CsmActivities,
            activity("1", rating="red", **held),
            activity("2", rating="light_green", **held),
            activity("3", **held),
        )
        assert fct_csm_activity(given, Sentiment(), YEAR)["rating_score"].to_list() == [1.0, 4.0, None]
        own = Sentiment(scores={"red": 1.5, "light_green": 5})
        assert fct_csm_activity(given, own, YEAR)["rating_score"].to_list() == [1.5, 5.0, None]

    @pytest.mark.parametrize("word", ["purple", "Schmidt", "Ask jo@acme.com", "0301234567"])
    def test_refuses_a_word_without_a_score_and_tells_no_word_that_is_not_the_config_s(self, word):
        given = rows(CsmActivities, activity("1", account_id="acme", held_on=day("2024-02-01"), rating=word))
        with pytest.raises(UnknownRatingError, match=r"1 ratings that sentiment\.scores .* knows red, ") as raised:
            fct_csm_activity(given, Sentiment(), YEAR)
        assert word not in str(raised.value) and "acme" not in str(raised.value)

    def test_leaves_words_of_other_months_to_those(self):
        given = rows(CsmActivities, activity("1", held_on=day("2024-02-01"), rating="purple"))
        assert fct_csm_activity(given, Sentiment(), months("2024-03", "2024-03")).is_empty()

    def test_gives_the_same_for_shuffled_rows(self):
        given = rows(CsmActivities, *(activity(str(n), held_on=day(f"2024-02-0{n}"), rating="red") for n in (1, 2, 3)))
        assert fct_csm_activity(given[::-1], Sentiment(), YEAR).equals(fct_csm_activity(given, Sentiment(), YEAR))

    def test_survives_empty_inputs(self):
        for sentiment in (Sentiment(), Sentiment(scores={})):
            assert fct_csm_activity(rows(CsmActivities), sentiment, YEAR).schema == FctCsmActivity.blank().schema
        unrated = rows(CsmActivities, activity("1", held_on=day("2024-02-01")))
        assert fct_csm_activity(unrated, Sentiment(scores={}), YEAR)["rating_score"].to_list() == [None]
        assert isinstance(fct_csm_activity(unrated, Sentiment(), YEAR.clear()), pl.DataFrame)


def test_activities_of_two_sources_with_one_id_are_two_activities():
    given = {"activity_id": "1", "account_id": "a", "kind": "sentiment", "held_on": day("2024-01-10")}
    activities = ({**given, "rating": word, "export_source": source} for source, word in (("b", "red"), ("a", "green")))
    found = fct_csm_activity(rows(CsmActivities, *activities), Sentiment(), months("2024-01", "2024-01"))
    assert found.select("source", "activity_id", "rating_score").rows() == [("a", "1", 5), ("b", "1", 1)]
