"""What Spark makes of events that lie in a lake is what Polars makes of landed copies, to the last digit."""

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from benchmarks.generated_company import GeneratedCompany
from pipelines.months.build import MonthRun
from pipelines.months.dimensions import ingest_all
from pipelines.months.nodes import nodes
from pipelines.project import Project
from schemas.operations import EventAccount, EventDay, ExportFile, LeftOut, Quarantine, SourceAccount, SourceMonth
from tests.integration.small_company import MONTHS, SmallCompany, exports, small_company
from tests.on_spark import ENGINE

EVENTS = int(os.environ.get("EVENTS") or 60_000)
TOLD = [contract.table() for contract in (Quarantine, LeftOut, ExportFile, SourceMonth, SourceAccount)]
OF_USE = ["fct_usage_account_month", "fct_feature_account_month"]
OF_ITSELF = ["run_id", "rejected_at", "sha256", "landed_at"]
"""What a run says of itself, and which version of a file it read."""
GOOD = {
    "event_id": "G1",
    "account_id": "A01",
    "user_id": "u1-0",
    "name": "reports",
    "occurred_at": "2024-03-04T10:00:00Z",
    "seconds": "60",
    "event_count": "1",
    "errors": "0",
    "is_internal": "false",
}
ODD: list[dict[str, str | None]] = [
    *({"occurred_at": text} for text in ("2024-03-04T10:00:00+05:30", "2024-03-04 10:00:00.123456789-11:00", "")),
    *({"occurred_at": text} for text in ("2024-02-29T23:59:59.999999Z", "2023-02-29T00:00:00Z", "2024-3-4T10:00:00Z")),
    *({"occurred_at": text} for text in ("2024-03-04T24:00:00Z", "2024-03-04T10:00:60Z", "2024-03-04T10:60:00Z")),
    *({"occurred_at": text} for text in ("2024-03-04T10:00:00", "2024-03-04", "1709546400", "2024-03-04T10:00:00Z\n")),
    *({"occurred_at": text} for text in ("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "1899-12-31T23:59:59Z")),
    *({"occurred_at": text} for text in ("1900-01-01T00:00:00Z", "2199-12-31T23:59:59Z", "2200-01-01T00:00:00Z")),
    *({"occurred_at": text} for text in ("2024-03-31T02:30:00+01:00", "2024-10-27T00:59:59Z", "2024-03-31T22:00:00Z")),
    *(
        {"occurred_at": text}
        for text in ("2024-03-04T10:00:00+14:00", "2024-03-04T10:00:00+18:30", "2024-06-30T01:00:00Z")
    ),
    *({"occurred_at": text} for text in ("2024-03-04T10:00:00 Z", "2024-03-04t10:00:00z", " 2024-03-04T10:00:00Z")),
    *({"seconds": text} for text in ("-1", "1.0", "1e3", "+5", " 5", "007", "", "100000000000", "100000000001")),
    *({"seconds": text} for text in ("999999999999999999", "9999999999999999999", "٣", "5\n", "-0", "NaN")),
    *({"event_count": text} for text in ("0", "-1", "10000000000", "10000000001", "x")),
    *({"errors": text} for text in ("3", "true")),
    *({"is_internal": text} for text in ("true", "True", "1", "", "false ")),
    *(
        {"account_id": text}
        for text in ("", "nobody", "NULL", "(unknown)", "nan", " A01", "A01 ", "A\u200b01", "A01\x00")
    ),
    *({"account_id": text} for text in ("cus_3", "Ünïcode", "\u00a0", "A\u00a0B", "None", "undefined", "<NA>", "İNF")),
    *({"event_id": text} for text in ("", "null", "NaN", "E\n1", "\u2028x", "x\u0085", "日本")),
    *({"user_id": text} for text in ("", "none", "u 1", " u", "u\t")),
    *({"name": text} for text in ("", " ", "NULL", " reports", "re\nports", "\u200b", "(company)")),
]
"""Values that are odd: most of these rows are wrong, and what is told of each must be the same."""


def odd_rows() -> list[dict[str, str | None]]:
    numbered = [{**GOOD, "event_id": f"O{number}", **odd} for number, odd in enumerate(ODD)]
    return [{name: value or None for name, value in row.items()} for row in numbered]


def sent_again() -> list[dict[str, str | None]]:
    """Events that stand in another file, too: at the same time, earlier, later, in another month, and thrice."""
    told = [
        ("E-A01-2403-0-0", "2024-03-03T10:00:00Z", "3"),
        ("E-A01-2403-0-1", "2024-02-11T10:00:00Z", "4"),
        ("E-A02-2402-0-0", "2024-05-03T10:00:00Z", "5"),
        ("E-A02-2403-0-0", "2024-03-01T09:00:00Z", "6"),
        ("E-A02-2403-0-0", "2024-03-01T09:00:00Z", "7"),
    ]
    return [{**GOOD, "event_id": key, "occurred_at": when, "event_count": count} for key, when, count in told]


def files_of(company: SmallCompany) -> None:
    """Events in three files: typed ones, odd ones as text, and some that are sent again."""
    folder = company.folder / "product"
    typed = pl.DataFrame(exports()["usage_events"]).with_columns(
        pl.col("occurred_at").dt.replace_time_zone("UTC"), pl.col("errors").cast(pl.Int32)
    )
    (folder / "usage_events.csv").unlink(missing_ok=True)
    typed.filter(pl.col("account_id") != "A09").write_parquet(folder / "events-2024-06-28.parquet")
    pl.DataFrame(odd_rows(), dict.fromkeys(GOOD, pl.String)).write_parquet(folder / "events-2024-06-29.parquet")
    # As pandas writes them.
    nanoseconds = typed.filter(pl.col("account_id") == "A09").with_columns(
        pl.col("occurred_at").cast(pl.Datetime("ns", "UTC")) + pl.duration(nanoseconds=1_999)
    )
    nanoseconds.write_parquet(folder / "events-2024-06-27.parquet")
    less = pl.DataFrame(sent_again(), dict.fromkeys(GOOD, pl.String)).drop("seconds", "name")
    less.write_parquet(folder / "events-2024-06-30.parquet")


def in_json_lines(company: SmallCompany) -> None:
    """The odd rows with a JSON object a line, in which numbers and truths are told as such where they can be."""
    path = company.folder / "product/events-2024-06-29.parquet"
    path.unlink()
    path.with_suffix(".jsonl").write_text("".join(f"{json.dumps(as_json(row))}\n" for row in odd_rows()))


def as_json(row: dict[str, str | None]) -> dict[str, object]:
    told: dict[str, object] = {name: value for name, value in row.items() if value is not None}
    for name in ("seconds", "errors"):
        if str(told.get(name, "")).isdecimal() and str(int(str(told[name]))) == told[name]:
            told[name] = int(str(told[name]))
    if told.get("is_internal") == "false":
        told["is_internal"] = False
    return told


def told(company: SmallCompany) -> dict[str, pl.DataFrame]:
    """Every published table, and what was told of rows."""
    database = company.project().database
    frames = company.frames()
    for name in TOLD:
        frames[name] = database.read(name).drop(OF_ITSELF, strict=False)
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def both(folder, write, **settings) -> tuple[SmallCompany, SmallCompany]:
    """A company whose events are landed, and the same whose events stay where they lie."""
    ours = small_company(folder / "polars")
    write(ours)
    theirs = ours.copy(folder / "spark")
    where = {"files": {"usage_events": "events-*.parquet"}, **settings}
    ours.configure(**where)
    theirs.configure(**where, engine=ENGINE)
    for company in (ours, theirs):
        company.ingest()
        company.build(MONTHS)
    return ours, theirs


@pytest.fixture(scope="module")
def companies(tmp_path_factory):
    limits = {"default": 1}
    return both(tmp_path_factory.mktemp("both"), files_of, quarantine_limit=limits)


def test_rows_are_the_same_where_a_file_has_a_json_object_a_line(companies, published, tmp_path):
    theirs = companies[1].copy(tmp_path / "lines")
    in_json_lines(theirs)
    theirs.configure(files={"usage_events": "events-*"}, engine=ENGINE, quarantine_limit={"default": 1})
    theirs.ingest()
    database, named = theirs.project().database, pl.col("file").str.replace("jsonl", "parquet")
    told = (
        database.read("quarantine").filter(table_name="usage_events").drop(OF_ITSELF, strict=False).with_columns(named)
    )
    expected = published[0]["quarantine"].filter(table_name="usage_events")
    assert told.sort(told.columns).equals(expected)
    content = companies[1].project().database.read("event_day")
    assert database.read("event_day").drop("content").equals(content.drop("content"))


@pytest.fixture(scope="module")
def published(companies):
    ours, theirs = companies
    return told(ours), told(theirs)


def test_every_table_is_the_same(published):
    ours, theirs = published
    assert ours.keys() == theirs.keys()
    assert len(ours) > 20
    assert [name for name in ours if not ours[name].equals(theirs[name])] == []


def test_odd_rows_are_told_by_line_column_and_reason_as_of_a_landed_copy(published):
    ours, theirs = (frames["quarantine"].filter(table_name="usage_events") for frames in published)
    assert ours.height > 40
    assert theirs.equals(ours)


def test_of_events_that_were_sent_again_the_earliest_counts_in_whatever_file_and_month(published):
    for frames in published:
        files = frames["export_file"].filter(table_name="usage_events").sort("file")
        # Of the five of the last file two are the earliest of their ids, and take the place of one each of the first.
        assert files["rows_repeated"].sum() == 5
        lost = frames["left_out"].filter(table_name="usage_events", reason="replaced")
        assert lost["rows"].to_list() == [5]


def test_rejected_rows_keep_their_text_in_the_private_quarantine(companies):
    ours, theirs = (pl.read_csv(c.data / "quarantine/usage_events.csv", infer_schema=False) for c in companies)
    columns = sorted(ours.columns)
    assert theirs.select(columns).sort(columns).equals(ours.select(columns).sort(columns))
    assert (companies[1].data / "quarantine/usage_events.csv").stat().st_mode & 0o077 == 0


def test_no_event_is_landed_and_only_the_first_of_each_account_and_feature_are_staged(companies):
    ours, theirs = companies
    read = theirs.project().staged("usage_events")
    assert 0 < read.height < 60 < ours.project().staged("usage_events").height
    days = theirs.project().database.read(EventDay.table())
    assert days["rows"].sum() == ours.project().staged("usage_events").height
    assert set(theirs.project().database.read(EventAccount.table())["export_source"]) == {"product"}
    landed = {path.read_bytes()[:4] for path in (theirs.data / "landed").iterdir() if path.is_file()}
    assert b"PAR1" not in landed


def drawn(folder: Path, engine: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """The facts of use of a drawn company in a folder, and what was told of its rows."""
    told = yaml.safe_load((folder / "company.yaml").read_text())
    told["sources"]["product"]["files"] = {"usage_events": "usage_events-*.parquet"}
    config = folder / f"{engine['kind']}.yaml"
    config.write_text(yaml.safe_dump({**told, "engine": engine}))
    project = Project(config, folder / engine["kind"])
    with project.database.kept_open():
        ingest_all(project, "test")
        run = MonthRun(project, "test")
        for node in nodes(project.config):
            if node.name in {"dim_account_month", "fct_mrr_item_month", "fct_mrr_account_month", *OF_USE}:
                run.build(node.name, run.months)
        frames = {name: project.database.read(name) for name in (*OF_USE, "dim_account", *TOLD)}
    return {name: frame.drop(OF_ITSELF, strict=False).sort(pl.all()) for name, frame in frames.items()}


def test_a_drawn_company_is_the_same(tmp_path):
    """Of as many events as EVENTS says."""
    customers = 20 + EVENTS // 10_000
    GeneratedCompany(customers, months=12, events=EVENTS * 3 // customers).write(tmp_path)
    for path in (tmp_path / "company/product").glob("*.csv"):
        pl.scan_csv(path, infer_schema=False).sink_parquet(path.with_suffix(".parquet"))
        path.unlink()
    ours, theirs = drawn(tmp_path, {"kind": "polars"}), drawn(tmp_path, ENGINE)
    assert ours["export_file"].filter(table_name="usage_events")["rows_loaded"].sum() >= EVENTS * 0.9
    assert [name for name in ours if not ours[name].equals(theirs[name])] == []
