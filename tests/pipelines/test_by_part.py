"""Events in many files of a vendor: read and cleaned part by part, with what becomes of every row."""

import datetime as dt
import gc
import json
import random
import shutil
import weakref
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import pipelines.ingest.by_month
import pipelines.ingest.by_part
import warehouse.blocks
import warehouse.spill
from tests.integration.small_company import SmallCompany
from tests.vendors.one_source import SETTINGS, Ingested, ingested, ingested_of
from warehouse.folders import Folders

HEADER = "id,user_id,event_text,context_group_id,received_at,timestamp,took\n"
GROUPS = "id,user_id,group_id,timestamp\ng1,u1,acme,2026-05-01 00:00:00\ng3,u2,bolt,2026-05-01 00:00:00\n"
USERS = "id,email\nu2,ann@ours.example\n,bob@ours.example\n"


def row(key: str, took: object = 1, moment: str = "2026-05-03 10:00:00", user: str = "u1") -> str:
    return f"{key},{user},Exported,,2026-05-03 10:00:00,{moment},{took}\n"


def tracks(**files: list[str]) -> dict[str, str]:
    return {f"tracks/{name}.csv": HEADER + "".join(rows) for name, rows in files.items()}


def of_tables(folder: Path, files: dict[str, str]) -> Ingested:
    options = {"last_group": True, "seconds": "took", "internal_domains": ["ours.example"]}
    return ingested(folder, files, {"form": "segment", "written_by": "warehouse", "options": options}, ["usage_events"])


def counts(found: Ingested) -> list[tuple[Any, ...]]:
    told = found.company.project().database.read("export_file", where={"table_name": ["usage_events"]})
    named = told.with_columns(pl.col("file").str.split("/").list.last())
    return sorted(named.select("file", "rows_read", "rows_loaded", "rows_quarantined", "rows_repeated").rows())


def test_every_row_of_every_file_is_loaded_or_rejected_and_what_stands_beside_is_counted_once(tmp_path):
    files = tracks(
        a=[row("m1"), row("m2", took=-5), row("m3", moment="never")],
        b=[row("m1"), row("m4", user="u2"), row("m4", user="u2")],
        c=[row("m5"), row("m1", moment="2026-05-03 09:00:00")],
    )
    found = of_tables(tmp_path, {**files, "groups.csv": GROUPS, "users.csv": USERS})
    assert found.values("usage_events", "event_id", "account_id", "is_internal") == [
        ("m1", "acme", None),
        ("m4", "bolt", True),
        ("m5", "acme", None),
    ]
    assert counts(found) == [
        ("a.csv", 3, 1, 2, 1),
        ("b.csv", 3, 3, 0, 2),
        ("c.csv", 2, 2, 0, 0),
        ("users.csv", 2, 1, 1, 0),
    ]
    assert found.left_out("usage_events") == {"replaced": 3}
    assert [(file.split("/")[-1], line, column) for file, line, column, _ in found.rejects()] == [
        ("a.csv", 3, "seconds"),
        ("a.csv", 4, "timestamp"),
        ("users.csv", 3, "id"),
    ]
    texts = (found.company.data / "quarantine" / "usage_events.csv").read_text()
    assert texts.count("bob@ours.example") == 1
    assert texts.count("never") == 1
    assert "-5" in texts


def test_a_run_reads_only_files_that_are_new(tmp_path, monkeypatch):
    whole, read = pipelines.ingest.by_part.read_valid_parts, list[str]()

    def reading(project: Any, form: Any, files: Any) -> Any:
        read.extend(Path(file.name).name for file in files)
        return whole(project, form, files)

    monkeypatch.setattr(pipelines.ingest.by_part, "read_valid_parts", reading)
    files = tracks(a=[row("m1")], b=[row("m2")])
    of_tables(tmp_path, files)
    assert sorted(read) == ["a.csv", "b.csv"]
    read.clear()
    found = of_tables(tmp_path, {**files, **tracks(c=[row("m3"), row("m1")])})
    assert read == ["c.csv"]
    assert found.values("usage_events", "event_id") == [("m1",), ("m2",), ("m3",)]


