"""Which values of closed months a publish restates."""

import datetime as dt
from typing import Any

import polars as pl

from pipelines.publish.restatements import restated
from schemas.metrics import MetricMonth

MAY = dt.date(2026, 5, 1)


def values(*rows: tuple[str, float | None, str | None], is_provisional: bool = False, **other: Any) -> pl.DataFrame:
    """Rows of segment, value, null_reason."""
    told = [
        {
            "metric": "nrr",
            "month": MAY,
            "dimension": "region",
            "is_provisional": is_provisional,
            "segment": segment,
            "value": value,
            "null_reason": reason,
            "observations": 1,
            **other,
        }
        for segment, value, reason in rows
    ]
    return MetricMonth.shaped(pl.DataFrame(told))


def found(before: pl.DataFrame, after: pl.DataFrame) -> list[tuple[Any, ...]]:
    return (
        restated(before, after).select("segment", "old_value", "new_value", "old_null_reason", "new_null_reason").rows()
    )


def test_a_value_that_is_another_one_and_one_that_is_known_or_not_known_any_more_are():
    before = values(("a", 1.0, None), ("b", 0.5, None), ("c", None, "source_missing"), ("d", 2.0, None))
    after = values(("a", 1.0, None), ("b", 0.6, None), ("c", 3.0, None), ("d", None, "zero_denominator"))
    assert found(before, after) == [
        ("b", 0.5, 0.6, None, None),
        ("c", None, 3.0, "source_missing", None),
        ("d", 2.0, None, None, "zero_denominator"),
    ]


def test_another_reason_for_not_knowing_is_told():
    assert found(values(("a", None, "source_missing")), values(("a", None, "not_exported"))) == [
        ("a", None, None, "source_missing", "not_exported")
    ]


def test_a_segment_that_is_no_longer_there_is_told_and_a_new_one_is_none():
    assert found(values(("a", 1.0, None)), values(("z", 1.0, None))) == [("a", 1.0, None, None, None)]


def test_a_month_that_was_not_closed_restates_nothing():
    assert found(values(("a", 1.0, None), is_provisional=True), values(("a", 2.0, None))) == []


def test_sums_that_were_added_up_in_another_order_are_the_same():
    assert found(values(("a", 0.1 + 0.2, None)), values(("a", 0.3, None))) == []
    assert found(values(("a", 1e12, None)), values(("a", 1e12 + 1, None))) == []
    assert len(found(values(("a", 1e6, None)), values(("a", 1e6 + 1, None)))) == 1
