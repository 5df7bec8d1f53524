"""How a company of tests begins: with what the program makes of a company without any file, made once in a process.

To create the tables of a working database, to say in comments what each column is, and to ingest tables that no source
fills takes as long as all else that an ingest of a few rows does.
"""

import datetime as dt
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from pipelines.ingest.canonical_tables import NEVER
from pipelines.ingest.resolved import FIRST
from pipelines.ingest.sources import sources_of, speaking_files
from pipelines.project import Project
from schemas.contract import Contract
from schemas.operations import Ingest
from warehouse.database import _LEFT, WorkingDatabase
from warehouse.folders import PRIVATE_FILE, Folders
from warehouse.landed import LIST
from warehouse.staging import staged_path, write_staged
from warehouse.upkeep import prepare

NOTHING = "nothing"
"""What the tables that say whose a row is are made from at first."""
Contracts = tuple[tuple[str, type[Contract]], ...]


@dataclass(frozen=True)
class _Beginning:
    database: bytes
    staged: dict[str, bytes]
    """Files of the tables that say whose a row is, without a row."""


def begin(project: Project) -> bool:
    """Give a company of which nothing was ever landed a working database; whether it is such a one."""
    database = project.database
    if database.path.exists() or (project.folders.landed / LIST).exists() or any(project.folders.staged.iterdir()):
        return False
    made = _made(tuple(database.contracts.items()), _firsts(project))
    database.path.touch(mode=PRIVATE_FILE)
    database.path.write_bytes(made.database)
    _LEFT[database.path] = database._looks()
    return True


def stage_nothing(project: Project) -> None:
    """Stage the tables that say whose a row is, as of no file; once files are landed, as nothing is staged before."""
    made = _made(tuple(project.database.contracts.items()), _firsts(project))
    for table, content in made.staged.items():
        path = staged_path(project.folders, table)
        path.touch(mode=PRIVATE_FILE)
        path.write_bytes(content)


def of_nothing(project: Project) -> set[str]:
    """Those of these tables that are as at first, and that no source fills: an ingest would make them again."""
    known = project.database.read(Ingest.table()).filter(pl.col("problem").is_null(), made_from=NOTHING)
    files = speaking_files(project) if known.height else []
    return {table for table in known["table_name"] if not sources_of(project, table, files)}


def _firsts(project: Project) -> Contracts:
    return tuple((table, project.contracts[table]) for table in FIRST)


@cache
def _made(contracts: Contracts, firsts: Contracts) -> _Beginning:
    with tempfile.TemporaryDirectory() as folder:
        folders = Folders(Path(folder))
        database = WorkingDatabase(folders.working_database, dict(contracts))
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        rows = [
            (table, NOTHING, None, None, 0, None, NEVER, "", now, write_staged(folders, table, contract.blank()), None)
            for table, contract in firsts
        ]
        with database.kept_open():
            prepare(database)
            database.write_whole({Ingest.table(): pl.DataFrame(rows, Ingest.dtypes(), orient="row")})
        staged = {table: staged_path(folders, table).read_bytes() for table, _ in firsts}
        return _Beginning(database.path.read_bytes(), staged)