def held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """So many of the frames of calls are in memory, told whenever one is cleaned."""
    whole, held, most = pipelines.ingest.by_part.objects, list[weakref.ref[pl.DataFrame]](), list[int]()

    def watching(rows: dict[str, pl.DataFrame], form: Any) -> Any:
        if "calls" in rows:
            held.append(weakref.ref(rows["calls"]))
            gc.collect()
            most.append(sum(one() is not None for one in held))
        return whole(rows, form)

    monkeypatch.setattr(pipelines.ingest.by_part, "objects", watching)
    return most


def test_of_the_files_no_more_than_one_is_held_as_it_was_sent(tmp_path, monkeypatch):
    most = held_at_a_time(monkeypatch)
    found = of_tables(tmp_path, tracks(**{f"f{n}": [row(f"m{n}")] for n in range(5)}))
    assert found.rows("usage_events").height == 5
    assert most == [1] * 5


def test_a_header_without_rows_is_told_and_no_fault_beside_others(tmp_path):
    found = of_tables(tmp_path, tracks(a=[], b=[row("m1")]))
    assert found.values("usage_events", "event_id") == [("m1",)]


def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line or two of a file are a part, five rows are written to disk at once, two are compared with one another."""
    monkeypatch.setattr(warehouse.blocks, "BLOCK", 120)
    monkeypatch.setattr(warehouse.spill, "HELD", 5)
    monkeypatch.setattr(pipelines.ingest.by_month, "AT_ONCE", 2)
    monkeypatch.setattr(pipelines.ingest.by_month, "MANY", 2)


def everything(found: Ingested) -> dict[str, Any]:
    """What is made of events, and what became of every row."""
    project = found.company.project()
    with project.database.kept_open():
        tables = {
            name: sorted(project.database.read(name, where={"table_name": ["usage_events"]})
                         .drop("rejected_at", "landed_at", strict=False).rows(), key=str)
            for name in ("export_file", "quarantine", "left_out", "content_month", "event_day", "source_month",
                         "source_account")
        }  # fmt: skip
        made = project.staged("usage_events").rows(), project.firsts("usage_events").rows()
    texts = found.company.data / "quarantine" / "usage_events.csv"
    quarantined = sorted(texts.read_text().splitlines()) if texts.exists() else []
    return {**tables, "staged": made, "texts": quarantined, "exported": found.exported("usage_events")}


def some_rows(chance: random.Random, number: int) -> list[str]:
    """Calls of a few months, of which some are sent again at another time, and some are wrong in each way."""
    moments = ("2026-03-31 23:30:00", "2026-05-03 10:00:00", "2026-05-03 10:00:00", "2026-04-20 12:00:00", "never")
    return [
        row(f"m{chance.randrange(number)}", chance.choice([1, 2, -5, ""]), chance.choice(moments),
            chance.choice(["u1", "u2", "u3"]))
        for _ in range(number)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_files_make_the_same_in_one_part_and_in_many(tmp_path, monkeypatch, seed):
    chance = random.Random(seed)
    files = tracks(**{name: some_rows(chance, 25) for name in ("a", "b")[: 1 + seed % 2]})
    sent = {**files, "groups.csv": GROUPS, "users.csv": USERS}
    as_one = everything(of_tables(tmp_path / "one", sent))
    assert len(as_one["event_day"]) > 2
    assert {reason: rows for _, _, reason, rows in as_one["left_out"]}["replaced"] > 1
    shutil.copytree(tmp_path / "one" / "sent", tmp_path / "many" / "sent")  # as old as they were
    in_small_parts(monkeypatch)
    assert everything(of_tables(tmp_path / "many", {})) == as_one


def test_no_more_than_a_part_of_a_file_is_held(tmp_path, monkeypatch):
    most = held_at_a_time(monkeypatch)
    in_small_parts(monkeypatch)
    options = {"form": "segment", "written_by": "warehouse"}
    found = ingested(tmp_path, tracks(a=[row(f"m{n}") for n in range(12)]), options, ["usage_events"])
    assert found.rows("usage_events").height == 12
    assert len(most) > 4
    assert set(most) == {1}


def test_a_part_that_is_no_longer_kept_is_read_from_the_file_again(tmp_path, monkeypatch):
    in_small_parts(monkeypatch)
    files = tracks(a=[row(f"m{n}") for n in range(9)], b=[row("m9")])
    before = of_tables(tmp_path, files).values("usage_events", "event_id")
    kept = sorted((tmp_path / "data" / "staged").glob("usage_events.*.kept.zip"))
    assert len(kept) > 4
    for damaged in kept[2:4]:
        damaged.write_bytes(damaged.read_bytes()[:-40])
    found = of_tables(tmp_path, {**files, **tracks(c=[row("m10")])})
    assert found.values("usage_events", "event_id") == sorted([*before, ("m10",)], key=str)


def test_a_file_exports_what_any_of_its_parts_tells(tmp_path, monkeypatch):
    """A column of which the first objects know nothing."""
    in_small_parts(monkeypatch)
    lines = [{"messageId": f"m{n}", "type": "track", "event": "Exported", "timestamp": "2026-05-03T10:00:00.000Z"}
             for n in range(6)]  # fmt: skip
    lines[4] |= {"userId": "u1", "properties": {"took": 7}}
    lines[5] |= {"context": {"groupId": "acme"}}
    options = {"form": "segment", "written_by": "api", "options": {"seconds": "properties.took"}}
    sent = {"calls.jsonl": "".join(json.dumps(line) + "\n" for line in lines)}
    found = ingested(tmp_path, sent, options, ["usage_events"])
    assert found.exported("usage_events") >= {"account_id", "user_id", "seconds"}
    assert found.values("usage_events", "event_id", "user_id", "seconds", "account_id")[4:] == [
        ("m4", "u1", 7, "(unknown)"),
        ("m5", None, None, "acme"),
    ]


def test_a_column_that_no_part_tells_is_not_exported(tmp_path, monkeypatch):
    in_small_parts(monkeypatch)
    found = ingested(tmp_path, tracks(a=[row(f"m{n}", user="") for n in range(6)]),
                     {"form": "segment", "written_by": "warehouse"}, ["usage_events"])  # fmt: skip
    assert "user_id" in found.exported("usage_events")  # the header has it
    assert "seconds" not in found.exported("usage_events")


def test_what_a_killed_run_left_on_the_way_is_taken_away(tmp_path):
    left = tmp_path / "data" / "staged" / "usage_events.spill" / "2026-05-01"
    left.mkdir(parents=True)
    (left / "0.arrow").write_bytes(b"of another run")
    found = of_tables(tmp_path, {**tracks(a=[row("m1")]), "groups.csv": GROUPS})
    assert found.values("usage_events", "event_id") == [("m1",)]
    assert not left.parent.exists()


def test_rows_on_their_way_are_for_their_owner_only(tmp_path, monkeypatch):
    spill = warehouse.spill.Spill[dt.date | None](Folders(tmp_path), "usage_events", "month")
    monkeypatch.setattr(warehouse.spill, "HELD", 1)
    spill.add(pl.DataFrame({"x": [1], "month": [dt.date(2026, 5, 1)]}))
    assert [path.name for path in (tmp_path / "staged").rglob("*.arrow")] == ["0.arrow"]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "staged").rglob("*")} == {0}


def test_two_sources_may_name_accounts_alike_and_events_too(tmp_path):
    """Each has its own accounts behind equal ids, which no CRM knows, and its own events."""
    sources = {}
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "tracks").mkdir(parents=True)
        rows = ["m1,u1,Exported,acme,2026-05-03 10:00:00,2026-05-03 10:00:00,1\n",
                f"m2,u1,Exported,of_{name},2026-05-03 10:00:00,2026-05-03 10:00:00,1\n"]  # fmt: skip
        (folder / "tracks" / "a.csv").write_text(HEADER + "".join(rows))
        sources[name] = {"folder": name, "form": "segment", "written_by": "warehouse"}
    company = SmallCompany(tmp_path)
    company.data.mkdir()
    company.config.write_text(yaml.safe_dump({**SETTINGS, "sources": sources}))
    found = ingested_of(company, ["usage_events"]).values("usage_events", "export_source", "event_id", "account_id")
    assert found == [
        ("one", "m1", "acme"),
        ("one", "m2", "of_one"),
        ("two", "m1", "acme"),
        ("two", "m2", "of_two"),
    ]
