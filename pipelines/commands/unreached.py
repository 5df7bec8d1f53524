"""Loaded rows that reach no metric, in words."""

import polars as pl

from warehouse.pasted import make


def left_out(rows: pl.DataFrame) -> list[str]:
    """A line for each canonical table of which loaded rows reach no metric: how many, and why."""
    lines = []
    for (table,), of_table in rows.sort("table_name").group_by("table_name", maintain_order=True):
        reasons = of_table.group_by("reason").agg(pl.col("rows").sum()).sort("reason")
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.iter_rows())
        lines.append(f"{of_table['rows'].sum():,} loaded rows of {table} reach no metric ({told})")
    return lines


def left_out_in_all(rows: pl.DataFrame) -> str | None:
    """How many loaded rows of all tables reach no metric, and why; None: each does."""
    if rows.is_empty():
        return None
    reasons = rows.group_by("reason").agg(pl.col("rows").sum()).sort("rows", "reason", descending=[True, False])
    told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.iter_rows())
    return f"{rows['rows'].sum():,} loaded rows reach no metric ({told}); by table: {make('doctor')}"
