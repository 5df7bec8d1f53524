"""Events in a lake: a changed file touches its months alone; what is lost, or no such file, is told."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.large_tables import lost_events
from pipelines.publish import limits
from schemas.config import Engine
from schemas.operations import ContentMonth
from tests.frames import at, day
from tests.integration.small_company import Row, SmallCompany, exports, small_company
from tests.on_spark import ENGINE
from tests.on_spark import session as on_session
from warehouse.errors import ConfigError, DamagedError, ExportError
from warehouse.landed import LandedFile
from warehouse.spark import session
from warehouse.spark.layout import Layout, in_json_lines

OF_USE = ["fct_usage_account_month", "fct_feature_account_month"]


def write(company: SmallCompany, month: str, rows: list[Row]) -> Path:
    path = company.folder / "product" / f"events-{month}.parquet"
    pl.DataFrame(rows).with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC")).write_parquet(path)
    return path


def by_month() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in exports()["usage_events"]:
        found.setdefault(f"{row['occurred_at']:%Y-%m}", []).append(row)
    return found


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    company = small_company(tmp_path_factory.mktemp("lake") / "company")
    (company.folder / "product/usage_events.csv").unlink()
    for month, rows in by_month().items():
        write(company, month, rows)
    company.configure(files={"usage_events": "events-*.parquet"}, engine=ENGINE)
    company.ingest()
    return company


@pytest.fixture
def company(ingested: SmallCompany, tmp_path: Path) -> SmallCompany:
    """Of its own lake: versions are named by where their files lie, so the copy stands in the place of the first."""
    kept = tmp_path / "kept"
    shutil.copytree(ingested.folder, kept, symlinks=True)
    yield ingested
    shutil.rmtree(ingested.folder)
    shutil.copytree(kept, ingested.folder, symlinks=True)


def kept(company: SmallCompany) -> dict[str, int]:
    """What Spark keeps, and when it was written."""
    return {str(p.relative_to(company.data)): p.stat().st_mtime_ns for p in company.data.rglob("events/**/*.parquet")}


def content(company: SmallCompany) -> dict[Any, str]:
    rows = company.project().database.read(ContentMonth.table(), where={"table_name": ["usage_events"]})
    months = rows.filter(reach="by month")
    return dict(months.select("month", "fingerprint").iter_rows())


def test_a_changed_file_is_read_again_alone_and_touches_its_months_alone(company):
    before, months = kept(company), content(company)
    write(company, "2024-03", [{**row, "seconds": 7} for row in by_month()["2024-03"]])
    company.ingest()
    after = kept(company)
    new = {name for name in after if name not in before}
    of_rows = {name for name in new if "/rows/" in name}
    assert of_rows
    assert all("month=2024-03-01" in name for name in of_rows)
    assert {name for name in before if name in after} == {n for n in before if "/rows/" in n and "2024-03" not in n}
    told = content(company)
    assert {month for month in months if months[month] != told[month]} == {day("2024-03-01")}


def test_an_event_sent_again_in_another_month_touches_that_month_too(company):
    months = content(company)
    row = by_month()["2024-03"][0]
    earlier = {**row, "occurred_at": row["occurred_at"].replace(year=2023, month=11)}
    write(company, "2023-11", [*by_month()["2023-11"], earlier])
    company.ingest()
    told = content(company)
    assert {month for month in months if months[month] != told[month]} == {day("2023-11-01"), day("2024-03-01")}


def test_what_was_validated_for_another_time_zone_is_not_kept(company):
    told = yaml.safe_load(company.config.read_text())
    company.config.write_text(yaml.safe_dump({**told, "reporting": {"currency": "EUR", "time_zone": "Asia/Tokyo"}}))
    (former,) = (company.data / "events/usage_events").iterdir()
    company.ingest()
    (now,) = (company.data / "events/usage_events").iterdir()
    assert now != former


def test_a_file_with_the_same_rows_written_anew_touches_no_month(company):
    months = content(company)
    write(company, "2024-03", by_month()["2024-03"])
    company.ingest()
    assert content(company) == months


def test_a_list_of_events_sent_again_of_which_a_part_is_missing_is_never_read(company):
    months = content(company)
    (folder,) = (path for path in company.data.glob("events/usage_events/*/again/*") if path.is_dir())
    next(folder.glob("part-*")).unlink()
    assert list(lost_events(company.project())) == ["usage_events"]
    with pytest.raises(DamagedError, match="sent again is gone"):
        company.build([day("2024-03-01")], only=["fct_feature_account_month"])
    company.ingest()
    assert lost_events(company.project()) == {}
    assert content(company) == months


def test_a_month_with_good_rows_is_published_though_one_of_it_was_rejected(company):
    """In it no account uses anything for the first time: of such a month no row is staged here."""
    write(company, "2024-02", [*by_month()["2024-02"], {**by_month()["2024-02"][0], "event_id": "bad", "seconds": -1}])
    company.ingest()
    assert list(limits._emptied(company.project())) == []


def test_a_file_of_more_rejected_rows_than_the_machine_that_asks_can_hold_is_refused(company, monkeypatch):
    monkeypatch.setattr("warehouse.spark.validating.MOST_REJECTED", 1)
    bad = [{**row, "seconds": -1} for row in by_month()["2024-03"][:2]]
    write(company, "2024-03", [*bad, *by_month()["2024-03"][2:]])
    with pytest.raises(ExportError, match=r"product/events-2024-03\.parquet: 2 of its rows break their contract"):
        company.ingest()


@pytest.mark.parametrize("what", ["rows", "files", "again"])
def test_what_spark_no_longer_keeps_whole_is_told_never_read_in_part_and_made_again(company, what):
    months = content(company)
    (folder,) = company.data.glob(f"events/usage_events/*/{what}")
    lost = next(folder.rglob("*2024-03*")) if what == "rows" else next(folder.iterdir())
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    assert list(lost_events(company.project())) == ["usage_events"]
    with pytest.raises(DamagedError, match=r"make run"):
        company.build([day("2024-03-01")], only=["fct_feature_account_month"])
    company.ingest()
    assert lost_events(company.project()) == {}
    assert content(company) == months
    company.build([day("2024-03-01")], only=["fct_feature_account_month"])


def test_months_alone_and_all_at_once_are_the_same(company):
    company.build()
    at_once = company.frames(OF_USE)
    for month in ("2023-04-01", "2024-03-01", "2024-06-01"):
        company.build([day(month)], only=OF_USE)
    alone = company.frames(OF_USE)
    assert all(at_once[name].height > 60 and alone[name].equals(at_once[name]) for name in OF_USE)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"event_id": ["1"]}, "the column account_id, occurred_at is missing; found event_id"),
        (
            {"event_id": [1.5], "account_id": ["a"], "occurred_at": ["x"]},
            "column event_id holds double; expected one of",
        ),
        ({"event_id": ["1"], "account_id": ["a"], "occurred_at": [["x"]]}, "column occurred_at holds array; expected"),
        ({"event_id": ["1"], "account_id": ["a"], "occurred_at": ["x"], "jo@x.org": [1]}, "column 4 is none that"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(company, rows, told):
    path = company.folder / "product/events-2024-03.parquet"
    pl.DataFrame(rows).write_parquet(path)
    with pytest.raises(ExportError, match=rf"product/events-2024-03\.parquet: {told}"):
        company.ingest()


@pytest.mark.parametrize("cut", [0.5, 0.0])
def test_a_file_that_is_no_parquet_file_is_refused_by_name(company, cut):
    path = company.folder / "product/events-2024-03.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)] + b"no parquet file")
    with pytest.raises(ExportError, match=r"product/events-2024-03\.parquet: (not a readable|neither a) Parquet file"):
        company.ingest()


def test_a_file_whose_pages_are_damaged_is_refused_by_name_though_its_footer_is_whole(company):
    path = company.folder / "product/events-2024-03.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"product/events-2024-03\.parquet: not a readable Parquet file"):
        company.ingest()


def test_of_json_lines_what_is_no_plain_value_and_no_object_is_told_by_its_line(company):
    good = {"event_id": "J1", "account_id": "A01", "user_id": 7, "occurred_at": "2024-03-04T10:00:00Z", "seconds": 5.0}
    lines = [
        json.dumps(good),
        "",
        json.dumps({**good, "event_id": ["J2"]}),
        "[1]",
        json.dumps({**good, "event_id": "J3", "seconds": {"at": 1}, "errors": [2]}),
        '{"event_id": "J4", "event_id": "J5"}',
        "{broken",
        json.dumps({**good, "event_id": "J6", "seconds": 5.5}),
    ]
    (company.folder / "product/events-2024-03.parquet").unlink()
    with gzip.open(company.folder / "product/events-2024-03.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))
    company.configure(files={"usage_events": "events-*"}, engine=ENGINE)
    company.ingest()
    database = company.project().database
    told = database.read("quarantine").filter(table_name="usage_events").select("line", "column_name", "reason")
    nested, none = "expected a plain value, not an object or a list", "expected a JSON object in the line"
    assert sorted(told.rows(), key=str) == [
        (3, "event_id", nested),
        (4, None, none),
        (5, "errors", nested),
        (5, "seconds", nested),
        (6, None, none),
        (7, None, none),
        (8, "seconds", "expected a whole number"),
    ]
    (read,) = database.read("export_file").filter(file="product/events-2024-03.jsonl.gz").rows(named=True)
    assert (read["rows_read"], read["rows_loaded"], read["rows_quarantined"]) == (7, 1, 6)


def test_lines_of_a_file_that_spark_reads_in_blocks_are_counted_from_its_beginning(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f'{{"number": {number}, "text": "{"x" * (number % 50)}"}}\n' for number in range(1, 5001)))
    spark = on_session("UTC")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "20000")
    try:
        file = LandedFile("s", "t", "events.jsonl", "0", 0, at("2024-01-01"), at("2024-01-01"))
        layout = Layout(False, (("number", "string"), ("text", "string")))
        rows = in_json_lines(spark, {f"file://{path}": file}, layout)
        assert rows.rdd.getNumPartitions() > 4
        assert rows.filter("export_line != number").count() == 0
        assert rows.count() == 5000
    finally:
        spark.conf.unset("spark.sql.files.maxPartitionBytes")


@pytest.mark.parametrize("text", ["", "event_id,account_id\n1,2\n", '{"jo@x.org": 1}\n'])
def test_a_file_that_is_neither_parquet_nor_json_lines_of_the_form_is_refused_without_a_word_of_it(company, text):
    path = company.folder / "product/events-2024-03.parquet"
    path.write_text(text)
    with pytest.raises(ExportError, match=r"product/events-2024-03\.parquet: (neither|the column)") as fault:
        company.ingest()
    assert "jo@x" not in str(fault.value)


def test_zone_less_times_are_refused(company):
    path = company.folder / "product/events-2024-03.parquet"
    pl.DataFrame(by_month()["2024-03"]).write_parquet(path)
    with pytest.raises(ExportError, match="column occurred_at holds timestamp_ntz; expected one of"):
        company.ingest()


def test_files_of_another_form_than_the_canonical_one_are_refused(company):
    config = yaml.safe_load(company.config.read_text())
    config["sources"]["product"]["form"] = "ravenstack"
    config["sources"]["product"]["files"] = {"usage_events": "events-*.parquet"}
    company.config.write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"1 of its tables are unknown to the form ravenstack"):
        company.ingest()


@pytest.mark.parametrize("name", ["events-a b.parquet", "events-100%25+1.parquet", "events-Zürich#1.parquet"])
def test_a_file_may_have_any_name(company, name):
    before = company.project().database.read("event_day")
    path = company.folder / "product/events-2024-03.parquet"
    path.rename(path.with_name(name))
    company.ingest()
    assert company.project().database.read("event_day").equals(before)
    assert f"product/{name}" in company.project().database.read("export_file")["file"].to_list()


def test_spark_that_cannot_be_reached_is_told_with_what_it_needs(monkeypatch):
    def refuses(_):
        raise RuntimeError("no Java")

    monkeypatch.setattr(session.SparkSession.Builder, "getOrCreate", refuses)
    with pytest.raises(ConfigError, match=r"engine\.spark: Spark cannot be started or reached \(RuntimeError\)"):
        session.spark_session(Engine(kind="spark"), "UTC")
