"""What a published company tells of whose the rows of its sources are."""

from pathlib import Path

import duckdb
import pytest

from pipelines.publish.coverage import told_of_lacking
from tests.integration.small_company import SmallCompany, exports, published_once


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Every month built, and version 1 published; nobody changes it."""
    return published_once(tmp_path_factory, tmp_path_factory.mktemp("coverage") / "company")


def of_may(company: SmallCompany, source: str) -> tuple[object, ...]:
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        found = readers.execute(
            "SELECT rows, rows_in_crm, tells_mrr, mrr_cents, mrr_in_crm_cents FROM identity_coverage "
            "WHERE source = ? AND month = DATE '2024-05-01'",
            [source],
        ).fetchall()
    return found[0]


# 21,200 cents of USD at 0.945 are 20,034; the others are in EUR. Of cus_9, 2,500, the CRM knows nothing.
MRR = 15_000 + 5_000 + 20_034 + 9_000 + 4_000 + 6_000 + 9_000 + 7_000 + 5_500 + 2_500


def test_billing_is_measured_by_its_items_and_invoices_and_their_mrr(built: SmallCompany):
    # 11 items with MRR, one of cus_9; 4 invoices of the month, one of cus_9.
    assert of_may(built, "billing") == (15, 13, True, MRR, MRR - 2_500)


def test_support_is_measured_by_its_tickets_and_the_mrr_of_accounts_that_had_one(built: SmallCompany):
    assert of_may(built, "support") == (5, 5, False, MRR, 15_000 + 5_000 + 20_034 + 7_000 + 6_000)


def test_an_answer_of_a_ticket_is_of_the_tickets_account(built: SmallCompany):
    # Of A01, A02, A08, A10, and one that names its ticket alone, which is of A02.
    assert of_may(built, "surveys")[:2] == (5, 5)


def test_a_source_under_the_floor_is_told_with_its_shares(built: SmallCompany):
    # 13 of 15 are 86.7 %, which is under 90 %; 80,534 of 83,034 cents are 97.0 %.
    (told,) = told_of_lacking(built.project())
    assert told.startswith("billing: of 2024-05 86.7% of its 15 rows and 97.0% of its MRR are of accounts that the CRM")


def test_a_link_that_comes_later_is_counted_in_all_months(built: SmallCompany, tmp_path: Path):
    linked = built.copy(tmp_path / "linked")
    links = exports()["account_links"]
    linked.export("account_links", [*links, {**links[0], "source_account_id": "cus_9", "account_id": "A11"}])
    linked.configure(change_limit={"default": 1.0})
    linked.run()
    linked.publish()
    assert of_may(linked, "billing") == (15, 15, True, MRR, MRR)
    assert list(told_of_lacking(linked.project())) == []


def test_without_a_crm_there_is_nothing_to_measure(tmp_path: Path):
    company, tables = SmallCompany(tmp_path), ("subscription_items", "invoices", "fx_rates")
    for table in tables:
        company.export(table, exports()[table])
    company.configure(without=set(exports()) - set(tables), segments=[])
    company.run()
    company.publish()
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        assert readers.execute("SELECT count(*) FROM identity_coverage").fetchall() == [(0,)]
