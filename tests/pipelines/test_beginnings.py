"""What the doctor says of files as their beginnings show: what is wrong, where, and what to do about it."""

import json
from pathlib import Path

import pytest
import yaml

from pipelines.commands.inspection import faults_of, fills, sources
from pipelines.ingest.sources import sent_files
from pipelines.project import Project
from tests.vendors import chargebee_files, freshdesk_files, test_stripe, zendesk_files
from tests.vendors.one_source import SETTINGS

ZENDESK = {"form": "zendesk", "written_by": "dashboard", "folder": "sent"}
FRESHDESK = {"form": "freshdesk", "written_by": "api", "folder": "sent"}
STRIPE = {"form": "stripe", "written_by": "api", "folder": "sent"}
CSAT = {"csat": [{"scale": [0, 1], "positive": [1, 1]}, {"scale": [1, 7], "positive": [5, 7]}]}
TICKETS = zendesk_files.export(zendesk_files.shown(101), zendesk_files.shown(102))


def project(folder: Path, name: str, content: str | bytes, source: dict[str, object]) -> Project:
    path = folder / "sent" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "c.yaml").write_text(json.dumps({**SETTINGS, "feedback": CSAT, "sources": {"it": source}}))
    return Project(folder / "c.yaml", folder / "data")


def wrong(folder: Path, name: str, content: str | bytes, source: dict[str, object], **said: object) -> list[str]:
    """What is told of a file, without the command that follows."""
    company = project(folder, name, content, {**source, **said})
    return [words.partition("; mend that, then: ")[0] for _, words in sources(faults_of(company, sent_files(company)))]


def test_what_is_wrong_with_a_file_of_several_kinds_of_objects_is_told_once(tmp_path):
    page = json.dumps({"object": "list", "data": [test_stripe.subscription("a")]})
    (told,) = wrong(tmp_path, "subscriptions.json", page[:200], STRIPE)
    assert told.startswith("sent/subscriptions.json, line 1: the page that begins in line 1 is broken off")


@pytest.mark.parametrize("content", [b"", b"\n\n"])
@pytest.mark.parametrize(("name", "source"), [("export_1.csv", ZENDESK), ("tickets.jsonl", FRESHDESK)])
def test_an_empty_file_is_called_empty(tmp_path, name, source, content):
    told = wrong(tmp_path, name, content, source)
    assert told == [f"sent/{name}: the file is empty; export it anew, or take it away"]


def test_an_empty_part_of_many_is_none(tmp_path):
    airbyte = {**STRIPE, "written_by": "airbyte"}
    assert wrong(tmp_path, "invoices/2026_06_01_1780272000000_0.jsonl", b"", airbyte) == []


def test_text_of_another_encoding_is_told_below_the_header_with_what_to_say(tmp_path):
    latin = TICKETS.replace("Acme", "Müller").encode("windows-1252")
    told = "sent/export_1.csv, line 2: not UTF-8; export it as UTF-8, or say its encoding for this source, like "
    assert wrong(tmp_path / "a", "export_1.csv", latin, ZENDESK) == [f"{told}`encoding: windows-1252`"]
    assert wrong(tmp_path / "b", "export_1.csv", latin, ZENDESK, encoding="windows-1252") == []


def test_json_is_utf_8_whatever_is_said(tmp_path):
    latin = zendesk_files.lines(freshdesk_files.ticket(1)).replace("Problem", "Störung").encode("windows-1252")
    told = wrong(tmp_path, "tickets.jsonl", latin, FRESHDESK)
    assert told == ["sent/tickets.jsonl, line 1: not UTF-8; export it as UTF-8"]


