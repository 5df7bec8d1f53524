"""A file is read as it is spelled: every row is good, or rejected with line, column and what was expected."""

import bz2
import csv
import datetime as dt
import gzip
import io
import json
import lzma
import random
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract, column
from schemas.customers import Export
from schemas.form import Formats
from schemas.support import Instant
from tests.frames import at, day
from tests.ways_of_reading import WAYS, go
from warehouse import blocks, csv_file
from warehouse.csv_file import read_csv
from warehouse.errors import ExportError
from warehouse.piece import Piece
from warehouse.reading import FileRows, read_export, texts_at
from warehouse.regular_csv import by_columns

EXPORTED = at("2025-06-30T22:00")
FILE = "crm/things.csv"
WHOLE, DATE, TRUTH = "expected a whole number", "expected a date spelled %Y-%m-%d", "expected true or false"
POINT = "expected a number with a point"
INSTANT = "expected a time spelled %Y-%m-%dT%H:%M:%S%.f%:z or %Y-%m-%d %H:%M:%S%.f%:z, in the years 1900 to 2199"


class Thing(Export):
    """One row per thing."""

    key: str = column("Key")
    n: pl.Int64 = column("Whole number", null=True)
    small: pl.Int16 = column("Small whole number", optional=True)
    x: pl.Float64 = column("Number", optional=True)
    rate: pl.Decimal(38, 10) = column("Exact number", optional=True)  # type: ignore[valid-type]
    on: pl.Date = column("Day", optional=True)
    seen_at: Instant = column("Instant", optional=True)  # type: ignore[valid-type]
    ok: bool = column("Truth", optional=True)
    word: str = column("Text", optional=True)

    class Config:
        unique = ["key"]


class Word(Export):
    """One row per word."""

    key: str = column("Key")
    word: str = column("Text", optional=True)


CONTENT = [name for name in Thing.dtypes() if name not in Export.dtypes()]


@pytest.fixture(params=WAYS)
def read(request, tmp_path, monkeypatch):
    """Read bytes, text or a frame (as Parquet) as things, in each way."""
    go(request.param, monkeypatch)

    def reading(
        content: bytes | str | pl.DataFrame | pa.Table,
        formats: Formats | None = None,
        *,
        exact: bool = True,
        contract: type[Contract] = Thing,
    ) -> FileRows:
        path = tmp_path / "landed"
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        elif isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_export(path, FILE, "crm", EXPORTED, contract, formats or Formats(), exact=exact)

    return reading


@pytest.fixture
def refused(read):
    """What is said of a file that cannot be used as a whole."""

    def told(content: bytes | str | pl.DataFrame | pa.Table, **how: Any) -> str:
        with pytest.raises(ExportError) as found:
            read(content, **how)
        assert str(found.value).startswith(FILE)
        return str(found.value)

    return told


def values(found: FileRows, *names: str) -> list[tuple[Any, ...]]:
    return found.rows.select(names or CONTENT).rows()


def whole(pieces: Iterable[Piece]) -> tuple[list[str], list[Any], list[Any]]:
    """A file's header, the texts of its rows, and what is wrong with whole rows; each reject is told with its row."""
    header, texts, ragged = [], [], []
    for found in pieces:
        header = list(found.header)
        texts += found.text.rows()
        ragged += found.ragged.rows()
        assert set(found.ragged["export_line"]) <= set(found.text["export_line"])
    return header, texts, ragged


def rejects(found: FileRows) -> list[tuple[int, str | None, str]]:
    """Line, column and reason of each reject; all must name the file."""
    assert set(found.rejects["export_file"]) <= {FILE}
    return found.rejects.select("export_line", "column_name", "reason").sort("export_line").rows()


def cell(text: str) -> str:
    """A value as CSV spells it."""
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if re.search(r'[,;"\r\n]', text) else text


def one(read: Any, name: str, *texts: str, **how: Any) -> tuple[list[Any], list[str]]:
    """Values that were read of a column, and the values that were rejected for it."""
    lines = [f"{number},,{cell(text)}" for number, text in enumerate(texts)]
    found = read(f"key,n,{name}\n" + "\n".join(lines) + "\n", **how)
    assert {where for _, where, _ in rejects(found)} <= {name}
    kept = [(int(key), value) for key, value in values(found, "key", name)]
    wrong = [texts[line - 2] for line, _, _ in rejects(found)]
    assert len(kept) + len(wrong) == len(texts)
    return [value for _, value in sorted(kept, key=lambda pair: pair[0])], wrong


