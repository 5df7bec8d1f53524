"""What the health scores of a month were worth, three months later."""

import math
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctMrrAccountMonth
from schemas.success import FctHealthScore, HealthBacktest
from tests.frames import day, months, rows
from transforms.calendar import add_months
from transforms.explanations.backtest import auc, auc_interval, auc_variance, health_backtest, top_decile_lift

MARCH, JUNE = day("2024-03-01"), day("2024-06-01")
IN_JUNE = months("2024-06", "2024-06")


def ranked(scores: list[float], left: list[bool]) -> float | None:
    return auc(pl.Series(scores, dtype=pl.Float64), pl.Series(left, dtype=pl.Boolean))


def lift(scores: list[float], left: list[bool]) -> float | None:
    return top_decile_lift(pl.Series(scores, dtype=pl.Float64), pl.Series(left, dtype=pl.Boolean))


def score(account_id: str, points: float | None, band: str | None = "green", month: Any = MARCH) -> dict[str, Any]:
    return {"month": month, "account_id": account_id, "score": points, "band": band}


def pays(account_id: str, *cents: int, pending: int = 0, first: Any = MARCH) -> list[dict[str, Any]]:
    """MRR at the end of March, April …; `pending` is that part of March's which is cancelled."""
    found, opening = [], 0
    for number, closing in enumerate(cents):
        if opening or closing:
            found.append(
                {
                    "month": add_months(first, number),
                    "account_id": account_id,
                    "opening_cents": opening,
                    "closing_cents": closing,
                    "pending_cancellation_cents": pending if number == 0 else 0,
                    "uncancelled_items": 0 if number == 0 and pending >= closing else 1,
                }
            )
        opening = closing
    return found


def backtest(
    scores: list[dict[str, Any]], mrr: list[list[dict[str, Any]]], calendar: pl.DataFrame = IN_JUNE
) -> list[dict[str, Any]]:
    found = health_backtest(
        rows(FctHealthScore, *scores), rows(FctMrrAccountMonth, *(row for of in mrr for row in of)), calendar
    )
    return HealthBacktest.validate(found).to_dicts()


def company(leavers: int, stayers: int) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """Accounts l0, l1 … that leave in April with 10 points, red, and s0, s1 … that stay with 90, green."""
    scores = [score(f"l{n}", 10, "red") for n in range(leavers)] + [score(f"s{n}", 90) for n in range(stayers)]
    mrr = [pays(f"l{n}", 5, 0) for n in range(leavers)] + [pays(f"s{n}", 5, 5, 5, 5) for n in range(stayers)]
    return scores, mrr


class TestTheArea:
    def test_is_the_share_of_pairs_in_which_the_leaver_has_the_lower_score(self):
        # Leavers 1 and 3, stayers 2 and 4: 1<2, 1<4 and 3<4 are right, 3<2 is not.
        assert ranked([1, 2, 3, 4], [True, False, True, False]) == 0.75

    def test_counts_a_tie_as_half_a_pair(self):
        assert ranked([5, 5], [True, False]) == 0.5
        # Leavers 1 and 2, stayers 2, 2 and 3: six pairs, of which two are ties.
        assert ranked([1, 2, 2, 2, 3], [True, True, False, False, False]) == (3 + 0.5 + 0.5 + 1) / 6

    def test_is_1_where_all_leavers_are_below_and_0_where_all_are_above(self):
        assert ranked([1, 2, 8, 9], [True, True, False, False]) == 1
        assert ranked([1, 2, 8, 9], [False, False, True, True]) == 0

    def test_is_unknown_without_a_leaver_or_without_a_stayer(self):
        assert ranked([1, 2], [False, False]) is None
        assert ranked([1, 2], [True, True]) is None
        assert ranked([], []) is None

    def test_is_the_same_counted_pair_by_pair(self):
        scores = [(n * 37) % 23 / 2 for n in range(60)]
        left = [(n * 11) % 7 < 2 for n in range(60)]
        low = [s for s, gone in zip(scores, left, strict=True) if gone]
        high = [s for s, gone in zip(scores, left, strict=True) if not gone]
        won = sum((a < b) + (a == b) / 2 for a in low for b in high)
        assert ranked(scores, left) == pytest.approx(won / (len(low) * len(high)), abs=1e-12)


