"""Every published number of a month is the same, be a company's CRM canonical files, or Salesforce's objects.

All else of its exports is canonical. In what the writers of its objects differ is compared table by table:
`tests/vendors/test_company_as_salesforce.py`.
"""

import datetime as dt
from pathlib import Path

import polars as pl

from examples.generator.vendors import salesforce, writing
from examples.generator.vendors.salesforce_records import ACCOUNT, record_id
from examples.generator.vendors.stripe import Row
from tests.integration.small_company import SmallCompany
from tests.integration.written_company import (
    AS_OF,
    CANONICAL,
    Days,
    canonical,
    canonical_files,
    configure,
    month_ends,
    numbers,
    with_files,
)
from tests.vendors.test_company_as_salesforce import tables_told
from tests.vendors.test_stripe_as_written import midnight_after

OF_CRM = ("accounts", "renewals", "csm_activities", "churn_events")
ELSEWHERE = ("csm_activities", "milestones", "account_links")
"""What is told of accounts beside Salesforce: how the staff feels, milestones, and who is billed for whom."""


def as_salesforce_knows(row: Row) -> Row:
    """The row with Salesforce's id of its account, where it has a number; whom only Stripe knows keeps his id."""
    account = row.get("account_id", "")
    if not account or account.startswith("cus_"):
        return row
    return {**row, "account_id": record_id(ACCOUNT, account.removeprefix("1"))}


def files_of_company(days: Days) -> dict[str, dict[str, list[Row]]]:
    """By source and file the rows, those of the CRM as Salesforce can tell them."""
    every = canonical_files(days)
    links = {name: rows for name, rows in every["crm"].items() if name.startswith("account_links")}
    told = {
        name: [row for row in rows if row.get("kind") != "review"]
        for name, rows in every["success"].items()
        if not name.startswith("churn_events")
    }
    others = {source: files for source, files in every.items() if source != "crm"} | {"success": {**told, **links}}
    return {
        "crm": {f"{table}-{AS_OF + dt.timedelta(days=1)}.csv": rows for table, rows in tables_told().items()},
        **{
            source: {name: [as_salesforce_knows(row) for row in rows] for name, rows in files.items()}
            for source, files in others.items()
        },
    }


def company(folder: Path, days: Days, how: str | None = None) -> SmallCompany:
    """The company whose CRM is Salesforce's objects, written down by somebody; else all its exports are canonical."""
    made = with_files(folder, files_of_company(days))
    sources = {source: canonical(source, tables) for source, tables in CANONICAL.items()}
    sources |= {"crm": canonical("crm", OF_CRM), "success": canonical("success", ELSEWHERE)}
    if how:
        name, writer = writing.WRITERS[how]
        files = writer(salesforce.objects(tables_told()), midnight_after(AS_OF))
        writing.write(files, made.folder / "crm of vendor")
        said = {"written_by": name, "folder": "crm of vendor", "options": salesforce.options(name)}
        sources["crm"] = {"form": "salesforce", **said}
    configure(made, days, sources)
    return made


def test_every_published_number_of_a_company_is_the_same_where_salesforce_is_its_crm(tmp_path):
    days = month_ends(dt.date(2026, 10, 1))
    expected = numbers(company(tmp_path / "canonical", days))
    found = numbers(company(tmp_path / "written", days, "fivetran"))
    known = expected["metric_month"].filter(pl.col("value").is_not_null())
    assert known.height > 1_000
    assert set(known["metric"]) >= {"mrr", "nrr", "renewal_rate", "csat", "health_score"}
    assert found.keys() == expected.keys()
    assert {name for name in found if not found[name].equals(expected[name])} == set()
