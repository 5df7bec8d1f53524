"""Ratings of accounts by their managers, and business reviews."""

from typing import Any

import polars as pl
import pytest

from schemas.billing import FctMrrAccountMonth
from schemas.config import Minimums, Sentiment
from schemas.customers import DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from schemas.success import CsmActivities, FctCsmActivity
from tests.frames import day, declared_days, margins, months, rows
from transforms.declaration import Months
from transforms.exported import Exported
from transforms.facts.activities import given_ratings
from transforms.metrics import reviews, sentiment
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, roll_up

FAR = "2099-12-31"
COLUMNS = {"rating", "held_on", "due_on", "executive_present", "csm_thumb", "customer_thumb"}
BILLING = {"subscription_items": frozenset({"subscription_id"})}
EXPORTED = Exported({"csm_activities": frozenset(COLUMNS), **BILLING})


def rating(on: str, score: float | None, account_id: str = "a", **given: Any) -> dict[str, Any]:
    """A rating, filed under its day."""
    filed = {"month": day(on).replace(day=1), "held_on": day(on), "rating_score": score}
    return {"activity_id": f"{account_id}{on}", "account_id": account_id, "kind": "sentiment", **filed, **given}


def review(due: str | None, held: str | None, account_id: str = "a", **given: Any) -> dict[str, Any]:
    """A review, filed under its due day or else the day it was held."""
    dates = {"due_on": day(due) if due else None, "held_on": day(held) if held else None}
    month = day(due or held or "").replace(day=1)
    named = {"activity_id": f"{account_id}{due}{held}", "account_id": account_id, "kind": "review", "month": month}
    return {**named, **dates, **given}


def paying(*accounts: str, month: str = "2024-06", cents: int = 500) -> list[dict[str, Any]]:
    return [{"month": day(f"{month}-01"), "account_id": account, "closing_cents": cents} for account in accounts]


def activities(*given: dict[str, Any]) -> pl.DataFrame:
    return rows(FctCsmActivity, *given)


def of_parts(found: pl.DataFrame, month: str = "2024-06") -> list[tuple[str, float, float]]:
    named = Parts.validate(found).filter(pl.col("month") == day(f"{month}-01")).sort("account_id")
    return named.select("account_id", "numerator", "denominator").rows()


def around(exported: Exported = EXPORTED, as_of: str = FAR, name: str = "") -> Surroundings:
    ask = REGISTRY[name].unknown_when if name else None
    june = months("2024-06", "2024-06")
    return Surroundings(
        dim_month=june,
        gross_margin=margins(june),
        accounts=AccountSegments(DimAccountMonth.blank(), ()),
        exported=exported,
        minimums=Minimums(),
        as_of=day(as_of),
        provisional_days=declared_days(*filter(None, [name])),
        reasons={name: ask(exported=exported)} if ask else {},
    )


def value(name: str, parts: pl.DataFrame, **given: Any) -> dict[str, Any]:
    return MetricMonth.validate(roll_up(REGISTRY[name], parts, around(name=name, **given))).row(0, named=True)


