"""The catalogue of metrics and milestones as rows: what analysts and the SQL macros read of the definitions."""

import datetime as dt
import difflib

import polars as pl

from pipelines.project import Project
from schemas.config import Config
from schemas.metrics import DimMetric, MetricOperand, MetricTarget
from schemas.success import DimMilestone
from transforms.catalogue import CATALOGUE
from transforms.exported import Exported
from transforms.metrics.definition import Derived, Median, Metric, Ratio
from transforms.metrics.roll_up import effective_expression
from warehouse.errors import ConfigError
from warehouse.lineage import digest


def glossary(project: Project) -> dict[str, pl.DataFrame]:
    """`dim_metric`, `metric_operand`, `metric_target` and `dim_milestone`, as the code and the config say now."""
    keys = project.database.metric_keys(list(CATALOGUE))
    rows = DimMetric.checked(DimMetric.shaped(catalogue_rows(project).join(keys, on="metric")))
    targets = target_rows(project, project.months(project.as_of()))
    milestones = milestone_rows(project.config)
    return {
        "dim_metric": rows,
        "metric_operand": operand_rows(project),
        "metric_target": targets,
        "dim_milestone": milestones,
    }


def wording(project: Project) -> str:
    """All published prose in one hash: what metrics, tables and columns are said to be."""
    told = {name: frame.rows() for name, frame in glossary(project).items()}
    comments = {
        table: (contract.prose(), [(field.name, field.description, field.unit) for field in contract.fields()])
        for table, contract in project.contracts.items()
    }
    return digest(told, comments)


def catalogue_rows(project: Project) -> pl.DataFrame:
    """`dim_metric` but its keys; the formula of a derived metric is the one that what is exported allows."""
    exported = project.exported()
    rows = [_row(project.config, exported, metric) for metric in CATALOGUE.values()]
    return pl.DataFrame(rows, infer_schema_length=None)


def _row(config: Config, exported: Exported, metric: Metric) -> dict[str, object]:
    observed = metric.observations if isinstance(metric, Median) else None
    least = metric.minimum if isinstance(metric, Ratio) else None
    return {
        "metric": metric.name,
        "definition": metric.defined(config),
        "expression": effective_expression(metric, exported) if isinstance(metric, Derived) else None,
        "minimum": getattr(config.minimums, least) if least else None,
        "scale": metric.scale if isinstance(metric, Ratio) else 1.0,
        "is_company_only": isinstance(metric, Ratio) and metric.company_only,
        "provisional_days": metric.days(config),
        # Where no source exports what it needs it is known of no account, and no column need tell.
        "known_where": None if exported.missing(metric.needs) else metric.known_where,
        "observed_table": observed and observed.table,
        "observed_value": observed and observed.value,
        "observed_month": observed and observed.month,
        **{name: getattr(metric, name) for name in SAME},
    }


SAME = (
    "asset", "title", "unit", "better", "signal", "perspective", "rollup", "over_time", "history_months", "null_with",
)  # fmt: skip
"""Columns of `dim_metric` that are fields of a definition."""


def operand_rows(project: Project) -> pl.DataFrame:
    """`metric_operand`: which metrics' parts explain a metric."""
    exported = project.exported()

    def operands(metric: Metric) -> list[str]:
        if not isinstance(metric, Derived):
            return [metric.name]
        names = pl.sql_expr(effective_expression(metric, exported)).meta.root_names()
        return [operand for name in names if name in CATALOGUE for operand in operands(CATALOGUE[name])]

    rows = [(metric.name, operand) for metric in CATALOGUE.values() for operand in dict.fromkeys(operands(metric))]
    return pl.DataFrame(rows, schema=MetricOperand.dtypes(), orient="row")


def milestone_rows(config: Config) -> pl.DataFrame:
    """`dim_milestone`: the config's milestones in their order."""
    steps = enumerate(config.onboarding.milestones, start=1)
    rows = [(step.name, position, step.within_days, step.is_value) for position, step in steps]
    return DimMilestone.checked(pl.DataFrame(rows, schema=DimMilestone.dtypes(), orient="row"))


def check_targets(project: Project) -> None:
    """Raise ConfigError if a target names no metric."""
    for position, target in enumerate(project.config.targets):
        if target.metric not in CATALOGUE:
            near = difflib.get_close_matches(target.metric, CATALOGUE, n=1)
            hint = f"did you mean {near[0]}?" if near else "expected one of docs/dictionary.md"
            raise ConfigError(f"{project.config_path}: targets.{position}.metric: there is no such metric; {hint}")


def target_rows(project: Project, months: list[dt.date]) -> pl.DataFrame:
    """`metric_target`: of each metric with targets, the one that holds in each month.

    Raises:
        ConfigError: a target names no metric.
    """
    check_targets(project)
    targets = project.config.targets
    rows = []
    for name in dict.fromkeys(target.metric for target in targets):
        for month in months:
            held = [target for target in targets if target.metric == name and target.month <= month]
            if held:
                last = max(held, key=lambda target: target.month)
                rows.append((name, month, last.target, last.owner, last.review_on))
    return pl.DataFrame(rows, schema=MetricTarget.dtypes(), orient="row")
