"""Trials: when an item was on trial, and whether its account paid before and after."""

import datetime as dt

import polars as pl

from schemas.billing import FctTrial
from transforms.calendar import month_start
from transforms.declaration import History, Months, monthly
from transforms.facts.filing import filed
from transforms.facts.service import ITEM, spoken_versions

TO_PAY = pl.duration(days=30)
MONTHS_AHEAD = 3
"""Months after that of its start for which the fact follows a trial."""


# A trial is followed for three months after the one it started in.
@monthly(
    subscription_items=History(ahead=MONTHS_AHEAD),
    paying_turns=Months(ahead=MONTHS_AHEAD),
    provisional_days=31 * MONTHS_AHEAD,
)
def fct_trial(
    subscription_items: pl.DataFrame,
    paying_turns: pl.DataFrame,
    dim_month: pl.DataFrame,
    as_of: dt.date,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract. What comes later than three months after the month of the start is not there.

    So a month is the same whenever it is built; of trials longer than two months only `trials` tells all.
    """
    window_end = pl.col("month").dt.offset_by(f"{MONTHS_AHEAD + 1}mo").dt.offset_by("-1d")
    rows = (
        trials(subscription_items, paying_turns, as_of)
        .with_columns(month=month_start(pl.col("trial_started_on")))
        .with_columns(window_end=window_end)
        .with_columns(
            pl.when(pl.col(name) <= pl.col("window_end")).then(pl.col(name)).alias(name)
            for name in ("trial_ends_on", "trial_ended_on", "first_paid_after")
        )
    )
    converted = is_converted()
    followed = converted | (pl.col("trial_ended_on") + TO_PAY <= pl.col("window_end"))
    known = rows.with_columns(is_converted=pl.when(followed).then(converted)).with_columns(decided_on=decided_on())
    later = pl.max_horizontal("trial_ended_on", "first_paid_after", "decided_on")
    kept = filed(known.with_columns(source="export_source"), dim_month, computed_from, later)
    return FctTrial.shaped(kept).sort("source", "subscription_id", "item_id", "trial_started_on")


def is_converted() -> pl.Expr:
    """Whether the account's first paying day since the start is at most 30 days after the end; NULL before the end."""
    in_time = (pl.col("first_paid_after") <= pl.col("trial_ended_on") + TO_PAY).fill_null(value=False)
    return pl.when(pl.col("trial_ended_on").is_not_null()).then(in_time)


def decided_on() -> pl.Expr:
    """Day from which `is_converted` is final."""
    converted, end = pl.col("is_converted"), pl.col("trial_ended_on")
    return pl.when(converted).then(pl.max_horizontal("first_paid_after", end)).when(~converted).then(end + TO_PAY)


def trials(items: pl.DataFrame, paying_turns: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """One row per trial begun by `as_of`, with what had happened by then.

    Columns: those of ITEM, account_id, plan, trial_started_on, trial_ends_on (planned), trial_ended_on,
    was_paying_before, first_paid_after.
    """
    turns = paying_turns.filter(pl.col("day") <= as_of)
    begun = trial_runs(items).filter(pl.col("trial_started_on") <= as_of)
    past = (
        pl.when(pl.col(name) <= as_of).then(pl.col(name)).alias(name) for name in ("trial_ends_on", "trial_ended_on")
    )
    dated = begun.with_columns(*past, day_before=pl.col("trial_started_on") - pl.duration(days=1))
    before = _state_on(dated, turns, "day_before").rename({"pays": "was_paying_before"})
    at_start = _state_on(before, turns, "trial_started_on")
    later = turns.filter("pays").select("account_id", next_paid="day").sort("next_paid")
    return (
        at_start.sort("trial_started_on")
        .join_asof(
            later,
            left_on="trial_started_on",
            right_on="next_paid",
            by="account_id",
            strategy="forward",
            check_sortedness=False,
        )
        .with_columns(first_paid_after=pl.when("pays").then("trial_started_on").otherwise("next_paid"))
        .drop("day_before", "pays", "next_paid")
    )


def trial_runs(items: pl.DataFrame) -> pl.DataFrame:
    """One row per unbroken stretch of days on which an item in service is on trial.

    By its dates; by its flag where they have no end. trial_ended_on is the first day out: the planned end, the end of
    service, or the first day of a version that is not on trial, whichever is first; FOREVER, where none is known.
    """
    begins, ends = pl.col("trial_started_on"), pl.col("trial_ends_on")
    flagged = pl.col("is_trial").fill_null(value=False)
    until = pl.when(ends.is_not_null()).then(pl.min_horizontal(ends, "to_day")).when(flagged).then("to_day")
    pieces = (
        spoken_versions(items)
        .with_columns(piece_from=pl.max_horizontal("from_day", begins), piece_to=until)
        .filter(pl.col("piece_from") < pl.col("piece_to"))
        .sort(*ITEM, "piece_from")
    )
    apart = (pl.col("piece_from") > pl.col("piece_to").shift(1)).fill_null(value=False)
    return (
        pieces.with_columns(run=apart.cast(pl.Int64).cum_sum().over(ITEM))
        .group_by(*ITEM, "run", maintain_order=True)
        .agg(
            pl.col("account_id", "plan").first(),
            pl.col("trial_ends_on").last(),
            trial_started_on=pl.col("piece_from").first(),
            trial_ended_on=pl.col("piece_to").last(),
        )
        .drop("run")
    )


def _state_on(rows: pl.DataFrame, turns: pl.DataFrame, day: str) -> pl.DataFrame:
    """The rows with `pays`: whether the account pays on the day that the column names."""
    return (
        rows.sort(day)
        .join_asof(
            turns.sort("day").rename({"day": "turned_on"}),
            left_on=day,
            right_on="turned_on",
            by="account_id",
            check_sortedness=False,
        )
        .with_columns(pl.col("pays").fill_null(value=False))
        .drop("turned_on")
    )
