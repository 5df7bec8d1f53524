"""The health of paying accounts: inputs, scores, bands, and the metrics of them."""

from typing import Any

import polars as pl
import pytest

from schemas.billing import FctInvoice, FctMrrAccountMonth
from schemas.config import Health, Minimums
from schemas.customers import DimAccountMonth
from schemas.feedback import FctSurveyResponse
from schemas.metrics import Parts
from schemas.product import FctUsageAccountMonth
from schemas.success import FctCsmActivity, FctHealthInput, FctHealthScore, Milestones
from schemas.support import FctTicket
from tests.frames import at, config, day, margins, months, rows
from transforms.exported import Exported
from transforms.facts.health import fct_health_input, fct_health_score
from transforms.facts.milestones import milestone_progress
from transforms.metrics import risk
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, null_with, roll_up

EVERYTHING = {
    "subscription_items": {"seats"},
    "usage_events": {"user_id"},
    "tickets": {"created_at"},
    "survey_responses": {"score"},
    "invoices": {"due_on", "paid_on"},
    "csm_activities": {"rating", "held_on"},
    "milestones": {"milestone"},
}
STEPS = [{"name": name, "within_days": 30} for name in ("kickoff", "project", "report", "invited")]
JUNE = months("2024-06", "2024-06")
OPEN_JUNE = months("2024-06", "2024-06", as_of="2024-06-29")


def month(text: str) -> Any:
    return day(f"{text}-01")


def paying(account_id: str = "a", when: str = "2024-06", cents: int = 100, seats: int | None = 10) -> dict[str, Any]:
    return {"month": month(when), "account_id": account_id, "closing_cents": cents, "seats": seats}


def inputs(
    accounts: tuple[dict[str, Any], ...] = (paying(),),
    usage: tuple[dict[str, Any], ...] = (),
    tickets: tuple[dict[str, Any], ...] = (),
    answers: tuple[dict[str, Any], ...] = (),
    invoices: tuple[dict[str, Any], ...] = (),
    activities: tuple[dict[str, Any], ...] = (),
    milestones: tuple[dict[str, Any], ...] = (),
    calendar: pl.DataFrame = JUNE,
    without: tuple[str, ...] = (),
    steps: list[dict[str, Any]] = STEPS,
    **settings: Any,
) -> pl.DataFrame:
    """`fct_health_input` where every source is there but those named in `without` (tables, or table.column)."""
    gone = {need.partition(".")[::2] for need in without}
    exported = Exported(
        {
            table: frozenset(name for name in columns if (table, name) not in gone)
            for table, columns in EVERYTHING.items()
            if (table, "") not in gone
        }
    )
    mrr, onboarding = rows(FctMrrAccountMonth, *accounts), config(onboarding={"milestones": steps}).onboarding
    found = fct_health_input(
        fct_mrr_account_month=mrr,
        fct_usage_account_month=rows(FctUsageAccountMonth, *usage),
        fct_ticket=rows(FctTicket, *tickets),
        fct_survey_response=rows(FctSurveyResponse, *answers),
        fct_invoice=rows(FctInvoice, *invoices),
        given_ratings=rows(FctCsmActivity, *activities).drop_nulls("rating_score"),
        milestone_progress=milestone_progress(mrr, rows(Milestones, *milestones), calendar, onboarding),
        dim_month=calendar,
        health=Health(**settings),
        exported=exported,
    )
    return FctHealthInput.validate(found)


def said(name: str, found: pl.DataFrame, when: str = "2024-06") -> list[tuple[Any, ...]]:
    """Account, raw and score of one input in one month."""
    wanted = found.filter((pl.col("input") == name) & (pl.col("month") == month(when)))
    return wanted.select("account_id", "raw", "score").rows()


def users(count: int, when: str = "2024-06", account_id: str = "a") -> dict[str, Any]:
    return {"month": month(when), "account_id": account_id, "active_users": count}