class TestSentiment:
    calendar = months("2024-01", "2024-06")

    def of(self, name: str, *given: dict[str, Any], accounts: tuple[str, ...] = ("a",)) -> list[Any]:
        facts = rows(FctMrrAccountMonth, *paying(*accounts))
        return of_parts(getattr(sentiment, name)(facts, activities(*given), self.calendar))

    def test_is_the_mean_of_the_accounts_last_ratings(self):
        given = (rating("2024-05-02", 1), rating("2024-06-30", 4), rating("2024-04-20", 1, "b"))
        facts = rows(FctMrrAccountMonth, *paying("a", "b", "c"))
        found = sentiment.csm_sentiment(facts, activities(*given), self.calendar)
        assert of_parts(found) == [("a", 4, 1), ("b", 1, 1)]
        assert value("csm_sentiment", found)["value"] == 2.5

    @pytest.mark.parametrize(("on", "counts"), [("2024-04-01", True), ("2024-03-31", False)])
    def test_a_rating_is_no_older_than_90_days_on_the_last_day(self, on, counts):
        assert self.of("csm_sentiment", rating(on, 3)) == ([("a", 3, 1)] if counts else [])
        assert self.of("sentiment_coverage", rating(on, 3)) == [("a", int(counts), 1)]

    def test_a_rating_after_the_month_is_not_seen(self):
        assert self.of("csm_sentiment", rating("2024-06-10", 2), rating("2024-07-01", 5)) == [("a", 2, 1)]

    def test_in_a_month_that_is_not_over_the_days_are_counted_to_its_last_day(self):
        calendar = months("2024-06", "2024-06", as_of="2024-06-10")
        facts, given = rows(FctMrrAccountMonth, *paying("a")), activities(rating("2024-03-12", 3))
        assert of_parts(sentiment.csm_sentiment(facts, given, calendar)) == [("a", 3, 1)]
        older = activities(rating("2024-03-11", 3))
        assert of_parts(sentiment.csm_sentiment(facts, older, calendar)) == []

    def test_of_two_ratings_on_a_day_the_one_with_the_greater_id_is_the_last(self):
        two = (rating("2024-06-10", 2, activity_id="2"), rating("2024-06-10", 5, activity_id="1"))
        assert self.of("csm_sentiment", *two) == self.of("csm_sentiment", *two[::-1]) == [("a", 2, 1)]

    def test_who_does_not_pay_is_in_nothing(self):
        facts = rows(FctMrrAccountMonth, *paying("a", cents=0))
        given = activities(rating("2024-05-10", 5), rating("2024-06-10", 2))
        for name in ("csm_sentiment", "sentiment_coverage", "sentiment_drop_rate"):
            assert of_parts(getattr(sentiment, name)(facts, given, self.calendar)) == []

    def test_an_activity_without_a_rating_or_a_day_says_nothing(self):
        nothing = (rating("2024-06-10", None), rating("2024-06-11", 4) | {"held_on": None})
        assert self.of("csm_sentiment", *nothing) == []
        assert self.of("sentiment_coverage", *nothing) == [("a", 0, 1)]

    @pytest.mark.parametrize("due", ["2024-01-10", "2024-05-20", "2024-06-01", "2024-12-31"])
    def test_a_rating_counts_from_the_day_it_was_given_whenever_it_was_due(self, due):
        given = {"activity_id": "1", "account_id": "a", "kind": "sentiment", "rating": "orange"}
        told = rows(CsmActivities, {**given, "due_on": day(due), "held_on": day("2024-05-20")})
        facts = rows(FctMrrAccountMonth, *(row for n in (4, 5, 6) for row in paying("a", month=f"2024-0{n}")))
        found = sentiment.csm_sentiment(facts, given_ratings(told, Sentiment()), self.calendar)
        assert [of_parts(found, f"2024-0{n}") for n in (4, 5, 6)] == [[], [("a", 2, 1)], [("a", 2, 1)]]


class TestSentimentDrop:
    of = TestSentiment.of
    calendar = TestSentiment.calendar

    def drop(self, *given: dict[str, Any]) -> list[Any]:
        return self.of("sentiment_drop_rate", *given)

    @pytest.mark.parametrize(("now", "dropped"), [(2, 1), (3, 0), (4, 0)])
    def test_is_a_last_rating_below_the_last_one_before_the_month(self, now, dropped):
        assert self.drop(rating("2024-05-31", 3), rating("2024-06-01", now)) == [("a", dropped, 1)]

    def test_compares_the_last_of_the_month_with_the_last_before(self):
        given = (rating("2024-03-01", 5), rating("2024-05-31", 2), rating("2024-06-03", 1), rating("2024-06-30", 3))
        assert self.drop(*given) == [("a", 0, 1)]

    def test_the_rating_before_may_be_of_any_age(self):
        assert self.drop(rating("2020-01-01", 3), rating("2024-06-01", 1)) == [("a", 1, 1)]

    def test_rated_only_before_or_only_in_the_month_is_in_neither(self):
        assert self.drop(rating("2024-05-31", 3)) == []
        assert self.drop(rating("2024-06-01", 3), rating("2024-06-20", 1)) == []


