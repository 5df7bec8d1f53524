"""What looks wrong in exports that keep their contract: taken as the definitions say, and told to a person."""

import datetime as dt
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import polars as pl

from schemas.config import Config
from schemas.contract import Contract
from schemas.success import CsmActivities
from schemas.support import Tickets
from transforms.calendar import add_months, local_day
from transforms.clean.reach import NAMES, known_to
from transforms.facts.rates import minor_digits
from transforms.facts.service import service_periods
from transforms.refusals import DataWarning
from warehouse.rejected import of_rows
from warehouse.validation import AT

YOUNG_DAYS = 40
"""Where no ticket of an export is so old, it may be one of the last 30 days."""
_AGES: dict[str, Any] = {"tickets": pl.Int64, "oldest": pl.Datetime("us"), "exported": pl.Datetime("us")}
NAMED = 3
"""So many rows are named."""


class ExportWarning(DataWarning):
    """An export looks wrong; it is recorded, too, by the ingest that read it."""


@contextmanager
def said(say: Callable[[str], None]) -> Iterator[None]:
    """Say each DataWarning once and in its own words; Python would add the path and the line of ours that warns."""
    others, told = warnings.showwarning, set[str]()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, DataWarning):
            others(message, category, filename, lineno, file, line)
        elif str(message) not in told:
            told.add(str(message))
            say(str(message))

    with warnings.catch_warnings():
        # Whether one was told before is looked up above, and not by the line that warns.
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = show
        yield


def notices_on_items(
    source: str, shown: pl.DataFrame, different_ends: int, left_out: pl.DataFrame, speaks_for: dt.date, *, ends: bool
) -> list[str]:
    """What a source's subscription items make one wonder about.

    `shown`: the rows of the files that speak now; `left_out`: the versions of items that the newest snapshots leave
    out. `ends`: such items end, as the source's `vanished` says.
    """
    told = []
    if different_ends:
        told.append(
            f"{source}: {different_ends} items whose versions tell different starts or ends; the end that the last "
            "version tells holds for the item"
        )
    running = left_out.filter(pl.col("ended_on").is_null() | (pl.col("ended_on") > speaks_for))
    if running.height:
        items = running.select("subscription_id", "item_id").n_unique()
        told.append(
            f"{source}: {items} items that its newest export leaves out, with {_monthly(running, speaks_for)} a "
            "month, are kept; if it leaves out what has ended, say `vanished: ended` for this source"
        )
    if shown.height and shown["ended_on"].null_count() == shown.height and not ends:
        items = shown.select("subscription_id", "item_id").n_unique()
        told.append(
            f"{source}: none of {items} subscription items has ended; if its export leaves out what has ended, "
            "nobody churns"
        )
    return told


def notices_on_rejected_items(source: str, rejects: pl.DataFrame) -> list[str]:
    """That rows of a source's items were rejected, of which earlier files may have told; by file and line."""
    rows = of_rows(rejects).select(AT).unique()
    if rows.is_empty():
        return []
    return [
        f"{source}: {rows.height} rows of subscription items were rejected ({places_of(rows)}); what earlier files "
        "told of these items stays, and none of them ends or loses a version for it; mend those rows"
    ]


