"""Audit → published: the last assets, and the checks that block them."""

import datetime as dt

import dagster as dg

from pipelines.assets.declared import OWNERS, plain_failures, table_metadata
from pipelines.assets.monthly import metric_assets_, table_assets
from pipelines.partitions import PROJECT
from pipelines.plan import stale_months
from pipelines.publishing import audit_and_publish, audited
from pipelines.resources import WarehouseResource
from schemas.catalogue import PUBLISHED

LINEAGE = dg.AssetCheckSpec(
    "one_lineage",
    asset="invariant",
    blocking=True,
    description="Every published month of every table is made from the same exports, config, code and as_of.",
)
HOLD = dg.AssetCheckSpec(
    "invariants_hold",
    asset="invariant",
    blocking=True,
    description="Identities of the numbers hold in every month, and no row was lost.",
)


@dg.asset(
    group_name="audit",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=[*table_assets, *metric_assets_],
    check_specs=[LINEAGE, HOLD],
    description=PUBLISHED["invariant"].prose(),
    metadata=table_metadata(PUBLISHED["invariant"]),
)
def invariant(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Check what must hold, over all months."""
    project = warehouse.project
    with plain_failures("invariant"):
        record = audited(project)
        stale = [entry for entry in stale_months(project) if entry.month >= project.config.first_month]
    broken = record.filter(~record["passed"])
    return dg.MaterializeResult(
        metadata={"dagster/row_count": record.height, "broken": broken.height},
        check_results=[
            dg.AssetCheckResult(
                check_name="one_lineage",
                passed=not stale,
                metadata={"stale_table_months": len(stale), "such_as": str(stale[0]) if stale else ""},
            ),
            dg.AssetCheckResult(
                check_name="invariants_hold",
                passed=broken.is_empty(),
                metadata={"broken": ", ".join(sorted(set(broken["name"].to_list())))},
            ),
        ],
    )


@dg.asset(
    group_name="published",
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    deps=[invariant],
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron="0 8 * * *", lower_bound_delta=dt.timedelta(hours=8), timezone=PROJECT.config.reporting.time_zone
    ),
    description=PUBLISHED["publication"].prose(),
    metadata=table_metadata(PUBLISHED["publication"]),
)
def publication(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Audit once more, and give readers the new version."""
    with plain_failures("publication"):
        version = audit_and_publish(warehouse.project, context.run_id)
    return dg.MaterializeResult(metadata={"version": version})
