"""A file of a header and no row: a source may have nothing to tell, but what it told does not vanish in silence."""

from pathlib import Path

import pytest

from pipelines.commands.doctor import doctor
from pipelines.ingest.notices import ExportWarning
from tests.integration.small_company import ONE_MONTH, SmallCompany, exports, small_company
from warehouse.errors import ExportError

EMPTIED = "there is no row below the header, and an earlier export had rows; export it whole, or take the file away"
NOBODY = "there is no row below the header; export it whole, or take the file away"


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    """A company that computes June 2024; nothing of it is landed yet."""
    return small_company(tmp_path / "company", **ONE_MONTH)


def empty(company: SmallCompany, table: str, name: str | None = None) -> None:
    """Only the header of the table's export is left, or another file of that name has nothing else."""
    folder = next(company.folder.rglob(f"{table}.csv")).parent
    header = (folder / f"{table}.csv").read_text().splitlines(keepends=True)[0]
    (folder / (name or f"{table}.csv")).write_text(header)


def test_a_source_that_never_had_a_row_has_none_and_that_is_told(company: SmallCompany) -> None:
    empty(company, "milestones")
    with pytest.warns(ExportWarning, match=r"^milestones: crm/milestones\.csv has a header and no row: nothing is"):
        company.ingest(["milestones"])
    assert company.project().staged("milestones").is_empty()


def told_by_the_doctor(company: SmallCompany) -> list[str]:
    lines, _ = doctor(company.project())
    return [line for line in lines if "row" in line and " sources " in line]


def test_the_doctor_tells_a_file_without_a_row_as_the_run_does_and_no_fault_of_it(company: SmallCompany) -> None:
    assert told_by_the_doctor(company) == []
    empty(company, "milestones")
    assert told_by_the_doctor(company) == [
        "ok    sources   crm/milestones.csv has a header and no row: nothing is there to count"
    ]


def test_the_doctor_tells_accounts_without_a_row_that_a_run_refuses(company: SmallCompany) -> None:
    empty(company, "accounts")
    (told,) = told_by_the_doctor(company)
    assert told.startswith(f"WRONG sources   crm/accounts.csv: {NOBODY}, then: ")
    with pytest.raises(ExportError, match=NOBODY):
        company.ingest(["accounts"])


def test_a_day_without_tickets_among_others_is_nothing_to_tell(company: SmallCompany) -> None:
    company.configure(**ONE_MONTH, files={"tickets": "tickets*.csv"})
    empty(company, "tickets", "tickets-2024-06-29.csv")
    assert told_by_the_doctor(company) == []


def test_a_header_that_stands_again_is_no_row(company: SmallCompany) -> None:
    company.ingest(["tickets"])
    path = company.folder / "support" / "tickets.csv"
    header = path.read_text().splitlines()[0]
    path.write_text(f"{header}\n{header}\n")
    with pytest.raises(ExportError, match=EMPTIED):
        company.ingest(["tickets"])


@pytest.mark.parametrize("table", ["tickets", "milestones"])
def test_a_file_of_which_every_row_vanished_is_refused_until_it_has_one(company: SmallCompany, table: str) -> None:
    company.ingest([table])
    empty(company, table)
    with pytest.raises(ExportError, match=EMPTIED):
        company.ingest([table])
    with pytest.raises(ExportError, match=EMPTIED):
        company.ingest([table])
    company.export(table, exports()[table][:1])
    company.ingest([table])
    assert company.project().staged(table).height == 1


def test_a_day_without_events_is_one_of_many_files(company: SmallCompany) -> None:
    company.configure(**ONE_MONTH, files={"tickets": "tickets*.csv"})
    empty(company, "tickets", "tickets-2024-06-29.csv")
    company.ingest(["tickets"])
    assert company.project().staged("tickets").height == len(exports()["tickets"])


@pytest.mark.parametrize("table", ["accounts", "subscription_items"])
def test_a_company_has_accounts_and_items(company: SmallCompany, table: str) -> None:
    empty(company, table)
    with pytest.raises(ExportError, match=NOBODY):
        company.ingest([table])
    company.export(table, exports()[table])
    company.ingest([table])


def test_a_snapshot_that_shows_nobody_ends_nobody(company: SmallCompany) -> None:
    company.configure(**ONE_MONTH, files={"accounts": "accounts*.csv"})
    company.ingest(["accounts"])
    empty(company, "accounts", "accounts-2024-06-30.csv")
    with pytest.raises(ExportError, match=NOBODY):
        company.ingest(["accounts"])


def test_a_month_without_changes_of_items_is_one_of_many_files(company: SmallCompany) -> None:
    rows = exports()["subscription_items"]
    company.configure(**ONE_MONTH, files={"subscription_items": "subscription_items*.csv"})
    company.export("subscription_items", [{"valid_from": row["started_on"], **row} for row in rows])
    empty(company, "subscription_items", "subscription_items-2024-06-30.csv")
    company.ingest(["subscription_items"])
    assert company.project().staged("subscription_items")["item_id"].n_unique() == len({row["item_id"] for row in rows})
