"""Facts and metrics: the assets partitioned by month."""

import dagster as dg

from pipelines.assets.declared import OWNERS, RETRY, plain_failures, table_metadata
from pipelines.partitions import MONTHS, PROJECT, key_of_month, month_of_key
from pipelines.resources import WarehouseResource
from pipelines.tables import MONTHLY_TABLES, metric_inputs, nodes
from transforms.metrics.catalogue import metric_assets

GROUPS = {
    "dim_account_month": "facts",
}
"""Groups of the asset graph that a name does not tell."""


def _deps(inputs: list[str]) -> list[dg.AssetDep]:
    """Upstream assets; months of the look-back are checked when they are read, as their lineage must agree."""
    return [dg.AssetDep(name, partition_mapping=_mapping(name)) for name in inputs]


def _mapping(name: str) -> dg.PartitionMapping | None:
    partitioned = name in MONTHLY_TABLES or name in metric_assets()
    return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True) if partitioned else None


def _table_asset(name: str) -> dg.AssetsDefinition:
    contract = PROJECT.contracts[name]

    @dg.asset(
        name=name,
        group_name="facts",
        partitions_def=MONTHS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"polars", "duckdb"},
        deps=[*_deps([entry.table for entry in MONTHLY_TABLES[name].inputs]), "dim_month"],
        retry_policy=RETRY,
        description=contract.prose(),
        metadata=table_metadata(contract),
    )
    def monthly(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        months = [month_of_key(key) for key in context.partition_keys]
        with plain_failures(name):
            counts = warehouse.month_run(context.run_id).build_table(name, months)
        for month, rows in counts.items():
            context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=key_of_month(month))
        return dg.MaterializeResult()

    return monthly


def _metric_asset(name: str) -> dg.AssetsDefinition:
    members = metric_assets()[name]
    prose = "\n\n".join(f"**{metric.name}** ({metric.unit}): {metric.definition}" for metric in members)

    @dg.asset(
        name=name,
        group_name=members[0].module.rpartition(".")[2],
        partitions_def=MONTHS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"polars", "duckdb"},
        deps=[*_deps([entry.table for entry in metric_inputs(members)]), "dim_month", "dim_metric"],
        retry_policy=RETRY,
        description=prose,
        metadata={
            "metrics": ", ".join(metric.name for metric in members),
            "unit": members[0].unit,
            "better": members[0].better,
            "signal": members[0].signal,
            "perspective": members[0].perspective,
        },
        tags={"signal": members[0].signal, "perspective": members[0].perspective},
    )
    def metric(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        months = [month_of_key(key) for key in context.partition_keys]
        with plain_failures(name):
            counts = warehouse.month_run(context.run_id).build_metrics(name, months)
        for month, rows in counts.items():
            context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=key_of_month(month))
        return dg.MaterializeResult()

    return metric


table_assets = [_table_asset(name) for name in MONTHLY_TABLES]
metric_assets_ = [_metric_asset(node.name) for node in nodes(PROJECT) if node.name not in MONTHLY_TABLES]
