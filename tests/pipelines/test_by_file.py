"""Events in many files of a vendor: read and cleaned one by one, with what becomes of every row."""

import gc
import weakref
from pathlib import Path
from typing import Any

import polars as pl

import pipelines.ingest.by_file
import pipelines.ingest.kept_rows
from tests.vendors.one_source import Ingested, ingested

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
    whole, read = pipelines.ingest.kept_rows.read_landed, list[str]()

    def reading(project: Any, form: Any, file: Any) -> Any:
        read.append(Path(file.name).name)
        return whole(project, form, file)

    monkeypatch.setattr(pipelines.ingest.kept_rows, "read_landed", reading)
    files = tracks(a=[row("m1")], b=[row("m2")])
    of_tables(tmp_path, files)
    assert sorted(read) == ["a.csv", "b.csv"]
    read.clear()
    found = of_tables(tmp_path, {**files, **tracks(c=[row("m3"), row("m1")])})
    assert read == ["c.csv"]
    assert found.values("usage_events", "event_id") == [("m1",), ("m2",), ("m3",)]


def test_of_the_files_no_more_than_one_is_held_as_it_was_sent(tmp_path, monkeypatch):
    whole, held, most = pipelines.ingest.by_file.objects, list[weakref.ref[pl.DataFrame]](), list[int]()

    def watching(rows: dict[str, pl.DataFrame], form: Any) -> Any:
        if "calls" in rows:
            held.append(weakref.ref(rows["calls"]))
            gc.collect()
            most.append(sum(one() is not None for one in held))
        return whole(rows, form)

    monkeypatch.setattr(pipelines.ingest.by_file, "objects", watching)
    found = of_tables(tmp_path, tracks(**{f"f{n}": [row(f"m{n}")] for n in range(5)}))
    assert found.rows("usage_events").height == 5
    assert most == [1] * 5


def test_a_header_without_rows_is_told_and_no_fault_beside_others(tmp_path):
    found = of_tables(tmp_path, tracks(a=[], b=[row("m1")]))
    assert found.values("usage_events", "event_id") == [("m1",)]
