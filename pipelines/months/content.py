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
    found: dict[str, list[tuple[dt.date | None, str]]] = {}
    as_told, frame = frame, held(frame, contract)
    for window in windows:
        if isinstance(window, Months) and window.earlier != 0 and months:
            before = (
                _before(frame, contract, config, window, months[0])
                if days is None
                else _of_days(days, earliest(window, months[0], months[0]), months[0])
            )
            found[reach_before(window)] = [(months[0], before)]
        if reach(window) in found:
            continue
        shown = as_told if is_as_told(window) else frame
        if isinstance(window, Months):
            found[reach(window)] = _by_month(frame, contract, config, window) if days is None else _days_by_month(days)
        elif isinstance(window, Whole):
            found[reach(window)] = [(None, _hashed(visible(shown, contract, window, ALL_MONTHS, config)))]
        else:
            found[reach(window)] = [
                (month, _hashed(visible(shown, contract, window, (month, month), config))) for month in months
            ]
    rows = [(contract.table(), name, month, hashed) for name, told in found.items() for month, hashed in told]
    return pl.DataFrame(rows, schema=ContentMonth.dtypes(), orient="row")


def _by_month(
    frame: pl.DataFrame, contract: type[Contract], config: Config, window: Months
) -> list[tuple[dt.date | None, str]]:
    """Each month's own rows; those of a window are the rows of its months."""
    month = month_start(day_by(window.by, contract, config.reporting.time_zone))
    hashed = [
        piece.select(month.alias("month"), row=row_hash(contract.followed()))
        .drop_nulls("month")
        .group_by("month")
        .agg(pl.col("row").sum(), rows=pl.len())
        for piece in (frame.iter_slices(AT_ONCE) if frame.height else [frame])
    ]
    sums = pl.concat(hashed).group_by("month").agg(pl.col("row", "rows").sum()).sort("month")
    return [(month, digest(total, rows)) for month, total, rows in sums.iter_rows()]


def _days_by_month(days: pl.DataFrame) -> list[tuple[dt.date | None, str]]:
    """Each month's own rows, of what is told by day."""
    months = sorted(days["day"].dt.month_start().unique())
    return [(month, _of_days(days, month, add_months(month, 1))) for month in months]


def _of_days(days: pl.DataFrame, first: dt.date | None, end: dt.date) -> str:
    """What is told of the days from the first (None: all) to before the end."""
    day = pl.col("day")
    within = days.filter(day < end if first is None else (day >= first) & (day < end))
    return digest(sorted(within.select("export_source", "day", "rows", "content").rows(), key=str))


def _before(frame: pl.DataFrame, contract: type[Contract], config: Config, window: Months, first: dt.date) -> str:
    """What the window shows to the first month of those before it."""
    begin, end = earliest(window, first, first), add_months(first, -1)
    rows = dated_in(frame, contract, begin, end, config.reporting.time_zone, window.by)
    return _hashed(rows.select(contract.followed()))


def _hashed(frame: pl.DataFrame) -> str:
    """A hash of the rows, in whatever order they come."""
    return digest(frame.select(row_hash(frame.columns).sum()).item() or 0, frame.height)


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
