"""Retention and revenue metrics of small companies whose numbers are worked out by hand."""

import datetime as dt
from math import sqrt
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctMrrAccountMonth
from schemas.config import Minimums
from schemas.customers import DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from tests.frames import day, declared_days, margins, months, rows
from transforms.exported import Exported
from transforms.metrics import retention, revenue
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, derive, roll_up

FAR = dt.date(2099, 12, 31)
WITH_HISTORY = {"subscription_items": frozenset({"subscription_id", "valid_from", "started_on"})}
WITHOUT_HISTORY = {"subscription_items": frozenset({"subscription_id", "started_on"})}
MONTHLY = (
    "churn_rate", "crr", "nrr", "grr", "mrr_churn_rate", "expansion_rate", "quick_ratio", "arpa", "mrr", "new_mrr",
    "reactivation_mrr", "expansion_mrr", "upsell_mrr", "cross_sell_mrr", "contraction_mrr", "churned_mrr",
    "net_new_mrr",
)  # fmt: skip
YEARLY = ("churn_rate_12m", "crr_12m", "grr_12m", "nrr_12m")


def test_the_metrics_here_are_those_that_the_two_modules_define():
    defined = {name for name, metric in REGISTRY.items() if metric.module in (revenue.__name__, retention.__name__)}
    assert defined >= {*MONTHLY, *YEARLY, "arr"}


def fact(account: str, month: str = "2024-06", **cents: int) -> dict[str, Any]:
    """An account's month: what is named, in cents; the rest is 0."""
    money = {name: 0 for name in FctMrrAccountMonth.dtypes() if name.endswith("_cents")}
    named = {f"{name}_cents": value for name, value in cents.items()}
    row = {**money, **named, "month": day(f"{month}-01"), "account_id": account}
    moved = row["new_cents"] + row["reactivation_cents"] + row["expansion_cents"] + row["fx_cents"]
    closing = row["opening_cents"] + moved - row["contraction_cents"] - row["churned_cents"]
    return {**row, "closing_cents": closing}


def table(*facts: dict[str, Any]) -> pl.DataFrame:
    return rows(FctMrrAccountMonth, *facts)


def around(
    *accounts: dict[str, Any],
    first: str = "2024-06",
    last: str = "2024-06",
    exported: dict[str, frozenset[str]] = WITH_HISTORY,
    begins: str | None = "2020-01",
    as_of: str | None = None,
) -> Surroundings:
    """Months, accounts (month, account_id, segments; by default of 2024-06) and what is exported."""
    segments = tuple(sorted({name for row in accounts for name in row} - {"account_id", "month"}))
    known = [
        {**row, "month": day(f"{row.get('month', '2024-06')}-01"), "account_key": key}
        for key, row in enumerate(accounts)
    ]
    dim_month = months(first, last, as_of)
    return Surroundings(
        dim_month=dim_month,
        gross_margin=margins(dim_month),
        accounts=AccountSegments(rows(DimAccountMonth, *known), segments),
        exported=Exported(exported),
        minimums=Minimums(),
        as_of=day(as_of) if as_of else FAR,
        begins=day(f"{begins}-01") if begins else None,
        provisional_days=declared_days(*MONTHLY, *YEARLY, "arr"),
    )


def metric_rows(name: str, facts: pl.DataFrame, where: Surroundings) -> pl.DataFrame:
    """A metric's rows of metric_month, held against their contract."""
    metric = REGISTRY[name]
    if metric.rollup == "derived":
        operands = pl.concat([metric_rows(operand, facts, where) for operand in metric.operands])
        return MetricMonth.validate(derive(metric, operands, where))
    return MetricMonth.validate(roll_up(metric, Parts.validate(metric.function(facts)), where))


def found(
    name: str,
    facts: pl.DataFrame,
    where: Surroundings,
    month: str = "2024-06",
    dimension: str = "all",
    segment: str = "all",
) -> dict[str, Any]:
    """The one row of a metric for a month and segment."""
    rows_there = metric_rows(name, facts, where).filter(month=day(f"{month}-01"), dimension=dimension, segment=segment)
    assert rows_there.height == 1, f"{rows_there.height} rows of {name} in {month} for {dimension} = {segment}"
    return rows_there.row(0, named=True)