def test_utf_16_is_told_with_what_to_say_and_what_is_said_in_vain(tmp_path):
    (told,) = wrong(tmp_path / "a", "export_1.csv", TICKETS.encode("utf-16"), ZENDESK)
    assert told.endswith("this is UTF-16; export it as UTF-8 CSV or Parquet, or say `encoding: utf-16` for this source")
    assert wrong(tmp_path / "b", "export_1.csv", TICKETS.encode("utf-16"), ZENDESK, encoding="utf-16") == []
    vain = ["sent/export_1.csv: its beginning is not UTF-16; correct `encoding` of this source"]
    assert wrong(tmp_path / "c", "export_1.csv", TICKETS, ZENDESK, encoding="utf-16") == vain


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_another_separator_is_told_with_a_line_that_works(tmp_path, mark):
    content = mark + TICKETS.replace(",", ";")
    (told,) = wrong(tmp_path / "a", "export_1.csv", content, ZENDESK)
    assert told.startswith("sent/export_1.csv, line 1: values are parted by ';'; expected ','")
    assert wrong(tmp_path / "b", "export_1.csv", content, ZENDESK, **yaml.safe_load(told.split("`")[1])) == []


INVOICES = "id,Customer,Status,Currency,Total,Tax,Date (UTC)\nin_1,cus_1,open,eur,{},{},2026-01-15 10:00\n"
DOWNLOADED = {**STRIPE, "written_by": "dashboard"}


def test_a_column_of_decimal_commas_is_told_with_a_line_that_works(tmp_path):
    content = INVOICES.format('"12,50"', '"2,00"') + 'in_2,cus_1,open,eur,"7,00",,2026-01-15 10:00\n'
    (told,) = wrong(tmp_path / "a", "invoices.csv", content, DOWNLOADED)
    assert told.startswith("sent/invoices.csv, line 2, Total: expected a number with a point; if all numbers of this")
    assert wrong(tmp_path / "b", "invoices.csv", content, DOWNLOADED, **yaml.safe_load(told.split("`")[1])) == []


def test_a_header_alone_has_no_number(tmp_path):
    assert wrong(tmp_path, "invoices.csv", INVOICES.splitlines()[0] + "\n", DOWNLOADED) == []


@pytest.mark.parametrize("total", ['"1,250"', "12.50", "twelve"])
def test_a_column_in_which_a_number_is_none_or_has_a_point_or_may_have_groups_is_for_the_run(tmp_path, total):
    content = INVOICES.format(total, "") + "in_2,cus_1,open,eur,7.00,,2026-01-15 10:00\n"
    assert wrong(tmp_path / "b", "invoices.csv", content, DOWNLOADED) == []
    mixed = INVOICES.format('"12,50"', "") + "in_2,cus_1,open,eur,7.00,,2026-01-15 10:00\n"
    assert wrong(tmp_path / "c", "invoices.csv", mixed, DOWNLOADED) == []


def test_that_no_object_at_the_beginning_has_an_id_is_told(tmp_path):
    good, nobody = freshdesk_files.ticket(1), {**freshdesk_files.ticket(2)}
    del nobody["id"]
    (told,) = wrong(tmp_path / "a", "tickets.jsonl", zendesk_files.lines(nobody, nobody), FRESHDESK)
    assert told.startswith("sent/tickets.jsonl: no object at its beginning has the column id; found ")
    # One of them is a row that is rejected, and all others are read.
    assert wrong(tmp_path / "b", "tickets.jsonl", zendesk_files.lines(nobody, good), FRESHDESK) == []
    error = '{"code": "invalid_credentials", "message": "You have to be logged in"}\n'
    (told,) = wrong(tmp_path / "c", "tickets.jsonl", error, FRESHDESK)
    assert told.endswith("has the column id, status, created_at; found none that the form knows")


def test_pages_without_an_object_lack_no_column(tmp_path):
    page = json.dumps({"object": "list", "data": [], "has_more": False})
    assert wrong(tmp_path, "subscriptions.json", page, STRIPE) == []


@pytest.mark.parametrize("content", ["{", '{"data": []}', chargebee_files.lines({"error": {"message": "No such key"}})])
def test_files_that_tell_nothing_fill_nothing(tmp_path, content):
    company = project(tmp_path, "subscriptions.json", content, STRIPE)
    told = [words for _, words in fills(company, sent_files(company))]
    assert told[0] == "it fills nothing"
    assert "mrr" in told[-1].partition(" can be known; not ")[2]
