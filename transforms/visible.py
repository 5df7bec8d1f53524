"""What of a table can be seen: on a day, from a month. Rows that a window does not cover are not there."""

import datetime as dt
from collections.abc import Iterable, Mapping
from itertools import chain

import polars as pl

from schemas.contract import Column, Contract
from schemas.keys import is_repeated
from transforms.calendar import local_day, month_start, next_month
from transforms.earliest import ROW, sent_again
from transforms.engine import collected, lazily

MANY = 100_000
"""Of so many rows it pays to look first for those that may be asked for at all."""
LATER = dt.date(9999, 12, 31)
"""A planned day that lies beyond what a month sees, where to have none would mean something else."""


def _day(name: str, contract: type[Contract], time_zone: str) -> pl.Expr:
    """A column's day in the reporting time zone."""
    return pl.col(name) if contract.dtypes()[name] == pl.Date else local_day(pl.col(name), time_zone)


def days_of(contract: type[Contract], time_zone: str) -> list[pl.Expr]:
    """Every day that a row of the contract names, but for when it was exported."""
    names = (name for name, dtype in contract.dtypes().items() if dtype.is_temporal() and name != "exported_at")
    return [_day(name, contract, time_zone) for name in names]


def own_day(contract: type[Contract], time_zone: str) -> pl.Expr:
    """The day that dates a row; NULL where nothing does."""
    days = [_day(name, contract, time_zone) for name in contract.dated_by()]
    return pl.coalesce(days) if days else pl.lit(None, pl.Date)


def seen_on(frame: pl.DataFrame, contract: type[Contract], as_of: dt.date, time_zone: str) -> pl.DataFrame:
    """The rows as `as_of` knows them.

    A row whose own date is later is not there, unless a planned day dates it, too: it was known ahead. A date that
    states what happened is empty if it is later, and so is what was told with it; what is planned (ends, terms, due
    days) stays. An outcome that is told without a day counts on the day it was due, so that an empty day never stands
    for a later one. Of answers that were given again those speak that `speaking` says.
    """
    there = without_after(frame, contract, as_of, time_zone)
    rows = _without_later(_with_days_of_outcomes(there, contract), contract, as_of, time_zone)
    repeats = contract.repeats()
    return speaking(rows, contract, time_zone) if repeats and repeats[0] == "last" else rows


def only(frame: pl.DataFrame, condition: pl.Expr, unless: pl.Expr | None = None) -> pl.DataFrame:
    """The rows for which a condition holds; the frame itself where that is all, as a filter would copy it.

    `unless`: where the condition may not hold, which is easier to tell; elsewhere it does.
    """
    asked = frame if unless is None or frame.height < MANY else _where(frame, _told(frame, unless, unknown=True))
    holds = _told(asked, condition)
    if holds.all():
        return frame
    return _where(frame, holds if asked is frame else _told(frame, condition))


def is_one(values: pl.Series) -> bool:
    """Whether all rows have one value: to look whether they do takes a tenth of the time that grouping by it takes."""
    if values.is_empty() or values[0] is None:
        return False
    return values.null_count() == 0 and bool((values == values[0]).all())


def _told(frame: pl.DataFrame, condition: pl.Expr, *, unknown: bool = False) -> pl.Series:
    """Of each row whether the condition holds; of one that names no column, as where nothing dates, a single word."""
    return frame.select(condition.fill_null(value=unknown)).to_series()


def _where(frame: pl.DataFrame, holds: pl.Series) -> pl.DataFrame:
    """The rows of which it holds. Polars, on several cores, fails to filter 16,384 rows by a condition of no column."""
    if holds.len() == frame.height:
        return frame.filter(holds)
    return frame if holds.all() else frame.clear()


def without_after(frame: pl.DataFrame, contract: type[Contract], day: dt.date, time_zone: str) -> pl.DataFrame:
    """The rows but those of which `is_after` says that they are dated after the day."""
    may_be = pl.any_horizontal(
        pl.lit(value=False), *(_may_be_after(name, contract, day) for name in contract.dated_by())
    )
    return only(frame, ~is_after(contract, day, time_zone), unless=may_be)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def _may_be_after(name: str, contract: type[Contract], day: dt.date) -> pl.Expr:
    """Whether a column's day may be after the day, wherever the company reports; it is not where there is none.

    To tell an instant's day in a time zone takes thirty times longer, and nearly all instants are long before.
    """
    # No zone is a day ahead of UTC.
    least = pl.lit(day) if contract.dtypes()[name] == pl.Date else pl.lit(_midnight(day))
    return (pl.col(name) >= least).fill_null(value=False)


