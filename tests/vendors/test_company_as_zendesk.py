"""The example company's tickets are the same, whoever wrote Zendesk's objects down, as in the canonical form."""

from datetime import UTC, datetime

import polars as pl
import pytest

from examples.generator.vendors import writing, zendesk
from examples.generator.vendors.stripe import Row
from tests.vendors.example_rows import as_csv, exported, numbered_accounts
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content, differences

EXPORTED_ON = datetime(2026, 11, 1, tzinfo=UTC)


def as_canonical(folder, rows: list[Row]) -> pl.DataFrame:
    source = {"form": "canonical", "files": {"tickets": "tickets-*.csv"}}
    found = ingested(folder, {"tickets-2026-11-01.csv": as_csv(rows)}, source, ["tickets"])
    assert found.rejects() == []
    return content(found.rows("tickets"))


def as_written(folder, how: str, rows: list[Row]) -> pl.DataFrame:
    written_by, writer = writing.WRITERS[how]
    files = writer(zendesk.objects(rows, numbered_accounts()), EXPORTED_ON)
    source = {"form": "zendesk", "written_by": written_by, "options": zendesk.OPTIONS}
    found = ingested(folder, files, source, ["tickets"])
    assert found.rejects() == []
    return content(found.rows("tickets"))


def in_organizations(rows: list[Row]) -> list[Row]:
    """Without a CRM an account is Zendesk's organization."""
    return [{**row, "account_id": zendesk.organization_of(row["account_id"])} for row in zendesk.kept(rows)]


@pytest.fixture(scope="module")
def tickets() -> list[Row]:
    return zendesk.told(exported("support/tickets.csv"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory, tickets) -> pl.DataFrame:
    return as_canonical(tmp_path_factory.mktemp("canonical"), in_organizations(tickets))


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how != "dashboard"])
def test_the_tickets_of_a_company_are_the_same_whoever_wrote_them_down(how, tmp_path, tickets, expected):
    assert expected.height > 3900
    assert differences(expected, as_written(tmp_path, how, tickets)) == []


def as_people_see_it(row: Row) -> Row:
    """What stands in the CSV file that people download: no seconds, and nothing of when a ticket was rated.

    An organization is its name there.
    """
    minutes = {
        name: f"{row[name][:16]}:00Z" for name in ("created_at", "first_replied_at", "last_solved_at") if row[name]
    }
    names = {account["account_id"]: account["account_name"] for account in numbered_accounts()}
    return {**row, **minutes, "account_id": names.get(row["account_id"], ""), "satisfaction_at": ""}


def test_what_people_download_tells_the_same_but_for_seconds_and_the_times_of_ratings(tmp_path, tickets):
    shown = [as_people_see_it(row) for row in zendesk.kept(tickets)]
    expected = as_canonical(tmp_path / "canonical", shown)
    assert expected["account_id"].n_unique() > 200
    assert differences(expected, as_written(tmp_path / "zendesk", "dashboard", tickets)) == []
