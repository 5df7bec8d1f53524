"""Invoices in many files of a vendor: read in parts, and cleaned some objects at a time, with what becomes of all."""

import json
import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pipelines.ingest.by_month
import pipelines.ingest.by_object
import pipelines.ingest.gathering
import warehouse.blocks
import warehouse.spill
from pipelines.ingest.accounting import Gathered, Hold
from pipelines.ingest.cleaned import clean
from pipelines.ingest.kept_rows import read_files
from pipelines.ingest.raw_rows import RawRows
from pipelines.project import Project
from schemas.form import Form
from tests.vendors.one_source import Ingested, ingested
from transforms.clean.vendors import FORMS
from warehouse.errors import ExportError
from warehouse.folders import Folders
from warehouse.landed import LandedFile, landed_files

TABLE = "invoices"
TOLD = ("export_file", "quarantine", "left_out", "content_month", "source_month", "source_account")


def everything(found: Ingested) -> dict[str, Any]:
    """What is made of invoices, and what became of every row."""
    project = found.company.project()
    with project.database.kept_open():
        tables = {
            name: project.database.read(name, where={"table_name": [TABLE]}).drop(
                "rejected_at", "landed_at", strict=False
            )
            for name in TOLD
        }
        made = project.staged(TABLE).rows()
    texts = found.company.data / "quarantine" / f"{TABLE}.csv"
    quarantined = sorted(texts.read_text().splitlines()) if texts.exists() else []
    rows = {name: sorted(table.rows(), key=str) for name, table in tables.items()}
    return {**rows, "staged": made, "texts": quarantined, "exported": found.exported(TABLE)}


def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line or two of a file are a part, five rows are written to disk at once, some four are cleaned together."""
    monkeypatch.setattr(warehouse.blocks, "BLOCK", 120)
    monkeypatch.setattr(warehouse.spill, "HELD", 5)
    monkeypatch.setattr(pipelines.ingest.by_object, "AT_ONCE", 4)
    monkeypatch.setattr(pipelines.ingest.by_month, "SEEN", 2)


def as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of all files are cleaned together."""

    def cleaned(
        project: Project, table: str, form: Form, of: Mapping[str, list[LandedFile]], hold: Hold
    ) -> tuple[Gathered, dict[str, list[RawRows]]]:
        raw = read_files(project, table, form, of)
        made = clean(project, table, form, raw)
        hold(next(iter(raw.values()))[0].file.source, made.rows, 0, None)
        return made, raw

    monkeypatch.setattr(pipelines.ingest.gathering, "clean_by_object", cleaned)


Sent = tuple[dict[str, str], dict[str, Any]]
"""Files, and their source in the config."""


