"""Frames as large as events, of Polars or of Spark: what is asked of both is written once, in Narwhals.

What is written so groups, counts, sums, takes the least or the greatest, and joins on equal keys. It takes no row for
the one before another, and reckons no days but those of an instant: there the two differ, or one of them has nothing.
Calendars and other small tables are made by Polars and brought to where the events are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import polars as pl

Lazy = nw.LazyFrame[Any]
Events = pl.DataFrame | Lazy
"""Rows of a canonical table: Polars' with UTC instants without a zone; or lazily Spark's, whose instants have one."""


def lazily(events: Events, *instants: str) -> Lazy:
    """The events to be asked; the `instants` are of a zone."""
    if not isinstance(events, pl.DataFrame):
        return events
    zoned = events.lazy().with_columns(pl.col(*instants).dt.replace_time_zone("UTC")) if instants else events.lazy()
    frame: Lazy = nw.from_native(zoned)
    return frame


def day_in_zone(instant: str, time_zone: str) -> nw.Expr:
    """Day of an instant in the reporting time zone, which is that of Spark's session."""
    return nw.col(instant).dt.convert_time_zone(time_zone).dt.date()


def brought(small: pl.DataFrame, events: Lazy) -> Lazy:
    """A small table, to where the events are."""
    native = events.to_native()
    there: Any = small.lazy() if isinstance(native, pl.LazyFrame) else _in_spark(native.sparkSession, small)
    frame: Lazy = nw.from_native(there)
    return frame


def _in_spark(session: Any, small: pl.DataFrame) -> Any:  # noqa: ANN401 - Spark is no dependency of this module
    return session.createDataFrame(small.to_arrow())


@contextmanager
def kept(frame: Lazy) -> Iterator[Lazy]:
    """The frame, which is asked several times within the block and made once."""
    native = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        yield nw.from_native(native.collect().lazy())
        return
    held = native.persist()
    try:
        yield nw.from_native(held)
    finally:
        held.unpersist()


def collected(frame: Lazy) -> pl.DataFrame:
    """The rows, by Polars; counts are whole numbers of one type, whoever counted."""
    rows: pl.DataFrame = frame.collect(backend="polars").to_native()
    return rows.cast({name: pl.Int64 for name, dtype in rows.schema.items() if dtype.is_integer()})


def sum_or_null(name: str) -> nw.Expr:
    """The sum of what is known; NULL, not 0, where nothing is."""
    return nw.when(nw.col(name).count() > 0).then(nw.col(name).sum()).alias(name)
