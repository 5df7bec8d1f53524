"""Every metric there is: importing a family registers its metrics."""

import importlib
import pkgutil

from transforms import metrics
from transforms.metrics.definition import REGISTRY, Metric

_FRAMEWORK = {"catalogue", "definition", "roll_up"}

for _family in pkgutil.iter_modules(metrics.__path__):
    if _family.name not in _FRAMEWORK:
        importlib.import_module(f"{metrics.__name__}.{_family.name}")

# Whoever imported a family first must not decide the order.
CATALOGUE: dict[str, Metric] = dict(sorted(REGISTRY.items(), key=lambda entry: entry[1].module))
"""The metrics by name."""


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
