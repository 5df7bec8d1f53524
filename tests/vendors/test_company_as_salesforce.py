"""The example company's CRM is the same, whoever wrote Salesforce's objects down, as in the canonical form."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl
import pytest

from examples.generator.vendors import salesforce, salesforce_reports, writing
from examples.generator.vendors.stripe import Row
from tests.vendors.example_rows import as_csv, exported
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content, differences

EXPORTED_ON = datetime(2026, 11, 1, tzinfo=UTC)
LEAST = {"accounts": 298, "renewals": 338, "csm_activities": 521, "churn_events": 19}


def staged(folder, files, source, tables) -> dict[str, pl.DataFrame]:
    found = ingested(folder, files, source, list(tables), segments=["region", "size"])
    assert found.rejects() == []
    return {name: content(found.rows(name)) for name in tables}


def as_written(folder, how: str, tables: Mapping[str, list[Row]], *, keeps_case=False) -> dict[str, pl.DataFrame]:
    written_by, writer = writing.WRITERS[how]
    files = writer(salesforce.objects(tables, keeps_case=keeps_case), EXPORTED_ON)
    source = {"form": "salesforce", "written_by": written_by, "options": salesforce.options(written_by)}
    return staged(folder, files, source, tables)


def tables_told() -> dict[str, list[Row]]:
    renewals = salesforce.renewals_told(exported("crm/renewals.csv"))
    return {
        "accounts": salesforce.accounts_told(exported("crm/accounts.csv")),
        "renewals": renewals,
        "csm_activities": salesforce.reviews_told(exported("crm/csm_activities.csv")),
        "churn_events": salesforce.churn_told(exported("crm/churn_events.csv"), renewals),
    }


@pytest.fixture(scope="module")
def told() -> dict[str, list[Row]]:
    return tables_told()


def as_canonical(folder, tables: Mapping[str, list[Row]]) -> dict[str, pl.DataFrame]:
    files = {f"{name}-2026-11-01.csv": as_csv(rows) for name, rows in tables.items()}
    source = {"form": "canonical", "files": {name: f"{name}-*.csv" for name in tables}}
    return staged(folder, files, source, tables)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, told) -> dict[str, pl.DataFrame]:
    return as_canonical(tmp_path_factory.mktemp("canonical"), told)


@pytest.mark.parametrize("how", list(writing.WRITERS))
def test_the_crm_of_a_company_is_the_same_whoever_wrote_it_down(how, tmp_path, told, expected):
    found = as_written(tmp_path, how, told)
    for table, rows in expected.items():
        assert rows.height == LEAST[table]
        assert differences(rows, found[table]) == [], table


def test_it_is_the_same_where_fivetran_keeps_the_names_of_salesforce(tmp_path, told, expected):
    found = as_written(tmp_path, "fivetran", told, keeps_case=True)
    for table, rows in expected.items():
        assert differences(rows, found[table]) == [], table


def test_reports_tell_the_same_of_accounts_and_of_renewals_of_terms_of_one_length(tmp_path, told):
    accounts, renewals = told["accounts"], salesforce_reports.renewals_seen(told["renewals"])
    tables = {"accounts": accounts, "renewals": renewals}
    expected = as_canonical(tmp_path / "canonical", tables)
    files = salesforce_reports.files(accounts, renewals, EXPORTED_ON)
    source = {"form": "salesforce", "written_by": "dashboard", "options": salesforce_reports.OPTIONS,
              "has_footer": True}  # fmt: skip
    found = staged(tmp_path / "salesforce", files, source, tables)
    for table, rows in expected.items():
        assert rows.height > 100
        assert differences(rows, found[table]) == [], table


def test_accounts_that_follow_each_other_differ_by_the_case_of_their_ids_alone(told):
    ids = [row["account_id"] for row in told["accounts"]]
    assert len({name[:15].lower() for name in ids}) < len(set(ids)) == LEAST["accounts"]
