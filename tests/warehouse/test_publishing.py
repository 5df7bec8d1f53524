"""What holds is published whole, in one step, and readers are never disturbed; what does not hold is not published."""

import datetime as dt
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from schemas.contract import Contract
from schemas.operations import Publication
from schemas.tables import PUBLISHED
from tests.frames import at, day
from warehouse import parquet, publishing
from warehouse import versions as warehouse_versions
from warehouse.audit import BROKEN, check_invariants, refuse
from warehouse.database import WorkingDatabase
from warehouse.errors import AuditError, WarehouseError
from warehouse.folders import Folders
from warehouse.lineage import Stale
from warehouse.publishing import make_current, publications, publish
from warehouse.upkeep import prepare
from warehouse.versions import adopt_flat_versions, current_version, home, remove_old, rollback, swap_link, versions
from warehouse.views import VIEWS

ROOT = Path(__file__).resolve().parents[2]
DECEMBER, JANUARY, FEBRUARY = day("2023-12-01"), day("2024-01-01"), day("2024-02-01")
MONTHS = [DECEMBER, JANUARY, FEBRUARY]

# A company of two accounts. December is computed and not published.
#            December   January   February
# a (east)   new 100    100       100 + upsell 20 + cross-sell 10 = 130
# b (west)              new 50    lost
MOVEMENTS: dict[tuple[dt.date, str], dict[str, int]] = {
    (DECEMBER, "a"): {"new_cents": 100, "closing_cents": 100},
    (JANUARY, "a"): {"opening_cents": 100, "closing_cents": 100},
    (JANUARY, "b"): {"new_cents": 50, "closing_cents": 50},
    (FEBRUARY, "a"): {
        "opening_cents": 100,
        "expansion_cents": 30,
        "upsell_cents": 20,
        "cross_sell_cents": 10,
        "closing_cents": 130,
    },
    (FEBRUARY, "b"): {"opening_cents": 50, "churned_cents": 50},
}
ITEMS = [(DECEMBER, "a", 100), (JANUARY, "a", 100), (JANUARY, "b", 50), (FEBRUARY, "a", 120), (FEBRUARY, "a", 10)]
"""The items behind the closing MRR: in February account a has two."""
PARTS: dict[str, dict[tuple[dt.date, str], tuple[int, int | None]]] = {
    "mrr": {
        (DECEMBER, "a"): (100, None),
        (JANUARY, "a"): (100, None),
        (JANUARY, "b"): (50, None),
        (FEBRUARY, "a"): (130, None),
        (FEBRUARY, "b"): (0, None),
    },
    "churn_rate": {(JANUARY, "a"): (0, 1), (FEBRUARY, "a"): (0, 1), (FEBRUARY, "b"): (1, 1)},
    "crr": {(JANUARY, "a"): (1, 1), (FEBRUARY, "a"): (1, 1), (FEBRUARY, "b"): (0, 1)},
    "grr": {(JANUARY, "a"): (100, 100), (FEBRUARY, "a"): (100, 100), (FEBRUARY, "b"): (0, 50)},
    "nrr": {(JANUARY, "a"): (100, 100), (FEBRUARY, "a"): (130, 100), (FEBRUARY, "b"): (0, 50)},
    "mrr_churn_rate": {(JANUARY, "a"): (0, 100), (FEBRUARY, "a"): (0, 100), (FEBRUARY, "b"): (50, 50)},
}
REGION = {"a": "east", "b": "west"}
PLAN = {"a": "Pro", "b": "Basic"}
METRIC_KEY = {metric: number for number, metric in enumerate(PARTS, 1)}
ACCOUNT_KEY = {"a": 1, "b": 2}
SLICES = {("all", "all"): "ab", ("region", "east"): "a", ("region", "west"): "b"}

Row = dict[str, Any]


def filled(contract: type[Contract], given: Iterable[Row]) -> pl.DataFrame:
    """Rows of a contract; what a column must have and no row gives is 0, nothing, or no."""
    nothing = {pl.String(): "", pl.Boolean(): False, pl.Date(): JANUARY, pl.Datetime("us"): at("2024-03-01T05:00")}
    return contract.shaped(
        pl.DataFrame(
            [
                {f.name: row.get(f.name, None if f.nullable else nothing.get(f.dtype, 0)) for f in contract.fields()}
                for row in given
            ],
            schema=contract.dtypes(),
        )
    )


def metric_values() -> list[Row]:
    out = []
    for metric, parts in PARTS.items():
        for month in MONTHS if metric == "mrr" else MONTHS[1:]:
            for (dimension, segment), accounts in SLICES.items():
                found = [part for (when, account), part in parts.items() if when == month and account in accounts]
                row: Row = {"metric": metric, "month": month, "dimension": dimension, "segment": segment}
                row["numerator"] = sum(numerator for numerator, _ in found)
                if metric == "mrr":
                    row["value"] = row["numerator"]
                else:
                    row["denominator"] = sum(denominator for _, denominator in found)
                    row["value"] = row["numerator"] / row["denominator"] if row["denominator"] else None
                    row["null_reason"] = None if row["denominator"] else "zero_denominator"
                out.append(row)
    return out


def company() -> dict[str, list[Row]]:
    """Every table of the two accounts, consistent in all that the audit looks at."""
    ends = {m: (m + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1) for m in MONTHS}
    who = [
        {"account_id": a, "account_key": ACCOUNT_KEY[a], "account_name": a.upper(), "region": REGION[a]} for a in "ab"
    ]
    rollups = dict.fromkeys(PARTS, "ratio") | {"mrr": "sum"}
    return {
        "dim_month": [{"month": m, "month_end": ends[m], "next_month": ends[m] + dt.timedelta(days=1)} for m in MONTHS],
        "dim_metric": [
            {
                "metric": metric,
                "metric_key": key,
                "title": metric.upper(),
                "unit": "cents" if metric == "mrr" else "share",
                "better": "lower" if "churn" in metric else "higher",
                "signal": "lagging",
                "perspective": "financial",
                "rollup": rollups[metric],
                "over_time": "stock" if metric == "mrr" else "mean_rate",
                "scale": 1.0,
            }
            for metric, key in METRIC_KEY.items()
        ],
        "metric_operand": [{"metric": metric, "operand": metric} for metric in PARTS],
        "dim_account": [{**account, "first_seen_on": DECEMBER} for account in who],
        "dim_account_month": [
            {**account, "month": m, "plan": PLAN[account["account_id"]]}
            for account in who
            for m in MONTHS
            if (m, account["account_id"]) in MOVEMENTS
        ],
        "fct_mrr_account_month": [{"month": m, "account_id": a, **row} for (m, a), row in MOVEMENTS.items()],
        "fct_mrr_item_month": [
            {"month": m, "account_id": a, "item_id": f"{n}", "closing_cents": cents}
            for n, (m, a, cents) in enumerate(ITEMS)
        ],
        "upcoming_renewal": [{"account_id": "a", "renewal_id": "next", "term_ended_on": day("2024-03-15")}],
        "fct_invoice": [
            {"month": FEBRUARY, "account_id": "a", "invoice_id": "I1", "issued_on": FEBRUARY, "status": "open"}
            | {"kind": "invoice", "currency": "EUR", "amount": 130, "open_cents": 130}
        ],
        "metric_part": [
            {
                "month": month,
                "metric_key": METRIC_KEY[metric],
                "account_key": ACCOUNT_KEY[account],
                "numerator": numerator,
                "denominator": denominator,
            }
            for metric, parts in PARTS.items()
            for (month, account), (numerator, denominator) in parts.items()
            if numerator or denominator
        ],
        "metric_month": metric_values(),
        "export_file": [
            {
                "source": "crm",
                "table_name": "tickets",
                "raw_table": "tickets",
                "file": "t.csv",
                "rows_read": 5,
                "rows_loaded": 4,
            }
            | {"rows_quarantined": 1}
        ],
        "account_key": [{"account_id": a, "account_key": key} for a, key in ACCOUNT_KEY.items()],
        "metric_key": [{"metric": metric, "metric_key": key} for metric, key in METRIC_KEY.items()],
    }


