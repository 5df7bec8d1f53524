"""The pooled event log: what it holds and answers is what Dagster's own class holds and answers."""

import functools
import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as db
from alembic.script import ScriptDirectory
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from pipelines.orchestration import event_log
from pipelines.orchestration.event_log import OPEN_DATABASES, RELIES_ON, PooledEventLog, log_materializations

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

ROOT = Path(__file__).resolve().parents[2]
MONTHS = [f"2026-{month:02d}-01" for month in range(1, 6)]
RUN = "11111111-2222-3333-4444-555555555555"
# What the assets print is not kept: Dagster would start four processes a run to catch it, and logs the same events.
SETTINGS = """\
telemetry: {enabled: false}
nux: {enabled: false}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
"""
POOLED = """\
event_log_storage:
  module: pipelines.orchestration.event_log
  class: PooledEventLog
  config:
    base_dir: %s/history/runs
"""

Answers = dict[str, Any]
ByDagster = Callable[..., tuple[Path, Answers]]
Apart = Callable[..., list[tuple[int, str]]]


@pytest.fixture(scope="module", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Dagster's migrations are read once in this file: Dagster reads all of them for each database that it makes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ScriptDirectory, "from_config", functools.cache(ScriptDirectory.from_config))
        yield


def _instance(home: Path, settings: str) -> dg.DagsterInstance:
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(SETTINGS + settings)
    return dg.DagsterInstance.from_config(str(home))


def _pooled(home: Path) -> dg.DagsterInstance:
    return _instance(home, POOLED % home)


def _dagsters(home: Path) -> dg.DagsterInstance:
    return _instance(home, "")


def _event(partition: str, *, run: str = "r", asset: str = "made") -> dg.EventLogEntry:
    made = dg.AssetMaterialization(asset_key=asset, partition=partition)
    event = DagsterEvent("ASSET_MATERIALIZATION", "job", event_specific_data=StepMaterializationData(made))
    return dg.EventLogEntry(
        error_info=None, level=10, user_message="", run_id=run, timestamp=time.time(), dagster_event=event
    )


def _held(log: SqliteEventLogStorage, run: str = "r", asset: str = "made") -> tuple[list[str], set[str]]:
    """The partitions in the log of a run, in order, and those an asset has by the log of all runs."""
    events = [entry.get_dagster_event() for entry in log.get_logs_for_run(run)]
    return [event.partition or "" for event in events], log.get_materialized_partitions(dg.AssetKey(asset))


# --- the same answers as Dagster's own --------------------------------------------------------------------------------


def _run(instance: dg.DagsterInstance, *, logged_by_the_asset: bool, fails: bool, checked: bool = True) -> None:
    months = dg.MonthlyPartitionsDefinition(start_date="2026-01-01", end_date="2026-06-01")
    monthly = {"partitions_def": months, "backfill_policy": dg.BackfillPolicy.single_run()}

    def log(context: dg.AssetExecutionContext) -> None:
        if logged_by_the_asset:
            context.log.info("before")
            made = [
                dg.AssetMaterialization(context.asset_key, partition=key, metadata={"rows": 5}, tags={"kind": "made"})
                for key in context.partition_keys
            ]
            log_materializations(context, made)
            context.log.info("after")

    @dg.asset(**monthly)
    def first(context: dg.AssetExecutionContext) -> None:
        log(context)

    checks = [dg.AssetCheckSpec("sound", asset="second")] if checked else []

    @dg.asset(**monthly, deps=[first], check_specs=checks)
    def second(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        log(context)
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name=c.name) for c in checks])

    @dg.asset(**monthly, deps=[second])
    def third() -> None:
        if fails:
            raise ValueError("as asked")

    job = dg.define_asset_job("job", executor_def=dg.in_process_executor)
    result = (
        dg.Definitions(assets=[first, second, third], jobs=[job])
        .resolve_job_def("job")
        .execute_in_process(
            instance=instance,
            run_id=RUN,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                "dagster/asset_partition_range_start": MONTHS[0],
                "dagster/asset_partition_range_end": MONTHS[-1],
                "dagster/defer_asset_events": str(logged_by_the_asset).lower(),
            },
        )
    )
    assert result.success is not fails


