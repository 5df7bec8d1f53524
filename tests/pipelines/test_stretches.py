"""A function that reads the parts of metrics is given so many months at a time as memory allows."""

import datetime as dt
from pathlib import Path

import pytest

import pipelines.months.build
from pipelines.months.build import MonthRun
from tests.integration.small_company import MONTHS, SmallCompany, published_once

DRIVERS = "metric_driver_account"


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> SmallCompany:
    return published_once(tmp_path_factory, tmp_path / "company")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[list[dt.date]]:
    """The months that the account drivers are made of, each time that they are."""
    asked: list[list[dt.date]] = []
    whole = MonthRun._table

    def table(run: MonthRun, node, months):
        if node.name == DRIVERS:
            asked.append(months)
        return whole(run, node, months)

    monkeypatch.setattr(MonthRun, "_table", table)
    return asked


def test_months_by_themselves_make_what_all_at_once_make(company, given, monkeypatch):
    before = company.frames([DRIVERS])
    monkeypatch.setattr(pipelines.months.build, "MOST_ROWS", 1)
    company.build(only=[DRIVERS])
    assert given == [[month] for month in MONTHS]
    assert before[DRIVERS].height > 0
    assert company.frames([DRIVERS])[DRIVERS].equals(before[DRIVERS])
    assert company.stale() == []


def test_months_of_few_parts_are_made_together(company, given):
    company.build(only=[DRIVERS])
    assert given == [MONTHS]


def test_months_are_made_together_as_long_as_their_parts_are_few_enough(company, given, monkeypatch):
    monkeypatch.setattr(MonthRun, "_rows_read", lambda *_: dict.fromkeys(MONTHS, 10))
    monkeypatch.setattr(pipelines.months.build, "MOST_ROWS", 40)
    company.build(only=[DRIVERS])
    assert [len(months) for months in given] == [4, 4, 4, 3]
    assert [month for months in given for month in months] == MONTHS
