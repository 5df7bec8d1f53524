"""What stops a publish although every identity holds: too much was rejected, or a closed month moved too far."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import polars as pl

from pipelines.project import Project
from pipelines.publish.published import changed, published
from schemas.config import Headline, QuarantineLimit
from schemas.contract import Contract
from schemas.currencies import MINOR_DIGITS
from schemas.metrics import DimMetric, MetricMonth
from schemas.operations import EventDay, Quarantine
from schemas.tables import CANONICAL, LARGE
from transforms.calendar import month_of, month_start
from transforms.visible import own_day
from warehouse.errors import AuditError
from warehouse.lineage import digest
from warehouse.pasted import make
from warehouse.validation import REPEATED
from warehouse.versions import current_version

HEADLINES: tuple[Headline, ...] = get_args(Headline)
HEADLINE = {str(name): name for name in HEADLINES}
TOLD = 5
"""So many of the moves are told."""
FILE = ("source", "table_name", "file")
"""What names a file."""


def rejected_shares(files: pl.DataFrame, rejected: pl.DataFrame, limit: QuarantineLimit) -> pl.DataFrame:
    """Of each file with rejected rows how many were `lost`, the `share`, and whether that `is_beyond` the limit.

    Copies of a row that stands in the file already are no loss and don't count.
    """
    lost = lost_rows(rejected).group_by(FILE).agg(lost=pl.col("line").n_unique())
    shares = files.join(lost, on=FILE).with_columns(share=pl.col("lost") / pl.col("rows_read"))
    most = pl.col("table_name").map_elements(limit.of, return_dtype=pl.Float64)
    beyond = (pl.col("share") > most) | (pl.col("share") == 1)
    return shares.with_columns(is_beyond=beyond).sort("share", descending=True)


def lost_rows(rejected: pl.DataFrame) -> pl.DataFrame:
    """The rejects but copies of a row."""
    return rejected.filter(pl.col("reason") != REPEATED)


def refuse_rejected(files: pl.DataFrame, rejected: pl.DataFrame, limit: QuarantineLimit) -> None:
    """Nothing is published from a file of which more rows were rejected than the config allows, or all of them.

    Raises:
        AuditError: naming file, share, and the column and reason of most of its rejects.
    """
    beyond, lost = rejected_shares(files, rejected, limit).filter("is_beyond"), lost_rows(rejected)
    faults = [
        f"{file}: {share:.0%} of its rows ({count} of {read}) were rejected, {most}; {limit.of(table):.0%} may be"
        for source, table, file, read, count, share in beyond.select(*FILE, "rows_read", "lost", "share").iter_rows()
        for most in [_mostly(lost.filter(source=source, table_name=table, file=file))]
    ]
    if faults:
        raise AuditError(
            f"nothing is published: {'; '.join(faults)} (quarantine_limit in the config). Mend the file, or raise the "
            f"limit of its table if the rest is worth publishing, and then: {make('run')}"
        )


def refuse_emptied(project: Project) -> None:
    """Nothing is published where all that a table has of a closed month was rejected: it would pass for nothing.

    Not where the config lets all of a table's rows be rejected.

    Raises:
        AuditError: naming table and month, and file, line, column and reason of a reject.
    """
    emptied = sorted(_emptied(project))
    if emptied:
        tables = ", ".join(f"{table}: 1" for table in dict.fromkeys(table for table, *_ in emptied))
        raise AuditError(
            f"nothing is published, as metrics would take for empty what was rejected: {_listed(emptied)}. Mend the "
            f"file, or write quarantine_limit: {{tables: {{{tables}}}}} into the config if these months are to be "
            f"without, and then: {make('run')}"
        )


def _listed(emptied: list[tuple[str, dt.date, int, str]]) -> str:
    told = [
        f"{table} has no row of {month:%Y-%m} left, as {f'all {count} were' if count > 1 else 'its only one was'} "
        f"rejected ({example})"
        for table, month, count, example in emptied
    ]
    return _first(told)


def _first(words: list[str]) -> str:
    """The first of them, and how many more there are."""
    return "; ".join([*words[:TOLD], *([f"and {len(words) - TOLD} more"] if len(words) > TOLD else [])])


def _emptied(project: Project) -> Iterator[tuple[str, dt.date, int, str]]:
    """Table and closed month of which every row was rejected, with their number and one of them in words."""
    config, closed = project.config, month_of(project.as_of() + dt.timedelta(days=1))
    within = pl.col("month").is_between(config.first_month, closed, closed="left")
    lost = lost_rows(project.database.read(Quarantine.table())).filter(within)
    for (name,), rows in lost.group_by("table_name"):
        table, contract = str(name), CANONICAL[str(name)]
        if contract.cumulative() or config.quarantine_limit.of(table) >= 1:
            continue
        there = _months_there(project, table, contract)
        for (month,), gone in rows.join(there, on="month", how="anti").sort("file", "line").group_by("month"):
            file, line, column, reason = gone.select("file", "line", "column_name", "reason").row(0)
            place = f"{file}, line {line}{f', {column}' if column else ''}: {reason}"
            yield table, month, gone.select("file", "line").n_unique(), place


def _months_there(project: Project, table: str, contract: type[Contract]) -> pl.DataFrame:
    """The months of which a table has rows; of a large one it is told by day."""
    if table in LARGE:
        days = project.database.read(EventDay.table(), where={"table_name": [table]})
        return days.select(month=month_start(pl.col("day"))).unique()
    day = own_day(contract, project.config.reporting.time_zone)
    return project.staged(table).select(month=month_start(day)).unique().drop_nulls()


def _mostly(rejected: pl.DataFrame) -> str:
    """The column and reason that most of the rejects share."""
    kinds = rejected.group_by("column_name", "reason").agg(lines=pl.col("line").n_unique())
    column, reason, lines = kinds.sort("lines", "column_name", "reason", descending=[True, False, False]).row(0)
    place = f"in column {column}: " if column else ""
    return f"{lines} of them {place}{reason}"


@dataclass(frozen=True)
class Move:
    """A value of a closed month, as it is published and as it would be."""

    metric: str
    month: dt.date
    unit: str
    before: float | None
    after: float | None
    currency: str
    """In which money is told."""

    def exceeds(self, limit: float) -> bool:
        """Whether it moves by more than the limit: shares by so much of the whole, others of what they were."""
        if self.after is None or self.before is None:
            return self.after != self.before
        scale = 1.0 if self.unit == "share" else abs(self.before)
        return abs(self.after - self.before) > limit * scale * (1 + 1e-12)

    def __str__(self) -> str:
        return f"{self.metric} of {self.month:%Y-%m} from {self._spelled(self.before)} to {self._spelled(self.after)}"

    def _spelled(self, value: float | None) -> str:
        if value is None:
            return "NULL"
        if self.unit == "cents":
            return f"{value / 10 ** MINOR_DIGITS[self.currency]:,.2f} {self.currency}"
        return f"{value:.2%}" if self.unit == "share" else f"{value:,.2f} {self.unit}"


def moved(project: Project) -> list[Move]:
    """The headline values of closed months that move by more than `change_limit` against what readers have."""
    if current_version(project.folders) is None:
        return []
    before = _headlines(published(project, MetricMonth))
    after = _headlines(project.database.read(MetricMonth.table(), where={"metric": list(HEADLINES)}))
    units = dict(project.database.read(DimMetric.table()).select("metric", "unit").iter_rows())
    both = before.drop_nulls("value").join(after, on=["metric", "month"], suffix="_now").sort("month", "metric")
    money = project.config.reporting.currency
    found = (Move(metric, month, units[metric], old, new, money) for metric, month, old, new in both.iter_rows())
    return [move for move in found if move.exceeds(project.config.change_limit.of(HEADLINE[move.metric]))]


def _headlines(values: pl.DataFrame) -> pl.DataFrame:
    """Metric, month and value of the company's headlines in closed months."""
    closed = pl.col("metric").is_in(HEADLINES) & (pl.col("dimension") == "all") & ~pl.col("is_provisional")
    return values.filter(closed).select("metric", "month", "value")


def refuse_moves(project: Project, row: dict[str, object], accepted: str | None) -> str | None:
    """What moves and was let through, in words; None where nothing moves too far.

    `row` is what the publication would say of itself.

    Raises:
        AuditError: naming what moved, what changed against what readers have, and how to let it through once.
    """
    moves = moved(project)
    if not moves:
        return None
    words = [str(move) for move in moves]
    told, name = _first(words), digest(words)[:8]
    if accepted == name:
        return told
    since = ", ".join(changed(project, row)) or "nothing that is recorded"
    raise AuditError(
        f"nothing is published, as closed months move by more than change_limit in the config allows: {told}. Changed "
        f"against what readers have: {since}. If it is as it should be, let it through once: {make('run', ACCEPT=name)}"
    )
