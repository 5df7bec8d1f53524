"""The audit and the publish, as one step that the command line and Dagster share."""

import datetime as dt

import polars as pl

from pipelines.plan import stale_months
from pipelines.project import Project
from pipelines.tables import MONTHLY_TABLES
from schemas.operations import Build
from transforms.calendar import month_of
from transforms.metrics.catalogue import metric_assets
from warehouse.audit import check_invariants, refuse
from warehouse.lineage import code_fingerprint, digest
from warehouse.publishing import publish


def audited(project: Project) -> pl.DataFrame:
    """Check and record the invariants; their rows."""
    return check_invariants(project.database)


def audit_and_publish(project: Project, run_id: str) -> int:
    """Publish the working database if everything holds; the new version.

    Raises:
        AuditError: something does not, and nothing is published.
    """
    record = check_invariants(project.database)
    config, as_of = project.config, project.as_of()
    refuse(record, stale_months(project), project.database, config.first_month)
    row = {
        "as_of": as_of,
        "run_id": run_id,
        "code_version": code_fingerprint("pipelines.definitions"),
        "config_sha256": project.loaded.sha256,
        "first_month": config.first_month,
        "last_month": month_of(as_of),
        "content": content_digest(project),
    }
    return publish(project.database, project.folders, row, config.publishing.keep_versions, fingerprints(project))


def content_digest(project: Project) -> str:
    """What the working database's months are made from, in one hash."""
    builds = project.database.read(Build.table()).sort("table_name", "month")
    return digest(builds.select("table_name", "month", "fingerprint").rows(), project.loaded.sha256)


def fingerprints(project: Project) -> dict[tuple[str, dt.date], str]:
    """What each published table's month is made from; metric_part and metric_month are made from every metric asset."""
    builds = project.database.read(Build.table())
    known = {
        (t, m): f for t, m, f in builds.select("table_name", "month", "fingerprint").iter_rows() if t in MONTHLY_TABLES
    }
    metrics = builds.filter(pl.col("table_name").is_in(list(metric_assets()))).sort("table_name")
    for (month,), rows in metrics.group_by("month"):
        made = digest(rows.select("table_name", "fingerprint").rows())
        known["metric_part", month] = known["metric_month", month] = made
    return known
