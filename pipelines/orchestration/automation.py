"""Jobs, the daily schedule, and the sensors that follow new exports to a publish."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.ingest.sources import unlanded_files
from pipelines.months.plan import stale_months, stretches
from pipelines.orchestration.exports import stale_month
from pipelines.orchestration.partitions import Stale, of_plan
from pipelines.project import Project
from pipelines.publish.release import is_new
from transforms.calendar import month_of, next_month
from transforms.catalogue import CATALOGUE
from transforms.clean.vendors import FORMS
from warehouse.landing import default_as_of, source_files
from warehouse.publishing import publications

if TYPE_CHECKING:
    # Dagster exports the function that makes it, and not the type.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

Assets = Sequence[dg.AssetsDefinition]


@dataclass(frozen=True)
class Automation:
    """The jobs of a project, and what starts them by itself."""

    jobs: tuple[Job, ...]
    schedules: tuple[dg.ScheduleDefinition, ...]
    sensors: tuple[dg.SensorDefinition, ...]


def automation(project: Project, ingest: Assets, monthly: Assets, publish: Assets) -> Automation:
    """Jobs over the three stretches of the way and over all of it, a schedule, and three sensors."""
    ingest_job = _job("ingest", ingest, "Land, validate, clean and stage the exports.")
    months_job = _job("months", monthly, "Facts, metrics and explanations of some months.")
    publish_job = _job("publish", publish, "Audit, and publish if everything holds.")
    whole = (*ingest, *monthly, *publish)
    refresh_job = _job("refresh", whole, "Everything that is stale: exports in, published file out.")
    return Automation(
        (ingest_job, months_job, publish_job, refresh_job),
        (_daily(project, refresh_job),),
        (
            _new_exports(project, ingest_job),
            _touched_months(project, months_job),
            _whole_again(project, months_job, publish_job),
        ),
    )


def _job(name: str, assets: Assets, description: str) -> Job:
    return dg.define_asset_job(name, dg.AssetSelection.assets(*assets), description=description)


def open_months(project: Project, as_of: dt.date) -> tuple[dt.date, dt.date]:
    """From the earliest month that was not final, or is stale, at the last publish, through that of `as_of`."""
    published = publications(project.folders)
    last_month = month_of(as_of)
    if published.is_empty():
        return project.config.first_built_month, last_month
    then: dt.date = published["as_of"][-1]
    days = max(metric.days(project.config) for metric in CATALOGUE.values())
    was_open = [m for m in project.months(last_month) if next_month(m) + dt.timedelta(days=days - 1) > then]
    stale = [entry.month for entry in stale_months(project)]
    return min([*was_open, *stale, last_month]), last_month


def _daily(project: Project, job: Job) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily", job=job, cron_schedule="0 5 * * *", execution_timezone=project.config.reporting.time_zone
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Every morning: ingest, build what is stale then, above all the months that are still open, and publish."""
        now = project.anew()
        as_of = now.config.as_of or default_as_of(source_files(now.loaded, FORMS), now.loaded)
        return dg.RunRequest(run_key=None, tags=of_plan(*open_months(now, as_of), Stale.ANYWHERE))

    return daily


def _new_exports(project: Project, job: Job) -> dg.SensorDefinition:
    @dg.sensor(name="new_exports", job=job, minimum_interval_seconds=60)
    def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Starts `ingest` when the config's files are new or changed; reads none of them."""
        now = project.anew()
        files = source_files(now.loaded, FORMS)
        seen = json.dumps(sorted((f.source, f.name, f.path.stat().st_size, f.path.stat().st_mtime_ns) for f in files))
        if seen == context.cursor:
            return dg.SkipReason("no export is new or changed")
        if context.cursor is None and not unlanded_files(now):
            return dg.SensorResult(run_requests=[], cursor=seen)
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=seen)

    return new_exports


def _touched_months(project: Project, job: Job) -> dg.SensorDefinition:
    @dg.asset_sensor(name="touched_months", asset_key=stale_month.key, job=job)
    def touched_months(
        context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry
    ) -> dg.SensorResult | dg.SkipReason:
        """After an ingest: asks for what is stale, one run per unbroken stretch, of the assets that are stale in it."""
        found = stretches(stale_months(project.anew()))
        if not found:
            return dg.SkipReason("every month is what it should be")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    asset_selection=[dg.AssetKey(name) for name in stretch.tables],
                    tags=of_plan(stretch.first, stretch.last, Stale.IN_RANGE),
                )
                for stretch in found
            ]
        )

    return touched_months


def _whole_again(project: Project, watched: Job, job: Job) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name="whole_again",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[watched],
        request_job=job,
    )
    def whole_again(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        """After months were built: publishes, once no month is stale and something is new."""
        now = project.anew()
        if stale_months(now):
            return dg.SkipReason("some months are still stale")
        return dg.RunRequest() if is_new(now) else dg.SkipReason("nothing new to publish")

    return whole_again
