"""Building months: the one way in which tables and metrics are made and written."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl

from pipelines.months.expectation import Made, expected
from pipelines.months.inputs import is_read_by_month
from pipelines.months.nodes import Node, nodes, offsets
from pipelines.months.plan import Stretch
from pipelines.months.readers import UNPARTITIONED
from pipelines.months.store import inputs_of
from pipelines.months.values import Values
from pipelines.project import Project
from schemas.metrics import MetricMonth, MetricPart
from schemas.operations import Build
from transforms.calendar import add_months, contiguous, months_between
from transforms.declaration import ALL, THE_MONTH, Months, parameters
from transforms.refusals import UndefinedError
from warehouse.errors import StaleError
from warehouse.lineage import build_rows
from warehouse.pasted import make
from warehouse.rejected import rejected_of

PARTS = "metric_account_month"
MOST_ROWS = 1_500_000
"""So many rows of facts and of parts of metrics are given to a function at a time, or those of one month."""
PARTS_IN_EVENT = 3
"""An event takes as much memory as so many parts, as it has more columns."""


class MonthRun:
    """One run over some months: makes tables and metrics of what their windows show, and writes them with lineage."""

    def __init__(self, project: Project, run_id: str) -> None:
        self.project, self.run_id = project, run_id
        self.as_of = project.as_of()
        self.inputs = inputs_of(project, self.as_of)
        self.months = list(self.inputs.months)
        self.nodes = {node.name: node for node in nodes(project.config)}
        self.company: dict[str, dict[dt.date, dict[str, float]]] = {}
        """Of each metric asset, by month, the company's values that this run made; what is NULL is left out."""
        self._needed: dict[tuple[dt.date, ...], dict[str, list[dt.date]]] = {}

    @cached_property
    def expected(self) -> dict[tuple[str, dt.date], Made]:
        """What every month of every table must be made from; it stays so for the length of a run."""
        return expected(self.project, self.as_of)

    def stale(self, name: str, months: list[dt.date]) -> list[dt.date]:
        """Those of the months that are not what they must be."""
        self._check_months(months)
        return self._stale({name: months})[name]

    def _stale(self, asked: Mapping[str, list[dt.date]]) -> dict[str, list[dt.date]]:
        """Of some months of tables those that are not what they must be."""
        return {
            name: [month for month in each if self._made.get((name, month)) != self.expected[name, month]]
            for name, each in asked.items()
        }

    def needed(self, months: tuple[dt.date, ...]) -> dict[str, list[dt.date]]:
        """Of each table the months to make for some months: these, and what these are made from and is stale.

        It is settled when it is first asked for: what the run makes afterwards was needed all the same.
        """
        if months not in self._needed:
            self._check_months(list(months))
            wanted = {name: set(months) for name in self.nodes}
            for node in reversed(self.nodes.values()):
                for table, wrong in self._stale(self._read_by(node, sorted(wanted[node.name]))).items():
                    wanted[table] |= set(wrong)
            self._needed[months] = {name: sorted(each) for name, each in wanted.items()}
        return self._needed[months]

    @cached_property
    def _made(self) -> dict[tuple[str, dt.date], Made]:
        """What every month was made from: as recorded when the run began, and what the run wrote since."""
        return dict(_recorded(self._builds))

    @cached_property
    def _builds(self) -> pl.DataFrame:
        return self.project.database.read(Build.table())

    @cached_property
    def _heights(self) -> dict[str, dict[dt.date, int]]:
        """The rows of each month of each table: as recorded when the run began, and what the run wrote since."""
        found: dict[str, dict[dt.date, int]] = {}
        for table, month, rows in self._builds.select("table_name", "month", "rows").iter_rows():
            found.setdefault(table, {})[month] = rows
        return found

    def build(self, name: str, months: list[dt.date]) -> dict[dt.date, int]:
        """Make months of a table or metric asset; the rows of each."""
        self._check_months(months)
        node, counts = self.nodes[name], dict[dt.date, int]()
        self.project.database.lighten()
        # A function is given consecutive months only.
        for stretch in self._stretches(node, months):
            self._check_inputs(node, stretch)
            try:
                counts |= self._metrics(node, stretch) if node.metrics else self._table(node, stretch)
            except UndefinedError as fault:
                if fault.lacks:
                    fault.args = (f"{fault}{rejected_of(self.project.database, fault.lacks)}",)
                raise
        return counts

    def _stretches(self, node: Node, months: list[dt.date]) -> Iterator[list[dt.date]]:
        """The months as consecutive ones, of which what the node reads takes little memory."""
        for first, last in contiguous(months):
            sizes, stretch, size = self._rows_read(node, first, last), list[dt.date](), 0
            for month in months_between(first, last):
                if stretch and size + sizes[month] > MOST_ROWS:
                    yield stretch
                    stretch, size = [], 0
                stretch.append(month)
                size += sizes[month]
            yield stretch

    def _rows_read(self, node: Node, first: dt.date, last: dt.date) -> Counter[dt.date]:
        """How many rows of what the node reads a month has; not of what it reads all months of."""
        sizes: Counter[dt.date] = Counter()
        for reader in node.readers:
            window = reader.reads.get(PARTS, THE_MONTH)
            if PARTS in parameters(reader.function) and isinstance(window, Months) and window.back is not ALL:
                keys = self.project.database.metric_keys([metric.name for metric in reader.metrics])
                of_metrics = {"metric_key": keys["metric_key"].to_list()}
                sizes.update(self.project.database.heights(MetricPart.table(), (first, last), of_metrics))
        for table, windows in node.windows.items():
            if offsets(windows)[0] is ALL or (table in self.nodes and self.nodes[table].metrics):
                continue
            if table not in UNPARTITIONED:
                sizes.update(self._heights.get(table, {}))
            elif all(is_read_by_month(each, self.project.contracts[table]) for each in windows):
                heights = self.inputs.store.heights(table)
                sizes.update({month: PARTS_IN_EVENT * rows for month, rows in heights.items()})
        return sizes

    def _table(self, node: Node, months: list[dt.date]) -> dict[dt.date, int]:
        (reader,) = node.readers
        contract, database = self.project.contracts[node.name], self.project.database
        shares = self.inputs.shares(reader, months)
        frames = [reader.call(self.inputs.given(reader, months, share)) for share in shares]
        frame = frames[0] if len(frames) == 1 else pl.concat(frames).sort(contract.grain())
        checked = contract.checked(database.numbered(contract, frame))
        counts = _counts(checked, months)
        self._write({node.name: checked}, node, months, counts)
        return counts

    def _metrics(self, node: Node, months: list[dt.date]) -> dict[dt.date, int]:
        """Parts and values of an asset's metrics; the number of values of each month."""
        parts, values = Values(node, self.inputs, months, lambda name: self._values_of(name, months)).made()
        database = self.project.database
        keys = database.metric_keys([metric.name for metric in node.metrics])
        told = _numbered(parts, keys, database.account_keys(_accounts(parts)))
        counts = _counts(values, months)
        scope = {"metric_key": keys["metric_key"].to_list(), "metric": keys["metric"].to_list()}
        self._write({MetricPart.table(): told, MetricMonth.table(): values}, node, months, counts, scope)
        company = values.filter(pl.col("dimension") == "all", pl.col("value").is_not_null())
        for month, metric, value in company.select("month", "metric", "value").iter_rows():
            self.company.setdefault(node.name, {}).setdefault(month, {})[metric] = value
        return counts

    def _write(
        self,
        frames: Mapping[str, pl.DataFrame],
        node: Node,
        months: list[dt.date],
        counts: Mapping[dt.date, int],
        scope: Mapping[str, Sequence[object]] | None = None,
    ) -> None:
        """Replace the months of the frames' tables; `scope` as in `write_months`."""
        builds = build_rows(self.expected, node.name, months, counts, self.run_id)
        # With the first month go the facts that were filed before it.
        with_earlier = months[0] == self.months[0] and "computed_from" in node.at_hand
        self.project.database.write_months(frames, months, builds, scope, with_earlier=with_earlier)
        self._made.update(_recorded(builds))
        self._heights.setdefault(node.name, {}).update(counts)

    def _values_of(self, metric: str, months: list[dt.date]) -> pl.DataFrame:
        """A metric's values, of another asset than the one that is made."""
        return self.project.database.read(MetricMonth.table(), (months[0], months[-1]), {"metric": [metric]})

    def _check_months(self, months: list[dt.date]) -> None:
        outside = [month for month in months if month not in set(self.months)]
        if outside:
            raise StaleError(
                f"{outside[0]:%Y-%m} is not among the data's months: {self.months[0]:%Y-%m} to {self.months[-1]:%Y-%m} "
                f"(as_of is {self.as_of})"
            )

    def _check_inputs(self, node: Node, months: list[dt.date]) -> None:
        """An unbuilt or stale month is never read as if it were right.

        Raises:
            StaleError: naming the months and the command that builds them.
        """
        read = self._read_by(node, months)
        for table, wrong in self._stale(read).items() if read else ():
            if wrong:
                stretch = Stretch(wrong[0], wrong[-1], ()).told()
                raise StaleError(
                    f"{table} is not built, or stale, in {stretch}; build it first: {make('run', MONTHS=stretch)}"
                )

    def _read_by(self, node: Node, months: list[dt.date]) -> dict[str, list[dt.date]]:
        """Of each table that a node reads the months that it reads for some months."""
        read: dict[str, list[dt.date]] = {}
        for table, windows in node.windows.items():
            if table not in UNPARTITIONED:
                back, ahead = offsets(windows)
                spans = [
                    (self.months[0] if back is ALL else add_months(first, -back), add_months(last, ahead))
                    for first, last in contiguous(months)
                ]
                read[table] = [m for m in self.months if any(first <= m <= last for first, last in spans)]
        return read


def _recorded(builds: pl.DataFrame) -> Iterator[tuple[tuple[str, dt.date], Made]]:
    for name, month, parts in builds.select("table_name", "month", "made_from").iter_rows():
        yield (name, month), json.loads(parts)


def _accounts(parts: Mapping[str, pl.DataFrame]) -> list[str]:
    each = [frame["account_id"].unique() for frame in parts.values()]
    return pl.concat(each).unique().to_list()


def _numbered(parts: Mapping[str, pl.DataFrame], keys: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Parts of metrics as rows of metric_part, one metric after the other, by month and account.

    Each is sorted by one number: by two columns it takes three times as long.
    """
    place = pl.col("month").to_physical().cast(pl.Int64) * (1 << 32) + pl.col("account_key")
    return pl.concat(
        MetricPart.shaped(
            parts[metric].join(accounts, on="account_id").with_columns(metric_key=pl.lit(key)).sort(place)
        )
        for metric, key in keys.sort("metric_key").select("metric", "metric_key").iter_rows()
    )


def _counts(frame: pl.DataFrame, months: list[dt.date]) -> dict[dt.date, int]:
    found = dict(frame.group_by("month").len().iter_rows())
    return {month: found.get(month, 0) for month in months}
