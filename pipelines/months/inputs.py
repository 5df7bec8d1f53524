"""What a function is given: the one place where its declaration becomes rows, and what those rows are made from.

Everything that builds a month goes through `Inputs.given`; everything that asks what a month must be made from goes
through `pipelines.months.nodes`, which reads the same windows. A row that a window does not cover is not handed over.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard

import polars as pl

from pipelines.months.readers import (
    UNPARTITIONED,
    Reader,
    earliest,
    history_days,
    keeps_earlier,
    numbers,
    resolved,
    through,
    until,
)
from schemas.config import Config
from schemas.contract import Contract
from schemas.customers import Export
from transforms.calendar import add_months, calendar, gross_margins
from transforms.catalogue import CATALOGUE
from transforms.declaration import (
    ALL,
    INTERMEDIATES,
    METRIC_TABLES,
    READABLE,
    THE_MONTH,
    History,
    Months,
    Whole,
    Window,
    depth,
    parameters,
    window_of,
)
from transforms.engine import Events
from transforms.exported import Exported
from transforms.metrics.account_segments import ACCOUNT, AccountSegments
from transforms.visible import dated_in, held, known_by, seen_on
from warehouse.staging import Share

KNOWN_WHERE = tuple(dict.fromkeys(metric.known_where for metric in CATALOGUE.values() if metric.known_where))
"""Columns of dim_account_month that say for which accounts a metric can be known."""
PROVENANCE = tuple(Export.dtypes())
MOST_SHARED = 750_000
"""So many rows of a table that may be given in shares are given at once: a function takes some 300 bytes for each.

Each share reads the files anew, so that smaller ones cost time.
"""


class Store(Protocol):
    """Where rows come from: staged tables, the working database, or frames in a test."""

    def staged(self, table: str) -> pl.DataFrame:
        """A canonical table, of our customers only, or a dimension without months: all its rows.

        Of a large one only those among which the first of each kind is found as among all; others are read by month.
        """

    def dated(self, table: str, first: dt.date | None, last: dt.date, share: Share | None = None) -> pl.DataFrame:
        """Of a canonical table that is staged by month the rows of the months from the first (None: all before)."""

    def events(self, table: str, first: dt.date | None, last: dt.date, as_of: dt.date) -> Events:
        """Of a canonical table that is read where it lies the rows of the months, as `as_of` knows them."""

    def heights(self, table: str) -> dict[dt.date, int]:
        """How many rows each month has of such a table."""

    def built(self, table: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        """The months of a table by month."""

    def values(self, metrics: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """Rows of `metric_month`."""

    def parts(self, metrics: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """Rows of `metric_account_month`."""

    def secret(self) -> bytes:
        """The key that persons' ids are hashed with."""


def is_as_told(window: Window) -> bool:
    """Whether a window shows of each version what it told itself."""
    return isinstance(window, History) and window.as_told


def is_read_by_month(window: Window, contract: type[Contract]) -> TypeGuard[Months]:
    """Whether of a table only the months of a window need be read.

    Not where rows are dated by another column than the one by which they are staged, and not where which row of a key
    counts is settled among rows of several months.
    """
    repeats = contract.repeats()
    of_several = repeats is not None and repeats[0] == "last"
    return contract.by_month() and not of_several and isinstance(window, Months) and window.by is None


def visible(
    frame: pl.DataFrame,
    contract: type[Contract],
    window: Window,
    months: tuple[dt.date, dt.date],
    config: Config,
    computed_from: dt.date = dt.date.min,
) -> pl.DataFrame:
    """The rows of a table without months that some months see, of the columns that restate them.

    `frame` is as `as_of` knows it, with what is `held`, unless the window is as told; `window` is resolved;
    `computed_from` is the first month that is built.
    """
    zone = config.reporting.time_zone
    first, last = months
    columns = list(contract.followed())
    if isinstance(window, Whole):
        beside = [name for name in PROVENANCE if name in frame.columns and name not in columns]
        return frame.select(*columns, *(beside if window.provenance else []))
    if isinstance(window, Months):
        begin, end = earliest(window, first, computed_from), add_months(last, numbers(window)[1])
        return dated_in(frame, contract, begin, end, zone, window.by).select(columns)
    day, plans = history_days(window, last)
    return known_by(frame, contract, day, plans, zone).select(columns)