# --- a company in June 2024 -------------------------------------------------------------------------------------------

COMPANY = table(
    fact("A", opening=100_00, expansion=20_00, upsell=15_00, cross_sell=5_00),
    fact("B", opening=200_00, contraction=50_00),
    fact("C", opening=60_00, churned=60_00),
    fact("D", new=40_00),
    fact("E", reactivation=30_00),
    fact("F", opening=40_00, fx=4_00),
)
"""Opening 400.00; +20, −50, −60, +40, +30, fx +4; closing 384.00 of five accounts."""

SEGMENTED = around(
    {"account_id": "A", "industry": "Retail", "size": "S"},
    {"account_id": "B", "industry": "Retail", "size": "L"},
    {"account_id": "C", "industry": "(unknown)", "size": "S"},
    {"account_id": "D", "industry": "Health", "size": "S"},
    {"account_id": "E", "industry": "(unknown)", "size": "L"},
    {"account_id": "F", "industry": "Health", "size": "L"},
    {"account_id": "G", "industry": "Mining", "size": "L"},
)


@pytest.mark.parametrize(
    ("name", "value", "numerator", "denominator"),
    [
        ("churn_rate", 1 / 4, 1, 4),
        ("crr", 3 / 4, 3, 4),
        ("grr", 290 / 400, 290_00, 400_00),
        ("nrr", 310 / 400, 310_00, 400_00),
        ("mrr_churn_rate", 110 / 400, 110_00, 400_00),
        ("expansion_rate", 20 / 400, 20_00, 400_00),
        ("quick_ratio", 90 / 110, 90_00, 110_00),
        ("arpa", 76_80, 384_00, 5),
        ("mrr", 384_00, 384_00, None),
        ("arr", 4608_00, None, None),
        ("new_mrr", 40_00, 40_00, None),
        ("reactivation_mrr", 30_00, 30_00, None),
        ("expansion_mrr", 20_00, 20_00, None),
        ("upsell_mrr", 15_00, 15_00, None),
        ("cross_sell_mrr", 5_00, 5_00, None),
        ("contraction_mrr", 50_00, 50_00, None),
        ("churned_mrr", 60_00, 60_00, None),
        ("net_new_mrr", -20_00, -20_00, None),
    ],
)
def test_the_metric_of_the_company(name, value, numerator, denominator):
    row = found(name, COMPANY, SEGMENTED)
    assert row["value"] == pytest.approx(value, rel=1e-12)
    assert (row["numerator"], row["denominator"]) == (numerator, denominator)
    assert row["null_reason"] is None
    assert row["is_provisional"] is False


@pytest.mark.parametrize(
    ("name", "dimension", "segment", "value"),
    [
        ("churn_rate", "industry", "Retail", 0.0),
        ("churn_rate", "industry", "(unknown)", 1.0),
        ("churn_rate", "industry", "Health", 0.0),
        ("churn_rate", "size", "S", 1 / 2),
        ("crr", "size", "L", 1.0),
        ("grr", "industry", "Retail", 250 / 300),
        ("grr", "size", "S", 100 / 160),
        ("nrr", "industry", "Retail", 270 / 300),
        ("nrr", "industry", "Health", 1.0),  # fx is not retention
        ("nrr", "industry", "(unknown)", 0.0),  # the reactivation of E stays out
        ("nrr", "size", "S", 120 / 160),
        ("mrr_churn_rate", "size", "L", 50 / 240),
        ("expansion_rate", "industry", "Retail", 20 / 300),
        ("quick_ratio", "industry", "(unknown)", 30 / 60),
        ("quick_ratio", "size", "S", 60 / 60),
        ("arpa", "industry", "Retail", 135_00),
        ("arpa", "industry", "(unknown)", 30_00),
        ("mrr", "industry", "Health", 84_00),
        ("arr", "industry", "Health", 1008_00),
    ],
)
def test_the_metric_of_a_segment(name, dimension, segment, value):
    row = found(name, COMPANY, SEGMENTED, dimension=dimension, segment=segment)
    assert row["value"] == pytest.approx(value, rel=1e-12)
    assert row["null_reason"] is None


