"""The working database: a month is replaced whole with what says it is built, or not at all."""

import datetime as dt
import shutil
import struct
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from schemas.contract import Contract, column, with_columns
from schemas.customers import DimAccountMonth, DimMonth
from schemas.metrics import MetricMonth, MetricPart
from schemas.operations import Build, Quarantine
from schemas.success import FctHealthScore, FctMilestone
from tests.frames import at, day, rows
from warehouse.database import WorkingDatabase, transaction
from warehouse.upkeep import forget_but_keys, prepare

ROOT = Path(__file__).resolve().parents[2]
JANUARY, FEBRUARY, MARCH = day("2024-01-01"), day("2024-02-01"), day("2024-03-01")
SCORES, MILESTONES = "fct_health_score", "fct_milestone"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A working database with all its tables, to be copied."""
    path = tmp_path_factory.mktemp("prepared") / "working.duckdb"
    prepare(WorkingDatabase(path))
    return path


@pytest.fixture
def database(prepared, tmp_path):
    shutil.copy(prepared, tmp_path / "working.duckdb")
    return WorkingDatabase(tmp_path / "working.duckdb")


def scores(month: dt.date, *accounts: str, cents: int = 100) -> pl.DataFrame:
    return rows(
        FctHealthScore,
        *({"month": month, "account_id": a, "coverage": 1.0, "closing_cents": cents} for a in accounts),
    )


def milestones(month: dt.date, *accounts: str | None) -> pl.DataFrame:
    return rows(
        FctMilestone,
        *({"month": month, "account_id": a, "milestone": "m", "reached_on": month, "is_value": True} for a in accounts),
    )


def builds(*made: tuple[str, dt.date], fingerprint: str = "f", count: int = 1) -> pl.DataFrame:
    told = {"fingerprint": fingerprint, "made_from": "{}", "rows": count, "run_id": "r", "built_at": at("2024-04-01")}
    return rows(Build, *({"table_name": table, "month": month, **told} for table, month in made))


def accounts_of(database: WorkingDatabase, month: dt.date, table: str = SCORES) -> list[str]:
    return sorted(database.read(table, (month, month))["account_id"].to_list())


def built(database: WorkingDatabase) -> list[tuple[Any, ...]]:
    return sorted(database.read("build").select("table_name", "month", "fingerprint", "rows").rows())


@pytest.fixture
def two_months(database):
    """January of account a and February of account b, with their builds."""
    both = pl.concat([scores(JANUARY, "a"), scores(FEBRUARY, "b")])
    database.write_months({SCORES: both}, [JANUARY, FEBRUARY], builds((SCORES, JANUARY), (SCORES, FEBRUARY)))
    return database


BUILT = [(SCORES, JANUARY, "f", 1), (SCORES, FEBRUARY, "f", 1)]


class TestWriteMonths:
    def test_replaces_the_month_and_its_build_and_leaves_the_others(self, two_months):
        made = builds((SCORES, FEBRUARY), fingerprint="g", count=2)
        two_months.write_months({SCORES: scores(FEBRUARY, "c", "d")}, [FEBRUARY], made)
        assert accounts_of(two_months, JANUARY) == ["a"]
        assert accounts_of(two_months, FEBRUARY) == ["c", "d"]
        assert built(two_months) == [(SCORES, JANUARY, "f", 1), (SCORES, FEBRUARY, "g", 2)]

    def test_again_with_the_same_rows_changes_nothing(self, two_months):
        for _ in range(3):
            two_months.write_months({SCORES: scores(FEBRUARY, "b")}, [FEBRUARY], builds((SCORES, FEBRUARY)))
        assert accounts_of(two_months, FEBRUARY) == ["b"]
        assert built(two_months) == BUILT

    def test_replaces_several_tables_and_months_at_once(self, two_months):
        frames = {
            SCORES: pl.concat([scores(JANUARY, "x"), scores(FEBRUARY, "y")]),
            MILESTONES: pl.concat([milestones(JANUARY, "x"), milestones(FEBRUARY, "y")]),
        }
        made = [(table, month) for table in frames for month in (JANUARY, FEBRUARY)]
        two_months.write_months(frames, [JANUARY, FEBRUARY], builds(*made, fingerprint="g"))
        assert [accounts_of(two_months, m, t) for t, m in made] == [["x"], ["y"], ["x"], ["y"]]
        assert built(two_months) == sorted((table, month, "g", 1) for table, month in made)

    def test_with_earlier_replaces_all_months_before_the_first_too_and_says_no_more_that_they_are_built(
        self, two_months
    ):
        two_months.write_months({MILESTONES: milestones(JANUARY, "m")}, [JANUARY], builds((MILESTONES, JANUARY)))
        both = pl.concat([scores(JANUARY, "x"), scores(FEBRUARY, "y")])
        two_months.write_months({SCORES: both}, [FEBRUARY], builds((SCORES, FEBRUARY)), with_earlier=True)
        assert [accounts_of(two_months, month) for month in (JANUARY, FEBRUARY)] == [["x"], ["y"]]
        assert built(two_months) == sorted([(MILESTONES, JANUARY, "f", 1), (SCORES, FEBRUARY, "f", 1)])

    def test_what_the_first_month_filed_of_earlier_ones_stays_when_only_later_months_are_given_up(self, two_months):
        both = pl.concat([scores(JANUARY, "x"), scores(FEBRUARY, "y")])
        two_months.write_months({SCORES: both}, [FEBRUARY], builds((SCORES, FEBRUARY)), with_earlier=True)
        two_months.write_months({SCORES: scores(MARCH, "z")}, [MARCH], builds((SCORES, MARCH)))
        two_months.forget_outside([SCORES], FEBRUARY, FEBRUARY)
        assert [accounts_of(two_months, month) for month in (JANUARY, FEBRUARY, MARCH)] == [["x"], ["y"], []]
        assert built(two_months) == [(SCORES, FEBRUARY, "f", 1)]

    def test_what_was_built_before_a_first_month_that_is_later_now_is_given_up(self, two_months):
        two_months.forget_outside([SCORES], FEBRUARY, FEBRUARY)
        assert accounts_of(two_months, JANUARY) == []
        assert [month for _, month, *_ in built(two_months)] == [FEBRUARY]

    def test_leaves_the_builds_of_other_tables(self, two_months):
        two_months.write_months({MILESTONES: milestones(FEBRUARY, "m")}, [FEBRUARY], builds((MILESTONES, FEBRUARY)))
        assert built(two_months) == [*BUILT, (MILESTONES, FEBRUARY, "f", 1)]

    def test_takes_columns_by_name_whatever_their_order(self, two_months):
        frame = scores(MARCH, "c", cents=7).with_columns(score=pl.lit(80.0), previous_score=pl.lit(60.0))
        two_months.write_months({SCORES: frame.select(reversed(frame.columns))}, [MARCH], builds((SCORES, MARCH)))
        assert two_months.read(SCORES, (MARCH, MARCH)).equals(frame)

    def test_an_empty_frame_empties_the_month_and_says_so(self, two_months):
        made = builds((SCORES, FEBRUARY), fingerprint="empty", count=0)
        two_months.write_months({SCORES: FctHealthScore.blank()}, [FEBRUARY], made)
        assert accounts_of(two_months, FEBRUARY) == []
        assert accounts_of(two_months, JANUARY) == ["a"]
        assert built(two_months) == [BUILT[0], (SCORES, FEBRUARY, "empty", 0)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {MILESTONES: {"milestone": None}},
            {SCORES: {"coverage": None}},
            {SCORES: {"closing_cents": "many"}},
        ],
        ids=["empty in the second table", "empty in the first", "wrong type"],
    )
    def test_what_fails_in_the_middle_leaves_the_old_month_in_every_table(self, two_months, wrong):
        old = builds((SCORES, FEBRUARY), (MILESTONES, FEBRUARY))
        before = {SCORES: scores(FEBRUARY, "b"), MILESTONES: milestones(FEBRUARY, "b")}
        two_months.write_months(before, [FEBRUARY], old)
        right = {SCORES: scores(FEBRUARY, "c"), MILESTONES: milestones(FEBRUARY, "c")}
        frames = {
            table: frame.with_columns(pl.lit(value).alias(name) for name, value in wrong.get(table, {}).items())
            for table, frame in right.items()
        }
        with pytest.raises((duckdb.ConstraintException, pl.exceptions.InvalidOperationError)):
            two_months.write_months(frames, [FEBRUARY], builds((SCORES, FEBRUARY), fingerprint="new"))
        assert accounts_of(two_months, FEBRUARY) == ["b"]
        assert accounts_of(two_months, FEBRUARY, MILESTONES) == ["b"]
        assert built(two_months) == [*BUILT, (MILESTONES, FEBRUARY, "f", 1)]

    def test_a_build_that_cannot_be_written_leaves_the_old_month(self, two_months):
        wrong = builds((SCORES, FEBRUARY)).with_columns(run_id=pl.lit(None, pl.String))
        with pytest.raises(duckdb.ConstraintException):
            two_months.write_months({SCORES: scores(FEBRUARY, "c")}, [FEBRUARY], wrong)
        assert accounts_of(two_months, FEBRUARY) == ["b"]
        assert built(two_months) == BUILT

    def test_after_a_failure_the_next_write_goes_on(self, two_months):
        with two_months.kept_open():
            with pytest.raises(duckdb.ConstraintException):
                two_months.write_months(
                    {SCORES: scores(FEBRUARY, "c").with_columns(coverage=None)}, [FEBRUARY], builds((SCORES, FEBRUARY))
                )
            two_months.write_months({SCORES: scores(FEBRUARY, "d")}, [FEBRUARY], builds((SCORES, FEBRUARY)))
            assert accounts_of(two_months, FEBRUARY) == ["d"]

    def test_scope_replaces_only_the_named_rows_of_tables_that_have_the_column(self, database):
        def part(key: int, numerator: float) -> dict[str, Any]:
            return {"month": JANUARY, "metric_key": key, "account_key": 1, "numerator": numerator}

        def value(metric: str, number: float) -> dict[str, Any]:
            place = {"metric": metric, "month": JANUARY, "dimension": "all", "segment": "all"}
            return {**place, "value": number, "is_provisional": False}

        def write(keys: dict[str, int], number: float) -> None:
            frames = {
                "metric_part": rows(MetricPart, *(part(key, number) for key in keys.values())),
                "metric_month": rows(MetricMonth, *(value(metric, number) for metric in keys)),
            }
            scope = {"metric_key": list(keys.values()), "metric": list(keys)}
            database.write_months(frames, [JANUARY], builds((f"asset {sorted(keys)}", JANUARY)), scope)

        write({"nrr": 1, "grr": 2}, 0.5)
        write({"crr": 3}, 0.5)
        write({"grr": 2}, 0.9)
        parts = database.read("metric_part").select("metric_key", "numerator").sort("metric_key").rows()
        values = database.read("metric_month").select("metric", "value").sort("metric").rows()
        assert parts == [(1, 0.5), (2, 0.9), (3, 0.5)]
        assert values == [("crr", 0.5), ("grr", 0.9), ("nrr", 0.5)]

    def test_scope_does_not_narrow_a_table_without_the_column(self, two_months):
        frames = {SCORES: scores(FEBRUARY, "c")}
        two_months.write_months(frames, [FEBRUARY], builds((SCORES, FEBRUARY)), {"metric_key": [1]})
        assert accounts_of(two_months, FEBRUARY) == ["c"]


class TestReadAndWriteWhole:
    def test_months_are_read_from_first_through_last(self, two_months):
        two_months.append(SCORES, scores(MARCH, "c"))
        assert two_months.read(SCORES, (JANUARY, FEBRUARY))["account_id"].sort().to_list() == ["a", "b"]
        assert two_months.read(SCORES, (FEBRUARY, MARCH))["account_id"].sort().to_list() == ["b", "c"]
        assert two_months.read(SCORES, (day("2025-01-01"), day("2025-06-01"))).is_empty()

    def test_rows_come_with_the_contract_s_columns_and_types(self, two_months):
        assert two_months.read(SCORES).schema == pl.Schema(FctHealthScore.dtypes())
        assert two_months.read(MILESTONES).schema == pl.Schema(FctMilestone.dtypes())

    def test_where_narrows_by_every_column_it_names(self, two_months):
        where = {"account_id": ["a", "b"], "closing_cents": [100]}
        assert two_months.read(SCORES, where=where).height == 2
        assert two_months.read(SCORES, where={**where, "account_id": ["b"]})["month"].to_list() == [FEBRUARY]
        assert two_months.read(SCORES, where={"account_id": []}).is_empty()

    def test_a_value_with_a_quote_is_a_value(self, database):
        database.append(SCORES, scores(JANUARY, "O'Neil'; DROP TABLE build; --"))
        assert database.read(SCORES, where={"account_id": ["O'Neil'; DROP TABLE build; --"]}).height == 1

    def test_instants_come_back_to_the_microsecond(self, database):
        row = {"source": "s", "file": "f", "table_name": "t", "line": 1, "reason": "r", "run_id": "1"}
        instant = at("2024-05-31T12:00:00.123456")
        database.append("quarantine", rows(Quarantine, {**row, "rejected_at": instant}))
        assert database.read("quarantine")["rejected_at"].to_list() == [instant]

    def test_write_whole_replaces_all_or_what_scope_names(self, two_months):
        two_months.write_whole({SCORES: scores(MARCH, "c", "d")})
        assert two_months.read(SCORES).height == 2
        two_months.write_whole({SCORES: scores(MARCH, "d", cents=5)}, {"account_id": ["d"]})
        assert dict(two_months.read(SCORES).select("account_id", "closing_cents").rows()) == {"c": 100, "d": 5}

    def test_write_whole_narrows_each_table_by_the_columns_it_has(self, two_months):
        two_months.append("dim_month", pl.concat([rows(DimMonth, month_row(m)) for m in (JANUARY, FEBRUARY)]))
        frames = {SCORES: scores(MARCH, "b", cents=5), "dim_month": rows(DimMonth, month_row(MARCH))}
        two_months.write_whole(frames, {"account_id": ["b"]})
        assert sorted(two_months.read(SCORES).select("account_id", "month", "closing_cents").rows()) == [
            ("a", JANUARY, 100),
            ("b", MARCH, 5),
        ]
        assert two_months.read("dim_month")["month"].to_list() == [MARCH], (
            "it has no accounts, so it was replaced whole"
        )

    def test_write_whole_is_all_or_nothing(self, two_months):
        frames = {SCORES: scores(MARCH, "c"), MILESTONES: milestones(MARCH, "c").with_columns(milestone=None)}
        with pytest.raises(duckdb.ConstraintException):
            two_months.write_whole(frames)
        assert sorted(two_months.read(SCORES)["account_id"]) == ["a", "b"]

    def test_a_transaction_is_undone_by_whatever_ends_it(self, two_months):
        with two_months.kept_open():
            for fault in (KeyboardInterrupt, SystemExit, ValueError):
                with pytest.raises(fault), two_months.connect() as connection, transaction(connection):
                    connection.execute("DELETE FROM fct_health_score")
                    raise fault
                assert two_months.read(SCORES).height == 2


def thing(**columns: Any) -> type[Contract]:
    """A contract called Thing, with a month and the given columns as (type, description, whether it may be empty)."""
    body: dict[str, Any] = {"__doc__": "One row per thing.", "__annotations__": {"month": pl.Date}}
    body["month"] = column("Month")
    for name, (kind, meaning, null) in columns.items():
        body["__annotations__"][name] = kind
        body[name] = column(meaning, null=null)
    body["Config"] = type("Config", (), {"unique": ["month"]})
    return type("Thing", (Contract,), body)


OLD = thing(a=(str, "A", False), b=(pl.Int64, "B", True))


class TestPrepare:
    def test_a_second_time_changes_nothing(self, two_months):
        assert prepare(two_months) == []
        assert two_months.read(SCORES).height == 2
        assert built(two_months) == BUILT

    @pytest.mark.parametrize(
        "new",
        [
            thing(a=(str, "A", False), b=(pl.Int64, "B", True), c=(str, "C", True)),
            thing(a=(str, "A", False)),
            thing(a=(str, "A", False), b=(pl.Int32, "B", True)),
            thing(a=(str, "A", False), b=(pl.Int64, "B", False)),
            thing(a=(str, "A", True), b=(pl.Int64, "B", True)),
            thing(b=(pl.Int64, "B", True), a=(str, "A", False)),
            thing(a=(str, "A", False), bb=(pl.Int64, "B", True)),
        ],
        ids=["column more", "column less", "type", "not null", "null", "order", "name"],
    )
    def test_a_table_of_another_shape_is_dropped_with_its_builds_and_no_other(self, two_months, new):
        before = WorkingDatabase(two_months.path, {"thing": OLD})
        assert prepare(before) == []
        row = {"month": JANUARY, "a": "x"}
        before.write_months({"thing": rows(OLD, row)}, [JANUARY], builds(("thing", JANUARY)))
        after = WorkingDatabase(two_months.path, {"thing": new})
        assert prepare(after) == ["thing"]
        assert after.read("thing").is_empty()
        assert after.read("thing").schema == pl.Schema(new.dtypes())
        assert built(after) == BUILT
        assert accounts_of(after, JANUARY) == ["a"]
        assert prepare(after) == []

    def test_a_segment_of_the_config_changes_the_shape(self, database):
        row = {"account_id": "a", "month": JANUARY, "account_key": 1, "has_history": True}
        database.write_months(
            {"dim_account_month": rows(DimAccountMonth, row)}, [JANUARY], builds(("dim_account_month", JANUARY))
        )
        wider = with_columns(DimAccountMonth, ("tier",), "Segment {name}")
        segmented = WorkingDatabase(database.path, {"dim_account_month": wider})
        assert prepare(segmented) == ["dim_account_month"]
        segmented.append("dim_account_month", rows(wider, {**row, "tier": "gold"}))
        assert segmented.read("dim_account_month")["tier"].to_list() == ["gold"]
        assert built(segmented) == []

    def test_where_builds_themselves_changed_shape_nothing_is_built(self, two_months):
        with two_months.connect() as connection:
            connection.execute("DROP TABLE lineage.build")
            connection.execute("CREATE TABLE lineage.build (table_name VARCHAR)")
            connection.execute("INSERT INTO lineage.build VALUES ('fct_health_score')")
        assert prepare(two_months) == ["build"]
        assert built(two_months) == []

    def test_a_failure_leaves_everything_as_it_was(self, two_months):
        broken = WorkingDatabase(two_months.path, {"thing": OLD})
        prepare(broken)
        broken.append("thing", rows(OLD, {"month": JANUARY, "a": "x"}))
        unknown = thing(a=(str, "A", False), b=(pl.Decimal(38, 2), "B", True))
        with pytest.raises(TypeError):
            prepare(WorkingDatabase(two_months.path, {"thing": unknown}))
        assert broken.read("thing").height == 1

    def test_a_reworded_description_reaches_a_database_that_is_there(self, database):
        prepare(WorkingDatabase(database.path, {"thing": thing(a=(str, "Old words", True))}))
        prepare(WorkingDatabase(database.path, {"thing": thing(a=(str, "New words", True))}))
        with database.connect() as connection:
            told = connection.execute(
                "SELECT comment FROM duckdb_columns() WHERE table_name = 'thing' AND column_name = 'a'"
            ).fetchall()
        assert told == [("New words",)]


class TestStorage:
    def test_is_readable_by_duckdb_1(self, two_months):
        # Storage versions are numbered: 64 is that of DuckDB 0.9 to 1.1, 65 that of 1.2, and so on.
        assert storage_version(two_months.path) == 64
        with duckdb.connect(str(two_months.path)) as connection:
            tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone()
        assert tags == ({"storage_version": "v1.0.0+"},)

    def test_stays_so_when_another_writes_it(self, two_months):
        with duckdb.connect(str(two_months.path)) as connection:
            connection.execute("CREATE TABLE more AS SELECT range AS i FROM range(1000)")
            connection.execute("CHECKPOINT")
        assert storage_version(two_months.path) == 64


def storage_version(path: Path) -> int:
    """As the header of the file tells: a checksum of 8 bytes, the letters DUCK, and the version."""
    header = path.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    return struct.unpack("<Q", header[12:20])[0]


class TestKeys:
    def test_are_numbered_on_and_kept(self, database):
        first = dict(database.account_keys(["b", "a"]).select("account_id", "account_key").rows())
        assert sorted(first.values()) == [1, 2]
        again = dict(database.account_keys(["c", "a"]).select("account_id", "account_key").rows())
        assert again == {"a": first["a"], "c": 3}

    def test_are_given_once_to_one_that_is_asked_for_twice(self, database):
        assert database.account_keys(["a", "a", "b", "a"]).height == 2
        assert database.read("account_key").height == 2

    def test_of_metrics_and_accounts_are_counted_apart(self, database):
        database.account_keys(["a", "b"])
        found = database.metric_keys(["nrr"])
        assert found.rows() == [("nrr", 1)]
        assert found.schema == pl.Schema({"metric": pl.String(), "metric_key": pl.Int16()})

    def test_are_never_reused_even_when_all_else_is_forgotten(self, two_months):
        accounts, metrics = two_months.account_keys(["a", "b"]), two_months.metric_keys(["nrr"])
        forget_but_keys(two_months)
        assert two_months.read(SCORES).is_empty()
        assert built(two_months) == []
        assert two_months.account_keys(["b", "a"]).sort("account_key").equals(accounts.sort("account_key"))
        assert two_months.account_keys(["new"])["account_key"].to_list() == [3]
        assert two_months.metric_keys(["nrr", "grr"])["metric_key"].sort().to_list() == [1, 2]
        assert two_months.metric_keys(["nrr"]).equals(metrics)

    def test_after_forgetting_every_table_is_there_again(self, two_months):
        forget_but_keys(two_months)
        assert prepare(two_months) == []
        two_months.append("dim_month", rows(DimMonth, month_row(JANUARY)))
        assert two_months.read("dim_month").height == 1

    def test_of_no_accounts_are_none(self, database):
        assert database.account_keys([]).is_empty()

    def test_are_put_beside_the_accounts_of_a_frame_in_its_own_order(self, database):
        database.account_keys(["b"])
        frame = pl.DataFrame({"month": [JANUARY] * 3, "account_id": ["c", "b", "a"], "account_key": [9, 9, 9]})
        filled = [pl.lit(None, kind).alias(n) for n, kind in DimAccountMonth.dtypes().items() if n not in frame.columns]
        numbered = database.numbered(DimAccountMonth, frame.with_columns(filled))
        assert numbered.columns == list(DimAccountMonth.dtypes())
        # b had the number 1; the new ones are numbered on in the order of their names.
        assert numbered.select("account_id", "account_key").rows() == [("c", 3), ("b", 1), ("a", 2)]

    def test_are_not_asked_for_where_a_contract_has_none(self, database):
        frame = milestones(JANUARY, "a", None)
        numbered = database.numbered(FctMilestone, frame.with_columns(more=pl.lit("x")).select(reversed(frame.columns)))
        assert numbered.equals(frame)
        assert database.read("account_key").is_empty()


def month_row(month: dt.date) -> dict[str, Any]:
    return {"month": month, "month_end": month, "next_month": month, "is_provisional": False}


class TestConnections:
    def test_is_closed_after_each_use(self, two_months):
        two_months.read(SCORES)
        assert is_closed(two_months.path)

    def test_is_closed_whatever_happens(self, two_months):
        with pytest.raises(ValueError), two_months.connect():
            raise ValueError
        assert is_closed(two_months.path)

    def test_kept_open_one_serves_all_and_is_closed_at_the_end(self, two_months):
        with two_months.kept_open():
            with two_months.connect() as first:
                pass
            two_months.append(SCORES, scores(MARCH, "c"))
            with two_months.connect() as second:
                assert second is first
                assert second.execute("SELECT count(*) FROM fct_health_score").fetchone() == (3,)
        assert is_closed(two_months.path)
        assert two_months.read(SCORES).height == 3

    @pytest.mark.parametrize(("most", "is_anew"), [(0, True), (1 << 40, False)])
    def test_kept_open_is_opened_anew_where_duckdb_keeps_much_of_the_file(self, two_months, monkeypatch, most, is_anew):
        monkeypatch.setattr("warehouse.database.MOST_KEPT", most)
        with two_months.kept_open():
            before = two_months.read(SCORES)
            with two_months.connect() as first:
                pass
            two_months.lighten()
            with two_months.connect() as then:
                assert (then is not first) is is_anew
            # What was read is at hand, and what is not is read over a new connection.
            assert two_months.read(SCORES) is before
            assert accounts_of(two_months, FEBRUARY) == before.filter(month=FEBRUARY)["account_id"].to_list()

    def test_that_nobody_keeps_open_is_not_opened_anew(self, two_months):
        two_months.lighten()
        assert is_closed(two_months.path)

    def test_kept_open_twice_is_closed_with_the_outer(self, two_months):
        with two_months.kept_open():
            with two_months.connect() as first, two_months.kept_open():
                two_months.read(SCORES)
            with two_months.connect() as second:
                assert second is first
        assert is_closed(two_months.path)

    def test_kept_open_is_closed_by_an_exception(self, two_months):
        with pytest.raises(ValueError), two_months.kept_open():
            two_months.read(SCORES)
            raise ValueError
        assert is_closed(two_months.path)
        assert two_months.read(SCORES).height == 2

    def test_closed_in_between_it_is_opened_by_the_next_use(self, two_months):
        with two_months.kept_open():
            two_months.append(SCORES, scores(MARCH, "c"))
            two_months.close()
            assert is_closed(two_months.path)
            assert two_months.read(SCORES).height == 3
        assert is_closed(two_months.path)

    def test_makes_its_folder(self, tmp_path):
        fresh = WorkingDatabase(tmp_path / "data" / "of" / "mine" / "working.duckdb")
        with fresh.connect():
            pass
        assert fresh.path.exists()


def is_closed(path: Path) -> bool:
    """Whether this process has the file open: DuckDB would not open it read-only beside a writing connection."""
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.ConnectionException:
        return False
    return not path.with_name(path.name + ".wal").exists()


class TestAtFirst:
    @pytest.fixture
    def asked(self, database):
        """A project's database by contracts, and how often it was looked whether the file has all tables."""
        looks = []

        def first(of: WorkingDatabase) -> None:
            looks.append(of.path)
            prepare(of)

        return lambda contracts=None: WorkingDatabase(database.path, contracts, first), looks

    def test_a_file_is_looked_through_once_while_nobody_else_writes_it(self, asked):
        opened, looks = asked
        for number in range(3):
            with opened().kept_open():
                opened().append(SCORES, scores(JANUARY, f"{number}"))
        assert accounts_of(opened(), JANUARY) == ["0", "1", "2"]
        assert len(looks) == 1

    def test_what_somebody_else_wrote_is_looked_through_again(self, asked):
        opened, looks = asked
        assert opened().read(SCORES).is_empty()
        with duckdb.connect(str(opened().path)) as other:
            other.execute(f"DROP TABLE {SCORES}")
        assert opened().read(SCORES).is_empty()
        assert len(looks) == 2

    def test_a_file_that_was_put_in_its_place_is_looked_through_too(self, asked, tmp_path):
        opened, looks = asked
        assert opened().read(SCORES).is_empty()
        duckdb.connect(str(tmp_path / "other.duckdb")).close()
        (tmp_path / "other.duckdb").replace(opened().path)
        assert opened().read(SCORES).is_empty()
        assert len(looks) == 2

    def test_other_tables_are_looked_for_again(self, asked):
        opened, looks = asked
        assert opened().read(SCORES).is_empty()
        assert opened({"thing": OLD}).read("thing").is_empty()
        assert len(looks) == 2

    def test_what_failed_is_done_again(self, database):
        done = []

        def first(of: WorkingDatabase) -> None:
            done.append(of.path)
            if len(done) == 1:
                raise ValueError

        with pytest.raises(ValueError):
            WorkingDatabase(database.path, None, first).read(SCORES)
        assert WorkingDatabase(database.path, None, first).read(SCORES).is_empty()
        assert len(done) == 2
