"""Which accounts ask for somebody to act."""

from typing import Any

import polars as pl

from schemas.billing import FctMrrAccountMonth, Renewals, SubscriptionItems
from schemas.config import Alerts, MilestoneStep, Onboarding
from schemas.customers import DimAccount
from schemas.product import FctUsageAccountMonth
from schemas.success import FctHealthInput, FctHealthScore, Milestones
from tests.frames import day, months, rows
from transforms.explanations.alerts import account_alert
from transforms.facts.milestones import milestone_progress

ONBOARDING = Onboarding(
    milestones=(MilestoneStep(name="kickoff", within_days=30), MilestoneStep(name="report", within_days=60))
)


def alerts(last: str = "2024-04", as_of: str | None = None, **given: Any) -> list[tuple[str, str]]:
    """(account, rule) of the month's alerts, from the top."""
    return list(made(last, as_of, **given).select("account_id", "rule").iter_rows())


def made(last: str = "2024-04", as_of: str | None = None, **given: list[dict[str, Any]]) -> pl.DataFrame:
    frames = {
        "fct_health_score": FctHealthScore,
        "fct_health_input": FctHealthInput,
        "fct_usage_account_month": FctUsageAccountMonth,
        "subscription_items": SubscriptionItems,
        "renewals": Renewals,
        "dim_account": DimAccount,
    }
    read = {name: rows(contract, *given.get(name, [])) for name, contract in frames.items()}
    calendar = months(last, last, as_of)
    mrr = FctMrrAccountMonth.shaped(read["fct_health_score"])
    progress = milestone_progress(mrr, rows(Milestones, *given.get("milestones", [])), calendar, ONBOARDING)
    return account_alert(**read, milestone_progress=progress, dim_month=calendar, alerts=Alerts())


def score(month: str, value: float, band: str, account: str = "A", cents: int = 100_00) -> dict[str, Any]:
    return {
        "month": day(f"{month}-01"),
        "account_id": account,
        "score": value,
        "band": band,
        "coverage": 1.0,
        "closing_cents": cents,
    }


def users(month: str, count: int) -> dict[str, Any]:
    return {"month": day(f"{month}-01"), "account_id": "A", "active_users": count}


def sentiment(month: str, rating: float) -> dict[str, Any]:
    return {
        "month": day(f"{month}-01"),
        "account_id": "A",
        "input": "sentiment",
        "raw": rating,
        "score": 0.0,
        "weight": 1.0,
    }


GREEN = [score("2024-03", 80, "green"), score("2024-04", 80, "green")]


def test_a_healthy_account_asks_for_nothing():
    assert alerts(fct_health_score=GREEN) == []


def test_a_worse_band_than_the_month_before_is_told_and_a_better_one_is_not():
    fell = [score("2024-03", 80, "green"), score("2024-04", 60, "yellow")]
    rose = [score("2024-03", 60, "yellow"), score("2024-04", 80, "green")]
    assert alerts(fct_health_score=fell) == [("A", "health_fell")]
    assert alerts(fct_health_score=rose) == []


def test_a_lower_rating_than_the_month_before_is_told():
    assert alerts(fct_health_score=GREEN, fct_health_input=[sentiment("2024-03", 4), sentiment("2024-04", 3)]) == [
        ("A", "sentiment_fell")
    ]
    assert alerts(fct_health_score=GREEN, fct_health_input=[sentiment("2024-03", 3), sentiment("2024-04", 3)]) == []


def test_half_the_users_of_the_three_months_before_is_halved_and_one_more_is_not():
    before = [users("2024-01", 10), users("2024-02", 10), users("2024-03", 10)]
    assert alerts(fct_health_score=GREEN, fct_usage_account_month=[*before, users("2024-04", 5)]) == [
        ("A", "usage_halved")
    ]
    assert alerts(fct_health_score=GREEN, fct_usage_account_month=[*before, users("2024-04", 6)]) == []


def test_no_use_at_all_is_halved_too():
    assert alerts(fct_health_score=GREEN, fct_usage_account_month=[users("2024-03", 3)]) == [("A", "usage_halved")]


def test_a_month_that_is_not_over_halves_nothing():
    given = {"fct_health_score": GREEN, "fct_usage_account_month": [users("2024-03", 9), users("2024-04", 1)]}
    assert alerts(as_of="2024-04-10", **given) == []


def test_stalled_is_news_from_the_day_after_the_deadline_for_90_days():
    def stalled_after(days: int) -> bool:
        # The kickoff is due 30 days after the first paying day; 30 April is so many days after that.
        began = day("2024-04-30").toordinal() - 30 - days
        account = {
            "account_id": "A",
            "account_key": 1,
            "is_in_crm": True,
            "first_seen_on": day("2024-01-01"),
            "first_paid_on": day("2024-01-01").fromordinal(began),
        }
        return alerts(fct_health_score=GREEN, dim_account=[account]) == [("A", "stalled")]

    assert [stalled_after(days) for days in (0, 1, 90, 91)] == [False, True, True, False]