class TestPoints:
    @pytest.mark.parametrize(("active", "points"), [(0, 0), (2, 25), (4, 50), (6, 75), (8, 100), (9, 100), (40, 100)])
    def test_are_linear_between_two_values_and_clipped(self, active, points):
        found = said("usage_rate", inputs(usage=(users(active),)))
        assert [score for _, _, score in found] == [points]  # 6 of 10 is 75 exactly, on the border of green

    def test_fall_where_less_is_better(self):
        tickets = tuple(
            {"ticket_id": f"{n}", "account_id": "a", "month": month("2024-06"), "counts": True} for n in range(7)
        )
        for count, points in ((0, 100), (1, 80), (4, 20), (5, 0), (7, 0)):
            found = said("tickets", inputs(tickets=tickets[:count]))
            assert found == [("a", count, points)]
            assert str(found[0][2]) != "-0.0"

    def test_and_weights_come_from_the_config(self):
        declared = {"usage_rate": {"weight": 3, "zero_at": 0.2, "full_at": 0.7}}
        found = inputs(usage=(users(3),), inputs=declared)
        assert found.select("input", "weight").rows() == [("usage_rate", 3.0)]
        assert said("usage_rate", found)[0][2] == pytest.approx(20)

    def test_are_for_paying_accounts_of_the_month_alone(self):
        found = inputs(
            (paying("a"), paying("free", cents=0), paying("a", "2024-05")), usage=(users(5, account_id="free"),)
        )
        assert set(found.select("month", "account_id").rows()) == {(month("2024-06"), "a")}

    def test_have_the_weights_of_the_definition(self):
        weights = {name: declared.weight for name, declared in Health().inputs.items()}
        assert sum(weights.values()) == 100
        assert weights["usage_rate"] == 25


def test_inputs_stand_by_month_account_and_name_in_whatever_order_the_facts_come():
    accounts = [paying(account, when) for account in ("b", "a", "c") for when in ("2024-06", "2024-05")]
    usage = [users(number, row["month"].isoformat()[:7], row["account_id"]) for number, row in enumerate(accounts, 1)]
    found = inputs(tuple(accounts), tuple(usage), calendar=months("2024-05", "2024-06"))
    assert found["input"].n_unique() > 2
    assert found.equals(found.sort("month", "account_id", "input"))
    assert found.select("month", "account_id").n_unique() == 6


class TestUsageRate:
    def test_is_active_users_over_seats_and_at_most_all(self):
        accounts = (paying("a"), paying("b"))
        found = inputs(accounts, usage=(users(4), users(25, account_id="b")))
        assert said("usage_rate", found) == [("a", 0.4, 50), ("b", 1, 100)]

    def test_is_zero_for_an_account_that_the_source_never_names(self):
        assert said("usage_rate", inputs()) == [("a", 0, 0)]

    @pytest.mark.parametrize("seats", [None, 0])
    def test_is_missing_without_seats(self, seats):
        assert said("usage_rate", inputs((paying(seats=seats),), usage=(users(4),))) == []

    @pytest.mark.parametrize("need", ["usage_events", "usage_events.user_id", "subscription_items.seats"])
    def test_is_missing_where_no_source_tells_users_or_seats(self, need):
        assert said("usage_rate", inputs(usage=(users(4),), without=(need,))) == []

    def test_is_there_in_an_open_month(self):
        assert said("usage_rate", inputs(usage=(users(4),), calendar=OPEN_JUNE)) == [("a", 0.4, 50)]


