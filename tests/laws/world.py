"""A company in memory: the rows that everything is made of, and the same road that a run takes from them."""

import datetime as dt
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

from pipelines.months.inputs import Inputs
from pipelines.months.nodes import Node, nodes
from pipelines.months.readers import Reader
from pipelines.months.store import ProjectStore
from pipelines.months.values import Values
from schemas.config import Config
from schemas.contract import Contract
from schemas.metrics import MetricMonth, Parts
from schemas.tables import CANONICAL, WHOLE
from tests.integration.small_company import MONTHS, SmallCompany
from transforms.catalogue import CATALOGUE
from transforms.exported import Exported
from warehouse.staging import Share

Frames = Mapping[str, pl.DataFrame]


_NODES: dict[int, tuple[Config, dict[str, Node]]] = {}
"""By the identity of a config, which cannot be hashed; it is kept beside them, so that no other one takes its place."""


@dataclass
class FrameStore:
    """Rows that lie in frames."""

    tables: dict[str, pl.DataFrame]
    told: dict[str, pl.DataFrame] = field(default_factory=dict)
    """Rows of metric_month by metric."""
    made: dict[str, pl.DataFrame] = field(default_factory=dict)
    """Parts by metric."""

    def staged(self, table: str) -> pl.DataFrame:
        return self.tables[table]

    def dated(self, table: str, first: dt.date | None, last: dt.date, share: Share | None = None) -> pl.DataFrame:
        return self.tables[table].filter(share.has()) if share else self.tables[table]

    def heights(self, table: str) -> dict[dt.date, int]:
        return {}

    def built(self, table: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        return self.tables[table].filter(pl.col("month").is_between(first, last))

    def values(self, metrics: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        rows = pl.concat([MetricMonth.blank(), *(self.told[name] for name in metrics if name in self.told)])
        return rows.filter(pl.col("month").is_between(first, last))

    def parts(self, metrics: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        blank = pl.DataFrame(schema={**Parts.dtypes(), "metric": pl.String})
        rows = pl.concat([blank, *(self.made[name] for name in metrics if name in self.made)])
        return rows.filter(pl.col("month").is_between(first, last))

    def secret(self) -> bytes:
        return b"0123456789abcdef"


def of_metrics(parts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Parts of metrics as one frame, each with its metric."""
    return pl.concat(frame.with_columns(metric=pl.lit(name)) for name, frame in parts.items())


class ShuffledInputs(Inputs):
    """The same, with the calendar in no order."""

    def at_hand(self, name: str, reader: Reader, months: list[dt.date]) -> object:
        found = super().at_hand(name, reader, months)
        return found.sample(fraction=1, shuffle=True, seed=7) if isinstance(found, pl.DataFrame) else found


@dataclass(frozen=True, eq=False)
class World:
    """Everything that tables and metrics read, and the way from it to their rows."""

    store: FrameStore
    config: Config
    contracts: Mapping[str, type[Contract]]
    as_of: dt.date
    exported: Exported
    shuffled: bool = False

    @cached_property
    def inputs(self) -> Inputs:
        kind = ShuffledInputs if self.shuffled else Inputs
        return kind(self.config, self.contracts, tuple(MONTHS), self.as_of, self.exported, self.store)

    @property
    def nodes(self) -> dict[str, Node]:
        """Those of the config, made once for all worlds that have it."""
        config, made = _NODES.get(id(self.config), (None, {}))
        if config is not self.config:
            made = {node.name: node for node in nodes(self.config)}
            _NODES[id(self.config)] = self.config, made
        return made

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        return self.store.tables

    def changed(self, change: Callable[[str, pl.DataFrame], pl.DataFrame]) -> "World":
        """The same with other rows in its tables; what was made of them is kept."""
        tables = {name: change(name, frame) for name, frame in self.tables.items()}
        return replace(self, store=replace(self.store, tables=tables))

    def table(self, name: str, months: list[dt.date]) -> pl.DataFrame:
        """The rows of a table by month."""
        (reader,) = self.nodes[name].readers
        frame = reader.call(self.inputs.given(reader, months))
        contract = self.contracts[name]
        if "account_key" in contract.dtypes():
            frame = frame.with_columns(account_key=(pl.col("account_id").hash(1) % 30_000).cast(pl.Int32))
        return contract.checked(frame.select(list(contract.dtypes())))

    def parts(self, name: str, months: list[dt.date] = MONTHS) -> pl.DataFrame:
        """What the metric's function returns, of the months."""
        metric = CATALOGUE[name]
        reader = Reader(metric.function, metric.reads, metric.provisional_days)
        return reader.call(self.inputs.given(reader, months)).filter(pl.col("month").is_in(months))

    def values(self, name: str, months: list[dt.date] = MONTHS) -> pl.DataFrame:
        """The metric's rows of metric_month, of nothing but its operands'."""
        return self.made(name, months)[1]

    def made(self, name: str, months: list[dt.date]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The metric's parts and rows of metric_month, by the road of a run."""
        metric = CATALOGUE[name]
        alone = replace(self.nodes[metric.asset], metrics=(metric,))
        parts, values = Values(alone, self.inputs, months, lambda other: self.values(other, months)).made()
        return of_metrics(parts), values

    def build(self, only: Iterable[str] | None = None) -> "World":
        """The world with every table by month and every metric made anew, over all months, in order."""
        told = FrameStore(dict(self.tables))
        world = replace(self, store=told)
        for node in world.nodes.values():
            if only is not None and node.name not in set(only):
                continue
            if not node.metrics:
                told.tables[node.name] = world.table(node.name, MONTHS)
            for metric in node.metrics:
                told.made[metric.name], told.told[metric.name] = world.made(metric.name, MONTHS)
        return world

    def rows(self, node: Node, months: list[dt.date]) -> pl.DataFrame:
        """The rows of a node: of a table, or the parts and values of an asset's metrics, as one frame."""
        if not node.metrics:
            return self.table(node.name, months)
        parts, values = Values(node, self.inputs, months, lambda other: self.values(other, months)).made()
        return pl.concat([of_metrics(parts), values], how="diagonal")

    def dated(self, table: str, first: dt.date | None, last: dt.date) -> pl.DataFrame:
        return self.tables[table]

    def heights(self, table: str) -> dict[dt.date, int]:
        return {}

    def built(self, node: Node) -> pl.DataFrame:
        """The rows of a node over all months, as `build` made them."""
        if not node.metrics:
            return self.store.tables[node.name]
        frames = [frames[metric.name] for metric in node.metrics for frames in (self.store.made, self.store.told)]
        return pl.concat(frames, how="diagonal")


def world_of(company: SmallCompany) -> World:
    """A company in a folder, staged and with its dimensions; nothing by month."""
    company.ingest()
    project = company.project()
    with project.database.kept_open():
        store = ProjectStore(project)
        tables = {name: store.staged(name) for name in (*CANONICAL, *WHOLE)}
        return World(FrameStore(tables), project.config, project.contracts, project.as_of(), project.exported())


def shuffled(frame: pl.DataFrame, chance: random.Random) -> pl.DataFrame:
    """The rows in another order."""
    return frame.sample(fraction=1, shuffle=True, seed=chance.randrange(10**6))
