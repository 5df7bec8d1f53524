"""A pytest plugin that breaks one part of one metric at a time, and writes down what no test noticed.

`-p tests.breaking` with BREAK_ASKED, JSON that names metrics by the part to break (numerator, denominator or value),
and BREAK_REPORT, the file that names by part those of which no test failed. Parts are changed where the metrics make
them, medians and formulas where they are computed. Both are replaced before any test module is imported, as the
families import `parts` by its name.
"""

import inspect
import json
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from transforms.metrics import definition, roll_up


class Running:
    """Of the test that runs: the part and metric that are broken, the metrics it has met, and whether it failed."""

    broken = ("", "")
    met: set[str] = set()
    failed = False


met_unbroken: dict[pytest.Function, set[str]] = {}
"""The metrics a test meets, known once it has run without meeting the broken one: then nothing led it elsewhere."""


def meets_broken(part: str, metric: str) -> bool:
    """Note that the test has met the metric; whether this part of it is broken."""
    Running.met.add(metric)
    return Running.broken == (part, metric)


def _parts(frame: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr | None = None) -> pl.DataFrame:
    metric = sys._getframe(1).f_code.co_name
    if meets_broken("numerator", metric):
        numerator = _off(numerator)
    if denominator is not None and meets_broken("denominator", metric):
        denominator = _off(denominator)
    return whole_parts(frame, numerator, denominator)


def _off(part: pl.Expr) -> pl.Expr:
    return 2 * part.cast(pl.Float64) + 1


def _off_by_one(function: Any) -> Any:
    def broken(metric: definition.Metric, *rest: Any) -> pl.DataFrame:
        made = function(metric, *rest)
        return made.with_columns(pl.col("value") + 1) if meets_broken("value", metric.name) else made

    return broken


whole_parts = definition.parts
definition.parts = _parts
roll_up.medians = _off_by_one(roll_up.medians)
roll_up.derive = _off_by_one(roll_up.derive)


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    if session.testsfailed:
        return None  # pytest's own loop tells what could not be collected
    unnoticed = {
        part: [metric for metric in metrics if not is_noticed(part, metric, session.items)]
        for part, metrics in json.loads(os.environ["BREAK_ASKED"]).items()
    }
    Path(os.environ["BREAK_REPORT"]).write_text(json.dumps(unnoticed))
    return True


def is_noticed(part: str, metric: str, items: list[pytest.Function]) -> bool:
    """Whether any test fails: first are tried those that name the metric, then those whose helpers do, then all others.

    The order only saves time. Unnoticed is what no test has noticed, save those known not to meet the metric.
    """
    likely_first = sorted(items, key=lambda item: (metric not in words(item.function), metric not in helped(item)))
    return any(notices(item, part, metric) for item in likely_first if metric in met_unbroken.get(item, {metric}))


@cache
def words(function: Any) -> set[str]:
    """The words in the source of a function."""
    return set(re.findall(r"\w+", inspect.getsource(function)))


@cache
def helped(item: pytest.Function) -> set[str]:
    """The words in the source of the functions of its own class and module that a test names."""
    named = [getattr(item.cls, word, getattr(item.module, word, None)) for word in words(item.function)]
    return set().union(*(words(helper) for helper in named if inspect.isfunction(helper)))


def notices(item: pytest.Function, part: str, metric: str) -> bool:
    """Whether a test fails that meets the metric, while this part of it is broken."""
    Running.broken, Running.met, Running.failed = (part, metric), set(), False
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    if metric not in Running.met:
        met_unbroken[item] = Running.met
        return False
    return Running.failed


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    Running.failed = Running.failed or report.failed
