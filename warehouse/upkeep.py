"""Keeping the working database's tables as the contracts say: created, worded, dropped where they changed shape."""

import duckdb

from schemas.operations import AccountKey, MetricKey, Publication
from warehouse.database import WorkingDatabase, transaction
from warehouse.ddl import comment, comment_on, create_table, qualified, shape


def prepare(database: WorkingDatabase) -> list[str]:
    """Create what is missing and drop what changed shape; the names of tables that were dropped."""
    dropped = []
    with database.connect() as connection, transaction(connection):
        connection.execute("CREATE SCHEMA IF NOT EXISTS lineage")
        present: dict[str, list[tuple[str, str, bool]]] = {}
        for table, name, kind, nullable in connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY table_oid, column_index"
        ).fetchall():
            present.setdefault(table, []).append((name, kind, nullable))
        for table, contract in database.contracts.items():
            if present.get(table) == shape(contract):
                continue
            if table in present:
                connection.execute(f"DROP TABLE {qualified(table)}")
                dropped.append(table)
            for statement in create_table(contract):
                connection.execute(statement)
        _reword(database, connection)
        if dropped and "build" not in dropped:
            connection.execute("DELETE FROM lineage.build WHERE list_contains(?, table_name)", [dropped])
    return dropped


def _reword(database: WorkingDatabase, connection: duckdb.DuckDBPyConnection) -> None:
    """Bring comments up to date with the contracts."""
    told = {
        (table, name): text
        for table, name, text in connection.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal "
            "UNION ALL SELECT table_name, '', comment FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
    }
    for table, contract in database.contracts.items():
        words = {field.name: comment(field.description, field.unit) for field in contract.fields()}
        for name, text in {"": contract.prose(), **words}.items():
            if told.get((table, name)) != text:
                connection.execute(comment_on(table, name, text))


def forget_but_keys(database: WorkingDatabase) -> None:
    """Drop everything but the numbers of accounts, metrics and versions, which are never given twice."""
    keys = {AccountKey.table(), MetricKey.table(), Publication.table()}
    with database.connect() as connection, transaction(connection):
        for table in database.contracts.keys() - keys:
            connection.execute(f"DROP TABLE IF EXISTS {qualified(table)}")
    prepare(database)
