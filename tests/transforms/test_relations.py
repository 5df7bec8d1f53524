"""How leading metrics go with churn."""

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare, rankdata, spearmanr

from schemas.billing import FctMrrAccountMonth
from schemas.metrics import MetricRelation
from tests.frames import day, months, rows
from transforms.calendar import add_months
from transforms.explanations.relation_parts import (
    account_values,
    as_drawn,
    in_whole_numbers,
    month_sums,
    order,
    ranks,
    relation_part,
    subsets,
)
from transforms.explanations.relations import metric_relation
from transforms.metrics.definition import Ratio, Sum, WithParts

JAN, FEB, MARCH, APRIL, JULY = (day(f"2024-{number:02}-01") for number in (1, 2, 3, 4, 7))
SCHEMA = {
    "month": pl.Date,
    "metric": pl.String,
    "account_id": pl.String,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
}
Part = tuple[Any, str, str, float, float | None]


def pays(account_id: str, until: int | None, first: Any = JAN, last: int = 8, pending: int = 0) -> list[dict[str, Any]]:
    """Pays 5 at the end of `first` and of the months after, but no more from the `until`-th on (1: the next)."""
    found, opening = [], 0
    for number in range(last):
        closing = 0 if until is not None and number >= until else 5
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


def ratio(value: float, account_id: str, month: Any = JAN, metric: str = "use") -> Part:
    return (month, metric, account_id, value, 1.0)


def company(leavers: int, stayers: int, until: int = 1) -> list[list[dict[str, Any]]]:
    """Accounts 0, 1 … of which the first leave."""
    return [pays(str(n), until if n < leavers else None) for n in range(leavers + stayers)]


def defined(name: str, kind: type[WithParts] = Ratio) -> WithParts:
    def function() -> None: ...

    function.__name__ = name
    said: Any = {"unit": "users", "better": "higher", "signal": "leading", "perspective": "product"}
    return kind(**said, over_time="none", function=function)