class TestCSV:
    def test_rows_come_with_types_and_where_they_came_from(self, read):
        found = read(
            "key,n,x,rate,on,seen_at,ok,word\n"
            "a,-3,1.5,0.1000000001,2025-01-05,2025-01-05T10:00:00Z,true,Ärger\n"
            "b,0,-2,7,2024-02-29,2025-01-05 10:00:00.25+02:00,false,x\n"
        )
        assert rejects(found) == []
        assert values(found, "key", "n", "x", "rate", "on", "seen_at", "ok", "word") == [
            ("a", -3, 1.5, Decimal("0.1000000001"), day("2025-01-05"), at("2025-01-05T10:00"), True, "Ärger"),
            ("b", 0, -2.0, Decimal(7), day("2024-02-29"), at("2025-01-05T08:00:00.250"), False, "x"),
        ]
        assert found.rows.select("export_source", "export_file", "export_line", "exported_at").rows() == [
            ("crm", FILE, 2, EXPORTED),
            ("crm", FILE, 3, EXPORTED),
        ]
        assert found.rows.schema == pl.Schema(Thing.dtypes())

    def test_columns_may_come_in_any_order(self, read):
        assert values(read("n,word,key\n1,w,a\n"), "key", "n", "word") == [("a", 1, "w")]

    def test_an_optional_column_that_is_not_there_is_empty_and_not_listed(self, read):
        found = read("key,n,on\na,1,2025-01-05\n")
        assert values(found, "x", "ok", "word") == [(None, None, None)]
        assert found.columns == {"key", "n", "on"}

    def test_a_byte_order_mark_is_no_part_of_the_first_name(self, read):
        assert values(read(b"\xef\xbb\xbfkey,n\na,1\n"), "key", "n") == [("a", 1)]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
    def test_lines_may_end_in_any_way_and_are_counted_alike(self, read, end):
        found = read(end.join(["key,n", "a,1", "b,x", "c,3"]) + end)
        assert values(found, "key", "n") == [("a", 1), ("c", 3)]
        assert rejects(found) == [(3, "n", WHOLE)]

    def test_the_last_line_needs_no_end(self, read):
        assert values(read("key,n\na,1"), "key", "n") == [("a", 1)]

    def test_a_quoted_value_may_hold_commas_quotes_and_line_ends(self, read):
        found = read('key,n,word\na,1,"one, ""two""\nthree\r\nfour"\n')
        assert values(found, "word") == [('one, "two"\nthree\r\nfour',)]

    def test_lines_are_counted_through_quoted_line_ends(self, read):
        found = read('key,n,word\na,1,"one\ntwo\r\nthree"\nb,x,w\n"c\n",y,w\nd,z,w\n')
        assert rejects(found) == [(5, "n", WHOLE), (6, "n", WHOLE), (8, "n", WHOLE)]
        assert found.rows["export_line"].to_list() == [2]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
    @pytest.mark.parametrize("between", [0, 1, 3])
    def test_a_quote_that_is_closed_in_a_later_row_rejects_every_row_that_it_takes_in(self, read, between, end):
        swallowed = [f"c{number},2,w" for number in range(between)]
        found = read(end.join(["key,word,n", 'a,"open,1', *swallowed, 'b,shut",2', 'd,"a, b",4']) + end)
        assert values(found, "key", "n") == [("d", 4)]
        reason = f"a quote that is opened in line 2 is closed in line {3 + between}, and takes in rows"
        assert rejects(found) == [(line, None, reason) for line in range(2, 4 + between)]
        assert found.rows_read == 3 + between

    def test_a_text_of_several_lines_with_commas_is_one_value(self, read):
        text = "Dear all,\nit works, mostly, but slowly,\nregards, K."
        assert values(read(f'key,n,on,x,word\na,1,,,"{text}"\n'), "word") == [(text,)]

    def test_a_quoted_line_end_in_the_header_counts(self, read):
        found = read('key,n,"odd\nname"\na,x,1\n', exact=False)
        assert rejects(found) == [(3, "n", WHOLE)]

    def test_a_blank_line_is_no_row_but_counts_as_a_line(self, read):
        found = read("key,n\na,1\n\n\nb,x\n\n")
        assert found.rows_read == 2
        assert rejects(found) == [(5, "n", WHOLE)]

    def test_a_ragged_row_is_rejected_whatever_it_holds(self, read):
        found = read("key,n,word\na,1\nb,2,w,3\nc,3,w\nd\n")
        assert rejects(found) == [
            (2, None, "expected 3 values, found 2"),
            (3, None, "expected 3 values, found 4"),
            (5, None, "expected 3 values, found 1"),
        ]
        assert values(found, "key") == [("c",)]
        assert found.rows_read == 4

    def test_leading_zeros_of_text_stay(self, read):
        assert one(read, "word", "007", "0", "00.10") == (["007", "0", "00.10"], [])

    def test_long_ids_stay_digit_for_digit(self, read):
        long = "90071992547409931234567890"
        assert values(read(f"key,n\n{long},1\n"), "key") == [(long,)]

    def test_spaces_of_text_stay(self, read):
        assert one(read, "word", " a ", "b ") == ([" a ", "b "], [])

    def test_what_is_empty_is_null_quoted_or_not(self, read):
        found = read('key,n,word,on,ok,x\na,,,,,\nb,"","","","",""\n')
        assert values(found, "n", "word", "on", "ok", "x") == [(None,) * 5] * 2
        assert rejects(found) == []

    def test_words_for_nothing_are_text(self, read):
        assert one(read, "word", "NULL", "null", "None", "NaN", "-") == (["NULL", "null", "None", "NaN", "-"], [])

    def test_a_long_text_is_kept_whole(self, read):
        long = "ticket body " * 20_000
        assert values(read(f"key,n,word\na,1,{long}\n"), "word") == [(long,)]

    def test_a_header_without_rows_is_no_rows(self, read):
        found = read("key,n\n")
        assert (found.rows_read, found.rows.height, found.rejects.height) == (0, 0, 0)
        assert found.rows.schema == pl.Schema(Thing.dtypes())
        assert found.columns == {"key", "n"}

    def test_the_text_of_every_rejected_row_is_kept_with_its_line(self, read):
        found = read("key,n\na,1\nb,1e5\nc\nd,4\n")
        assert found.text.select("export_line", "key", "n").rows() == [(3, "b", "1e5"), (4, "c", None)]

    def test_the_text_of_others_is_read_again_by_their_lines(self, read, tmp_path):
        read('key,n\na,1\nb,1e5\nc\nd,4\n\n"e\ne",5\n')
        found = texts_at(tmp_path / "landed", FILE, Thing, Formats(), pl.Series([7, 5, 2, 2, 6]))
        assert found.select("export_line", "key", "n").rows() == [(2, "a", "1"), (5, "d", "4"), (7, "e\ne", "5")]

    @settings(max_examples=60, deadline=None)
    @given(
        rows=st.lists(st.sampled_from(["a,1", "b,x", "", '"c\nc",3', "d", "é,5"]), max_size=12), size=st.integers(4, 40)
    )
    def test_the_text_of_some_lines_is_theirs_of_all(self, tmp_path_factory, rows, size):
        path = tmp_path_factory.mktemp("csv") / "landed"
        path.write_bytes("\n".join(["key,n", *rows]).encode())
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(blocks, "BLOCK", size)
            every = texts_at(path, FILE, Thing, Formats(), pl.Series(range(40)))
            for line in every["export_line"]:
                alone = texts_at(path, FILE, Thing, Formats(), pl.Series([line]))
                assert alone.rows() == every.filter(export_line=line).rows()

    def test_a_row_of_parquet_has_its_number_for_a_line(self, read, tmp_path):
        found = read(pl.DataFrame({"key": list("abcde"), "n": ["1", "x", "3", "4", "y"]}))
        assert values(found, "export_line", "n") == [(1, 1), (3, 3), (4, 4)]
        assert found.text.select("export_line", "n").rows() == [(2, "x"), (5, "y")]
        again = texts_at(tmp_path / "landed", FILE, Thing, Formats(), pl.Series([4]))
        assert again.select("export_line", "key", "n").rows() == [(4, "d", "4")]

    def test_one_row_may_have_several_reasons(self, read):
        found = read("key,n,on,ok\na,x,2025-1-5,yes\n")
        assert found.rejects.sort("column_name").rows() == [
            (FILE, 2, "n", WHOLE),
            (FILE, 2, "ok", TRUTH),
            (FILE, 2, "on", DATE),
        ]
        assert found.rows_read == 1

    def test_a_file_of_one_column_is_read_where_one_is_enough(self, read):
        assert values(read("key\na\nb\n", contract=Word), "key") == [("a",), ("b",)]

    def test_a_header_that_stands_again_is_no_row(self, read):
        found = read("key,n\na,1\nkey,n\nb,2\n")
        assert found.rows["key"].to_list() == ["a", "b"]
        assert (3, None, "expected a row, found the header again") in rejects(found)
        words = read("key,word\na,w\nkey,word\n", contract=Word)
        assert rejects(words) == [(3, None, "expected a row, found the header again")]


