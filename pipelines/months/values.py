"""A metric asset's months: parts of its metrics, and their values for the company and every segment."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipelines.months.inputs import Inputs
from pipelines.months.nodes import BEGINNING, Node
from pipelines.months.readers import Reader
from schemas.metrics import MetricMonth, Parts
from transforms.catalogue import CATALOGUE
from transforms.declaration import window_of
from transforms.metrics.definition import Derived, Median, Metric, Ratio, WithParts
from transforms.metrics.roll_up import Surroundings, begins, derive, medians, null_with, roll_up, with_items_of

OF_ASSET = Reader(lambda: None, {})
"""Reads nothing by parameters: what the roll-up needs is asked for by name."""


@dataclass(frozen=True)
class Values:
    """One metric asset over some consecutive months."""

    node: Node
    inputs: Inputs
    months: list[dt.date]
    values_of: Callable[[str], pl.DataFrame]
    """Rows of `metric_month` of a metric of another asset."""

    def made(self) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        """Parts, by the name of their metric, and values."""
        around, parts, values = self._surroundings(), dict[str, pl.DataFrame](), dict[str, pl.DataFrame]()
        for metric in self.node.metrics:
            parts[metric.name] = self._parts(metric, around)
            values[metric.name] = self._values(metric, parts[metric.name], around, values)
        return parts, MetricMonth.checked(pl.concat(values.values()))

    def _parts(self, metric: Metric, around: Surroundings) -> pl.DataFrame:
        if not isinstance(metric, WithParts):
            return Parts.blank()
        reader = Reader(metric.function, metric.reads, metric.provisional_days)
        found = reader.call(self.inputs.given(reader, self.months))
        checked = Parts.checked(found).filter(pl.col("month").is_in(self.months))
        return checked.clear() if around.missing(metric) else around.known_parts(metric, checked)

    def _values(
        self, metric: Metric, parts: pl.DataFrame, around: Surroundings, made: dict[str, pl.DataFrame]
    ) -> pl.DataFrame:
        def of(name: str) -> pl.DataFrame:
            return made[name] if name in made else self.values_of(name)

        if isinstance(metric, Derived):
            operands = [of(name) for name in metric.operands if name in CATALOGUE]
            values = derive(metric, pl.concat([MetricMonth.blank(), *operands]), around)
        elif isinstance(metric, Median):
            table = metric.observations.table
            values = medians(metric, self.inputs.rows(table, window_of(table, metric.reads), self.months), around)
        elif isinstance(metric, WithParts):
            values = roll_up(metric, parts, around)
            if isinstance(metric, Ratio) and metric.items_of:
                values = with_items_of(values, of(metric.items_of))
        else:
            raise TypeError(f"{metric.name} is of no kind that has values")
        return null_with(values, of(metric.null_with)) if metric.null_with else values

    def _surroundings(self) -> Surroundings:
        inputs, node = self.inputs, self.node
        reader = Reader(OF_ASSET.function, {}, node.provisional_days)
        config = inputs.config
        needs_history = any(metric.history_months for metric in node.metrics)
        asking = {metric.name: Reader(metric.unknown_when, {}) for metric in node.metrics if metric.unknown_when}
        return Surroundings(
            dim_month=inputs.frame("dim_month", reader, self.months),
            gross_margin=inputs.frame("gross_margin", reader, self.months),
            accounts=inputs.account_segments(self.months),
            exported=inputs.exported.only(node.needs),
            minimums=config.minimums,
            as_of=min(inputs.reaching(node.provisional_days, self.months), inputs.newest),
            begins=begins(inputs.rows("dim_account", BEGINNING, self.months)) if needs_history else None,
            provisional_days={metric.name: metric.days(config) for metric in node.metrics},
            reasons={name: _reason(ask.function(**inputs.given(ask, self.months))) for name, ask in asking.items()},
        )


def _reason(told: object) -> str | None:
    return None if told is None else str(told)