class TestUsageTrend:
    before = (users(6, "2024-03"), users(8, "2024-04"), users(10, "2024-05"))

    @pytest.mark.parametrize(("active", "raw", "points"), [(8, 1, 100), (6, 0.75, 50), (4, 0.5, 0), (3, 0.375, 0)])
    def test_compares_with_the_mean_of_the_three_months_before(self, active, raw, points):
        assert said("usage_trend", inputs(usage=(*self.before, users(active)))) == [("a", raw, points)]

    def test_does_not_look_further_back(self):
        assert said("usage_trend", inputs(usage=(*self.before, users(900, "2024-02"), users(6)))) == [("a", 0.75, 50)]

    def test_counts_idle_months_as_zero(self):
        assert said("usage_trend", inputs(usage=(users(12, "2024-04"), users(3)))) == [("a", 0.75, 50)]
        assert said("usage_trend", inputs(usage=self.before)) == [("a", 0, 0)]

    def test_is_missing_where_nobody_was_there_before(self):
        assert said("usage_trend", inputs(usage=(users(5),))) == []
        assert said("usage_trend", inputs(usage=(users(5), users(0, "2024-05")))) == []

    def test_is_missing_in_a_month_that_is_not_over(self):
        usage = (*self.before, users(8))
        assert said("usage_trend", inputs(usage=usage, calendar=OPEN_JUNE)) == []
        assert said("usage_trend", inputs(usage=usage, calendar=months("2024-06", "2024-06", as_of="2024-06-30")))

    def test_is_missing_without_user_ids_but_does_not_need_seats(self):
        assert said("usage_trend", inputs(usage=(*self.before, users(8)), without=("usage_events.user_id",))) == []
        assert said("usage_trend", inputs((paying(seats=None),), usage=(*self.before, users(8)))) == [("a", 1, 100)]


TICKET = {"ticket_id": "1", "account_id": "a", "month": month("2024-06"), "counts": True}


class TestTickets:
    def test_are_counted_per_ten_seats(self):
        assert said("tickets", inputs((paying(seats=40),), tickets=(TICKET,))) == [("a", 0.25, 95)]

    def test_leave_out_merged_ones_spam_and_other_months(self):
        merged = {**TICKET, "ticket_id": "2", "counts": False}
        earlier = {**TICKET, "ticket_id": "3", "month": month("2024-05")}
        assert said("tickets", inputs(tickets=(TICKET, merged, earlier))) == [("a", 1, 80)]

    def test_that_nobody_wrote_are_none_where_there_is_a_source_and_missing_where_there_is_not(self):
        assert said("tickets", inputs()) == [("a", 0, 100)]
        assert said("tickets", inputs(without=("tickets",))) == []

    def test_are_missing_in_a_month_that_is_not_over_and_without_seats(self):
        assert said("tickets", inputs(tickets=(TICKET,), calendar=OPEN_JUNE)) == []
        assert said("tickets", inputs((paying(seats=None),), tickets=(TICKET,))) == []


def answer(on: str, share: float | None, kind: str = "nps", number: str = "1", **given: Any) -> dict[str, Any]:
    scale = {"scale_min": 0, "scale_max": 10} if kind == "nps" else {"scale_min": 1, "scale_max": 5}
    good = None if share is None else scale["scale_min"] + share * (scale["scale_max"] - scale["scale_min"])
    in_month = day(on).replace(day=1)
    responded = {"responded_on": day(on), "responded_at": at(f"{on}T12:00"), "responded_month": in_month}
    return {
        "response_id": number,
        "account_id": "a",
        "kind": kind,
        **scale,
        **responded,
        "month": in_month,
        "good_score": good,
        "share_of_scale": share,
        **given,
    }


