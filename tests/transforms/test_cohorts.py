"""Why accounts left, what is left of those who came, and which features are used."""

from typing import Any

import polars as pl
import pytest

from schemas.billing import CohortRetention, FctMrrAccountMonth
from schemas.customers import DimAccount
from schemas.product import FctFeatureAccountMonth, FeatureMonth
from schemas.success import ChurnEvents, ChurnReasonMonth
from tests.frames import day, months, rows
from transforms.facts.cohorts import churn_reason_month, cohort_retention
from transforms.facts.features import feature_month

HALF_YEAR = months("2024-01", "2024-06")
QUARTER, FEBRUARY = months("2024-01", "2024-03"), months("2024-02", "2024-02")


def month(text: str) -> Any:
    return day(f"{text}-01")


def account(when: str, opening: int, closing: int, account_id: str = "a", fx: int = 0) -> dict[str, Any]:
    churned = opening if closing == 0 else 0
    money = {"opening_cents": opening, "closing_cents": closing, "churned_cents": churned, "fx_cents": fx}
    return {"month": month(when), "account_id": account_id, **money}


class TestChurnReasons:
    def event(self, on: str, reason: str | None, account_id: str = "a", number: str = "") -> dict[str, Any]:
        return {"churn_event_id": number or on, "account_id": account_id, "churned_on": day(on), "reason": reason}

    def reasons(self, *events: dict[str, Any], facts: tuple[dict[str, Any], ...] = ()) -> list[Any]:
        left = facts or (account("2024-04", 500, 0),)
        found = churn_reason_month(rows(FctMrrAccountMonth, *left), rows(ChurnEvents, *events), HALF_YEAR)
        return [(f"{when:%m}", *rest) for when, *rest in ChurnReasonMonth.validate(found).rows()]

    def test_count_accounts_and_their_mrr_by_reason(self):
        left = [account("2024-04", n * 100, 0, str(n)) for n in (1, 2, 3, 4)]
        events = (
            self.event("2024-04-02", "price", "1"),
            self.event("2024-04-09", "price", "2"),
            self.event("2024-04-30", "support", "3"),
        )
        assert self.reasons(*events, facts=tuple(left)) == [
            ("04", "(unknown)", 1, 400),
            ("04", "price", 2, 300),
            ("04", "support", 1, 300),
        ]

    def test_who_stays_or_only_shrinks_has_not_churned(self):
        stays = (account("2024-04", 500, 100), account("2024-04", 0, 100, "b"))
        assert self.reasons(self.event("2024-04-02", "price"), facts=stays) == []

    @pytest.mark.parametrize(
        ("on", "reason"),
        [
            ("2024-01-31", "(unknown)"),
            ("2024-02-01", "price"),
            ("2024-04-01", "price"),
            ("2024-04-30", "price"),
            ("2024-06-30", "price"),
            ("2024-07-01", "(unknown)"),
        ],
    )
    def test_a_record_counts_from_two_months_before_to_two_months_after(self, on, reason):
        assert self.reasons(self.event(on, "price")) == [("04", reason, 1, 500)]

    def test_the_last_record_of_the_month_speaks(self):
        events = (self.event("2024-04-02", "price"), self.event("2024-04-20", "support"))
        assert self.reasons(*events) == self.reasons(*events[::-1]) == [("04", "support", 1, 500)]

    def test_a_record_of_the_month_speaks_before_any_nearer_to_another(self):
        events = (self.event("2024-04-15", "price"), self.event("2024-05-01", "support"))
        assert self.reasons(*events) == [("04", "price", 1, 500)]

    @pytest.mark.parametrize(
        ("before", "after", "reason"),
        [("2024-03-31", "2024-05-02", "before"), ("2024-03-30", "2024-05-01", "after")],
    )
    def test_outside_the_month_the_nearest_speaks(self, before, after, reason):
        events = (self.event(before, "before"), self.event(after, "after"))
        assert self.reasons(*events) == [("04", reason, 1, 500)]

    def test_of_two_as_near_the_later_speaks_and_on_one_day_the_greater_id(self):
        assert self.reasons(self.event("2024-03-30", "before"), self.event("2024-05-02", "after"))[0][1] == "after"
        same = (self.event("2024-04-02", "one", number="1"), self.event("2024-04-02", "two", number="2"))
        assert self.reasons(*same)[0][1] == self.reasons(*same[::-1])[0][1] == "two"

    def test_a_record_without_a_reason_gives_none(self):
        assert self.reasons(self.event("2024-04-20", None)) == [("04", "(unknown)", 1, 500)]
        assert self.reasons(self.event("2024-04-20", None), self.event("2024-03-20", "price"))[0][1] == "price"

    def test_a_record_of_another_account_gives_none(self):
        assert self.reasons(self.event("2024-04-20", "price", "b")) == [("04", "(unknown)", 1, 500)]

    def test_an_account_that_leaves_twice_counts_twice(self):
        twice = (account("2024-02", 500, 0), account("2024-05", 300, 0))
        events = (self.event("2024-02-20", "price"), self.event("2024-05-02", "support"))
        assert self.reasons(*events, facts=twice) == [("02", "price", 1, 500), ("05", "support", 1, 300)]

    def test_has_the_months_asked_for_alone_and_survives_empty_inputs(self):
        facts = rows(FctMrrAccountMonth, account("2023-12", 500, 0), account("2024-07", 500, 0))
        assert churn_reason_month(facts, rows(ChurnEvents), HALF_YEAR).is_empty()
        nothing = churn_reason_month(rows(FctMrrAccountMonth), rows(ChurnEvents), HALF_YEAR)
        assert nothing.schema == ChurnReasonMonth.blank().schema


