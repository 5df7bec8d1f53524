"""The catalogue of metrics as rows: what analysts and the SQL macros read of the definitions."""

import datetime as dt

import polars as pl

from pipelines.project import Project
from schemas.metrics import DimMetric, MetricOperand, MetricTarget
from transforms.metrics.catalogue import CATALOGUE
from transforms.metrics.definition import Metric
from transforms.metrics.roll_up import effective_expression
from warehouse.errors import ConfigError


def catalogue_rows(project: Project) -> pl.DataFrame:
    """`dim_metric` but its keys; the formula of a derived metric is the one that what is exported allows."""
    exported = project.exported()
    own = {"metric", "metric_key", "expression", "minimum", "observed_table", "observed_value", "observed_month"}
    same = [name for name in DimMetric.dtypes() if name not in own]
    rows = [
        {
            "metric": metric.name,
            "expression": effective_expression(metric, exported),
            "minimum": getattr(project.config.minimums, metric.minimum) if metric.minimum else None,
            "observed_table": metric.observations and metric.observations.table,
            "observed_value": metric.observations and metric.observations.value,
            "observed_month": metric.observations and metric.observations.month,
            **{name: getattr(metric, name) for name in same},
        }
        for metric in CATALOGUE.values()
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def operand_rows(project: Project) -> pl.DataFrame:
    """`metric_operand`: which metrics' parts explain a metric."""
    exported = project.exported()

    def operands(metric: Metric) -> list[str]:
        formula = effective_expression(metric, exported)
        if formula is None:
            return [metric.name]
        names = [name for name in pl.sql_expr(formula).meta.root_names() if name in CATALOGUE]
        return [operand for name in names for operand in operands(CATALOGUE[name])]

    rows = [(metric.name, operand) for metric in CATALOGUE.values() for operand in dict.fromkeys(operands(metric))]
    return pl.DataFrame(rows, schema=MetricOperand.dtypes(), orient="row")


def target_rows(project: Project, months: list[dt.date]) -> pl.DataFrame:
    """`metric_target`: of each metric with targets, the one that holds in each month.

    Raises:
        ConfigError: a target names no metric.
    """
    targets = project.config.targets
    for position, target in enumerate(targets):
        if target.metric not in CATALOGUE:
            raise ConfigError(f"{project.config_path}: targets.{position}.metric: there is no metric {target.metric}")
    rows = []
    for name in dict.fromkeys(target.metric for target in targets):
        for month in months:
            held = [target for target in targets if target.metric == name and target.month <= month]
            if held:
                last = max(held, key=lambda target: target.month)
                rows.append((name, month, last.target, last.owner, last.review_on))
    return pl.DataFrame(rows, schema=MetricTarget.dtypes(), orient="row")
