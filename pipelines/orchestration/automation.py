"""Jobs, the daily schedule, and the sensors that follow new exports to a publish."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.ingest.sources import day_of_exports, sent_files, unlanded_files
from pipelines.months.plan import stale_months, stretches
from pipelines.orchestration.exports import stale_month
from pipelines.orchestration.partitions import Stale, of_plan
from pipelines.project import Project
from pipelines.publish.release import content_digest, is_new
from transforms.calendar import month_of, next_month
from transforms.catalogue import CATALOGUE
from warehouse.errors import LockedError
from warehouse.lineage import digest
from warehouse.locking import run_lock
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
            _whole_again(project, (ingest_job, months_job), publish_job),
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
    with _at_rest(project) as now:
        # Beside a run nobody can look; what is stale is built wherever it is, and the range only says where to look.
        stale = [entry.month for entry in stale_months(now)] if now else []
    return min([*was_open, *stale, last_month]), last_month


def _daily(project: Project, job: Job) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone=project.config.reporting.time_zone,
        description="Every morning: ingest, build what is stale then, above all the months still open, and publish.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = project.anew()
        as_of = day_of_exports(now)
        return dg.RunRequest(run_key=None, tags=of_plan(*open_months(now, as_of), Stale.ANYWHERE))

    return daily


def _new_exports(project: Project, job: Job) -> dg.SensorDefinition:
    @dg.sensor(
        name="new_exports",
        job=job,
        minimum_interval_seconds=60,
        description="Starts `ingest` when the config's files are new or changed; reads none of them.",
    )
    def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = project.anew()
        there = sorted(file.state for file in sent_files(now))
        in_place = sorted((f.source, f.name, f.sha256) for f in now.lake.values())
        seen = json.dumps([there, in_place])
        if seen == context.cursor:
            return dg.SkipReason("no export is new or changed")
        if context.cursor is None and not in_place and not unlanded_files(now):
            return dg.SensorResult(run_requests=[], cursor=seen)
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=seen)

    return new_exports


def _touched_months(project: Project, job: Job) -> dg.SensorDefinition:
    @dg.sensor(
        name="touched_months",
        job=job,
        minimum_interval_seconds=30,
        description="After an ingest: asks for the months and assets that are stale, one run per unbroken stretch.",
    )
    def touched_months(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        ingested = context.instance.fetch_materializations(stale_month.key, limit=1).records
        if not ingested or str(ingested[0].storage_id) == context.cursor:
            return dg.SkipReason("nothing was ingested since")
        with _between_runs(project, context.instance) as now:
            if now is None:
                return _AGAIN
            found = stretches(stale_months(now))
        requests = [
            dg.RunRequest(
                asset_selection=[dg.AssetKey(name) for name in stretch.tables],
                tags=of_plan(stretch.first, stretch.last, Stale.IN_RANGE),
            )
            for stretch in found
        ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason("every month is what it should be"),
            cursor=str(ingested[0].storage_id),
        )

    return touched_months


def _whole_again(project: Project, watched: Sequence[Job], job: Job) -> dg.SensorDefinition:
    @dg.sensor(
        name="whole_again",
        job=job,
        minimum_interval_seconds=30,
        description="After an ingest or a build of months: publishes, once no month is stale and something is new.",
    )
    def whole_again(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        ended = [_last_success(context.instance, each.name) for each in watched]
        seen, _, asked_for = (context.cursor or " ").partition(" ")
        if (last := digest(ended)) == seen or not any(ended):
            return dg.SkipReason("nothing was built since")
        with _between_runs(project, context.instance) as now:
            if now is None:
                return _AGAIN
            why = (
                "some months are still stale" if stale_months(now) else "" if is_new(now) else "nothing new to publish"
            )
            content = content_digest(now)
        why = why or ("this was asked for already" if content == asked_for else "")
        return dg.SensorResult(
            run_requests=[] if why else [dg.RunRequest()],
            skip_reason=dg.SkipReason(why) if why else None,
            cursor=f"{last} {asked_for if why else content}",
        )

    return whole_again


_AGAIN = dg.SkipReason("a run is going on; what it leaves is looked at when it has ended")
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
SILENT = dt.timedelta(minutes=15)
"""A run that holds no lock and was not heard of for so long is dead."""


@contextmanager
def _between_runs(project: Project, instance: dg.DagsterInstance) -> Iterator[Project | None]:
    """The project while no run works on it or is about to; None while one does.

    A look into the working database beside a run fails, as DuckDB lets one process in; and what a run asks for while
    another is about to change it would not hold when it is done.
    """
    statuses = [status for status in dg.DagsterRunStatus if status not in ENDED]
    unfinished = dg.RunsFilter(statuses=statuses, updated_after=dt.datetime.now(dt.UTC) - SILENT)
    if instance.get_runs_count(unfinished):
        yield None
        return
    with _at_rest(project.anew()) as now:
        yield now


@contextmanager
def _at_rest(project: Project) -> Iterator[Project | None]:
    """The project with its lock held; None where a run holds it."""
    with ExitStack() as held:
        try:
            held.enter_context(run_lock(project.folders, "a look of Dagster's daemon", wait_seconds=0))
        except LockedError:
            yield None
            return
        held.enter_context(project.database.kept_open())
        yield project


def _last_success(instance: dg.DagsterInstance, job: str) -> str | None:
    """The last run of a job that ended well."""
    filters = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    found = instance.get_runs(filters, limit=1)
    return found[0].run_id if found else None