def lines_of(objects: Iterable[Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(each) + "\n" for each in objects)


def canonical(chance: random.Random) -> Sent:
    """Files that each have all there is; an id may stand twice in one, alike or not."""
    header = "invoice_id,account_id,issued_on,due_on,paid_on,status,amount,currency\n"
    days, states = ["2026-03-31", "2026-04-01", "2026-05-20", "2026-05-21", "soon", ""], ["open", "void"]
    files = {}
    for name in ("invoices-2026-05-30.csv", "invoices-2026-06-30.csv")[: chance.choice([1, 2])]:
        rows = [
            f"i{chance.randrange(40)},A{chance.randrange(3)},{chance.choice(days)},,,{chance.choice(states)},"
            f"{chance.choice([100, 250])},{chance.choice(['EUR', 'EUR', 'eur'])}\n"
            for _ in range(30)
        ]
        files[name] = header + "".join([*rows, rows[3], rows[4]])
    return files, {"form": "canonical", "files": {"invoices": "invoices*.csv"}}


def api(chance: random.Random) -> Sent:
    """Objects with their lines and taxes in one file, and what was given back in others."""
    found = {}
    for _ in range(20):
        key, cents = f"in_{chance.randrange(400)}", chance.choice([1000, 2500])
        line = {"id": f"il_{key}", "amount": cents, "currency": "eur", "quantity": chance.choice([1, 1, "some"]),
                "type": chance.choice(["subscription", "invoiceitem"])}  # fmt: skip
        found[key] = {
            "id": key, "customer": f"cus_{chance.randrange(3)}", "status": chance.choice(["paid", "open", "lost"]),
            "currency": chance.choice(["eur", "eur", "xyz"]), "total": cents, "charge": f"ch_{key}",
            "created": 1_777_000_000 + 86_400 * chance.randrange(60), "livemode": chance.random() > 0.2,
            "total_taxes": [{"amount": 100}][: chance.randrange(2)],
            "lines": {"data": [line] * chance.randrange(2), "has_more": False},
        }  # fmt: skip
    notes = [{"id": f"cn_{n}", "invoice": key, "total": 300, "currency": "eur", "status": "issued"}
             for n, key in enumerate([*found][:4])]  # fmt: skip
    refunds = [{"id": f"re_{n}", "charge": f"ch_{key}", "amount": 200, "currency": "eur", "status": "succeeded"}
               for n, key in enumerate([*found][3:6])]  # fmt: skip
    files = {"invoices.jsonl": found.values(), "credit_notes.jsonl": notes, "refunds.jsonl": refunds}
    return {name: lines_of(of) for name, of in files.items()}, {"form": "stripe", "written_by": "api"}


def airbyte(chance: random.Random) -> Sent:
    """Parts of a stream: an object may be in several of them, and a new run may have begun."""
    files = {}
    for part in range(3):
        rows = [
            {"_airbyte_extracted_at": f"2026-06-0{1 + part}T00:00:{n:02}Z",
             "_airbyte_generation_id": chance.choice([1, 2]) if part == 2 else 1,
             "_airbyte_data": {"id": f"in_{chance.randrange(19)}", "customer": "cus_1", "status": "open",
                               "currency": "eur", "total": chance.choice([1000, 2500, "much"]),
                               "created": 1_777_000_000 + 86_400 * n,
                               "lines": {"data": [{"id": f"il_{part}_{n}", "amount": 400, "type": "invoiceitem"}]}}}
            for n in range(12)
        ]  # fmt: skip
        files[f"invoices/2026_06_0{1 + part}_178000000{part}000_0.jsonl"] = lines_of(rows)
    return files, {"form": "stripe", "written_by": "airbyte"}


def fivetran(chance: random.Random) -> Sent:
    """Tables, of which that of lines names the invoices; that of notes those that are gone, too."""
    moments, words = ["2026-04-01 10:00:00", "2026-05-03 10:00:00", "never"], ["true", "false"]
    invoices = [
        f"in_{n},cus_{n % 3},open,eur,{chance.choice([1000, 2500])},{chance.choice(moments)},{chance.choice(words)},"
        f"{chance.choice(['true', 'false', 'false'])}\n"
        for n in range(40)
    ]
    lines = [f"il_{n},in_{chance.randrange(50)},500,eur,invoiceitem,2026-06-01 00:00:0{n % 3}\n" for n in range(20)]
    notes = [f"cn_{n},in_{chance.randrange(50)},100,eur,issued\n" for n in range(9)]
    return {
        "invoice.csv": "id,customer_id,status,currency,total,created,livemode,_fivetran_deleted\n" + "".join(invoices),
        "invoice_line_item.csv": "id,invoice_id,amount,currency,type,_fivetran_synced\n" + "".join(lines),
        "credit_note.csv": "id,invoice_id,total,currency,status\n" + "".join(notes),
    }, {"form": "stripe", "written_by": "fivetran"}


def dlt(chance: random.Random) -> Sent:
    """Tables, of which that of lines names the rows of invoices."""
    invoices = [
        {"_dlt_id": f"r{n}", "_dlt_load_id": f"178000000{n // 9}.5", "id": f"in_{n % 9}", "customer": "cus_1",
         "status": "open", "currency": "eur", "total": chance.choice([1000, 2500]), "created": "2026-05-03T10:00:00Z"}
        for n in range(27)
    ]  # fmt: skip
    lines = [
        {"_dlt_id": f"l{n}", "_dlt_parent_id": f"r{chance.randrange(30)}", "_dlt_list_idx": 0, "id": f"il_{n}",
         "amount": 400, "currency": "eur", "type": "invoiceitem"}
        for n in range(16)
    ]  # fmt: skip
    files = {"invoice/1780000000.5.a.jsonl": invoices, "invoice__lines__data/1780000000.5.b.jsonl": lines}
    return {name: lines_of(of) for name, of in files.items()}, {"form": "stripe", "written_by": "dlt"}


def chargebee(chance: random.Random) -> Sent:
    """Objects with their lines, and with the credit notes that were given back."""
    found = {}
    for n in range(20):
        key = f"inv_{chance.randrange(400)}"
        found[key] = {
            "id": key, "customer_id": f"c{n % 3}", "status": chance.choice(["paid", "payment_due"]), "total": 2500,
            "date": 1_777_000_000 + 86_400 * n, "tax": chance.choice([0, 400]), "currency_code": "EUR",
            "recurring": chance.random() > 0.5, "deleted": chance.random() > 0.8,
            "line_items": [{"id": f"li_{n}", "entity_type": chance.choice(["plan", "adhoc"]), "amount": 2500}],
            "issued_credit_notes": [{"cn_id": f"cn_{n}", "cn_status": "refunded", "cn_total": 300}][: n % 2],
        }  # fmt: skip
    return {"invoices.jsonl": lines_of(found.values())}, {"form": "chargebee", "written_by": "api"}


WAYS = {way.__name__: way for way in (canonical, api, airbyte, fivetran, dlt, chargebee)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", WAYS)
def test_some_objects_at_a_time_make_what_all_together_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, seed: int
) -> None:
    sent, source = WAYS[way](random.Random(seed))
    with monkeypatch.context() as patched:
        as_a_whole(patched)
        whole = everything(ingested(tmp_path / "whole", sent, source, [TABLE]))
    assert len(whole["staged"]) > 1
    for name in ("one", "many"):
        shutil.copytree(tmp_path / "whole" / "sent", tmp_path / name / "sent")  # as old as they were
    as_one = everything(ingested(tmp_path / "one", {}, source, [TABLE]))
    assert as_one == whole
    in_small_parts(monkeypatch)
    assert everything(ingested(tmp_path / "many", {}, source, [TABLE])) == whole


def test_what_is_cleaned_by_object_is_told_by_its_own_rows() -> None:
    """No row of another raw table becomes a row of such a table, and nothing of it is asked of all rows."""
    of = [cleaning for form in FORMS.values() for cleaning in form.clean.values() if cleaning.by_object]
    assert len(of) > 2
    assert [cleaning for cleaning in of if cleaning.also or cleaning.unmet or cleaning.gathers] == []


def test_no_more_than_some_objects_are_held_as_they_were_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, most = pipelines.ingest.by_object.objects, list[int]()

    def watching(rows: dict[str, pl.DataFrame], form: Any) -> Any:
        most.append(sum(each.height for each in rows.values()))
        return whole(rows, form)

    monkeypatch.setattr(pipelines.ingest.by_object, "objects", watching)
    in_small_parts(monkeypatch)
    header = "id,customer_id,status,currency,total,created\n"
    rows = [f"in_{n},cus_1,open,eur,1000,2026-05-03 10:00:00\n" for n in range(60)]
    source = {"form": "stripe", "written_by": "fivetran"}
    found = ingested(tmp_path, {"invoice.csv": header + "".join(rows)}, source, [TABLE])
    assert found.rows(TABLE).height == 60
    assert sum(most) == 60
    assert max(most) <= 12  # of 64 groups some have several


def test_files_that_contradict_each_other_are_refused_with_all_keys_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_parts(monkeypatch)
    header = "invoice_id,account_id,issued_on,due_on,paid_on,status,amount,currency\n"
    row = "i{},A1,2026-05-03,,,open,{},EUR\n"
    names = ("invoices-2026-05-30.csv", "invoices-again-2026-05-30.csv")
    files = {name: header + "".join(row.format(key, len(name)) for key in range(9)) for name in names}
    source = {"form": "canonical", "files": {"invoices": "invoices*.csv"}}
    with pytest.raises(ExportError, match=r"say different things of one invoice_id \(9 keys in all\)"):
        ingested(tmp_path, files, source, [TABLE])
    assert list((tmp_path / "data" / "staged").glob("*.spill")) == []


def test_rows_that_the_config_gives_one_key_are_looked_at_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two words of a file that mean one id: their rows may be parted by no word."""
    in_small_parts(monkeypatch)
    rows = [f"n{n},A1,2026-05-03,open,{100 + n},EUR\n" for n in range(12)]
    columns = {"account_id": "Account", "issued_on": "Day", "status": "State", "amount": "Amount", "currency": "Money"}
    words = {f"n{n}": f"N{n % 6}" for n in range(12)}
    mapped = {name: {"column": column} for name, column in columns.items()}
    options = {"tables": {TABLE: {"invoice_id": {"column": "No", "words": words}, **mapped}}}
    sent = {"invoices.csv": "No,Account,Day,State,Amount,Money\n" + "".join(rows)}
    source = {"form": "mapped", "files": {TABLE: "invoices.csv"}, "options": options}
    found = ingested(tmp_path, sent, source, [TABLE])
    assert found.rows(TABLE).is_empty()
    assert {reason for _, _, _, reason in found.rejects()} == {"the key occurs again with other content"}
    assert len(found.rejects()) == 12


def test_what_a_killed_run_left_is_taken_away_though_the_table_is_made_of_other_files_now(tmp_path: Path) -> None:
    left = tmp_path / "data" / "staged" / "invoices.invoice_lines.spill" / "3"
    left.mkdir(parents=True)
    (left / "0.arrow").write_bytes(b"of another run")
    header = "invoice_id,account_id,issued_on,due_on,paid_on,status,amount,currency\n"
    sent = {"invoices.csv": header + "i1,A1,2026-05-03,,,open,100,EUR\n"}
    found = ingested(tmp_path, sent, {"form": "canonical", "files": {TABLE: "invoices.csv"}}, [TABLE])
    assert found.values(TABLE, "invoice_id") == [("i1",)]
    assert not left.parent.exists()


def test_of_several_kinds_in_a_file_only_that_at_fault_is_said_to_be(tmp_path: Path) -> None:
    line = {"id": "il_1", "amount": 1000, "currency": "eur", "type": "subscription"}
    told = {"id": "in_1", "customer": "cus_1", "currency": "eur", "total": 1000, "created": 1_777_000_000}
    sent = {"invoices.jsonl": lines_of([{**told, "lines": {"data": [line]}}])}
    with pytest.raises(ExportError, match="status"):
        ingested(tmp_path, sent, {"form": "stripe", "written_by": "api"}, [TABLE])
    files = landed_files(Folders(tmp_path / "data"))
    assert {file.raw_table for file in files if file.problem} == {"invoices"}
    assert {file.raw_table for file in files} > {"invoices", "invoice_lines"}