def _answers(instance: dg.DagsterInstance) -> Answers:
    """What the UI asks, without what differs between any two runs: times, processes and messages that have them."""
    log = instance.event_log_storage
    answers: Answers = {
        "log": [
            (entry.level, entry.step_key, entry.dagster_event_type, *_of_asset(entry))
            for entry in instance.all_logs(RUN)
        ],
        "failed": instance.get_run_stats(RUN).steps_failed,
        "steps": [
            (step.step_key, step.status, [entry.get_dagster_event().partition for entry in step.materialization_events])
            for step in instance.get_run_step_stats(RUN)
        ],
        "ended": len(instance.fetch_run_status_changes(DagsterEventType.RUN_SUCCESS, limit=9).records),
        "assets": sorted(key.to_user_string() for key in instance.all_asset_keys()),
    }
    for name in ("first", "second", "third"):
        key = dg.AssetKey(name)
        made, planned = DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        records = [
            *instance.fetch_materializations(key, limit=99).records,
            *log.get_event_records(dg.EventRecordsFilter(planned, asset_key=key)),
            *log.get_event_records(dg.EventRecordsFilter(made, asset_key=key, asset_partitions=MONTHS[1:3])),
        ]
        latest = instance.get_latest_materialization_event(key)
        (record,) = instance.get_asset_records([key]) or [None]
        entry = record and record.asset_entry
        answers[name] = {
            "records": [(record.storage_id, *_of_asset(record.event_log_entry)) for record in records],
            "partitions": sorted(instance.get_materialized_partitions(key)),
            "ids": log.get_latest_storage_id_by_partition(key, made),
            "planned": log.get_latest_storage_id_by_partition(key, planned),
            "tags": log.get_latest_tags_by_partition(key, made, tag_keys=["dagster/data_version"]).keys(),
            "latest": latest and _of_asset(latest),
            "entry": entry and (entry.last_materialization_storage_id, entry.last_run_id),
            "attempts": log.get_latest_asset_partition_materialization_attempts_without_materializations(key).keys(),
            "checks": [
                (check.status, check.run_id)
                for check in log.get_asset_check_execution_history(dg.AssetCheckKey(key, "sound"), limit=9)
            ],
        }
    return answers


def _of_asset(entry: dg.EventLogEntry) -> tuple[object, ...]:
    event = entry.dagster_event
    if event is None:
        return (entry.user_message,)
    if not event.is_step_materialization:
        return event.asset_key, event.partition
    made = event.step_materialization_data.materialization
    return event.asset_key, event.partition, made.metadata, sorted(made.tags or {})


