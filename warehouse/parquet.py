"""The published tables as Parquet files, by month; a month that did not change is a link to the version before."""

import datetime as dt
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from schemas.tables import DIMENSIONS, EXPLANATIONS, FACTS, OPERATIONS, PUBLISHED, VALUES
from warehouse.folders import Folders

BY_MONTH = [*FACTS, *VALUES, *EXPLANATIONS, "dim_account_month"]
WHOLE = [name for name in (*DIMENSIONS, *OPERATIONS) if name not in BY_MONTH]
LIST = "files.json"


def _folder(folders: Folders, version: int) -> Path:
    return folders.published / f"parquet-{version:06d}"


def publish_parquet(
    database: Path, folders: Folders, version: int, fingerprints: Mapping[tuple[str, dt.date], str]
) -> None:
    """Write `parquet-VERSION/TABLE/month=YYYY-MM-01.parquet`, and `TABLE.parquet` of tables without months."""
    target = _folder(folders, version)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    before, known = _last(folders, version)
    made: dict[str, str] = {}
    connection = duckdb.connect(str(database), read_only=True)
    try:
        for table in WHOLE:
            _copy(connection, f"SELECT * FROM {table}", target / f"{table}.parquet")  # noqa: S608 - our names
        for table in BY_MONTH:
            (target / table).mkdir()
            months = connection.execute(f"SELECT DISTINCT month FROM {table} ORDER BY month").fetchall()  # noqa: S608
            for (month,) in months:
                name = f"{table}/month={month}.parquet"
                made[name] = fingerprints.get((table, month), "")
                if before and made[name] and known.get(name) == made[name]:
                    os.link(before / name, target / name)
                else:
                    order = ", ".join(f'"{column}"' for column in PUBLISHED[table].grain())
                    query = f"SELECT * FROM {table} WHERE month = DATE '{month}' ORDER BY {order}"  # noqa: S608
                    _copy(connection, query, target / name)
    finally:
        connection.close()
    (target / LIST).write_text(json.dumps(made, indent=0))


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")


def _last(folders: Folders, version: int) -> tuple[Path | None, dict[str, str]]:
    """The folder of the version before, with what its files were made from."""
    lists = sorted(
        path for path in folders.published.glob(f"parquet-*/{LIST}") if path.parent != _folder(folders, version)
    )
    if not lists:
        return None, {}
    return lists[-1].parent, json.loads(lists[-1].read_text())


def swap_parquet(folders: Folders, version: int) -> None:
    """Point `parquet` at the version's folder."""
    link = folders.published / "parquet"
    part = folders.published / ".parquet.part"
    part.unlink(missing_ok=True)
    part.symlink_to(_folder(folders, version).name)
    part.replace(link)


def remove_strays(folders: Folders, kept: set[int]) -> None:
    """Delete folders whose version is gone: what a removal that was broken off has left."""
    for folder in folders.published.glob("parquet-*"):
        if int(folder.name.removeprefix("parquet-")) not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def remove_parquet(folders: Folders, version: int) -> None:
    """Delete a version's folder; files that later versions link to stay."""
    shutil.rmtree(_folder(folders, version), ignore_errors=True)
