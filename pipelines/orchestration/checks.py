"""What Dagster shows of the contracts of clean tables: a check that each asset answers in its own step."""

import dagster as dg
import polars as pl

from pipelines.project import Project
from pipelines.publish.limits import lost_rows, rejected_shares
from schemas.operations import ExportFile, Quarantine

CONTRACT = "rows_keep_their_contract"
TOLD = 10
"""So many kinds of faults are told."""


def contract_check(table: str) -> dg.AssetCheckSpec:
    """That no row of a table's exports was rejected; it blocks nothing, as the publish holds the limit itself."""
    return dg.AssetCheckSpec(
        CONTRACT,
        asset=table,
        description="Every row of the files that speak now keeps the contract. Rows that don't are in quarantine: a "
        "warning, or an error from the share on from which nothing is published (quarantine_limit).",
    )


def contract_result(project: Project, table: str) -> dg.AssetCheckResult:
    """What became of the rows of a table's files, whether they were read in this run or before."""
    where = {"table_name": [table]}
    files = project.database.read(ExportFile.table(), where=where)
    rejected = project.database.read(Quarantine.table(), where=where)
    limit, lost = project.config.quarantine_limit, lost_rows(rejected)
    beyond = rejected_shares(files, rejected, limit)["is_beyond"].any()
    faults = lost.group_by("column_name", "reason").agg(rows=pl.len()).sort("rows", "reason", descending=[True, False])
    records = [
        dg.TableRecord({"column": column or "", "reason": reason, "rows": rows})
        for column, reason, rows in faults.head(TOLD).iter_rows()
    ]
    told = {
        "files": files.height,
        "rows_read": int(files["rows_read"].sum()),
        "rows_quarantined": int(files["rows_quarantined"].sum()),
        "quarantine_limit": limit.of(table),
    }
    return dg.AssetCheckResult(
        check_name=CONTRACT,
        asset_key=table,
        passed=lost.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR if beyond else dg.AssetCheckSeverity.WARN,
        metadata={**told, "faults": dg.MetadataValue.table(records)} if records else told,
    )