def relations(parts: list[Part], mrr: list[list[dict[str, Any]]], calendar: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(parts, schema=SCHEMA, orient="row")
    paid = rows(FctMrrAccountMonth, *(row for of in mrr for row in of))
    metrics = [defined(name) for name in frame["metric"].unique()]
    return MetricRelation.validate(metric_relation(relation_part(frame, paid, whole(calendar), metrics), calendar))


def whole(calendar: pl.DataFrame) -> pl.DataFrame:
    """The calendar and a year before it: what became known then is added, too."""
    first = calendar["month"].min()
    return pl.concat([months(f"{add_months(first, -12):%Y-%m}", f"{add_months(first, -1):%Y-%m}"), calendar])


def one(found: pl.DataFrame, outcome: str, lag: int, metric: str = "use") -> dict[str, Any] | None:
    wanted = (pl.col("outcome") == outcome) & (pl.col("lag_months") == lag) & (pl.col("metric") == metric)
    (row,) = found.filter(wanted).to_dicts() or [None]
    return row


class TestTheCorrelation:
    def test_of_one_month_is_spearmans(self):
        values = [float((n * 17) % 41 // 3) for n in range(60)]  # with ties
        left = [n < 25 for n in range(60)]
        found = one(
            relations([ratio(v, str(n)) for n, v in enumerate(values)], company(25, 35), months("2024-02", "2024-02")),
            "churn",
            1,
        )
        assert found is not None
        assert found["correlation"] == pytest.approx(spearmanr(values, left).statistic, abs=1e-9)
        assert (found["n"], found["events"]) == (60, 25)

    def test_is_below_zero_where_low_values_leave(self):
        parts = [ratio(n < 20, str(n)) for n in range(60)]
        good = [ratio(n >= 20, str(n), metric="good") for n in range(60)]
        found = relations(parts + good, company(20, 40), months("2024-02", "2024-02"))
        assert [one(found, "churn", 1, name)["correlation"] for name in ("use", "good")] == pytest.approx([1, -1])

    def test_compares_only_accounts_of_one_month(self):
        # Everybody's value is ten times higher in February, when twice as many leave: within a month nothing differs.
        mrr = [pays(f"j{n}", 1) for n in range(10)] + [pays(f"f{n}", 2) for n in range(20)] + company(0, 40)
        names = [of[0]["account_id"] for of in mrr]
        parts = [ratio(1 + n % 2, name) for n, name in enumerate(names)]
        parts += [ratio(10 + 10 * (n % 2), name, FEB) for n, name in enumerate(names) if not name.startswith("j")]
        found = one(relations(parts, mrr, months("2024-03", "2024-03")), "churn", 1)
        assert found is not None
        assert found["events"] == 30
        assert found["correlation"] == pytest.approx(0, abs=1e-9)

    def test_is_that_of_ranks_so_that_only_the_order_of_values_matters(self):
        values = [float((n * 29) % 60) for n in range(60)]
        calendar = months("2024-02", "2024-02")
        plain = relations([ratio(v, str(n)) for n, v in enumerate(values)], company(25, 35), calendar)
        bent = relations([ratio(math.exp(v / 9), str(n)) for n, v in enumerate(values)], company(25, 35), calendar)
        assert plain.equals(bent)

    def test_of_a_metric_that_is_the_same_for_all_is_not_there(self):
        assert relations(
            [ratio(3, str(n)) for n in range(60)], company(25, 35), months("2024-02", "2024-02")
        ).is_empty()


class TestWhoIsCompared:
    def test_twenty_leavers_are_needed(self):
        parts = [ratio(n, str(n)) for n in range(60)]
        calendar = months("2024-02", "2024-02")
        assert relations(parts, company(19, 41), calendar).is_empty()
        assert relations(parts, company(20, 40), calendar).height == 1

    def test_leavers_without_a_value_do_not_count(self):
        parts = [ratio(n, str(n)) for n in range(1, 60)]
        assert relations(parts, company(20, 40), months("2024-02", "2024-02")).is_empty()
        found = one(relations(parts, company(21, 39), months("2024-02", "2024-02")), "churn", 1)
        assert found is not None
        assert (found["n"], found["events"]) == (59, 20)

    @pytest.mark.parametrize("lag", [1, 2, 3])
    def test_a_lag_is_the_months_from_the_value_to_the_departure(self, lag):
        parts = [ratio(n, str(n)) for n in range(60)]
        found = relations(parts, company(20, 40, until=lag), months("2024-04", "2024-04"))
        # January alone has values, and by the end of April all three months after it are known.
        assert set(found.select("outcome", "lag_months").rows()) == {("churn", lag), ("churn_3m", 1)}

    def test_who_left_before_the_lag_is_not_asked(self):
        mrr = [pays(str(n), 1 if n < 5 else 2 if n < 25 else None) for n in range(60)]
        found = relations([ratio(n, str(n)) for n in range(60)], mrr, months("2024-04", "2024-04"))
        assert one(found, "churn", 2)["n"] == 55
        assert one(found, "churn_3m", 1)["events"] == 25

    def test_who_had_cancelled_everything_is_not_asked(self):
        mrr = [pays(str(n), 1 if n < 25 else None, pending=5 if n < 5 else 4) for n in range(60)]
        found = one(relations([ratio(n, str(n)) for n in range(60)], mrr, months("2024-02", "2024-02")), "churn", 1)
        assert found is not None
        assert (found["n"], found["events"]) == (55, 20)

    def test_a_departure_counts_once_in_each_outcome(self):
        # Values from January to July; all 20 leave in June, so January's horizon misses them and February's doesn't.
        parts = [ratio(n, str(n), add_months(JAN, m)) for n in range(60) for m in range(7)]
        found = relations(parts, company(20, 40, until=5), months("2024-07", "2024-08"))
        events = found.filter(pl.col("month") == JULY).select("outcome", "lag_months", "events").rows()
        assert sorted(events) == [("churn", 1, 20), ("churn", 2, 20), ("churn", 3, 20), ("churn_3m", 1, 20)]

    def test_three_month_outcomes_are_of_every_third_month_back_from_the_last_known(self):
        parts = [ratio(n, str(n), add_months(JAN, m)) for n in range(60) for m in range(7)]
        found = relations(parts, company(20, 40, until=5), months("2024-04", "2024-08"))
        asked = {row["month"].month: row["n"] for row in found.filter(pl.col("outcome") == "churn_3m").to_dicts()}
        # July asks April and January (60 + 60), June asks March, August May (when 20 are about to leave) and February.
        assert asked == {6: 60, 7: 120, 8: 120}


class TestWhatAMonthCanKnow:
    def test_an_outcome_counts_from_the_month_it_is_known_in(self):
        parts = [ratio(n, str(n)) for n in range(60)]
        found = relations(parts, company(20, 40, until=2), months("2024-01", "2024-05"))
        assert found.select("month", "outcome", "lag_months").rows() == [
            (MARCH, "churn", 2),
            (APRIL, "churn", 2),
            (APRIL, "churn_3m", 1),
            (day("2024-05-01"), "churn", 2),
        ]

    def test_a_month_that_is_not_over_has_no_rows(self):
        parts = [ratio(n, str(n)) for n in range(60)]
        assert relations(parts, company(20, 40), months("2024-02", "2024-02", as_of="2024-02-28")).is_empty()

    def test_later_months_change_nothing(self):
        parts = [ratio((n * 7) % 60, str(n), add_months(JAN, m)) for n in range(60) for m in range(7)]
        mrr = [pays(str(n), 1 + n % 5 if n < 50 else None) for n in range(60)]
        whole = relations(parts, mrr, months("2024-02", "2024-07"))
        known = [part for part in parts if part[0] <= APRIL]
        paid = [[row for row in of if row["month"] <= APRIL] for of in mrr]
        assert whole.filter(pl.col("month") == APRIL).equals(relations(known, paid, months("2024-04", "2024-04")))
        assert whole.filter(pl.col("month") == APRIL).height > 0

    def test_nothing_comes_of_nothing(self):
        assert relations([], company(20, 40), months("2024-02", "2024-02")).is_empty()
        assert relations([ratio(1, "a")], [], months("2024-02", "2024-02")).is_empty()

    def test_where_everybody_has_left_at_once_nobody_is_asked_later(self):
        parts = [ratio(float(n), str(n), add_months(JAN, m)) for n in range(30) for m in range(2)]
        mrr = [*company(30, 0), pays("later", None, add_months(JAN, 4), 4)]
        found = relations(parts, mrr, months("2024-02", "2024-08"))
        assert found.is_empty()
        assert ranks(np.zeros((0, 3), dtype=np.int64)).shape == (0, 3)

    @pytest.mark.parametrize("leavers", [21, 22, 23, 24, 25, 35])
    def test_where_all_with_a_value_leave_nothing_goes_with_it(self, leavers):
        parts = [ratio(float(n), str(n)) for n in range(leavers)]
        calendar = months("2024-02", "2024-02")
        assert relations(parts, company(leavers, 0), calendar).is_empty()
        assert relations(parts, company(leavers, 30), calendar).is_empty()


class TestTheChance:
    def test_is_that_of_drawing_the_leavers_at_random_on_both_sides(self):
        # 30 of 60 leave; 30 have the value 1, of whom 19 left. By Fisher's exact test: 19 and more, or 11 and fewer.
        chance = [math.comb(30, k) * math.comb(30, 30 - k) / math.comb(60, 30) for k in range(31)]
        exact = sum(chance[:12]) + sum(chance[19:])
        assert 0.05 < exact < 0.1
        parts = [ratio(11 <= n < 41, str(n)) for n in range(60)]
        found = one(relations(parts, company(30, 30), months("2024-02", "2024-02")), "churn", 1)
        assert found is not None
        assert found["p_value"] == pytest.approx(exact, abs=4 * math.sqrt(exact / 2000))

    def test_of_a_rare_value_is_not_that_of_the_normal_law(self):
        # 20 of 400 leave; 4 have the value 1, of whom 2 left. The normal law says 0.00003, drawing says 0.013.
        chance = [math.comb(20, k) * math.comb(380, 4 - k) / math.comb(400, 4) for k in range(5)]
        parts = [ratio(18 <= n < 22, str(n)) for n in range(400)]
        found = one(relations(parts, company(20, 380), months("2024-02", "2024-02")), "churn", 1)
        assert found is not None
        assert found["p_value"] == pytest.approx(sum(chance[2:]), abs=0.008)

    @pytest.mark.parametrize(("size", "few"), [(6, 1), (6, 3), (40, 20), (5, 2)])
    def test_every_set_of_leavers_is_as_likely_as_any_other(self, size, few):
        drawn = subsets(np.random.default_rng(7), 60_000, size, few)
        assert all(len(set(row)) == few for row in drawn.tolist())
        if size < 10:
            seen = Counter(tuple(sorted(row)) for row in drawn.tolist())
            assert len(seen) == math.comb(size, few)
            assert chisquare(list(seen.values())).pvalue > 1e-4
        assert np.bincount(drawn.ravel(), minlength=size) / 60_000 == pytest.approx(few / size, abs=0.012)

    @pytest.mark.parametrize("size", [10_000, 2**28, 2**40])
    def test_those_that_come_first_are_drawn_however_many_accounts_there_are(self, size):
        drawn = subsets(np.random.default_rng(7), 200, size, 5)
        came = np.random.default_rng(7).integers(0, size, (200, 15))
        first = [sorted(list(dict.fromkeys(row))[:5]) for row in came.tolist()]
        assert drawn.tolist() == first

    @pytest.mark.parametrize("leavers", [1, 2, 5, 6])
    def test_draws_sums_of_the_leavers_whether_few_or_many_leave(self, leavers):
        tens = np.array([[1.0], [10.0], [100.0], [1_000.0], [10_000.0], [float("nan")]])
        left = np.arange(6) < leavers
        drawn = month_sums(tens, left, (1, 2, 3), draws=400).of_drawn[:, 0]
        sets = {sum(chosen) for chosen in itertools.combinations([1, 10, 100, 1_000, 10_000, 0], leavers)}
        assert set(drawn.round(6)) == sets

    @pytest.mark.parametrize(("accounts", "bytes_each"), [(9, 2), (3_000, 4)])
    def test_draws_are_kept_exactly_as_whole_numbers(self, accounts, bytes_each):
        values = np.array([[number % 7, number if number % 3 else np.nan] for number in range(accounts)], dtype=float)
        sums = month_sums(ranks(order(values)), np.arange(accounts) < accounts // 2, (1, 2, 3))
        kept = in_whole_numbers(sums.of_drawn, sums.n)
        assert kept.shape == (2, 1999)
        assert kept.dtype.itemsize == bytes_each
        for column, number in enumerate(sums.n.tolist()):
            assert as_drawn(kept[column].tobytes(), number) == pytest.approx(sums.of_drawn[:, column], abs=1e-12)

    def test_is_never_below_one_in_two_thousand(self):
        parts = [ratio(n, str(n)) for n in range(60)]
        found = one(relations(parts, company(20, 40), months("2024-02", "2024-02")), "churn", 1)
        assert found is not None
        assert found["p_value"] == 1 / 2000

    def test_q_is_what_benjamini_and_hochberg_say(self):
        parts = [
            ratio((n * step) % 60 // 2, str(n), metric=f"m{step}") for n in range(60) for step in (1, 7, 11, 13, 17, 19)
        ]
        found = relations(parts, company(20, 40), months("2024-02", "2024-02"))
        p = sorted(found["p_value"])
        least = [min(p[j] * len(p) / (j + 1) for j in range(len(p)) if p[j] >= own) for own in found["p_value"]]
        assert found.height == 6
        assert len(set(p)) > 2
        assert found["q_value"].to_list() == pytest.approx([min(1, q) for q in least])
        assert (found["q_value"] >= found["p_value"]).all()

    def test_does_not_depend_on_the_order_of_rows_or_on_other_metrics(self):
        parts = [ratio((n * 7) % 60, str(n)) for n in range(60)]
        others = [ratio((n * 11) % 13, str(n), metric=name) for n in range(0, 60, 2) for name in ("a", "z")]
        calendar = months("2024-02", "2024-02")
        alone = relations(parts, company(20, 40), calendar)
        assert relations(parts[::-1], company(20, 40)[::-1], calendar).equals(alone)
        among = relations(others + parts, company(20, 40), calendar).filter(pl.col("metric") == "use")
        assert among.drop("q_value").equals(alone.drop("q_value"))


class TestAnAccountsValue:
    def values(self, *parts: Part) -> list[float | None]:
        """Of the accounts a and b."""
        (metric,) = {part[1] for part in parts} & {"use", "mau"} or {"use"}
        frame = pl.DataFrame(parts, schema=SCHEMA, orient="row")
        found = account_values(frame, pl.Series(["a", "b"]), [defined(metric, Sum if metric == "mau" else Ratio)])
        return [None if math.isnan(value) else value for (value,) in found.tolist()]

    def test_of_a_ratio_is_numerator_over_denominator(self):
        assert self.values((JAN, "use", "a", 1.0, 4.0)) == [0.25, None]

    def test_of_a_ratio_is_unknown_without_a_denominator(self):
        assert self.values((JAN, "use", "a", 1.0, 0.0)) == [None, None]

    def test_of_a_sum_is_zero_for_an_account_that_has_no_part(self):
        assert self.values((JAN, "mau", "a", 3.0, None)) == [3.0, 0.0]
        assert self.values((JAN, "mau", "someone else", 3.0, None)) == [0.0, 0.0]

    def test_of_a_sum_is_unknown_in_a_month_in_which_nobody_has_a_part(self):
        assert self.values() == [None, None]

    def test_of_another_metric_is_not_asked_for(self):
        assert self.values((JAN, "age", "a", 3.0, 1.0)) == [None, None]


class TestRanks:
    def test_are_means_of_equals_around_zero_and_apart_by_one_over_their_number(self):
        values = np.array([[30.0], [10.0], [float("nan")], [10.0], [20.0]])
        assert ranks(order(values))[:, 0] == pytest.approx(
            [1.5 / 4, -1 / 4, float("nan"), -1 / 4, 0.5 / 4], nan_ok=True
        )

    def test_are_those_of_scipy_among_whoever_is_left(self):
        random = np.random.default_rng(5)
        values = random.integers(0, 9, (200, 3)).astype(float)
        values[random.random((200, 3)) < 0.2] = np.nan
        there = random.random(200) < 0.7
        found = ranks(order(values)[there])
        for column in range(3):
            of_metric = values[there, column]
            known = of_metric[~np.isnan(of_metric)]
            expected = (rankdata(known) - (len(known) + 1) / 2) / len(known)
            assert found[~np.isnan(of_metric), column] == pytest.approx(expected)
            assert np.isnan(found[np.isnan(of_metric), column]).all()