@pytest.mark.parametrize("name", [*MONTHLY, "arr"])
def test_a_metric_has_a_row_for_the_company_and_each_segment_of_the_month(name):
    there = metric_rows(name, COMPANY, SEGMENTED).select("dimension", "segment").rows()
    industries = [("industry", value) for value in ("(unknown)", "Health", "Mining", "Retail")]
    assert sorted(there) == [("all", "all"), *industries, ("size", "L"), ("size", "S")]


@pytest.mark.parametrize("name", [*MONTHLY, "arr"])
def test_a_segment_whose_accounts_have_no_mrr_has_sums_of_nothing_and_no_ratios(name):
    row = found(name, COMPANY, SEGMENTED, dimension="industry", segment="Mining")
    if REGISTRY[name].unit == "cents" and name != "arpa":
        assert (row["value"], row["null_reason"]) == (0, None)
    else:
        assert (row["value"], row["null_reason"]) == (None, "zero_denominator")


@pytest.mark.parametrize("name", MONTHLY)
def test_the_segments_of_a_dimension_add_up_to_the_company(name):
    there = metric_rows(name, COMPANY, SEGMENTED)
    for part in ("numerator", "denominator"):
        sums = dict(there.group_by("dimension").agg(pl.col(part).sum()).rows())
        assert sums["industry"] == sums["size"] == sums["all"]


def test_an_account_outside_of_every_segment_counts_in_the_company_alone():
    more = pl.concat([COMPANY, table(fact("(unknown account)", opening=600_00, churned=600_00))])
    assert found("mrr_churn_rate", more, SEGMENTED)["value"] == pytest.approx(710 / 1000)
    assert found("mrr_churn_rate", more, SEGMENTED, dimension="size", segment="S")["value"] == pytest.approx(60 / 160)


def test_a_segment_has_a_row_only_in_the_months_in_which_it_has_an_account():
    facts = table(fact("A", "2024-06", opening=10_00), fact("A", "2024-07", opening=10_00, churned=10_00))
    where = around(
        {"account_id": "A", "month": "2024-06", "industry": "Retail"},
        {"account_id": "A", "month": "2024-07", "industry": "Health"},
        last="2024-07",
    )
    there = metric_rows("churn_rate", facts, where).filter(pl.col("dimension") != "all")
    assert there.select("month", "segment", "value").rows() == [
        (day("2024-06-01"), "Retail", 0.0),
        (day("2024-07-01"), "Health", 1.0),
    ]


def test_months_that_are_not_asked_for_have_no_rows():
    facts = table(fact("A", "2024-05", new=10_00), fact("A", "2024-06", opening=10_00))
    assert metric_rows("mrr", facts, around())["month"].to_list() == [day("2024-06-01")]


# --- the parts of the definitions -------------------------------------------------------------------------------------


def test_joiners_and_returners_are_in_neither_churn_nor_retention():
    joined = table(fact("A", opening=10_00), fact("B", new=5_00), fact("C", reactivation=5_00))
    for name, value in {
        "churn_rate": 0,
        "crr": 1,
        "nrr": 1,
        "grr": 1,
        "mrr_churn_rate": 0,
        "expansion_rate": 0,
    }.items():
        row = found(name, joined, around())
        assert row["value"] == value, name
        assert row["observations"] == 1, name


def test_grr_does_not_see_expansion_and_nrr_does():
    both = table(fact("A", opening=100_00, expansion=900_00), fact("B", opening=100_00, churned=100_00))
    assert found("grr", both, around())["value"] == 0.5
    assert found("nrr", both, around())["value"] == 5.0


def test_rates_of_exchange_are_in_no_retention_metric():
    moved = table(fact("A", opening=100_00, fx=-40_00), fact("B", opening=100_00, fx=300_00, contraction=10_00))
    assert found("nrr", moved, around())["value"] == pytest.approx(0.95)
    assert found("grr", moved, around())["value"] == pytest.approx(0.95)
    assert found("mrr_churn_rate", moved, around())["value"] == pytest.approx(0.05)
    assert found("net_new_mrr", moved, around())["value"] == -10_00


def test_a_contraction_is_no_churned_account():
    assert found("churn_rate", table(fact("A", opening=10_00, contraction=9_00)), around())["value"] == 0


