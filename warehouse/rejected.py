"""What was quarantined, for who looks for it in vain: nothing is missing that was rejected."""

import polars as pl

from schemas.contract import Contract
from schemas.operations import Quarantine
from warehouse.csv_file import HEADER_AGAIN
from warehouse.database import WorkingDatabase
from warehouse.validation import REPEATED

DAY = r"^\s*([12]\d{3}-(?:0[1-9]|1[0-2]))-\d\d(?:\D|$)"
"""A day as a file writes it, from which its month is read."""
NAMED = 3
"""So many rejected rows are named."""


def of_rows(rejects: pl.DataFrame) -> pl.DataFrame:
    """The rejects of what is a row by itself: no copy of another, and no header that stands again."""
    none = (
        rejects.filter(pl.col("reason").is_in([REPEATED, HEADER_AGAIN])).select("export_file", "export_line").unique()
    )
    return rejects.join(none, on=["export_file", "export_line"], how="anti", maintain_order="left")


def rejected_of(database: WorkingDatabase, table: str) -> str:
    """The rejected rows of a canonical table, in words for the end of a message."""
    rows = database.read(Quarantine.table(), where={"table_name": [table]}).sort("file", "line", "column_name")
    if rows.is_empty():
        return f"; no row of {table} was quarantined"
    number = rows.select("file", "line").unique().height
    named = "; ".join(
        f"{file}, line {line}{f', {column}' if column else ''}: {reason}"
        for file, line, column, reason in rows.select("file", "line", "column_name", "reason").head(NAMED).iter_rows()
    )
    count = f"{number} rows of {table} were" if number > 1 else f"1 row of {table} was"
    return f". It may be among what was rejected: {count} quarantined ({named}); mend the file, or its form"


def dated(rejects: pl.DataFrame, raw: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rejects with the `month` that the text of their row (in `raw`) is dated in; NULL where none can be read."""
    if rejects.is_empty():
        return rejects.with_columns(month=pl.lit(None, pl.Date))
    named = [pl.col(name).str.extract(DAY) for name in contract.dated_by() if name in raw.columns]
    month = (pl.coalesce([*named, pl.lit(None, pl.String)]) + "-01").str.to_date("%Y-%m-%d")
    where = ["export_source", "export_file", "export_line"]
    return rejects.join(raw.select(*where, month=month), on=where, how="left", maintain_order="left")


def rejected_in_all(quarantine: pl.DataFrame) -> str:
    """The rejected rows of each table with the place of the first, in one line; empty where there are none."""
    rows = quarantine.unique(["table_name", "file", "line"]).sort("table_name", "file", "line")
    counted = rows.group_by("table_name", maintain_order=True).agg(pl.len(), pl.col("file", "line").first())
    return ", ".join(
        f"{table} {count:,} ({'' if count == 1 else 'first '}{file}, line {line})"
        for table, count, file, line in counted.iter_rows()
    )