class TestNumbers:
    @pytest.mark.parametrize("name", ["n", "x", "rate"])
    def test_a_decimal_comma_is_rejected(self, read, name):
        header = f"key,n,{name}\n" if name != "n" else "key,n\n"
        row = 'a,1,"1,5"\n' if name != "n" else 'a,"1,5"\n'
        assert [where for _, where, _ in rejects(read(header + row))] == [name]

    def test_a_whole_number_has_digits_only(self, read):
        right, wrong = ["0", "-0", "7", "007", "-12", "9" * 18], ["1.0", "1.", "1e5", "+1", " 1", "1 ", "1 000", "0x1"]
        wrong += ["1,000", "1_000", "٣", "１", "--1", "-", "NaN", "9" * 19, "9" * 100_000]
        found = read("key,n\n" + "".join(f"k,{cell(text)}\n" for text in [*right, *wrong]))
        assert found.rows["n"].to_list() == [0, 0, 7, 7, -12, 10**18 - 1]
        first = 2 + len(right)
        assert rejects(found) == [(line, "n", WHOLE) for line in range(first, first + len(wrong))]

    def test_one_that_does_not_fit_its_type_is_rejected(self, read):
        assert one(read, "small", "32767", "-32768", "32768", "-32769") == ([32767, -32768], ["32768", "-32769"])

    def test_a_number_has_digits_and_a_point(self, read):
        right = ["1.5", "-0.25", "3", "0.0000001", "1." + "0" * 400]
        wrong = [
            "1e5",
            "1E-3",
            "NaN",
            "nan",
            "inf",
            "-Infinity",
            ".5",
            "5.",
            "1,5",
            "1.234,50",
            "1,234.50",
            "€5",
            "5 %",
        ]
        wrong += ["1" * 100_000, "1.2.3", " 1.5", "٣.٥"]
        assert one(read, "x", *right, *wrong) == ([1.5, -0.25, 3.0, 1e-7, 1.0], wrong)

    def test_an_exact_number_is_exact_to_its_last_decimal(self, read):
        right = ["0.1234567891", "1", "-2.5", "123456789012345678.0000000001"]
        wrong = ["1e2", "NaN", "1,5", "1" * 19]
        assert one(read, "rate", *right, *wrong) == ([Decimal(text) for text in right], wrong)

    def test_an_exact_number_may_have_more_decimals_than_are_kept_and_is_rounded(self, read):
        given = ["1.12345678904999", "1.12345678906", "0." + "3" * 400]
        rounded = [Decimal("1.1234567890"), Decimal("1.1234567891"), Decimal("0.3333333333")]
        assert one(read, "rate", *given) == (rounded, [])

    def test_reasons_say_what_was_expected(self, read):
        found = read("key,n,x,rate\na,?,?,?\n")
        assert {where: why for _, where, why in rejects(found)} == {"n": WHOLE, "x": POINT, "rate": POINT}


