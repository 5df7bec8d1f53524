"""Jobs, the daily schedule, and the sensors that follow new exports to a publish."""

import datetime as dt
import json

import dagster as dg

from pipelines.assets.exports import ingest_assets, stale_month
from pipelines.assets.monthly import metric_assets_, table_assets
from pipelines.assets.publication import invariant, publication
from pipelines.ingest import unlanded_files
from pipelines.partitions import PROJECT, key_of_month
from pipelines.plan import stale_months, stretches
from pipelines.project import Project
from pipelines.publishing import content_digest
from transforms.calendar import month_of, next_month
from transforms.clean.forms import FORMS
from transforms.metrics.catalogue import CATALOGUE
from warehouse.landing import default_as_of, source_files
from warehouse.publishing import publications

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

INGEST = list(ingest_assets())
MONTHLY = [*table_assets, *metric_assets_]
PUBLISH = [invariant, publication]

ingest_job = dg.define_asset_job(
    "ingest", dg.AssetSelection.assets(*INGEST), description="Land, validate, clean and stage the exports."
)
months_job = dg.define_asset_job(
    "months", dg.AssetSelection.assets(*MONTHLY), description="Facts and metrics of some months."
)
publish_job = dg.define_asset_job(
    "publish", dg.AssetSelection.assets(*PUBLISH), description="Audit, and publish if everything holds."
)
refresh_job = dg.define_asset_job(
    "refresh",
    dg.AssetSelection.assets(*INGEST, *MONTHLY, *PUBLISH),
    description="Everything, for some months: exports in, published file out.",
)
JOBS = [ingest_job, months_job, publish_job, refresh_job]


def month_range(first: dt.date, last: dt.date) -> dict[str, str]:
    """Tags of a run over the months from first through last."""
    return {RANGE_START: key_of_month(first), RANGE_END: key_of_month(last)}


def open_months(project: Project, as_of: dt.date) -> tuple[dt.date, dt.date]:
    """From the earliest month that was not final, or is stale, at the last publish, through that of `as_of`."""
    published = publications(project.folders)
    last_month = month_of(as_of)
    if published.is_empty():
        return project.config.first_built_month, last_month
    then: dt.date = published["as_of"][-1]
    days = max(metric.provisional_days for metric in CATALOGUE.values())
    was_open = [m for m in project.months(last_month) if next_month(m) + dt.timedelta(days=days - 1) > then]
    stale = [entry.month for entry in stale_months(project)]
    return min([*was_open, *stale, last_month]), last_month


@dg.schedule(job=refresh_job, cron_schedule="0 5 * * *", execution_timezone=PROJECT.config.reporting.time_zone)
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Every morning: refresh the months that are still open, and publish."""
    project = Project.from_environment()
    files = source_files(project.loaded, FORMS)
    as_of = project.config.as_of or default_as_of(files, project.loaded)
    return dg.RunRequest(run_key=None, tags=month_range(*open_months(project, as_of)))


@dg.sensor(job=ingest_job, minimum_interval_seconds=60)
def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Starts `ingest` when the config's files are new or changed; reads none of them."""
    files = source_files(Project.from_environment().loaded, FORMS)
    seen = json.dumps(sorted((f.source, f.name, f.path.stat().st_size, f.path.stat().st_mtime_ns) for f in files))
    if seen == context.cursor:
        return dg.SkipReason("no export is new or changed")
    if context.cursor is None and not unlanded_files(Project.from_environment()):
        return dg.SensorResult(run_requests=[], cursor=seen)
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=seen)


@dg.asset_sensor(asset_key=stale_month.key, job=months_job)
def touched_months(
    context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry
) -> dg.SensorResult | dg.SkipReason:
    """After an ingest: asks for the months it touched, look-back included, one run per unbroken stretch."""
    found = stretches(stale_months(Project.from_environment()))
    if not found:
        return dg.SkipReason("every month is what it should be")
    return dg.SensorResult(run_requests=[dg.RunRequest(tags=month_range(first, last)) for first, last in found])


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.SUCCESS, monitored_jobs=[months_job], request_job=publish_job)
def whole_again(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """After months were built: publishes, once no month is stale and something is new."""
    project = Project.from_environment()
    if stale_months(project):
        return dg.SkipReason("some months are still stale")
    published = publications(project.folders)
    if published.height and published["content"][-1] == content_digest(project):
        return dg.SkipReason("nothing new to publish")
    return dg.RunRequest()


SCHEDULES = [daily]
SENSORS = [new_exports, touched_months, whole_again]
