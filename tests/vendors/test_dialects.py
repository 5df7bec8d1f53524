"""CSV as people's programs write it: separators, encodings, decimal commas, footers, packed or not."""

import gzip

import pytest
import yaml

from tests.frames import day
from tests.vendors.one_source import ingested
from warehouse.errors import ConfigError, ExportError

HEADER = "id,Customer,Status,Currency,Total,Tax,Date (UTC)"
ROW = "in_1,cus_1,open,eur,11.90,1.90,2026-01-15 10:00"
DASHBOARD = {"form": "stripe", "written_by": "dashboard"}


def invoices(tmp_path, content, **said):
    return ingested(tmp_path, {"invoices.csv": content}, {**DASHBOARD, **said}, ["invoices"])


def semicolons(text):
    return text.replace(".", "|").replace(",", ";").replace("|", ",")


def test_semicolons_and_decimal_commas_are_read_where_they_are_declared(tmp_path):
    sent = "\ufeff" + semicolons(f"{HEADER}\n{ROW}\n").replace("\n", "\r\n")
    found = invoices(tmp_path, sent, separator=";", decimal=",")
    assert found.values("invoices", "invoice_id", "amount") == [("in_1", 1_000)]


def test_a_point_is_no_decimal_comma_and_a_comma_no_point(tmp_path):
    found = invoices(tmp_path, f"{HEADER}\n{ROW}\n".replace(",", ";"), separator=";", decimal=",")
    assert {(line, column, reason) for _, line, column, reason in found.rejects()} == {
        (2, "Total", "expected a number with a decimal comma"),
        (2, "Tax", "expected a number with a decimal comma"),
    }


POINT = "expected a number with a point"
SO = "; if all numbers of this source are so, say"


@pytest.mark.parametrize(
    ("total", "reason"),
    [
        ("12,50", f'{POINT}{SO} `decimal: ","` for it'),
        ("-1234,5", f'{POINT}{SO} `decimal: ","` for it'),
        ("1.234,56", f'{POINT}{SO} `decimal: ","` and `thousands: "."` for it'),
        ("1 234 567,5", f'{POINT}{SO} `decimal: ","` and `thousands: " "` for it'),
        # These may be groups of three digits, or are no number at all.
        ("1,234", POINT),
        ("1,234.50", POINT),
        ("12,50 EUR", POINT),
        ("12,", POINT),
    ],
)
def test_a_number_with_a_decimal_comma_is_rejected_with_what_to_say_of_such(tmp_path, total, reason):
    row = f'in_1,cus_1,open,eur,"{total}",0,2026-01-15 10:00'
    found = invoices(tmp_path, f"{HEADER}\n{row}\n")
    assert [told[1:] for told in found.rejects()] == [(2, "Total", reason)]
    if reason != POINT:
        said = dict(yaml.safe_load(line).popitem() for line in reason.split("`")[1::2])
        assert invoices(tmp_path, f"{HEADER}\n{row}\n", **said).rejects() == []


@pytest.mark.parametrize(
    ("total", "tax", "said"),
    [
        ('"1,234,567.50"', '"1,000.00"', {"thousands": ","}),
        ("1234567.5", '"1,000"', {"thousands": ","}),
        ('"1.234.567,50"', '"1000,00"', {"thousands": ".", "decimal": ","}),
        ("1 234 567.5", "1 000", {"thousands": " "}),
        ("1'234'567.50", "1'000.00", {"thousands": "'"}),
    ],
)
def test_groups_of_three_digits_are_one_number_where_their_sign_is_declared(tmp_path, total, tax, said):
    row = f"in_1,cus_1,open,eur,{total},{tax},2026-01-15 10:00"
    found = invoices(tmp_path, f"{HEADER}\n{row}\n", **said)
    assert found.values("invoices", "amount") == [(123_356_750,)]


@pytest.mark.parametrize("total", ["1,23.50", "1,2345", ",123", "1,,234", "1,234.5,0", "1.5,000", "12345,678"])
def test_groups_that_are_not_whole_are_no_number(tmp_path, total):
    row = f'in_1,cus_1,open,eur,"{total}",0,2026-01-15 10:00'
    found = invoices(tmp_path, f"{HEADER}\n{row}\n", thousands=",")
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "Total")]


def test_groups_are_no_number_where_no_sign_is_declared(tmp_path):
    found = invoices(tmp_path, f'{HEADER}\nin_1,cus_1,open,eur,"1,234.50",0,2026-01-15 10:00\n')
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "Total")]


def test_one_sign_cannot_stand_between_groups_and_before_decimals(tmp_path):
    with pytest.raises(ConfigError, match="thousands: expected another sign than that of decimal"):
        invoices(tmp_path, f"{HEADER}\n{ROW}\n", thousands=",", decimal=",")


def test_another_separator_than_the_declared_one_is_told(tmp_path):
    with pytest.raises(ExportError, match="line 1: values are parted by ';'; expected ','"):
        invoices(tmp_path, semicolons(f"{HEADER}\n{ROW}\n"))


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_text_of_a_declared_encoding_is_read_packed_or_not(tmp_path, encoding, pack):
    header = "id,Name,Email,Created (UTC)"
    sent = f"{header}\ncus_1,Müller & Söhne,jo@müller.example,2026-01-15 10:00\n"
    source = {**DASHBOARD, "encoding": encoding}
    found = ingested(tmp_path, {"customers.csv": pack(sent.encode(encoding))}, source, ["accounts"])
    assert found.values("accounts", "account_name", "signup_on") == [("Müller & Söhne", day("2026-01-15"))]


def test_text_of_another_encoding_than_the_declared_one_is_told_by_its_line(tmp_path):
    sent = f"{HEADER}\n{ROW}\n".encode() + "in_2,Müller,open,eur,1,0,2026-01-15 10:00\n".encode("iso-8859-1")
    with pytest.raises(ExportError, match=r"sent/invoices\.csv, line 3: not UTF-8; export it as UTF-8"):
        invoices(tmp_path, sent)


def test_what_follows_an_empty_line_is_a_footer_where_one_is_declared(tmp_path):
    sent = f'{HEADER}\n{ROW}\n\n"All invoices"\n"Copyright (c) 2026"\n'
    found = invoices(tmp_path / "declared", sent, has_footer=True)
    assert found.values("invoices", "invoice_id") == [("in_1",)]
    assert found.rejects() == []
    assert [line for _, line, *_ in invoices(tmp_path / "not", sent).rejects()] == [4, 5]


def test_headers_that_nobody_needs_may_stand_twice(tmp_path):
    sent = f"{HEADER},note,note\n{ROW},a,b\n"
    assert invoices(tmp_path, sent).values("invoices", "amount") == [(1_000,)]


def test_a_header_that_is_needed_may_not_stand_twice(tmp_path):
    with pytest.raises(ExportError, match="line 1: the name of column Total stands twice"):
        invoices(tmp_path, f"{HEADER},Total\n{ROW},9\n")


def test_money_is_exact_to_the_last_digit(tmp_path):
    row = "in_1,cus_1,open,kwd,0.003,0.001,2026-01-15 10:00"
    found = invoices(tmp_path, f"{HEADER}\n{row}\n")
    assert found.values("invoices", "amount", "currency") == [(2, "KWD")]
