"""What of a table can be seen on a day and from a month."""

import datetime as dt
import subprocess
import sys
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from schemas.billing import Invoices, Renewals, SubscriptionItems
from schemas.contract import Contract
from schemas.customers import DimAccount
from schemas.feedback import SurveyResponses
from schemas.product import UsageEvents
from schemas.success import CsmActivities
from schemas.support import Tickets
from tests.cores import as_a_user
from tests.frames import at, day, rows
from tests.integration.small_company import ROOT
from transforms.visible import LATER, dated_in, held, is_one, known_by, seen_on


@pytest.fixture(autouse=True, params=[0, 100_000], ids=["many", "few"])
def _rows_at_a_time(request, monkeypatch):
    """Many rows are looked at another way than few, and seen the same."""
    monkeypatch.setattr("transforms.visible.MANY", request.param)


ITEM = {
    "subscription_id": "s",
    "item_id": "i",
    "account_id": "a",
    "currency": "EUR",
    "interval_unit": "month",
    "valid_from": day("2024-01-10"),
    "started_on": day("2024-01-10"),
}


def of_item(known: str, planned: str, **more: object) -> dict[str, object]:
    found = known_by(rows(SubscriptionItems, {**ITEM, **more}), SubscriptionItems, day(known), day(planned), "UTC")
    return found.row(0, named=True)


class TestAHistory:
    def test_holds_the_rows_that_had_begun_by_the_day_and_no_later_ones(self):
        items = rows(SubscriptionItems, ITEM, {**ITEM, "valid_from": day("2024-02-01")})
        for last, expected in (("2024-01-09", 0), ("2024-01-10", 1), ("2024-01-31", 1), ("2024-02-01", 2)):
            assert known_by(items, SubscriptionItems, day(last), day(last), "UTC").height == expected

    def test_shows_an_end_from_its_day_on_and_before_it_none(self):
        """No end, and one that lies ahead, are the same to a month."""
        assert of_item("2024-03-31", "2024-03-31", ended_on=day("2024-04-01"))["ended_on"] is None
        assert of_item("2024-04-30", "2024-04-30", ended_on=day("2024-04-01"))["ended_on"] == day("2024-04-01")

    def test_shows_that_a_trial_has_an_end_before_it_shows_the_day(self):
        """A trial with dates is one whatever its flag says; without an end the flag would decide."""
        found = of_item("2024-01-31", "2024-01-31", trial_started_on=day("2024-01-10"), trial_ends_on=day("2024-02-09"))
        assert (found["trial_started_on"], found["trial_ends_on"]) == (day("2024-01-10"), LATER)
        assert of_item("2024-01-31", "2024-01-31")["trial_ends_on"] is None

    def test_shows_what_happened_only_by_the_day_and_what_is_planned_further(self):
        told = {"cancel_requested_on": day("2024-02-10"), "term_ends_on": day("2024-03-20")}
        found = of_item("2024-01-31", "2024-03-31", **told)
        assert (found["cancel_requested_on"], found["term_ends_on"]) == (None, day("2024-03-20"))

    def test_shows_nothing_of_what_was_told_with_a_later_day(self):
        """Days to value are no sooner known than value."""
        told = {"account_id": "a", "account_key": 1, "is_in_crm": True, "first_seen_on": day("2024-01-01")}
        value = {"first_paid_on": day("2024-01-05"), "value_on": day("2024-02-05"), "value_month": day("2024-02-01")}
        account = rows(DimAccount, {**told, **value, "ttv_days": 31})
        january = known_by(account, DimAccount, day("2024-01-31"), day("2024-01-31"), "UTC").row(0, named=True)
        february = known_by(account, DimAccount, day("2024-02-29"), day("2024-02-29"), "UTC").row(0, named=True)
        assert (january["value_on"], january["value_month"], january["ttv_days"]) == (None, None, None)
        assert (january["first_paid_on"], february["ttv_days"]) == (day("2024-01-05"), 31)


