"""A month reads of what is staged by month its own months and those of its windows, and nothing else."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipelines.months.dimensions import build_dimensions
from schemas.product import UsageEvents
from schemas.tables import CANONICAL
from tests.frames import day
from tests.integration.small_company import MONTHS, Row, SmallCompany, exports, published_once, small_company
from transforms.calendar import add_months
from warehouse.errors import DamagedError
from warehouse.folders import Folders
from warehouse.staging import FIRSTS, read_firsts, write_staged_months

MARCH = day("2024-03-01")
BY_MONTH = [name for name, contract in CANONICAL.items() if contract.by_month()]


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> SmallCompany:
    return published_once(tmp_path_factory, tmp_path / "company")


def keep_alone(company: SmallCompany, table: str, months: Iterable[object]) -> None:
    """Of a staged table the files of all other months are gone."""
    kept = {f"{month:%Y-%m}" for month in months}
    for path in (company.data / "staged" / table).glob("*.parquet"):
        if path.stem not in kept:
            path.unlink()


def files(company: SmallCompany, table: str) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (company.data / "staged" / table).glob("*.parquet")}


def test_events_are_staged_as_a_file_a_month(company):
    assert {"usage_events", "tickets", "invoices", "survey_responses", "csm_activities"} == set(BY_MONTH)
    for table in BY_MONTH:
        assert {f"{month:%Y-%m}" for month in MONTHS} <= files(company, table).keys()


def test_the_dimensions_are_made_of_the_first_events_though_all_months_are_gone(company):
    before = company.frames(["dim_account"])["dim_account"]
    firsts = company.data / "staged" / "usage_events" / f"{FIRSTS}.parquet"
    for path in firsts.parent.glob("20*.parquet"):
        path.unlink()
    build_dimensions(company.project())
    assert company.frames(["dim_account"])["dim_account"].equals(before)
    firsts.unlink()
    with pytest.raises(DamagedError, match=r"staged/usage_events/firsts\.parquet is gone: make run"):
        build_dimensions(company.project())


def test_first_events_that_a_former_version_did_not_stage_are_missed_and_not_none(tmp_path):
    folders = Folders(tmp_path)
    months = [(MARCH, UsageEvents.blank())]
    sha256 = write_staged_months(folders, "usage_events", months, lambda rows: rows)
    with pytest.raises(DamagedError, match=r"staged/usage_events/firsts\.parquet is gone: make run"):
        read_firsts(folders, "usage_events", UsageEvents, sha256)


@pytest.mark.parametrize(
    ("made", "table", "back"),
    [
        ("fct_feature_account_month", "usage_events", 0),
        ("fct_usage_account_month", "usage_events", 1),
        ("fct_ticket", "tickets", 0),
        ("fct_invoice", "invoices", 0),
        ("fct_csm_activity", "csm_activities", 0),
    ],
)
def test_a_month_is_made_though_all_but_the_months_that_it_looks_at_are_gone(company, made, table, back):
    before = company.frames([made])[made]
    keep_alone(company, table, [add_months(MARCH, -distance) for distance in range(back + 1)])
    company.build([MARCH], only=[made])
    assert company.frames([made])[made].equals(before)
    (company.data / "staged" / table / "2024-03.parquet").unlink()
    with pytest.raises(DamagedError, match=rf"staged/{table}/2024-03\.parquet is gone: make run"):
        company.build([MARCH], only=[made])


def test_an_export_of_a_month_touches_that_month_alone(tmp_path):
    company = small_company(tmp_path / "company")
    company.configure(files={"usage_events": "usage_events-*.csv"})
    of_month: dict[str, list[Row]] = {}
    for row in exports()["usage_events"]:
        of_month.setdefault(f"{row['occurred_at']:%Y-%m}", []).append(row)
    for month, rows in of_month.items():
        company.export("usage_events", rows, name=f"usage_events-{month}.csv")
    company.ingest()
    before = files(company, "usage_events")
    changed = [{**row, "seconds": 7} for row in of_month["2024-03"]]
    company.export("usage_events", changed, name="usage_events-2024-03.csv")
    company.ingest()
    after = files(company, "usage_events")
    assert {month for month in before if before[month] != after[month]} == {"2024-03"}
    assert after.keys() == before.keys() == {*of_month, FIRSTS}


def test_a_month_that_is_lost_is_made_again_and_nothing_is_stale(company):
    before = files(company, "usage_events")
    (company.data / "staged" / "usage_events" / "2024-03.parquet").unlink()
    company.ingest()
    after = files(company, "usage_events")
    assert {month for month in before if before[month] != after[month]} == {"2024-03"}
    assert company.stale() == []


def test_a_table_that_was_staged_as_one_file_is_staged_by_month_when_it_is_read_again(company):
    shutil.rmtree(company.data / "staged" / "tickets")
    (company.data / "staged" / "tickets.parquet").write_bytes(b"as it was")
    company.ingest()
    assert not (company.data / "staged" / "tickets.parquet").exists()
    assert company.stale() == []