def test_observations_are_the_accounts_behind_the_value():
    expected = {"churn_rate": 4, "crr": 4, "nrr": 4, "grr": 4, "mrr_churn_rate": 4, "arpa": 5, "mrr": 5, "new_mrr": 1}
    assert {name: found(name, COMPANY, SEGMENTED)["observations"] for name in expected} == expected


@pytest.mark.parametrize("name", ["churn_rate", "crr", "nrr", "grr", "mrr_churn_rate", "expansion_rate"])
def test_a_month_that_opens_with_nobody_has_no_rate(name):
    row = found(name, table(fact("A", new=10_00)), around())
    assert (row["value"], row["null_reason"], row["denominator"]) == (None, "zero_denominator", 0)
    assert (row["ci_low"], row["ci_high"]) == (None, None)


def test_a_month_in_which_nothing_is_lost_has_no_quick_ratio():
    row = found("quick_ratio", table(fact("A", new=10_00)), around())
    assert (row["value"], row["null_reason"]) == (None, "zero_denominator")


def test_a_company_without_any_mrr_has_none_and_no_revenue_per_account():
    assert found("mrr", table(), around())["value"] == 0
    assert found("arr", table(), around())["value"] == 0
    assert found("arpa", table(), around())["null_reason"] == "zero_denominator"


# --- twelve months ----------------------------------------------------------------------------------------------------


def life(account: str, closings: dict[str, int], fx: dict[str, int] | None = None) -> list[dict[str, Any]]:
    """Rows of an account with the named closings; only closing and fx matter for a cohort."""
    moved = fx or {}
    return [
        {**fact(account, month), "closing_cents": cents, "fx_cents": moved.get(month, 0)}
        for month, cents in closings.items()
    ]


TWELVE = table(
    *life(
        "A",
        {"2024-01": 100_00, "2024-02": 106_00, "2025-01": 150_00},
        {"2024-01": 77_00, "2024-02": 6_00, "2025-01": 4_00},
    ),
    *life("B", {"2024-01": 200_00, "2024-07": 190_00, "2025-01": 120_00}, {"2024-07": -30_00}),
    *life("C", {"2024-01": 70_00, "2024-02": 0}),
    *life("D", {"2024-01": 50_00, "2024-03": 0, "2024-09": 50_00, "2025-01": 50_00}),
    *life("E", {"2024-02": 900_00, "2025-01": 900_00}),
    *life("F", {"2024-01": 10_00, "2024-12": 30_00, "2025-01": 5_00}, {"2024-12": 20_00}),
)
"""The five that paid in January 2024, 430.00 together, and E who came a month later.

A: 150 less fx of 6 + 4 is 140 (the fx of January 2024 is of the twelve months before). B: 120 + 30 is 150. C is gone.
D left and came back: 50. F: 5 less fx of 20 is below 0, so 0, yet it pays.
"""
JANUARY = {"first": "2025-01", "last": "2025-01", "begins": "2024-01"}


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [
        ("churn_rate_12m", 1, 5),
        ("crr_12m", 4, 5),
        ("nrr_12m", 140_00 + 150_00 + 50_00, 430_00),
        ("grr_12m", 100_00 + 150_00 + 50_00, 430_00),
    ],
)
def test_the_cohort_of_twelve_months_ago(name, numerator, denominator):
    row = found(name, TWELVE, around(**JANUARY), month="2025-01")
    assert (row["numerator"], row["denominator"]) == (numerator, denominator)
    assert row["value"] == pytest.approx(numerator / denominator)
    assert row["null_reason"] is None


def test_the_twelve_months_of_fx_are_those_after_the_first_month_end_through_the_last():
    def now(fx_month: str) -> float:
        lived = table(*life("A", {"2024-01": 100_00, fx_month: 100_00, "2025-01": 100_00}, {fx_month: 10_00}))
        return found("nrr_12m", lived, around(**JANUARY), month="2025-01")["numerator"]

    in_the_twelve = {f"2024-{n:02d}" for n in range(2, 13)} | {"2025-01"}
    assert {month: now(month) for month in in_the_twelve} == dict.fromkeys(in_the_twelve, 90_00)
    assert now("2023-12") == 100_00
    only_before = table(*life("A", {"2024-01": 100_00, "2025-01": 100_00}, {"2024-01": 10_00}))
    assert found("nrr_12m", only_before, around(**JANUARY), month="2025-01")["numerator"] == 100_00


