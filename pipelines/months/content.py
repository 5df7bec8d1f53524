"""What of the tables without months each month sees, in fingerprints: of the very rows that its windows show."""

import datetime as dt
from collections.abc import Iterable, Mapping

import polars as pl

from pipelines.months.inputs import is_as_told, visible
from pipelines.months.readers import earliest, numbers
from schemas.config import Config
from schemas.contract import Contract
from schemas.operations import ContentMonth
from transforms.calendar import add_months, month_start
from transforms.declaration import ALL, Months, Whole, Window
from transforms.visible import dated_in, day_by, held
from warehouse.lineage import digest, row_hash

BY_MONTH = "by month"
"""The reach of rows that are told month by month; a window of months puts them together."""
AT_ONCE = 500_000
"""Rows that are hashed together: it takes several times their own memory."""
ALL_MONTHS = (dt.date.min, dt.date(9999, 12, 1))
_SEEN = {"month": pl.Date, "content": pl.Int128, "rows": pl.Int64}
_NOTHING = pl.DataFrame(schema=_SEEN)


def reach(window: Window) -> str:
    """A window's name in `content_month`: windows of months share one for each way to date the rows."""
    if not isinstance(window, Months):
        return str(window)
    return BY_MONTH if window.by is None else f"{BY_MONTH} of {window.by}"


def reach_before(window: Months) -> str:
    """Name of what a window shows to the first month alone, of earlier ones."""
    return f"{'all' if window.earlier is ALL else window.earlier} before the first, {reach(window)}"