def test_what_is_stalled_is_the_first_unreached_milestone():
    account = {
        "account_id": "A",
        "account_key": 1,
        "is_in_crm": True,
        "first_seen_on": day("2024-01-01"),
        "first_paid_on": day("2024-03-20"),
    }
    kickoff = {"account_id": "A", "milestone": "kickoff", "reached_on": day("2024-04-30")}
    # The kickoff (due 19 April) was reached, if late; the report is due on 19 May.
    assert alerts(fct_health_score=GREEN, dim_account=[account]) == [("A", "stalled")]
    assert alerts(fct_health_score=GREEN, dim_account=[account], milestones=[kickoff]) == []


def item(**given: Any) -> dict[str, Any]:
    return {
        "subscription_id": "S",
        "item_id": "I",
        "account_id": "A",
        "currency": "EUR",
        "interval_unit": "year",
        "started_on": day("2023-01-01"),
        **given,
    }


def test_a_term_that_ends_within_90_days_is_at_risk_where_health_is_yellow_or_red():
    yellow = [score("2024-04", 60, "yellow")]
    assert alerts(fct_health_score=yellow, subscription_items=[item(term_ends_on=day("2024-07-29"))]) == [
        ("A", "renewal_at_risk")
    ]
    assert alerts(fct_health_score=yellow, subscription_items=[item(term_ends_on=day("2024-07-30"))]) == []
    assert alerts(fct_health_score=yellow, subscription_items=[item(term_ends_on=day("2024-04-30"))]) == []
    assert alerts(fct_health_score=GREEN, subscription_items=[item(term_ends_on=day("2024-06-01"))]) == []


def test_the_version_that_speaks_at_month_end_tells_the_term_and_whether_it_is_cancelled():
    yellow, first = [score("2024-04", 60, "yellow")], {"term_ends_on": day("2024-06-01")}
    prolonged = {"term_ends_on": day("2025-06-01")}
    cancelled = {**first, "cancel_requested_on": day("2024-04-10")}

    def at_risk(since: str, *, before: dict[str, Any], after: dict[str, Any]) -> bool:
        versions = [item(valid_from=day("2023-01-01"), **before), item(valid_from=day(since), **after)]
        return alerts(fct_health_score=yellow, subscription_items=versions) == [("A", "renewal_at_risk")]

    for later in (prolonged, cancelled):
        assert [at_risk(since, before=first, after=later) for since in ("2024-04-30", "2024-05-01")] == [False, True]
        assert [at_risk(since, before=later, after=first) for since in ("2024-04-30", "2024-05-01")] == [True, False]


def test_an_item_that_is_out_of_service_at_month_end_has_no_term():
    yellow, term = [score("2024-04", 60, "yellow")], {"term_ends_on": day("2024-06-01")}
    ended = [
        alerts(fct_health_score=yellow, subscription_items=[item(**term, ended_on=day(on))])
        for on in ("2024-04-30", "2024-05-01")
    ]
    assert ended == [[], [("A", "renewal_at_risk")]]


def test_a_term_already_renewed_by_month_end_is_not_at_risk():
    yellow = [score("2024-04", 60, "yellow")]
    term = {
        "renewal_id": "R",
        "account_id": "A",
        "term_started_on": day("2023-06-01"),
        "term_ended_on": day("2024-06-01"),
        "outcome": "renewed",
    }
    assert alerts(fct_health_score=yellow, renewals=[term | {"renewed_on": day("2024-04-30")}]) == []
    assert alerts(fct_health_score=yellow, renewals=[term | {"renewed_on": day("2024-05-01")}]) == [
        ("A", "renewal_at_risk")
    ]


def test_the_most_money_at_stake_stands_first_and_several_rules_are_counted():
    scores = [
        score("2024-03", 80, "green"),
        score("2024-04", 60, "yellow"),
        score("2024-03", 80, "green", "B", 900_00),
        score("2024-04", 40, "red", "B", 900_00),
    ]
    found = made(fct_health_score=scores, subscription_items=[item(term_ends_on=day("2024-06-01"))])
    assert found.select("rank", "account_id", "rule", "rules_of_account").rows() == [
        (1, "B", "health_fell", 1),
        (2, "A", "health_fell", 2),
        (3, "A", "renewal_at_risk", 2),
    ]


def test_an_account_that_does_not_pay_any_more_asks_for_nothing():
    assert (
        alerts(
            fct_health_score=[score("2024-03", 80, "green")],
            fct_health_input=[sentiment("2024-03", 4), sentiment("2024-04", 3)],
        )
        == []
    )
