"""Exports that show only the present: their snapshots together make versions."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from transforms.clean.folding import Folded, Snapshot, Versioning
from transforms.clean.lives import taken_away, torn_now, with_own_lives

NOT_CONTENT = ("export_source", "export_file", "export_line", "exported_at", "changed_at")
"""Columns in which a row may differ without saying anything else."""

OF_THE_ITEM = ("started_on", "ended_on")
"""Columns that are the same in all versions: what the newest snapshot says of them holds for the older ones too."""


def of_days(snapshot: Snapshot, by: Versioning) -> list[Snapshot]:
    """The snapshot, after one for each former day of which its rows tell what was said then.

    Of a thing with several rows the last one is the present.
    """
    former = snapshot.rows.filter(pl.col(by.since) < snapshot.speaks_for)
    days = former[by.since].unique().sort()
    told = [replace(snapshot, speaks_for=day, rows=former.filter(pl.col(by.since) == day)) for day in days]
    ordered = snapshot.rows.sort(by.since, nulls_last=True, maintain_order=True)
    present = ordered.unique(by.key, keep="last", maintain_order=True) if told else snapshot.rows
    return [*told, replace(snapshot, rows=present)]


def fold(start: Folded, snapshots: Iterable[Snapshot], by: Versioning, *, vanished_end: bool) -> Folded:
    """The versions with those that the snapshots show, oldest first.

    What was folded may go on with the snapshots of later days: that makes what all of them at once make. A row is left
    out if the newest snapshot of no series shows it any more, be it in a rejected row. `vanished_end`: it ends there,
    on the day that the snapshot without it speaks for; else it stays as it was, unless it was taken away from a whole
    that is shown with all its parts.
    """
    folded = start
    for speaks_for, told in _by_day(snapshots):
        of_day, history, torn = told, folded.history, folded.torn
        if by.shares_life:
            of_day = [replace(one, rows=with_own_lives(one.rows, folded, by, speaks_for)) for one in told]
            beside_rejected = [one.torn.select(by.key) for one in of_day if one.torn is not None]
            torn = torn_now(folded, beside_rejected, [one.rows.select(by.key) for one in of_day], by)
        for snapshot in of_day:
            history = remember(history, snapshot.rows, by.key, by.since, by.begins, speaks_for)
        every = pl.concat([folded.known, *(snapshot.rows.select(by.key) for snapshot in of_day)])
        shown = dict(folded.shown)
        for snapshot in of_day:
            shown[snapshot.series] = _shown(snapshot, by.key, shown.get(snapshot.series))
        folded = Folded(history, every.unique(maintain_order=True), shown, torn, speaks_for)
        if vanished_end:
            folded = replace(folded, history=_ended(history, folded.left_out, by.key, speaks_for))
        elif by.tells_whole and all(one.rejected is not None for one in of_day):
            folded = replace(folded, history=_ended(history, taken_away(folded, by), by.key, speaks_for))
    return folded


def _shown(snapshot: Snapshot, key: list[str], before: pl.DataFrame | None) -> pl.DataFrame:
    """The keys that a snapshot shows; `before`: those of the one before it, all of which may be in rejected rows."""
    own = snapshot.rows.select(key)
    rejected = snapshot.rejected if snapshot.rejected is not None else before
    return own if rejected is None or rejected.is_empty() else pl.concat([own, rejected.select(key)]).unique()


def _by_day(snapshots: Iterable[Snapshot]) -> list[tuple[dt.date, list[Snapshot]]]:
    days: dict[dt.date, list[Snapshot]] = {}
    for snapshot in snapshots:
        days.setdefault(snapshot.speaks_for, []).append(snapshot)
    return sorted(days.items(), key=lambda entry: entry[0])


def _ended(history: pl.DataFrame, left_out: pl.DataFrame, key: list[str], day: dt.date) -> pl.DataFrame:
    """The history in which what is left out and still runs ends on the day, or on its first if that is later."""
    gone = history.join(left_out.with_columns(is_gone=pl.lit(value=True)), on=key, how="left", maintain_order="left")
    runs = pl.col("ended_on").is_null() | (pl.col("ended_on") > day)
    end = pl.when(pl.col("is_gone") & runs).then(pl.max_horizontal(pl.lit(day), "started_on")).otherwise("ended_on")
    return gone.with_columns(ended_on=end).select(history.columns)


def remember(
    history: pl.DataFrame, snapshot: pl.DataFrame, key: list[str], since: str, begins: str, speaks_for: dt.date
) -> pl.DataFrame:
    """The history with a new version of each row whose content the snapshot shows changed, from `speaks_for` on.

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
    since_shown = pl.max_horizontal(pl.lit(speaks_for), begins)
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
