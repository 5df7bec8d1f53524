"""A pytest plugin that breaks every metric at once, and writes down which tests met which metric and failed.

`-p tests.breaking` with BREAK=numerator|denominator|value and BREAK_REPORT=file. Parts are doubled where the metrics
make them, medians and formulas where they are computed, all before any test module is imported. BREAK_ONLY=file names
the report of another run: only tests that met one of BREAK_METRICS there are run, as no other can notice, and of a
metric only until one has failed.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from transforms.metrics import definition, roll_up

WHAT = os.environ["BREAK"]
met: dict[str, set[str]] = {}
failed: set[str] = set()
current = ""


def note(metric: str) -> None:
    met.setdefault(metric, set()).add(current)


def _parts(frame: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr | None = None) -> pl.DataFrame:
    note(sys._getframe(1).f_code.co_name)
    if WHAT == "numerator":
        return whole_parts(frame, 2 * numerator.cast(pl.Float64) + 1, denominator)
    if WHAT == "denominator" and denominator is not None:
        return whole_parts(frame, numerator, 2 * denominator.cast(pl.Float64) + 1)
    return whole_parts(frame, numerator, denominator)


def _off_by_one(function: Any) -> Any:
    def broken(metric: definition.Metric, *rest: Any) -> pl.DataFrame:
        note(metric.name)
        made = function(metric, *rest)
        return made.with_columns(pl.col("value") + 1) if WHAT == "value" else made

    return broken


whole_parts = definition.parts
definition.parts = _parts
roll_up.medians = _off_by_one(roll_up.medians)
roll_up.derive = _off_by_one(roll_up.derive)


MET_BEFORE: dict[str, list[str]] = {}
if known := os.environ.get("BREAK_ONLY"):
    asked = set(os.environ["BREAK_METRICS"].split())
    for metric, told in json.loads(Path(known).read_text()).items():
        for test in told["met"]:
            # A test that failed there may have ended before it met others.
            MET_BEFORE.setdefault(test, []).extend(asked if test in told["failed"] else asked & {metric})
noticed: set[str] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MET_BEFORE:
        items[:] = [item for item in items if MET_BEFORE.get(item.nodeid)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    global current  # noqa: PLW0603 - hooks have no other place
    current = item.nodeid
    if MET_BEFORE and noticed.issuperset(MET_BEFORE[item.nodeid]):
        pytest.skip("what it met is noticed already")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        failed.add(report.nodeid)
        noticed.update(metric for metric, tests in met.items() if report.nodeid in tests)


def pytest_sessionfinish() -> None:
    told = {metric: {"met": sorted(tests), "failed": sorted(tests & failed)} for metric, tests in met.items()}
    Path(os.environ["BREAK_REPORT"]).write_text(json.dumps(told))
