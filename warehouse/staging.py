"""Staged tables: the canonical tables, validated and clean, as Parquet files only runs read."""

import os
from pathlib import Path

import polars as pl

from schemas.contract import Contract
from warehouse.folders import PRIVATE_FILE, Folders


def staged_path(folders: Folders, table: str) -> Path:
    """The file of a staged table."""
    return folders.staged / f"{table}.parquet"


def write_staged(folders: Folders, table: str, frame: pl.DataFrame) -> None:
    """Replace a staged table; whoever reads sees the old rows or the new."""
    path = staged_path(folders, table)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
    frame.write_parquet(part)
    part.replace(path)


def read_staged(folders: Folders, table: str, contract: type[Contract]) -> pl.DataFrame:
    """A staged table's rows; none if it was never staged."""
    path = staged_path(folders, table)
    return contract.shaped(pl.read_parquet(path)) if path.exists() else contract.blank()


def write_quarantined(folders: Folders, table: str, rejects: pl.DataFrame, raw: pl.DataFrame) -> None:
    """Keep the raw text of rejected rows beside their reasons, private and never published."""
    path = folders.quarantine / f"{table}.csv"
    path.unlink(missing_ok=True)
    if rejects.is_empty():
        return
    path.touch(mode=PRIVATE_FILE)
    rejects.join(raw, on=["export_file", "export_line"], how="left").write_csv(path)
