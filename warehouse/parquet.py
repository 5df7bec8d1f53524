"""The published tables as Parquet files, by month; a month that did not change is a link to the version before."""

import datetime as dt
import hashlib
import io
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path

import duckdb

from schemas.tables import DIMENSIONS, EXPLANATIONS, FACTS, OPERATIONS, PUBLISHED, VALUES
from warehouse.ddl import quoted
from warehouse.folders import PUBLISHED_FILE
from warehouse.landing import sha256_of
from warehouse.macros import OBSERVATIONS
from warehouse.versions import FILE, PARQUET, sync
from warehouse.views import VIEWS

BY_MONTH = {
    name: ", ".join(f'"{column}"' for column in PUBLISHED[name].grain())
    for name in (*FACTS, *VALUES, *EXPLANATIONS, "dim_account_month")
}
"""Tables that have a file for each month, and the order of its rows."""
VIEWS_BY_MONTH = {view.name: view.order for view in VIEWS if view.is_by_month}
"""Views that have one, as they have as many rows as tables."""
WHOLE = [name for name in (*DIMENSIONS, *OPERATIONS) if name not in BY_MONTH]
LIST = "files.json"
NO_ROWS = "no_rows.parquet"
"""The file of a table by month that has none."""
MOST_ROWS = 1 << 20
"""Rows of some months of a table that are held in memory at once."""


@dataclass(frozen=True)
class Listed:
    """What a folder of Parquet files says of them, by name: what a month was made from, and the SHA-256 of each."""

    made: Mapping[str, str]
    sha256: Mapping[str, str]

    def is_whole(self, folder: Path, name: str) -> bool:
        """Whether the file is there as it was written."""
        path = folder / name
        return path.is_file() and self.sha256.get(name) == sha256_of(path)


def listed(folder: Path) -> Listed | None:
    """What the folder's list says; None where it is gone or cannot be read."""
    try:
        told = json.loads((folder / LIST).read_text(encoding="utf-8"))
        # Former lists have what months were made from, and nothing else.
        return Listed(told["made"], told["sha256"]) if "sha256" in told else Listed(told, {})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def damaged_parquet(version: Path) -> list[str]:
    """Names of a version's Parquet files that are gone, or are not what was written."""
    folder = version / PARQUET
    told = listed(folder)
    if told is None:
        return [LIST]
    return [name for name in told.sha256 if not told.is_whole(folder, name)]


def make_parquet_again(version: Path) -> None:
    """Write a version's Parquet files anew from its database, and put them in the place of those that were there."""
    folder, part, aside = (version / name for name in (PARQUET, f".{PARQUET}.part", f".{PARQUET}.damaged"))
    for left in (part, aside):
        shutil.rmtree(left, ignore_errors=True)
    told = listed(folder)
    _write(version / FILE, part, None, told.made if told else {})
    if folder.exists():
        folder.replace(aside)
    part.replace(folder)
    shutil.rmtree(aside, ignore_errors=True)


def publish_parquet(part: Path, versions: Mapping[int, Path], fingerprints: Mapping[tuple[str, dt.date], str]) -> None:
    """Beside the database in `part` write `parquet/TABLE/month=YYYY-MM-01.parquet`, and `NAME.parquet` of the rest.

    The rest are tables without months, and views.

    `versions` are the published database files; a month that did not change is linked from the newest of them.
    """
    before = next(
        (file.parent for file in reversed(list(versions.values())) if (file.parent / PARQUET / LIST).exists()), None
    )
    made = {month_file(table, month): told for (table, month), told in fingerprints.items()}
    _write(part / FILE, part / PARQUET, before, made)


def _write(database: Path, target: Path, before: Path | None, made: Mapping[str, str]) -> None:
    """Write all Parquet files of a database; `made` says what months' files are made from, by name."""
    target.mkdir()
    known = listed(before / PARQUET) if before else None
    names, sha256 = list[str](), dict[str, str]()
    connection = duckdb.connect(str(database), read_only=True)
    try:
        for table in WHOLE:
            _copy(connection, f"SELECT * FROM {table}", target / f"{table}.parquet")  # noqa: S608 - our names
        for view in (*VIEWS, OBSERVATIONS):
            if view.name not in VIEWS_BY_MONTH:
                _copy(connection, f"SELECT * FROM {view.name} ORDER BY {view.order}", target / f"{view.name}.parquet")  # noqa: S608
        for table, order in {**BY_MONTH, **VIEWS_BY_MONTH}.items():
            (target / table).mkdir()
            changed: list[tuple[dt.date, int]] = []
            counted = f"SELECT month, count(*) FROM {table} GROUP BY month ORDER BY month"  # noqa: S608 - our names
            there = connection.execute(counted).fetchall()
            if not there:
                # What reads all files of a table would fail where there is none.
                _copy(connection, f"SELECT * FROM {table}", target / table / NO_ROWS)  # noqa: S608 - our names
            for month, rows in there:
                name = month_file(table, month)
                names.append(name)
                same = before and known and made.get(name) and known.made.get(name) == made[name]
                if before and known and same and known.is_whole(before / PARQUET, name):
                    os.link(before / PARQUET / name, target / name)
                    sha256[name] = known.sha256[name]
                else:
                    changed.append((month, rows))
            for months in _at_once(changed):
                sha256 |= _write_months(connection, table, order, months, target)
    finally:
        connection.close()
    for path in target.rglob("*.parquet"):
        name = str(path.relative_to(target))
        sha256[name] = sha256.get(name) or sha256_of(path)
    told = {"made": {name: made.get(name, "") for name in names}, "sha256": dict(sorted(sha256.items()))}
    (target / LIST).write_text(json.dumps(told, indent=0))


def month_file(table: str, month: dt.date) -> str:
    """Name of a month's file of a table."""
    return f"{table}/month={month}.parquet"


def _at_once(months: Sequence[tuple[dt.date, int]]) -> Iterator[dict[dt.date, int]]:
    """The months, each given with its rows, in pieces that take little memory; a query for each takes long instead."""
    until = accumulate(rows for _, rows in months)
    for _, piece in groupby(zip(until, months, strict=True), key=lambda each: each[0] // MOST_ROWS):
        yield dict(month for _, month in piece)


def _write_months(
    connection: duckdb.DuckDBPyConnection, table: str, order: str, months: Mapping[dt.date, int], target: Path
) -> dict[str, str]:
    """Write the files of some months in order, each given with its rows; the SHA-256 of each by name."""
    query = f"SELECT * FROM {table} WHERE list_contains(?, month) ORDER BY month, {order}"  # noqa: S608 - our names
    frame, first = connection.sql(query, params=[list(months)]).pl(), 0
    sha256: dict[str, str] = {}
    for month, rows in months.items():
        name, content = month_file(table, month), io.BytesIO()
        # A slice, as a month's rows are neighbours: to part the frame by the month takes longer. In one piece, as else
        # its row groups would depend on the months beside it.
        frame.slice(first, rows).rechunk().write_parquet(content, compression="snappy")
        first += rows
        _put(target / name, content.getbuffer())
        sha256[name] = hashlib.sha256(content.getbuffer()).hexdigest()
    return sha256


def _put(path: Path, content: memoryview) -> None:
    """Write a file, and see it on the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PUBLISHED_FILE), "wb") as file:
        # To change the mode of a new file makes it wait twice as long for the disk.
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != PUBLISHED_FILE:
            os.fchmod(file.fileno(), PUBLISHED_FILE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet)")
    _set_down(path)


def _set_down(path: Path) -> None:
    path.chmod(PUBLISHED_FILE)
    sync(path)
