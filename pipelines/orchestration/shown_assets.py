"""What analysts open first, as assets that the graph shows and no run executes.

The rows are made by the metric assets, and reach readers with the publication, which records it; a step of their own
would make nothing.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from pipelines.orchestration.declared import OWNERS, code_links, table_metadata
from pipelines.project import Project
from pipelines.publish.shown import shown_headlines, shown_rows
from schemas.metrics import MetricMonth
from transforms.catalogue import metric_assets
from warehouse.views import VIEWS, View

VALUES = MetricMonth.table()
SCORECARD = next(view for view in VIEWS if view.name == "scorecard")


def shown_specs() -> list[dg.AssetSpec]:
    """The values of all metrics, and the scorecard that is a view of them."""
    return [
        _spec(
            VALUES,
            MetricMonth.prose(),
            [*metric_assets(), "publication"],
            {**table_metadata(MetricMonth), **code_links(MetricMonth)},
        ),
        _spec(
            SCORECARD.name,
            SCORECARD.prose,
            [VALUES, "dim_metric"],
            {"view_of": ", ".join(SCORECARD.tables), **code_links(View)},
        ),
    ]


def _spec(name: str, description: str, deps: Sequence[str], metadata: dict[str, Any]) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        deps=deps,
        description=description,
        metadata=metadata,
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb"},
    )


def shown_metadata(project: Project, version: int) -> dict[str, dict[str, Any]]:
    """Of each, what the UI tells of a version: the rows, and the headlines, which it plots from version to version."""
    rows = shown_rows(project, (VALUES, SCORECARD.name))
    told: dict[str, dict[str, Any]] = {
        name: {"version": version, "dagster/row_count": count} for name, count in rows.items()
    }
    told[SCORECARD.name] |= shown_headlines(project)
    return told
