"""What readers have, and what changed since it was published."""

from collections.abc import Iterator

import duckdb
import polars as pl

from pipelines.project import Project
from schemas.contract import Contract
from schemas.operations import ExportFile, Publication


def published(project: Project, contract: type[Contract]) -> pl.DataFrame:
    """A table as readers have it; without rows where their version is from before there was such a table."""
    with duckdb.connect(str(project.folders.published_database), read_only=True) as readers:
        there = readers.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [contract.table()]).fetchall()
        if not there:
            return contract.blank()
        return contract.shaped(readers.sql(f"SELECT * FROM {contract.table()}").pl())  # noqa: S608


def changed(project: Project, row: dict[str, object]) -> Iterator[str]:
    """What is not as it was for what readers have, in words: files, config, code, as_of.

    `row` is what the publication would say of itself.
    """
    was = published(project, Publication).sort("version").row(-1, named=True)
    before = published(project, ExportFile)
    named = ["source", "table_name", "file"]
    now = project.database.read(ExportFile.table())
    new, gone = now.join(before, on=[*named, "sha256"], how="anti"), before.join(now, on=named, how="anti")
    yield from sorted(set(new["file"]))
    yield from (f"{file}, which no longer speaks" for file in sorted(set(gone["file"])))
    for name, words in {"config_sha256": "the config", "code_version": "the program", "as_of": "as_of"}.items():
        if was[name] != row[name]:
            yield words
