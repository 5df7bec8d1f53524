"""Where the rows of a run come from: staged tables and the working database."""

import datetime as dt

import polars as pl

from pipelines.months.asked_events import asked_events
from pipelines.months.inputs import Inputs
from pipelines.project import Project
from schemas.metrics import MetricMonth, MetricPart
from schemas.operations import AccountKey
from schemas.tables import CANONICAL, LARGE
from transforms.clean.counting import of_customers
from transforms.engine import Events
from warehouse.person_key import person_key
from warehouse.staging import Share, staged_rows


class ProjectStore:
    """The rows of a project's data folder."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def staged(self, table: str) -> pl.DataFrame:
        """A canonical table, of our customers only, or a dimension without months; of a large one its first rows."""
        if table not in CANONICAL:
            return self.project.database.read(table)
        return of_customers(table, self.project.firsts(table) if table in LARGE else self.project.staged(table))

    def dated(self, table: str, first: dt.date | None, last: dt.date, share: Share | None = None) -> pl.DataFrame:
        """The rows of a canonical table that is staged by month, of the months from the first through the last."""
        return of_customers(table, self.project.staged(table, (first, last), share))

    def events(self, table: str, first: dt.date | None, last: dt.date, as_of: dt.date) -> Events:
        """The rows of a canonical table that is read where it lies, which stay there."""
        return asked_events(self.project, table, first, last, as_of)

    def heights(self, table: str) -> dict[dt.date, int]:
        """How many rows each month has of a canonical table that is staged by month."""
        return staged_rows(self.project.folders, table)

    def built(self, table: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        """The months of a table by month."""
        return self.project.database.read(table, (first, last))

    def values(self, metrics: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """Rows of `metric_month`."""
        return self.project.database.read(MetricMonth.table(), (first, last), {"metric": metrics})

    def parts(self, metrics: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """Rows of `metric_account_month`."""
        database = self.project.database
        keys = database.metric_keys(metrics)
        parts = database.read(MetricPart.table(), (first, last), {"metric_key": keys["metric_key"].to_list()})
        return parts.join(keys, on="metric_key").join(database.read(AccountKey.table()), on="account_key")

    def secret(self) -> bytes:
        """The key that persons' ids are hashed with."""
        return person_key(self.project.folders)


def inputs_of(project: Project, as_of: dt.date) -> Inputs:
    """What functions are given in a run of the project."""
    months = tuple(project.months(as_of))
    return Inputs(
        project.config, project.contracts, months, as_of, project.exported(), ProjectStore(project), project.newest()
    )
