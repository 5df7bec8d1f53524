"""A working database that cannot be used: found, set aside, and its numbers of accounts and metrics carried over."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from schemas.operations import AccountKey, MetricKey
from warehouse.database import WorkingDatabase, is_damage
from warehouse.ddl import qualified
from warehouse.errors import LockedError, in_use
from warehouse.folders import Folders
from warehouse.versions import versions

HEADERS = 3 * 4096
"""Bytes of a DuckDB file before its first block."""
Keys = dict[str, pl.DataFrame]
"""The numbers of accounts and of metrics, by table; never reused, and so the only rows that are not made again."""


def keys_in(path: Path, names: Mapping[str, str]) -> Keys | None:
    """The numbers in a database, of each table from the one named; None if it cannot be read."""
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return {
                contract.table(): contract.shaped(connection.sql(f"SELECT * FROM {names[contract.table()]}").pl())  # noqa: S608
                for contract in (AccountKey, MetricKey)
            }
    except duckdb.Error:
        return None


def known_keys(folders: Folders) -> Keys | None:
    """The numbers in use: as the working database has them, else as they are published; None if nobody knows."""
    working = {contract.table(): qualified(contract.table()) for contract in (AccountKey, MetricKey)}
    found = keys_in(folders.root / folders.working_database.name, working)
    for path in reversed(versions(folders).values()):
        found = found or keys_in(path, {AccountKey.table(): "dim_account", MetricKey.table(): "dim_metric"})
    return found


def give_keys(database: WorkingDatabase, keys: Keys | None) -> None:
    """Give a new database the numbers in use."""
    database.write_whole(keys or {})


def set_aside(path: Path) -> Path:
    """Put a database that cannot be used, and its log, out of the way."""
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    return aside


def is_readable(path: Path, *, every_byte: bool = False) -> bool:
    """Whether a database can be opened, and (`every_byte`) each of its tables read to the end.

    Raises:
        LockedError: another program has it open.
    """
    if not path.is_file():
        return False
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
            size = connection.execute("SELECT total_blocks * block_size FROM pragma_database_size()").fetchone()
            # A file that was cut may open, as what lies at its beginning is whole.
            is_short = size is not None and path.stat().st_size < size[0] + HEADERS
            for schema, table in tables if every_byte or is_short else ():
                connection.execute(f'SELECT bit_xor(hash(t)) FROM "{schema}"."{table}" t').fetchall()  # noqa: S608
    except duckdb.Error as fault:
        if "lock on file" in str(fault):
            raise LockedError(in_use(str(path), fault)) from None
        return not is_damage(fault)
    return True