class TestWhatBelongsToTheItem:
    first = {**ITEM, "ended_on": None, "term_ends_on": day("2024-06-01"), "unit_amount": 100}
    second = {**ITEM, "valid_from": day("2024-04-03"), "ended_on": day("2024-03-28"), "unit_amount": 120}

    def of_both(self, *versions: dict[str, object]) -> list[dict[str, object]]:
        return held(rows(SubscriptionItems, *versions), SubscriptionItems).sort("unit_amount").rows(named=True)

    def test_is_what_the_last_version_says_of_it(self):
        asked = {**self.second, "cancel_requested_on": day("2024-03-01")}
        for versions in ((self.first, asked), (asked, self.first)):
            for row in self.of_both(*versions):
                assert (row["ended_on"], row["cancel_requested_on"]) == (day("2024-03-28"), day("2024-03-01"))

    def test_is_taken_back_by_a_last_version_that_says_nothing(self):
        kept = {**self.second, "valid_from": day("2024-05-01"), "ended_on": None, "unit_amount": 130}
        assert [row["ended_on"] for row in self.of_both(self.first, self.second, kept)] == [None, None, None]

    def test_is_told_by_the_last_change_of_one_day(self):
        evening = {**self.second, "ended_on": None, "changed_at": at("2024-04-03T18:00"), "unit_amount": 130}
        morning = {**self.second, "changed_at": at("2024-04-03T09:00")}
        assert [row["ended_on"] for row in self.of_both(evening, morning)] == [None, None]

    def test_is_no_more_than_end_and_request(self):
        terms = [row["term_ends_on"] for row in self.of_both(self.first, self.second)]
        assert terms == [day("2024-06-01"), None]

    def test_is_not_told_by_another_item(self):
        other = {**self.second, "item_id": "j"}
        assert [row["ended_on"] for row in self.of_both(self.first, other)] == [None, day("2024-03-28")]


class TestAnOutcomeWithoutADay:
    """An export that says paid or renewed, and no day; beside one whose day has not come yet."""

    paid = {"invoice_id": "1", "account_id": "a", "issued_on": day("2024-03-01"), "status": "paid", "amount": 100}

    def seen(self, as_of: str, **more: object) -> tuple[object, object]:
        found = seen_on(rows(Invoices, {**self.paid, **more}), Invoices, day(as_of), "UTC").row(0, named=True)
        return found["status"], found["paid_on"]

    def test_counts_on_the_day_it_was_due(self):
        assert self.seen("2024-04-30", due_on=day("2024-03-31")) == ("paid", day("2024-03-31"))

    def test_counts_on_no_day_where_none_was_due(self):
        assert self.seen("2024-04-30") == ("paid", None)

    def test_has_not_come_before_the_day_it_is_due(self):
        assert self.seen("2024-03-30", due_on=day("2024-03-31")) == ("open", None)

    def test_is_another_thing_than_one_of_a_later_day(self):
        told = {"due_on": day("2024-03-31"), "paid_on": day("2024-05-02")}
        assert self.seen("2024-04-30", **told) == ("open", None)
        assert self.seen("2024-05-02", **told) == ("paid", day("2024-05-02"))

    def test_is_not_made_of_an_invoice_that_nobody_paid(self):
        for status in ("open", "void", "draft", "uncollectible"):
            assert self.seen("2024-04-30", status=status, due_on=day("2024-03-31")) == (status, None)

    def test_of_a_renewal_is_the_due_day(self):
        term = {"renewal_id": "1", "outcome": "renewed", "term_started_on": day("2023-03-15")}
        told = rows(Renewals, {**term, "term_ended_on": day("2024-03-15")})
        before, after = (seen_on(told, Renewals, day(text), "UTC") for text in ("2024-03-14", "2024-03-15"))
        assert before.select("outcome", "renewed_on").row(0) == ("open", None)
        assert after.select("outcome", "renewed_on").row(0) == ("renewed", day("2024-03-15"))


class TestEvents:
    def test_are_seen_in_the_month_that_dates_them_in_the_reporting_time_zone(self):
        """Half past eleven in the evening of January in UTC is February in Berlin."""
        ticket = rows(Tickets, {"ticket_id": "t", "status": "open", "created_at": at("2024-01-31T23:30")})
        january, february = day("2024-01-01"), day("2024-02-01")
        assert dated_in(ticket, Tickets, january, january, "UTC").height == 1
        assert dated_in(ticket, Tickets, january, january, "Europe/Berlin").height == 0
        assert dated_in(ticket, Tickets, february, february, "Europe/Berlin").height == 1

    def test_are_seen_from_the_beginning_if_no_first_month_is_named(self):
        tickets = rows(
            Tickets,
            *({"ticket_id": text, "status": "open", "created_at": at(f"{text}-05T00:00")} for text in
              ("1999-12", "2024-01", "2024-02", "2024-03")),
        )  # fmt: skip
        found = dated_in(tickets, Tickets, None, day("2024-02-01"), "UTC")
        assert found["ticket_id"].to_list() == ["1999-12", "2024-01", "2024-02"]

    def test_without_a_day_are_in_no_month(self):
        renewal = rows(Renewals, {"renewal_id": "r", "term_started_on": day("2024-01-01"), "outcome": "open"})
        assert dated_in(renewal, Renewals, None, dt.date(9999, 12, 1), "UTC").is_empty()