class TestTheInterval:
    def test_has_the_standard_error_that_hanley_and_mc_neil_published(self):
        # Radiology 143 (1982): 51 abnormal and 58 normal scans, area 0.893, standard error 0.032.
        assert math.sqrt(auc_variance(0.893, 51, 58)) == pytest.approx(0.032, abs=0.0006)

    def test_has_the_variance_of_comparing_one_pair_where_there_is_one(self):
        # One leaver, one stayer: the area is a single yes or no, with variance p(1 − p).
        assert auc_variance(0.3, 1, 1) == pytest.approx(0.3 * 0.7)

    @pytest.mark.parametrize("area", [0.0, 0.5, 1.0])
    def test_of_one_pair_is_wilsons_of_one_trial(self, area):
        z2 = 1.959963984540054**2
        centre = (area + z2 / 2) / (1 + z2)
        half = math.sqrt(z2 * (area * (1 - area) + z2 / 4)) / (1 + z2)
        assert auc_interval(area, 1, 1) == pytest.approx((centre - half, centre + half), abs=1e-9)

    @pytest.mark.parametrize(("area", "leavers", "stayers"), [(0.5, 10, 90), (0.771, 12, 150), (0.95, 40, 60)])
    def test_ends_where_the_area_found_is_1_96_standard_errors_away(self, area, leavers, stayers):
        low, high = auc_interval(area, leavers, stayers)
        for end in (low, high):
            assert abs(area - end) / math.sqrt(auc_variance(end, leavers, stayers)) == pytest.approx(1.959964, abs=1e-4)
        assert 0 < low < area < high < 1

    def test_of_a_perfect_ranking_ends_at_1_and_is_not_certain(self):
        low, high = auc_interval(1.0, 10, 40)
        assert high == 1
        assert 0.6 < low < 0.95

    def test_narrows_with_more_leavers(self):
        few, many = auc_interval(0.8, 10, 100), auc_interval(0.8, 40, 400)
        assert few[0] < many[0] < 0.8 < many[1] < few[1]


class TestTheLift:
    def test_is_the_leavers_share_of_the_lowest_tenth_over_that_of_all(self):
        # Of 20 accounts 4 left; of the two lowest one left: 0.5 / 0.2.
        left = [True, False] + [True] * 3 + [False] * 15
        assert lift([float(n) for n in range(20)], left) == pytest.approx(2.5)

    def test_takes_a_part_of_the_account_at_the_border(self):
        # A tenth of 15 is one and a half: the first stayed, the second left and counts half; 0.5 / 1.5 over 3 / 15.
        assert lift([float(n) for n in range(15)], [False, True, True, True] + [False] * 11) == pytest.approx(5 / 3)

    def test_shares_the_border_among_accounts_that_tie(self):
        # All 20 tie: the tenth is like all.
        assert lift([7.0] * 20, [True] * 5 + [False] * 15) == pytest.approx(1)
        assert lift([7.0] * 20, [False] * 15 + [True] * 5) == pytest.approx(1)

    def test_is_unknown_if_nobody_left(self):
        assert lift([1, 2], [False, False]) is None


