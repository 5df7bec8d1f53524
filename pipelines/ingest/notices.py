"""What looks wrong in exports that keep their contract: taken as the definitions say, and told to a person."""

import datetime as dt
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

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


def notices_on_unknown(table: str, staged: pl.DataFrame, config: Config) -> list[str]:
    """That rows name what the config doesn't know, and so count in nothing; by file and line."""
    known = known_to(config).get(table)
    unknown = staged.clear() if known is None else staged.filter(~known)
    if unknown.is_empty():
        return []
    return [
        f"{table}: {unknown.height} rows name what {NAMES[table]} in the config does not, and count in nothing "
        f"({places_of(unknown)})"
    ]


def notices_on_ratings(table: str, staged: pl.DataFrame, config: Config) -> list[str]:
    """That rows have a rating without a score, which stops their months; by file and line, as it may be any word."""
    if table != CsmActivities.table():
        return []
    unknown = staged.filter(~pl.col("rating").is_in(list(config.sentiment.scores)))
    if unknown.is_empty():
        return []
    return [
        f"{table}: {unknown.height} rows have a rating that sentiment.scores in the config gives no score "
        f"({places_of(unknown)})"
    ]


def notices_on_contradiction(contract: type[Contract], staged: pl.DataFrame) -> list[str]:
    """That rows tell the day of an outcome beside another outcome; by file and line."""
    if (outcome := contract.told_outcome()) is None:
        return []
    both = staged.filter(pl.col(outcome.day).is_not_null() & (pl.col(outcome.column) != outcome.told))
    if both.is_empty():
        return []
    return [
        f"{contract.table()}: {both.height} rows tell {outcome.day}, though {outcome.column} is not {outcome.told}; "
        f"where money is asked for, the day counts ({places_of(both)})"
    ]


def notices_on_young(table: str, staged: pl.DataFrame, config: Config) -> list[str]:
    """That a source's tickets are all so young that its export may be a list of the last days, as some systems give."""
    if table != Tickets.table() or staged.is_empty():
        return []
    zone = config.reporting.time_zone
    told = staged.group_by(pl.col("export_source").alias("source")).agg(
        tickets=pl.len(),
        oldest=local_day(pl.col("created_at").min(), zone),
        exported=local_day(pl.col("exported_at").max(), zone),
    )
    days = (pl.col("exported") - pl.col("oldest")).dt.total_days()
    young = told.filter(days < YOUNG_DAYS, pl.col("oldest") > add_months(config.first_month, 1)).sort("source")
    return [
        f"{source}: the oldest of {tickets} tickets is of {oldest}, {(exported - oldest).days} days before the export; "
        "if it leaves out what is older, as lists of the last 30 days do, the months before have no tickets"
        for source, tickets, oldest, exported in young.iter_rows()
    ]


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
