"""What a run that follows the plan records itself: what it made, each month with its own data version."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.execution.plan.execute_step import _build_data_version_tags, _get_input_provenance_data

from pipelines.orchestration.declared import ended_by_interrupts
from pipelines.orchestration.event_log import log_materializations
from pipelines.orchestration.partitions import DEFERRED

RELIES_ON = ("_build_data_version_tags", "_get_input_provenance_data")
"""Private names of Dagster that are used here; the tests tell when one of them is gone."""


def made(
    context: dg.AssetExecutionContext,
    metadata: Mapping[str, Any],
    version: str | None = None,
    name: str | None = None,
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[None]:
    """What an asset without months says that it made; `name`: of several assets of one function."""
    key = dg.AssetKey(name) if name else context.asset_key
    if is_deferred(context):
        _record(context, key, {None: metadata}, {None: version or context.run_id})
    told = dg.DataVersion(version) if version else None
    return dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=told, check_results=checks)


def record_months(
    context: dg.AssetExecutionContext, told: Mapping[str, Mapping[str, Any]], versions: Mapping[str, str]
) -> None:
    """Record the partitions that were made, with their metadata and data versions, and nothing of the others."""
    _record(context, context.asset_key, told, versions)


def is_deferred(context: dg.AssetExecutionContext) -> bool:
    """Whether the run records itself what it makes."""
    return context.run.tags.get(DEFERRED) == "true"


def _record(
    context: dg.AssetExecutionContext,
    asset_key: dg.AssetKey,
    metadata: Mapping[Any, Mapping[str, Any]],
    versions: Mapping[Any, str],
) -> None:
    """Record what was made, by partition (None: it has none).

    The tags are those that Dagster itself would write, so that its staleness and lineage are true: by them it tells
    what an asset was made from.
    """
    with ended_by_interrupts():
        inputs = _get_input_provenance_data(asset_key, context.get_step_execution_context())
        code = context.assets_def.code_versions_by_key[asset_key] or context.run_id
        log_materializations(
            context,
            [
                dg.AssetMaterialization(
                    asset_key=asset_key,
                    partition=partition,
                    metadata=told,
                    tags=_build_data_version_tags(dg.DataVersion(versions[partition]), code, inputs, True),
                )
                for partition, told in metadata.items()
            ],
        )