class TestFeedback:
    def test_is_the_later_of_the_last_nps_and_the_last_csat_answer(self):
        nps = (answer("2024-05-01", 0.9, number="1"), answer("2024-05-20", 0.4, number="2"))
        csat = answer("2024-05-21", 0.75, "csat", "3")
        assert said("feedback", inputs(answers=nps)) == [("a", 0.4, 40)]
        assert said("feedback", inputs(answers=(*nps, csat))) == [("a", 0.75, 75)]
        assert said("feedback", inputs(answers=(csat, *nps[::-1]))) == [("a", 0.75, 75)]

    def test_takes_the_later_of_two_answers_of_one_day(self):
        early = answer("2024-05-20", 0.1, number="9", responded_at=at("2024-05-20T08:00"))
        late = answer("2024-05-20", 0.7, number="1", responded_at=at("2024-05-20T09:00"))
        for answers in ((early, late), (late, early)):
            assert said("feedback", inputs(answers=answers)) == [("a", 0.7, 70)]

    def test_is_at_most_180_days_old(self):
        assert said("feedback", inputs(answers=(answer("2024-01-02", 0.5),))) == [("a", 0.5, 50)]  # 180 days to 30 June
        assert said("feedback", inputs(answers=(answer("2024-01-01", 0.5),))) == []

    def test_knows_nothing_that_was_said_after_the_last_day(self):
        answers = (answer("2024-06-29", 0.5, number="1"), answer("2024-06-30", 0.9, number="2"))
        assert said("feedback", inputs(answers=answers)) == [("a", 0.9, 90)]
        assert said("feedback", inputs(answers=answers, calendar=OPEN_JUNE)) == [("a", 0.5, 50)]

    def test_counts_in_the_month_of_the_answer_not_that_of_the_survey(self):
        late = answer("2024-06-05", 0.5, month=month("2024-05"))
        found = inputs((paying(when="2024-05"), paying()), answers=(late,), calendar=months("2024-05", "2024-06"))
        assert said("feedback", found, "2024-05") == []
        assert said("feedback", found, "2024-06") == [("a", 0.5, 50)]

    def test_takes_neither_effort_nor_unscored_answers_nor_nps_on_another_scale(self):
        effort = answer("2024-06-03", 0.1, "ces", "2")
        unscored = answer("2024-06-04", None, "csat", "3")
        odd = answer("2024-06-05", 0.1, number="4", scale_min=1)
        answers = (answer("2024-06-02", 0.6, "csat", "1"), effort, unscored, odd)
        assert said("feedback", inputs(answers=answers)) == [("a", 0.6, 60)]

    def test_takes_the_first_of_several_answers_of_one_kind_about_one_ticket_its_rating_included(self):
        survey = answer("2024-05-20", 0.75, "csat", "1", ticket_id="t", ticket_source="all")
        rating = answer("2024-06-02", 0.25, "csat", "ticket:t", ticket_id="t", ticket_source="all")
        sooner = answer("2024-05-19", 0.5, "csat", "ticket:t", ticket_id="t", ticket_source="all")
        of_another = answer("2024-06-02", 0.25, "csat", "ticket:u", ticket_id="u", ticket_source="all")
        assert said("feedback", inputs(answers=(rating, survey))) == [("a", 0.75, 75)]
        assert said("feedback", inputs(answers=(survey, sooner))) == [("a", 0.5, 50)]
        assert said("feedback", inputs(answers=(survey, of_another))) == [("a", 0.25, 25)]


def invoice(
    number: str, issued: str, due: str | None, paid: str | None = None, status: str = "paid", **given: Any
) -> dict[str, Any]:
    dated = {"issued_on": day(issued), "month": day(issued).replace(day=1)}
    known = {"due_on": day(due) if due else None, "paid_on": day(paid) if paid else None}
    asked = {"status": status, "kind": "invoice", "amount": 100}
    return {"invoice_id": number, "account_id": "a", **dated, **known, **asked, **given}


