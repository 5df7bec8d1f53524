"""Everything that is declared: importing a module registers the tables and metrics that it defines."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from schemas.config import Config
from schemas.tables import CANONICAL, EXPLANATIONS, FACTS, SUMS, WHOLE
from transforms import explanations, facts, metrics
from transforms.declaration import (
    CALENDARS,
    INTERMEDIATES,
    METRIC_TABLES,
    SECTIONS,
    TABLES,
    WHOLE_TABLES,
    MonthlyTable,
    check_declaration,
    parameters,
)
from transforms.metrics.definition import REGISTRY, Metric
from transforms.refusals import DeclarationError

for _floor in (facts, metrics, explanations):
    for _module in pkgutil.iter_modules(_floor.__path__):
        importlib.import_module(f"{_floor.__name__}.{_module.name}")

# Whoever imported a family first must not decide the order.
CATALOGUE: dict[str, Metric] = dict(sorted(REGISTRY.items(), key=lambda entry: entry[1].module))
"""The metrics by name."""
MONTHLY_TABLES: Mapping[str, MonthlyTable] = dict(sorted(TABLES.items()))
"""The tables by month: facts, dimensions and explanations."""
DIMENSION_TABLES: Mapping[str, MonthlyTable] = dict(sorted(WHOLE_TABLES.items()))
"""The dimensions that have no months."""


def check_declarations() -> None:
    """Every declaration can be met.

    Raises:
        DeclarationError: naming the function and the parameter that cannot be given.
    """
    for table in (*MONTHLY_TABLES.values(), *DIMENSION_TABLES.values()):
        check_declaration(table.function, table.reads)
        if METRIC_TABLES & set(parameters(table.function)) and table.metrics is None:
            raise DeclarationError(f"{table.name} reads metrics, and doesn't say which: @monthly(metrics=…)")
    _check_contracts()
    for made in INTERMEDIATES.values():
        check_declaration(made.function, made.reads)
        if CALENDARS & made.reads.keys():
            raise DeclarationError(f"{made.function.__name__}: an intermediate result is given the asked months alone")
    for metric in CATALOGUE.values():
        check_declaration(metric.function, metric.reads, metric.observed)
        _check_metric(metric)
        if metric.unknown_when:
            check_declaration(metric.unknown_when, {})


def _check_contracts() -> None:
    """Every table that is made has a contract in schemas/tables.py, and every contract there has such a function."""
    made = {*MONTHLY_TABLES, *DIMENSION_TABLES}
    declared = {*FACTS, *EXPLANATIONS, *SUMS, *WHOLE, "dim_account_month"}
    for name in sorted(made - declared):
        raise DeclarationError(
            f"{name} has a function and no contract in schemas/tables.py{_near(name, declared - made)}"
        )
    for name in sorted(declared - made):
        raise DeclarationError(f"{name} has a contract and no function of that name{_near(name, made - declared)}")


def _check_metric(metric: Metric) -> None:
    """What a metric names in its needs and in its definition exists."""
    columns = {f"{name}.{column}" for name, contract in CANONICAL.items() for column in contract.dtypes()}
    if wrong := sorted(METRIC_TABLES & set(parameters(metric.function))):
        raise DeclarationError(f"the metric {metric.name} reads {', '.join(wrong)}; other metrics are read by @Derived")
    for need in metric.needs:
        if need not in CANONICAL and need not in columns:
            near = _near(need, {*CANONICAL, *columns})
            raise DeclarationError(f"the metric {metric.name} needs {need}, which no canonical table has{near}")
    try:
        metric.definition.format_map({name: Config.model_fields[name].default for name in SECTIONS})
    except (KeyError, AttributeError, ValueError, IndexError) as fault:
        raise DeclarationError(
            f"the docstring of {metric.name} has in braces what is no section.key of the config: {fault}"
        ) from None


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"; {near[0]} comes nearest" if near else ""


check_declarations()


def metric_assets() -> dict[str, list[Metric]]:
    """The metrics of each asset, in the order in which they can be computed: derived ones after their operands."""
    grouped: dict[str, list[Metric]] = {}
    for metric in _in_order():
        grouped.setdefault(metric.asset, []).append(metric)
    return grouped


def _in_order() -> list[Metric]:
    done: dict[str, Metric] = {}

    def visit(metric: Metric, path: tuple[str, ...] = ()) -> None:
        if metric.name in path:
            raise ValueError(f"metrics are defined by each other: {' → '.join((*path, metric.name))}")
        for name in (*metric.operands, *metric.beside):
            if name in CATALOGUE and name not in done:
                visit(CATALOGUE[name], (*path, metric.name))
        done.setdefault(metric.name, metric)

    for metric in CATALOGUE.values():
        visit(metric)
    return list(done.values())
