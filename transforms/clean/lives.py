"""The lives of things that tell no dates of their own but those of what they are part of, as a subscription's items."""

import datetime as dt

import polars as pl

from transforms.clean.folding import Folded, Versioning

LIFE = "/life "
"""What the name of a thing that lives again has behind it, before the number of that life."""


def with_own_lives(rows: pl.DataFrame, before: Folded, by: Versioning, speaks_for: dt.date) -> pl.DataFrame:
    """The rows of a snapshot, each with the start of its own life, as it and the snapshots `before` tell it.

    - A thing that is known keeps its start: what is told now may be that of a later life of the whole.
    - A thing that is new in a whole whose life was shown before begins on the day that the snapshot speaks for; not
      where what was shown of that whole was torn, as then nobody knows whether it was there.
    - A thing that ended and runs again has another life, with a name of its own: it begins with a life of the whole
      that began after its end and is shown for the first time, or else on the day that the snapshot speaks for. An end
      that was only planned, and passed by, was none; nor is one that a snapshot did not show, unless the thing was
      taken away from a whole that it showed.
    """
    *whole, thing = by.key
    known = _last_lives(before.history, by)
    lives = before.history.group_by(whole).agg(pl.col(by.begins).max().alias("last?"))
    shown_whole = lives.join(before.torn.select(whole), on=whole, how="anti")
    beside = (
        rows.join(known, on=by.key, how="left", maintain_order="left")
        .join(shown_whole, on=whole, how="left", maintain_order="left")
        .join(
            _named(before.shown_last, by).with_columns(was_shown=pl.lit(value=True)),
            on=[*by.key, "life?"],
            how="left",
            maintain_order="left",
        )
        .join(
            _named(taken_away(before, by), by).with_columns(was_taken=pl.lit(value=True)),
            on=[*by.key, "life?"],
            how="left",
            maintain_order="left",
        )
    )
    told, end, is_known = pl.col(by.begins), pl.col("ended_on"), pl.col("life?").is_not_null()
    runs = end.is_null() | (end > speaks_for)
    is_shown, began_after = told <= pl.col("last?"), told > pl.col("end?")
    was_over = (pl.col("was_shown") | pl.col("was_taken")) & (pl.col("end?") <= pl.lit(before.until, pl.Date)) & runs
    is_again = (began_after | was_over).fill_null(value=False)
    begun = (
        pl.when(is_again)
        .then(pl.when(began_after & is_shown.not_().fill_null(value=True)).then(told).otherwise(pl.lit(speaks_for)))
        .when(is_known)
        .then("begun?")
        .when(is_shown)
        .then(pl.max_horizontal(told, pl.min_horizontal(pl.lit(speaks_for), end)))
        .otherwise(told)
    )
    number = pl.col("life?") + is_again.cast(pl.Int64)
    name = pl.when(number > 1).then(pl.concat_str(thing, pl.lit(LIFE), number)).otherwise(thing)
    return beside.with_columns(
        name.alias(thing),
        begun.alias(by.begins),
        ended_on=pl.when(end.is_not_null()).then(pl.max_horizontal(end, begun)),
    ).select(rows.columns)


def _last_lives(history: pl.DataFrame, by: Versioning) -> pl.DataFrame:
    """Of each thing its last life: the number, the start and the end."""
    each = history.unique(by.key, keep="last", maintain_order=True)
    told = _named(each.select(*by.key, **{"begun?": by.begins, "end?": "ended_on"}), by)
    return told.sort("life?", maintain_order=True).unique(by.key, keep="last", maintain_order=True)


def _named(things: pl.DataFrame, by: Versioning) -> pl.DataFrame:
    """The things under the names of their first lives, with the number of the life."""
    thing = pl.col(by.key[-1])
    pattern = rf"{LIFE}(\d+)$"
    return things.with_columns(
        thing.str.replace(pattern, "").alias(by.key[-1]),
        thing.str.extract(pattern).cast(pl.Int64).fill_null(1).alias("life?"),
    )


def taken_away(folded: Folded, by: Versioning) -> pl.DataFrame:
    """The keys of what is left out of a whole that is shown; not where what is shown of it is torn."""
    shown = folded.shown_last.select(by.whole)
    left_out = folded.left_out.join(shown, on=by.whole, how="semi", maintain_order="left")
    return left_out.join(folded.torn.select(by.whole), on=by.whole, how="anti", maintain_order="left")


def torn_now(before: Folded, torn: list[pl.DataFrame], shown: list[pl.DataFrame], by: Versioning) -> pl.DataFrame:
    """The keys of what stood beside rejected rows when it was shown last."""
    whole_again = before.torn.join(pl.concat(shown), on=by.whole, how="anti", maintain_order="left")
    return pl.concat([whole_again, *torn]).unique(maintain_order=True)