@pytest.fixture(scope="module")
def consistent(tmp_path_factory):
    """A working database of the company, to be copied."""
    path = tmp_path_factory.mktemp("company") / "working.duckdb"
    fill(WorkingDatabase(path))
    return path


def fill(database: WorkingDatabase) -> None:
    prepare(database)
    database.write_whole({table: filled(database.contracts[table], given) for table, given in company().items()})


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "data")


@pytest.fixture
def database(consistent, folders):
    folders.root.mkdir()
    shutil.copy(consistent, folders.working_database)
    return WorkingDatabase(folders.working_database)


def told(content: str = "c", **more: Any) -> Row:
    """What a publish says of itself."""
    row = {"as_of": day("2024-02-29"), "run_id": "run", "code_version": "code", "config_sha256": "config"}
    return {**row, "first_month": JANUARY, "last_month": FEBRUARY, "content": content, "currency": "EUR", **more}


def every_month(fingerprint: str, **changed: str) -> dict[tuple[str, dt.date], str]:
    """Fingerprints of all months of all tables, some of them changed: fct_mrr_account_month_2024_02=…"""
    known = {(table, m): fingerprint for table in PUBLISHED for m in MONTHS}
    for name, other in changed.items():
        known[name[:-8], day(f"{name[-7:].replace('_', '-')}-01")] = other
    return known


@dataclass(frozen=True)
class Release:
    """What was published, and who published it."""

    database: WorkingDatabase
    folders: Folders


@pytest.fixture(scope="module")
def release(consistent, tmp_path_factory):
    """The company, audited and published once, for all that only look at what a publish leaves."""
    folders = Folders(tmp_path_factory.mktemp("release"))
    shutil.copy(consistent, folders.working_database)
    database = WorkingDatabase(folders.working_database)
    check_invariants(database)
    assert publish(database, folders, told("one"), 5, every_month("f")) == 1
    return Release(database, folders)


@pytest.fixture
def published(release):
    return release.folders.published_database


@pytest.fixture
def first(release, database, folders):
    """The first version, with the content "one", is published: a copy, which takes a tenth of the time of a publish."""
    shutil.copy(release.folders.working_database, folders.working_database)
    shutil.copytree(release.folders.published, folders.published, symlinks=True)


@pytest.fixture(scope="module")
def history(release, tmp_path_factory) -> list[Path]:
    """Folders with one version more each, of the contents "one", "two" and "three"; the later have an MRR of 2 and 3.

    They are to be copied. What is one file for several versions is one in the last of them only, which is no copy.
    """
    root, earlier = (tmp_path_factory.mktemp("history") / "data" for _ in range(2))
    shutil.copytree(release.folders.root, root, symlinks=True)
    folders = Folders(root)
    database = WorkingDatabase(folders.working_database)
    for number, content in ((2, "two"), (3, "three")):
        change(database, f"UPDATE metric_month SET value = {number} WHERE metric = 'mrr'")
        assert publish(database, folders, told(content), 5, {}) == number
        if number == 2:
            shutil.copytree(root, earlier, symlinks=True)
    return [release.folders.root, earlier, root]


@pytest.fixture
def second(history, database, folders):
    """The first two versions are published: a copy."""
    shutil.copytree(history[1], folders.root, symlinks=True, dirs_exist_ok=True)


@pytest.fixture
def third(history, database, folders):
    """The first three versions are published: a copy."""
    shutil.copytree(history[2], folders.root, symlinks=True, dirs_exist_ok=True)


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def change(database: WorkingDatabase, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement)


def laid_out(folders: Folders) -> list[str]:
    """Names of what readers find, down to the folders of versions and what is in them."""
    found = [
        *folders.published.iterdir(),
        *folders.published.glob("versions/*"),
        *folders.published.glob("versions/*/*"),
    ]
    return sorted(str(path.relative_to(folders.published)) for path in found)


def some_time_later(folders: Folders) -> None:
    """Every version has been there for an hour, so that nobody is just opening the one before it."""
    for folder in home(folders).glob("*"):
        os.utime(folder, (time.time() - 3600,) * 2)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


MRR = "SELECT month, value FROM metric_month WHERE metric = 'mrr' AND dimension = 'all' ORDER BY month"


