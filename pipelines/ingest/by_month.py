"""A table that is staged by month, between reading and staging: no more of it is in memory than a part, or a month.

Its rows wait on disk until all are there. Of events, of which one that was sent twice may stand in any two files, a
hash of each row's key, eight bytes, stays in memory.
"""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from pipelines.ingest.overview import MONTH, Overview
from pipelines.ingest.resolved import accounts_told, with_internal
from pipelines.project import Project
from schemas.operations import EventDay
from schemas.tables import LARGE
from transforms.calendar import month_start
from transforms.clean.reach import by_source
from transforms.clean.resolve import CUSTOMER, under
from transforms.earliest import ROW, sent_again
from transforms.engine import collected, lazily
from transforms.events.firsts import first_events_after
from transforms.visible import own_day
from warehouse.landed import LandedFile
from warehouse.lineage import row_hash
from warehouse.spill import Spill, clear_spills

DAY, NUMBER, CAME_IN = "day?", "number?", "came in?"
"""No names of columns, which may be any word."""
MANY = 100
"""So many lists of customers are made one."""
AT_ONCE = 1 << 20
"""Rows with one key that are compared together."""
SEEN = 1 << 17
"""Rows that are looked at together, if their months have fewer: to hash them takes several times their memory."""


class ByMonth:
    """The rows of a table that is staged by month, of whatever source, on their way to their months.

    What is told of all of them the `overview` says at the end; of one that may be larger than a machine it is told by
    day, and of its first events.
    """

    def __init__(self, project: Project, table: str, overview: Overview) -> None:
        self.project, self.table, self.contract = project, table, project.contracts[table]
        clear_spills(project.folders, table)
        self._overview, self._spill = overview, Spill[dt.date | None](project.folders, table, MONTH)
        self._keys: list[np.ndarray] = []
        self._parts: list[tuple[str, int, int]] = []
        self._customers = [pl.DataFrame(schema=dict.fromkeys(CUSTOMER, pl.String))]
        self.repeated: dict[tuple[str, str], int] = {}
        """By source and file the rows of which another one counts."""
        self.before: dict[str, int] = {}
        """By source the rows that count, also of our own accounts."""
        self.rows: dict[str, int] = {}
        """By source the rows that are staged."""
        self.firsts = self.contract.blank()
        """The first events of each customer and feature, under the CRM's accounts."""
        self._days = list[pl.DataFrame]()
        self._looked_at = list[pl.DataFrame]()
        self._number = 0

    def hold(self, source: str, rows: pl.DataFrame, generation: int = 0, came_in: pl.Series | None = None) -> None:
        """Take canonical rows of a source, of which those of the last generation count.

        Of rows of one event and one instant that which came in last does (`came_in`: a number of each row).
        """
        rows = self.contract.shaped(rows)
        number, day = self._number, own_day(self.contract, self._time_zone)
        self._number += rows.height
        self._parts.append((source, generation, rows.height))
        if self.contract.repeats():
            self._keys.append(rows.select(pl.struct(self.contract.grain()).hash(seed=7)).to_series().to_numpy())
        self._customers.append(rows.select(CUSTOMER).drop_nulls("account_id").unique())
        if len(self._customers) > MANY:
            self._customers = [pl.concat(self._customers).unique()]
        numbers = pl.int_range(number, number + rows.height, dtype=pl.Int64, eager=True)
        of_source = pl.lit(0, pl.Int64) if came_in is None else came_in
        dated = rows.with_columns(day.alias(DAY), numbers.alias(NUMBER), of_source.alias(CAME_IN))
        self._spill.add(dated.with_columns(month_start(pl.col(DAY)).alias(MONTH)))

    @property
    def _time_zone(self) -> str:
        return self.project.config.reporting.time_zone

    def months(self, files: list[LandedFile]) -> Iterator[tuple[dt.date | None, pl.DataFrame]]:
        """Each month with its rows that count, under the CRM's accounts and without our own."""
        left_out = self._left_out()
        customers = pl.concat(self._customers).unique().sort(CUSTOMER)
        told, accounts = accounts_told(self.project, self.table, customers, files)
        for month in self._spill.groups():
            rows = self._spill.of([month])
            if left_out.any():
                rows = rows.filter(~pl.Series(left_out[rows[NUMBER].to_numpy()]))
            _count(self.before, rows)
            rows = with_internal(self.table, under(rows.drop(NUMBER, CAME_IN), told), accounts)
            _count(self.rows, rows)
            if rows.height:
                self._look_at(rows)
                yield month, self.contract.shaped(rows)
        self._look_at_those()

    def _look_at(self, rows: pl.DataFrame) -> None:
        """Say of a month's rows what is asked of all."""
        if self.table not in LARGE:
            self._looked_at.append(rows)
            if sum(each.height for each in self._looked_at) >= SEEN:
                self._look_at_those()
            return
        # Months come in order: what is new in one comes after all that was before.
        new = collected(first_events_after(lazily(self.firsts), lazily(self.contract.shaped(rows))))
        self.firsts = pl.concat([self.firsts, self.contract.shaped(new)])
        content = row_hash(list(self.contract.followed())).sum()
        self._days.append(rows.group_by("export_source", day=DAY).agg(rows=pl.len(), content=content))
        self._overview.count(rows, rows[MONTH])

    def _look_at_those(self) -> None:
        """Look at the rows that wait to be looked at: of few at a time it takes longer."""
        if self._looked_at:
            rows = pl.concat(self._looked_at)
            self._looked_at.clear()
            self._overview.look_at(self.contract.shaped(rows), rows[MONTH])

    def close(self) -> None:
        """Give up the rows that wait."""
        self._spill.clear()

    def days(self) -> pl.DataFrame:
        """Rows of `event_day`."""
        if not self._days:
            return EventDay.blank()
        told = pl.concat(self._days).with_columns(pl.col("content").cast(pl.String), table_name=pl.lit(self.table))
        return EventDay.shaped(told).sort("export_source", "day")

    def _left_out(self) -> np.ndarray:
        """Of each row whether it counts no more: another one of its key does, or its writer began anew."""
        last: dict[str, int] = {}
        for source, generation, _ in self._parts:
            last[source] = max(last.get(source, generation), generation)
        former = [np.full(rows, generation < last[source]) for source, generation, rows in self._parts]
        left_out = np.concatenate([np.empty(0, bool), *former])
        if not self.contract.repeats():
            return left_out
        keys = np.concatenate([np.empty(0, np.uint64), *self._keys])
        self._keys.clear()
        in_order = np.sort(keys[~left_out])
        twice = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
        if not twice.size:
            return left_out
        suspected = np.isin(keys, twice) & ~left_out
        shares = -(-int(suspected.sum()) // AT_ONCE)
        for share in range(shares):
            again = self._again(suspected & (keys % shares == share))
            left_out[again[NUMBER].to_numpy()] = True
            for source, file, rows in again.group_by("export_source", "export_file").len().iter_rows():
                self.repeated[source, file] = self.repeated.get((source, file), 0) + rows
        return left_out

    def _again(self, suspected: np.ndarray) -> pl.DataFrame:
        """The rows among these of which another one with the same key counts."""
        key, (_, by) = list(self.contract.grain()), self.contract.repeats() or ("first", self.contract.dated_by()[0])
        asked = list(
            dict.fromkeys([*key, by, "export_source", "exported_at", "export_file", "export_line", NUMBER, CAME_IN])
        )
        found = list[pl.DataFrame]()
        for month in self._spill.groups():
            rows = self._spill.of([month], asked)
            found.append(rows.filter(pl.Series(suspected[rows[NUMBER].to_numpy()])))
        rows = pl.concat(found)
        return rows.join(collected(sent_again(lazily(rows), key, by, CAME_IN)), on=list(ROW), how="semi")


def _count(counts: dict[str, int], rows: pl.DataFrame) -> None:
    for source, number in (by_source(rows) if rows.height else {}).items():
        counts[source] = counts.get(source, 0) + number