@dataclass(frozen=True)
class Inputs:
    """What functions are given, in one run."""

    config: Config
    contracts: Mapping[str, type[Contract]]
    months: tuple[dt.date, ...]
    """All months that are built."""
    as_of: dt.date
    exported: Exported
    store: Store
    newest: dt.date = dt.date.max
    """Day of the newest export: of days after it nobody has told anything, whatever `as_of` says."""
    _known: dict[object, object] = field(default_factory=dict)
    """Intermediate results that were made before."""
    _seen: dict[tuple[str, bool], pl.DataFrame] = field(default_factory=dict)
    """Unpartitioned tables that were read before."""
    _segments: dict[tuple[dt.date, dt.date], AccountSegments] = field(default_factory=dict)
    """Of the months that were asked for last."""

    def given(self, reader: Reader, months: list[dt.date], share: Share | None = None) -> dict[str, object]:
        """What the function's parameters name, for some consecutive months.

        Of the table that it may be given in shares of the accounts only a `share`, if one is asked for.
        """
        found = dict[str, object]()
        for name in parameters(reader.function):
            window = window_of(name, reader.reads) if share and name == reader.shared else None
            found[name] = self.rows(name, window, months, share) if window else self._one(name, reader, months)
        return found

    def shares(self, reader: Reader, months: list[dt.date]) -> list[Share | None]:
        """The shares of the accounts in which a function is given what it reads for some months.

        All accounts at once (None) where it reads no more than MOST_SHARED rows, and where it needs them together.
        """
        table = reader.shared
        window = resolved(window_of(table, reader.reads), self.config) if table else None
        if table is None or window is None or not is_read_by_month(window, self.contracts[table]):
            return [None]
        first, last = self._months_read(window, months)
        heights = self.store.heights(table).items()
        of = -(-sum(rows for month, rows in heights if (first or month) <= month <= last) // MOST_SHARED)
        return [Share(number, of) for number in range(of)] if of > 1 else [None]

    def _one(self, name: str, reader: Reader, months: list[dt.date]) -> object:
        if name in METRIC_TABLES:
            return self._of_metrics(name, reader, months)
        if name in INTERMEDIATES:
            return self._intermediate(name, reader, months)
        if name in READABLE:
            window = window_of(name, reader.reads)
            if self.config.in_place(name) and isinstance(window, Months):
                return self._events(name, window, months)
            return self.rows(name, window, months)
        return self.at_hand(name, reader, months)

    def at_hand(self, name: str, reader: Reader, months: list[dt.date]) -> object:
        """What a parameter names that is no table."""
        config = self.config
        as_of = self.reaching(depth(reader.provisional_days, config) or 0, months)
        if name in {"dim_month", "gross_margin"}:
            span = self.span(reader.reads.get(name, THE_MONTH), months)
            within = [month for month in self.months if span[0] <= month <= span[1]]
            return calendar(within, as_of) if name == "dim_month" else gross_margins(within, config.finance)
        known = {
            "computed_from": self.months[0] if months[0] == self.months[0] else None,
            "as_of": as_of,
            "currency": config.reporting.currency,
            "time_zone": config.reporting.time_zone,
            "exported": self.exported,
            "metrics": reader.metrics,
        }
        if name == "secret":
            return self.store.secret()
        return known[name] if name in known else getattr(config, name)

    def frame(self, name: str, reader: Reader, months: list[dt.date]) -> pl.DataFrame:
        """A frame that is at hand: `dim_month` or `gross_margin`."""
        found = self.at_hand(name, reader, months)
        if not isinstance(found, pl.DataFrame):
            raise TypeError(f"{name} is no frame")
        return found

    def reaching(self, days: int, months: list[dt.date]) -> dt.date:
        """`as_of` as far as the passing of days reaches: so many days after the last month's end."""
        return until(self.as_of, months[-1], days)

    def span(self, window: Window, months: list[dt.date]) -> tuple[dt.date, dt.date]:
        """First and last built month of a window around some months."""
        window = resolved(window, self.config)
        back, ahead = numbers(window) if isinstance(window, Months) else (0, 0)
        first = self.months[0] if back is ALL else max(add_months(months[0], -back), self.months[0])
        return first, min(add_months(months[-1], ahead), self.months[-1])

    def account_segments(self, months: list[dt.date]) -> AccountSegments:
        """Who is in which segments in some consecutive months; made once for all metrics of the same months."""
        key = months[0], months[-1]
        if key not in self._segments:
            self._segments.clear()
            columns = [*ACCOUNT, *self.config.segments, *KNOWN_WHERE]
            rows = self.rows("dim_account_month", THE_MONTH, months).select(columns)
            self._segments[key] = AccountSegments(rows, self.config.segments)
        return self._segments[key]

    def _intermediate(self, name: str, reader: Reader, months: list[dt.date]) -> object:
        """An intermediate result, made once for all who are given the same of it."""
        within = through(name, reader)
        as_of = self.at_hand("as_of", within, months)
        key = (name, tuple(sorted(within.reads.items(), key=str)), months[0], months[-1], as_of)
        if key not in self._known:
            self._known[key] = within.function(**self.given(within, months))
        return self._known[key]

    def rows(self, table: str, window: Window, months: list[dt.date], share: Share | None = None) -> pl.DataFrame:
        """The rows of a table that a window around some months shows; of one staged by month, those of a share."""
        if table not in UNPARTITIONED:
            first, last = self.span(window, months)
            return self.store.built(table, self._with_earlier(table, window, months, first), last)
        contract, shown, within = self.contracts[table], resolved(window, self.config), (months[0], months[-1])
        if is_read_by_month(shown, contract):
            begin, end = self._months_read(shown, months)
            frame = seen_on(
                self.store.dated(table, begin, end, share), contract, self.as_of, self.config.reporting.time_zone
            )
        else:
            frame = self.as_known(table, is_as_told(window))
        return visible(frame, contract, shown, within, self.config, self.months[0])

    def _events(self, table: str, window: Months, months: list[dt.date]) -> Events:
        """The same of a table that is read where it lies: the rows stay there, to be asked."""
        shown = resolved(window, self.config)
        if not is_read_by_month(shown, self.contracts[table]):
            raise TypeError(f"{table} is read where it lies, and there by the day that dates it, not by {window.by}")
        return self.store.events(table, *self._months_read(shown, months), self.as_of)

    def _months_read(self, window: Months, months: list[dt.date]) -> tuple[dt.date | None, dt.date]:
        """First (None: the beginning) and last month of a canonical table that a resolved window shows."""
        return earliest(window, months[0], self.months[0]), add_months(months[-1], numbers(window)[1])

    def _with_earlier(self, table: str, window: Window, months: list[dt.date], first: dt.date) -> dt.date:
        """First month of the rows of a built table: with the first computed one lie those it keeps of earlier ones."""
        window = resolved(window, self.config)
        if not isinstance(window, Months) or not keeps_earlier(table):
            return first
        back, _ = numbers(window)
        return dt.date.min if back is ALL else add_months(months[0], -back)

    def as_known(self, table: str, as_told: bool = False) -> pl.DataFrame:
        """An unpartitioned table's rows as `as_of` knows them, each version as it was told or with what is `held`."""
        if (table, as_told) not in self._seen:
            contract = self.contracts[table]
            frame = seen_on(self.store.staged(table), contract, self.as_of, self.config.reporting.time_zone)
            self._seen[table, True], self._seen[table, False] = frame, held(frame, contract)
        return self._seen[table, as_told]

    def _of_metrics(self, name: str, reader: Reader, months: list[dt.date]) -> pl.DataFrame:
        first, last = self.span(reader.reads.get(name, THE_MONTH), months)
        names = [metric.name for metric in reader.metrics]
        return (self.store.values if name == "metric_month" else self.store.parts)(names, first, last)
