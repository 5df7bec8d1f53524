"""Publishing: a new versioned file, and one atomic swap of the stable name; readers are never disturbed."""

import datetime as dt
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from schemas.operations import AccountKey, MetricKey, Publication
from schemas.tables import PUBLISHED
from warehouse.database import BLOCK_BYTES, OLDEST_READER, WorkingDatabase, transaction
from warehouse.ddl import qualified, quoted
from warehouse.errors import WarehouseError
from warehouse.folders import PUBLISHED_FILE, Folders, private_files
from warehouse.macros import create_macros, keep_observations
from warehouse.parquet import publish_parquet
from warehouse.versions import (
    FILE,
    adopt_flat_versions,
    current_version,
    forget_rollback,
    given_back,
    home,
    next_version,
    remove_old,
    swap,
    sync,
    versions,
)
from warehouse.views import create_views

FREE_SHARE = 0.25
"""Share of the working database that is free from which on it is compacted."""
WORTH_BYTES = 16 << 20
"""A smaller one is not worth it."""


def publications(folders: Folders) -> pl.DataFrame:
    """Every publish so far, as the newest version tells that is one of ours."""
    for file in reversed(list(versions(folders).values())):
        try:
            with duckdb.connect(str(file), read_only=True) as connection:
                return Publication.shaped(connection.sql("SELECT * FROM publication").pl())
        except duckdb.Error:
            continue  # none of ours, or damaged: it tells nothing of publishes
    return Publication.blank()


def _history(folders: Folders, database: WorkingDatabase) -> pl.DataFrame:
    """Every publish so far: what readers are told, and of versions that are gone what the working database knows."""
    told = pl.concat([publications(folders), database.read(Publication.table())])
    return told.unique("version", keep="first").sort("version")


def publish(
    database: WorkingDatabase,
    folders: Folders,
    row: Mapping[str, object],
    keep_versions: int,
    fingerprints: Mapping[tuple[str, dt.date], str],
) -> int:
    """Publish what the working database holds from `row["first_month"]` on; the new version.

    `fingerprints` tells, by table and month, what rows were made from: a month's Parquet file that is unchanged is
    linked from the version before.
    """
    home(folders).mkdir(parents=True, exist_ok=True, mode=0o755)
    adopt_flat_versions(folders)
    history = _history(folders, database)
    version = coming_version(database, folders)
    _compact(database)
    _set_down(database)
    part = home(folders) / f".{version:06d}.part"
    # What a killed publish left, its write-ahead log above all, must not reach this one.
    for left in home(folders).glob(".*.part"):
        shutil.rmtree(left)
    part.mkdir()
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    entry = Publication.shaped(pl.DataFrame([{**row, "version": version, "published_at": now}]))
    write_readers_copy(database, part / FILE, pl.concat([history, entry]))
    publish_parquet(part, versions(folders), fingerprints)
    sync(part / FILE)
    (part / FILE).chmod(PUBLISHED_FILE)
    part.replace(home(folders) / f"{version:06d}")
    forget_rollback(folders)
    swap(folders, version)
    # The working database knows the number too: it must not be given again when the versions are gone.
    database.append(Publication.table(), entry)
    database.close()
    remove_old(folders, keep_versions)
    return version


def coming_version(database: WorkingDatabase, folders: Folders) -> int:
    """The number that the next publish gives."""
    return next_version(folders, max(_history(folders, database)["version"], default=0))


def _set_down(database: WorkingDatabase) -> None:
    """Everything is in the file, and nobody has it open."""
    with database.connect() as connection:
        connection.execute("CHECKPOINT")
    database.close()
    if database.path.with_name(database.path.name + ".wal").exists():
        raise WarehouseError(f"{database.path.name} still has a write-ahead log; another program has it open")


BEHIND_VIEWS = {AccountKey: "account_key IN (SELECT account_key FROM main.metric_part)", MetricKey: "true"}
"""Internal tables that readers' views need, and which of their rows."""


def make_current(folders: Folders) -> int | None:
    """Give readers the version that they should have and don't; its number, if they did not have it.

    That is the newest whole one of ours, whose publish may have been broken off before its last step, or the one that
    `rollback` gave them back; also where somebody removed the stable name.
    """
    newest = max(publications(folders)["version"], default=None)
    wanted = given_back(folders) or newest
    if wanted is None or current_version(folders) == wanted:
        return None
    swap(folders, wanted)
    return wanted


def write_readers_copy(database: WorkingDatabase, target: Path, history: pl.DataFrame) -> None:
    """A new file of what may be published, and nothing else.

    It is written row by row and not copied whole: a row that is deleted from a copy stays in the file's bytes.
    """
    _hand_over(database, target, history["first_month"][-1], history["last_month"][-1])
    connection = duckdb.connect(str(target))
    try:
        # A commit for each of their comments would take longer than all the rest.
        with transaction(connection):
            connection.register("incoming", history.to_arrow())
            connection.execute("INSERT INTO publication BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")
            create_views(connection, history["currency"][-1])
            create_macros(connection)
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _hand_over(database: WorkingDatabase, target: Path, first: dt.date, last: dt.date) -> None:
    """Readers' tables with their comments, and of the working database's rows those that they may have."""
    by_month = f"month IS NULL OR month BETWEEN DATE '{first}' AND DATE '{last}'"
    conditions = {name: by_month if "month" in database.contracts[name].dtypes() else "true" for name in PUBLISHED}
    del conditions[Publication.table()]
    conditions |= {contract.table(): needed for contract, needed in BEHIND_VIEWS.items()}
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {quoted(str(database.path))} AS working (READ_ONLY)")
        connection.execute(f"ATTACH {quoted(str(target))} AS readers (STORAGE_VERSION '{OLDEST_READER}')")
        with transaction(connection):
            # Copying what tables are takes a tenth of the time that declaring each column's comment takes.
            connection.execute("COPY FROM DATABASE working TO readers (SCHEMA)")
            connection.execute("USE readers")
            for name in database.contracts.keys() - conditions.keys() - {Publication.table()}:
                connection.execute(f"DROP TABLE {qualified(name)}")
            for name, condition in conditions.items():
                rows = f"SELECT * FROM working.{qualified(name)} WHERE {condition}"  # noqa: S608 - names are contracts'
                connection.execute(f"INSERT INTO {qualified(name)} BY NAME {rows}")
            keep_observations(connection, first)
    finally:
        connection.close()


def _compact(database: WorkingDatabase) -> None:
    """Write the working database anew where much of its file is free; `COPY FROM DATABASE` is slow otherwise."""
    with database.connect() as connection:
        sizes = "SELECT total_blocks * block_size, free_blocks * block_size FROM pragma_database_size()"
        total, free = connection.execute(sizes).fetchone() or (0, 0)
    if total < WORTH_BYTES or free < FREE_SHARE * total:
        return
    database.close()
    part = database.path.with_suffix(".compact")
    part.unlink(missing_ok=True)
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {quoted(str(database.path))} AS old (READ_ONLY)")
        with private_files():
            options = f"STORAGE_VERSION '{OLDEST_READER}', BLOCK_SIZE {BLOCK_BYTES}"
            connection.execute(f"ATTACH {quoted(str(part))} AS new ({options})")
            connection.execute("COPY FROM DATABASE old TO new")
    finally:
        connection.close()
    part.replace(database.path)