class TestCohorts:
    def first(self, account_id: str, on: str | None) -> dict[str, Any]:
        return {"account_id": account_id, "first_paid_on": day(on) if on else None}

    def cohorts(
        self,
        accounts: list[dict[str, Any]],
        facts: list[dict[str, Any]],
        calendar: pl.DataFrame = QUARTER,
    ) -> list[Any]:
        """(cohort, age, accounts, kept, MRR then, kept, now)"""
        found = cohort_retention(rows(FctMrrAccountMonth, *facts), rows(DimAccount, *accounts), calendar)
        return [(f"{cohort:%m}", *rest) for _, cohort, *rest in CohortRetention.validate(found).rows()]

    def test_follow_accounts_from_the_month_of_their_first_payment(self):
        accounts = [self.first("a", "2024-01-05"), self.first("b", "2024-01-31"), self.first("c", "2024-02-01")]
        facts = [
            account("2024-01", 0, 500),
            account("2024-02", 500, 800),
            account("2024-03", 800, 800),
            account("2024-01", 0, 100, "b"),
            account("2024-02", 100, 40, "b"),
            account("2024-03", 40, 0, "b"),
            account("2024-02", 0, 70, "c"),
            account("2024-03", 70, 70, "c"),
        ]
        assert self.cohorts(accounts, facts) == [
            ("01", 0, 2, 2, 600, 600, 600),
            ("01", 1, 2, 2, 600, 540, 840),
            ("02", 0, 1, 1, 70, 70, 70),
            ("01", 2, 2, 1, 600, 500, 800),
            ("02", 1, 1, 1, 70, 70, 70),
        ]

    def test_who_left_and_came_back_is_kept(self):
        facts = [account("2024-01", 0, 500), account("2024-02", 500, 0), account("2024-03", 0, 300)]
        assert self.cohorts([self.first("a", "2024-01-05")], facts) == [
            ("01", 0, 1, 1, 500, 500, 500),
            ("01", 1, 1, 0, 500, 0, 0),
            ("01", 2, 1, 1, 500, 300, 300),
        ]

    def test_what_rates_moved_since_is_taken_out(self):
        facts = [account("2024-01", 0, 500), account("2024-02", 500, 530, fx=30), account("2024-03", 530, 490, fx=-60)]
        assert [row[-2:] for row in self.cohorts([self.first("a", "2024-01-05")], facts)] == [
            (500, 500),
            (500, 500),
            (500, 520),  # 490 + 30, as rates took 30 of it in the two months
        ]

    def test_rates_never_make_it_less_than_nothing(self):
        facts = [account("2024-01", 0, 500), account("2024-02", 500, 900, fx=400), account("2024-03", 900, 50)]
        assert self.cohorts([self.first("a", "2024-01-05")], facts)[-1] == ("01", 2, 1, 1, 500, 0, 0)

    def test_bought_and_ended_inside_one_month_is_of_the_cohort_but_not_kept(self):
        accounts = [self.first("a", "2024-01-05"), self.first("b", "2024-01-05")]
        facts = [account("2024-01", 0, 500), account("2024-03", 0, 90, "b")]
        assert self.cohorts(accounts, facts)[0] == ("01", 0, 2, 1, 500, 500, 500)
        assert self.cohorts(accounts, facts)[2] == ("01", 2, 2, 1, 500, 0, 90)

    def test_who_began_before_the_first_computed_month_is_in_no_cohort(self):
        accounts = [self.first("a", "2023-12-31"), self.first("b", "2024-01-05")]
        facts = [account("2024-01", 500, 500), account("2024-01", 0, 90, "b")]
        assert self.cohorts(accounts, facts)[0] == ("01", 0, 1, 1, 90, 90, 90)

    def test_who_never_paid_or_pays_later_is_not_there(self):
        accounts = [self.first("a", None), self.first("b", "2024-03-05")]
        facts = [account("2024-01", 0, 90, "c"), account("2024-03", 0, 70, "b")]
        assert [row[:2] for row in self.cohorts(accounts, facts)] == [("03", 0)]

    def test_a_month_is_the_same_alone_and_with_later_ones(self):
        accounts = [self.first("a", "2024-01-05")]
        facts = [account("2024-01", 0, 500), account("2024-02", 500, 530, fx=30), account("2024-03", 530, 490, fx=-60)]
        alone = self.cohorts(accounts, facts[:2], months("2024-02", "2024-02"))
        assert alone == self.cohorts(accounts, facts)[1:2]
        assert self.cohorts(accounts, facts[::-1]) == self.cohorts(accounts, facts)

    def test_survive_empty_inputs(self):
        assert self.cohorts([], []) == []
        assert self.cohorts([self.first("a", "2024-01-05")], []) == []