def content_rows(
    frame: pl.DataFrame,
    contract: type[Contract],
    windows: Iterable[Window],
    months: list[dt.date],
    config: Config,
    days: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Rows of `content_month` of a table: what each of its windows shows to each month.

    `frame` is as `as_of` knows it; the windows are resolved. `days`: of a large table its rows of
    `event_day`, which say what windows of months show; what others show, its first events in `frame` say.
    """
    asked = windows if days is None else [window for window in windows if not isinstance(window, Months)]
    told = content_of(contract.table(), seen_rows(frame, contract, asked, months, config))
    return told if days is None else pl.concat([told, content_of_days(contract.table(), days, windows, months)])


def seen_rows(
    frame: pl.DataFrame, contract: type[Contract], windows: Iterable[Window], months: list[dt.date], config: Config
) -> pl.DataFrame:
    """What windows show of some rows of a table: reach, month, content (the sum of the rows' hashes), rows.

    Of a table whose rows come some at a time the sums of these are what the windows show of all. What belongs to a
    thing as its last version tells it is known where all of its rows are at hand.
    """
    found: dict[str, pl.DataFrame] = {}
    as_told, frame = frame, held(frame, contract)
    for window in windows:
        if isinstance(window, Months) and window.earlier != 0 and months:
            before = _before(frame, contract, config, window, months[0])
            found[reach_before(window)] = _sums(before, months[0])
        if reach(window) in found:
            continue
        shown = as_told if is_as_told(window) else frame
        if isinstance(window, Months):
            found[reach(window)] = _by_month(frame, contract, config, window)
        elif isinstance(window, Whole):
            found[reach(window)] = _sums(visible(shown, contract, window, ALL_MONTHS, config), None)
        else:
            each = [_sums(visible(shown, contract, window, (m, m), config), m) for m in months]
            found[reach(window)] = pl.concat([_NOTHING, *each])
    told = [rows.select(pl.lit(name).alias("reach"), pl.all()) for name, rows in found.items()]
    return pl.concat([_NOTHING.select(pl.lit("").alias("reach"), pl.all()), *told])


def content_of(table: str, sums: pl.DataFrame) -> pl.DataFrame:
    """Rows of `content_month`, of the sums of what all rows of a table show."""
    rows = [
        (table, name, month, digest(content, number))
        for name, month, content, number in sums.select("reach", "month", "content", "rows").iter_rows()
    ]
    return pl.DataFrame(rows, schema=ContentMonth.dtypes(), orient="row")


def content_of_days(table: str, days: pl.DataFrame, windows: Iterable[Window], months: list[dt.date]) -> pl.DataFrame:
    """The same of what windows of months show of a large table, which its rows of `event_day` say."""
    found: dict[tuple[str, dt.date], str] = {}
    for window in windows:
        if not isinstance(window, Months):
            continue
        if window.earlier != 0 and months:
            before = _of_days(days, earliest(window, months[0], months[0]), months[0])
            found[reach_before(window), months[0]] = before
        for month in sorted(days["day"].dt.month_start().unique()):
            if (reach(window), month) not in found:
                found[reach(window), month] = _of_days(days, month, add_months(month, 1))
    rows = [(table, name, month, hashed) for (name, month), hashed in found.items()]
    return pl.DataFrame(rows, schema=ContentMonth.dtypes(), orient="row")


def _sums(rows: pl.DataFrame, month: dt.date | None) -> pl.DataFrame:
    """What is seen of rows that a month is shown."""
    content = rows.select(row_hash(rows.columns).sum()).item() or 0
    return pl.DataFrame({"month": [month], "content": [content], "rows": [rows.height]}, _SEEN)


def _by_month(frame: pl.DataFrame, contract: type[Contract], config: Config, window: Months) -> pl.DataFrame:
    """Each month's own rows; those of a window are the rows of its months."""
    month = month_start(day_by(window.by, contract, config.reporting.time_zone))
    hashed = [
        piece.select(month.alias("month"), content=row_hash(contract.followed()))
        .drop_nulls("month")
        .group_by("month")
        .agg(pl.col("content").sum(), rows=pl.len())
        .cast(_SEEN)  # type: ignore[arg-type]
        for piece in (frame.iter_slices(AT_ONCE) if frame.height else [frame])
    ]
    return pl.concat(hashed).group_by("month").agg(pl.col("content", "rows").sum()).sort("month")


def _of_days(days: pl.DataFrame, first: dt.date | None, end: dt.date) -> str:
    """What is told of the days from the first (None: all) to before the end."""
    day = pl.col("day")
    within = days.filter(day < end if first is None else (day >= first) & (day < end))
    return digest(sorted(within.select("export_source", "day", "rows", "content").rows(), key=str))


def _before(
    frame: pl.DataFrame, contract: type[Contract], config: Config, window: Months, first: dt.date
) -> pl.DataFrame:
    """What the window shows to the first month of those before it."""
    begin, end = earliest(window, first, first), add_months(first, -1)
    rows = dated_in(frame, contract, begin, end, config.reporting.time_zone, window.by)
    return rows.select(contract.followed())


class Content:
    """What was recorded of the tables without months, to be asked for a month's windows."""

    def __init__(self, recorded: pl.DataFrame) -> None:
        self._told: dict[tuple[str, str], dict[dt.date | None, str]] = {}
        for table, name, month, hashed in recorded.select(list(ContentMonth.dtypes())).iter_rows():
            self._told.setdefault((table, name), {})[month] = hashed
        self._running: dict[tuple[str, str], list[tuple[dt.date, str]]] = {}

    def shown(self, table: str, window: Window, month: dt.date, shifted: Mapping[int, dt.date]) -> str:
        """What a resolved window on the table shows to the month; `shifted` has the months by distance."""
        told = self._told.get((table, reach(window)), {})
        if isinstance(window, Whole):
            return told.get(None, "")
        if not isinstance(window, Months):
            return told.get(month, "")
        back, ahead = numbers(window)
        if back is ALL:
            return self._so_far((table, reach(window)), told, shifted[ahead])
        before = self._told.get((table, reach_before(window)), {}).get(month, "") if window.earlier != 0 else ""
        return digest([before, *(told.get(shifted[distance], "") for distance in range(-back, ahead + 1))])

    def _so_far(self, shown: tuple[str, str], told: Mapping[dt.date | None, str], last: dt.date) -> str:
        """All months through `last`, as one."""
        if shown not in self._running:
            total, run = "", []
            for month in sorted(month for month in told if month is not None):
                total = digest(total, month, told[month])
                run.append((month, total))
            self._running[shown] = run
        before = [total for month, total in self._running[shown] if month <= last]
        return before[-1] if before else ""
