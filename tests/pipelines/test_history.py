"""The history of runs that follow the plan: only what was made, with the tags that Dagster itself would write."""

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.execution.plan import execute_step
from dagster._core.loader import LoadingContextForTest

from pipelines.orchestration import history
from pipelines.orchestration.partitions import RANGE_END, RANGE_START

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
MONTHS = dg.MonthlyPartitionsDefinition("2024-01-01", end_date="2024-05-01")
ALL = {RANGE_START: "2024-01-01", RANGE_END: "2024-04-01"}


def definitions(code: str = "1") -> dg.Definitions:
    """A fact, and a metric that reads the month before, too; each tells itself what it made, if the run says so."""

    def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        keys = [key for key in context.partition_keys if key in (context.run.tags.get("make") or " ".join(ALL_KEYS))]
        if context.run.tags.get("dagster/defer_asset_events"):
            told = {key: {"dagster/partition_row_count": 7} for key in keys}
            history.record_months(context, told, {key: f"v{key}" for key in keys})
        return dg.MaterializeResult(data_version=dg.DataVersion("whole"))

    common = {"partitions_def": MONTHS, "backfill_policy": dg.BackfillPolicy.single_run()}

    @dg.asset(code_version=code, **common)
    def fact(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return made(context)

    back = dg.TimeWindowPartitionMapping(start_offset=-1, allow_nonexistent_upstream_partitions=True)

    @dg.asset(code_version="1", deps=[dg.AssetDep(fact, partition_mapping=back)], **common)
    def metric(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return made(context)

    job = dg.define_asset_job("months", dg.AssetSelection.assets(fact, metric))
    return dg.Definitions(assets=[fact, metric], jobs=[job], executor=dg.in_process_executor)


ALL_KEYS = MONTHS.get_partition_keys()


def run(instance: dg.DagsterInstance, **tags: str) -> None:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = definitions().resolve_job_def("months")
    assert job.execute_in_process(instance=instance, tags={**ALL, **tags}, run_config=quiet).success


def tags_of(instance: dg.DagsterInstance, asset: str) -> dict[str, dict[str, str]]:
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    return {record.partition_key: dict(record.asset_materialization.tags) for record in records}


def test_the_private_names_of_dagster_that_it_relies_on_are_there() -> None:
    assert all(callable(getattr(execute_step, name)) for name in history.RELIES_ON)


def test_only_the_months_that_were_made_are_recorded_and_none_is_planned() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, **{"dagster/defer_asset_events": "true", "make": "2024-02-01 2024-04-01"})
        assert instance.get_materialized_partitions(dg.AssetKey("fact")) == {"2024-02-01", "2024-04-01"}
        (ran,) = instance.get_runs()
        events = [entry.dagster_event for entry in instance.all_logs(ran.run_id) if entry.dagster_event]
        assert not any(event.is_asset_materialization_planned for event in events)


def test_a_month_carries_its_own_data_version_and_the_tags_that_dagster_would_write() -> None:
    with dg.DagsterInstance.ephemeral() as one, dg.DagsterInstance.ephemeral() as other:
        run(one)
        run(other, **{"dagster/defer_asset_events": "true"})
        for asset in ("fact", "metric"):
            by_dagster, by_us = tags_of(one, asset), tags_of(other, asset)
            assert by_dagster.keys() == by_us.keys() == set(ALL_KEYS)
            for key in ALL_KEYS:
                assert by_us[key].keys() == by_dagster[key].keys()
                assert by_us[key]["dagster/data_version"] == f"v{key}"
                assert by_us[key]["dagster/code_version"] == by_dagster[key]["dagster/code_version"] == "1"


@pytest.mark.parametrize("deferred", [{}, {"dagster/defer_asset_events": "true"}], ids=["dagster's own", "ours"])
def test_the_ui_says_that_nothing_is_stale_and_after_a_change_of_code_that_it_is(deferred: dict[str, str]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, **deferred)

        def status(code: str, asset: str) -> StaleStatus:
            graph = definitions(code).resolve_asset_graph()
            resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
            return resolver.get_status(dg.AssetKey(asset), "2024-03-01")

        assert status("1", "fact") == status("1", "metric") == StaleStatus.FRESH
        assert status("2", "fact") == StaleStatus.STALE