class TestAPublish:
    def test_is_a_versioned_file_that_nobody_writes_behind_one_stable_name(self, release):
        folders = release.folders
        assert folders.published_database.is_symlink()
        assert folders.published_database.readlink() == Path("versions/000001/customer_success.duckdb")
        assert mode(folders.published_database) == 0o440
        assert (current_version(folders), list(versions(folders))) == (1, [1])

    def test_leaves_nothing_half_done_and_no_write_ahead_log(self, release):
        assert laid_out(release.folders) == [
            "customer_success.duckdb",
            "parquet",
            "versions",
            "versions/000001",
            "versions/000001/customer_success.duckdb",
            "versions/000001/parquet",
        ]
        assert not list(release.folders.root.rglob("*.wal"))

    def test_holds_the_months_from_the_first_published_one(self, published):
        assert ask(published, MRR) == [(JANUARY, 150.0), (FEBRUARY, 130.0)]
        by_month = [table for table, contract in PUBLISHED.items() if "month" in contract.dtypes()]
        with duckdb.connect(str(published), read_only=True) as connection:
            for table in by_month:
                assert connection.execute(f"SELECT * FROM {table} WHERE month < DATE '2024-01-01'").fetchall() == []

    def test_leaves_the_earlier_months_in_the_working_database(self, release):
        assert release.database.read("metric_month", (DECEMBER, DECEMBER)).height == 3
        assert release.database.read("publication")["version"].to_list() == [1]

    def test_keeps_what_belongs_to_no_month(self, published):
        lines = ask(published, "SELECT month FROM invariant WHERE name LIKE 'rows read%'")
        assert lines == [(None,)]
        assert ask(published, "SELECT count(*) FROM dim_account") == [(2,)]

    def test_has_every_table_with_its_comments_types_and_nullability(self, published):
        found = ask(
            published,
            "SELECT table_name, column_name, is_nullable, comment FROM duckdb_columns() "
            "WHERE schema_name = 'main' AND NOT internal AND table_oid IN (SELECT table_oid FROM duckdb_tables()) "
            "ORDER BY table_name, column_index",
        )
        assert found == [
            (table, f.name, f.nullable, f"{f.description} [{f.unit}]" if f.unit else f.description)
            for table, contract in sorted(PUBLISHED.items())
            for f in contract.fields()
        ]

    def test_is_readable_by_duckdb_1(self, published):
        header = published.read_bytes()[:20]
        assert (header[8:12], struct.unpack("<Q", header[12:20])) == (b"DUCK", (64,))

    def test_says_what_it_was_made_from_and_knows_all_before_it(self, database, folders, first):
        publish(database, folders, told("two", run_id="second"), 5, {})
        rows = publications(folders)
        assert rows.schema == pl.Schema(Publication.dtypes())
        assert rows.select("version", "content", "run_id", "as_of", "first_month", "last_month").rows() == [
            (1, "one", "run", day("2024-02-29"), JANUARY, FEBRUARY),
            (2, "two", "second", day("2024-02-29"), JANUARY, FEBRUARY),
        ]
        assert rows["published_at"].is_sorted()
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        assert now - dt.timedelta(minutes=5) < rows["published_at"][-1] <= now

    def test_keeps_the_history_of_versions_that_are_gone(self, folders, third):
        some_time_later(folders)
        remove_old(folders, 1)
        assert publications(folders)["content"].to_list() == ["one", "two", "three"]
        assert list(versions(folders)) == [3]

    def test_there_is_none_at_first(self, folders):
        assert versions(folders) == {}
        assert current_version(folders) is None
        assert publications(folders).is_empty()

    def test_leaves_the_working_database_closed(self, database, folders):
        publish(database, folders, told(), 5, {})
        publications(folders)
        # DuckDB would not open it read-only beside a connection that writes.
        assert ask(folders.working_database, "SELECT count(*) FROM dim_account") == [(2,)]

    def test_within_a_run_that_keeps_the_database_open_holds_what_was_written(self, database, folders):
        with database.kept_open():
            for number in (1, 2):
                change(database, f"UPDATE metric_month SET value = {number}.0 WHERE metric = 'mrr'")
                assert publish(database, folders, told(), 5, {}) == number
                assert {value for _, value in ask(folders.published_database, MRR)} == {float(number)}

    def test_is_refused_while_another_program_keeps_a_write_ahead_log(self, database, folders, monkeypatch):
        log = folders.working_database.with_name("working.duckdb.wal")
        monkeypatch.setattr(database, "close", log.touch)
        with pytest.raises(WarehouseError, match="write-ahead log"):
            publish(database, folders, told(), 5, {})
        assert versions(folders) == {}

    def test_gives_readers_a_file_only_once_it_is_whole(self, database, folders, monkeypatch):
        given = []

        def swap(link: Path, target: str) -> None:
            if link == folders.published_database:
                given.append((link, mode(folders.published / target), ask(folders.published / target, MRR)))

        monkeypatch.setattr(warehouse_versions, "swap_link", swap)
        publish(database, folders, told(), 5, {})
        assert given == [(folders.published_database, 0o440, [(JANUARY, 150.0), (FEBRUARY, 130.0)])]

    def test_that_fails_before_its_last_step_leaves_readers_where_they_were(
        self, database, folders, first, monkeypatch
    ):
        with monkeypatch.context() as patched:
            patched.setattr(publishing, "create_views", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                publish(database, folders, told("two"), 5, {})
        assert current_version(folders) == 1
        assert ask(folders.published_database, "SELECT content FROM publication") == [("one",)]
        assert publish(database, folders, told("three"), 5, {}) == 2
        assert publications(folders)["content"].to_list() == ["one", "three"]


class TestViews:
    def test_a_number_can_be_taken_apart_to_its_accounts(self, published):
        found = ask(published, "SELECT * FROM metric_account_month WHERE metric = 'nrr' ORDER BY month, account_id")
        assert found == [
            ("nrr", JANUARY, "a", "A", 100.0, 100.0),
            ("nrr", FEBRUARY, "a", "A", 130.0, 100.0),
            ("nrr", FEBRUARY, "b", "B", 0.0, 50.0),
        ]

    def test_an_account_without_a_row_of_its_own_is_kept(self, database, folders):
        change(
            database,
            "INSERT INTO lineage.account_key VALUES ('(company)', 3)",
            "INSERT INTO metric_part VALUES (DATE '2024-02-01', 1, 3, 5.0, NULL)",
        )
        publish(database, folders, told(), 5, {})
        found = ask(folders.published_database, "SELECT * FROM metric_account_month WHERE account_id = '(company)'")
        assert found == [("mrr", FEBRUARY, "(company)", None, 5.0, None)]

    def test_an_open_renewal_is_told_with_its_due_day_mrr_health_and_owner(self, database, folders):
        """Of terms that were due the open ones of the last 30 days, and all that are due later; as of 29 February."""
        later = {"account_id": "a", "renewal_id": "next", "subscription_id": "S1", "source": "crm"}
        upcoming = [{**later, "term_ended_on": day("2024-03-15"), "mrr_cents": 130, "basis": "renewals"}]
        term = {"month": FEBRUARY, "account_id": "b", "source": "crm", "counts": True, "outcome": "open"}
        term |= {"mrr_cents": 50, "basis": "renewals"}
        late = {**term, "renewal_id": "late", "term_ended_on": day("2024-02-10"), "decided_on": day("2024-03-11")}
        due = [
            late,
            {**late, "renewal_id": "done", "outcome": "renewed", "is_renewed": True},
            {**late, "renewal_id": "a month's", "counts": False},
            {**late, "renewal_id": "too late", "term_ended_on": day("2024-01-30"), "decided_on": day("2024-02-29")},
            {**late, "renewal_id": "next", "account_id": "a", "term_ended_on": day("2024-03-15")},
        ]
        scores = [
            {"account_id": "a", "month": JANUARY, "score": 80.0, "band": "green"},
            {"account_id": "a", "month": FEBRUARY, "score": 60.0, "band": "yellow"},
            {"account_id": "b", "month": JANUARY, "score": 40.0, "band": "red"},
            {"account_id": "b", "month": FEBRUARY},
        ]
        tables = {"upcoming_renewal": upcoming, "fct_renewal": due, "fct_health_score": scores}
        database.write_whole({name: filled(database.contracts[name], rows) for name, rows in tables.items()})
        change(database, "UPDATE dim_account SET csm_owner = 'Ann' WHERE account_id = 'a'")
        publish(database, folders, told(), 5, {})
        query = (
            "SELECT account_name, csm_owner, renewal_id, subscription_id, due_on, due_in_days, mrr_cents, "
            "health_score, health_band, health_month FROM open_renewal ORDER BY due_on"
        )
        assert ask(folders.published_database, query) == [
            ("B", None, "late", None, day("2024-02-10"), -19, 50, 40.0, "red", JANUARY),
            ("A", "Ann", "next", "S1", day("2024-03-15"), 15, 130, 60.0, "yellow", FEBRUARY),
        ]

    def test_an_open_invoice_is_told_in_both_currencies_less_what_was_credited(self, database, folders):
        """$100 at 0.90 are €90; refunded 20 and credited 30 of them, 50 of 80 are left: 7200 × 50 / 80 = 4500 cents."""
        common = {"month": FEBRUARY, "account_id": "a", "source": "billing", "currency": "USD", "kind": "invoice"}
        bill = {**common, "status": "open", "amount": 10_000, "due_on": day("2024-02-20")}
        credit = {**common, "status": "open", "kind": "credit_note", "amount": -3_000, "credited_cents": 2_700}
        invoices = [
            {**bill, "invoice_id": "partly", "refunded": 2_000, "open_cents": 7_200},
            {**credit, "invoice_id": "C1", "credits_invoice_id": "partly"},
            {**bill, "invoice_id": "whole", "open_cents": 9_000, "due_on": day("2024-03-05")},
            {**bill, "invoice_id": "unrated", "due_on": None},
            {**bill, "invoice_id": "taken back", "amount": 3_000, "open_cents": 2_700},
            {**credit, "invoice_id": "C2", "credits_invoice_id": "taken back"},
            {**credit, "invoice_id": "C3", "credits_invoice_id": "whole", "source": "another"},
            {**bill, "invoice_id": "paid", "status": "paid", "paid_on": day("2024-02-21")},
            {**bill, "invoice_id": "void", "status": "void"},
        ]
        database.write_whole({"fct_invoice": filled(database.contracts["fct_invoice"], invoices)})
        publish(database, folders, told(), 5, {})
        query = "SELECT invoice_id, account_name, overdue_days, open_amount, open_cents FROM open_invoice ORDER BY 1"
        assert ask(folders.published_database, query) == [
            ("partly", "A", 9, 5_000, 4_500),
            ("unrated", "A", None, 10_000, None),
            ("whole", "A", -5, 10_000, 9_000),
        ]

    def test_the_scorecard_stands_beside_the_month_before(self, published):
        query = "SELECT month, value, previous_month, change_on_month, same_month_last_year FROM scorecard"
        assert ask(published, f"{query} WHERE metric = 'mrr' ORDER BY month") == [
            (JANUARY, 150.0, None, None, None),
            (FEBRUARY, 130.0, 150.0, -20.0, None),
        ]

    def test_the_scorecard_has_one_row_for_each_metric_and_month(self, published):
        assert ask(published, "SELECT count(*), count(DISTINCT (metric, month)) FROM scorecard") == [(12, 12)]

    def test_the_scorecard_stands_beside_the_same_month_last_year(self, database, folders):
        change(
            database,
            "INSERT INTO metric_month BY NAME SELECT * REPLACE (DATE '2023-02-01' AS month, 100.0 AS value) "
            "FROM metric_month WHERE metric = 'mrr' AND month = DATE '2024-02-01'",
        )
        publish(database, folders, told(first_month=day("2023-01-01")), 5, {})
        query = "SELECT same_month_last_year, change_on_year FROM scorecard WHERE metric = 'mrr' AND month = "
        assert ask(folders.published_database, query + "DATE '2024-02-01'") == [(100.0, 30.0)]

    def test_the_scorecard_says_whether_a_target_is_met(self, database, folders):
        targets = {"mrr": 100.0, "churn_rate": 0.25, "crr": 0.75, "nrr": 1.0}
        rows = [
            {"metric": name, "month": m, "target": t, "owner": "Ann"} for name, t in targets.items() for m in MONTHS
        ]
        database.write_whole({"metric_target": filled(database.contracts["metric_target"], rows)})
        change(database, "UPDATE metric_month SET value = NULL WHERE metric = 'nrr' AND month = DATE '2024-02-01'")
        publish(database, folders, told(), 5, {})
        found = ask(
            folders.published_database,
            "SELECT metric, month, round(attainment, 6), status FROM scorecard "
            "WHERE metric IN ('mrr', 'churn_rate', 'crr', 'nrr', 'grr') ORDER BY metric, month",
        )
        assert found == [
            ("churn_rate", JANUARY, None, "met"),
            ("churn_rate", FEBRUARY, 0.5, "missed"),
            ("crr", JANUARY, round(1 / 0.75, 6), "met"),
            ("crr", FEBRUARY, round(0.5 / 0.75, 6), "missed"),
            ("grr", JANUARY, None, None),
            ("grr", FEBRUARY, None, None),
            ("mrr", JANUARY, 1.5, "met"),
            ("mrr", FEBRUARY, 1.3, "met"),
            ("nrr", JANUARY, 1.0, "met"),
            ("nrr", FEBRUARY, None, "unknown"),
        ]

    def test_values_are_said_as_people_say_them(self, published):
        found = ask(
            published,
            "SELECT metric, segment, amount, unit FROM metric_readable "
            "WHERE month = DATE '2024-02-01' AND metric IN ('mrr', 'crr') ORDER BY ALL",
        )
        assert found == [
            ("crr", "all", 50.0, "%"),
            ("crr", "east", 100.0, "%"),
            ("crr", "west", 0.0, "%"),
            ("mrr", "all", 1.3, "currency"),
            ("mrr", "east", 1.3, "currency"),
            ("mrr", "west", 0.0, "currency"),
        ]

    def test_money_in_a_currency_without_minor_units_is_not_divided(self, database, folders):
        publish(database, folders, told(currency="JPY"), 5, {})
        yen = (
            "SELECT amount FROM metric_readable WHERE month = DATE '2024-02-01' AND metric = 'mrr' AND segment = 'all'"
        )
        assert ask(folders.published_database, yen) == [(130.0,)]

    def test_each_and_each_of_its_columns_has_a_comment(self, published):
        bare = ask(
            published,
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE NOT internal AND schema_name = 'main' AND coalesce(comment, '') = ''",
        )
        assert bare == []
        said = dict(ask(published, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
        assert {view.name for view in VIEWS} <= set(said)
        assert all(said.values())

    @pytest.mark.parametrize(
        ("view", "name", "table"),
        [
            ("metric_account_month", "numerator", "metric_part"),
            ("metric_account_month", "denominator", "metric_part"),
            ("metric_account_month", "metric", "dim_metric"),
            ("metric_readable", "segment", "metric_month"),
            ("metric_readable", "null_reason", "metric_month"),
            ("scorecard", "value", "metric_month"),
            ("scorecard", "better", "dim_metric"),
        ],
    )
    def test_a_column_means_what_it_means_in_the_table_it_comes_from(self, published, view, name, table):
        found = ask(
            published,
            f"SELECT comment FROM duckdb_columns() WHERE table_name = '{view}' AND column_name = '{name}'",
        )
        assert found == [(next(f.description for f in PUBLISHED[table].fields() if f.name == name),)]

    @pytest.mark.parametrize("view", [view.name for view in VIEWS])
    def test_works_under_whatever_name_the_file_is_attached(self, published, view):
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{published}' AS anything (READ_ONLY)")
            (count,) = connection.execute(f"SELECT count(*) FROM anything.{view}").fetchone()
        assert count > 0


@pytest.fixture(scope="module")
def sliced(consistent, tmp_path_factory):
    """The company with a derived metric (ARR, of MRR) and a median (hours to resolution), published."""
    folders = Folders(tmp_path_factory.mktemp("macros"))
    shutil.copy(consistent, folders.working_database)
    database = WorkingDatabase(folders.working_database)
    metric = {"unit": "cents", "better": "higher", "signal": "lagging", "perspective": "financial", "scale": 1.0}
    arr = {"metric": "arr", "metric_key": 7, "rollup": "derived", "over_time": "stock", "expression": "mrr * 12"}
    hours = {"metric": "ttr", "metric_key": 8, "rollup": "median", "over_time": "none", "observed_table": "fct_ticket"}
    hours |= {"observed_value": "resolution_hours", "observed_month": "solved_month"}
    solved = [
        ("a", 1.0, FEBRUARY),
        ("a", 3.0, FEBRUARY),
        ("b", 10.0, FEBRUARY),
        ("b", 99.0, JANUARY),
        ("b", None, None),
    ]
    tickets = [
        {"ticket_id": str(number), "account_id": account, "status": "solved", "resolution_hours": h, "solved_month": m}
        for number, (account, h, m) in enumerate(solved)
    ]
    frames = {
        "dim_metric": [*company()["dim_metric"], {**metric, **arr}, {**metric, **hours}],
        "metric_operand": [{"metric": m, "operand": m} for m in (*PARTS, "ttr")]
        + [{"metric": "arr", "operand": "mrr"}],
        "fct_ticket": tickets,
    }
    database.write_whole({table: filled(database.contracts[table], given) for table, given in frames.items()})
    publish(database, folders, told(), 5, {})
    return folders.published_database


class TestMacros:
    def test_a_ratio_is_explained_by_the_accounts_behind_it(self, sliced):
        found = ask(
            sliced,
            "SELECT account_id, account_name, numerator, denominator, share_of_numerator, "
            "round(share_of_denominator, 6), region FROM explain_metric('nrr', DATE '2024-02-20')",
        )
        assert found == [("a", "A", 130.0, 100.0, 1.0, 0.666667, "east"), ("b", "B", 0.0, 50.0, 0.0, 0.333333, "west")]

    def test_a_derived_metric_is_explained_by_its_operands(self, sliced):
        found = ask(sliced, "SELECT part_of, account_id, numerator FROM explain_metric('arr', DATE '2024-01-01')")
        assert found == [("mrr", "a", 100.0), ("mrr", "b", 50.0)]

    def test_a_median_is_explained_by_its_observations(self, sliced):
        found = ask(sliced, "SELECT account_id, observation FROM explain_metric('ttr', DATE '2024-02-01')")
        assert found == [("b", 10.0), ("a", 3.0), ("a", 1.0)]

    @pytest.mark.parametrize(
        ("metric", "first", "last", "expected"),
        [
            ("mrr", FEBRUARY, FEBRUARY, [("east", 130.0, None), ("west", 0.0, None)]),
            ("mrr", JANUARY, FEBRUARY, [("east", 130.0, None), ("west", 0.0, None)]),
            ("arr", FEBRUARY, FEBRUARY, [("east", 1560.0, None), ("west", 0.0, None)]),
            ("nrr", FEBRUARY, FEBRUARY, [("east", 1.3, None), ("west", 0.0, None)]),
            ("nrr", JANUARY, FEBRUARY, [("east", 1.15, None), ("west", 0.0, None)]),
            ("churn_rate", JANUARY, JANUARY, [("east", 0.0, None), ("west", None, "zero_denominator")]),
            ("churn_rate", JANUARY, FEBRUARY, [("east", 0.0, None), ("west", 1.0, None)]),
            ("ttr", FEBRUARY, FEBRUARY, [("east", 2.0, None), ("west", 10.0, None)]),
            ("ttr", JANUARY, FEBRUARY, [("east", None, "not_additive"), ("west", None, "not_additive")]),
        ],
    )
    def test_a_metric_can_be_had_for_any_slice_and_period(self, sliced, metric, first, last, expected):
        query = "SELECT slice, round(value, 9), null_reason FROM slice_metric('{}', DATE '{}', DATE '{}', 'region')"
        assert ask(sliced, query.format(metric, first, last)) == expected

    @pytest.mark.parametrize(
        ("metric", "first", "last", "expected"),
        [
            # In February Pro grows from 100 to 130, and Basic's only account leaves with its 50.
            ("mrr", FEBRUARY, FEBRUARY, [("Basic", 0.0), ("Pro", 130.0)]),
            ("churn_rate", FEBRUARY, FEBRUARY, [("Basic", 1.0), ("Pro", 0.0)]),
            ("nrr", FEBRUARY, FEBRUARY, [("Basic", 0.0), ("Pro", 1.3)]),
            # (100 + 130) / (100 + 100), and 0 / 50: Basic began in January.
            ("nrr", JANUARY, FEBRUARY, [("Basic", 0.0), ("Pro", 1.15)]),
            ("arr", JANUARY, JANUARY, [("Basic", 600.0), ("Pro", 1_200.0)]),
        ],
    )
    def test_a_metric_slices_by_plan(self, sliced, metric, first, last, expected):
        query = "SELECT slice, round(value, 9) FROM slice_metric('{}', DATE '{}', DATE '{}', 'plan')"
        assert ask(sliced, query.format(metric, first, last)) == expected

    def test_a_slice_by_account_is_the_account(self, sliced):
        query = "SELECT slice, value FROM slice_metric('mrr', DATE '2024-01-01', DATE '2024-01-01', 'account_id')"
        assert ask(sliced, query) == [("a", 100.0), ("b", 50.0)]

    def test_a_column_that_accounts_do_not_have_is_told(self, sliced):
        with pytest.raises(duckdb.InvalidInputException, match="no column colour"):
            ask(sliced, "SELECT * FROM slice_metric('mrr', DATE '2024-01-01', DATE '2024-01-01', 'colour')")
        with pytest.raises(duckdb.InvalidInputException, match="no column NULL"):
            ask(sliced, "SELECT * FROM slice_metric('mrr', DATE '2024-01-01', DATE '2024-01-01', NULL)")

    @pytest.mark.parametrize("metric", ["mrr", "churn_rate", "arr", "nrr", "ttr"])
    @pytest.mark.parametrize(
        ("first", "last", "told"),
        [
            ("'2031-01-01'", "'2031-02-01'", "no published month holds 2031-01-01"),
            ("'2022-01-01'", "'2024-02-01'", "no published month holds 2022-01-01"),
            ("'2024-01-01'", "'2024-03-31'", "no published month holds 2024-03-31"),
            ("'2024-02-01'", "'2024-01-31'", "the first month, 2024-02-01, comes after the last"),
            ("'2024-01-01'", "NULL", "no published month holds NULL"),
            ("NULL", "'2024-01-01'", "no published month holds NULL"),
        ],
    )
    def test_months_that_are_not_there_or_run_backwards_are_told(self, sliced, metric, first, last, told):
        with pytest.raises(duckdb.InvalidInputException, match=told):
            ask(sliced, f"SELECT slice, value FROM slice_metric('{metric}', {first}, {last}, 'all')")

    def test_any_day_stands_for_its_month(self, sliced):
        query = "SELECT slice, value FROM slice_metric('mrr', '2024-02-20', '2024-02-03', 'all')"
        assert ask(sliced, query) == [("all", 130.0)]

    @pytest.mark.parametrize(("day", "told"), [("'2031-01-01'", "2031-01-01"), ("NULL", "NULL")])
    def test_a_month_that_is_not_there_is_not_explained(self, sliced, day, told):
        with pytest.raises(duckdb.InvalidInputException, match=f"no published month holds {told}; dim_month lists"):
            ask(sliced, f"SELECT account_id FROM explain_metric('mrr', {day})")


@pytest.fixture(scope="module")
def another_february(release, tmp_path_factory) -> Folders:
    """The second version has another February of fct_mrr_account_month than the first, and nothing else new."""
    folders = Folders(tmp_path_factory.mktemp("february") / "data")
    shutil.copytree(release.folders.root, folders.root, symlinks=True)
    database = WorkingDatabase(folders.working_database)
    change(database, "UPDATE fct_mrr_account_month SET seats = 7 WHERE month = DATE '2024-02-01'")
    publish(database, folders, told(), 5, every_month("f", fct_mrr_account_month_2024_02="g"))
    return folders


class TestParquet:
    def test_holds_the_rows_of_every_published_table(self, published):
        parquet, seen = published.parent / "parquet", set()
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{published}' AS published (READ_ONLY)")
            for table, contract in PUBLISHED.items():
                rows = connection.sql(f"SELECT * FROM published.{table}")
                files = parquet / table / "*.parquet" if (parquet / table).is_dir() else parquet / f"{table}.parquet"
                if not rows.fetchall():
                    assert (parquet / table).is_dir() or connection.sql(f"SELECT * FROM '{files}'").fetchall() == []
                    continue
                found = connection.sql(f"SELECT * FROM '{files}'")
                assert found.columns == list(contract.dtypes())
                assert found.types == rows.types
                assert sorted(found.fetchall(), key=str) == sorted(rows.fetchall(), key=str)
                seen.add(table)
        assert {"metric_part", "metric_month", "fct_mrr_account_month", "dim_account", "publication"} <= seen

    def test_holds_the_views_too(self, published):
        for name in (*(view.name for view in VIEWS), "metric_observation"):
            files = f"{name}/*.parquet" if name == "metric_account_month" else f"{name}.parquet"
            found = duckdb.sql(
                f"SELECT * FROM read_parquet('{published.parent}/parquet/{files}', hive_partitioning = false)"
            )
            rows = ask(published, f"SELECT * FROM {name}")
            assert sorted(found.fetchall(), key=str) == sorted(rows, key=str), name
            assert rows or name == "metric_observation"

    def test_is_for_those_who_may_read_the_database(self, release):
        files = [*home(release.folders).rglob("*.parquet")]
        assert len(files) > len(VIEWS)
        assert {mode(path) for path in files} == {0o440}

    def test_is_one_file_for_each_table_and_published_month(self, published):
        found = sorted(path.name for path in (published.parent / "parquet" / "metric_month").iterdir())
        assert found == ["month=2024-01-01.parquet", "month=2024-02-01.parquet"]
        february = published.parent / "parquet" / "fct_mrr_account_month" / "month=2024-02-01.parquet"
        assert duckdb.sql(f"SELECT account_id, closing_cents FROM '{february}'").fetchall() == [("a", 130), ("b", 0)]

    @pytest.mark.parametrize("most", [1, 9, 1000])
    def test_holds_the_same_rows_in_the_same_order_however_many_months_are_in_memory_at_once(
        self, database, folders, first, published, most, monkeypatch
    ):
        monkeypatch.setattr(parquet, "MOST_ROWS", most)
        publish(database, folders, told(), 5, {})
        months = sorted((published.parent / "parquet").glob("*/month=*.parquet"))
        assert len(months) > 4
        for path in months:
            other = folders.published / "parquet" / path.parent.name / path.name
            assert duckdb.sql(f"FROM '{other}'").fetchall() == duckdb.sql(f"FROM '{path}'").fetchall(), path
        for path in (folders.published / "parquet" / "metric_part").iterdir():
            keys = duckdb.sql(f"SELECT metric_key, account_key FROM '{path}'").fetchall()
            assert len(keys) > 1 and keys == sorted(keys)

    def test_a_month_that_did_not_change_is_the_same_file(self, another_february):
        def same(name: str) -> bool:
            one, other = (home(another_february) / f"00000{version}" / "parquet" / name for version in (1, 2))
            return one.samefile(other)

        assert same("fct_mrr_account_month/month=2024-01-01.parquet")
        assert same("metric_part/month=2024-02-01.parquet")
        assert not same("fct_mrr_account_month/month=2024-02-01.parquet")

    def test_a_month_that_changed_has_its_new_rows_and_the_old_version_its_old_ones(self, another_february):
        folders = another_february
        query = "SELECT DISTINCT seats FROM '{}/fct_mrr_account_month/month=2024-02-01.parquet'"
        assert duckdb.sql(query.format(folders.published / "parquet")).fetchall() == [(7,)]
        assert duckdb.sql(query.format(home(folders) / "000001" / "parquet")).fetchall() == [(None,)]

    def test_a_month_of_which_nothing_is_known_is_written_anew(self, history):
        """Of neither the second nor the third version a fingerprint was told."""
        one, other = (home(Folders(history[2])) / f"00000{v}" / "parquet" / "metric_part" for v in (2, 3))
        assert not (one / "month=2024-01-01.parquet").samefile(other / "month=2024-01-01.parquet")

    def test_what_later_versions_link_to_outlives_the_version_it_came_from(self, database, folders, first):
        for _ in range(2):
            publish(database, folders, told(), 1, every_month("f"))
        some_time_later(folders)
        remove_old(folders, 1)
        assert [path.name for path in home(folders).iterdir()] == ["000003"]
        january = folders.published / "parquet" / "metric_month" / "month=2024-01-01.parquet"
        assert duckdb.sql(f"SELECT count(*) FROM '{january}'").fetchall() == [(18,)]

    def test_a_month_that_is_gone_is_gone(self, database, folders, first):
        change(database, "DELETE FROM metric_month WHERE month = DATE '2024-02-01'")
        publish(database, folders, told(), 5, every_month("f"))
        found = sorted(path.name for path in (folders.published / "parquet" / "metric_month").iterdir())
        assert found == ["month=2024-01-01.parquet"]


class TestVersions:
    def test_only_the_last_ones_are_kept(self, database, folders, second):
        for number in (3, 4):
            some_time_later(folders)
            assert publish(database, folders, told(), 2, {}) == number
        # Version 4 has only just come: somebody may still be opening version 3, and none may be opening version 2.
        assert list(versions(folders)) == [3, 4]
        assert sorted(path.name for path in home(folders).iterdir()) == ["000003", "000004"]
        assert current_version(folders) == 4

    def test_one_that_readers_may_still_be_opening_is_kept_whatever_the_setting(self, database, folders, first):
        some_time_later(folders)
        found = folders.published_database.resolve()
        publish(database, folders, told("two"), 1, {})
        assert ask(found, "SELECT content FROM publication") == [("one",)]
        assert (current_version(folders), list(versions(folders))) == (2, [1, 2])

    def test_as_many_are_kept_as_the_setting_says(self, folders, third):
        some_time_later(folders)
        remove_old(folders, 2)
        assert list(versions(folders)) == [2, 3]
        remove_old(folders, 1)
        assert list(versions(folders)) == [3]

    def test_one_that_was_given_back_stays_a_while_when_readers_get_a_newer_one(self, database, folders, third):
        rollback(folders)
        some_time_later(folders)
        publish(database, folders, told("four"), 1, {})
        assert list(versions(folders)) == [2, 4], "somebody may just be opening version 2, and nobody version 3"

    def test_a_version_whose_removal_was_broken_off_is_removed_by_the_next_publish(
        self, database, folders, second, monkeypatch
    ):
        some_time_later(folders)
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "rmtree", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                remove_old(folders, 1)
        assert list(versions(folders)) == [2]
        assert publish(database, folders, told(), 1, {}) == 3
        assert sorted(path.name for path in home(folders).iterdir()) == ["000002", "000003"]

    def test_a_number_is_never_given_twice_though_all_versions_are_gone(self, database, folders, second):
        shutil.rmtree(folders.published)
        assert publish(database, folders, told("three"), 5, {}) == 3
        assert publications(folders)["content"].to_list() == ["one", "two", "three"]

    def test_a_number_is_not_given_to_two_though_the_working_database_is_new(
        self, database, folders, first, consistent
    ):
        shutil.copy(consistent, folders.working_database)
        assert publish(database, folders, told("two"), 5, {}) == 2
        assert publications(folders)["content"].to_list() == ["one", "two"]

    def test_rollback_gives_readers_the_version_before(self, folders, third):
        for expected, mrr in ((2, [2.0, 2.0]), (1, [150.0, 130.0])):
            assert rollback(folders) == expected
            assert current_version(folders) == expected
            assert [value for _, value in ask(folders.published_database, MRR)] == mrr
            parquet = folders.published / "parquet" / "metric_month" / "month=2024-02-01.parquet"
            of_february = f"SELECT value FROM '{parquet}' WHERE metric = 'mrr' AND dimension = 'all'"
            assert duckdb.sql(of_february).fetchall() == [(mrr[-1],)]

    def test_rollback_is_refused_where_there_is_none_before(self, database, folders):
        with pytest.raises(WarehouseError, match="no version before"):
            rollback(folders)
        publish(database, folders, told(), 5, {})
        with pytest.raises(WarehouseError, match="no version before"):
            rollback(folders)
        assert current_version(folders) == 1

    def test_a_publish_after_a_rollback_is_a_new_version(self, database, folders, second):
        rollback(folders)
        assert publish(database, folders, told("three"), 5, {}) == 3
        assert current_version(folders) == 3
        assert publications(folders)["content"].to_list() == ["one", "two", "three"]

    def test_files_of_other_names_are_none(self, folders, first):
        for name in ("1", "000009.bak", ".000009.part", "notes"):
            (home(folders) / name).mkdir()
        assert list(versions(folders)) == [1]

    def test_what_others_put_under_a_number_is_neither_read_nor_overwritten(self, database, folders, first):
        foreign = home(folders) / "000007"
        foreign.mkdir()
        (foreign / "customer_success.duckdb").write_text("no database")
        (home(folders) / "000008").write_text("no folder")
        assert publications(folders)["content"].to_list() == ["one"]
        assert make_current(folders) is None, "readers have the newest of ours"
        assert publish(database, folders, told("two"), 5, {}) == 9
        assert publications(folders)["content"].to_list() == ["one", "two"]
        assert (foreign / "customer_success.duckdb").read_text() == "no database"

    def test_laid_out_as_they_once_were_outlive_a_kill_while_they_are_taken_over(self, database, folders, first):
        flat = folders.published / "customer_success-000001.duckdb"
        (home(folders) / "000001" / "customer_success.duckdb").rename(flat)
        later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        # The folder is there, and the file is not in it yet.
        adopt_flat_versions(folders, later)
        assert flat.exists() and list(versions(folders)) == [1]
        adopt_flat_versions(folders, later)
        assert not flat.exists(), "its name is given up only when the folder has the file"
        assert ask(home(folders) / "000001" / "customer_success.duckdb", MRR) == [(JANUARY, 150.0), (FEBRUARY, 130.0)]

    def test_laid_out_as_they_once_were_go_on_being_read_and_are_counted(self, database, folders, first):
        old = home(folders) / "000001"
        (old / "customer_success.duckdb").rename(folders.published / "customer_success-000001.duckdb")
        (old / "parquet").rename(folders.published / "parquet-000001")
        shutil.rmtree(home(folders))
        swap_link(folders.published_database, "customer_success-000001.duckdb")
        swap_link(folders.published / "parquet", "parquet-000001")
        change(database, "DELETE FROM publication")
        assert publish(database, folders, told("two"), 5, every_month("f")) == 2
        assert publications(folders)["content"].to_list() == ["one", "two"]
        assert ask(folders.published / "customer_success-000001.duckdb", MRR) == ask(folders.published_database, MRR)
        assert rollback(folders) == 1
        assert ask(folders.published_database, "SELECT content FROM publication") == [("one",)]
        assert (folders.published / "parquet" / "metric_part").is_dir()


class TestTheStableName:
    def test_that_was_removed_is_made_again(self, folders, first):
        folders.published_database.unlink()
        assert current_version(folders) is None
        assert make_current(folders) == 1
        assert current_version(folders) == 1
        assert make_current(folders) is None

    def test_that_points_nowhere_is_pointed_at_the_newest_version(self, folders, first):
        swap_link(folders.published_database, "versions/000005/customer_success.duckdb")
        assert current_version(folders) is None
        assert make_current(folders) == 1

    def test_that_was_removed_after_a_rollback_is_that_of_the_version_given_back(self, folders, third):
        assert rollback(folders) == 2
        folders.published_database.unlink()
        assert make_current(folders) == 2


class TestWhatWasTakenOut:
    """A text that may no longer be published is in no byte of what is published."""

    def test_is_in_no_byte_of_the_next_version(self, database, folders):
        mark = "wilhelmina@example.org"
        change(database, f"UPDATE dim_account SET account_name = '{mark}'")
        publish(database, folders, told("one"), 5, {})
        assert mark.encode() in folders.published_database.read_bytes()
        change(database, "UPDATE dim_account SET account_name = 'left out'")
        publish(database, folders, told("two"), 5, {})
        assert mark.encode() not in folders.published_database.read_bytes()

    def test_is_in_no_byte_where_its_month_is_not_published(self, database, folders):
        mark = "account-of-december"
        change(database, f"UPDATE dim_account_month SET account_name = '{mark}' WHERE month = DATE '2023-12-01'")
        publish(database, folders, told(), 5, {})
        assert mark.encode() in folders.working_database.read_bytes()
        published = [path for path in home(folders).rglob("*") if path.is_file()]
        assert len(published) > len(PUBLISHED) / 2
        assert [path for path in published if mark.encode() in path.read_bytes()] == []


@pytest.fixture(scope="module")
def many_parts(consistent, tmp_path_factory):
    """A working database of some 28 MB, to be copied: a quarter of a million parts are 2.5 MB."""
    path = tmp_path_factory.mktemp("large") / "working.duckdb"
    shutil.copy(consistent, path)
    change(
        WorkingDatabase(path),
        "INSERT INTO metric_part SELECT DATE '2024-01-01' + INTERVAL (i // 250000) MONTH, 9, i, random(), random() "
        "FROM range(2000000) AS r(i)",
        "CHECKPOINT",
    )
    return path


class TestCompaction:
    @pytest.fixture
    def large(self, many_parts, database):
        shutil.copy(many_parts, database.path)
        return database

    def test_where_much_is_free_the_working_database_is_written_anew_with_all_it_says(self, large, folders):
        change(large, "DELETE FROM metric_part WHERE metric_key = 9 AND month > DATE '2024-02-01'", "CHECKPOINT")
        before, size = large.read("metric_part"), folders.working_database.stat().st_size
        said = (
            "SELECT table_name, column_name, is_nullable, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
        )
        columns = ask(folders.working_database, said)
        publish(large, folders, told(), 5, {})
        assert folders.working_database.stat().st_size < size / 2
        assert folders.published_database.stat().st_size < size / 2
        assert ask(folders.working_database, said) == columns
        assert large.read("metric_part").equals(before)
        assert struct.unpack("<Q", folders.working_database.read_bytes()[12:20]) == (64,)
        assert prepare(large) == []
        assert stat.S_IMODE(folders.working_database.stat().st_mode) == 0o600
        assert ask(folders.working_database, "SELECT block_size FROM pragma_database_size()") == [(16384,)]

    def test_where_little_is_free_it_is_left_alone(self, large, folders):
        change(large, "DELETE FROM metric_part WHERE metric_key = 9 AND month > DATE '2024-07-01'", "CHECKPOINT")
        before = folders.working_database.stat().st_ino
        publish(large, folders, told(), 5, {})
        assert folders.working_database.stat().st_ino == before

    def test_one_that_was_killed_is_no_hindrance(self, large, folders):
        change(large, "DELETE FROM metric_part WHERE metric_key = 9 AND month > DATE '2024-02-01'", "CHECKPOINT")
        half = folders.root / "working.compact"
        run_and_die(
            f"connection = duckdb.connect()\n"
            f"connection.execute(\"ATTACH '{half}' AS new (STORAGE_VERSION 'v1.0.0')\")\n"
            f"connection.execute('CREATE TABLE new.main.metric_part (x INTEGER)')\n"
        )
        assert half.with_name("working.compact.wal").exists()
        publish(large, folders, told(), 5, {})
        assert ask(folders.published_database, MRR) == [(JANUARY, 150.0), (FEBRUARY, 130.0)]


def run_and_die(statements: str) -> None:
    """Run statements in a process that is killed right after them."""
    script = f"import duckdb, os, signal\n{statements}os.kill(os.getpid(), signal.SIGKILL)\n"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == -signal.SIGKILL


class TestReaders:
    def test_with_the_old_file_open_go_on_reading_it(self, database, folders, first):
        with duckdb.connect(str(folders.published_database), read_only=True) as reader:
            change(database, "UPDATE metric_month SET value = 0 WHERE metric = 'mrr'")
            publish(database, folders, told("two"), 1, {})
            some_time_later(folders)
            remove_old(folders, 1)
            assert list(versions(folders)) == [2]
            assert reader.execute(MRR).fetchall() == [(JANUARY, 150.0), (FEBRUARY, 130.0)]
            assert ask(folders.published_database, MRR) == [(JANUARY, 0.0), (FEBRUARY, 0.0)]
            assert reader.execute("SELECT content FROM publication").fetchall() == [("one",)]


def broken(database: WorkingDatabase) -> list[tuple[str, dt.date | None, float]]:
    """Name, month and count of what the audit finds broken; the same must be on record."""
    record = check_invariants(database)
    assert record.sort("name", "month").equals(database.read("invariant").sort("name", "month"))
    return sorted(record.filter(~pl.col("passed")).select("name", "month", "actual").rows())


def sets(metric: str, segment: str, what: str) -> str:
    """Statement that changes February's value of a metric and segment."""
    return (
        f"UPDATE metric_month SET {what} WHERE metric = '{metric}' AND segment = '{segment}' "
        "AND month = DATE '2024-02-01'"
    )


IDENTITY = "mrr identity: opening and all movements make closing"
EXPANSION = "expansion is upsell and cross-sell"
OPENING = "opening is the closing of the month before"
ITEMS_OF_ACCOUNT = "items add up to the account's closing MRR"
SUM = "mrr is the sum of closing MRR"
LOGOS = "churn_rate and crr add up to 1"
REVENUE = "grr and mrr_churn_rate add up to 1"
ORDER = "grr is not above nrr"
SEGMENTS = "segments add up to the company"
ADD_UP = "parts add up to the value"
REASON = "a value is there, or the reason why not"
MRR_FACT = "fct_mrr_account_month"

BREAKS: list[tuple[str, str]] = [
    (IDENTITY, f"UPDATE {MRR_FACT} SET contraction_cents = 5 WHERE account_id = 'a' AND month = DATE '2024-02-01'"),
    (IDENTITY, f"UPDATE {MRR_FACT} SET fx_cents = -1 WHERE account_id = 'b' AND month = DATE '2024-02-01'"),
    (IDENTITY, f"UPDATE {MRR_FACT} SET reactivation_cents = 1 WHERE account_id = 'b' AND month = DATE '2024-02-01'"),
    (EXPANSION, f"UPDATE {MRR_FACT} SET upsell_cents = 21 WHERE account_id = 'a' AND month = DATE '2024-02-01'"),
    (OPENING, f"DELETE FROM {MRR_FACT} WHERE account_id = 'b' AND month = DATE '2024-02-01'"),
    (
        OPENING,
        f"INSERT INTO {MRR_FACT} BY NAME SELECT * REPLACE ('c' AS account_id) FROM {MRR_FACT} "
        "WHERE account_id = 'b' AND month = DATE '2024-02-01'",
    ),
    (
        OPENING,
        f"UPDATE {MRR_FACT} SET opening_cents = 40, churned_cents = 40 "
        "WHERE account_id = 'b' AND month = DATE '2024-02-01'",
    ),
    (ITEMS_OF_ACCOUNT, "UPDATE fct_mrr_item_month SET closing_cents = 11 WHERE closing_cents = 10"),
    (ITEMS_OF_ACCOUNT, "DELETE FROM fct_mrr_item_month WHERE month = DATE '2024-02-01'"),
    (
        ITEMS_OF_ACCOUNT,
        "INSERT INTO fct_mrr_item_month BY NAME SELECT * REPLACE ('c' AS account_id) FROM fct_mrr_item_month "
        "WHERE closing_cents = 10",
    ),
    (SUM, sets("mrr", "all", "value = 131")),
    (LOGOS, sets("crr", "east", "value = 0.9")),
    (REVENUE, sets("mrr_churn_rate", "east", "value = 0.1")),
    (ORDER, sets("nrr", "east", "value = 0.9")),
    (SEGMENTS, sets("mrr", "east", "numerator = 129")),
    (SEGMENTS, sets("nrr", "west", "denominator = 51")),
    (SEGMENTS, "DELETE FROM metric_month WHERE metric = 'grr' AND segment = 'east' AND month = DATE '2024-02-01'"),
    (ADD_UP, "UPDATE metric_part SET numerator = 129 WHERE metric_key = 1 AND month = DATE '2024-02-01'"),
    (
        ADD_UP,
        "UPDATE metric_part SET denominator = 99 "
        "WHERE metric_key = 5 AND account_key = 1 AND month = DATE '2024-02-01'",
    ),
    (ADD_UP, "DELETE FROM metric_part WHERE metric_key = 3 AND month = DATE '2024-02-01'"),
    (REASON, sets("churn_rate", "east", "value = NULL")),
    (REASON, sets("nrr", "east", "null_reason = 'zero_denominator'")),
    (REASON, sets("nrr", "east", "value = CAST('inf' AS DOUBLE)")),
    (REASON, sets("crr", "all", "value = NULL, null_reason = NULL")),
]


class TestTheAudit:
    @pytest.fixture
    def database(self, database):
        """Kept open, as in a run: opening it takes longer than most of what is done with it."""
        with database.kept_open():
            yield database

    def test_finds_nothing_wrong_with_what_holds(self, database):
        record = check_invariants(database)
        assert record["passed"].all()
        assert {name for name in record["name"] if name in BROKEN} == set(BROKEN)
        refuse(record, [], database, JANUARY)

    @pytest.mark.parametrize(("name", "statement"), BREAKS)
    def test_notices_what_is_broken_its_month_and_nothing_else(self, database, name, statement):
        change(database, statement)
        assert broken(database) == [(name, FEBRUARY, 1.0)]

    def test_breaks_every_invariant_here(self):
        assert {name for name, _ in BREAKS} == set(BROKEN)

    def test_notices_a_number_that_is_none(self, database):
        change(database, sets("nrr", "east", "value = CAST('nan' AS DOUBLE)"))
        assert (REASON, FEBRUARY, 1.0) in broken(database)

    def test_notices_rows_that_were_read_and_are_nowhere(self, database):
        change(database, "UPDATE export_file SET rows_loaded = 3")
        record = check_invariants(database).filter(~pl.col("passed"))
        assert record.select("name", "month", "expected", "actual").rows() == [
            ("rows read are loaded or quarantined: crm, tickets, t.csv", None, 5.0, 4.0)
        ]

    def test_notices_each_month_by_itself(self, database):
        change(database, f"UPDATE {MRR_FACT} SET upsell_cents = upsell_cents + 1 WHERE account_id = 'a'")
        assert broken(database) == [(EXPANSION, month, 1.0) for month in MONTHS]

    def test_notices_a_month_without_any_row(self, database):
        change(database, f"DELETE FROM {MRR_FACT} WHERE month = DATE '2024-02-01'")
        assert (OPENING, FEBRUARY, 2.0) in broken(database)
        assert (SUM, FEBRUARY, 1.0) in broken(database)

    def test_does_not_ask_the_first_month_for_the_one_before(self, database):
        change(database, f"UPDATE {MRR_FACT} SET opening_cents = 100, new_cents = 0 WHERE month = DATE '2023-12-01'")
        assert broken(database) == []

    def test_bears_the_rounding_of_floats(self, database):
        change(
            database,
            sets("crr", "all", "value = value + 1e-15"),
            sets("mrr", "east", "numerator = numerator + 1e-8"),
        )
        assert broken(database) == []

    def test_does_not_add_up_segments_of_what_only_the_company_has(self, database):
        change(
            database,
            "UPDATE metric_month SET value = NULL, numerator = NULL, denominator = NULL, null_reason = 'company_only' "
            "WHERE metric = 'nrr' AND dimension = 'region' AND month = DATE '2024-02-01'",
        )
        assert broken(database) == []

    def test_bears_values_that_cannot_be_known(self, database):
        change(
            database,
            "UPDATE metric_month SET value = NULL, numerator = NULL, denominator = NULL, "
            "null_reason = 'source_missing' WHERE metric IN ('churn_rate', 'mrr')",
            "DELETE FROM metric_part WHERE metric_key IN (1, 2)",
        )
        assert broken(database) == []

    def test_keeps_only_the_record_of_its_last_look(self, database):
        change(database, sets("crr", "east", "value = 0.9"))
        assert len(broken(database)) == 1
        change(database, sets("crr", "east", "value = 1.0"))
        assert broken(database) == []


def ingest(**problems: str | None) -> list[Row]:
    return [{"table_name": table, "problem": problem} for table, problem in problems.items()]


class TestRefuse:
    def refused(self, database: WorkingDatabase, stale: list[Stale]) -> str:
        with pytest.raises(AuditError) as found:
            refuse(check_invariants(database), stale, database, JANUARY)
        assert str(found.value).startswith("nothing is published, as ")
        return str(found.value)

    def test_a_failed_ingest_is_told_with_the_command_that_mends_it(self, database):
        contract = database.contracts["ingest"]
        problem = "t.csv: the column ticket_id is missing"
        database.write_whole(
            {"ingest": filled(contract, ingest(tickets=problem, survey_responses=problem, costs=None))}
        )
        said = self.refused(database, [])
        assert said.count(problem) == 1
        assert said.endswith("mend that, and then: make run")

    def test_an_ingest_that_went_well_is_no_hindrance(self, database):
        database.write_whole({"ingest": filled(database.contracts["ingest"], ingest(tickets=None))})
        refuse(check_invariants(database), [], database, JANUARY)

    def test_stale_months_are_told_with_the_reason_and_the_command_that_builds_them(self, database):
        said = self.refused(
            database,
            [
                Stale("fct_ticket", FEBRUARY, "tickets changed"),
                Stale("fcr", FEBRUARY, "fct_ticket is stale"),
                Stale("fcr", JANUARY, "fct_ticket is stale"),
            ],
        )
        assert "3 table-months" in said
        assert "fct_ticket in 2024-02 (tickets changed)" in said
        assert said.endswith("make run MONTHS=2024-01..2024-02")

    def test_a_stale_month_that_is_not_published_is_no_hindrance(self, database):
        stale = [Stale("fct_ticket", DECEMBER, "tickets changed")]
        refuse(check_invariants(database), stale, database, JANUARY)
        assert "make run MONTHS=2023-12..2023-12" in self.refused_from(database, stale, DECEMBER)

    def refused_from(self, database: WorkingDatabase, stale: list[Stale], first: dt.date) -> str:
        with pytest.raises(AuditError) as found:
            refuse(check_invariants(database), stale, database, first)
        return str(found.value)

    def test_what_is_broken_is_told_with_month_and_numbers(self, database):
        change(database, sets("crr", "east", "value = 0.9"), sets("crr", "west", "value = 0.5"))
        change(database, "UPDATE export_file SET rows_loaded = 3")
        said = self.refused(database, [])
        assert "2 invariants are broken" in said
        assert f"{LOGOS} in 2024-02 (2 instead of 0)" in said
        assert "rows read are loaded or quarantined: crm, tickets, t.csv (4 instead of 5)" in said

    def test_names_a_command_whatever_is_wrong(self, database):
        change(database, sets("crr", "east", "value = 0.9"))
        assert "make " in self.refused(database, [])


def test_a_month_s_file_is_the_same_whatever_is_written_beside_it(tmp_path):
    """More rows than DuckDB gives at a time, so that pieces would end elsewhere."""
    months = {day(f"2024-0{number}-01"): 140_000 for number in (1, 2, 3)}
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE fct_use AS SELECT CAST('2024-01-01' AS DATE) + to_months(CAST(number // 140000 AS INT)) "
            "AS month, number FROM range(420000) AS numbers(number)"
        )
        connection.execute("ALTER TABLE fct_use ALTER month TYPE DATE")

        def written(*asked: dt.date) -> dict[str, str]:
            target = tmp_path / str(len(list(tmp_path.iterdir())))
            (target / "fct_use").mkdir(parents=True)
            return parquet._write_months(
                connection, "fct_use", "number", {month: months[month] for month in asked}, target
            )

        assert written(*months) == {name: sha for month in months for name, sha in written(month).items()}
