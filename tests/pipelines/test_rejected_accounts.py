"""An account whose row is rejected: what hangs on it is told, and it stays what it was last known to be."""

import os
import warnings
from pathlib import Path

import pytest

from pipelines.ingest.notices import ExportWarning
from tests.integration.small_company import ONE_MONTH, SmallCompany, exports, small_company


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    return small_company(tmp_path / "company", **ONE_MONTH, quarantine_limit={"default": 0.5})


def told(company: SmallCompany) -> list[str]:
    """What an ingest warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        company.ingest()
    return [str(each.message) for each in caught if each.category is ExportWarning and "rejected" in str(each.message)]


def export_without_a_day_of(company: SmallCompany, account: str) -> None:
    rows = [{**row, "signup_on": "soon"} if row["account_id"] == account else row for row in exports()["accounts"]]
    os.utime(company.export("accounts", rows), (1_719_730_000, 1_719_730_000))


def accounts_of_items(company: SmallCompany) -> set[str]:
    return set(company.project().staged("subscription_items")["account_id"])


def test_of_our_own_company_that_was_known_before_it_stays_our_own(company: SmallCompany) -> None:
    os.utime(company.folder / "crm" / "accounts.csv", (1_719_700_000, 1_719_700_000))
    assert told(company) == []
    export_without_a_day_of(company, "A12")
    (line,) = told(company)
    assert line == (
        "accounts: 1 accounts whose row was rejected (crm/accounts.csv, line 13) stay as they were last known, 1 of "
        "them our own"
    )
    assert not {"A12", "billing:A12"} & accounts_of_items(company)


def test_that_was_never_known_is_told_with_all_that_hangs_on_it(company: SmallCompany) -> None:
    export_without_a_day_of(company, "A12")
    first, *others = told(company)
    assert first.startswith("accounts: 1 accounts whose row was rejected (crm/accounts.csv, line 13) were never known")
    assert "billing:A12" in accounts_of_items(company)
    assert others == [
        "subscription_items: 1 rows name accounts whose row of accounts was rejected (crm/accounts.csv, line 13); they "
        "count as of customers that the CRM does not know, even if they are our own; mend those rows"
    ]


def test_that_nothing_hangs_on_and_others_are_not_confused(company: SmallCompany) -> None:
    export_without_a_day_of(company, "A11")
    lines = told(company)
    assert [line.split(":")[0] for line in lines] == ["accounts", "subscription_items", "churn_events"]


def test_a_link_that_is_rejected_is_told_with_its_place_as_its_customer_is_no_account_any_more(
    company: SmallCompany,
) -> None:
    link = exports()["account_links"][0]
    company.export("account_links", [link, {**link, "source_account_id": "cus_8", "account_id": "NULL"}])
    assert told(company) == [
        "account_links: 1 rows were rejected (crm/account_links.csv, line 3); what they link counts as of customers "
        "that the CRM does not know, and not as of its accounts; mend those rows"
    ]


def test_a_table_that_is_exported_no_more_has_nothing_in_quarantine(company: SmallCompany) -> None:
    link = exports()["account_links"][0]
    company.export("account_links", [link, {**link, "source_account_id": "cus_8", "account_id": "NULL"}])
    company.ingest()
    texts = company.data / "quarantine" / "account_links.csv"
    assert "cus_8" in texts.read_text()
    company.configure(**ONE_MONTH, without=["account_links"], quarantine_limit={"default": 0.5})
    assert told(company) == []
    assert not texts.exists()