@pytest.fixture(scope="module")
def empty_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of each class in which nothing ran, to be copied, as its databases take half as long as a run of ours."""
    homes = tmp_path_factory.mktemp("homes")
    for name, instance_of in (("dagsters", _dagsters), ("pooled", _pooled)):
        with instance_of(homes / name):
            pass
    return homes


@pytest.fixture(scope="module")
def by_dagster(empty_homes: Path, tmp_path_factory: pytest.TempPathFactory) -> ByDagster:
    """The home and the answers of a run with Dagster's own class, which is made once for all that compare with it.

    It stands for a run in batches too: Dagster's class writes them one by one, and a digest below tells when it no
    longer does.
    """

    @functools.cache
    def run(**kind: bool) -> tuple[Path, Answers]:
        home = tmp_path_factory.mktemp("by_dagster") / "home"
        shutil.copytree(empty_homes / "dagsters", home)
        with pytest.MonkeyPatch.context() as patched, _dagsters(home) as instance:
            patched.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
            assert type(instance.event_log_storage) is SqliteEventLogStorage
            _run(instance, **kind)
            return home, _answers(instance)

    return run


@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
@pytest.mark.parametrize("checked", [False, True], ids=["without checks", "with a check"])
@pytest.mark.parametrize("events", ["Dagster's, one by one", "Dagster's, in batches", "the assets' own"])
def test_a_run_is_recorded_as_by_dagsters_own_class(
    by_dagster: ByDagster,
    empty_homes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    events: str,
    *,
    checked: bool,
    fails: bool,
) -> None:
    kind = {"logged_by_the_asset": events == "the assets' own", "fails": fails, "checked": checked}
    _, expected = by_dagster(**kind)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000" if events == "Dagster's, in batches" else "0")
    shutil.copytree(empty_homes / "pooled", tmp_path / "home")
    with _pooled(tmp_path / "home") as instance:
        assert type(instance.event_log_storage) is PooledEventLog
        _run(instance, **kind)
        answers = _answers(instance)
    assert answers == expected
    assert answers["first"]["partitions"] == MONTHS
    assert len(answers["first"]["ids"]) == len(MONTHS)


def test_the_history_stays_where_dagster_has_it_and_either_class_reads_what_the_other_wrote(
    by_dagster: ByDagster, tmp_path: Path
) -> None:
    home, answers = by_dagster(logged_by_the_asset=False, fails=False, checked=True)
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    with _dagsters(tmp_path) as instance:
        folder = Path(instance.event_log_storage.path_for_shard("index")).parent
    with _pooled(tmp_path) as instance:
        assert Path(instance.event_log_storage.path_for_shard("index")).parent == folder
        assert _answers(instance) == answers
        instance.event_log_storage.store_event_batch([_event("b"), _event("a")])
        instance.event_log_storage.store_event(_event("c"))
    with _dagsters(tmp_path) as instance:
        assert _answers(instance) == answers | {"assets": ["first", "made", "second", "third"]}
        assert _held(instance.event_log_storage) == (["b", "a", "c"], {"a", "b", "c"})
        instance.event_log_storage.store_event(_event("d"))
    with _pooled(tmp_path) as instance:
        assert _held(instance.event_log_storage) == (["b", "a", "c", "d"], {"a", "b", "c", "d"})


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PooledEventLog]:
    log = PooledEventLog(str(tmp_path))
    yield log
    log.dispose()


def test_what_is_logged_in_one_batch_is_written_at_its_end(log: PooledEventLog) -> None:
    with log.one_batch():
        log.store_event(_event("a"))
        log.store_event(_event("b"))
        assert _held(log) == ([], set())
    assert _held(log) == (["a", "b"], {"a", "b"})
    log.store_event(_event("c"))
    assert _held(log) == (["a", "b", "c"], {"a", "b", "c"})


def test_what_is_not_about_an_asset_is_written_at_once_also_in_a_batch(log: PooledEventLog) -> None:
    with log.one_batch():
        log.store_event(_event("a"))
        log.store_event(dg.EventLogEntry(error_info=None, level=10, user_message="hello", run_id="r", timestamp=1.0))
        assert [entry.user_message for entry in log.get_logs_for_run("r")] == ["hello"]


def test_a_batch_that_is_broken_off_writes_nothing_and_the_next_event_is_written_at_once(log: PooledEventLog) -> None:
    with pytest.raises(ValueError, match="broken off"), log.one_batch():
        log.store_event(_event("a"))
        raise ValueError("broken off")
    log.store_event(_event("b"))
    assert _held(log) == (["b"], {"b"})


def test_a_batch_that_cannot_be_written_whole_is_not_written_at_all(
    log: PooledEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="disk full"):
        patched.setattr(log, "_store_asset_event", fail)
        log.store_event_batch([_event("a"), _event("b")])
    assert _held(log) == ([], set())


def test_another_thread_does_not_write_into_a_batch(log: PooledEventLog) -> None:
    with log.one_batch():
        log.store_event(_event("a"))
        other = threading.Thread(target=log.store_event, args=[_event("b")])
        other.start()
        other.join()
        assert _held(log) == (["b"], {"b"})
    assert _held(log) == (["b", "a"], {"a", "b"})


def test_assets_log_one_by_one_in_an_instance_with_another_event_log(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        _run(instance, logged_by_the_asset=True, fails=False)
        assert instance.get_materialized_partitions(dg.AssetKey("first")) == set(MONTHS)


# --- threads, processes, forks ----------------------------------------------------------------------------------------

NURSERY = """
import json, os, signal, sys, traceback
from tests.pipelines import test_event_log