class TestFeatures:
    def used(self, when: str, feature: str, account_id: str = "a", **given: Any) -> dict[str, Any]:
        counts = {"active_users": 2, "events": 10, "errors": 1}
        return {"month": month(when), "account_id": account_id, "feature": feature, **counts, **given}

    paying = [account(when, 0, 5, name) for when in ("2024-01", "2024-02") for name in "abcd"]

    def features(
        self,
        *used: dict[str, Any],
        facts: list[dict[str, Any]] | None = None,
        calendar: pl.DataFrame = FEBRUARY,
    ) -> list[dict[str, Any]]:
        facts = self.paying if facts is None else facts
        found = feature_month(rows(FctFeatureAccountMonth, *used), rows(FctMrrAccountMonth, *facts), calendar)
        return FeatureMonth.validate(found).to_dicts()

    def test_adoption_is_the_share_of_paying_accounts_that_used_it(self):
        (row,) = self.features(
            self.used("2024-02", "x"), self.used("2024-02", "x", "b"), self.used("2024-02", "x", "z")
        )
        assert (row["accounts_using"], row["paying_accounts"], row["adoption"]) == (2, 4, 0.5)

    def test_users_events_and_errors_are_those_of_all_accounts(self):
        (row,) = self.features(self.used("2024-02", "x"), self.used("2024-02", "x", "z", errors=None))
        assert (row["users"], row["events"], row["errors"]) == (4, 20, 1)

    def test_what_is_not_exported_is_unknown_not_zero(self):
        (row,) = self.features(self.used("2024-02", "x", active_users=None, errors=None))
        assert (row["users"], row["errors"]) == (None, None)

    def test_change_is_that_of_adoption_on_the_month_before(self):
        given = (self.used("2024-01", "x"), self.used("2024-02", "x"), self.used("2024-02", "x", "b"))
        (row,) = self.features(*given)
        assert row["adoption_change"] == 0.25

    def test_a_feature_that_nobody_used_before_rises_from_zero(self):
        _, new = self.features(self.used("2024-01", "old"), self.used("2024-02", "old"), self.used("2024-02", "x"))
        assert (new["feature"], new["adoption_change"]) == ("x", 0.25)

    def test_a_feature_that_nobody_uses_any_more_falls_to_zero_and_is_gone_a_month_later(self):
        given = (self.used("2024-01", "x"), self.used("2024-01", "y"), self.used("2024-02", "y"))
        gone = self.features(*given)[0]
        assert (gone["feature"], gone["adoption"], gone["adoption_change"], gone["events"]) == ("x", 0, -0.25, 0)
        assert self.features(*given, calendar=months("2024-03", "2024-03"))[0]["feature"] == "y"

    def test_without_a_month_before_there_is_no_change(self):
        assert self.features(self.used("2024-02", "x"))[0]["adoption_change"] is None  # no use of anything in January
        nobody = [row for row in self.paying if row["month"] == month("2024-02")]
        given = (self.used("2024-01", "x"), self.used("2024-02", "x"))
        assert self.features(*given, facts=nobody)[0]["adoption_change"] is None

    def test_without_paying_accounts_there_is_no_adoption(self):
        (row,) = self.features(self.used("2024-02", "x"), facts=[account("2024-02", 5, 0)])
        assert (row["paying_accounts"], row["adoption"], row["adoption_change"], row["events"]) == (0, None, None, 10)

    def test_is_the_same_for_shuffled_rows_and_survives_empty_inputs(self):
        given = [self.used("2024-02", f"x{n % 3}", "abcd"[n % 4], events=n) for n in range(12)]
        given = list({(row["feature"], row["account_id"]): row for row in given}.values())
        assert self.features(*given) == self.features(*given[::-1])
        assert self.features() == []
        assert self.features(facts=[]) == []
