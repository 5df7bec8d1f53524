"""Exports that show only the present: their snapshots together make versions."""

import datetime as dt

import polars as pl

NOT_CONTENT = ("export_source", "export_file", "export_line", "exported_at")


OF_THE_ITEM = ("started_on", "ended_on")
"""Columns that are the same in all versions: what the newest snapshot says of them holds for the older ones too."""


def remember(
    history: pl.DataFrame, snapshot: pl.DataFrame, key: list[str], since: str, begins: str, shown_on: dt.date
) -> pl.DataFrame:
    """The history with a new version of each row whose content the snapshot shows changed, from `shown_on` on.

    A row seen for the first time speaks from its own beginning (column `begins`), and so does a change before it;
    where that is empty, always. A row that a snapshot no longer shows stays: a deletion changes no history.
    """
    fixed = [name for name in OF_THE_ITEM if name in snapshot.columns]
    content = [name for name in snapshot.columns if name not in (*NOT_CONTENT, *key, *fixed, since)]
    last = history.sort(since, nulls_last=False, maintain_order=True).group_by(key, maintain_order=True).last()
    before = last.select(*key, *(pl.col(name).alias(f"{name}?") for name in content), known=pl.lit(value=True))
    compared = snapshot.join(before, on=key, how="left", maintain_order="left")
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}?")) for name in content)
    is_new = pl.col("known").is_null()
    since_shown = pl.max_horizontal(pl.lit(shown_on), begins)
    added = compared.filter(is_new | changed).with_columns(
        pl.when(is_new).then(pl.col(begins)).otherwise(since_shown).alias(since)
    )
    versions = pl.concat([_corrected(history, snapshot, key, fixed), added.select(history.columns)])
    return versions.unique([*key, since], keep="last", maintain_order=True)


def _corrected(history: pl.DataFrame, snapshot: pl.DataFrame, key: list[str], fixed: list[str]) -> pl.DataFrame:
    """The history with what belongs to the item as the snapshot shows it."""
    if not fixed:
        return history
    shown = snapshot.select(*key, *(pl.col(name).alias(f"{name}?") for name in fixed), is_shown=pl.lit(value=True))
    joined = history.join(shown, on=key, how="left", maintain_order="left")
    return joined.with_columns(
        pl.when("is_shown").then(pl.col(f"{name}?")).otherwise(pl.col(name)).alias(name) for name in fixed
    ).select(history.columns)


def earliest_known(history: pl.DataFrame, name: str, lacking: list[dt.datetime]) -> pl.DataFrame:
    """The versions of accounts in which a column that some exports did not have yet is as the next version has it.

    `lacking` names those exports by their instants. Nobody said that the attribute was empty then; as before the first
    snapshot, the earliest known holds.
    """
    has_told = ~pl.col("exported_at").is_in(lacking)
    # A told null stays one: it is inside a value that is none.
    told = pl.when(has_told).then(pl.struct(value=name))
    ordered = history.sort("account_id", "known_from", nulls_last=False, maintain_order=True)
    return ordered.with_columns(told.backward_fill().over("account_id").struct.field("value").alias(name))


def latest_by_key(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Of rows with one key in several files, that of the newest export."""
    order = ["exported_at", "export_file", "export_line"]
    return frame.sort(order).unique(key, keep="last", maintain_order=True) if key else frame
