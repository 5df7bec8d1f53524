"""How long customers stay by the shifted beta-geometric model, and what they will bring."""

import math
import random
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.special import betaln, hyp2f1

from schemas.billing import FctMrrAccountMonth, FxRates, SubscriptionItems
from schemas.config import Minimums, Prediction
from schemas.customers import DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from tests.frames import config, day, margins, months, rows, turns_of
from transforms.exported import Exported
from transforms.facts.service import service_periods
from transforms.metrics import prediction
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.prediction import aged, clv_predicted, expected_renewals, fit_intervals, interval_runs, lives
from transforms.metrics.roll_up import Surroundings, roll_up
from transforms.metrics.survival import (
    LARGEST,
    discounted_renewals,
    fit_lives,
    fit_shifted_beta_geometric,
    survival,
)

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
FOR_EVER = "2099-12-31"
HARMONIC = (1.0, 1.0)
"""alpha and beta with which 1 / (t + 1) of the customers are there after t renewals."""


class TestTheModel:
    def test_finds_the_parameters_of_fader_and_hardie(self):
        alpha, beta = fit_shifted_beta_geometric(HIGH_END)
        assert (round(alpha, 3), round(beta, 2)) == (0.668, 3.81)
        alpha, beta = fit_shifted_beta_geometric(REGULAR)
        assert (round(alpha, 3), round(beta, 3)) == (0.704, 1.182)

    def test_projects_their_survival(self):
        # Both curves lie within two points of a hundred on what was then observed.
        for survivors in (HIGH_END, REGULAR):
            alpha, beta = fit_shifted_beta_geometric(survivors)
            for renewals, there in enumerate(survivors):
                assert survival(alpha, beta, renewals) == pytest.approx(there / 1000, abs=0.02)

    def test_customers_of_any_age_together_tell_the_same_as_one_cohort(self):
        lost = {t: REGULAR[t - 1] - REGULAR[t] for t in range(1, 8)}
        assert fit_lives(lost, {7: 241}) == fit_shifted_beta_geometric(REGULAR)
        half = {t: count // 2 for t, count in lost.items()}
        twice = fit_lives({t: 2 * count for t, count in half.items()}, {7: 2 * 120})
        assert twice == pytest.approx(fit_lives(half, {7: 120}), rel=1e-4)

    def test_who_is_still_young_is_no_survivor_of_all(self):
        lost = {1: 369, 2: 163}
        young, old = fit_lives(lost, {2: 468}), fit_lives(lost, {2: 468, 0: 5000})
        assert young == pytest.approx(old, rel=1e-4)  # who has seen no renewal says nothing of them
        assert survival(*fit_lives(lost, {2: 468, 5: 500}), 5) > survival(*young, 5)

    @pytest.mark.parametrize("seed", range(12))
    def test_no_other_parameters_are_likelier(self, seed):
        """Held against a search that knows the likelihood by beta functions alone."""
        chance = random.Random(seed)
        lost = {t: chance.randint(1, 40) for t in chance.sample(range(1, 40), chance.randint(1, 15))}
        kept = {t: chance.randint(1, 200) for t in chance.sample(range(40), chance.randint(1, 20))}

        def against(logarithms: Sequence[float]) -> float:
            alpha, beta = map(math.exp, logarithms)
            gone = sum(count * (betaln(alpha + 1, beta + t - 1) - betaln(alpha, beta)) for t, count in lost.items())
            here = sum(count * (betaln(alpha, beta + t) - betaln(alpha, beta)) for t, count in kept.items())
            return -(gone + here)

        searched = minimize(against, (0.0, 0.0), method="Nelder-Mead", bounds=[(-LARGEST, LARGEST)] * 2)
        assert against([math.log(number) for number in fit_lives(lost, kept)]) <= searched.fun + 1e-5

    @pytest.mark.parametrize(
        ("lost", "kept", "share"),
        [({}, {3: 10}, 1.0), ({1: 10}, {}, 0.0), ({1: 5}, {1: 5}, 0.5)],
        ids=["nobody leaves", "everybody leaves", "half leave"],
    )
    def test_what_everybody_does_has_its_bound(self, lost, kept, share):
        assert survival(*fit_lives(lost, kept), 1) == pytest.approx(share, abs=1e-4)

    def test_a_fixed_rate_is_a_case_of_it(self):
        alpha, beta = fit_shifted_beta_geometric([10_000, 9_000, 8_100, 7_290])
        assert survival(alpha, beta, 1) == pytest.approx(0.9, abs=1e-3)
        assert survival(alpha, beta, 10) == pytest.approx(0.9**10, abs=1e-3)

    @pytest.mark.parametrize("survivors", [[10, 0], [10, 10], [10, 10, 10, 9], [1, 0]])
    def test_survives_the_extremes(self, survivors):
        alpha, beta = fit_shifted_beta_geometric(survivors)
        last = len(survivors) - 1
        assert survival(alpha, beta, last) == pytest.approx(survivors[-1] / survivors[0], abs=0.01)

    def test_survival_by_hand(self):
        assert [survival(*HARMONIC, t) for t in range(4)] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
        assert survival(2, 3, 1) == pytest.approx(3 / 5)

    @pytest.mark.parametrize(
        ("survived", "step", "count", "discount", "expected"),
        [
            (0, 1, 2, 1, 1 / 2 + 1 / 3),
            (1, 1, 2, 1, 2 / 3 + 2 / 4),
            (0, 2, 2, 1, 1 / 3 + 1 / 5),
            (0, 1, 2, 0.5, 1 / 2 / 2 + 1 / 3 / 4),
            (0, 1, 0, 1, 0),
        ],
    )
    def test_discounted_renewals_by_hand(self, survived, step, count, discount, expected):
        assert discounted_renewals(*HARMONIC, survived, step, count, discount) == pytest.approx(expected)

    def test_discounted_renewals_without_end_are_those_of_the_closed_form(self):
        # Fader & Hardie 2010: DERL of one who is about to renew for the nth time, the first renewal undiscounted.
        alpha, beta = fit_shifted_beta_geometric(HIGH_END)
        for n in (1, 4):
            closed = (beta + n - 1) / (alpha + beta + n - 1) * hyp2f1(1, beta + n, alpha + beta + n, 1 / 1.1)
            assert discounted_renewals(alpha, beta, n - 1, 1, 600, 1 / 1.1) * 1.1 == pytest.approx(closed, rel=1e-6)


def item(account: str, started: str, ended: str | None = None, **given: Any) -> dict[str, Any]:
    """An item of 10.00 a month; each account has one unless an id is given."""
    dates = {name: day(given[name]) for name in ("valid_from", "paused_from", "paused_until") if name in given}
    return {
        "subscription_id": account,
        "item_id": "i",
        "account_id": account,
        "unit_amount": 1_000,
        "currency": "EUR",
        "interval_unit": "month",
        "started_on": day(started),
        "ended_on": day(ended) if ended else None,
        "valid_from": day(started),
        **given,
        **dates,
    }


def lived(*items: dict[str, Any]) -> pl.DataFrame:
    return lives(turns_of(rows(SubscriptionItems, *items), rows(FxRates), day("2024-12-31")))


def known(*items: dict[str, Any], end: str = "2024-12-31") -> list[Any]:
    frame = rows(SubscriptionItems, *items)
    runs = interval_runs(frame, service_periods(frame, day("2024-12-31")))
    return sorted(aged(lived(*items), runs, day(end)).rows())


class TestLives:
    def of(self, *items: dict[str, Any]) -> list[tuple[str, str | None]]:
        found = lived(*items).sort("began_on").select("began_on", "ended_on").rows()
        return [(str(began), str(ended) if ended else None) for began, ended in found]

    def test_last_from_the_first_paying_day_to_the_first_day_out(self):
        assert self.of(item("a", "2024-01-10", "2024-04-01")) == [("2024-01-10", "2024-04-01")]
        assert self.of(item("a", "2024-01-10")) == [("2024-01-10", None)]

    def test_one_item_after_another_is_one_life(self):
        more = item("a", "2024-03-01", "2024-06-05", subscription_id="more")
        assert self.of(item("a", "2024-01-10", "2024-03-20"), more) == [("2024-01-10", "2024-06-05")]

    def test_a_gap_inside_a_month_is_none_and_one_over_a_months_end_is_an_end(self):
        inside = item("a", "2024-01-10", paused_from="2024-02-02", paused_until="2024-02-29")
        assert self.of(inside) == [("2024-01-10", None)]
        over = item("a", "2024-01-10", paused_from="2024-02-29", paused_until="2024-03-01")
        assert self.of(over) == [("2024-01-10", "2024-02-29"), ("2024-03-01", None)]

    def test_a_life_inside_a_month_is_none(self):
        assert self.of(item("a", "2024-01-10", "2024-01-31")) == []
        assert self.of(item("a", "2024-01-10", "2024-02-01")) == [("2024-01-10", "2024-02-01")]


class TestAges:
    """(account, lost?, months of the interval, age in months)"""

    @pytest.mark.parametrize(
        ("started", "end", "age"),
        [
            ("2024-01-10", "2024-01-31", 0),
            ("2024-01-10", "2024-02-29", 1),
            ("2024-01-31", "2024-02-29", 1),
            ("2024-01-10", "2024-03-09", 1),
            ("2024-01-10", "2024-03-10", 2),
            ("2022-12-15", "2024-12-31", 24),
        ],
    )
    def test_of_those_still_there_are_full_months(self, started, end, age):
        assert known(item("a", started), end=end) == [("a", False, 1, age)]

    @pytest.mark.parametrize(
        ("started", "ended", "age"),
        [("2024-01-10", "2024-02-10", 1), ("2024-01-10", "2024-02-01", 1), ("2024-01-31", "2024-04-30", 3)],
    )
    def test_of_those_lost_are_from_month_to_month(self, started, ended, age):
        assert known(item("a", started, ended)) == [("a", True, 1, age)]

    def test_who_leaves_later_is_still_there(self):
        assert known(item("a", "2024-01-10", "2024-04-01"), end="2024-03-31") == [("a", False, 1, 2)]
        assert known(item("a", "2024-01-10", "2024-04-01"), end="2024-04-01") == [("a", True, 1, 3)]
        assert known(item("a", "2024-01-10"), end="2024-01-09") == []

    def test_who_came_back_has_two_lives(self):
        back = item("a", "2024-06-01", subscription_id="back")
        assert known(item("a", "2024-01-10", "2024-04-01"), back) == [("a", False, 1, 6), ("a", True, 1, 3)]

    @pytest.mark.parametrize(
        ("unit", "count", "interval"),
        [
            ("month", 1, 1),
            ("month", 6, 6),
            ("quarter", 1, 3),
            ("year", 2, 24),
            ("week", 1, 1),
            ("week", 13, 3),
            ("day", 90, 3),
        ],
    )
    def test_intervals_are_in_months(self, unit, count, interval):
        assert known(item("a", "2024-01-10", interval_unit=unit, interval_count=count))[0][2] == interval

    def test_the_longest_interval_of_what_is_paid_counts(self):
        yearly = item("a", "2024-02-01", "2024-08-01", subscription_id="y", interval_unit="year")
        monthly = item("a", "2024-01-10")
        assert known(monthly, yearly, end="2024-07-31")[0][2] == 12
        assert known(monthly, yearly, end="2024-08-31")[0][2] == 1
        both = (item("a", "2024-01-10", "2024-08-01"), yearly)
        assert known(*both) == [("a", True, 12, 7)]  # of those paid on the last paying day

    def test_a_change_of_the_interval_counts_from_its_day(self):
        changed = (item("a", "2024-01-10"), item("a", "2024-01-10", valid_from="2024-05-01", interval_unit="year"))
        assert [known(*changed, end=end)[0][2] for end in ("2024-04-30", "2024-05-31")] == [1, 12]


def people(*groups: tuple[int, bool, int, int]) -> pl.DataFrame:
    """Lives: so many accounts, lost or not, by interval and age."""
    names = iter(range(1_000))
    listed = [
        (f"{next(names)}", is_lost, interval, age) for count, is_lost, interval, age in groups for _ in range(count)
    ]
    schema = {"account_id": pl.String, "is_lost": pl.Boolean, "months": pl.Int64, "age": pl.Int64}
    return pl.DataFrame(listed, schema=schema, orient="row")


class TestFits:
    def test_nobody_is_fitted_under_the_least_number_of_churned_accounts(self):
        assert fit_intervals(people((29, True, 1, 2), (100, False, 1, 5)), 30) == {}
        assert set(fit_intervals(people((30, True, 1, 2), (100, False, 1, 5)), 30)) == {0, 1}

    def test_an_account_that_left_twice_is_one(self):
        left = people((30, True, 1, 2)).with_columns(account_id=pl.lit("a"))
        assert fit_intervals(left, 2) == {}

    def test_each_interval_has_its_own_if_enough_of_its_accounts_left(self):
        fits = fit_intervals(people((30, True, 1, 2), (50, False, 1, 9), (29, True, 12, 12), (9, False, 12, 30)), 30)
        assert set(fits) == {0, 1}
        assert fits[1] == fit_lives({2: 30}, {9: 50})
        assert fits[0] == fit_lives({2: 30, 12: 29}, {9: 50, 30: 9})

    def test_a_life_that_ends_inside_an_interval_is_lost_at_its_end(self):
        fits = fit_intervals(people((1, True, 12, 1), (2, True, 12, 12), (3, True, 12, 13), (4, False, 12, 35)), 1)
        assert fits[12] == fit_lives({1: 3, 2: 3}, {2: 4})


class TestExpectedRenewals:
    def test_of_a_monthly_customer_go_on_from_its_age(self):
        later = Prediction(discount_rate=0, horizon_months=3)
        assert expected_renewals({1: HARMONIC}, 1, 1, later) == pytest.approx(2 / 3 + 2 / 4 + 2 / 5)

    def test_of_a_yearly_customer_are_counted_in_years(self):
        later = Prediction(discount_rate=0, horizon_months=24)
        assert expected_renewals({12: HARMONIC}, 12, 12, later) == pytest.approx(2 / 3 + 2 / 4)

    def test_within_the_horizon_are_those_due_by_its_last_month(self):
        def renewals(age: int, horizon: int) -> float:
            return expected_renewals({12: HARMONIC}, 12, age, Prediction(discount_rate=0, horizon_months=horizon))

        assert renewals(15, 8) == 0
        assert renewals(15, 9) == pytest.approx(2 / 3)  # due in nine months
        assert renewals(15, 20) == pytest.approx(2 / 3)
        assert renewals(15, 21) == pytest.approx(2 / 3 + 2 / 4)

    def test_later_ones_are_discounted_from_their_due_month(self):
        later = Prediction(discount_rate=0.21, horizon_months=12)
        assert expected_renewals({12: HARMONIC}, 12, 0, later) == pytest.approx(1 / 2 / 1.21)
        assert expected_renewals({12: HARMONIC}, 12, 6, later) == pytest.approx(1 / 2 / 1.1)  # due in six months

    def test_without_a_fit_of_its_own_an_interval_takes_that_of_all_by_the_month(self):
        later = Prediction(discount_rate=0, horizon_months=6)
        assert expected_renewals({0: HARMONIC}, 3, 4, later) == pytest.approx(4 / 7 + 4 / 10)


JUNE = months("2024-06", "2024-06")


def closing(account: str, cents: int, pending: int = 0, when: str = "2024-06") -> dict[str, Any]:
    money = {"closing_cents": cents, "pending_cancellation_cents": pending}
    return {"month": day(f"{when}-01"), "account_id": account, **money}


@pytest.fixture
def harmonic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was seen, 1 / (t + 1) of the customers are there after t renewals."""
    monkeypatch.setattr(prediction, "fit_lives", lambda lost, kept: HARMONIC)


class TestClvPredicted:
    later = Prediction(discount_rate=0, horizon_months=3)
    gone = item("gone", "2024-01-01", "2024-03-01")

    def of(
        self,
        *items: dict[str, Any],
        facts: tuple[dict[str, Any], ...],
        calendar: pl.DataFrame = JUNE,
        margin: float | None = 0.5,
        least: int = 1,
        as_of: str = "2024-06-30",
    ) -> list[Any]:
        given = rows(SubscriptionItems, *items)
        found = clv_predicted(
            rows(FctMrrAccountMonth, *facts),
            given,
            service_periods(given, day(as_of)),
            turns_of(given, rows(FxRates), day(as_of)),
            calendar,
            margins(calendar, margin),
            self.later,
            Minimums(churned_accounts_for_prediction=least),
        )
        in_order = Parts.validate(found).sort("month", "account_id")
        return [(name, round(n, 6), d) for _, name, n, d in in_order.rows()]

    @pytest.mark.usefixtures("harmonic")
    def test_is_the_margin_of_the_renewals_to_come(self):
        found = self.of(self.gone, item("a", "2024-05-01"), facts=(closing("a", 1_000),))
        assert found == [("a", round(1_000 * 0.5 * (2 / 3 + 2 / 4 + 2 / 5), 6), 1)]

    @pytest.mark.usefixtures("harmonic")
    def test_a_renewal_brings_the_mrr_of_its_interval(self):
        yearly = item("a", "2023-07-15", interval_unit="year")  # due in a month
        left = item("left", "2023-01-01", "2024-01-01", interval_unit="year")
        assert self.of(left, yearly, facts=(closing("a", 1_000),)) == [("a", 1_000 * 12 * 0.5 / 2, 1)]
        # Without a yearly customer who left, the fit is that of all by the month: a thirteenth is there after twelve.
        assert self.of(self.gone, yearly, facts=(closing("a", 1_000),)) == [("a", round(12_000 * 0.5 / 13, 6), 1)]

    @pytest.mark.usefixtures("harmonic")
    def test_what_is_already_cancelled_brings_none(self):
        some = self.of(self.gone, item("a", "2024-06-01"), facts=(closing("a", 1_000, pending=400),))
        assert some == [("a", 600 * 0.5 * (1 / 2 + 1 / 3 + 1 / 4), 1)]
        assert self.of(self.gone, item("a", "2024-06-01"), facts=(closing("a", 1_000, pending=1_000),)) == [("a", 0, 1)]

    @pytest.mark.usefixtures("harmonic")
    def test_who_does_not_pay_is_in_neither(self):
        assert self.of(self.gone, item("a", "2024-06-01"), facts=(closing("a", 0),)) == []

    @pytest.mark.usefixtures("harmonic")
    def test_too_few_churned_accounts_or_no_margin_give_no_parts(self):
        items, facts = (self.gone, item("a", "2024-06-01")), (closing("a", 1_000),)
        assert self.of(*items, facts=facts, least=2) == []
        assert self.of(*items, facts=facts, margin=None) == []

    @pytest.mark.usefixtures("harmonic")
    def test_a_month_knows_only_who_had_left_by_its_end(self):
        both = months("2024-02", "2024-03")
        facts = (closing("a", 1_000, when="2024-02"), closing("a", 1_000, when="2024-03"))
        found = self.of(self.gone, item("a", "2024-01-01"), facts=facts, calendar=both)
        assert found == [("a", round(500 * (3 / 4 + 3 / 5 + 3 / 6), 6), 1)]  # of March alone: two renewals survived

    def test_a_month_is_the_same_alone_and_shuffled(self):
        left = [item(f"l{n}", "2024-01-10", f"2024-0{3 + n % 3}-10") for n in range(12)]
        here = [item(f"h{n}", f"2024-0{1 + n % 5}-10", interval_unit=("month", "quarter")[n % 2]) for n in range(12)]
        facts = tuple(closing(f"h{n}", 1_000, when=when) for n in range(12) for when in ("2024-05", "2024-06"))
        spring = months("2024-05", "2024-06")
        alone = self.of(*left, *here, facts=facts)
        assert len(alone) == 12
        assert self.of(*here[::-1], *left[::-1], facts=facts[::-1], calendar=spring)[-12:] == alone

    def test_survives_empty_inputs(self):
        assert self.of(facts=()) == []
        assert self.of(facts=(), calendar=JUNE.clear()) == []


class TestTheMetric:
    def value(self, parts: pl.DataFrame, shares: list[dict[str, Any]], exported: Exported) -> dict[str, Any]:
        metric = REGISTRY["clv_predicted"]
        where = Surroundings(
            dim_month=JUNE,
            gross_margin=margins(JUNE, 0.5),
            accounts=AccountSegments(DimAccountMonth.blank(), ()),
            exported=exported,
            minimums=Minimums(),
            as_of=day(FOR_EVER),
            reasons={metric.name: metric.unknown_when(finance=config(finance={"gross_margin": shares}).finance)},
        )
        return MetricMonth.validate(roll_up(metric, parts, where)).row(0, named=True)

    margin = {"month": "2024-01-01", "share": 0.8}
    billing = Exported({"subscription_items": frozenset({"subscription_id"})})

    def test_is_the_mean_over_paying_accounts(self):
        parts = pl.DataFrame(
            {
                "month": [day("2024-06-01")] * 2,
                "account_id": ["a", "b"],
                "numerator": [900.0, 0.0],
                "denominator": [1.0] * 2,
            }
        )
        found = self.value(parts, [self.margin], self.billing)
        assert (found["value"], found["observations"]) == (450, 2)

    def test_says_why_it_is_unknown(self):
        assert self.value(Parts.blank(), [], self.billing)["null_reason"] == "source_missing"
        assert self.value(Parts.blank(), [self.margin], Exported({}))["null_reason"] == "source_missing"

    def test_asks_for_thirty_churned_accounts_and_is_leading(self):
        assert Minimums().churned_accounts_for_prediction == 30
        assert REGISTRY["clv_predicted"].signal == "leading"
