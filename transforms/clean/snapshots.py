"""Exports that show only the present: their snapshots together make versions."""

import datetime as dt

import polars as pl

NOT_CONTENT = ("export_source", "export_file", "export_line", "exported_at")


def remember(
    history: pl.DataFrame, snapshot: pl.DataFrame, key: list[str], since: str, begins: str, shown_on: dt.date
) -> pl.DataFrame:
    """The history with a new version of each row whose content the snapshot shows changed, from `shown_on` on.

    A row seen for the first time speaks from its own beginning (column `begins`); where that is empty, always.
    A row that a snapshot no longer shows stays: a deletion changes no history.
    """
    content = [name for name in snapshot.columns if name not in (*NOT_CONTENT, *key, since)]
    last = history.sort(since, nulls_last=False).group_by(key, maintain_order=True).last()
    compared = snapshot.join(
        last.select(*key, *(pl.col(name).alias(f"{name}?") for name in content), known=pl.lit(value=True)),
        on=key,
        how="left",
        maintain_order="left",
    )
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}?")) for name in content)
    is_new = pl.col("known").is_null()
    added = compared.filter(is_new | changed).with_columns(
        pl.when(is_new).then(pl.col(begins)).otherwise(pl.lit(shown_on)).alias(since)
    )
    return pl.concat([history, added.select(history.columns)])


def latest_by_key(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Of rows with one key in several files, that of the newest export."""
    order = ["exported_at", "export_file", "export_line"]
    return frame.sort(order).unique(key, keep="last", maintain_order=True) if key else frame