def test_who_is_gone_brings_nothing_whatever_its_fx_was():
    gone = table(*life("A", {"2024-01": 100_00, "2024-06": 60_00, "2024-07": 0}, {"2024-06": -40_00}))
    assert found("nrr_12m", gone, around(**JANUARY), month="2025-01")["value"] == 0
    assert found("churn_rate_12m", gone, around(**JANUARY), month="2025-01")["value"] == 1


def test_a_cohort_is_cut_by_the_segment_at_month_end():
    where = around(
        {"account_id": "A", "month": "2024-01", "industry": "Health"},
        {"account_id": "A", "month": "2025-01", "industry": "Retail"},
        {"account_id": "B", "month": "2025-01", "industry": "Retail"},
        {"account_id": "C", "month": "2025-01", "industry": "(unknown)"},
        **JANUARY,
    )
    retail = found("nrr_12m", TWELVE, where, month="2025-01", dimension="industry", segment="Retail")
    assert retail["value"] == pytest.approx(290 / 300)
    unknown = found("churn_rate_12m", TWELVE, where, month="2025-01", dimension="industry", segment="(unknown)")
    assert unknown["value"] == 1


@pytest.mark.parametrize("name", YEARLY)
def test_twelve_months_cannot_be_known_where_the_data_begins_later(name):
    facts = table(*life("A", {"2024-02": 100_00, "2025-01": 90_00, "2025-02": 80_00}))
    where = around(first="2025-01", last="2025-02", begins="2024-02")
    january, february = (found(name, facts, where, month=month) for month in ("2025-01", "2025-02"))
    assert (january["value"], january["null_reason"]) == (None, "insufficient_history")
    assert (january["ci_low"], january["ci_high"]) == (None, None)
    assert february["null_reason"] is None
    assert february["value"] == {"churn_rate_12m": 0, "crr_12m": 1, "grr_12m": 0.8, "nrr_12m": 0.8}[name]


@pytest.mark.parametrize("name", YEARLY)
def test_twelve_months_of_no_data_cannot_be_known(name):
    row = found(name, table(), around(first="2025-01", last="2025-01", begins=None), month="2025-01")
    assert (row["value"], row["null_reason"]) == (None, "insufficient_history")


@pytest.mark.parametrize("name", YEARLY)
def test_a_published_range_that_begins_later_than_the_data_does_not_matter(name):
    row = found(name, TWELVE, around(first="2025-01", last="2025-01", begins="2022-05"), month="2025-01")
    assert row["value"] is not None


@pytest.mark.parametrize("name", YEARLY)
def test_nobody_paying_twelve_months_ago_is_no_cohort(name):
    late = table(*life("A", {"2024-06": 100_00, "2025-01": 100_00}))
    row = found(name, late, around(**JANUARY), month="2025-01")
    assert (row["value"], row["null_reason"]) == (None, "zero_denominator")


# --- Wilson's interval ------------------------------------------------------------------------------------------------


def accounts_leaving(gone: int, of: int) -> pl.DataFrame:
    left = [fact(f"L{n}", opening=10_00, churned=10_00) for n in range(gone)]
    return table(*left, *(fact(f"S{n}", opening=10_00) for n in range(of - gone)))


def test_the_interval_of_eight_in_ten_is_wilsons():
    # (0.8 + 0.192073) / 1.384146 ± 1.959964 / 1.384146 × √(0.016 + 0.009604) = 0.71674 ± 0.22658
    row = found("churn_rate", accounts_leaving(8, 10), around())
    assert row["ci_low"] == pytest.approx(0.49016, abs=5e-6)
    assert row["ci_high"] == pytest.approx(0.94332, abs=5e-6)


@pytest.mark.parametrize(("gone", "of"), [(1, 4), (1, 50), (8, 10), (37, 100), (99, 100)])
def test_both_ends_of_the_interval_are_as_far_as_the_score_test_allows(gone, of):
    # By its definition an end p solves (p̂ − p)² = z² p (1 − p) / n.
    row = found("churn_rate", accounts_leaving(gone, of), around())
    share, z = gone / of, 1.959963984540054
    assert row["ci_low"] < share < row["ci_high"]
    for end in (row["ci_low"], row["ci_high"]):
        assert abs(share - end) == pytest.approx(z * sqrt(end * (1 - end) / of), rel=1e-9)


