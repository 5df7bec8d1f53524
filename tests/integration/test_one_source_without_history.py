"""Two billing systems, one of which tells versions and the other only the present, once."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml

from tests.integration.small_company import SmallCompany
from warehouse.audit import check_invariants, refuse

HEADER = "subscription_id,item_id,{}account_id,unit_amount,currency,interval_unit,started_on"
ACCOUNTS = """account_id,region,signup_on
A,north,2023-12-01
B,south,2023-12-01
C,north,2023-12-01
D,east,2023-12-01
"""
TOLD = f"""{HEADER.format("valid_from,")}
S1,I1,2023-12-10,A,10000,EUR,month,2023-12-10
S1,I1,2024-02-10,A,15000,EUR,month,2023-12-10
S2,I1,2023-12-10,D,20000,EUR,month,2023-12-10
S2,I1,2024-02-10,D,30000,EUR,month,2023-12-10
"""
PRESENT = f"""{HEADER.format("")}
P1,I1,B,9000,EUR,month,2023-12-10
P2,I1,C,1000,EUR,month,2024-02-20
"""
"""C, in the region of A, begins in February."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    folder = tmp_path_factory.mktemp("two")
    for name, text in {"crm/accounts": ACCOUNTS, "a/subscription_items": TOLD, "b/items-2024-03-05": PRESENT}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.csv").write_text(text)
    items = {"b": "items-*.csv", "a": "subscription_items.csv"}
    sources: dict[str, Any] = {
        name: {"form": "canonical", "folder": name, "files": {"subscription_items": file}}
        for name, file in items.items()
    }
    sources["crm"] = {"form": "canonical", "folder": "crm", "files": {"accounts": "accounts.csv"}}
    config = {
        "company": "Two systems",
        "as_of": "2024-03-04",
        "first_month": "2024-01-01",
        "history_from": "2024-01-01",
        "reporting": {"currency": "EUR"},
        "segments": ["region"],
        "sources": sources,
    }
    (folder / "company.yaml").write_text(yaml.safe_dump(config))
    company = SmallCompany(folder)
    company.data.mkdir()
    company.run()
    company.publish()
    return company


@pytest.fixture
def published(company: SmallCompany) -> Iterator[duckdb.DuckDBPyConnection]:
    path = company.data / "published" / "customer_success.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def values(published: duckdb.DuckDBPyConnection, metric: str, month: str = "2024-02-01") -> dict[str, Any]:
    """By segment the value, or the reason why there is none."""
    told = published.execute(
        "SELECT segment, value, null_reason FROM metric_month WHERE metric = ? AND month = ?", [metric, month]
    ).fetchall()
    return {segment: reason if value is None else value for segment, value, reason in told}


HISTORY_METRICS = ["expansion_mrr", "contraction_mrr", "net_new_mrr", "nrr", "grr", "quick_ratio", "nrr_12m"]


@pytest.mark.parametrize("metric", HISTORY_METRICS)
@pytest.mark.parametrize("month", ["2024-01-01", "2024-02-01"])
def test_growth_is_unknown_for_the_company_and_wherever_an_account_of_that_source_is(published, metric, month):
    """South is all its accounts', of north one; that this one begins in February tells nothing of what was before."""
    told = values(published, metric, month)
    assert {told["all"], told["north"], told["south"]} == {"not_exported"}
    assert told["east"] != "not_exported"


def test_growth_is_known_where_all_accounts_are_of_a_source_that_tells_versions(published):
    # 200 → 300 in the east.
    assert values(published, "expansion_mrr")["east"] == 100_00
    assert values(published, "nrr")["east"] == 1.5
    assert values(published, "grr")["east"] == 1.0


def test_what_needs_no_former_version_is_known_everywhere(published):
    assert values(published, "mrr") == {"all": 550_00, "north": 160_00, "south": 90_00, "east": 300_00}
    assert values(published, "churn_rate") == {"all": 0, "north": 0, "south": 0, "east": 0}


@pytest.mark.parametrize("metric", ["expansion_mrr", "nrr"])
def test_a_slice_is_known_where_the_segment_is(published, metric):
    sliced = published.execute(
        f"SELECT slice, value, null_reason FROM slice_metric('{metric}', '2024-02-01', '2024-02-01', 'region')"
    ).fetchall()
    told = {segment: reason if value is None else value for segment, value, reason in sliced}
    assert told == {name: value for name, value in values(published, metric).items() if name != "all"}


def test_a_slice_of_both_is_unknown(published):
    every = "SELECT value, null_reason FROM slice_metric('nrr', '2024-02-01', '2024-02-01', 'industry')"
    assert published.execute(every).fetchall() == [(None, "not_exported")]


def test_no_account_drives_a_change_that_nobody_knows(published):
    named = "SELECT count(*) FROM metric_driver_account WHERE metric IN ('nrr', 'grr', 'expansion_rate')"
    assert published.execute(named).fetchone() == (0,)


def test_growth_is_known_once_a_second_snapshot_has_landed(company, tmp_path):
    later = company.copy(tmp_path / "later")
    (later.folder / "b" / "items-2024-03-20.csv").write_text(PRESENT)
    later.run()
    # A and D grew by 50 and by 100.
    assert later.value("expansion_mrr", "2024-02") == (150_00, None)
    assert later.stale() == []
    database = later.project().database
    refuse(check_invariants(database), [], database, dt.date(2024, 1, 1))  # holds, so it could be published
