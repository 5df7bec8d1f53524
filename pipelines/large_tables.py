"""Where a project's events lie when they are read where they are: the one place that loads Spark."""

from functools import partial
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl

from pipelines.project import Project
from schemas.customers import UNKNOWN
from schemas.operations import ExportFile
from schemas.tables import LARGE
from transforms.clean.resolve import CUSTOMER
from transforms.earliest import ROW
from transforms.engine import Lazy, brought
from warehouse.code import code_of
from warehouse.errors import ConfigError
from warehouse.landed import LandedFile
from warehouse.lineage import digest
from warehouse.pasted import make

if TYPE_CHECKING:
    from warehouse.spark.event_lake import EventLake

VALIDATING = ("warehouse.spark.event_lake", "warehouse.spark.validating")


def lake_of(project: Project, table: str) -> "EventLake":
    """The events of a table, as Spark keeps them; what other code, or another time zone, validated lies elsewhere.

    Raises:
        ConfigError: Spark is not installed.
    """
    try:
        from warehouse.spark.event_lake import EventLake  # noqa: PLC0415 - Spark is an extra
        from warehouse.spark.session import spark_session  # noqa: PLC0415
    except ImportError:
        raise ConfigError(f"engine.kind: spark needs Spark, which is not installed: {make('spark')}") from None
    config, contract = project.config, project.contracts[table]
    made_by = digest(code_of(*VALIDATING), list(contract.dtypes()), config.reporting.time_zone, sorted(config.sources))
    staging = config.engine.staging or str(project.folders.events.absolute())
    address = staging if "://" in staging else f"file://{project.loaded.file(staging).absolute()}"
    start = partial(spark_session, config.engine, config.reporting.time_zone)
    return EventLake(start, f"{address}/{table}/{made_by}", contract)


def files_in_use(project: Project, table: str) -> list[LandedFile]:
    """The versions of files that a table's last ingest read where they lie."""
    rows = project.database.read(ExportFile.table(), where={"table_name": [table]})
    told = rows.select("source", "raw_table", "file", "sha256", "bytes", "exported_at", "landed_at")
    return [LandedFile(*row) for row in told.iter_rows()]


def lost_events(project: Project) -> dict[str, list[str]]:
    """What Spark no longer keeps whole of the tables that are read where they lie, in words; by table."""
    found: dict[str, list[str]] = {}
    for table in LARGE:
        files = files_in_use(project, table) if project.config.in_place(table) else []
        if files:
            lake = lake_of(project, table)
            whole = lake.validated(files)
            lost = [lake.lost(file) for file in files if file not in whole]
            if not lake.has_again(name_of(files)):
                lost.append("the list of events that were sent again is gone")
            if lost:
                found[table] = lost
    return found


def name_of(files: list[LandedFile]) -> str:
    """Name of a set of versions of files."""
    return digest(sorted(file.sha256 for file in files))


def those_that_count(lake: "EventLake", rows: Lazy, name: str) -> Lazy:
    """The rows without those of which another one counts, in the set of files of that name."""
    return rows.join(lake.again(name), on=list(ROW), how="anti")


def whose(rows: Lazy, accounts: pl.DataFrame) -> Lazy:
    """The rows under accounts instead of customers, and whether the account is one of our own (is_ours).

    `accounts`: rows of `event_account`. No id is `(unknown)`.
    """
    names = accounts.select("export_source", account_id="customer", its_account="account_id", ours="is_ours")
    told = rows.join(brought(names, rows), on=CUSTOMER, how="left")
    return told.with_columns(
        account_id=nw.col("its_account").fill_null(UNKNOWN), is_ours=nw.col("ours").fill_null(value=False)
    ).drop("its_account", "ours")
