"""Months that are asked for are made together with what they are made from: a run wants for no neighbour."""

import time
from pathlib import Path

import pytest

from pipelines.commands.command_line import main
from pipelines.months.build import MonthRun
from pipelines.months.nodes import nodes
from tests.frames import day
from tests.integration.small_company import MONTHS, RUN, SmallCompany, exports, small_company
from warehouse.versions import current_version

TWO_MONTHS = {"first_month": "2024-05-01", "history_from": "2024-05-01"}
MARCH = day("2024-03-01")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Every month, of two runs over some of them: the later first."""
    company = small_company(tmp_path_factory.mktemp("needed") / "company")
    company.ingest()
    for first, last in ((7, 15), (0, 7)):
        made(company, tuple(MONTHS[first:last]))
    return company


def made(company: SmallCompany, months: tuple[object, ...]) -> dict[str, list[object]]:
    """A run over the months; what was needed for them."""
    project = company.project()
    with project.database.kept_open():
        run = MonthRun(project, RUN)
        for node in nodes(project.config):
            if needed := run.needed(months)[node.name]:
                run.build(node.name, needed)
        return run.needed(months)


def test_two_runs_over_a_part_of_the_months_each_leave_nothing_stale(built: SmallCompany) -> None:
    assert built.stale() == []


def test_nothing_else_is_made_again_for_a_month_that_is_whole(built: SmallCompany, tmp_path: Path) -> None:
    company = built.copy(tmp_path / "company")
    needed = made(company, (MARCH,))
    assert set(map(tuple, needed.values())) == {(MARCH,)}


def test_of_what_is_stale_just_that_is_made_which_the_months_are_made_from(built: SmallCompany, tmp_path: Path) -> None:
    company = built.copy(tmp_path / "company")
    events = [
        {**row, "user_id": "u-new"} if row["event_id"] in {"E-A01-2401-0-0", "E-A01-2405-0-0"} else row
        for row in exports()["usage_events"]
    ]
    company.export("usage_events", events)
    company.ingest()
    needed = made(company, (MARCH,))
    # Use of the three months before is what March's trend is of; a week that ends in February may begin in January.
    assert needed["fct_usage_account_month"] == [day("2024-01-01"), day("2024-02-01"), MARCH]
    assert needed["mrr"] == needed["feature_month"] == [MARCH]
    left = {entry.month for entry in company.stale() if entry.table in {"fct_usage_account_month", "mau"}}
    assert left == {day("2024-05-01"), day("2024-06-01")}


@pytest.mark.filterwarnings("ignore")  # Dagster has warnings of its own
def test_a_run_over_some_months_of_a_fresh_folder_says_which_are_still_missing_and_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    company = small_company(tmp_path / "company", **TWO_MONTHS)
    for name, value in company.environment.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "--months", "2024-05"], time.perf_counter()) == 0
    told = capfd.readouterr().out
    assert (
        "  months built: 2024-05\n  nothing published, as not all is of one lineage yet: make run MONTHS=2024-06"
        in told
    )
    assert current_version(company.project().folders) is None
    left = company.stale()
    assert {entry.month for entry in left} == {day("2024-06-01")}
    tables = {entry.table for entry in left}
    assert "fct_ticket" not in tables, "May's FCR looks a month ahead"
    assert {"mrr", "fcr"} <= tables
