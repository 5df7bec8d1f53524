"""Who reads what: a function with how far it reads, itself or through intermediate results."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from schemas.config import Config
from schemas.tables import CANONICAL, WHOLE
from transforms.calendar import add_months, next_month
from transforms.catalogue import CATALOGUE, MONTHLY_TABLES
from transforms.declaration import (
    ALL,
    INTERMEDIATES,
    METRIC_TABLES,
    READABLE,
    THE_MONTH,
    Depth,
    History,
    Months,
    Reads,
    Whole,
    Window,
    depth,
    parameters,
    window_of,
)
from transforms.metrics.definition import Metric

UNPARTITIONED = {*CANONICAL, *WHOLE}
"""Tables without months of their own: a month sees what its window shows of them."""


@dataclass(frozen=True)
class Reader:
    """A function with how far it reads."""

    function: Callable[..., object]
    reads: Reads
    provisional_days: Depth = 0
    metrics: tuple[Metric, ...] = ()
    """The metrics whose values or parts it reads."""
    shared: str | None = None
    """The table that it may be given in shares of the accounts."""

    def call(self, given: dict[str, object]) -> pl.DataFrame:
        """What the function makes of what it is given."""
        made = self.function(**given)
        if not isinstance(made, pl.DataFrame):
            raise TypeError(f"{self.function.__name__} made {type(made).__name__}, not a frame")
        return made


def chosen(predicate: Callable[..., bool] | None, config: Config) -> tuple[Metric, ...]:
    """The metrics of the catalogue that a table's `metrics` chooses under a config."""
    return tuple(metric for metric in CATALOGUE.values() if predicate and predicate(metric, config))


def resolved(window: Window, config: Config) -> Window:
    """A window with its depths as numbers."""
    if isinstance(window, Months):
        back, ahead, earlier = (depth(each, config) for each in (window.back, window.ahead, window.earlier))
        return replace(window, back=back, ahead=ahead, earlier=earlier)
    if isinstance(window, History):
        return History(depth(window.ahead, config), depth(window.plans, config), window.as_told)
    return window


def last_day(month: dt.date) -> dt.date:
    """Last day of a month."""
    return next_month(month) - dt.timedelta(days=1)


def until(as_of: dt.date, month: dt.date, days: int) -> dt.date:
    """How far the passing of days reaches into a month: to `as_of`, or so many days after the month's end."""
    return min(as_of, last_day(month) + dt.timedelta(days=days))


def keeps_earlier(table: str) -> bool:
    """Whether with the first computed month of a table lie rows of earlier ones."""
    return table in MONTHLY_TABLES and "computed_from" in parameters(MONTHLY_TABLES[table].function)


def earliest(window: Months, first: dt.date, computed_from: dt.date) -> dt.date | None:
    """First month of a resolved window on a canonical table, around months from `first` on; None: the beginning."""
    back, _ = numbers(window)
    earlier = window.earlier if first == computed_from else 0
    if back is ALL or earlier is ALL:
        return None
    if callable(earlier):
        raise TypeError(f"{window} is not resolved")
    return add_months(first, -max(back, earlier))


def numbers(window: Months) -> tuple[int | None, int]:
    """`back` and `ahead` of a resolved window."""
    if callable(window.back) or not isinstance(window.ahead, int):
        raise TypeError(f"{window} is not resolved")
    return window.back, window.ahead


def history_days(window: History, month: dt.date) -> tuple[dt.date, dt.date]:
    """Of a resolved window: the day by which something was known, and the day until which plans are seen."""
    if not isinstance(window.ahead, int) or not isinstance(window.plans, int):
        raise TypeError(f"{window} is not resolved")
    known = add_months(month, window.ahead)
    return last_day(known), last_day(add_months(known, window.plans))


def read_tables(reader: Reader) -> Iterator[tuple[str, Window]]:
    """The tables that a reader reads, itself or through an intermediate result, each with its window."""
    for name in parameters(reader.function):
        if name in READABLE:
            yield name, window_of(name, reader.reads)
        elif name in INTERMEDIATES:
            within = through(name, reader)
            yield from read_tables(within)


def through(name: str, reader: Reader) -> Reader:
    """The reader that makes an intermediate result for another one: what it reads reaches as far ahead as that asks."""
    made = INTERMEDIATES[name]
    if any(isinstance(window, Whole) for window in reader.reads.values()):
        reads: dict[str, Window] = {n: Whole(provenance=True) for n in parameters(made.function) if n in READABLE}
        return Reader(made.function, reads, reader.provisional_days)
    asked = reader.reads.get(name, THE_MONTH)
    ahead = asked.ahead if isinstance(asked, Months) else 0
    reads = {
        n: _further(window_of(n, made.reads) if n in READABLE else made.reads.get(n, THE_MONTH), ahead)
        for n in parameters(made.function)
        if n in READABLE or n in INTERMEDIATES
    }
    return Reader(made.function, reads, reader.provisional_days)


def _further(window: Window, ahead: Depth) -> Window:
    if not isinstance(ahead, int):
        raise TypeError(f"how far ahead an intermediate result is read must be a number, not {ahead}")
    if isinstance(window, Months):
        return replace(window, ahead=_added(window.ahead, ahead))
    if isinstance(window, History):
        return History(_added(window.ahead, ahead), window.plans, window.as_told)
    return window


def _added(declared: Depth, ahead: int) -> Depth:
    if ahead and not isinstance(declared, int):
        raise TypeError("a window that the config decides cannot be read further ahead")
    return declared + ahead if isinstance(declared, int) else declared


def read_at_hand(function: Callable[..., object]) -> Iterator[str]:
    """What a function is given that is no table, through intermediate results too."""
    for name in parameters(function):
        if name in INTERMEDIATES:
            yield from read_at_hand(INTERMEDIATES[name].function)
        elif name not in READABLE and name not in METRIC_TABLES:
            yield name


def made_by(function: Callable[..., object]) -> Iterator[str]:
    """References of the definitions that a function is made by."""
    yield f"{function.__module__}:{function.__name__}"
    for name in parameters(function):
        if name in INTERMEDIATES:
            yield from made_by(INTERMEDIATES[name].function)
