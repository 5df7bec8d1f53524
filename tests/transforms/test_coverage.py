"""How much of what a source tells is of accounts that the CRM knows: each number by hand."""

from typing import Any

import polars as pl

from schemas.billing import FctMrrItemMonth, Invoices, SubscriptionItems
from schemas.customers import DimMonth
from schemas.feedback import SurveyResponses
from schemas.operations import IdentityCoverage, SourceAccount, SourceMonth
from schemas.support import Tickets
from tests.frames import day, rows
from transforms.clean.coverage import identity_coverage, rows_by_month, under, under_tickets

KNOWN = pl.Series(["A1", "A2"])
MAY, JUNE = day("2024-05-01"), day("2024-06-01")


def months(*given: Any) -> pl.DataFrame:
    return rows(DimMonth, *({"month": month} for month in given))


def covered(
    counted: pl.DataFrame, named: pl.DataFrame, items: pl.DataFrame, *of: Any, columns: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    return identity_coverage(months(*of), counted, named, items, KNOWN).select("source", "month", *columns).rows()


def item(source: str, account: str, month: Any, cents: int) -> dict[str, Any]:
    return {"source": source, "account_id": account, "month": month, "closing_cents": cents}


def test_rows_are_counted_in_the_month_that_dates_them_and_accounts_named_since_their_first():
    invoices = rows(
        Invoices,
        {"export_source": "b", "account_id": "A1", "issued_on": day("2024-05-03")},
        {"export_source": "b", "account_id": "b:9", "issued_on": day("2024-05-31")},
        {"export_source": "b", "account_id": "A1", "issued_on": day("2024-06-01")},
        {"export_source": "c", "account_id": "A2", "issued_on": day("2024-06-02")},
    )
    counted, named = rows_by_month(invoices, Invoices, pl.col("issued_on").dt.truncate("1mo"), KNOWN)
    assert counted.select("source", "month", "rows", "rows_in_crm").rows() == [
        ("b", MAY, 2, 1),
        ("b", JUNE, 1, 1),
        ("c", JUNE, 1, 1),
    ]
    assert named.select("source", "account_id", "month").rows() == [("b", "A1", MAY), ("c", "A2", JUNE)]


def test_what_speaks_on_is_no_row_of_the_month_it_began_in():
    items = rows(SubscriptionItems, {"export_source": "b", "account_id": "A1", "started_on": day("2024-05-03")})
    counted, named = rows_by_month(items, SubscriptionItems, pl.lit(MAY), KNOWN)
    assert counted.is_empty()
    assert named["account_id"].to_list() == ["A1"]


def test_a_source_with_items_is_measured_by_its_own_mrr_and_its_items_are_rows_of_the_month():
    items = rows(
        FctMrrItemMonth,
        item("b", "A1", MAY, 600),
        item("b", "A1", MAY, 100),
        item("b", "b:9", MAY, 300),
        item("other", "A2", MAY, 5_000),
        item("b", "A2", MAY, 0),
    )
    invoices = rows(SourceMonth, {"source": "b", "month": MAY, "rows": 2, "rows_in_crm": 1})
    columns = ("tells_mrr", "rows", "rows_in_crm", "rows_share", "mrr_cents", "mrr_in_crm_cents", "mrr_share")
    assert covered(invoices, SourceAccount.blank(), items, MAY, columns=columns) == [
        ("b", MAY, True, 5, 3, 0.6, 1_000, 700, 0.7),
        ("other", MAY, True, 1, 1, 1.0, 5_000, 5_000, 1.0),
    ]


def test_a_source_without_items_is_measured_by_the_companys_mrr_of_accounts_it_has_named_by_then():
    items = rows(FctMrrItemMonth, item("b", "A1", MAY, 600), item("b", "A2", MAY, 200), item("b", "b:9", MAY, 200))
    later = rows(FctMrrItemMonth, item("b", "A1", JUNE, 500), item("b", "A2", JUNE, 500))
    named = rows(
        SourceAccount,
        {"source": "s", "account_id": "A2", "month": JUNE},
        {"source": "s", "account_id": "A1", "month": MAY},
    )
    found = covered(
        SourceMonth.blank(), named, pl.concat([items, later]), MAY, JUNE, columns=("mrr_cents", "mrr_in_crm_cents")
    )
    assert [row for row in found if row[0] == "s"] == [("s", MAY, 1_000, 600), ("s", JUNE, 1_000, 1_000)]


def test_a_customer_that_a_source_lists_is_named_from_the_beginning():
    items = rows(FctMrrItemMonth, item("b", "A1", MAY, 600), item("b", "A2", MAY, 400))
    named = rows(
        SourceAccount,
        {"source": "s", "account_id": "A1", "month": JUNE},
        {"source": "s", "account_id": "A1", "month": None},
    )
    found = covered(SourceMonth.blank(), named, items, MAY, columns=("mrr_share",))
    assert [row for row in found if row[0] == "s"] == [("s", MAY, 0.6)]


def test_a_month_without_rows_or_mrr_has_no_share_rather_than_none_of_it():
    known = rows(SourceAccount, {"source": "s", "account_id": "A1", "month": MAY})
    columns = ("rows", "rows_share", "mrr_cents", "mrr_share")
    found = covered(SourceMonth.blank(), known, FctMrrItemMonth.blank(), MAY, columns=columns)
    assert found == [("s", MAY, 0, None, 0, None)]


def test_under_the_floor_is_a_share_of_rows_or_of_the_mrr_that_a_source_tells_itself():
    def of(source: str, share: float | None, tells: bool, mrr: float | None) -> dict[str, Any]:
        return {"source": source, "month": MAY, "rows_share": share, "tells_mrr": tells, "mrr_share": mrr}

    coverage = rows(
        IdentityCoverage,
        of("all of it", 1.0, True, 0.9),
        of("few rows", 0.89, False, 1.0),
        of("little mrr", 1.0, True, 0.89),
        of("names few", 1.0, False, 0.1),
        of("nothing", None, True, None),
    )
    assert under(coverage, 0.9)["source"].to_list() == ["few rows", "little mrr"]
    assert under(coverage, 0.0).is_empty()


def test_an_answer_without_an_account_is_its_tickets():
    tickets = rows(
        Tickets,
        {"export_source": "desk", "ticket_id": "T1", "account_id": "A1"},
        {"export_source": "desk", "ticket_id": "T2", "account_id": "A2"},
        {"export_source": "chat", "ticket_id": "T2", "account_id": "A1"},
    )
    answers = rows(
        SurveyResponses,
        {"export_source": "surveys", "response_id": "1", "ticket_id": "T1", "account_id": "(unknown)"},
        {"export_source": "surveys", "response_id": "2", "ticket_id": "T2", "account_id": "(unknown)"},
        {"export_source": "surveys", "response_id": "3", "ticket_id": "T1", "account_id": "A2"},
        {"export_source": "surveys", "response_id": "4", "ticket_id": None, "account_id": "(unknown)"},
    )
    assert under_tickets(answers, tickets)["account_id"].to_list() == ["A1", "(unknown)", "A2", "(unknown)"]