class TestDaysAndInstants:
    def test_a_day_is_spelled_in_one_way(self, read):
        wrong = ["2025-1-5", "31/02/2025", "2025-02-30", "2025-13-01", "05.01.2025", "2025/01/05", "20250105"]
        wrong += [
            " 2025-01-05",
            "2025-01-05 ",
            "2025-01-05T00:00:00Z",
            "25-01-05",
            "+2025-01-05",
            "45662",
            "0000-00-00",
        ]
        right = ["2025-01-05", "2024-02-29", "9999-12-31"]
        assert one(read, "on", *right, *wrong) == ([day(text) for text in right], wrong)

    def test_a_day_of_the_year_zero_is_rejected(self, read):
        found = read("key,n,on\na,1,0000-01-01\n")
        assert rejects(found) == [(2, "on", DATE)]

    def test_an_instant_has_an_offset_or_z_and_becomes_utc(self, read):
        right = [
            "2025-01-05T10:00:00Z",
            "2025-01-05 10:00:00Z",
            "2025-01-05T10:00:00+02:00",
            "2025-01-05T00:30:00+02:00",
            "2025-01-05 10:00:00.5-05:30",
            "2025-01-05T10:00:00.123456Z",
        ]
        utc = ["10:00:00", "10:00:00", "08:00:00", "", "15:30:00.500", "10:00:00.123456"]
        expected = [at(f"2025-01-05T{time}") if time else at("2025-01-04T22:30") for time in utc]
        assert one(read, "seen_at", *right) == (expected, [])

    @pytest.mark.parametrize(
        "text",
        [
            "2025-01-05T10:00:00",
            "2025-01-05 10:00:00",
            "2025-01-05",
            "2025-01-05T10:00Z",
            "2025-02-30T10:00:00Z",
            "2025-01-05T24:00:00Z",
            "2025-01-05T25:00:00Z",
            "2025-01-05T10:00:00 Europe/Berlin",
            "2025-01-05T10:00:00ZZ",
            "05/01/2025 10:00:00Z",
            "1736071200",
        ],
    )
    def test_an_instant_without_offset_or_otherwise_spelled_is_rejected(self, read, text):
        found = read(f"key,n,seen_at\na,1,{text}\n")
        assert rejects(found) == [(2, "seen_at", INSTANT)]

    @pytest.mark.parametrize(
        "text",
        [
            "2025-1-5T10:00:00Z",
            "25-01-05T10:00:00Z",
            "2025-01-05T1:0:0Z",
            "2025-01-05T 9:00:00Z",
            " 2025-01-05T10:00:00Z",
            "2025-01-05T10:00:00 +02:00",
        ],
    )
    def test_an_instant_is_held_to_its_spelling_as_a_day_is(self, read, text):
        found = read(f"key,n,seen_at\na,1,{text}\n")
        assert rejects(found) == [(2, "seen_at", INSTANT)]

    def test_truth_is_true_or_false_and_nothing_else(self, read):
        wrong = ["True", "FALSE", "yes", "1", "0", "t", " true"]
        assert one(read, "ok", "true", "false", *wrong) == ([True, False], wrong)


class TestForms:
    vendor = Formats(
        date="%d/%m/%Y", instants=("%Y-%m-%d %H:%M:%S",), true=("True",), false=("False",), separator=";"
    )  # fmt: skip

    def test_a_form_has_its_own_spelling(self, read):
        found = read("key;n;on;seen_at;ok\na;1;31/01/2025;2025-01-31 10:00:00;True\n", self.vendor)
        assert values(found, "n", "on", "seen_at", "ok") == [(1, day("2025-01-31"), at("2025-01-31T10:00"), True)]

    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [
            ("on", "2025-01-31", "expected a date spelled %d/%m/%Y"),
            ("on", "1/1/2025", "expected a date spelled %d/%m/%Y"),
            ("on", "31/02/2025", "expected a date spelled %d/%m/%Y"),
            ("seen_at", "2025-01-31T10:00:00Z", "expected a time spelled %Y-%m-%d %H:%M:%S, in the years 1900 to 2199"),
            ("ok", "true", "expected True or False"),
        ],
    )
    def test_the_usual_spelling_is_then_wrong(self, read, name, text, reason):
        assert rejects(read(f"key;n;{name}\na;1;{text}\n", self.vendor)) == [(2, name, reason)]

    @pytest.mark.parametrize("other", [";", "\t", "|"])
    def test_values_parted_by_another_sign_are_told(self, refused, other):
        said = refused(f"key{other}n\na{other}1\n")
        way_out = f"if all files of this source are so, say `separator: {json.dumps(other)}` for it"
        assert said == f"{FILE}, line 1: values are parted by {other!r}; expected ','; {way_out}"

    def test_commas_are_told_where_the_form_has_semicolons(self, refused):
        assert "values are parted by ','; expected ';'; if all" in refused("key,n\na,1\n", formats=self.vendor)


class TestFilesThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "the file is empty; expected a header with key, n"),
            (b"\xef\xbb\xbf", "the column key, n is missing"),
            (b"\nkey,n\na,1\n", "the column key, n is missing"),
            (b"key,word\na,w\n", "the column n is missing; found key, word"),
            (b"key,n,stranger\na,1,2\n", "column 3 is none that the form knows; the form knows key, n, small"),
            (b"key,n,Word\na,1,2\n", "column 3 is none that the form knows; did you mean word? The form knows key, n,"),
            (
                b"key,n, word\na,1,2\n",
                "column 3 is none that the form knows; did you mean word? The form knows key, n,",
            ),
            (b"key,n,key\na,1,b\n", "line 1: the name of column key stands twice"),
            (b"key,n,ann,bob,ann\na,1,b,c,d\n", "line 1: the name of column 3, 5 stands twice"),
            (b"<!DOCTYPE html>\n<html>key,n</html>", "this is a web page, not CSV"),
            (b"\xef\xbb\xbf\n  <html>\n", "this is a web page, not CSV"),
            ("key,n\na,1\n".encode("utf-16"), "this is UTF-16; export it as UTF-8 CSV or Parquet, or say `enc"),
            ("key,n\na,1\n".encode("utf-16-le"), "not UTF-8 text (UTF-16, or a binary file)"),
            ("key,n\na,1\n".encode("utf-16-be"), "not UTF-8 text (UTF-16, or a binary file)"),
            (b"PK\x03\x04\x14\x00\x06\x00 broken off", "what is packed in it is broken off or damaged (BadZipFile)"),
            (gzip.compress(b"key,n\na,1\n", mtime=0)[:-6], "what is packed in it is broken off or damaged (EOFError)"),
            (bz2.compress(b"key,n\na,1\n"), "this is compressed (bzip2); unpack it"),
            (lzma.compress(b"key,n\na,1\n"), "this is compressed (xz); unpack it"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "this is an Excel workbook; save the sheet"),
            ("key,n\na,1\nMüller,2\n".encode("latin-1"), "line 3: not UTF-8; export it as UTF-8"),
            (b'key,n,word\na,1,"open\nb,2,w\n', "line 3: broken quoting"),
            (b'key,n,word\na,1,"shut"after\nb,2,w\n', "line 2: broken quoting"),
        ],
    )
    def test_are_refused_whole_and_told(self, refused, content, said):
        assert said in refused(content)

    @pytest.mark.parametrize("begins", ["BZh", "ORC", "%PDF", "PK"])
    def test_a_text_that_begins_with_the_letters_of_another_kind_is_a_text(self, read, begins):
        found = read(f"{begins}x,key,n\n1,a,1\n", exact=False)
        assert values(found, "key", "n") == [("a", 1)]

    def test_a_broken_quote_does_not_show_what_it_swallowed(self, refused):
        assert "secret" not in refused(b'key,n,word\na,1,"secret\nb,2,secret\n')

    def test_a_file_without_its_header_shows_no_value_of_its_first_row(self, refused):
        assert "ann@example.org" not in refused("ann@example.org,5\nbob@example.org,6\n")

    def test_an_unknown_column_is_left_out_where_the_form_may_have_more(self, read):
        found = read("key,n,stranger\na,1,2\n", exact=False)
        assert values(found, "key", "n") == [("a", 1)]
        assert found.columns == {"key", "n"}
        assert "stranger" not in found.rows.columns

    def test_a_needed_column_is_needed_there_too(self, refused):
        assert "the column n is missing" in refused("key,stranger\na,1\n", exact=False)

    @pytest.mark.parametrize("name", Export.dtypes())
    def test_a_column_that_says_where_a_row_came_from_is_not_the_file_s_to_give(self, refused, name):
        assert "column 3 is none that the form knows" in refused(f"key,n,{name}\na,1,2\n")

    @pytest.mark.parametrize("name", Export.dtypes())
    def test_and_is_left_out_where_the_form_may_have_more(self, read, name):
        found = read(f"key,n,{name}\na,1,2\n", exact=False)
        assert found.rows.select("export_source", "export_file", "export_line", "exported_at").rows() == [
            ("crm", FILE, 2, EXPORTED)
        ]


WORDS = pl.DataFrame({"key": ["a", "b"], "n": [1, None], "word": ["w", ""]})


