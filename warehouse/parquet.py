"""The published tables as Parquet files, by month; a month that did not change is a link to the version before."""

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from pathlib import Path

import duckdb

from schemas.tables import DIMENSIONS, EXPLANATIONS, FACTS, OPERATIONS, PUBLISHED, VALUES
from warehouse.ddl import quoted
from warehouse.folders import PUBLISHED_FILE
from warehouse.macros import OBSERVATIONS
from warehouse.versions import FILE, PARQUET, sync
from warehouse.views import VIEWS

BY_MONTH = [*FACTS, *VALUES, *EXPLANATIONS, "dim_account_month"]
WHOLE = [name for name in (*DIMENSIONS, *OPERATIONS) if name not in BY_MONTH]
LIST = "files.json"
MOST_ROWS = 1 << 20
"""Rows of some months of a table that are held in memory at once."""


def publish_parquet(part: Path, versions: Mapping[int, Path], fingerprints: Mapping[tuple[str, dt.date], str]) -> None:
    """Beside the database in `part` write `parquet/TABLE/month=YYYY-MM-01.parquet`, and `NAME.parquet` of the rest.

    The rest are tables without months, and views.

    `versions` are the published database files; a month that did not change is linked from the newest of them.
    """
    target = part / PARQUET
    target.mkdir()
    before, known = _last(versions)
    made: dict[str, str] = {}
    connection = duckdb.connect(str(part / FILE), read_only=True)
    try:
        for table in WHOLE:
            _copy(connection, f"SELECT * FROM {table}", target / f"{table}.parquet")  # noqa: S608 - our names
        for view in (*VIEWS, OBSERVATIONS):
            _copy(connection, f"SELECT * FROM {view.name} ORDER BY {view.order}", target / f"{view.name}.parquet")  # noqa: S608
        for table in BY_MONTH:
            (target / table).mkdir()
            changed: list[tuple[dt.date, int]] = []
            counted = f"SELECT month, count(*) FROM {table} GROUP BY month ORDER BY month"  # noqa: S608 - our names
            for month, rows in connection.execute(counted).fetchall():
                name = month_file(table, month)
                made[name] = fingerprints.get((table, month), "")
                if before and made[name] and known.get(name) == made[name]:
                    os.link(before / name, target / name)
                else:
                    changed.append((month, rows))
            for months in _at_once(changed):
                _write_months(connection, table, months, target)
    finally:
        connection.close()
    (target / LIST).write_text(json.dumps(made, indent=0))


def month_file(table: str, month: dt.date) -> str:
    """Name of a month's file of a table."""
    return f"{table}/month={month}.parquet"


def _at_once(months: Sequence[tuple[dt.date, int]]) -> Iterator[list[dt.date]]:
    """The months, each given with its rows, in pieces that take little memory; a query for each takes long instead."""
    until = accumulate(rows for _, rows in months)
    for _, piece in groupby(zip(until, months, strict=True), key=lambda each: each[0] // MOST_ROWS):
        yield [month for _, (month, _) in piece]


def _write_months(connection: duckdb.DuckDBPyConnection, table: str, months: list[dt.date], target: Path) -> None:
    order = ", ".join(f'"{column}"' for column in PUBLISHED[table].grain())
    query = f"SELECT * FROM {table} WHERE list_contains(?, month) ORDER BY {order}"  # noqa: S608 - our names
    frames = connection.sql(query, params=[months]).pl().partition_by("month", as_dict=True, maintain_order=True)
    for (month,), rows in frames.items():
        path = target / month_file(table, month)
        rows.write_parquet(path, compression="snappy")
        _set_down(path)


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet)")
    _set_down(path)


def _set_down(path: Path) -> None:
    path.chmod(PUBLISHED_FILE)
    sync(path)


def _last(versions: Mapping[int, Path]) -> tuple[Path | None, dict[str, str]]:
    """The folder of the newest version that has one, with what its files were made from."""
    for database in reversed(list(versions.values())):
        told = database.with_name(PARQUET) / LIST
        if told.exists():
            return told.parent, json.loads(told.read_text())
    return None, {}