ZONES = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu", "America/St_Johns")


@pytest.mark.parametrize("zone", ZONES)
def test_the_hours_around_a_day_and_a_month_are_told_apart_in_every_time_zone(zone):
    begin = at("2024-02-27T00:00")
    instants = [begin + dt.timedelta(minutes=15 * n) for n in range(8 * 96)]
    events = rows(
        UsageEvents, *({"event_id": str(n), "account_id": "a", "occurred_at": i} for n, i in enumerate(instants))
    )
    days = [i.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)).date() for i in instants]
    for last in (day("2024-02-28"), day("2024-02-29"), day("2024-03-01"), day("2024-03-04")):
        seen = seen_on(events, UsageEvents, last, zone)
        assert seen["occurred_at"].to_list() == [i for i, of in zip(instants, days, strict=True) if of <= last]
        known = known_by(events, UsageEvents, last, last, zone)
        assert known["occurred_at"].to_list() == seen["occurred_at"].to_list()
    for month in (2, 3):
        found = dated_in(events, UsageEvents, dt.date(2024, month, 1), dt.date(2024, month, 1), zone)
        assert found["occurred_at"].to_list() == [i for i, of in zip(instants, days, strict=True) if of.month == month]


def test_as_of_sees_no_row_of_a_later_day_and_plans_stay():
    items = rows(SubscriptionItems, {**ITEM, "ended_on": day("2024-06-01")}, {**ITEM, "valid_from": day("2024-03-01")})
    seen = seen_on(items, SubscriptionItems, day("2024-02-15"), "UTC")
    assert seen.select("valid_from", "ended_on").rows() == [(day("2024-01-10"), day("2024-06-01"))]


class TestAnEventOfWhichOnlyALaterDayHasNotCome:
    """`as_of` keeps a row whose own day has come, and empties its later days with what is told on them."""

    def seen(self, contract: type[Contract], as_of: str, *given: dict[str, object]) -> list[dict[str, object]]:
        return seen_on(rows(contract, *given), contract, day(as_of), "UTC").to_dicts()

    def test_a_review_that_was_due_and_is_held_later_is_there_and_not_held(self):
        told = {"executive_present": True, "csm_thumb": "up", "customer_thumb": "down", "rating": "green"}
        review = {
            "activity_id": "r",
            "kind": "review",
            "due_on": day("2024-03-04"),
            "held_on": day("2024-04-02"),
            **told,
        }
        (before,) = self.seen(CsmActivities, "2024-04-01", review)
        assert before["due_on"] == day("2024-03-04")
        assert [before[name] for name in ("held_on", *told)] == [None] * 5
        (after,) = self.seen(CsmActivities, "2024-04-02", review)
        assert [after[name] for name in ("held_on", *told)] == [day("2024-04-02"), *told.values()]

    def test_a_review_held_before_it_is_due_is_there_from_the_day_it_was_held(self):
        review = {"activity_id": "r", "kind": "review", "due_on": day("2024-06-04"), "held_on": day("2024-04-02")}
        assert self.seen(CsmActivities, "2024-04-02", review)[0]["held_on"] == day("2024-04-02")

    def test_a_rating_is_not_there_before_the_day_it_was_given(self):
        rating = {"activity_id": "r", "kind": "sentiment", "held_on": day("2024-04-02"), "rating": "green"}
        assert self.seen(CsmActivities, "2024-04-01", rating) == []

    def test_a_rating_without_a_day_of_its_own_is_known_with_the_solving_of_its_ticket(self):
        ticket = {"ticket_id": "t", "status": "solved", "created_at": at("2024-03-30T08:00"), "satisfaction_score": 4.0}
        solved = {**ticket, "last_solved_at": at("2024-04-02T08:00")}
        (before,), (after,) = (self.seen(Tickets, as_of, solved) for as_of in ("2024-04-01", "2024-04-02"))
        assert (before["last_solved_at"], before["satisfaction_score"], after["satisfaction_score"]) == (None, None, 4)

    def test_a_rating_with_a_day_of_its_own_is_known_from_that_day_on(self):
        ticket = {"ticket_id": "t", "status": "solved", "created_at": at("2024-03-30T08:00"), "satisfaction_score": 4.0}
        rated = {**ticket, "last_solved_at": at("2024-03-31T08:00"), "satisfaction_at": at("2024-04-02T08:00")}
        (before,), (after,) = (self.seen(Tickets, as_of, rated) for as_of in ("2024-04-01", "2024-04-02"))
        assert (before["last_solved_at"], before["satisfaction_score"]) == (at("2024-03-31T08:00"), None)
        assert after["satisfaction_score"] == 4