def begin(gate, behind, name, given, told):
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(300)
            os.close(behind)
            for stream in (1, 2):
                os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
            os.read(gate, 1)
            getattr(test_event_log, name)(*given)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child

for line in sys.stdin:
    gate, behind = os.pipe()
    children = [begin(gate, behind, *each) for each in json.loads(line)]
    os.close(behind)
    os.close(gate)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)
"""
"""A process that has imported everything and, for each line, runs the calls in it at once, each in a fork of its own.

A call is the name of a function of this file, what it is given, and a file for all that it prints.
"""


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """Runs calls in processes of their own, all at once; how each ended and what it printed."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", NURSERY]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:

        def run(*calls: tuple[Callable[..., None], list[str]]) -> list[tuple[int, str]]:
            assert nursery.stdin
            assert nursery.stdout
            told = [tmp_path_factory.mktemp("told") / "printed" for _ in calls]
            line = [(call.__name__, given, str(path)) for (call, given), path in zip(calls, told, strict=True)]
            print(json.dumps(line), file=nursery.stdin, flush=True)
            return list(zip(json.loads(nursery.stdout.readline()), [path.read_text() for path in told], strict=True))

        yield run


ROUNDS = 10
"""Each does the same: where no process waits for another's write, this many failed each time, and 3 not always."""


def take_part(name: str, kind: str, folder: str) -> None:
    log = {"pooled": PooledEventLog, "dagsters": SqliteEventLogStorage}[kind](folder)
    for n in range(ROUNDS):
        log.store_event(_event(f"{name} {n}"))
        log.store_event_batch([_event(f"{name} {n} {m}", run=name) for m in range(5)])
        assert len(log.get_logs_for_run("r")) > n
        assert {f"{name} {n}", f"{name} {n} 4"} <= log.get_materialized_partitions(dg.AssetKey("made"))
    log.dispose()


def test_processes_write_and_read_at_once_without_an_error(apart: Apart, tmp_path: Path) -> None:
    """Two of ours and one with Dagster's class, all making the database of one run, of which none is there yet.

    That of all runs is there: Dagster's class cannot make it in two processes at once, and gives it two revisions.
    """
    SqliteEventLogStorage(str(tmp_path))
    takers = [("a", "pooled"), ("b", "pooled"), ("c", "dagsters")]
    assert apart(*((take_part, [name, kind, str(tmp_path)]) for name, kind in takers)) == [(0, "")] * 3
    log = SqliteEventLogStorage(str(tmp_path))
    alone = {f"{name} {n}" for name, _ in takers for n in range(ROUNDS)}
    in_batches = {f"{name} {n} {m}" for name, _ in takers for n in range(ROUNDS) for m in range(5)}
    of_run, of_asset = _held(log)
    assert sorted(of_run) == sorted(alone)
    assert of_asset == alone | in_batches
    for name, _ in takers:
        assert _held(log, run=name)[0] == [f"{name} {n} {m}" for n in range(ROUNDS) for m in range(5)]