class Noticed:
    """What is wondered about in rows of a canonical table that keep their contract, of which some come at a time.

    Rows are told by file and line, as what stands in them may be a person's.
    """

    def __init__(self, contract: type[Contract], config: Config) -> None:
        self._table, self._config, self._outcome = contract.table(), config, contract.told_outcome()
        nothing = pl.DataFrame(schema=dict(zip(AT, (pl.String, pl.Int64), strict=True)))
        self._unknown, self._unrated, self._contradicting = nothing, nothing, nothing
        self._ages = pl.DataFrame(schema={"source": pl.String, **_AGES})

    def look_at(self, rows: pl.DataFrame) -> None:
        """Look at some more rows."""
        if (known := known_to(self._config).get(self._table)) is not None:
            self._unknown = _with(self._unknown, rows.filter(~known))
        if self._table == CsmActivities.table():
            is_rated = pl.col("rating").is_in(list(self._config.sentiment.scores))
            self._unrated = _with(self._unrated, rows.filter(~is_rated))
        if self._outcome is not None:
            is_other = pl.col(self._outcome.column) != self._outcome.told
            both = rows.filter(pl.col(self._outcome.day).is_not_null() & is_other)
            self._contradicting = _with(self._contradicting, both)
        if self._table == Tickets.table():
            each = rows.group_by(source="export_source").agg(
                tickets=pl.len(), oldest=pl.col("created_at").min(), exported=pl.col("exported_at").max()
            )
            every = pl.concat([self._ages, each.cast(_AGES)]).group_by("source")  # type: ignore[arg-type]
            self._ages = every.agg(pl.col("tickets").sum(), pl.col("oldest").min(), pl.col("exported").max())

    def told(self) -> list[str]:
        """What there is to know, in words."""
        return [*self._of_unknown(), *self._of_unrated(), *self._of_young(), *self._of_contradicting()]

    def _of_unknown(self) -> list[str]:
        """That rows name what the config doesn't know, and so count in nothing."""
        if self._unknown.is_empty():
            return []
        return [
            f"{self._table}: {self._unknown.height} rows name what {NAMES[self._table]} in the config does not, and "
            f"count in nothing ({places_of(self._unknown)})"
        ]

    def _of_unrated(self) -> list[str]:
        """That rows have a rating without a score, which stops their months."""
        if self._unrated.is_empty():
            return []
        return [
            f"{self._table}: {self._unrated.height} rows have a rating that sentiment.scores in the config gives no "
            f"score ({places_of(self._unrated)})"
        ]

    def _of_contradicting(self) -> list[str]:
        """That rows tell the day of an outcome beside another outcome."""
        if self._outcome is None or self._contradicting.is_empty():
            return []
        day, column, told = self._outcome.day, self._outcome.column, self._outcome.told
        return [
            f"{self._table}: {self._contradicting.height} rows tell {day}, though {column} is not {told}; where money "
            f"is asked for, the day counts ({places_of(self._contradicting)})"
        ]

    def _of_young(self) -> list[str]:
        """That a source's tickets are all so young that its export may be a list of the last days."""
        zone = self._config.reporting.time_zone
        told = self._ages.with_columns(local_day(pl.col("oldest"), zone), local_day(pl.col("exported"), zone))
        days = (pl.col("exported") - pl.col("oldest")).dt.total_days()
        young = told.filter(days < YOUNG_DAYS, pl.col("oldest") > add_months(self._config.first_month, 1))
        return [
            f"{source}: the oldest of {tickets} tickets is of {oldest}, {(exported - oldest).days} days before the "
            "export; if it leaves out what is older, as lists of the last 30 days do, the months before have no tickets"
            for source, tickets, oldest, exported in young.sort("source").iter_rows()
        ]


def _with(places: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([places, rows.select(AT)]) if rows.height else places


def places_of(rows: pl.DataFrame) -> str:
    """Where the first of the rows stand, by file and line, and how many more there are."""
    places = rows.select("export_file", "export_line").unique().sort("export_file", "export_line").rows()
    told = [f"{file}, line {line}" for file, line in places[:NAMED]]
    return "; ".join([*told, *([f"and {len(places) - NAMED} more"] if len(places) > NAMED else [])])


def _monthly(items: pl.DataFrame, day: dt.date) -> str:
    """What items bring a month, by currency."""
    in_service = service_periods(items, day)
    on_day = (pl.col("from_day") <= day) & (pl.col("to_day").is_null() | (pl.col("to_day") > day))
    sums = in_service.periods.filter(on_day).group_by("currency").agg(pl.col("amount").sum()).sort("currency")
    amounts = [
        f"{amount / in_service.scale / 10 ** minor_digits(currency):,.{minor_digits(currency)}f} {currency}"
        for currency, amount in sums.iter_rows()
    ]
    return " and ".join(amounts) or "no MRR"
