"""Publishing: a new versioned file, and one atomic swap of the stable name; readers are never disturbed."""

import datetime as dt
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from schemas.operations import Publication
from schemas.tables import PUBLISHED
from warehouse.database import WorkingDatabase, transaction
from warehouse.ddl import qualified
from warehouse.errors import WarehouseError
from warehouse.folders import PUBLISHED_FILE, Folders
from warehouse.macros import create_macros, keep_observations
from warehouse.parquet import publish_parquet, remove_parquet, remove_strays, swap_parquet
from warehouse.views import create_views

FREE_SHARE = 0.25
"""Share of free blocks from which on the working database is compacted before it is copied."""
_VERSION = re.compile(r"customer_success-(\d{6})\.duckdb")


def versions(folders: Folders) -> dict[int, Path]:
    """The published files by version, oldest first."""
    if not folders.published.exists():
        return {}
    found = {int(m[1]): path for path in folders.published.iterdir() if (m := _VERSION.fullmatch(path.name))}
    return dict(sorted(found.items()))


def current_version(folders: Folders) -> int | None:
    """The version readers get."""
    link = folders.published_database
    match = _VERSION.fullmatch(str(link.readlink())) if link.is_symlink() else None
    return int(match[1]) if match else None


def publications(folders: Folders) -> pl.DataFrame:
    """Every publish so far, as the newest version tells."""
    files = list(versions(folders).values())
    if not files:
        return Publication.blank()
    with duckdb.connect(str(files[-1]), read_only=True) as connection:
        return Publication.shaped(connection.sql("SELECT * FROM publication").pl())


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
    folders.published.mkdir(parents=True, exist_ok=True, mode=0o755)
    known = versions(folders)
    version = max(known, default=0) + 1
    _compact(database)
    with database.connect() as connection:
        connection.execute("CHECKPOINT")
    database.close()
    if database.path.with_name(database.path.name + ".wal").exists():
        raise WarehouseError(f"{database.path.name} still has a write-ahead log; another program has it open")
    part = folders.published / f".customer_success-{version:06d}.part"
    # What a killed publish left, its write-ahead log above all, must not reach this one.
    for left in folders.published.glob(".customer_success-*"):
        left.unlink()
    _copy(database.path, part)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    entry = pl.DataFrame([{**row, "version": version, "published_at": now}])
    _complete(part, pl.concat([publications(folders), Publication.shaped(entry)]), row)
    publish_parquet(part, folders, version, fingerprints)
    _sync(part)
    part.chmod(PUBLISHED_FILE)
    part.replace(folders.published / f"customer_success-{version:06d}.duckdb")
    _rolled_back(folders).unlink(missing_ok=True)
    _swap(folders, version)
    for old in list(versions(folders))[:-keep_versions]:
        versions(folders)[old].unlink()
        remove_parquet(folders, old)
    remove_strays(folders, set(versions(folders)))
    return version


def end_broken_off(folders: Folders) -> int | None:
    """Give readers a version that was whole when its publish was broken off; its number, if there is one.

    A version that `rollback` took from readers is none: it says so in a file beside the versions.
    """
    newest = max(versions(folders), default=None)
    if newest is None or current_version(folders) == newest or _rolled_back(folders).exists():
        return None
    _swap(folders, newest)
    return newest


def _rolled_back(folders: Folders) -> Path:
    return folders.published / ".rolled_back"


def rollback(folders: Folders) -> int:
    """Give readers the version before the present one; its number.

    Raises:
        WarehouseError: there is none.
    """
    now = current_version(folders)
    before = [version for version in versions(folders) if now is not None and version < now]
    if not before:
        raise WarehouseError("there is no version before the published one")
    _rolled_back(folders).touch()
    _swap(folders, before[-1])
    return before[-1]


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 22)


def _complete(part: Path, history: pl.DataFrame, row: Mapping[str, object]) -> None:
    """In the copy: the record of publishes, the views, and only the published months."""
    connection = duckdb.connect(str(part))
    try:
        connection.execute("DELETE FROM publication")
        connection.register("incoming", history.to_arrow())
        connection.execute("INSERT INTO publication BY NAME SELECT * FROM incoming")
        connection.unregister("incoming")
        keep_observations(connection, row["first_month"])
        for name, contract in PUBLISHED.items():
            if "month" in contract.dtypes():
                connection.execute(
                    f"DELETE FROM {qualified(name)} WHERE month < ? OR month > ?",  # noqa: S608
                    [row["first_month"], row["last_month"]],
                )
        # A commit for each of their comments would take longer than all the rest.
        with transaction(connection):
            create_views(connection)
            create_macros(connection)
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _compact(database: WorkingDatabase) -> None:
    """Write the working database anew where much of its file is free; `COPY FROM DATABASE` is slow otherwise."""
    with database.connect() as connection:
        total, free = connection.execute("SELECT total_blocks, free_blocks FROM pragma_database_size()").fetchone() or (
            0,
            0,
        )
    if total < 64 or free < FREE_SHARE * total:
        return
    database.close()
    part = database.path.with_suffix(".compact")
    part.unlink(missing_ok=True)
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH '{database.path}' AS old (READ_ONLY)")
        connection.execute(f"ATTACH '{part}' AS new (STORAGE_VERSION 'v1.0.0')")
        connection.execute("COPY FROM DATABASE old TO new")
    finally:
        connection.close()
    part.replace(database.path)


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _swap(folders: Folders, version: int) -> None:
    """The stable names point at the version, at once; the database last, as it is what readers wait for."""
    swap_parquet(folders, version)
    swap_link(folders.published_database, f"customer_success-{version:06d}.duckdb")


def swap_link(link: Path, target: str) -> None:
    """Point a link at another target in one step."""
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)
