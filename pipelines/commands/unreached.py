"""Loaded rows that reach no published number, in words."""

import polars as pl


def left_out(rows: pl.DataFrame) -> list[str]:
    """A line for each canonical table of which loaded rows reach no published number: how many, and why."""
    lines = []
    for (table,), of_table in rows.sort("table_name").group_by("table_name", maintain_order=True):
        reasons = of_table.group_by("reason").agg(pl.col("rows").sum()).sort("reason")
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.iter_rows())
        lines.append(f"{of_table['rows'].sum():,} loaded rows of {table} reach no number ({told})")
    return lines
