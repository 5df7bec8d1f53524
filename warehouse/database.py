"""The working database: the only writer, one transaction a write, closed whatever happens."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from schemas.catalogue import INTERNAL, PUBLISHED
from schemas.contract import Contract
from schemas.operations import AccountKey, Build, MetricKey
from warehouse.ddl import comment, comment_on, create_table, qualified, shape

STORAGE = {"storage_compatibility_version": "v1.0.0"}
"""Readable by every DuckDB from 1.1 on, so by BI tools with an older one."""


class WorkingDatabase:
    """Tables by name, months at a time.

    It is a cache of the staged tables: a table whose contract changed shape is dropped, with what says it is built.
    """

    def __init__(self, path: Path, contracts: Mapping[str, type[Contract]] | None = None) -> None:
        self.path = path
        self.contracts: dict[str, type[Contract]] = {**PUBLISHED, **INTERNAL, **(contracts or {})}
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._keeping = False

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that is closed at the end of the block, or of the run that keeps it open."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._kept or duckdb.connect(str(self.path), config=dict(STORAGE))
        if self._keeping:
            self._kept = connection
        try:
            yield connection
        finally:
            if connection is not self._kept:
                connection.close()

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

    def prepare(self) -> list[str]:
        """Create what is missing and drop what changed shape; the names of tables that were dropped."""
        dropped = []
        with self.connect() as connection, transaction(connection):
            connection.execute("CREATE SCHEMA IF NOT EXISTS lineage")
            present: dict[str, list[tuple[str, str, bool]]] = {}
            for table, name, kind, nullable in connection.execute(
                "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
                "JOIN (SELECT table_oid FROM duckdb_tables()) USING (table_oid) ORDER BY table_oid, column_index"
            ).fetchall():
                present.setdefault(table, []).append((name, kind, nullable))
            for table, contract in self.contracts.items():
                if present.get(table) == shape(contract):
                    continue
                if table in present:
                    connection.execute(f"DROP TABLE {qualified(table)}")
                    dropped.append(table)
                for statement in create_table(contract):
                    connection.execute(statement)
            self._reword(connection)
            if dropped and "build" not in dropped:
                connection.execute("DELETE FROM lineage.build WHERE list_contains(?, table_name)", [dropped])
        return dropped

    def _reword(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Bring comments up to date with the contracts."""
        told = {
            (table, name): text
            for table, name, text in connection.execute(
                "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal "
                "UNION ALL SELECT table_name, '', comment FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
        }
        for table, contract in self.contracts.items():
            words = {field.name: comment(field.description, field.unit) for field in contract.fields()}
            for name, text in {"": contract.prose(), **words}.items():
                if told.get((table, name)) != text:
                    connection.execute(comment_on(table, name, text))

    def read(
        self,
        table: str,
        months: tuple[dt.date, dt.date] | None = None,
        where: Mapping[str, Sequence[object]] | None = None,
    ) -> pl.DataFrame:
        """A table's rows, all or of the months from first through last."""
        conditions: list[str] = ["true"]
        values: list[object] = []
        if months:
            conditions.append("month BETWEEN ? AND ?")
            values += list(months)
        for name, allowed in (where or {}).items():
            conditions.append(f"list_contains(?, {name})")
            values.append(list(allowed))
        query = f"SELECT * FROM {qualified(table)} WHERE {' AND '.join(conditions)}"  # noqa: S608 - names are contracts'
        with self.connect() as connection:
            frame = connection.sql(query, params=values).pl()
        return self.contracts[table].shaped(frame)

    def write_months(
        self,
        frames: Mapping[str, pl.DataFrame],
        months: Sequence[dt.date],
        builds: pl.DataFrame,
        scope: Mapping[str, Sequence[object]] | None = None,
    ) -> None:
        """Replace the months of the tables, and say what they were built from, in one transaction.

        `scope` narrows what is replaced: for a table that has such a column, only rows with one of these values.
        """
        with self.connect() as connection, transaction(connection):
            for table, frame in frames.items():
                conditions = ["list_contains(?, month)"]
                values: list[object] = [list(months)]
                for name, allowed in (scope or {}).items():
                    if name in self.contracts[table].dtypes():
                        conditions.append(f"list_contains(?, {name})")
                        values.append(list(allowed))
                connection.execute(f"DELETE FROM {qualified(table)} WHERE {' AND '.join(conditions)}", values)  # noqa: S608
                self._insert(connection, table, frame)
            for name in builds["table_name"].unique():
                connection.execute(
                    "DELETE FROM lineage.build WHERE table_name = ? AND list_contains(?, month)", [name, list(months)]
                )
            self._insert(connection, Build.table(), builds)

    def write_whole(
        self, frames: Mapping[str, pl.DataFrame], scope: Mapping[str, Sequence[object]] | None = None
    ) -> None:
        """Replace the tables (or, of them, the rows `scope` names) in one transaction."""
        with self.connect() as connection, transaction(connection):
            for table, frame in frames.items():
                conditions: list[str] = ["true"]
                values: list[object] = []
                for name, allowed in (scope or {}).items():
                    conditions.append(f"list_contains(?, {name})")
                    values.append(list(allowed))
                connection.execute(f"DELETE FROM {qualified(table)} WHERE {' AND '.join(conditions)}", values)  # noqa: S608
                self._insert(connection, table, frame)

    def forget_but_keys(self) -> None:
        """Drop everything but the numbers of accounts and metrics, which are never reused; and make it empty again."""
        keys = {AccountKey.table(), MetricKey.table()}
        with self.connect() as connection, transaction(connection):
            for table in self.contracts.keys() - keys:
                connection.execute(f"DROP TABLE IF EXISTS {qualified(table)}")
        self.prepare()

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows."""
        with self.connect() as connection, transaction(connection):
            self._insert(connection, table, frame)

    def _insert(self, connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
        rows = self.contracts[table].shaped(frame)
        if rows.height:
            connection.register("incoming", rows.to_arrow())
            connection.execute(f"INSERT INTO {qualified(table)} BY NAME SELECT * FROM incoming")  # noqa: S608
            connection.unregister("incoming")

    def account_keys(self, account_ids: Sequence[str]) -> pl.DataFrame:
        """account_id and account_key of the accounts; a new one gets the next free number."""
        return self._keys(AccountKey, "account_id", "account_key", account_ids)

    def metric_keys(self, metrics: Sequence[str]) -> pl.DataFrame:
        """Metric and metric_key of the metrics; a new one gets the next free number."""
        return self._keys(MetricKey, "metric", "metric_key", metrics)

    def _keys(self, contract: type[Contract], name: str, key: str, wanted: Sequence[str]) -> pl.DataFrame:
        known = self.read(contract.table())
        new = sorted(set(wanted) - set(known[name]))
        if new:
            start = int(known[key].max() or 0) + 1  # type: ignore[arg-type]
            added = contract.shaped(pl.DataFrame({name: new, key: list(range(start, start + len(new)))}))
            self.append(contract.table(), added)
            known = pl.concat([known, added])
        return known.filter(pl.col(name).is_in(list(wanted)))


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
