"""Files of any system, whose columns the config maps by hand."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tests.vendors.one_source import Ingested, ingested
from warehouse.errors import ConfigError, ExportError

CUSTOMERS = """\
No;Firma;Branche;Kunde seit;Intern;Region
7;Nord GmbH;Retail;03.05.2026;nein;Nord
8;Süd AG;;31.12.2025;ja;
"""
ACCOUNTS = {
    "account_id": "No",
    "account_name": "Firma",
    "industry": "Branche",
    "signup_on": "Kunde seit",
    "is_internal": "Intern",
    "sales_region": "Region",
}
GERMAN = {"date": "%d.%m.%Y", "true_words": ["ja"], "false_words": ["nein"]}


def of(folder: Path, name: str, content: str | bytes, table: str, columns: dict[str, Any], **more: Any) -> Ingested:
    """What was made of one file of one table."""
    said = {key: more.pop(key) for key in ("date", "instants", "true_words", "false_words") if key in more}
    segments = more.pop("segments", [])
    source = {"form": "mapped", "files": {table: name}, "options": {"tables": {table: columns}, **said}, **more}
    return ingested(folder, {name: content}, source, [table], segments=segments)


def test_columns_days_and_words_of_a_german_csv_are_what_the_config_says(tmp_path: Path):
    found = of(
        tmp_path, "Kunden.csv", CUSTOMERS, "accounts", ACCOUNTS, separator=";", segments=["sales_region"], **GERMAN
    )
    assert found.rejects() == []
    assert found.values("accounts", *ACCOUNTS) == [
        ("7", "Nord GmbH", "Retail", dt.date(2026, 5, 3), False, "Nord"),
        ("8", "Süd AG", None, dt.date(2025, 12, 31), True, None),
    ]
    assert found.exported("accounts") == set(ACCOUNTS)


def test_a_value_that_is_spelled_otherwise_is_rejected_under_the_files_own_name(tmp_path: Path):
    wrong = CUSTOMERS.replace("31.12.2025", "2025-12-31").replace("nein", "vielleicht")
    found = of(tmp_path, "Kunden.csv", wrong, "accounts", ACCOUNTS, separator=";", segments=["sales_region"], **GERMAN)
    assert found.rejects() == [
        ("sent/Kunden.csv", 2, "Intern", "expected ja or nein"),
        ("sent/Kunden.csv", 3, "Kunde seit", "expected a date spelled %d.%m.%Y"),
    ]


ITEMS: dict[str, Any] = {
    "subscription_id": "contract.no",
    "item_id": {"value": "all"},
    "account_id": "contract.customer",
    "unit_amount": {"column": "price", "whole_units": True},
    "currency": "cur",
    "interval_unit": {"column": "billed", "words": {"monthly": "month", "yearly": "year"}},
    "started_on": {"column": "from", "is_instant": True},
}


def line(**changed: Any) -> str:
    row = {"contract": {"no": "S1", "customer": "7"}, "price": "19.99", "cur": "EUR", "billed": "monthly"}
    return json.dumps({**row, "from": "2026-03-31T22:30:00Z", **changed}) + "\n"


def test_paths_of_json_lines_words_constants_and_instants(tmp_path: Path):
    text = (
        line()
        + line(contract={"no": "S2", "customer": 8}, price=1200, cur="JPY", billed="yearly")
        + line(contract={"no": "S3", "customer": None}, price="0.125", cur="KWD")
    )
    found = of(tmp_path, "contracts.jsonl", text, "subscription_items", ITEMS)
    assert found.rejects() == []
    columns = ("subscription_id", "item_id", "account_id", "unit_amount", "currency", "interval_unit", "started_on")
    # Yen have no decimals, Kuwaiti dinars three. At 22:30 in London it is the first of April in Berlin.
    assert [tuple(map(str, row)) for row in found.values("subscription_items", *columns)] == [
        ("S1", "all", "7", "1999.000000000000", "EUR", "month", "2026-04-01"),
        ("S2", "all", "8", "1200.000000000000", "JPY", "year", "2026-04-01"),
        ("S3", "all", "(unknown)", "125.000000000000", "KWD", "month", "2026-04-01"),
    ]
    assert "discount_amount" not in found.exported("subscription_items")


def test_a_word_that_the_config_does_not_explain_is_rejected(tmp_path: Path):
    text = line() + line(contract={"no": "S2"}, billed="weekly")
    found = of(tmp_path, "contracts.jsonl", text, "subscription_items", ITEMS)
    assert found.rejects() == [("sent/contracts.jsonl", 2, "billed", "expected one of monthly, yearly")]
    assert found.rows("subscription_items").height == 1


INVOICES: dict[str, Any] = {
    "invoice_id": "id",
    "account_id": "customer",
    "issued_on": "day",
    "status": {"value": "paid"},
    "amount": {"column": "net", "whole_units": True},
    "currency": {"value": "EUR"},
}


def test_an_amount_of_half_a_cent_is_rejected_and_not_rounded(tmp_path: Path):
    text = "id,customer,day,net\n1,7,2026-05-01,10.01\n2,7,2026-05-01,10.005\n3,7,2026-05-01,-3\n"
    found = of(tmp_path, "bills.csv", text, "invoices", INVOICES)
    assert found.values("invoices", "invoice_id", "amount") == [("1", 1001), ("3", -300)]
    (reject,) = found.rejects()
    assert reject[:3] == ("sent/bills.csv", 3, "net")
    assert reject[3].endswith("with no more decimals than its currency has")


def test_an_amount_that_no_company_has_is_rejected(tmp_path: Path):
    text = "id,customer,day,net\n1,7,2026-05-01,10\n2,7,2026-05-01,99999999999999999\n"
    found = of(tmp_path, "bills.csv", text, "invoices", INVOICES)
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(3, "net")]


def test_a_column_that_the_file_does_not_have_is_told_by_its_name(tmp_path: Path):
    with pytest.raises(ExportError, match=r"sent/bills.csv: the column net is missing; found "):
        of(tmp_path, "bills.csv", "id,customer,day\n1,7,2026-05-01\n", "invoices", INVOICES)


def test_what_breaks_the_canonical_contract_is_rejected_too(tmp_path: Path):
    text = "id,customer,day,net,state\n1,7,2026-05-01,10,paid\n2,7,2026-05-01,10,settled\n"
    found = of(tmp_path, "bills.csv", text, "invoices", {**INVOICES, "status": "state"})
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(3, "status")]


@pytest.mark.parametrize(
    ("table", "columns", "told"),
    [
        ("accounts", {"account_name": "n"}, "accounts needs account_id, too"),
        ("invoices", {**INVOICES, "colour": "c"}, "1 columns of invoices are none"),
        ("invoices", {**INVOICES, "status": {}}, "expected a column of the file, or else a value"),
        (
            "invoices",
            {**INVOICES, "issued_on": {"value": "May"}},
            "invoices.issued_on: its value is none of this column",
        ),
        (
            "invoices",
            {**INVOICES, "status": {"value": "settled"}},
            "invoices.status: its value is none of draft, open, paid",
        ),
        (
            "invoices",
            {**INVOICES, "status": {"column": "s", "words": {"P": "paid", "X": "settled"}}},
            "invoices.status: one of its words means none of draft, open, paid",
        ),
        ("invoices", {**INVOICES, "amount": {"value": "10", "whole_units": True}}, "are for a column of the file"),
        ("invoices", {**INVOICES, "exported_at": "e"}, "has columns that say where a row came from"),
        ("invoices", {**INVOICES, "issued_on": {"column": "d", "whole_units": True}}, "is no amount beside a currency"),
        ("invoices", {**INVOICES, "status": {"column": "s", "is_instant": True}}, "invoices.status is no day"),
        (
            "subscription_items",
            {k: v for k, v in ITEMS.items() if k != "unit_amount"},
            "needs unit_amount or line_amount",
        ),
    ],
)
def test_a_mapping_that_could_fill_no_table_is_a_fault_of_the_config(
    tmp_path: Path, table: str, columns: dict[str, Any], told: str
):
    with pytest.raises(ConfigError, match=told):
        of(tmp_path, "x.csv", "a\n1\n", table, columns)


def test_files_and_mappings_are_of_the_same_tables(tmp_path: Path):
    source = {"form": "mapped", "files": {"accounts": "x.csv"}, "options": {"tables": {"invoices": INVOICES}}}
    with pytest.raises(ConfigError, match=r"expected files and options\.tables of the same tables"):
        ingested(tmp_path, {"x.csv": "a\n1\n"}, source, ["accounts"])


def test_an_instant_that_all_rows_have_is_said_with_its_offset(tmp_path: Path):
    columns: dict[str, Any] = {
        "ticket_id": "id",
        "account_id": "customer",
        "status": {"value": "open"},
        "created_at": {"value": "2026-05-01T00:00:00+02:00"},
    }
    found = of(tmp_path / "told", "t.csv", "id,customer\n1,7\n", "tickets", columns)
    assert found.values("tickets", "created_at") == [(dt.datetime(2026, 4, 30, 22),)]
    with pytest.raises(ConfigError, match="its value is none of this column"):
        of(
            tmp_path / "not",
            "t.csv",
            "id,customer\n1,7\n",
            "tickets",
            {**columns, "created_at": {"value": "2026-05-01T00:00:00"}},
        )
