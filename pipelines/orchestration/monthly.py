"""Facts, metrics and explanations: the assets partitioned by month."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.months.makers import node_code
from pipelines.months.nodes import Node, nodes, offsets
from pipelines.months.readers import UNPARTITIONED
from pipelines.orchestration.declared import OWNERS, RETRY, code_links, plain_failures, table_metadata
from pipelines.orchestration.history import is_deferred, record_months
from pipelines.orchestration.partitions import ONLY_STALE, Stale, key_of_month, month_of_key, partitions
from pipelines.orchestration.resources import WarehouseResource
from pipelines.project import Project
from schemas.config import Config
from transforms.calendar import add_months, month_of, months_between
from transforms.catalogue import MONTHLY_TABLES
from transforms.declaration import ALL
from transforms.metrics.definition import Metric
from warehouse.lineage import digest

AHEAD = 120
"""Months for which a process that loaded the definitions may go on, if they end with the current month."""


def monthly_assets(project: Project) -> list[dg.AssetsDefinition]:
    """An asset for each table by month and each metric asset, in the order in which they can be built."""
    return [_asset(project, node) for node in nodes(project.config)]


def longest_edge(config: Config) -> int:
    """Months back that reach before the first month, from any that there will be.

    Not more than it takes: Dagster counts them one by one, for each asset that it runs.
    """
    today = dt.datetime.now(ZoneInfo(config.reporting.time_zone)).date()
    last = month_of(config.as_of) if config.as_of else add_months(month_of(today), AHEAD)
    return len(months_between(config.first_built_month, last))


@dataclass(frozen=True)
class Told:
    """What an asset says of itself."""

    group: str
    description: str
    metadata: dict[str, Any]
    tags: dict[str, str]


def _asset(project: Project, node: Node) -> dg.AssetsDefinition:
    told = _of_metrics(project, node) if node.metrics else _of_table(project, node)

    @dg.asset(
        name=node.name,
        partitions_def=partitions(project.config),
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"polars", "duckdb"},
        deps=[*_deps(node, longest_edge(project.config)), "dim_month"],
        retry_policy=RETRY,
        code_version=node_code(node),
        group_name=told.group,
        description=told.description,
        metadata=told.metadata,
        tags=told.tags,
    )
    def monthly(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        return _made(context, warehouse, node.name)

    return monthly


def _of_table(project: Project, node: Node) -> Told:
    contract, function = project.contracts[node.name], MONTHLY_TABLES[node.name].function
    group = "dimensions" if node.name.startswith("dim_") else function.__module__.split(".")[1]
    metadata = {**table_metadata(contract), **code_links(function, contract)}
    return Told(group, contract.prose(), metadata, {})


def _of_metrics(project: Project, node: Node) -> Told:
    """Of the metric that the asset is named after, and of each of its companions beside it."""
    # They stand in the order in which they can be computed; a person looks for the asset's own first.
    own, *companions = sorted(node.metrics, key=lambda metric: metric.name != node.name)
    of_own = {"signal": own.signal, "perspective": own.perspective}
    records = [_record(project, metric) for metric in (own, *companions)]
    metadata = {
        "unit": own.unit,
        "better": own.better,
        **of_own,
        "metrics": dg.MetadataValue.table(records),
        **code_links(*(metric.function for metric in (own, *companions))),
    }
    prose = "\n\n".join(f"**{m.name}** ({m.unit}): {m.defined(project.config)}" for m in (own, *companions))
    return Told("metrics", prose, metadata, {**of_own, "family": own.module.rpartition(".")[2]})


SHOWN = ("title", "unit", "better", "signal", "perspective", "rollup", "over_time")
"""What the UI shows of each metric of an asset, beside its name and definition."""


def _record(project: Project, metric: Metric) -> dg.TableRecord:
    own = {name: getattr(metric, name) for name in SHOWN}
    return dg.TableRecord({"metric": metric.name, **own, "definition": metric.defined(project.config)})


def _deps(node: Node, longest: int) -> list[dg.AssetDep]:
    """What a node reads, with the months it reads of it."""
    return [
        dg.AssetDep(name, partition_mapping=None if name in UNPARTITIONED else _mapping(*offsets(windows), longest))
        for name, windows in node.windows.items()
    ]


def _mapping(back: int | None, ahead: int, longest: int) -> dg.PartitionMapping:
    return dg.TimeWindowPartitionMapping(
        start_offset=-longest if back is ALL else -back,
        end_offset=ahead,
        allow_nonexistent_upstream_partitions=True,
    )


def _made(context: dg.AssetExecutionContext, warehouse: WarehouseResource, name: str) -> dg.MaterializeResult[None]:
    """Build the months that the run asks for, and say which were built."""
    run = warehouse.month_run(context.run_id)
    asked = [month_of_key(key) for key in context.partition_keys]
    with plain_failures(name):
        which = context.run.tags.get(ONLY_STALE)
        if which == Stale.NEEDED:
            asked = run.needed(tuple(asked))[name]
        elif which:
            asked = run.stale(name, run.months if which == Stale.ANYWHERE else asked)
        counts = run.build(name, asked)
    # The UI plots numbers, month by month: of a metric asset the company's values beside the rows.
    company = run.company.get(name, {})
    told = {
        key_of_month(month): {"dagster/partition_row_count": count, **company.get(month, {})}
        for month, count in counts.items()
    }
    versions = {key: digest(run.expected[name, month_of_key(key)]) for key in told}
    if is_deferred(context):
        record_months(context, told, versions)
    else:
        for key, metadata in told.items():
            context.add_asset_metadata(metadata, partition_key=key)
    return dg.MaterializeResult(data_version=dg.DataVersion(digest(sorted(versions.items()))) if versions else None)
