"""From accounts to segments: every combination of segments first, as many share one."""

import polars as pl
import pytest

from schemas.config import Minimums
from tests.frames import day, margins, months
from transforms.exported import Exported
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import Ratio, Sum
from transforms.metrics.roll_up import Surroundings, roll_up

JANUARY = day("2024-01-01")


def of(kind, **more):
    def function() -> None: ...

    function.__name__ = "thing"
    said = {"unit": "users", "better": "higher", "signal": "leading", "perspective": "product", "over_time": "none"}
    return kind(**said, function=function, **more)


def values(kind, parts, accounts, segments):
    """By dimension and segment the value of a metric of some parts (account, numerator, denominator)."""
    dim_month = months("2024-01", "2024-01")
    listed = [{"month": JANUARY, "account_id": name, **of_it} for name, of_it in accounts.items()]
    schema = {"month": pl.Date, "account_id": pl.String, **dict.fromkeys(segments, pl.String)}
    around = Surroundings(
        dim_month=dim_month,
        gross_margin=margins(dim_month, 0.8),
        accounts=AccountSegments(pl.DataFrame(listed, schema), segments),
        exported=Exported({}),
        minimums=Minimums(),
        as_of=day("2025-01-01"),
    )
    told = {"month": pl.Date, "account_id": pl.String, "numerator": pl.Float64, "denominator": pl.Float64}
    frame = pl.DataFrame([(JANUARY, *part) for part in parts], told, orient="row")
    rows = roll_up(of(kind), frame, around).select("dimension", "segment", "value").rows()
    return {(dimension, segment): value for dimension, segment, value in rows}


PARTS = [("a", 1.0, 4.0), ("b", 2.0, 4.0), ("c", 3.0, 2.0), ("nobody's", 5.0, 10.0)]
ACCOUNTS = {
    "a": {"region": "EMEA", "profile": "large"},
    "b": {"region": "EMEA", "profile": "small"},
    "c": {"region": "APAC", "profile": "small"},
}


def test_each_segment_is_the_sum_of_its_accounts_and_the_company_of_all():
    assert values(Ratio, PARTS, ACCOUNTS, ("region", "profile")) == {
        ("all", "all"): 11 / 20,
        ("region", "EMEA"): 3 / 8,
        ("region", "APAC"): 3 / 2,
        ("profile", "large"): 1 / 4,
        ("profile", "small"): 5 / 6,
    }


def test_a_company_without_segments_has_its_own_value_alone():
    assert values(Sum, PARTS, {name: {} for name in ACCOUNTS}, ()) == {("all", "all"): 11}


@pytest.mark.parametrize("name", ["profile", "_whole", "numerator_whole", "accounts"])
def test_a_segment_may_be_called_anything(name):
    found = values(Sum, PARTS, {account: {name: of["region"]} for account, of in ACCOUNTS.items()}, (name,))
    assert found == {("all", "all"): 11, (name, "EMEA"): 3, (name, "APAC"): 3}


def test_sums_are_exact_however_the_accounts_are_spread_over_segments():
    parts = [(str(n), value, 1.0) for n, value in enumerate([2.0**53, 1.0, 0.5, 0.5, -(2.0**53)])]
    accounts = {str(n): {"region": f"r{n}", "profile": "p"} for n in range(5)}
    found = values(Sum, parts, accounts, ("region", "profile"))
    assert found["all", "all"] == found["profile", "p"] == 2
    assert sorted(found["region", f"r{n}"] for n in range(5)) == sorted(value for _, value, _ in parts)