class TestTheBacktest:
    def test_is_written_with_the_third_month_after_the_scored_one(self):
        found = backtest(*company(10, 30))
        assert [(row["month"], row["scored_month"]) for row in found] == [(JUNE, MARCH)]

    def test_counts_who_left_at_any_of_the_three_month_ends(self):
        scores = [score(name, 50, "yellow") for name in ("april", "may", "june", "back", "july", "stays")]
        mrr = [
            pays("april", 5, 0),
            pays("may", 5, 5, 0),
            pays("june", 5, 5, 5, 0),
            pays("back", 5, 0, 5, 5),
            pays("july", 5, 5, 5, 5, 0),
            pays("stays", 5, 5, 5, 5, 5),
        ]
        (found,) = backtest(scores, mrr)
        assert (found["accounts"], found["events"]) == (6, 4)
        assert found["churn_yellow"] == pytest.approx(4 / 6)

    def test_leaves_out_who_had_cancelled_everything_but_not_who_cancelled_a_part(self):
        scores = [score("all", 20, "red"), score("part", 20, "red"), score("none", 20, "red")]
        mrr = [pays("all", 9, 0, pending=9), pays("part", 9, 5, 5, 5, pending=4), pays("none", 9, 9, 9, 9)]
        (found,) = backtest(scores, mrr)
        assert (found["accounts"], found["already_cancelled"], found["events"]) == (2, 1, 0)

    def test_keeps_who_still_has_a_paying_item_though_more_is_cancelled_than_is_paid_in_sum(self):
        """100 cancelled, 20 not, and a credit of 60: of the 60 that are paid 100 are pending."""
        (row, *later) = pays("a", 60, 60, 60, 60, pending=100)
        scores = [score("a", 20, "red"), score("b", 20, "red")]
        (found,) = backtest(scores, [[{**row, "uncancelled_items": 1}, *later], pays("b", 9, 9, 9, 9)])
        assert (found["accounts"], found["already_cancelled"]) == (2, 0)

    def test_leaves_out_who_has_no_score(self):
        scores = [score("a", None, None), score("b", 80)]
        (found,) = backtest(scores, [pays("a", 5, 0), pays("b", 5, 5, 5, 5)])
        assert (found["accounts"], found["events"], found["accounts_green"], found["churn_green"]) == (1, 0, 1, 0)

    def test_takes_scores_and_cancellations_of_the_scored_month_alone(self):
        scores = [score("a", 10, "red", month=add_months(MARCH, 1)), score("b", 90)]
        (found,) = backtest(scores, [pays("a", 5, 0), pays("b", 5, 5, 5, 5)])
        assert (found["accounts"], found["accounts_red"]) == (1, 0)

    def test_knows_area_and_lift_from_ten_leavers_on(self):
        (nine,), (ten,) = backtest(*company(9, 91)), backtest(*company(10, 90))
        assert (nine["auc"], nine["auc_low"], nine["auc_high"], nine["top_decile_lift"]) == (None, None, None, None)
        assert (nine["null_reason"], nine["churn_red"], nine["churn_green"]) == ("insufficient_history", 1, 0)
        assert (ten["auc"], ten["null_reason"]) == (1, None)
        assert (ten["auc_low"], ten["auc_high"]) == pytest.approx(auc_interval(1, 10, 90))
        assert ten["top_decile_lift"] == pytest.approx(10)

    def test_has_no_area_if_everybody_left(self):
        (found,) = backtest(*company(12, 0))
        assert (found["events"], found["auc"], found["null_reason"]) == (12, None, "zero_denominator")

    def test_gives_a_band_without_accounts_no_share(self):
        (found,) = backtest(*company(10, 30))
        assert (found["accounts_yellow"], found["churn_yellow"]) == (0, None)

    def test_waits_until_the_last_of_the_three_months_is_over(self):
        scores, mrr = company(10, 30)
        assert backtest(scores, mrr, months("2024-06", "2024-06", as_of="2024-06-29")) == []
        assert len(backtest(scores, mrr, months("2024-06", "2024-06", as_of="2024-06-30"))) == 1

    def test_has_no_row_where_nobody_was_there_to_score(self):
        scores, mrr = company(10, 30)
        found = backtest(scores, mrr, months("2024-05", "2024-07"))
        assert [row["month"] for row in found] == [JUNE]
        assert backtest([], []) == []

    def test_says_so_where_nobody_could_be_scored(self):
        (found,) = backtest([score("a", None, None)], [pays("a", 5, 5, 5, 5)])
        assert (found["accounts"], found["null_reason"]) == (0, "insufficient_history")

    def test_does_not_depend_on_the_order_of_rows_or_on_other_months(self):
        scores, mrr = company(10, 30)
        scores = [{**row, "score": row["score"] + (n * 7) % 5} for n, row in enumerate(scores)]
        later = [score(f"s{n}", 40 + n, "red", month=add_months(MARCH, 1)) for n in range(30)]
        alone = backtest(scores, mrr)
        assert backtest(scores[::-1], mrr[::-1]) == alone
        assert [
            row for row in backtest(scores + later, mrr, months("2024-04", "2024-07")) if row["month"] == JUNE
        ] == alone