class TestPayment:
    @pytest.mark.parametrize(
        "given", [{"amount": -100, "kind": "credit_note"}, {"amount": 100, "kind": "credit_note"}, {"amount": 0}]
    )
    def test_neither_a_credit_note_nor_an_invoice_of_nothing_is_late(self, given):
        good = invoice("1", "2024-06-01", "2024-06-15", "2024-06-10")
        note = invoice("2", "2024-06-03", "2024-06-03", None, "open", **given)
        assert said("payment", inputs(invoices=(good, note))) == [("a", 1, 100)]
        assert said("payment", inputs(invoices=(note,))) == []

    def test_is_the_share_paid_by_the_due_day(self):
        invoices = (
            invoice("1", "2024-04-01", "2024-04-15", "2024-04-15"),
            invoice("2", "2024-05-01", "2024-05-15", "2024-05-16"),
            invoice("3", "2024-05-02", "2024-05-16", None, "open"),
            invoice("4", "2024-06-01", "2024-06-15", "2024-06-02"),
        )
        assert said("payment", inputs(invoices=invoices)) == [("a", 0.5, 50)]

    def test_looks_at_invoices_issued_in_the_month_and_the_two_before(self):
        good = invoice("1", "2024-04-01", "2024-04-15", "2024-04-10")
        older = invoice("2", "2024-03-31", "2024-04-15", "2024-04-20")
        assert said("payment", inputs(invoices=(good, older))) == [("a", 1, 100)]
        assert said("payment", inputs(invoices=(older,))) == []

    def test_counts_what_is_due_or_paid_by_the_last_day(self):
        due = invoice("1", "2024-06-01", "2024-06-30", None, "open")
        later = invoice("2", "2024-06-01", "2024-07-01", None, "open")
        early = invoice("3", "2024-06-01", "2024-07-01", "2024-06-30")
        assert said("payment", inputs(invoices=(due,))) == [("a", 0, 0)]
        assert said("payment", inputs(invoices=(later,))) == []
        assert said("payment", inputs(invoices=(due, early))) == [("a", 0.5, 50)]

    def test_knows_no_payment_after_the_last_day(self):
        before_due = invoice("1", "2024-06-01", "2024-07-15", "2024-07-01")
        assert said("payment", inputs(invoices=(before_due,))) == []
        after_due = invoice("2", "2024-06-01", "2024-06-15", "2024-07-01")
        assert said("payment", inputs(invoices=(after_due,))) == [("a", 0, 0)]

    @pytest.mark.parametrize(("status", "raw"), [("void", 1), ("draft", 1), ("uncollectible", 0.5), ("open", 0.5)])
    def test_leaves_out_what_is_void_or_a_draft(self, status, raw):
        good = invoice("1", "2024-06-01", "2024-06-15", "2024-06-10")
        bad = invoice("2", "2024-06-01", "2024-06-15", None, status)
        assert [found[1] for found in said("payment", inputs(invoices=(good, bad)))] == [raw]

    def test_says_nothing_of_an_invoice_without_a_due_day(self):
        assert said("payment", inputs(invoices=(invoice("1", "2024-06-01", None, "2024-06-10"),))) == []

    @pytest.mark.parametrize("need", ["invoices", "invoices.due_on", "invoices.paid_on"])
    def test_is_missing_where_it_is_not_exported(self, need):
        assert said("payment", inputs(invoices=(invoice("1", "2024-06-01", "2024-06-15"),), without=(need,))) == []


def rating(number: str, held: str, score: float | None, **given: Any) -> dict[str, Any]:
    dated = {"held_on": day(held), "month": day(held).replace(day=1)}
    return {"activity_id": number, "account_id": "a", "kind": "sentiment", **dated, "rating_score": score, **given}


class TestSentiment:
    def test_is_the_last_rating(self):
        given = (rating("9", "2024-05-01", 5), rating("1", "2024-06-10", 2), rating("8", "2024-06-11", None))
        for activities in (given, given[::-1]):
            assert said("sentiment", inputs(activities=activities)) == [("a", 2, 25)]

    def test_is_at_most_90_days_old(self):
        assert said("sentiment", inputs(activities=(rating("1", "2024-04-01", 3),))) == [("a", 3, 50)]
        assert said("sentiment", inputs(activities=(rating("1", "2024-03-31", 3),))) == []

    def test_knows_nothing_that_was_rated_after_the_last_day(self):
        given = (rating("1", "2024-06-01", 3), rating("2", "2024-06-30", 5))
        assert said("sentiment", inputs(activities=given, calendar=OPEN_JUNE)) == [("a", 3, 50)]

    def test_of_a_month_knows_no_rating_of_the_next_one_that_is_built_with_it(self):
        given = (rating("1", "2024-06-28", 3), rating("2", "2024-07-01", 5))
        accounts = (paying(), paying(when="2024-07"))
        both = inputs(accounts, activities=given, calendar=months("2024-06", "2024-07"))
        assert said("sentiment", both, "2024-06") == [("a", 3, 50)]
        assert said("sentiment", both, "2024-07") == [("a", 5, 100)]