class TestSentimentMetrics:
    @pytest.mark.parametrize("name", ["csm_sentiment", "sentiment_coverage", "sentiment_drop_rate"])
    @pytest.mark.parametrize(
        ("exported", "reason"),
        [
            (Exported(BILLING), "source_missing"),
            (Exported({"csm_activities": frozenset(COLUMNS)}), "source_missing"),
            (Exported({"csm_activities": frozenset(COLUMNS - {"rating"}), **BILLING}), "not_exported"),
            (Exported({"csm_activities": frozenset(COLUMNS - {"held_on"}), **BILLING}), "not_exported"),
            (EXPORTED, "zero_denominator"),
        ],
    )
    def test_say_why_they_are_unknown(self, name, exported, reason):
        assert value(name, Parts.blank(), exported=exported)["null_reason"] == reason

    def test_have_an_interval_where_they_count_accounts(self):
        names = ("csm_sentiment", "sentiment_coverage", "sentiment_drop_rate")
        assert [REGISTRY[name].independent for name in names] == [False, True, True]
        assert {REGISTRY[name].asset for name in names} == {"csm_sentiment"}

    def test_survive_empty_inputs(self):
        for name in ("csm_sentiment", "sentiment_coverage", "sentiment_drop_rate"):
            found = getattr(sentiment, name)(rows(FctMrrAccountMonth), activities(), months("2024-06", "2024-06"))
            assert of_parts(found) == []


class TestReviewsHeld:
    def held(self, *given: dict[str, Any], as_of: str = FAR, month: str = "2024-06") -> list[Any]:
        return of_parts(reviews.ebr_held_rate(activities(*given), day(as_of)), month)

    @pytest.mark.parametrize(
        ("held_on", "held"),
        [("2024-06-10", 1), ("2024-05-02", 1), ("2024-07-10", 1), ("2024-07-11", 0), (None, 0)],
    )
    def test_is_held_by_the_thirtieth_day_after_the_due_day(self, held_on, held):
        assert self.held(review("2024-06-10", held_on)) == [("a", held, 1)]

    @pytest.mark.parametrize(("as_of", "parts"), [("2024-07-09", []), ("2024-07-10", [("a", 0, 1)])])
    def test_open_and_younger_is_in_neither(self, as_of, parts):
        assert self.held(review("2024-06-10", None), as_of=as_of) == parts

    def test_held_is_known_on_the_day(self):
        assert self.held(review("2024-06-10", "2024-06-12"), as_of="2024-06-12") == [("a", 1, 1)]

    def test_a_review_that_is_not_due_yet_is_in_neither(self):
        early = review("2024-06-10", "2024-06-01")
        assert self.held(early, as_of="2024-06-09") == []
        assert self.held(early, as_of="2024-06-10") == [("a", 1, 1)]

    def test_counts_reviews_in_the_month_they_were_due(self):
        given = (review("2024-06-30", "2024-07-02"), review("2024-06-01", None), review("2024-07-01", "2024-06-20"))
        assert self.held(*given) == [("a", 1, 2)]
        assert self.held(*given, month="2024-07") == [("a", 1, 1)]

    def test_unscheduled_reviews_and_ratings_are_in_neither(self):
        assert self.held(review(None, "2024-06-10"), rating("2024-06-10", 3) | {"due_on": day("2024-06-10")}) == []

    def test_stays_provisional_until_the_thirtieth_day_after_the_month(self):
        parts = reviews.ebr_held_rate(activities(review("2024-06-10", None)), day(FAR))
        assert value("ebr_held_rate", parts, as_of="2024-07-29")["is_provisional"] is True
        found = value("ebr_held_rate", parts, as_of="2024-07-30")
        assert (found["is_provisional"], found["value"], found["observations"]) == (False, 0, 1)


class TestReviewsWithAnExecutive:
    def executive(self, *given: dict[str, Any], month: str = "2024-06") -> list[Any]:
        return of_parts(reviews.ebr_executive_rate(activities(*given)), month)

    @pytest.mark.parametrize(("present", "counts"), [(True, 1), (False, 0), (None, 0)])
    def test_empty_is_no(self, present, counts):
        assert self.executive(review("2024-06-10", "2024-06-10", executive_present=present)) == [("a", counts, 1)]

    def test_counts_reviews_in_the_month_they_were_held_unscheduled_ones_too(self):
        given = (
            review("2024-06-10", None, executive_present=True),
            review("2024-06-30", "2024-07-01", executive_present=True),
            review("2023-01-10", "2024-06-30"),
            review(None, "2024-06-01", executive_present=True),
        )
        assert self.executive(*given) == [("a", 1, 2)]
        assert self.executive(*given, month="2024-07") == [("a", 1, 1)]

    @pytest.mark.parametrize("due", ["2022-06-10", "2024-05-31", "2024-07-01", "2024-08-31", "2031-01-01"])
    def test_a_review_counts_in_the_month_it_was_held_however_long_before_or_after_it_was_due(self, due):
        early = review(due, "2024-06-01", executive_present=True)
        assert self.executive(early) == [("a", 1, 1)]
        assert [self.executive(early, month=month) for month in ("2024-05", "2024-07", "2024-08")] == [[], [], []]

    @pytest.mark.parametrize("name", ["ebr_executive_rate", "ebr_positive_rate"])
    def test_reads_of_the_activities_those_held_in_the_month_and_no_others(self, name):
        assert REGISTRY[name].reads == {"csm_activities": Months(by="held_on")}

    @pytest.mark.parametrize("name", ["ebr_executive_rate", "ebr_positive_rate"])
    def test_is_final_on_the_last_day_of_the_month(self, name):
        parts = getattr(reviews, name)(activities(review("2024-06-10", "2024-06-10", csm_thumb="up")))
        assert value(name, parts, as_of="2024-06-29")["is_provisional"] is True
        assert value(name, parts, as_of="2024-06-30")["is_provisional"] is False

    def test_a_rating_is_no_review(self):
        assert self.executive(rating("2024-06-10", 3)) == []


