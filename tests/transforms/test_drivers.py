"""Why a ratio moved, by segment and by account."""

from collections.abc import Sequence

import polars as pl
import pytest

from schemas.metrics import MetricMonth, Parts
from tests.frames import day, months, rows
from transforms.catalogue import CATALOGUE
from transforms.explanations.drivers import metric_driver, metric_driver_account
from transforms.metrics.definition import Ratio

JANUARY, FEBRUARY = day("2024-01-01"), day("2024-02-01")
CHURN, NPS = CATALOGUE["churn_rate"], CATALOGUE["nps"]


def values(metric: str, scale: float, **segments: tuple[tuple[float, float], tuple[float, float]]) -> pl.DataFrame:
    """metric_month of one dimension: each segment's (numerator, denominator) in January and February."""
    told = []
    for nth, month in enumerate((JANUARY, FEBRUARY)):
        whole = [sum(parts[nth][place] for parts in segments.values()) for place in (0, 1)]
        for dimension, segment, (n, d) in [
            ("all", "all", whole),
            *(("industry", name, parts[nth]) for name, parts in segments.items()),
        ]:
            value = scale * n / d if d else None
            told.append(
                {"metric": metric, "month": month, "dimension": dimension, "segment": segment, "value": value}
                | {"numerator": float(n), "denominator": float(d), "is_provisional": False}
            )
    return rows(MetricMonth, *told)


def effects(frame: pl.DataFrame) -> dict[str, tuple[float, float]]:
    return {
        segment: (round(rate, 12), round(mix, 12))
        for segment, rate, mix in frame.select("segment", "rate_effect", "mix_effect").iter_rows()
    }


def test_a_rate_that_moves_with_steady_weights_is_rate_effect_alone():
    # Retail 1 of 10 → 3 of 10, Energy 1 of 10 → 1 of 10: half the weight each, so 0.5 × 0.2 and nothing else.
    made = metric_driver(
        values("churn_rate", 1, Retail=((1, 10), (3, 10)), Energy=((1, 10), (1, 10))),
        months("2024-02", "2024-02"),
        [CHURN],
    )
    assert effects(made) == {"Energy": (0.0, 0.0), "Retail": (0.1, 0.0)}
    assert made["company_change"].to_list() == pytest.approx([0.1, 0.1])


def test_weights_that_move_with_steady_rates_are_mix_effect_alone():
    # Rates 0.1 and 0.4 stay; Retail's weight goes 0.5 → 0.8. Company: 0.25 → 0.16, mean 0.205.
    made = metric_driver(
        values("churn_rate", 1, Retail=((1, 10), (8, 80)), Energy=((4, 10), (8, 20))),
        months("2024-02", "2024-02"),
        [CHURN],
    )
    assert effects(made) == {"Energy": (0.0, -0.0585), "Retail": (0.0, -0.0315)}


def test_a_segment_that_comes_takes_its_own_rate_for_the_month_before():
    # Company 0.1 → (1 + 4) / (10 + 10) = 0.25, mean 0.175; Energy 0 → 0.5 weight at 0.4: 0.5 × (0.4 − 0.175).
    made = metric_driver(
        values("churn_rate", 1, Retail=((1, 10), (1, 10)), Energy=((0, 0), (4, 10))),
        months("2024-02", "2024-02"),
        [CHURN],
    )
    assert effects(made) == {"Energy": (0.0, 0.1125), "Retail": (0.0, 0.0375)}


def test_effects_add_up_to_the_change_also_where_a_segment_has_a_numerator_alone():
    made = metric_driver(
        values("churn_rate", 1, Retail=((5, 10), (2, 20)), Energy=((3, 0), (1, 5))),
        months("2024-02", "2024-02"),
        [CHURN],
    )
    assert made["effect"].sum() == pytest.approx(3 / 25 - 8 / 10, abs=1e-12)
    assert (made["rate_effect"] + made["mix_effect"] - made["effect"]).abs().max() < 1e-12


def test_points_are_scaled():
    made = metric_driver(values("nps", 100, Retail=((2, 10), (5, 10))), months("2024-02", "2024-02"), [NPS])
    assert made["effect"].to_list() == pytest.approx([30.0])


def test_a_month_without_a_rate_before_has_no_drivers():
    made = metric_driver(values("churn_rate", 1, Retail=((0, 0), (1, 10))), months("2024-02", "2024-02"), [CHURN])
    assert made.is_empty()