class TestParquet:
    def test_an_exact_number_that_is_stored_as_a_float_is_what_the_float_shows(self, read):
        given = pl.DataFrame({"key": ["a", "b", "c"], "n": [1, 1, 1], "rate": [5.83e-7, 0.25, 1e17]})
        shown = [Decimal("0.000000583"), Decimal("0.25"), Decimal(10**17)]
        assert read(given).rows["rate"].to_list() == shown

    def test_the_same_content_gives_the_same_rows_as_csv(self, read):
        typed = pl.DataFrame(
            {
                "key": ["a", "007", "c,d\n"],
                "n": [1, -5, None],
                "small": [1, None, -3],
                "x": [0.1, -123456.75, None],
                "rate": ["1.5", "-0.0000000001", None],
                "on": [day("2025-01-05"), day("2024-02-29"), None],
                "seen_at": [at("2025-01-05T10:00"), at("2025-01-05T10:00:00.123456"), None],
                "ok": [True, False, None],
                "word": ["w", "", None],
            },
            schema_overrides={"small": pl.Int8},
        ).with_columns(
            pl.col("rate").str.to_decimal(scale=10),
            pl.col("seen_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
        )
        spelled = (
            "key,n,small,x,rate,on,seen_at,ok,word\n"
            "a,1,1,0.1,1.5,2025-01-05,2025-01-05T19:00:00+09:00,true,w\n"
            "007,-5,,-123456.75,-0.0000000001,2024-02-29,2025-01-05T10:00:00.123456Z,false,\n"
            '"c,d\n",,-3,,,,,,\n'
        )
        from_parquet, from_csv = read(typed), read(spelled)
        assert values(from_parquet) == values(from_csv)
        assert from_parquet.rows.schema == from_csv.rows.schema
        assert from_parquet.columns == from_csv.columns
        assert from_parquet.rejects.is_empty()
        assert from_csv.rejects.is_empty()

    def test_rows_are_counted_from_one(self, read):
        found = read(WORDS)
        assert found.rows.select("key", "n", "word", "export_line").rows() == [("a", 1, "w", 1), ("b", None, None, 2)]

    def test_a_wrong_value_rejects_its_row_as_in_csv(self, read):
        frame = pl.DataFrame({"key": ["a", "b", "c"], "n": ["1", "x", "3"], "x": [1.0, 2.0, float("nan")]})
        found = read(frame)
        assert values(found, "key", "n") == [("a", 1)]
        assert rejects(found) == [(2, "n", WHOLE), (3, "x", POINT)]
        assert found.rows_read == 3

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_no_number_that_is_none_comes_in(self, read, value):
        assert rejects(read(pl.DataFrame({"key": ["a"], "n": [1], "x": [value]}))) == [(1, "x", POINT)]

    def test_a_fraction_is_no_whole_number(self, read):
        assert rejects(read(pl.DataFrame({"key": ["a"], "n": [1.7]}))) == [(1, "n", WHOLE)]

    @pytest.mark.parametrize("value", [1e-7, 2.5e-9, 1e-5, 123456789012345.0])
    def test_a_very_small_or_large_number_is_read_as_csv_reads_it(self, read, value):
        from_csv = read(f"key,n,x\na,1,{value:.12f}\n")
        assert values(from_csv, "x") == [(value,)]
        assert values(read(pl.DataFrame({"key": ["a"], "n": [1], "x": [value]})), "x") == [(value,)]

    @pytest.mark.parametrize("kind", [pl.Float64, pl.Float32])
    def test_ids_that_a_gap_made_floating_point_numbers_are_the_whole_numbers_they_were(self, read, kind):
        frame = pl.DataFrame({"key": [7.0, 12.0, -3.0], "n": [1.0, None, 40.0]}, schema_overrides={"key": kind})
        found = read(frame)
        assert values(found, "key", "n") == [("7", 1), ("12", None), ("-3", 40)]
        assert found.rejects.is_empty()

    def test_the_same_ids_in_csv_and_parquet_are_the_same_accounts(self, read):
        assert values(read("key,n\n7,1\n"), "key") == values(read(pl.DataFrame({"key": [7.0], "n": [1]})), "key")

    @pytest.mark.parametrize(("kind", "value"), [(pl.Float64, 2.0**53), (pl.Float64, -1e300), (pl.Float32, 2.0**24)])
    def test_ids_that_have_lost_digits_as_floating_point_numbers_are_refused_by_column(self, refused, kind, value):
        said = refused(pl.DataFrame({"key": [value], "n": [1]}, schema_overrides={"key": kind}))
        assert said.startswith(f"{FILE}: column key holds floating-point numbers") and "export it as text" in said

    def test_a_fraction_in_a_text_stays_as_it_is_and_what_is_no_number_is_none(self, read):
        frame = pl.DataFrame({"key": ["a", "b"], "n": [1, 2], "word": [1.5, float("nan")]})
        assert values(read(frame), "word") == [("1.5",), (None,)]

    def test_times_are_read_whatever_way_the_form_spells_them_in_text(self, read):
        frame = WORDS.with_columns(seen_at=pl.lit(at("2025-01-05T10:00")).dt.replace_time_zone("UTC"))
        found = read(frame, Formats(instants=("%Y-%m-%d %H:%M:%S",)))
        assert values(found, "seen_at") == [(at("2025-01-05T10:00"),)] * 2

    def test_days_are_read_whatever_way_the_form_spells_them_in_text(self, read):
        found = read(WORDS.with_columns(on=pl.lit(day("2025-01-05")), ok=True), TestForms.vendor)
        assert values(found, "on", "ok") == [(day("2025-01-05"), True)] * 2

    def test_times_without_a_zone_are_refused(self, refused):
        said = refused(WORDS.with_columns(seen_at=pl.lit(at("2025-01-05T10:00"))))
        assert said == f"{FILE}: column seen_at holds times without a zone; expected UTC instants"

    @pytest.mark.parametrize(
        "value", [pl.lit([1]).implode(), pl.struct(a=1), pl.lit(b"bytes")], ids=["list", "struct", "bytes"]
    )
    def test_nested_values_and_bytes_are_refused(self, refused, value):
        assert "word holds" in refused(WORDS.with_columns(word=value))

    NO_PLAIN_VALUES = (
        pytest.param(pa.array([{"jo@example.org": 1}]), "struct", id="struct"),
        pytest.param(pa.array([[{"jo@example.org": "x"}]]), "list", id="list of structs"),
        pytest.param(pa.array([[("jo@example.org", 1)]], pa.map_(pa.string(), pa.int64())), "map", id="map"),
        pytest.param(pa.array([dt.timedelta(days=1)]), "duration", id="duration"),
        pytest.param(pa.array([dt.time(9)]), "time64", id="time of day"),
        pytest.param(pa.array([1.5], pa.float16()), "halffloat", id="half float"),
        pytest.param(pa.array([Decimal(1)], pa.decimal256(50, 2)), "decimal256(50, 2)", id="decimal of 50 digits"),
        pytest.param(pa.array([b"jo@example.org"]), "binary", id="bytes"),
    )

    @pytest.mark.parametrize(("values", "kind"), NO_PLAIN_VALUES)
    def test_what_holds_no_plain_values_is_told_by_its_kind_alone(self, refused, values, kind):
        given = pa.table({"key": ["a"], "n": [1], "word": values})
        assert refused(given) == f"{FILE}: column word holds {kind}; expected plain values"

    @pytest.mark.parametrize(("strange", "kind"), NO_PLAIN_VALUES)
    def test_it_is_left_alone_in_a_column_that_the_form_does_not_know(self, read, refused, strange, kind):
        given = pa.table({"key": ["a"], "n": [1], "jo@example.org": strange})
        assert values(read(given, exact=False), "key", "n") == [("a", 1)]
        assert refused(given).startswith(f"{FILE}: column 3 is none that the form knows")

    @pytest.mark.parametrize("unit", ["ms", "us"])
    @pytest.mark.parametrize("number", [2**62, -(2**62), 253_402_300_800_000, -62_135_596_800_001])
    def test_an_instant_that_no_calendar_has_rejects_its_row(self, read, unit, number):
        if unit == "us" and abs(number) < 2**62:
            number *= 1000
        instants = pa.array([0, number], pa.timestamp(unit, "UTC"))
        found = read(pa.table({"key": ["a", "b"], "n": [1, 2], "seen_at": instants}))
        assert values(found, "key", "seen_at") == [("a", at("1970-01-01"))]
        assert rejects(found) == [(2, "seen_at", INSTANT)]

    @pytest.mark.parametrize("number", [2**31 - 1, -(2**31), 2_932_897, -719_163])
    def test_a_day_that_no_calendar_has_rejects_its_row(self, read, number):
        found = read(pa.table({"key": ["a", "b"], "n": [1, 2], "on": pa.array([2_932_896, number], pa.date32())}))
        assert values(found, "key", "on") == [("a", day("9999-12-31"))]
        assert rejects(found) == [(2, "on", DATE)]

    @pytest.mark.parametrize("zone", ["UTC", "Z", "+05:30", "Asia/Tokyo", "GMT"])
    def test_an_instant_is_the_same_whatever_zone_its_column_tells(self, read, zone):
        instants = pa.array([0, None], pa.timestamp("us", zone))
        found = read(pa.table({"key": ["a", "b"], "n": [1, 2], "seen_at": instants}))
        assert values(found, "seen_at") == [(at("1970-01-01"),), (None,)]

    def test_a_column_of_times_without_any_value_needs_no_zone(self, read):
        nothing = pa.array([None, None], pa.timestamp("ns"))
        found = read(pa.table({"key": ["a", "b"], "n": [1, 2], "seen_at": nothing, "on": nothing}))
        assert values(found, "seen_at", "on") == [(None, None)] * 2

    def test_midnights_without_a_zone_are_days_and_other_times_are_none(self, read):
        moments = pa.array([dt.datetime(2025, 1, 5), dt.datetime(2025, 1, 5, 0, 0, 1), None], pa.timestamp("ns"))
        found = read(pa.table({"key": ["a", "b", "c"], "n": [1, 2, 3], "on": moments}))
        assert values(found, "key", "on") == [("a", day("2025-01-05")), ("c", None)]
        assert rejects(found) == [(2, "on", DATE)]

    def test_short_floating_point_numbers_are_those_that_csv_spells(self, read):
        spelled = read("key,n,x,rate\na,1,0.7,0.7\nb,2,123.45,0.001\n")
        short = pl.DataFrame(
            {"key": ["a", "b"], "n": [1, 2], "x": [0.7, 123.45], "rate": [0.7, 0.001]},
            schema_overrides={"x": pl.Float32, "rate": pl.Float32},
        )
        assert values(read(short), "x", "rate") == values(spelled, "x", "rate")

    def test_a_decimal_with_nothing_behind_its_point_is_a_whole_number(self, read):
        amounts = pa.array([Decimal("100.00"), Decimal("7.50"), Decimal("-1000.00")], pa.decimal128(10, 2))
        found = read(pa.table({"key": ["a", "b", "c"], "n": amounts}))
        assert values(found, "key", "n") == [("a", 100), ("c", -1000)]
        assert rejects(found) == [(2, "n", WHOLE)]

    def test_a_missing_and_an_unknown_column_are_told_as_in_csv(self, refused):
        assert "the column n is missing" in refused(WORDS.drop("n"))
        assert f"column {WORDS.width + 1} is none that the form knows" in refused(WORDS.with_columns(stranger=1))

    @pytest.mark.parametrize("name", Export.dtypes())
    def test_where_a_row_came_from_is_not_the_file_s_to_give(self, refused, name):
        assert "is none that the form knows" in refused(WORDS.with_columns(pl.lit("1").alias(name)))

    def test_a_file_cut_short_is_refused_wherever_it_is_cut(self, refused):
        whole = as_parquet(WORDS)
        for length in range(4, len(whole), 31):
            assert "not a readable Parquet file" in refused(whole[:length])

    @pytest.mark.parametrize("fault", [MemoryError(), pa.ArrowMemoryError(), OSError(5, "Input/output error")])
    def test_trouble_of_the_machine_is_none_of_the_file(self, read, monkeypatch, fault):
        def failing(*_: object, **__: object) -> None:
            raise fault

        monkeypatch.setattr(pq.ParquetFile, "iter_batches", failing)
        with pytest.raises(type(fault)):
            read(WORDS)

    def test_what_only_begins_like_parquet_is_refused(self, refused):
        assert "not a readable Parquet file" in refused(b"PAR1" + b"rubbish" * 50 + b"PAR1")

    def test_a_damaged_file_is_read_or_refused_and_nothing_else(self, read):
        whole = as_parquet(pl.concat([WORDS] * 20).with_columns(on=pl.lit(day("2025-01-05"))))
        damage = random.Random(5)
        for _ in range(300):
            broken = bytearray(whole)
            for _ in range(damage.choice([1, 3, 20])):
                broken[damage.randrange(4, len(broken))] = damage.randrange(256)
            try:
                accounted_for(read(bytes(broken)))
            except ExportError as fault:
                assert str(fault).startswith(FILE)


def as_parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def accounted_for(found: FileRows) -> None:
    """Every row that was read is good or rejected, never both; every reject names file, line and reason."""
    good, bad = set(found.rows["export_line"]), set(found.rejects["export_line"])
    assert not good & bad
    assert found.rows_read == found.rows.height + len(bad)
    assert found.text["export_line"].is_unique().all()
    assert bad == set(found.text["export_line"])
    assert found.rows["export_line"].is_unique().all()
    assert found.rejects.select(pl.exclude("column_name")).null_count().sum_horizontal().item() == 0
    assert set(found.rejects["column_name"].drop_nulls()) <= set(CONTENT)


whole_numbers = st.integers(-(10**18) + 1, 10**18 - 1).map(str)
days = st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 31)).map(str)
junk = st.sampled_from(
    ["ann@example.org", "1,5", "1e5", "x\ny", 'say "hi"', "a\r\nb", "2025-02-30", " 1", "-", "NaN", "<b>"]
)
cells = st.one_of(st.just(""), whole_numbers, days, junk)
records = st.lists(
    st.one_of(
        st.tuples(cells, whole_numbers, days).map(list),
        st.tuples(cells, cells, cells).map(list),
        st.lists(cells, max_size=5),
    ),
    max_size=12,
)
REASONS = {WHOLE, DATE, *(f"expected 3 values, found {count}" for count in range(6))}