class TestAnAnswerThatIsGivenAgain:
    def scores(self, as_of: str, *given: tuple[str, float | None]) -> list[float | None]:
        answers = (
            {"export_source": "s", "response_id": "q", "kind": "nps", "responded_at": at(when), "score": score}
            for when, score in given
        )
        return seen_on(rows(SurveyResponses, *answers), SurveyResponses, day(as_of), "UTC")["score"].to_list()

    def test_counts_as_it_was_last_given(self):
        given = (("2024-04-09T08:00", 3.0), ("2024-04-02T08:00", 8.0), ("2024-04-05T08:00", 1.0))
        assert self.scores("2024-04-30", *given) == [3]

    def test_counts_as_it_was_last_given_by_as_of(self):
        given = (("2024-04-02T08:00", 8.0), ("2024-04-09T08:00", 3.0))
        assert [self.scores(as_of, *given) for as_of in ("2024-04-08", "2024-04-09")] == [[8], [3]]

    def test_in_a_later_month_counts_in_both_as_a_month_that_is_over_loses_none(self):
        given = (("2024-04-02T08:00", 8.0), ("2024-05-09T08:00", 3.0), ("2024-04-09T08:00", 5.0))
        assert sorted(self.scores("2024-05-31", *given)) == [3, 5]

    def test_is_of_the_month_in_which_it_was_given_where_the_company_is(self):
        answers = (
            {"export_source": "s", "response_id": "q", "kind": "nps", "responded_at": at(when), "score": score}
            for when, score in (("2024-04-30T21:00", 8.0), ("2024-04-30T23:00", 3.0))
        )
        found = rows(SurveyResponses, *answers)
        assert seen_on(found, SurveyResponses, day("2024-05-31"), "UTC")["score"].to_list() == [3]
        assert sorted(seen_on(found, SurveyResponses, day("2024-05-31"), "Europe/Berlin")["score"]) == [3, 8]

    def test_takes_the_place_of_the_survey_that_was_sent_in_whichever_month(self):
        sent = {"export_source": "s", "response_id": "q", "kind": "nps", "sent_at": at("2024-03-30T08:00")}
        both = rows(SurveyResponses, sent, {**sent, "responded_at": at("2024-04-02T08:00"), "score": 8.0})
        assert [
            seen_on(both, SurveyResponses, day(as_of), "UTC")["score"].to_list()
            for as_of in ("2024-03-31", "2024-04-30")
        ] == [[None], [8]]

    def test_is_two_answers_where_two_sources_use_one_id(self):
        answer = {"response_id": "q", "kind": "nps", "responded_at": at("2024-04-02T08:00")}
        both = rows(SurveyResponses, *({**answer, "export_source": source} for source in ("one", "two")))
        assert seen_on(both, SurveyResponses, day("2024-04-30"), "UTC").height == 2


UNDATED = """
from tests.frames import day
from schemas.customers import AccountLinks
from transforms.visible import dated_in, known_by, seen_on

many = AccountLinks.blank().clear(50_000)
january = day("2024-01-31")
assert seen_on(many, AccountLinks, january, "UTC").height == 50_000
assert known_by(many, AccountLinks, january, january, "UTC").height == 50_000
assert dated_in(many, AccountLinks, None, january, "UTC").height == 0
"""


class TestManyRowsThatNothingDates:
    def test_are_seen_on_every_day_and_dated_in_no_month(self):
        """On several cores, as tests have one: it is there that Polars takes such a filter apart."""
        environment = as_a_user() | {"POLARS_MAX_THREADS": "2"}
        done = subprocess.run(
            [sys.executable, "-c", UNDATED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], False), (["a"], True), (["a", "a"], True), (["a", "b"], False), ([None, None], False), (["a", None], False)],
)
def test_rows_have_one_value_where_each_has_it(values, expected):
    assert is_one(pl.Series(values, dtype=pl.String)) is expected