def parts_of(metric: str, **accounts: tuple[tuple[float, float] | None, tuple[float, float] | None]) -> pl.DataFrame:
    told = [
        {"month": month, "account_id": account, "numerator": float(both[nth][0]), "denominator": float(both[nth][1])}
        for account, both in accounts.items()
        for nth, month in enumerate((JANUARY, FEBRUARY))
        if both[nth]
    ]
    return rows(Parts, *told).with_columns(metric=pl.lit(metric))


def driving(parts: pl.DataFrame, unknown: str | None = None, metrics: Sequence[Ratio] = (CHURN,)) -> pl.DataFrame:
    """metric_driver_account of February; `unknown`: why the company has no churn rate in it."""
    company = {"metric": "churn_rate", "month": FEBRUARY, "dimension": "all", "segment": "all", "null_reason": unknown}
    return metric_driver_account(parts, rows(MetricMonth, company), months("2024-02", "2024-02"), metrics)


def test_the_effect_of_an_account_is_the_change_less_the_change_without_it():
    # 1/10 → 4/20 with A's 0/1 → 2/2: change 0.1; without A 1/9 → 2/18, no change: all of it is A's.
    made = driving(parts_of("churn_rate", A=((0, 1), (2, 2)), B=((1, 9), (2, 18))))
    told = made.filter(pl.col("account_id") == "A").select("company_change", "change_without", "effect").row(0)
    assert told == pytest.approx((0.1, 0.0, 0.1))


def test_an_account_that_came_or_went_counts_with_what_it_has():
    made = driving(parts_of("churn_rate", A=(None, (5, 10)), B=((1, 10), (1, 10))))
    # 0.1 → 0.3 with A, 0.1 → 0.1 without.
    assert made.filter(pl.col("account_id") == "A")["effect"].item() == pytest.approx(0.2)


def test_ten_accounts_at_most_the_greatest_effect_first():
    # 0 → 1015/1400 = 0.725; without A14 819/1300 = 0.63, further off than without A01, 1014/1300 = 0.78.
    accounts = {f"A{n:02}": ((0, 100), (n * n, 100)) for n in range(1, 15)}
    made = driving(parts_of("churn_rate", **accounts))
    assert made["rank"].to_list() == list(range(1, 11))
    assert made["account_id"][0] == "A14"
    assert made["effect"].abs().is_sorted(descending=True)


def test_of_equal_effects_the_first_accounts_count():
    few = {f"F{n}": ((0, 100), (10, 100)) for n in range(7)}
    many = {f"M{n}": ((0, 100), (30, 100)) for n in range(7)}
    chosen = driving(parts_of("churn_rate", **many, **few))["account_id"].to_list()
    assert len(chosen) == 10
    for letter in "FM":
        own = [account for account in chosen if account.startswith(letter)]
        assert own == [f"{letter}{n}" for n in range(len(own))]
        assert len(own) >= 3


def test_every_metric_has_the_accounts_that_it_has_alone():
    named = {
        "churn_rate": {"A": ((0, 1), (2, 2)), "B": ((1, 9), (2, 18))},
        "nps": {"A": ((1, 4), (-2, 3)), "C": ((3, 3), (1, 5))},
        "grr": {"B": ((80, 100), (70, 100)), "C": (None, (20, 30)), "D": ((9, 10), (9, 10))},
    }
    alone = [driving(parts_of(name, **told), metrics=[CATALOGUE[name]]) for name, told in named.items()]
    together = driving(
        pl.concat(parts_of(name, **told) for name, told in named.items()), metrics=[CATALOGUE[n] for n in named]
    )
    assert together.sort("metric", "rank").equals(pl.concat(alone).sort("metric", "rank"))
    assert set(together["metric"]) == set(named)


def test_an_account_that_is_the_whole_company_has_no_change_without_it():
    made = driving(parts_of("churn_rate", A=((0, 1), (1, 1))))
    assert made.is_empty()


def test_an_account_drives_no_change_of_a_company_whose_value_is_not_known():
    told = parts_of("churn_rate", A=((0, 1), (2, 2)), B=((1, 9), (2, 18)))
    assert driving(told).height == 2
    assert driving(told, "not_exported").is_empty()
