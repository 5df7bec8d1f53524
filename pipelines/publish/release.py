"""The audit and the publish, as one step that the command line and Dagster share."""

import datetime as dt

import polars as pl

from pipelines.months.makers import OF_ALL
from pipelines.months.nodes import nodes
from pipelines.months.plan import stale_months
from pipelines.project import Project
from pipelines.publish.coverage import coverage
from pipelines.publish.glossary import glossary, wording
from pipelines.publish.limits import refuse_emptied, refuse_moves, refuse_rejected
from pipelines.publish.restatements import restatements
from schemas.customers import DimAccount, DimAccountMonth
from schemas.operations import Build, ExportFile, IdentityCoverage, LeftOut, MetricRestatement, Quarantine
from transforms.calendar import month_of
from transforms.catalogue import MONTHLY_TABLES, metric_assets
from warehouse.audit import check_invariants, refuse
from warehouse.code import code_of
from warehouse.lineage import digest, row_hash
from warehouse.publishing import publications, publish

SHOWN = ("warehouse.views", "warehouse.macros", "warehouse.audit:BROKEN")
"""What readers see beside tables: views and macros with their comments, and the record of what was checked."""


def audit_and_publish(project: Project, run_id: str, accepted: str | None = None) -> int:
    """Publish the working database if everything holds; the new version.

    `accepted` names moves of closed months that are let through, as the refusal before named them.

    Raises:
        AuditError: something does not, and nothing is published.
    """
    project.database.write_whole(glossary(project))
    record = check_invariants(project.database)
    config, as_of = project.config, project.as_of()
    refuse(record, stale_months(project), project.database, config.first_month)
    database = project.database
    refuse_rejected(database.read(ExportFile.table()), database.read(Quarantine.table()), config.quarantine_limit)
    refuse_emptied(project)
    row: dict[str, object] = {
        "as_of": as_of,
        "run_id": run_id,
        "code_version": code_of("pipelines.publish.release", *everything(project), without=OF_ALL),
        "config_sha256": project.loaded.sha256,
        "first_month": config.first_month,
        "last_month": month_of(as_of),
        "content": content_digest(project),
        "currency": config.reporting.currency,
    }
    row["accepted"] = refuse_moves(project, row, accepted)
    told = {MetricRestatement.table(): restatements(project, row), IdentityCoverage.table(): coverage(project)}
    database.write_whole(told)
    return publish(project.database, project.folders, row, config.publishing.keep_versions, fingerprints(project))


def publish_what_is_new(project: Project, run_id: str, accepted: str | None = None) -> int | None:
    """Audit and publish, if there is something that readers don't have; the new version, or None.

    Raises:
        AuditError: as `audit_and_publish`.
    """
    return audit_and_publish(project, run_id, accepted) if is_new(project) else None


def everything(project: Project) -> list[str]:
    """References of all code that makes a table or metric."""
    return sorted({reference for node in nodes(project.config) for reference in node.code})


def content_digest(project: Project) -> str:
    """What the working database's months are made from, and what else readers see, in one hash."""
    builds = project.database.read(Build.table()).sort("table_name", "month")
    made = builds.select("table_name", "month", "fingerprint").rows()
    files = project.database.read(ExportFile.table()).drop("exported_at", "landed_at").sort("table_name", "file")
    rejected = project.database.read(Quarantine.table()).drop("run_id", "rejected_at")
    left_out = project.database.read(LeftOut.table())
    told = (files.rows(), sorted(rejected.rows() + left_out.rows(), key=str), wording(project), code_of(*SHOWN))
    return digest(made, project.loaded.sha256, told)


def is_new(project: Project) -> bool:
    """Whether the working database holds something that is not published."""
    published = publications(project.folders)
    return published.is_empty() or published["content"][-1] != content_digest(project)


def fingerprints(project: Project) -> dict[tuple[str, dt.date], str]:
    """What each published table's month is made from, and that of views by month.

    metric_part and metric_month are made from every metric asset.
    """
    builds = project.database.read(Build.table())
    known = {
        (t, m): f for t, m, f in builds.select("table_name", "month", "fingerprint").iter_rows() if t in MONTHLY_TABLES
    }
    metrics = builds.filter(pl.col("table_name").is_in(list(metric_assets()))).sort("table_name")
    names, shown = _names(project), code_of(*SHOWN)
    for (month,), rows in metrics.group_by("month"):
        made = digest(rows.select("table_name", "fingerprint").rows())
        known["metric_part", month] = known["metric_month", month] = made
        known["metric_account_month", month] = digest(made, names.get(month), shown)
    return known


def _names(project: Project) -> dict[dt.date, str]:
    """Of each month a hash of how its accounts are called and numbered."""
    called = project.database.read(DimAccount.table()).select("account_key", "account_id", "account_name")
    there = project.database.read(DimAccountMonth.table()).select("month", "account_id").join(called, on="account_id")
    row = row_hash(["account_key", "account_id", "account_name"])
    hashed = there.group_by("month").agg(row.sum().alias("row"), pl.len())
    return {month: digest(total, accounts) for month, total, accounts in hashed.iter_rows()}