class TestMilestones:
    def reached(self, name: str, on: str, account_id: str = "a") -> dict[str, Any]:
        return {"account_id": account_id, "milestone": name, "reached_on": day(on)}

    def test_are_the_share_of_those_of_the_config_reached_by_the_last_day(self):
        given = (
            self.reached("kickoff", "2019-01-01"),
            self.reached("project", "2024-06-30"),
            self.reached("report", "2024-07-01"),
            self.reached("something else", "2024-06-01"),
        )
        assert said("milestones", inputs(milestones=given)) == [("a", 0.5, 50)]
        assert said("milestones", inputs(milestones=given, calendar=OPEN_JUNE)) == [("a", 0.25, 25)]

    def test_count_once_where_two_customers_became_one_account(self):
        given = (self.reached("kickoff", "2024-01-01"), self.reached("kickoff", "2024-02-01"))
        assert said("milestones", inputs(milestones=given)) == [("a", 0.25, 25)]

    def test_are_zero_for_an_account_that_the_source_never_names(self):
        assert said("milestones", inputs(milestones=(self.reached("kickoff", "2024-01-01", "b"),))) == [("a", 0, 0)]

    def test_are_missing_without_a_source_or_where_the_config_has_none(self):
        assert said("milestones", inputs(without=("milestones",))) == []
        assert said("milestones", inputs(steps=[])) == []


def test_inputs_survive_empty_tables():
    assert inputs(()).schema == FctHealthInput.blank().schema
    assert inputs(calendar=JUNE.clear()).is_empty()
    assert inputs(without=tuple(EVERYTHING)).is_empty()


def test_inputs_are_the_same_for_shuffled_rows():
    accounts = (paying("a"), paying("b"), paying("c"))
    usage = tuple(
        users(count, when, name)
        for count, when, name in [(3, "2024-06", "a"), (4, "2024-05", "b"), (2, "2024-06", "b")]
    )
    answers = tuple(answer("2024-06-01", share, number=f"{share}") for share in (0.1, 0.2, 0.3))
    straight = inputs(accounts, usage=usage, answers=answers)
    assert inputs(accounts[::-1], usage=usage[::-1], answers=answers[::-1]).equals(straight)


def point(name: str, score: float, weight: float, account_id: str = "a", when: str = "2024-06") -> dict[str, Any]:
    keys = {"month": month(when), "account_id": account_id, "input": name}
    return {**keys, "raw": score, "score": score, "weight": weight}


def scores(
    *points: dict[str, Any],
    accounts: tuple[dict[str, Any], ...] = (paying(),),
    calendar: pl.DataFrame = JUNE,
    **settings: Any,
) -> pl.DataFrame:
    found = fct_health_score(
        rows(FctHealthInput, *points), rows(FctMrrAccountMonth, *accounts), calendar, Health(**settings)
    )
    return FctHealthScore.validate(found)


TWO = {
    "usage_rate": {"weight": 60, "zero_at": 0, "full_at": 1},
    "payment": {"weight": 40, "zero_at": 0, "full_at": 1},
}


