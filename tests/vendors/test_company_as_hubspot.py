"""The example company's CRM is the same, whoever wrote HubSpot's objects down, as in the canonical form."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl
import pytest

from examples.generator.vendors import hubspot, writing
from examples.generator.vendors.stripe import Row
from tests.vendors.example_rows import as_csv, exported
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content, differences

EXPORTED_ON = datetime(2026, 11, 1, tzinfo=UTC)
SEGMENTS = ["region", "size"]


def as_canonical(folder, tables: Mapping[str, list[Row]]) -> dict[str, pl.DataFrame]:
    files = {f"{name}-2026-11-01.csv": as_csv(rows) for name, rows in tables.items()}
    source = {"form": "canonical", "files": {name: f"{name}-*.csv" for name in tables}}
    return staged(folder, files, source, tables)


def as_written(folder, how: str, tables: Mapping[str, list[Row]]) -> dict[str, pl.DataFrame]:
    written_by, writer = writing.WRITERS[how]
    kinds = [*hubspot.crm(tables["accounts"], tables["renewals"]), *hubspot.helpdesk(tables["tickets"])]
    source = {"form": "hubspot", "written_by": written_by, "options": hubspot.options(written_by)}
    return staged(folder, writer(kinds, EXPORTED_ON), source, tables)


def staged(folder, files, source, tables) -> dict[str, pl.DataFrame]:
    found = ingested(folder, files, source, list(tables), segments=SEGMENTS)
    assert found.rejects() == []
    return {name: content(found.rows(name)) for name in tables}


@pytest.fixture(scope="module")
def told() -> dict[str, list[Row]]:
    return {
        "accounts": hubspot.accounts_told(exported("crm/accounts.csv")),
        "renewals": hubspot.renewals_told(exported("crm/renewals.csv")),
        "tickets": hubspot.tickets_told(exported("support/tickets.csv")),
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory, told) -> dict[str, pl.DataFrame]:
    return as_canonical(tmp_path_factory.mktemp("canonical"), told)


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how != "dashboard"])
def test_the_crm_of_a_company_is_the_same_whoever_wrote_it_down(how, tmp_path, told, expected):
    found = as_written(tmp_path, how, told)
    for table, rows in expected.items():
        assert rows.height > 150
        assert differences(rows, found[table]) == [], table


def in_minutes(row: Row) -> Row:
    """What stands in the CSV file that people download: no seconds."""
    times = ("created_at", "first_replied_at", "last_solved_at")
    return {**row, **{name: f"{row[name][:16]}:00Z" for name in times if row[name]}}


def test_what_people_download_tells_the_same_but_for_seconds(tmp_path, told):
    expected = as_canonical(tmp_path / "canonical", {**told, "tickets": [in_minutes(row) for row in told["tickets"]]})
    found = as_written(tmp_path / "hubspot", "dashboard", told)
    for table, rows in expected.items():
        assert rows.height > 150
        assert differences(rows, found[table]) == [], table