def is_surely_from(contract: type[Contract], day: dt.date) -> pl.Expr:
    """Whether a row names a day, but for when it was exported, from the day on, wherever the company reports."""
    times = {name: dtype for name, dtype in contract.dtypes().items() if dtype.is_temporal() and name != "exported_at"}
    # No zone is a day behind UTC.
    least = {name: day if dtype == pl.Date else _midnight(day) + dt.timedelta(days=1) for name, dtype in times.items()}
    named = (pl.col(name) >= pl.lit(value) for name, value in least.items())
    return pl.any_horizontal(pl.lit(value=False), *named).fill_null(value=False)


def is_after(contract: type[Contract], day: dt.date, time_zone: str) -> pl.Expr:
    """Whether a row is dated after the day, and was not known ahead."""
    planned = {field.name for field in contract.fields() if field.moment == "planned"}
    own = {name: _day(name, contract, time_zone) for name in contract.dated_by()}
    is_later = pl.coalesce([pl.lit(None, pl.Date), *(day for name, day in own.items() if name not in planned)]) > day
    has_plan = pl.any_horizontal(
        pl.lit(value=False), *(day.is_not_null() for name, day in own.items() if name in planned)
    )
    return ~has_plan & is_later.fill_null(value=False)


def _with_days_of_outcomes(frame: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rows in which every outcome that is told has a day."""
    outcome = contract.told_outcome()
    if outcome is None:
        return frame
    due = pl.when(pl.col(outcome.column) == outcome.told).then(pl.coalesce(outcome.due))
    return frame.with_columns(pl.coalesce(outcome.day, due).alias(outcome.day))


def held(frame: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The versions with what belongs to the thing itself (an item's end) as the last of them tells it."""
    names = contract.held_by_last()
    if not names:
        return frame
    thing = [name for name in contract.grain() if name not in contract.versioned_by()]
    order = [pl.coalesce(contract.dated_by()), *contract.versioned_by()[1:]]
    return frame.with_columns(pl.col(name).sort_by(order).last().over(thing) for name in names)


def _without_later(frame: pl.DataFrame, contract: type[Contract], day: dt.date, time_zone: str) -> pl.DataFrame:
    """The rows without what happened after the day, and without what is told with it."""
    happened = {field.name: (field.name,) for field in contract.fields() if field.moment == "happened"}
    told_when = {name: when for name, when in (happened | contract.told_with()).items() if name in frame.columns}
    # A value without a day of its own is known with its row.
    seen = {name: pl.coalesce([_day(one, contract, time_zone) for one in when]) for name, when in told_when.items()}
    told_later = _told_later(frame, contract, day, seen, told_when) if frame.height >= MANY else seen
    known = [
        pl.when(when.is_null() | (when <= day)).then(pl.col(name)).alias(name)
        for name, when in seen.items()
        if name in told_later
    ]
    outcome = contract.told_outcome()
    if outcome is not None:
        later = (pl.col(outcome.column) == outcome.told) & (_day(outcome.day, contract, time_zone) > day)
        known.append(pl.when(later).then(pl.lit(outcome.before)).otherwise(outcome.column).alias(outcome.column))
    return frame.with_columns(known) if known else frame


def _told_later(
    frame: pl.DataFrame,
    contract: type[Contract],
    day: dt.date,
    seen: Mapping[str, pl.Expr],
    told_when: Mapping[str, Iterable[str]],
) -> set[str]:
    """The columns of which something was told after the day; mostly none is."""
    may_be = (_may_be_after(name, contract, day) for name in dict.fromkeys(chain(*told_when.values())))
    near = only(frame, pl.any_horizontal(pl.lit(value=False), *may_be))
    found = near.select((when > day).any().alias(name) for name, when in seen.items())
    return {name for name in seen if found[name].item()}


def of_each(frame: pl.DataFrame, contract: type[Contract], within: tuple[str, ...] = ()) -> pl.DataFrame:
    """One row of each key of a source, where the contract says which: the first, or the last, by some instant.

    With `within` one of each value of these columns, too.

    A row without the instant comes before all others as the last, and after them as the first. At one instant the
    newest export counts, and in a file the row that stands first, or last.
    """
    repeats = contract.repeats()
    if repeats is None:
        return frame
    which, by = repeats
    key = [*_key(contract), *within]
    # What is one and the same in all rows tells none of them apart, and takes as long to look at.
    if not is_repeated(frame, [name for name in key if not is_one(frame[name])] or key):
        return frame
    if which == "first":
        again = collected(sent_again(lazily(frame), key, by))
        return frame.join(again, on=ROW, how="anti", maintain_order="left")
    order = [by, "exported_at", "export_file", "export_line"]
    return frame.sort(order, descending=True, nulls_last=True).unique(key, keep="first", maintain_order=True)


def _key(contract: type[Contract]) -> list[str]:
    """What tells the things of a canonical table apart."""
    return list(dict.fromkeys(["export_source", *contract.grain()]))


def speaking(frame: pl.DataFrame, contract: type[Contract], time_zone: str) -> pl.DataFrame:
    """The rows that count of those with one key of a source.

    Of events the earliest. Of answers the last of each month, as a month that is over does not lose the answer that it
    was told when another is given later; a row without an answer counts where there is no other.
    """
    repeats = contract.repeats()
    if repeats is None or repeats[0] == "first":
        return of_each(frame, contract)
    month = month_start(_day(repeats[1], contract, time_zone))
    last = of_each(frame.with_columns(speaks_in=month), contract, ("speaks_in",))
    answered = last.drop_nulls("speaks_in")
    unanswered = last.filter(pl.col("speaks_in").is_null()).join(
        answered, on=_key(contract), how="anti", maintain_order="left"
    )
    return pl.concat([answered, unanswered]).drop("speaks_in")


def day_by(by: str | None, contract: type[Contract], time_zone: str) -> pl.Expr:
    """The day that a column tells of a row, or (None) the day that dates it; NULL where nothing does."""
    return own_day(contract, time_zone) if by is None else _day(by, contract, time_zone)


def dated_in(
    frame: pl.DataFrame,
    contract: type[Contract],
    first: dt.date | None,
    last: dt.date,
    time_zone: str,
    by: str | None = None,
) -> pl.DataFrame:
    """The rows dated, `by` a column or by their own day, in the months from `first` (None: the beginning) to `last`."""
    month = month_start(day_by(by, contract, time_zone))
    within = month <= last if first is None else month.is_between(first, last)
    dated_by = (by,) if by else contract.dated_by()
    if frame.height >= MANY and len(dated_by) == 1 and contract.dtypes()[dated_by[0]] != pl.Date:
        # What is more than a day outside is so in every time zone.
        instant, day = pl.col(dated_by[0]), dt.timedelta(days=1)
        frame = only(frame, instant < pl.lit(_midnight(next_month(last)) + day))
        frame = frame if first is None else only(frame, instant >= pl.lit(_midnight(first) - day))
    return only(frame, within)


def known_by(
    frame: pl.DataFrame, contract: type[Contract], day: dt.date, plans_until: dt.date, time_zone: str
) -> pl.DataFrame:
    """A history as it was known by the end of `day`: rows that had begun, without what happened later.

    A planned day after `plans_until` is not seen: it is empty where an empty one means no other thing than a later one
    (an end, a pause), and else LATER (a trial that has an end is one with dates).
    """
    begun = own_day(contract, time_zone)
    rows = _without_later(only(frame, begun.is_null() | (begun <= day)), contract, day, time_zone)

    def beyond(field: Column) -> pl.Expr:
        instead = pl.lit(None, pl.Date) if field.open_ended else pl.lit(LATER)
        name = pl.col(field.name)
        return pl.when(name > plans_until).then(instead).otherwise(name).alias(field.name)

    own = set(contract.dated_by())
    planned = [field for field in contract.fields() if field.moment == "planned" and field.name not in own]
    return rows.with_columns(beyond(field) for field in planned)
