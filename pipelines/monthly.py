"""Building months: the one way in which facts and metrics are read, made and written."""

import datetime as dt
import json
from collections.abc import Callable
from functools import cached_property
from inspect import signature

import polars as pl

from pipelines.ingest import customers
from pipelines.project import Project
from pipelines.tables import METRICS, MONTHLY_TABLES, MonthlyTable, expected, metric_inputs
from schemas.catalogue import CANONICAL
from schemas.metrics import MetricMonth, MetricPart, Parts
from schemas.operations import AccountKey, Build
from transforms.calendar import add_months
from transforms.clean.seen import seen_on
from transforms.metrics.catalogue import CATALOGUE, metric_assets
from transforms.metrics.definition import Metric
from transforms.metrics.roll_up import Exported, Surroundings, derive, medians, null_with, roll_up
from warehouse.errors import StaleError
from warehouse.lineage import ALL, Input, build_rows
from warehouse.staging import read_staged


class MonthRun:
    """One run over some months: reads inputs, makes tables and metrics, writes them with their lineage."""

    def __init__(self, project: Project, run_id: str) -> None:
        self.project, self.run_id = project, run_id
        self.as_of = project.as_of()
        self.months = project.months(self.as_of)
        self._staged: dict[str, pl.DataFrame] = {}

    @cached_property
    def expected(self) -> dict[tuple[str, dt.date], dict[str, str]]:
        """What every month of every table must be made from."""
        return expected(self.project, self.as_of)

    @cached_property
    def exported(self) -> Exported:
        """What the sources export."""
        return self.project.exported()

    def build_table(self, name: str, months: list[dt.date]) -> dict[dt.date, int]:
        """Make months of a fact or dimension; the rows of each."""
        table = MONTHLY_TABLES[name]
        self._check_months(months)
        given = self._arguments(table.function, table.inputs, months)
        if table.metrics:
            given |= self._of_metrics(table, months)
        frame = table.function(**given)
        contract = self.project.contracts[name]
        frame = contract.validate(frame.select(list(contract.dtypes())), lazy=True)
        counts = _counts(frame, months)
        builds = build_rows(self.expected, name, months, counts, self.run_id)
        self.project.database.write_months({name: frame}, months, builds)
        return counts

    def build_metrics(self, asset: str, months: list[dt.date]) -> dict[dt.date, int]:
        """Make months of a metric asset: parts and values of its metrics; the number of values of each month."""
        self._check_months(months)
        members = metric_assets()[asset]
        inputs = metric_inputs(members)
        around = self._surroundings(months, members)
        parts: list[pl.DataFrame] = []
        values: list[pl.DataFrame] = []
        for metric in members:
            own, made = self._metric(metric, inputs, months, around, values)
            parts.append(own)
            values.append(made)
        frame = MetricMonth.validate(pl.concat(values), lazy=True)
        database = self.project.database
        keys = database.metric_keys([metric.name for metric in members])
        numbered = self._numbered(pl.concat(parts), keys)
        counts = _counts(frame, months)
        builds = build_rows(self.expected, asset, months, counts, self.run_id)
        scope = {"metric_key": keys["metric_key"].to_list(), "metric": keys["metric"].to_list()}
        database.write_months({MetricPart.table(): numbered, MetricMonth.table(): frame}, months, builds, scope)
        return counts

    def _metric(
        self,
        metric: Metric,
        inputs: tuple[Input, ...],
        months: list[dt.date],
        around: Surroundings,
        made: list[pl.DataFrame],
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """A metric's parts, with its name, and its values."""
        none = pl.DataFrame(schema={**Parts.dtypes(), "metric": pl.String})
        if metric.rollup == "derived":
            values = derive(metric, self._operands(metric, made, months), around)
        elif metric.observations:
            facts = self._read(metric.observations.table, (self.months[0], months[-1]))
            values = medians(metric, facts, around)
        else:
            reads = {i.table: Input(i.table, metric.look_back, metric.look_ahead) for i in inputs}
            found = self._call(
                metric.parts_function, tuple(reads.values()), months, metric.look_back, metric.look_ahead
            )
            checked = Parts.validate(found, lazy=True).filter(pl.col("month").is_in(months))
            parts = checked.clear() if around.missing(metric) else checked
            values, none = roll_up(metric, parts, around), parts.with_columns(metric=pl.lit(metric.name))
        if metric.null_with:
            values = null_with(values, self._values_of(metric.null_with, made, months))
        return none, values

    def _operands(self, metric: Metric, made: list[pl.DataFrame], months: list[dt.date]) -> pl.DataFrame:
        names = [name for name in metric.operands if name in CATALOGUE]
        return pl.concat([MetricMonth.blank(), *(self._values_of(name, made, months) for name in names)])

    def _values_of(self, name: str, made: list[pl.DataFrame], months: list[dt.date]) -> pl.DataFrame:
        """A metric's values: made a moment ago in this asset, or read."""
        here = [frame for frame in made if frame.height and frame["metric"][0] == name]
        if here:
            return here[0]
        self._check_built(CATALOGUE[name].asset, (months[0], months[-1]))
        return self.project.database.read(MetricMonth.table(), (months[0], months[-1]), {"metric": [name]})

    def _numbered(self, parts: pl.DataFrame, metric_keys: pl.DataFrame) -> pl.DataFrame:
        ids = parts["account_id"].unique().to_list()
        accounts = self.project.database.account_keys(ids)
        numbered = parts.join(metric_keys, on="metric").join(accounts, on="account_id")
        return MetricPart.shaped(numbered).sort("metric_key", "month", "account_key")

    def _surroundings(self, months: list[dt.date], metrics: list[Metric]) -> Surroundings:
        config = self.project.config
        asked = {metric.name: metric.unknown_when for metric in metrics if metric.unknown_when}
        return Surroundings(
            dim_month=self.project.calendar(months, self.as_of),
            dim_account_month=self._read("dim_account_month", (months[0], months[-1])),
            segments=config.segments,
            exported=self.exported,
            minimums=config.minimums,
            as_of=self.as_of,
            reasons={name: ask(**self._arguments(ask, (), months)) for name, ask in asked.items()},
        )

    def _call(
        self,
        function: Callable[..., pl.DataFrame],
        inputs: tuple[Input, ...],
        months: list[dt.date],
        back: int | None = 0,
        ahead: int = 0,
    ) -> pl.DataFrame:
        """Call a transform; `dim_month` has the months from `back` before to `ahead` after."""
        return function(**self._arguments(function, inputs, months, back, ahead))

    def _arguments(
        self,
        function: Callable[..., object],
        inputs: tuple[Input, ...],
        months: list[dt.date],
        back: int | None = 0,
        ahead: int = 0,
    ) -> dict[str, object]:
        """What a transform's parameters name: tables, the calendar, or parts of the config."""
        config, reads = self.project.config, {entry.table: entry for entry in inputs}
        at_hand = {
            "as_of": self.as_of,
            "time_zone": config.reporting.time_zone,
            "currency": config.reporting.currency,
            "segments": config.segments,
            "exported": self.exported,
        }
        given: dict[str, object] = {}
        for name in signature(function).parameters:
            if name == "dim_month":
                first, last = self._window(Input(name, back, ahead), months)
                given[name] = self.project.calendar([m for m in self.months if first <= m <= last], self.as_of)
            elif name == "secret":
                given[name] = self.project.folders.secret()
            elif name in reads:
                given[name] = self._read(name, self._window(reads[name], months))
            elif name in at_hand:
                given[name] = at_hand[name]
            elif hasattr(config, name):
                given[name] = getattr(config, name)
        return given

    def _of_metrics(self, table: MonthlyTable, months: list[dt.date]) -> dict[str, object]:
        """The metrics a table reads, with their values or parts, whichever its function asks for."""
        window = self._window(Input(METRICS, table.back.get(METRICS, 0)), months)
        for asset in dict.fromkeys(metric.asset for metric in table.metrics):
            self._check_built(asset, window)
        database, names = self.project.database, [metric.name for metric in table.metrics]
        given: dict[str, object] = {"metrics": table.metrics}
        asked = signature(table.function).parameters
        if "metric_month" in asked:
            given["metric_month"] = database.read(MetricMonth.table(), window, {"metric": names})
        if "metric_account_month" in asked:
            keys = database.metric_keys(names)
            parts = database.read(MetricPart.table(), window, {"metric_key": keys["metric_key"].to_list()})
            accounts = database.read(AccountKey.table())
            given["metric_account_month"] = parts.join(keys, on="metric_key").join(accounts, on="account_key")
        return given

    def _window(self, entry: Input, months: list[dt.date]) -> tuple[dt.date, dt.date]:
        first = self.months[0] if entry.back is ALL else max(add_months(months[0], -entry.back), self.months[0])
        return first, min(add_months(months[-1], entry.ahead), self.months[-1])

    def _read(self, name: str, window: tuple[dt.date, dt.date]) -> pl.DataFrame:
        """A table's rows: of a canonical one as `as_of` knows them, of a monthly one the months, if they are built."""
        if name in CANONICAL:
            if name not in self._staged:
                contract = self.project.contracts[name]
                rows = (
                    customers(self.project) if name == "accounts" else read_staged(self.project.folders, name, contract)
                )
                self._staged[name] = seen_on(rows, contract, self.as_of, self.project.config.reporting.time_zone)
            return self._staged[name]
        if name == "dim_account":
            return self.project.database.read(name)
        self._check_built(name, window)
        return self.project.database.read(name, window)

    def _check_months(self, months: list[dt.date]) -> None:
        outside = [month for month in months if month not in set(self.months)]
        if outside:
            raise StaleError(
                f"{outside[0]:%Y-%m} is not among the data's months: {self.months[0]:%Y-%m} to {self.months[-1]:%Y-%m} "
                f"(as_of is {self.as_of})"
            )

    def _check_built(self, name: str, window: tuple[dt.date, dt.date]) -> None:
        """An unbuilt or stale month is never read as if it were right.

        Raises:
            StaleError: naming the months and the command that builds them.
        """
        builds = self.project.database.read(Build.table(), window, {"table_name": [name]})
        made = dict(builds.select("month", "made_from").iter_rows())
        wrong = [
            m
            for m in self.months
            if window[0] <= m <= window[1] and json.loads(made.get(m, "null")) != self.expected[name, m]
        ]
        if wrong:
            stretch = f"{wrong[0]:%Y-%m}" if len(wrong) == 1 else f"{wrong[0]:%Y-%m}..{wrong[-1]:%Y-%m}"
            raise StaleError(f"{name} is not built, or stale, in {stretch}; build it first: make run MONTHS={stretch}")


def _counts(frame: pl.DataFrame, months: list[dt.date]) -> dict[dt.date, int]:
    found = dict(frame.group_by("month").len().iter_rows())
    return {month: found.get(month, 0) for month in months}
