"""A function is given so many months at a time as memory allows, by the rows that it reads."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

import pipelines.months.build
import pipelines.months.inputs
from pipelines.months.build import MonthRun
from pipelines.months.inputs import Inputs
from tests.integration.small_company import MONTHS, SmallCompany, published_once
from transforms.catalogue import MONTHLY_TABLES
from warehouse.staging import Share

DRIVERS = "metric_driver_account"


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> SmallCompany:
    return published_once(tmp_path_factory, tmp_path / "company")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[list[dt.date]]:
    """The months that a table is made of, each time that it is."""
    asked: list[list[dt.date]] = []
    whole = MonthRun._table

    def table(run: MonthRun, node, months):
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


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("fct_health_score", "fct_health_input"),
        ("fct_feature_account_month", "usage_events"),
        ("feature_month", "fct_feature_account_month"),
    ],
)
def test_the_rows_of_facts_and_events_count_as_parts_do(company, given, monkeypatch, table, read):
    before = company.frames([table])
    project = company.project()
    with project.database.kept_open():
        rows = project.staged(read) if read == "usage_events" else project.database.read(read)
    monkeypatch.setattr(pipelines.months.build, "MOST_ROWS", rows.height // 5)
    company.build(only=[table])
    assert 5 <= len(given) <= len(MONTHS)
    assert [month for months in given for month in months] == MONTHS
    assert company.frames([table])[table].equals(before[table])
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


SHARED = [name for name, table in MONTHLY_TABLES.items() if table.shared]


@pytest.mark.parametrize("name", SHARED)
def test_shares_of_the_accounts_make_what_all_at_once_make(company, monkeypatch, name):
    before = company.frames([name])[name]
    shares = []
    rows = Inputs.rows

    def kept(inputs, table, window, months, share=None):
        if share:
            shares.append(share)
        return rows(inputs, table, window, months, share)

    monkeypatch.setattr(pipelines.months.inputs, "MOST_SHARED", before.height // 3)
    monkeypatch.setattr(Inputs, "rows", kept)
    company.build(only=[name])
    assert len(shares) > 2
    assert company.frames([name])[name].equals(before)
    assert company.stale() == []


def test_each_row_of_a_staged_table_is_in_one_share(company):
    project = company.project()
    with project.database.kept_open():
        whole = project.staged("usage_events")
        parts = [project.staged("usage_events", share=Share(number, 3)) for number in range(3)]
    assert all(0 < part.height < whole.height for part in parts)
    assert pl.concat(parts).sort("event_id").equals(whole.sort("event_id"))
