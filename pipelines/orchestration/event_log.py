"""Dagster's SQLite event log – its files, tables and answers – without a new engine for each statement.

Dagster's class makes an engine, opens the database and closes it again for every event, which is most of what a run of
cheap assets costs. Here a database stays open. The files are Dagster's own: what one class wrote the other reads, also
at the same time in another process.
"""

import os
import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

import dagster as dg
import sqlalchemy as db
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine

# Private names of Dagster's class that are used here; the tests tell when one of them is gone.
RELIES_ON = (
    "_connect",
    "_db_lock",
    "_event_to_row",
    "_initialized_dbs",
    "_store_asset_event",
    "_store_asset_event_tags",
)

# A run has a database of its own, and there will be thousands: the ones used last stay open.
OPEN_DATABASES = 8

_logs: "weakref.WeakSet[PooledEventLog]" = weakref.WeakSet()
_left_to_the_parent: list[object] = []


class PooledEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log with one engine for each database, kept open between statements."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Dagster's own __init__ connects already.
        self._engines: OrderedDict[str, tuple[int, Engine]] = OrderedDict()
        self._lock = threading.RLock()
        self._thread = threading.local()
        _logs.add(self)
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Make the class that dagster.yaml names; the inherited method makes Dagster's own.

        A folder that is not absolute lies in DAGSTER_HOME, so that the data folder can be moved.
        """
        folder = Path(os.environ.get("DAGSTER_HOME", "")) / config_value["base_dir"]
        return cls(str(folder), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # One thread at a time, as Dagster has it; so no engine is closed that another thread works with.
        with self._lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        path = Path(self.path_for_shard(shard))
        inode, engine = self._engines.pop(shard, (0, None))
        if engine is not None and inode != _inode(path):
            # The file was removed, as `dagster run wipe` does: what is written to what was opened is lost.
            engine.dispose()
            engine = None
        if engine is None:
            if not path.exists():
                self._initialized_dbs.discard(shard)
            with super()._connect(shard):  # makes tables that are not there
                pass
            inode, engine = _inode(path), _new_engine(self.conn_string_for_shard(shard))
        self._engines[shard] = inode, engine
        while len(self._engines) > OPEN_DATABASES:
            self._engines.popitem(last=False)[1][1].dispose()
        return engine

    def has_table(self, table_name: str) -> bool:
        """Whether the database of all runs has the table."""
        with self.index_connection() as connection:
            return bool(connection.dialect.has_table(connection, table_name))

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Write an event, or keep it for the end of `one_batch`."""
        gathered: list[dg.EventLogEntry] | None = getattr(self._thread, "gathered", None)
        if gathered is not None and event.dagster_event_type in ASSET_EVENTS:
            gathered.append(event)
        else:
            super().store_event(event)
            self._tell_watchers(event.run_id)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Write one run's events about assets all together or, after an error, none; other events one by one.

        An asset's row, which has its last event, is written once and not after each. Dagster itself comes here with the
        events that it writes for a range of partitions if DAGSTER_EVENT_BATCH_SIZE is set.
        """
        runs, types = {event.run_id for event in events}, {event.dagster_event_type for event in events}
        if len(runs) != 1 or types - ASSET_EVENTS:
            super().store_event_batch(events)
            return
        rows = [self._event_to_row(event) for event in events]
        insert = SqlEventLogStorageTable.insert()
        with self.run_connection(events[0].run_id) as of_run, self.index_connection() as of_all:
            of_run.execute(insert, rows)
            ids = [of_all.execute(insert, row).lastrowid for row in rows]
            self._store_asset_event_tags(of_all, events, ids)
            last = {(row["asset_key"], row["dagster_event_type"]): at for at, row in enumerate(rows)}
            for at in sorted(last.values()):
                self._store_asset_event(of_all, events[at], ids[at])
        self._tell_watchers(events[0].run_id)

    @contextmanager
    def one_batch(self) -> Iterator[None]:
        """What this thread logs about assets in here is written at its end, all together; after an error nothing is."""
        gathered: list[dg.EventLogEntry] = []
        self._thread.gathered = gathered
        try:
            yield
        finally:
            self._thread.gathered = None
        if gathered:
            self.store_event_batch(gathered)

    def _tell_watchers(self, run_id: str) -> None:
        # The UI follows a run by watching the database's file. An open database is written to the -wal beside it, and
        # only closing it changes the file itself, so the file is given the time of the event.
        with suppress(FileNotFoundError):
            os.utime(self.path_for_shard(run_id))

    def dispose(self) -> None:
        """Close all databases; they open again when asked."""
        super().dispose()
        with self._lock:
            while self._engines:
                self._engines.popitem()[1][1].dispose()

    def _leave_to_the_parent(self) -> None:
        _left_to_the_parent.append(self._engines)
        self._engines = OrderedDict()
        self._lock = threading.RLock()
        self._db_lock = threading.Lock()


def log_materializations(context: dg.AssetExecutionContext, events: Sequence[dg.AssetMaterialization]) -> None:
    """Log each by `context.log_event`, and write them all together if the instance has the pooled log."""
    log = context.instance.event_log_storage
    with log.one_batch() if isinstance(log, PooledEventLog) else nullcontext():
        for event in events:
            context.log_event(event)


def _new_engine(url: str) -> Engine:
    # Two connections, as Dagster asks whether a table is there while it writes.
    engine = db.create_engine(
        url, poolclass=db.QueuePool, pool_size=2, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
    )

    # NORMAL waits for the disk at checkpoints, not at every commit. With the write-ahead log, which Dagster turns on, a
    # database is never corrupt then; when the power goes, the last commits may be missing. That is history for the UI:
    # which months are built is known from the ledger in the working database, never from here.
    @db.event.listens_for(engine, "connect")
    def set_synchronous(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _leave_to_the_parent() -> None:
    for log in list(_logs):
        log._leave_to_the_parent()


# An open SQLite database must not be used, nor even closed, in a forked child: its locks are the parent's. And a lock
# that another thread of the parent holds would never be released in the child.
os.register_at_fork(after_in_child=_leave_to_the_parent)
