"""Dagster's history stays small: old logs are forgotten, and what runs made is not."""

import datetime as dt
import os
from pathlib import Path

import dagster as dg
import pytest

from pipelines.orchestration.event_log import PooledEventLog
from pipelines.orchestration.run_logs import forget_old_logs

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SETTINGS = """\
telemetry: {enabled: false}
event_log_storage:
  module: pipelines.orchestration.event_log
  class: PooledEventLog
  config: {base_dir: history/runs}
"""


@dg.asset(partitions_def=dg.MonthlyPartitionsDefinition("2024-01-01", end_date="2024-04-01"))
def fact(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion(context.partition_key))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_text(SETTINGS)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def ran(instance: dg.DagsterInstance, home: Path, month: str, days_ago: int) -> str:
    """A run of a month, to whose log nothing was written for so many days; its id."""
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    run_id = dg.materialize([fact], instance=instance, partition_key=month, run_config=quiet).run_id
    written = (NOW - dt.timedelta(days=days_ago)).timestamp()
    os.utime(log_of(home, run_id), (written, written))
    return run_id


def log_of(home: Path, run_id: str) -> Path:
    return home / "history" / "runs" / f"{run_id}.db"


def test_logs_of_runs_that_ended_long_ago_are_forgotten_and_those_of_later_ones_are_not(home):
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, PooledEventLog)
        old, new = (ran(instance, home, m, days) for m, days in (("2024-01-01", 91), ("2024-02-01", 89)))
        assert forget_old_logs(instance, 90, NOW) == 1
        assert not log_of(home, old).exists() and log_of(home, new).exists()
        assert not (home / "storage" / old).exists() and (home / "storage" / new).exists()
        assert forget_old_logs(instance, 90, NOW) == 0


def test_what_they_made_stays_in_the_history(home):
    with dg.DagsterInstance.get() as instance:
        old = ran(instance, home, "2024-01-01", 1000)
        assert forget_old_logs(instance, 90, NOW) == 1
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("fact")) == {"2024-01-01"}
        (record,) = instance.fetch_materializations(dg.AssetKey("fact"), limit=5).records
        assert record.run_id == old
        assert record.asset_materialization.tags["dagster/data_version"] == "2024-01-01"
        assert [run.run_id for run in instance.get_runs()] == [old]
        assert instance.all_logs(old) == []


def test_the_log_of_a_run_that_has_not_ended_stays_however_old(home):
    with dg.DagsterInstance.get() as instance:
        begun = instance.create_run_for_job(
            dg.define_asset_job("facts").resolve(asset_graph=dg.Definitions([fact]).resolve_asset_graph())
        )
        instance.report_engine_event("waiting", begun)
        os.utime(log_of(home, begun.run_id), (0, 0))
        assert forget_old_logs(instance, 90, NOW) == 0
        assert log_of(home, begun.run_id).exists()


def test_a_month_can_be_made_again_when_the_log_of_its_run_is_gone(home):
    with dg.DagsterInstance.get() as instance:
        ran(instance, home, "2024-01-01", 1000)
        forget_old_logs(instance, 90, NOW)
        again = ran(instance, home, "2024-01-01", 0)
        found = instance.fetch_materializations(dg.AssetKey("fact"), limit=5).records
        assert found[0].run_id == again and len(found) == 2


def test_what_was_told_without_a_run_stays(home):
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("fact", partition="2024-03-01"))
        path = home / "history" / "runs" / ".db"
        os.utime(path, (0, 0))
        assert forget_old_logs(instance, 90, NOW) == 0
        assert path.exists()


def test_an_event_log_elsewhere_is_left_alone():
    with dg.DagsterInstance.ephemeral() as instance:
        assert forget_old_logs(instance, 1, NOW) == 0
