"""Staged tables: the canonical tables, validated and clean, as Parquet files only runs read."""

import os
from pathlib import Path

import polars as pl

from schemas.contract import Contract
from warehouse.errors import DamagedError
from warehouse.folders import PRIVATE_FILE, Folders
from warehouse.landing import sha256_of
from warehouse.pasted import make


def staged_path(folders: Folders, table: str) -> Path:
    """The file of a staged table."""
    return folders.staged / f"{table}.parquet"


def write_staged(folders: Folders, table: str, frame: pl.DataFrame) -> str:
    """Replace a staged table; whoever reads sees the old rows or the new. The SHA-256 of its file."""
    path = staged_path(folders, table)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
    frame.write_parquet(part)
    sha256 = sha256_of(part)
    part.replace(path)
    return sha256


def is_staged(folders: Folders, table: str, sha256: str | None) -> bool:
    """Whether the file that was written is there, whole: not another table's, not cut, not edited."""
    path = staged_path(folders, table)
    return sha256 is not None and path.is_file() and sha256_of(path) == sha256


def read_staged(folders: Folders, table: str, contract: type[Contract], sha256: str) -> pl.DataFrame:
    """A staged table's rows, of the very file that was written.

    Raises:
        DamagedError: another file is there, or none; to read it as no rows would publish their absence.
    """
    path = staged_path(folders, table)
    if not is_staged(folders, table, sha256):
        how = "is not what was staged" if path.exists() else "is gone"
        raise DamagedError(f"staged/{path.name} {how}: {make('run')} makes it again from the landed files")
    return contract.shaped(pl.read_parquet(path))


def read_quarantined(folders: Folders, table: str) -> pl.DataFrame:
    """The rejected rows of a table as text, with their reasons; no columns where none was rejected."""
    path = folders.quarantine / f"{table}.csv"
    return pl.read_csv(path, infer_schema=False) if path.exists() else pl.DataFrame()


def write_quarantined(folders: Folders, table: str, rejects: pl.DataFrame, raw: pl.DataFrame) -> None:
    """Keep the raw text of rejected rows beside their reasons, private and never published."""
    path = folders.quarantine / f"{table}.csv"
    path.unlink(missing_ok=True)
    if rejects.is_empty():
        return
    path.touch(mode=PRIVATE_FILE)
    rejects.join(raw, on=["export_source", "export_file", "export_line"], how="left").write_csv(path)
