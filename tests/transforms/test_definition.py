"""A metric's definition: what the decorator makes of a function."""

from typing import Any

import polars as pl
import pytest

from schemas.config import Alerts
from tests.frames import config
from transforms.metrics import definition
from transforms.metrics.definition import Derived, Median, Metric, Observations, Ratio, Sum

COMMON: dict[str, Any] = {
    "better": "higher", "signal": "lagging", "perspective": "financial", "over_time": "flow",
}  # fmt: skip


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Metric]:
    """An empty catalogue."""
    monkeypatch.setattr(definition, "REGISTRY", {})
    return definition.REGISTRY


def late_payers(fct_invoice: pl.DataFrame) -> pl.DataFrame:
    """Accounts that pay {alerts.renewal_within_days} days late / all."""
    return fct_invoice


def test_a_function_is_registered_under_its_name_with_its_docstring_as_the_definition(registry):
    Sum(unit="cents", **COMMON)(late_payers)
    metric = registry["late_payers"]
    assert (metric.name, metric.title, metric.asset, metric.rollup) == (
        "late_payers",
        "Late payers",
        "late_payers",
        "sum",
    )
    assert metric.module == __name__
    assert metric.definition.startswith("Accounts that pay")


def test_a_definition_says_what_the_config_says(registry):
    Ratio(unit="share", **COMMON)(late_payers)
    asked = config(alerts={"renewal_within_days": 45})
    assert registry["late_payers"].defined(asked) == "Accounts that pay 45 days late / all."


def test_days_until_a_value_is_final_may_follow_from_the_config(registry):
    def half(alerts: Alerts) -> int:
        return alerts.renewal_within_days // 2

    Ratio(unit="share", provisional_days=half, **COMMON)(late_payers)
    assert registry["late_payers"].days(config(alerts={"renewal_within_days": 45})) == 22


def test_a_kind_has_only_its_own_options():
    foreign = ((Sum, {"minimum": "churned_accounts"}), (Ratio, {"expression": "mrr"}), (Sum, {"items": True}))
    for kind, option in foreign:
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            kind(unit="share", **COMMON, **option)
    with pytest.raises(TypeError, match="observations"):
        Median(unit="days", **COMMON)
    with pytest.raises(TypeError, match="expression"):
        Derived(unit="days", **COMMON)


def test_a_median_names_the_table_that_it_observes_and_a_derived_metric_its_operands():
    seen = Median(unit="days", observations=Observations("fct_ticket", "resolution_hours", "solved_month"), **COMMON)
    assert seen.observed == {"fct_ticket"}
    made = Derived(unit="cents", expression="clv * gross_margin", without={"invoices": "arpa * 2"}, **COMMON)
    assert made.operands == ("clv", "gross_margin", "arpa")


def test_a_function_without_a_docstring_defines_nothing():
    def silent(fct_invoice: pl.DataFrame) -> pl.DataFrame:
        return fct_invoice

    with pytest.raises(ValueError, match="silent has no docstring to define it"):
        Sum(unit="cents", **COMMON)(silent)


def test_one_name_in_two_modules_is_refused_and_a_module_that_is_loaded_again_is_not(registry):
    Sum(unit="cents", **COMMON)(late_payers)
    Sum(unit="cents", **COMMON)(late_payers)
    other = type(late_payers)(late_payers.__code__, globals(), "late_payers")
    other.__doc__, other.__module__ = "Others.", "elsewhere"
    with pytest.raises(ValueError, match=f"late_payers is defined twice: {__name__}, elsewhere"):
        Sum(unit="cents", **COMMON)(other)