def test_the_interval_of_none_and_of_all_is_one_sided():
    # 0 of n: z² / (n + z²) above; n of n is its mirror image.
    none = found("churn_rate", accounts_leaving(0, 10), around())
    assert none["ci_low"] == pytest.approx(0, abs=1e-12)
    assert none["ci_high"] == pytest.approx(3.841458820694124 / 13.841458820694124)
    every = found("churn_rate", accounts_leaving(10, 10), around())
    assert every["ci_low"] == pytest.approx(1 - 3.841458820694124 / 13.841458820694124)
    assert every["ci_high"] == pytest.approx(1)
    assert every["ci_high"] <= 1


def test_the_interval_of_retention_mirrors_that_of_churn():
    churn, kept = (found(name, COMPANY, SEGMENTED) for name in ("churn_rate", "crr"))
    assert kept["ci_low"] == pytest.approx(1 - churn["ci_high"])
    assert kept["ci_high"] == pytest.approx(1 - churn["ci_low"])


def test_shares_of_accounts_have_an_interval_and_money_has_none():
    for name in ("churn_rate", "crr"):
        assert found(name, COMPANY, SEGMENTED)["ci_low"] is not None, name
    for name in (*MONTHLY[2:], "arr"):
        row = found(name, COMPANY, SEGMENTED)
        assert (row["ci_low"], row["ci_high"]) == (None, None), name
    where = around(**JANUARY)
    there = {name: found(name, TWELVE, where, month="2025-01")["ci_low"] is not None for name in YEARLY}
    assert there == {"churn_rate_12m": True, "crr_12m": True, "grr_12m": False, "nrr_12m": False}


# --- what is not known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_of", "provisional"), [("2024-06-29", True), ("2024-06-30", False)])
@pytest.mark.parametrize("name", [*MONTHLY, "arr"])
def test_a_month_is_provisional_until_its_last_day(name, as_of, provisional):
    assert found(name, COMPANY, around(as_of=as_of))["is_provisional"] is provisional


@pytest.mark.parametrize("name", [*MONTHLY, *YEARLY, "arr"])
def test_only_the_month_of_as_of_is_provisional(name):
    there = metric_rows(name, TWELVE, around(first="2024-12", last="2025-02", as_of="2025-02-10"))
    assert there.sort("month")["is_provisional"].to_list() == [False, False, True]


KNOWN_WITHOUT_HISTORY = {
    "mrr", "arr", "arpa", "new_mrr", "reactivation_mrr", "churned_mrr", "churn_rate", "crr", "churn_rate_12m",
    "crr_12m",
}  # fmt: skip


@pytest.mark.parametrize("name", [*MONTHLY, *YEARLY, "arr"])
def test_without_versions_what_needs_expansion_or_contraction_is_not_exported(name):
    row = found(name, COMPANY, around(exported=WITHOUT_HISTORY))
    if name in KNOWN_WITHOUT_HISTORY:
        assert row["null_reason"] in (None, "zero_denominator")
    else:
        unknown = {key: row[key] for key in ("value", "numerator", "denominator", "observations", "ci_low", "ci_high")}
        assert row["null_reason"] == "not_exported"
        assert unknown == dict.fromkeys(unknown)


@pytest.mark.parametrize("name", [*MONTHLY, *YEARLY, "arr"])
def test_without_subscriptions_the_source_is_missing_in_the_company_and_in_every_segment(name):
    where = around({"account_id": "A", "industry": "Retail"}, exported={})
    there = metric_rows(name, table(), where)
    assert there["null_reason"].to_list() == ["source_missing"] * 2
    assert there["value"].to_list() == [None] * 2


def test_what_is_not_exported_is_said_before_what_is_too_short():
    row = found(
        "nrr_12m",
        TWELVE,
        around(first="2025-01", last="2025-01", begins="2024-09", exported=WITHOUT_HISTORY),
        month="2025-01",
    )
    assert row["null_reason"] == "not_exported"
