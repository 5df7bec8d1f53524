"""Everything that is declared: importing a module registers the tables and metrics that it defines."""

import importlib
import pkgutil
from collections.abc import Mapping

from transforms import explanations, facts, metrics
from transforms.declaration import INTERMEDIATES, TABLES, WHOLE_TABLES, MonthlyTable, check_declaration
from transforms.metrics.definition import REGISTRY, Metric

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
    for made in INTERMEDIATES.values():
        check_declaration(made.function, made.reads)
    for metric in CATALOGUE.values():
        check_declaration(metric.function, metric.reads, metric.observed)
        if metric.unknown_when:
            check_declaration(metric.unknown_when, {})


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
        for name in (*metric.operands, *([metric.null_with] if metric.null_with else [])):
            if name in CATALOGUE and name not in done:
                visit(CATALOGUE[name], (*path, metric.name))
        done.setdefault(metric.name, metric)

    for metric in CATALOGUE.values():
        visit(metric)
    return list(done.values())
