"""A working database of which nothing is known yet: made by the program once in a process, and copied from then on.

To create its tables, and to say in comments what each column is, takes as long as all else that a small ingest does.
"""

import tempfile
from functools import cache
from pathlib import Path

from pipelines.project import Project
from schemas.contract import Contract
from warehouse.database import _LEFT, WorkingDatabase
from warehouse.folders import PRIVATE_FILE
from warehouse.upkeep import prepare


def begin_with_tables(project: Project) -> None:
    """Give a company that has no working database one with its tables."""
    database = project.database
    if not database.path.exists():
        database.path.touch(mode=PRIVATE_FILE)
        database.path.write_bytes(_made(tuple(database.contracts.items())))
        _LEFT[database.path] = database._looks()


@cache
def _made(contracts: tuple[tuple[str, type[Contract]], ...]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        database = WorkingDatabase(Path(folder) / "working.duckdb", dict(contracts))
        with database.kept_open():
            prepare(database)
        return database.path.read_bytes()