class TestScore:
    def test_is_the_weighted_mean_of_the_inputs_that_are_there(self):
        found = scores(point("usage_rate", 80, 25), point("usage_trend", 50, 20), point("feedback", 20, 15))
        # (25 × 80 + 20 × 50 + 15 × 20) / 60; nothing stands in for the inputs that are missing
        assert found.select("score", "band", "coverage", "closing_cents").rows() == [(55.0, "yellow", 0.6, 100)]

    def test_is_there_at_exactly_the_coverage_and_not_below(self):
        assert scores(point("usage_rate", 80, 60), inputs=TWO)["score"].to_list() == [80]
        below = scores(point("usage_rate", 80, 60), inputs=TWO, coverage=0.61)
        assert below.select("score", "band", "coverage").rows() == [(None, None, 0.6)]

    def test_meets_the_coverage_also_where_weights_are_fractions(self):
        declared = {
            "usage_rate": {"weight": 0.1, "zero_at": 0, "full_at": 1},
            "tickets": {"weight": 0.7, "zero_at": 0, "full_at": 1},
            "payment": {"weight": 0.2, "zero_at": 0, "full_at": 1},
        }
        given = (point("usage_rate", 80, 0.1), point("payment", 80, 0.2))
        assert scores(*given, inputs=declared, coverage=0.3)["score"].to_list() == [80]

    def test_of_two_accounts_with_equal_means_is_equal_whatever_the_inputs_are(self):
        """Both means are 400/9: of 1/6, 1/2, 1, 1, 0, 0 and of 1/3, 1, 0."""
        names = ("usage_rate", "usage_trend", "tickets", "feedback", "payment", "sentiment")
        declared = {name: {"weight": 1, "zero_at": 0, "full_at": 1} for name in names}
        many = zip(names, (16.666666667, 50, 100, 100, 0, 0), strict=True)
        few = zip(names, (33.333333333, 100, 0), strict=False)
        given = [point(name, s, 1, "a") for name, s in many] + [point(name, s, 1, "b") for name, s in few]
        found = scores(*given, accounts=(paying("a"), paying("b")), inputs=declared, coverage=0)["score"]
        assert found.to_list() == [44.444444, 44.444444]

    def test_is_unknown_for_an_account_without_any_input(self):
        found = scores(point("usage_rate", 80, 60, "b"), accounts=(paying("a"), paying("b")), inputs=TWO)
        assert found.select("account_id", "score", "band", "coverage").rows() == [
            ("a", None, None, 0),
            ("b", 80, "green", 0.6),
        ]

    @pytest.mark.parametrize(
        ("score", "band"),
        [(100, "green"), (75, "green"), (74.99, "yellow"), (50, "yellow"), (49.99, "red"), (0, "red")],
    )
    def test_lies_in_half_open_bands(self, score, band):
        assert scores(point("usage_rate", score, 60), inputs=TWO)["band"].to_list() == [band]

    def test_bands_come_from_the_config(self):
        given = {"inputs": TWO, "green_from": 90, "yellow_from": 80}
        assert scores(point("usage_rate", 89, 60), **given)["band"].to_list() == ["yellow"]
        assert scores(point("usage_rate", 79, 60), **given)["band"].to_list() == ["red"]

    def test_is_on_the_border_of_green_where_every_input_is(self):
        weights = {"usage_rate": 0.3, "payment": 0.3, "tickets": 0.1}
        declared = {name: {"weight": weight, "zero_at": 0, "full_at": 1} for name, weight in weights.items()}
        found = scores(*(point(name, 75, weight) for name, weight in weights.items()), inputs=declared)
        assert found["band"].to_list() == ["green"]

    def test_is_for_accounts_paying_at_month_end_in_the_months_asked_for(self):
        accounts = (paying("a"), paying("gone", cents=0), paying("a", "2024-05"))
        assert scores(accounts=accounts).select("month", "account_id").rows() == [(month("2024-06"), "a")]

    def test_of_the_month_before_is_made_from_the_inputs_of_the_month_before(self):
        given = (
            point("usage_rate", 80, 60),
            point("usage_rate", 30, 60, when="2024-05"),
            point("usage_rate", 90, 60, when="2024-04"),
            point("usage_rate", 40, 60, "new"),
            point("payment", 40, 40, "thin", "2024-05"),
        )
        accounts = tuple(paying(name) for name in ("a", "new", "thin"))
        found = scores(*given, accounts=accounts, inputs=TWO)
        assert found.select("account_id", "score", "previous_score").rows() == [
            ("a", 80, 30),
            ("new", 40, None),
            ("thin", None, None),
        ]

    def test_is_the_same_for_shuffled_rows(self):
        given = [point("usage_rate", 33.3, 0.1), point("payment", 66.1, 0.7), point("tickets", 0.7, 0.2)]
        assert scores(*given[::-1]).equals(scores(*given))

    def test_survives_empty_inputs(self):
        assert scores(accounts=()).schema == FctHealthScore.blank().schema
        assert scores(point("usage_rate", 80, 25), calendar=JUNE.clear()).is_empty()