class TestReviewsSeenPositively:
    def positive(self, *given: dict[str, Any]) -> list[Any]:
        return of_parts(reviews.ebr_positive_rate(activities(*given)))

    @pytest.mark.parametrize(
        ("of_csm", "of_customer", "parts"),
        [
            ("up", "up", [("a", 2, 2)]),
            ("up", "down", [("a", 1, 2)]),
            ("down", "down", [("a", 0, 2)]),
            ("up", None, [("a", 1, 1)]),
            (None, "down", [("a", 0, 1)]),
            (None, None, []),
        ],
    )
    def test_counts_the_thumbs_of_both(self, of_csm, of_customer, parts):
        assert self.positive(review("2024-06-10", "2024-06-10", csm_thumb=of_csm, customer_thumb=of_customer)) == parts

    def test_counts_on_reviews_that_were_held(self):
        assert self.positive(review("2024-06-10", None, csm_thumb="up")) == []
        assert self.positive(review("2024-05-10", "2024-06-01", csm_thumb="up")) == [("a", 1, 1)]

    def test_has_thumbs_as_observations_and_no_interval(self):
        found = value("ebr_positive_rate", reviews.ebr_positive_rate(
            activities(review("2024-06-10", "2024-06-10", csm_thumb="up", customer_thumb="down"))))  # fmt: skip
        assert (found["value"], found["observations"], found["ci_low"]) == (0.5, 2, None)


class TestReviewMetrics:
    @pytest.mark.parametrize(
        ("without", "held", "executive", "positive"),
        [
            ({"due_on"}, "not_exported", None, None),
            ({"executive_present"}, None, "not_exported", None),
            ({"csm_thumb"}, None, None, None),
            ({"customer_thumb"}, None, None, None),
            ({"csm_thumb", "customer_thumb"}, None, None, "not_exported"),
            ({"held_on"}, "not_exported", "not_exported", "not_exported"),
            (COLUMNS, "not_exported", "not_exported", "not_exported"),
        ],
    )
    def test_say_why_they_are_unknown(self, without, held, executive, positive):
        given = activities(review("2024-06-10", "2024-06-10", csm_thumb="up", customer_thumb="down"))
        exported = Exported({"csm_activities": frozenset(COLUMNS - without)})
        found = {
            "ebr_held_rate": reviews.ebr_held_rate(given, day(FAR)),
            "ebr_executive_rate": reviews.ebr_executive_rate(given),
            "ebr_positive_rate": reviews.ebr_positive_rate(given),
        }
        reasons = [value(name, parts, exported=exported)["null_reason"] for name, parts in found.items()]
        assert reasons == [held, executive, positive]

    def test_have_no_source_without_activities(self):
        for name in ("ebr_held_rate", "ebr_executive_rate", "ebr_positive_rate"):
            assert value(name, Parts.blank(), exported=Exported({}))["null_reason"] == "source_missing"

    def test_lie_in_one_asset(self):
        names = ("ebr_held_rate", "ebr_executive_rate", "ebr_positive_rate")
        assert {REGISTRY[name].asset for name in names} == {"ebr_held_rate"}

    def test_are_the_same_for_shuffled_rows(self):
        given = [
            review(f"2024-06-{n:02}", f"2024-06-{n:02}", csm_thumb="up", executive_present=n > 3) for n in range(1, 9)
        ]
        for function in (reviews.ebr_executive_rate, reviews.ebr_positive_rate):
            assert function(activities(*given)).equals(function(activities(*given[::-1])))
