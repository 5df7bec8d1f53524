"""Exports → landed → validated → clean: the unpartitioned assets of the job `ingest`."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from pipelines.assets.declared import OWNERS, RETRY, plain_failures, table_metadata
from pipelines.catalogue import catalogue_rows, operand_rows, target_rows
from pipelines.ingest import customers, ingest_table, land_all
from pipelines.partitions import PROJECT
from pipelines.plan import stale_months, stretches
from pipelines.resources import WarehouseResource
from pipelines.tables import nodes
from schemas.catalogue import CANONICAL, PUBLISHED
from schemas.metrics import DimMetric
from transforms.clean.seen import seen_on
from transforms.facts.accounts import dim_account as make_dim_account
from transforms.facts.accounts import first_seen
from transforms.metrics.catalogue import CATALOGUE
from warehouse.lineage import content_months
from warehouse.staging import read_staged

FIRST = ("accounts", "account_links")
"""Tables that decide whose row a row is; all others come after them."""
AS_OF = "customer_success/as_of"


@dg.asset(
    group_name="landed",
    owners=OWNERS,
    kinds={"file"},
    retry_policy=RETRY,
    description=PUBLISHED["export_file"].prose(),
    metadata=table_metadata(PUBLISHED["export_file"]),
)
def export_file(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Land every file of the config, and settle which day the data speaks for."""
    with plain_failures("export_file"):
        landed, as_of = land_all(warehouse.project)
    context.instance.add_run_tags(context.run_id, {AS_OF: as_of.isoformat()})
    return dg.MaterializeResult(
        metadata={"dagster/row_count": len(landed), "bytes": sum(f.bytes for f in landed), "as_of": as_of.isoformat()}
    )


def _as_of(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dt.date:
    """The day this run's landing settled; a single table ingested by hand takes the last ingest's."""
    told = context.instance.get_run_by_id(context.run_id)
    tag = told.tags.get(AS_OF) if told else None
    return dt.date.fromisoformat(tag) if tag else warehouse.project.as_of()


def _canonical_asset(name: str) -> dg.AssetsDefinition:
    contract = PROJECT.contracts[name]
    deps = ["export_file"] if name in FIRST else ["export_file", *FIRST]

    @dg.asset(
        name=name,
        group_name="clean",
        owners=OWNERS,
        kinds={"polars", "pandera", "parquet"},
        deps=[*deps, *(["usage_events"] if name == "milestones" else [])],
        retry_policy=RETRY,
        description=contract.prose(),
        metadata=table_metadata(contract),
    )
    def canonical(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        with plain_failures(name):
            made = ingest_table(warehouse.project, name, _as_of(context, warehouse), context.run_id)
        if made.rejected:
            context.log.warning(f"{name}: {made.rejected} rows quarantined; see table quarantine")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": made.rows,
                "quarantined_rows": made.rejected,
                "has_source": made.has_source,
                "unchanged": made.unchanged,
            }
        )

    return canonical


canonical_assets = [_canonical_asset(name) for name in CANONICAL]


@dg.asset(
    group_name="facts",
    owners=OWNERS,
    kinds={"polars", "duckdb"},
    deps=list(CANONICAL),
    retry_policy=RETRY,
    description=PUBLISHED["dim_account"].prose(),
    metadata=table_metadata(PROJECT.contracts["dim_account"]),
)
def dim_account(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Every account any export mentions."""
    project = warehouse.project
    with plain_failures("dim_account"):
        as_of, config = project.as_of(), project.config
        zone = config.reporting.time_zone
        frames = {
            name: seen_on(
                customers(project) if name == "accounts" else read_staged(project.folders, name, contract),
                contract,
                as_of,
                zone,
            )
            for name, contract in project.contracts.items()
            if name in CANONICAL and name != "account_links"
        }
        seen = first_seen(frames, {name: project.contracts[name] for name in frames}, zone)
        frame = make_dim_account(
            accounts=frames["accounts"],
            subscription_items=frames["subscription_items"],
            milestones=frames["milestones"],
            fx_rates=frames["fx_rates"],
            first_seen=seen,
            account_key=project.database.account_keys(seen["account_id"].to_list()),
            as_of=as_of,
            currency=config.reporting.currency,
            onboarding=config.onboarding,
            segments=config.segments,
        )
        contract = project.contracts["dim_account"]
        checked = contract.validate(frame.select(list(contract.dtypes())), lazy=True)
        content = content_months(checked, contract, project.months(as_of), as_of, zone)
        project.database.write_whole({"dim_account": checked})
        project.database.write_whole({"content_month": content}, {"table_name": ["dim_account"]})
    return dg.MaterializeResult(metadata={"dagster/row_count": checked.height})


@dg.asset(
    group_name="facts",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=list(CANONICAL),
    description=PUBLISHED["dim_month"].prose(),
    metadata=table_metadata(PUBLISHED["dim_month"]),
)
def dim_month(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The months of the data."""
    project = warehouse.project
    with plain_failures("dim_month"):
        as_of = project.as_of()
        frame = project.calendar(project.months(as_of), as_of)
        project.database.write_whole({"dim_month": frame})
    return dg.MaterializeResult(metadata={"dagster/row_count": frame.height})


@dg.asset(
    group_name="facts",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=["dim_account", "dim_month"],
    description=PUBLISHED["dim_metric"].prose(),
    metadata=table_metadata(PUBLISHED["dim_metric"]),
)
def dim_metric(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The catalogue of metrics, from their definitions."""
    project = warehouse.project
    with plain_failures("dim_metric"):
        keys = project.database.metric_keys(list(CATALOGUE))
        frame = DimMetric.validate(DimMetric.shaped(catalogue_rows(project).join(keys, on="metric")))
        targets = target_rows(project, project.months(project.as_of()))
        project.database.write_whole(
            {"dim_metric": frame, "metric_operand": operand_rows(project), "metric_target": targets}
        )
    return dg.MaterializeResult(metadata={"dagster/row_count": frame.height})


@dg.asset(
    group_name="facts",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=["dim_account", "dim_month", "dim_metric"],
    description="Which months of which tables are no longer what the exports, the config and the code say.",
)
def stale_month(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The end of an ingest: the months that what was ingested touches, look-back included."""
    with plain_failures("stale_month"):
        stale = stale_months(warehouse.project)
    found = stretches(stale)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(stale),
            "stretches": dg.MetadataValue.json([[first.isoformat(), last.isoformat()] for first, last in found]),
            "tables": len({entry.table for entry in stale}),
            "of_tables": len(nodes(warehouse.project)),
        }
    )


def ingest_assets() -> Iterator[dg.AssetsDefinition]:
    """All of them."""
    yield from (export_file, *canonical_assets, dim_account, dim_month, dim_metric, stale_month)