def scored(account_id: str, score: float | None, band: str | None, cents: int) -> dict[str, Any]:
    return {"month": month("2024-06"), "account_id": account_id, "score": score, "band": band, "closing_cents": cents}


GIVEN = (
    scored("a", 0.0, "red", 700),
    scored("b", 90.0, "green", 200),
    scored("c", 60.0, "yellow", 300),
    scored("f", 60.0, "yellow", 30),
    scored("g", 60.0, "yellow", 3),
    scored("d", None, None, 5_000),
    scored("e", 30.0, "red", 50),
)


def company(name: str, *given: dict[str, Any]) -> pl.DataFrame:
    around = Surroundings(
        dim_month=JUNE,
        gross_margin=margins(JUNE),
        accounts=AccountSegments(DimAccountMonth.blank(), ()),
        exported=Exported({"subscription_items": frozenset()}),
        minimums=Minimums(),
        as_of=day("2024-12-31"),
    )
    found = getattr(risk, name)(rows(FctHealthScore, *given))
    return roll_up(REGISTRY[name], Parts.validate(found), around)


class TestHealthMetrics:
    @pytest.mark.parametrize(
        ("name", "value", "numerator", "denominator"),
        [
            ("health_score", 50, 300, 6),
            ("healthy_share", 1 / 6, 1, 6),
            ("at_risk_share", 2 / 6, 2, 6),
            ("mrr_at_risk", 750, 750, None),
        ],
    )
    def test_count_accounts_that_are_scored(self, name, value, numerator, denominator):
        found = company(name, *GIVEN)
        assert found.select("value", "numerator", "denominator").rows() == [(value, numerator, denominator)]

    def test_have_an_interval_only_for_shares_of_accounts(self):
        there = {
            name: company(name, *GIVEN)["ci_low"][0] is not None
            for name in ("health_score", "healthy_share", "at_risk_share")
        }
        assert there == {"health_score": False, "healthy_share": True, "at_risk_share": True}

    def test_know_no_money_at_risk_where_nobody_is_scored(self):
        unscored = scored("d", None, None, 5_000)
        assert REGISTRY["mrr_at_risk"].null_with == "health_score"
        found = null_with(company("mrr_at_risk", unscored), company("health_score", unscored))
        assert found.select("value", "null_reason").rows() == [(None, "zero_denominator")]
        nobody_red = scored("b", 90.0, "green", 200)
        safe = null_with(company("mrr_at_risk", nobody_red), company("health_score", nobody_red))
        assert safe.select("value", "null_reason").rows() == [(0, None)]

    def test_lead_and_lie_in_one_asset(self):
        for name in ("health_score", "healthy_share", "at_risk_share", "mrr_at_risk"):
            metric = REGISTRY[name]
            assert (metric.asset, metric.signal, metric.over_time) == ("health_score", "leading", "stock")

    def test_survive_empty_inputs(self):
        for name in ("health_score", "healthy_share", "at_risk_share", "mrr_at_risk"):
            assert company(name)["observations"].to_list() == [0]