def right(record: list[str]) -> bool:
    """By an independent road: three values, of which the second is a whole number and the third a day, or empty."""
    if len(record) != 3:
        return False
    number, date = record[1:]
    if number and not re.fullmatch("-?[0-9]{1,18}", number):
        return False
    try:
        return not date or (len(date) == 10 and dt.date.fromisoformat(date) is not None)
    except ValueError:
        return False


class TestNothingIsLost:
    @settings(max_examples=80, deadline=None)
    @given(records=records, end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
    def test_rows_read_are_good_or_rejected_each_with_its_line(self, tmp_path_factory, records, end, mark):
        text, expected = "key,n,on" + end, {}
        for record in records:
            line = 1 + len(re.findall("\r\n|\r|\n", text))
            if record:
                expected[line] = record
            text += ('""' if record == [""] else ",".join(map(cell, record))) + end
        path = tmp_path_factory.mktemp("csv") / "landed"
        path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.encode())
        found = read_export(path, FILE, "crm", EXPORTED, Thing, Formats(), exact=True)
        accounted_for(found)
        assert found.rows_read == len(expected)
        texts = texts_at(path, FILE, Thing, Formats(), pl.Series(range(len(text) + 2), dtype=pl.Int64))
        assert texts["export_line"].to_list() == list(expected)
        assert found.rows["export_line"].to_list() == [line for line, record in expected.items() if right(record)]
        assert set(found.rejects["reason"]) <= REASONS
        for line, key, number, date in found.rows.select("export_line", "key", "n", "on").iter_rows():
            sent = expected[line]
            assert [key or "", "" if number is None else number, str(date or "")] == [
                sent[0],
                int(sent[1]) if sent[1] else "",
                sent[2],
            ]

    @settings(max_examples=150, deadline=None)
    @given(body=st.text(alphabet='ab01-.,;"\n\r <é', max_size=40))
    def test_whatever_follows_the_header_is_accounted_for_or_the_file_is_refused(self, tmp_path_factory, body):
        path = tmp_path_factory.mktemp("csv") / "landed"
        path.write_bytes(f"key,n\n{body}".encode())
        try:
            found = read_export(path, FILE, "crm", EXPORTED, Thing, Formats(), exact=True)
        except ExportError as fault:
            assert re.fullmatch(rf"{FILE}, line \d+: broken quoting \(.+\); nothing of it was loaded", str(fault))
            return
        accounted_for(found)
        kept = [row for row in csv.reader(io.StringIO(f"key,n\n{body}", newline=""), strict=True) if row]
        # Rows that a quote took in are rows, too.
        taken = [reason for _, _, reason in rejects(found) if reason.endswith("takes in rows")]
        assert found.rows_read - (len(taken) - len(set(taken))) == len(kept) - 1

    @pytest.mark.parametrize("name", ["", "*", "^k.*$", "^.*$", " "])
    def test_a_column_of_any_name_that_the_form_does_not_know_is_left_alone(self, read, name, tmp_path):
        found = read(f"key,n,{name}\na,1,\n,2,x\nc,,y\n", exact=False)
        assert values(found, "key", "n") == [("a", 1), (None, 2), ("c", None)]
        lines = pl.Series([2, 3, 4])
        assert texts_at(tmp_path / "landed", FILE, Thing, Formats(), lines)[name].to_list() == [None, "x", "y"]
        frame = pl.DataFrame({"key": ["a", "b"], "n": [1, None], name: [0.5, None]})
        assert values(read(frame, exact=False), "key", "n") == [("a", 1), ("b", None)]

    @pytest.mark.parametrize("name", ["", "*", "^k.*$"])
    def test_and_is_refused_by_its_place_where_the_form_is_exact(self, refused, name):
        assert refused(f"key,n,{name}\na,1,\n").startswith(f"{FILE}: column 3 is none that the form knows")

    @settings(max_examples=300, deadline=None)
    @given(
        header=st.sampled_from(["key,n", 'key,"n"', "n,key,word", "key", "key,", "key,*", "^k.*$,n"]),
        lines=st.lists(
            st.one_of(
                st.sampled_from(["a,1", "b,2", "", "key,n", "é,x", "1,a,w", "k"]),
                st.text(alphabet='ab,"\r\0 \x0b\u2028é', max_size=6),
            ),
            max_size=12,
        ),
        end=st.sampled_from(["\n", "\r\n", "\r"]),
        last=st.booleans(),
    )
    def test_every_way_gives_the_same(self, tmp_path_factory, header, lines, end, last):
        path = tmp_path_factory.mktemp("csv") / "landed"
        path.write_bytes((end.join([header, *lines]) + (end if last else "")).encode())
        told = []
        for way in WAYS:
            with pytest.MonkeyPatch.context() as patched:
                go(way, patched)
                try:
                    told.append(whole(read_csv(path, FILE, Thing, Formats(), ("export_line",))))
                except ExportError as fault:
                    told.append(str(fault))
        assert told[0] == told[1] == told[2]

    def test_what_is_plain_is_read_by_columns_and_what_is_quoted_row_by_row(self, tmp_path, monkeypatch):
        """Else the ways would be one."""
        asked: list[tuple[str, bool]] = []

        def noted(text: str, *others: Any) -> pl.DataFrame | None:
            found = by_columns(text, *others)
            asked.append((text, found is not None))
            return found

        monkeypatch.setattr(csv_file, "by_columns", noted)
        monkeypatch.setattr(blocks, "BLOCK", 8)
        path = tmp_path / "landed"
        path.write_bytes(b'key,n\na,1\nbb,2\n"c\nc",3\nd,4\ne,5\nf,6\n')
        found = whole(read_csv(path, FILE, Word, Formats(), ()))
        rows = [(2, "a", "1"), (3, "bb", "2"), (4, "c\nc", "3"), (6, "d", "4"), (7, "e", "5"), (8, "f", "6")]
        assert found == (["key", "n"], rows, [])
        # The block of b has a quote, whose row goes on into the next block: that one goes row by row, too.
        assert asked == [("a,1\n", True), ('bb,2\n"c\n', False), ("e,5\nf,6\n", True)]

    @settings(max_examples=100, deadline=None)
    @given(content=st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused_by_name(self, tmp_path_factory, content):
        path = tmp_path_factory.mktemp("csv") / "landed"
        path.write_bytes(content)
        with pytest.raises(ExportError) as found:  # no 60 bytes hold the needed header but by intent
            read_export(path, FILE, "crm", EXPORTED, Thing, Formats(), exact=True)
        assert str(found.value).startswith(FILE)
