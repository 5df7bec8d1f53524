"""Audit → published: the last assets, and the checks that block them."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from pipelines.months.plan import stale_months
from pipelines.orchestration.declared import (
    OWNERS,
    code_links,
    ended_by_interrupts,
    plain_failures,
    table_metadata,
)
from pipelines.orchestration.event_log import log_materializations
from pipelines.orchestration.history import made
from pipelines.orchestration.resources import WarehouseResource
from pipelines.orchestration.run_logs import forget_old_logs
from pipelines.orchestration.shown_assets import shown_metadata
from pipelines.project import Project
from pipelines.publish.coverage import told_of_lacking
from pipelines.publish.glossary import glossary
from pipelines.publish.release import publish_what_is_new
from schemas.tables import PUBLISHED
from warehouse.audit import check_invariants
from warehouse.versions import current_version

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


KNOWN = dg.AssetCheckSpec(
    "customers_are_known",
    asset="publication",
    description="Of the last closed month the CRM knows whose the rows and the MRR of each source are, to the share "
    "that identity.coverage_floor asks for. It blocks nothing.",
)


ACCEPT = "customer_success/accept"
"""The tag of a run that lets moves of closed months through, as a refused publish named them."""


def publish_assets(project: Project, monthly: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The audit and the publication of all months."""
    return [dim_metric, _invariant(monthly), _publication(project)]


@dg.asset(
    group_name="audit",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=["dim_month"],
    description=PUBLISHED["dim_metric"].prose(),
    metadata={**table_metadata(PUBLISHED["dim_metric"]), **code_links(glossary)},
)
def dim_metric(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The catalogue of metrics, from their definitions as they are worded now."""
    with plain_failures("dim_metric"):
        told = glossary(warehouse.project)
        warehouse.project.database.write_whole(told)
    return made(context, {"dagster/row_count": told["dim_metric"].height})


def _invariant(monthly: Sequence[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    @dg.asset(
        group_name="audit",
        owners=OWNERS,
        kinds={"duckdb"},
        deps=[*monthly, dim_metric],
        check_specs=[LINEAGE, HOLD],
        description=PUBLISHED["invariant"].prose(),
        metadata={**table_metadata(PUBLISHED["invariant"]), **code_links(check_invariants)},
    )
    # Dagster takes a checked asset whose result says its type for one of several outputs.
    def invariant(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return _audited(context, warehouse.project)

    return invariant


def _audited(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
    """Check what must hold, over all months."""
    with plain_failures("invariant"):
        record = check_invariants(project.database)
        stale = [entry for entry in stale_months(project) if entry.month >= project.config.first_month]
    broken = record.filter(~record["passed"])
    checks = [
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
    ]
    return made(context, {"dagster/row_count": record.height, "broken": broken.height}, checks=checks)


def _publication(project: Project) -> dg.AssetsDefinition:
    @dg.asset(
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        deps=["invariant"],
        check_specs=[KNOWN],
        freshness_policy=dg.FreshnessPolicy.cron(
            deadline_cron="0 8 * * *",
            lower_bound_delta=dt.timedelta(hours=8),
            timezone=project.config.reporting.time_zone,
        ),
        description=PUBLISHED["publication"].prose(),
        metadata={**table_metadata(PUBLISHED["publication"]), **code_links(publish_what_is_new)},
    )
    # As above: a checked asset's result doesn't say its type.
    def publication(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Audit once more, and give readers the new version, if it would be one."""
        project = warehouse.project
        forget_old_logs(context.instance, project.config.history.keep_logs_days, dt.datetime.now(dt.UTC))
        with plain_failures("publication"):
            version = publish_what_is_new(project, context.run_id, context.run.tags.get(ACCEPT))
            shown = {} if version is None else shown_metadata(project, version)
        if version is None:
            kept = current_version(project.folders)
            told = f"nothing is new since version {kept}, which readers keep"
            return made(context, {"version": kept, "is_new": False, "told": told}, checks=[_known(project)])
        with ended_by_interrupts():
            events = [dg.AssetMaterialization(name, metadata=metadata) for name, metadata in shown.items()]
            log_materializations(context, events)
        return made(context, {"version": version, "is_new": True}, checks=[_known(project)])

    return publication


def _known(project: Project) -> dg.AssetCheckResult:
    """Whether the CRM knows whose the last closed month is; in words where it does not."""
    lacking = list(told_of_lacking(project))
    return dg.AssetCheckResult(
        check_name="customers_are_known",
        asset_key="publication",
        passed=not lacking,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"lacking": "; ".join(lacking)},
    )