def test_threads_share_a_log(log: PooledEventLog) -> None:
    faults: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for n in range(5):
                log.store_event(_event(f"{name} {n}"))
                log.store_event_batch([_event(f"{name} {n} {m}", run=name) for m in range(3)])
                assert _held(log, run=name)[0][-1] == f"{name} {n} 2"
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=[f"thread {n}"]) for n in range(OPEN_DATABASES + 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(_held(log)[0]) == 5 * len(threads)
    assert len(_held(log)[1]) == 20 * len(threads)


def fork_while_a_thread_writes(folder: str) -> None:
    log = PooledEventLog(folder)
    log.store_event(_event("parent"))
    inside, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with log.run_connection("r"):
            inside.set()
            go_on.wait()

    thread = threading.Thread(target=write)
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        mine = dict(log._engines)
        log.store_event(_event("child"))
        log.dispose()
        os._exit(len(mine))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    thread.join()
    log.store_event(_event("parent again"))
    with log.index_connection() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert _held(log)[0] == ["parent", "child", "parent again"]


def test_a_forked_child_opens_databases_of_its_own_even_while_a_thread_of_the_parent_writes(
    apart: Apart, tmp_path: Path
) -> None:
    assert apart((fork_while_a_thread_writes, [str(tmp_path)])) == [(0, "")]


def end_without_closing(folder: str) -> None:
    log = PooledEventLog(folder)
    log.store_event(_event("a"))
    log.store_event_batch([_event("b"), _event("c")])
    os._exit(0)


def test_a_process_that_ends_without_closing_loses_nothing(apart: Apart, tmp_path: Path) -> None:
    assert apart((end_without_closing, [str(tmp_path)])) == [(0, "")]
    assert _held(SqliteEventLogStorage(str(tmp_path))) == (["a", "b", "c"], {"a", "b", "c"})


@pytest.mark.parametrize("follows", [PooledEventLog, SqliteEventLogStorage])
def test_who_follows_a_run_sees_its_events_while_its_database_is_open(
    log: PooledEventLog, tmp_path: Path, follows: type[SqliteEventLogStorage]
) -> None:
    """As the UI does, which waits for the file to change."""
    log.store_event(_event("a"))
    follower, seen, batch_seen = follows(str(tmp_path)), threading.Event(), threading.Event()

    def tell(entry: dg.EventLogEntry, _: str) -> None:
        if entry.get_dagster_event().partition == "b":
            seen.set()
        if entry.get_dagster_event().partition == "d":
            batch_seen.set()

    follower.watch("r", None, tell)
    try:
        log.store_event(_event("b"))
        assert seen.wait(60)
        log.store_event_batch([_event("c"), _event("d")])
        assert batch_seen.wait(60)
    finally:
        follower.end_watch("r", tell)
        follower.dispose()


# --- what is open -----------------------------------------------------------------------------------------------------


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[db.Engine]:
    """The engines made, in order."""
    made: list[db.Engine] = []
    new_engine = event_log._new_engine

    def remember(url: str) -> db.Engine:
        made.append(new_engine(url))
        return made[-1]

    monkeypatch.setattr(event_log, "_new_engine", remember)
    return made


def _open(engines: list[db.Engine]) -> int:
    return sum(isinstance(engine.pool, db.QueuePool) and engine.pool.checkedin() > 0 for engine in engines)


def test_a_database_is_opened_once_for_many_statements(engines: list[db.Engine], log: PooledEventLog) -> None:
    for n in range(10):
        log.store_event(_event(str(n)))
        _held(log)
    assert [Path(str(engine.url.database)).stem for engine in engines] == ["index", "r"]


def test_few_databases_are_open_however_many_runs_there_are(engines: list[db.Engine], log: PooledEventLog) -> None:
    runs = [f"run {n}" for n in range(3 * OPEN_DATABASES)]
    for run in runs:
        log.store_event(_event("a", run=run))
        assert _open(engines) <= OPEN_DATABASES
    assert [_held(log, run=run)[0] for run in runs] == [["a"]] * len(runs)
    assert _open(engines) == OPEN_DATABASES
    # The one of all runs is used at each event, so it is never the one that is closed.
    assert [Path(str(engine.url.database)).stem for engine in engines].count("index") == 1


def test_a_disposed_log_has_nothing_open_and_opens_again(engines: list[db.Engine], log: PooledEventLog) -> None:
    log.store_event(_event("a"))
    log.dispose()
    assert _open(engines) == 0
    assert _held(log) == (["a"], {"a"})


def test_a_connection_waits_as_long_as_dagsters_and_syncs_at_checkpoints(log: PooledEventLog, tmp_path: Path) -> None:
    def settings(connect: Callable[[], AbstractContextManager[db.Connection]]) -> list[object]:
        with connect() as connection:
            names = ("journal_mode", "busy_timeout", "synchronous")
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    normal, full = 1, 2
    *others, synchronous = settings(log.index_connection)
    assert synchronous == normal
    assert [*others, full] == settings(SqliteEventLogStorage(str(tmp_path)).index_connection)
    assert settings(lambda: log.run_connection("r")) == [*others, normal]


def test_wiped_events_are_gone_and_new_ones_are_kept(log: PooledEventLog, tmp_path: Path) -> None:
    log.store_event(_event("a"))
    log.wipe()
    assert _held(log) == ([], set())
    log.store_event(_event("b"))
    assert _held(SqliteEventLogStorage(str(tmp_path))) == (["b"], {"b"})


def test_events_are_not_written_into_a_file_that_somebody_else_removed(log: PooledEventLog, tmp_path: Path) -> None:
    log.store_event(_event("a"))
    other = SqliteEventLogStorage(str(tmp_path))
    other.wipe()
    log.store_event(_event("b"))
    assert _held(SqliteEventLogStorage(str(tmp_path))) == (["b"], {"b"})


# --- what is relied on ------------------------------------------------------------------------------------------------

# Of Dagster 1.13.27. Where one differs, Dagster changed the method: read what it does now, see whether ours still
# stands for it, and put its new digest here.
STANDS_FOR = {
    "SqliteEventLogStorage.__init__": "356ed5a4155fda7a",
    "SqliteEventLogStorage._connect": "32c43750d4b7e288",
    "SqliteEventLogStorage.dispose": "e1056de5cff65bb7",
    "SqliteEventLogStorage.from_config_value": "434121acc7057cd3",
    "SqliteEventLogStorage.has_table": "4a52c11bc5f93af0",
    "SqliteEventLogStorage.store_event": "41dae9e57125fda6",
    "SqliteEventLogStorage.watch": "3aa0c404e4c0ec6c",
    "EventLogStorage.store_event_batch": "c6fa61d89d3766aa",
}


@pytest.mark.parametrize("name", RELIES_ON)
def test_dagsters_class_still_has(name: str, tmp_path: Path) -> None:
    assert hasattr(SqliteEventLogStorage(str(tmp_path)), name)


@pytest.mark.parametrize("name", STANDS_FOR)
def test_dagster_still_does_the_same_in(name: str) -> None:
    class_name, method = name.split(".")
    (owner,) = [each for each in SqliteEventLogStorage.__mro__ if each.__name__ == class_name]
    source = inspect.getsource(inspect.unwrap(getattr(owner, method)))
    assert hashlib.sha256(textwrap.dedent(source).encode()).hexdigest()[:16] == STANDS_FOR[name]


def test_every_connection_of_dagsters_class_is_made_where_ours_takes_over() -> None:
    source = inspect.getsource(SqliteEventLogStorage)
    taken_over = [SqliteEventLogStorage.__init__, SqliteEventLogStorage.has_table, SqliteEventLogStorage._connect]
    assert source.count("create_engine(") == sum(inspect.getsource(each).count("create_engine(") for each in taken_over)


def test_runs_and_the_index_are_reached_through_connect(log: PooledEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(log, "_connect", asked.append)
    log.run_connection("r")
    log.index_connection()
    assert asked == ["r", "index"]
