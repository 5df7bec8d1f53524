"""Exports → landed → validated → clean → dimensions: the unpartitioned assets of the job `ingest`."""

import datetime as dt
from collections.abc import Callable, Iterator

import dagster as dg

from pipelines.ingest.canonical_tables import READS, ingest_table, land_all
from pipelines.ingest.resolved import FIRST
from pipelines.ingest.sources import ingest_code
from pipelines.months.dimensions import build_dimensions, sights
from pipelines.months.makers import dimension_code
from pipelines.months.nodes import nodes
from pipelines.months.plan import stale_months, stretches
from pipelines.orchestration.checks import contract_check, contract_result
from pipelines.orchestration.declared import OWNERS, RETRY, code_links, plain_failures, table_metadata
from pipelines.orchestration.history import made
from pipelines.orchestration.resources import WarehouseResource
from pipelines.project import Project
from schemas.operations import Ingest
from schemas.tables import CANONICAL, PUBLISHED, WHOLE
from transforms.catalogue import DIMENSION_TABLES

CONTRACTS = {**PUBLISHED, **WHOLE}
AS_OF = "customer_success/as_of"
DIMENSIONS = (*DIMENSION_TABLES, "dim_month")


@dg.asset(
    group_name="landed",
    owners=OWNERS,
    kinds={"file"},
    retry_policy=RETRY,
    description=PUBLISHED["export_file"].prose(),
    metadata={**table_metadata(PUBLISHED["export_file"]), **code_links(land_all)},
)
def export_file(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Land every file of the config, and settle which day the data speaks for."""
    with plain_failures("export_file"):
        landed, as_of = land_all(warehouse.project)
    context.instance.add_run_tags(context.run_id, {AS_OF: as_of.isoformat()})
    size = sum(file.bytes for file in landed)
    return made(context, {"dagster/row_count": len(landed), "bytes": size, "as_of": as_of.isoformat()})


def _as_of(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dt.date:
    """The day this run's landing settled; a single table ingested by hand takes the last ingest's."""
    told = context.instance.get_run_by_id(context.run_id)
    tag = told.tags.get(AS_OF) if told else None
    return dt.date.fromisoformat(tag) if tag else warehouse.project.as_of()


def _canonical_asset(project: Project, name: str) -> dg.AssetsDefinition:
    contract = project.contracts[name]
    deps = ["export_file", *(FIRST[: FIRST.index(name)] if name in FIRST else FIRST)]

    @dg.asset(
        name=name,
        group_name="clean",
        owners=OWNERS,
        kinds={"spark" if project.config.in_place(name) else "polars", "pandera", "parquet"},
        deps=[*deps, *([READS[name]] if name in READS else [])],
        retry_policy=RETRY,
        description=contract.prose(),
        metadata={**table_metadata(contract), **code_links(ingest_table, contract)},
        code_version=ingest_code(project, name),
        check_specs=[contract_check(name)],
    )
    # Dagster takes a checked asset whose result says its type for one of several outputs.
    def canonical(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        project, as_of = warehouse.project, _as_of(context, warehouse)
        with plain_failures(name):
            done = ingest_table(project, name, as_of, context.run_id, sights(project, as_of)(name))
            check = contract_result(project, name)
        if done.rejected:
            context.log.warning(f"{name}: {done.rejected} rows quarantined; see table quarantine")
        for notice in done.notices:
            context.log.warning(notice)
        for warning in done.warnings:
            context.log.warning(f"{name}: {warning}; see table export_file")
        told = {
            "dagster/row_count": done.rows,
            "quarantined_rows": check.metadata["rows_quarantined"].value,
            "has_source": done.has_source,
            "unchanged": done.unchanged,
        }
        return made(context, told, _version(project, name), checks=[check])

    return canonical


def _version(project: Project, name: str) -> str:
    """What a table without months is made from, as Dagster's data version."""
    rows = project.database.read(Ingest.table(), where={"table_name": [name]})
    version: str = rows["made_from"].item()
    return version


def _maker(name: str) -> Callable[..., object]:
    """The function that makes a dimension without months."""
    return DIMENSION_TABLES[name].function if name in DIMENSION_TABLES else build_dimensions


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            group_name="dimensions",
            owners=OWNERS,
            kinds={"polars", "duckdb"},
            deps=list(CANONICAL),
            description=CONTRACTS[name].prose(),
            code_version=dimension_code(name) if name in DIMENSION_TABLES else None,
            metadata={**table_metadata(CONTRACTS[name]), **code_links(_maker(name), CONTRACTS[name])},
        )
        for name in DIMENSIONS
    ],
    retry_policy=RETRY,
    name="dimensions",
)
def dimensions(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
    """Every account that any export mentions, and the months of the data."""
    project = warehouse.project
    with plain_failures("dim_account"):
        rows = build_dimensions(project)
    for name in DIMENSIONS:
        version = _version(project, name) if name in DIMENSION_TABLES else None
        yield made(context, {"dagster/row_count": rows[name]}, version, name)


@dg.asset(
    group_name="dimensions",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=list(DIMENSIONS),
    description="Which months of which tables are no longer what the exports, the config and the code say.",
    metadata=code_links(stale_months),
)
def stale_month(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The end of an ingest: the months that what was ingested touches, look-back included."""
    with plain_failures("stale_month"):
        stale = stale_months(warehouse.project)
    found = stretches(stale)
    told = {
        "dagster/row_count": len(stale),
        "stretches": dg.MetadataValue.json([[s.first.isoformat(), s.last.isoformat()] for s in found]),
        "tables": len({entry.table for entry in stale}),
        "of_tables": len(nodes(warehouse.project.config)),
    }
    return made(context, told)


def ingest_assets(project: Project) -> list[dg.AssetsDefinition]:
    """All of them."""
    return [export_file, *(_canonical_asset(project, name) for name in CANONICAL), dimensions, stale_month]
