"""The working database: the only writer, one transaction a write, closed whatever happens."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import polars as pl

from schemas.contract import Contract
from schemas.customers import DimAccountMonth
from schemas.operations import AccountKey, Build, Ingest, MetricKey
from schemas.tables import FACTS, INTERNAL, PUBLISHED
from warehouse.ddl import qualified
from warehouse.errors import DamagedError, LockedError, in_use
from warehouse.folders import private_files
from warehouse.pasted import make

OLDEST_READER = "v1.0.0"
"""The storage version of our files: every DuckDB from 1.1 on reads it, so BI tools with an older one do."""
BLOCK_BYTES = 16384
STORAGE = {"storage_compatibility_version": OLDEST_READER, "default_block_size": str(BLOCK_BYTES)}
"""How the working database is made. DuckDB writes blocks of its own records anew where they are: a kill within such a
write damages the file, and the smaller a block, the rarer that is. The file is a third as large, too."""


READ_OFTEN = frozenset({*FACTS, DimAccountMonth.table(), Ingest.table()})
"""Tables that many tables and metrics are made from, or that each canonical table asks for."""
MOST_AT_HAND = 256_000_000
"""Bytes of them that are kept at hand."""
MOST_KEPT = 200_000_000
"""Bytes of the file that DuckDB may keep in memory from one table to the next. By itself it keeps all it has seen."""
DAMAGE = (
    "Corrupt database file",
    "Could not read enough bytes",
    "not a valid DuckDB database",
    "Failed to deserialize",
)
"""What DuckDB says of a file that was cut or changed."""


_LEFT: dict[Path, tuple[object, ...]] = {}
"""Of the files in which this process did what is to be done at first: how it left each. To look whether a file has all
tables takes longer than most reads, and who asks it several things in a row opens it as often."""


class WorkingDatabase:
    """Tables by name, months at a time.

    It is a cache of the staged tables: a table whose contract changed shape is dropped, with what says it is built.
    """

    def __init__(
        self,
        path: Path,
        contracts: Mapping[str, type[Contract]] | None = None,
        at_first: Callable[["WorkingDatabase"], object] | None = None,
    ) -> None:
        """`at_first` is done before the file is first used, over the same connection: opening one takes long."""
        self.path, self._at_first = path, at_first
        self.contracts: dict[str, type[Contract]] = {**PUBLISHED, **INTERNAL, **(contracts or {})}
        self._is_begun = False
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._keeping = False
        self._known_keys: dict[str, pl.DataFrame] = {}
        self._at_hand: dict[tuple[str, object], pl.DataFrame] = {}
        """What was read while one connection serves all, the last read last, until its table is written."""

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that is closed at the end of the block, or of the run that keeps it open.

        Raises:
            LockedError: another program has the file open.
            DamagedError: the file is not what was written.
        """
        connection = self._kept or self._open()
        if self._keeping:
            self._kept = connection
        try:
            self._begin(connection)
            yield connection
        except duckdb.Error as fault:
            if is_damage(fault):
                raise _damaged(self.path) from None
            raise
        finally:
            if connection is not self._kept:
                connection.close()
                self._leave()

    def _begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Do what is to be done at first."""
        if (first := self._at_first) is None or self._is_begun:
            return
        kept, self._kept, self._is_begun = self._kept, connection, True
        try:
            first(self)
        except BaseException:
            self._is_begun = False
            raise
        finally:
            self._kept = kept

    def _leave(self) -> None:
        """Know the closed file again, if what is to be done at first was done in it."""
        if self._at_first and self._is_begun and (looks := self._looks()):
            _LEFT[self.path] = looks

    def _looks(self) -> tuple[object, ...] | None:
        """What tells the file from one that somebody else wrote, or that is to have other tables."""
        try:
            told = self.path.stat()
        except OSError:
            return None
        return told.st_ino, told.st_size, told.st_mtime_ns, self._at_first, self.contracts

    def _open(self) -> duckdb.DuckDBPyConnection:
        known = _LEFT.pop(self.path, None)
        is_as_left = known is not None and known == self._looks()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with private_files():
                connection = duckdb.connect(str(self.path), config=dict(STORAGE))
        except duckdb.Error as fault:
            if is_damage(fault):
                raise _damaged(self.path) from None
            if "lock on file" in str(fault):
                raise LockedError(in_use("the working database", fault)) from None
            raise
        self._is_begun = self._is_begun or is_as_left
        return connection

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Within the block one connection serves all; opening the file for each read costs more than most reads."""
        outermost, self._keeping = not self._keeping, True
        try:
            yield
        finally:
            if outermost:
                self._keeping = False
                self.close()

    def close(self) -> None:
        """Close the file, so that it is whole on disk; the next use opens it again."""
        if self._kept:
            self._kept.close()
            self._kept = None
            self._leave()
            self._known_keys.clear()
            self._at_hand.clear()

    def lighten(self) -> None:
        """Open the file anew where DuckDB keeps much of it in memory. What is at hand stays."""
        if self._kept is None:
            return
        kept = self._kept.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()[0][0]
        if kept > MOST_KEPT:
            self._kept.close()
            self._kept = None
            self._kept = self._open()

    def read(
        self,
        table: str,
        months: tuple[dt.date, dt.date] | None = None,
        where: Mapping[str, Sequence[object]] | None = None,
    ) -> pl.DataFrame:
        """A table's rows, all or of the months from first through last."""
        if not where and self._keeping and table in READ_OFTEN:
            return self._once(table, months)
        return self._read(table, months, where)

    def _once(self, table: str, months: tuple[dt.date, dt.date] | None) -> pl.DataFrame:
        """What many ask for is read for the first of them, as long as it takes little memory in all."""
        key = (table, months)
        if (found := self._at_hand.pop(key, None)) is None:
            found = self._read(table, months)
        self._at_hand[key] = found
        while sum(frame.estimated_size() for frame in self._at_hand.values()) > MOST_AT_HAND:
            del self._at_hand[next(iter(self._at_hand))]
        return found

    def _changed(self, *tables: str) -> None:
        """The tables are written: what was read of them is no longer so."""
        self._at_hand = {key: frame for key, frame in self._at_hand.items() if key[0] not in tables}

    def _read(
        self,
        table: str,
        months: tuple[dt.date, dt.date] | None = None,
        where: Mapping[str, Sequence[object]] | None = None,
    ) -> pl.DataFrame:
        conditions, values = _conditions(months, where)
        query = f"SELECT * FROM {qualified(table)} WHERE {conditions}"  # noqa: S608 - names are contracts'
        with self.connect() as connection:
            frame = connection.sql(query, params=values).pl()
        return self.contracts[table].shaped(frame)

    def heights(
        self, table: str, months: tuple[dt.date, dt.date], where: Mapping[str, Sequence[object]]
    ) -> dict[dt.date, int]:
        """How many rows a table has in each of the months from first through last that has any."""
        conditions, values = _conditions(months, where)
        query = f"SELECT month, count(*) FROM {qualified(table)} WHERE {conditions} GROUP BY month"  # noqa: S608
        with self.connect() as connection:
            return dict(connection.execute(query, values).fetchall())

    def write_months(
        self,
        frames: Mapping[str, pl.DataFrame],
        months: Sequence[dt.date],
        builds: pl.DataFrame,
        scope: Mapping[str, Sequence[object]] | None = None,
        *,
        with_earlier: bool = False,
    ) -> None:
        """Replace the months of the tables, and say what they were built from, in one transaction.

        `scope` narrows what is replaced: for a table that has such a column, only rows with one of these values.
        `with_earlier`: all months before the first of them are replaced with it, and are no longer said to be built.
        """
        until = months[0] if with_earlier else dt.date.min
        replaced, days = "(list_contains(?, month) OR month < ?)", [list(months), until]
        self._changed(*frames)
        with self.connect() as connection, transaction(connection):
            for table, frame in frames.items():
                conditions, values = self._within(table, scope or {})
                connection.execute(
                    f"DELETE FROM {qualified(table)} WHERE {replaced} AND {conditions}",  # noqa: S608
                    [*days, *values],
                )
                self._insert(connection, table, frame)
            for name in builds["table_name"].unique():
                connection.execute(f"DELETE FROM lineage.build WHERE {replaced} AND table_name = ?", [*days, name])  # noqa: S608
            self._insert(connection, Build.table(), builds)

    def write_whole(
        self, frames: Mapping[str, pl.DataFrame], scope: Mapping[str, Sequence[object]] | None = None
    ) -> None:
        """Replace the tables in one transaction; `scope` as in `write_months`."""
        self._changed(*frames)
        with self.connect() as connection, transaction(connection):
            for table, frame in frames.items():
                conditions, values = self._within(table, scope or {})
                connection.execute(f"DELETE FROM {qualified(table)} WHERE {conditions}", values)  # noqa: S608
                self._insert(connection, table, frame)

    def forget_outside(self, tables: Iterable[str], first: dt.date, last: dt.date) -> None:
        """Delete months before the first and after the last: the config or as_of no longer has them.

        A month that came back would look as if it had just been built. Rows of months before the first stay where none
        of these months was built: the first month filed them.
        """
        tables = list(tables)
        self._changed(*tables)
        names = [*map(qualified, tables), "lineage.build"]
        with self.connect() as connection, transaction(connection):
            for outside, end in (("month < ?", first), ("month > ?", last)):
                asked = connection.execute(f"SELECT count(*) FROM lineage.build WHERE {outside}", [end]).fetchone()  # noqa: S608
                for table in names if asked and asked[0] else ():
                    connection.execute(f"DELETE FROM {table} WHERE {outside}", [end])  # noqa: S608 - names are contracts'

    def _within(self, table: str, scope: Mapping[str, Sequence[object]]) -> tuple[str, list[object]]:
        """An SQL condition: of the columns that the table has, only these values."""
        names = [name for name in scope if name in self.contracts[table].dtypes()]
        return " AND ".join(["true", *(f"list_contains(?, {n})" for n in names)]), [list(scope[n]) for n in names]

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows."""
        self._changed(table)
        with self.connect() as connection, transaction(connection):
            self._insert(connection, table, frame)

    def _insert(self, connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
        rows = self.contracts[table].shaped(frame)
        if rows.height:
            # By position: the table's columns stand in the contract's order, or it would have been made anew.
            connection.from_arrow(rows.to_arrow()).insert_into(qualified(table))

    def numbered(self, contract: type[Contract], frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the contract's columns; where that has account_key, with the accounts' numbers."""
        if "account_key" not in contract.dtypes():
            return frame.select(list(contract.dtypes()))
        keys = self.account_keys(frame["account_id"].unique().to_list())
        numbered = frame.drop("account_key", strict=False).join(keys, on="account_id", maintain_order="left")
        return numbered.select(list(contract.dtypes()))

    def account_keys(self, account_ids: Sequence[str]) -> pl.DataFrame:
        """account_id and account_key of the accounts; a new one gets the next free number."""
        return self._keys(AccountKey, "account_id", "account_key", account_ids)

    def metric_keys(self, metrics: Sequence[str]) -> pl.DataFrame:
        """Metric and metric_key of the metrics; a new one gets the next free number."""
        return self._keys(MetricKey, "metric", "metric_key", metrics)

    def _keys(self, contract: type[Contract], name: str, key: str, wanted: Sequence[str]) -> pl.DataFrame:
        table = contract.table()
        known = self._known_keys[table] if table in self._known_keys else self.read(table)
        asked = pl.Series(name, wanted, pl.String).unique()
        found = known.filter(pl.col(name).is_in(asked.implode()))
        # Mostly all are known, and each part of a run asks: what is done here for every account counts so many times.
        if found.height < asked.len():
            new = sorted(asked.filter(~asked.is_in(known[name].implode())))
            start = int(known[key].max() or 0) + 1  # type: ignore[arg-type]
            added = contract.shaped(pl.DataFrame({name: new, key: list(range(start, start + len(new)))}))
            self.append(table, added)
            known, found = pl.concat([known, added]), pl.concat([found, added])
        if self._keeping:
            self._known_keys[table] = known
        return found


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing; what DuckDB logs of it beside the file is as private as the file."""
    with private_files():
        connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # what a damaged file has ended is over
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _conditions(
    months: tuple[dt.date, dt.date] | None, where: Mapping[str, Sequence[object]] | None
) -> tuple[str, list[object]]:
    """An SQL condition, with its values: of the months from first through last, and of the columns these values."""
    conditions: list[str] = ["true"]
    values: list[object] = []
    if months:
        conditions.append("month BETWEEN ? AND ?")
        values += list(months)
    for name, allowed in (where or {}).items():
        conditions.append(f"list_contains(?, {name})")
        values.append(list(allowed))
    return " AND ".join(conditions), values


def is_damage(fault: duckdb.Error) -> bool:
    """Whether DuckDB says that a file is not what it wrote."""
    return any(words in str(fault) for words in DAMAGE)


def _damaged(path: Path) -> DamagedError:
    return DamagedError(
        f"{path.name} is damaged: {make('rebuild')} makes it again from the landed files; what is published stays"
    )
