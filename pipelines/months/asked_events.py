"""Events that are read where they lie, as months ask for them: the rows stay there."""

import datetime as dt

import narwhals as nw

from pipelines.large_tables import files_in_use, lake_of, name_of, those_that_count, whose
from pipelines.project import Project
from schemas.operations import EventAccount
from transforms.engine import Lazy, day_in_zone


def asked_events(project: Project, table: str, first: dt.date | None, last: dt.date, as_of: dt.date) -> Lazy:
    """Customers' rows of a table that count, of the months from the first (None: all) on, as `as_of` knows them."""
    lake, files = lake_of(project, table), files_in_use(project, table)
    month = None if first is None else first.isoformat()
    counting = those_that_count(lake, lake.rows(files, month, last.isoformat()), name_of(files))
    accounts = project.database.read(EventAccount.table(), where={"table_name": [table]})
    by, zone = project.contracts[table].dated_by()[0], project.config.reporting.time_zone
    return whose(counting, accounts).filter(~nw.col("is_ours"), day_in_zone(by, zone) <= as_of).drop("is_ours")
