"""What is told of all rows of a canonical table, of which some are looked at at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipelines.ingest.notices import Noticed
from pipelines.ingest.rejected_accounts import notices_on_rejected
from pipelines.ingest.resolved import crm_accounts
from pipelines.project import Project
from schemas.operations import SourceAccount, SourceMonth
from transforms.calendar import month_start
from transforms.clean.counting import of_customers
from transforms.clean.coverage import rows_by_month, under_tickets
from transforms.clean.reach import together
from transforms.clean.resolve import CUSTOMER
from transforms.visible import own_day
from warehouse.landed import LandedFile

MONTH = "month?"
"""No name of a column, which may be any word."""
MANY = 100
"""So many lists of what was seen are made one."""


@dataclass(frozen=True)
class Sight:
    """What months see of a table: in one hash how far and to which day, and the rows that say it."""

    name: str
    seen: Callable[[pl.DataFrame], pl.DataFrame]
    """From staged rows to a number for each reach and month; those of all rows are the sums of these."""
    content: Callable[[pl.DataFrame], pl.DataFrame]
    """From these sums to rows of `content_month`."""
    left_out: Callable[[pl.DataFrame], pl.DataFrame]
    """From staged rows to rows of `left_out`: those that no month sees."""


class Overview:
    """The rows of a table, as they are staged, some at a time, and what is told of all of them at the end."""

    def __init__(self, project: Project, table: str, sight: Sight, files: list[LandedFile]) -> None:
        self.project, self.table, self.sight, self._files = project, table, sight, files
        self.contract = project.contracts[table]
        accounts = crm_accounts(project, table, files) if "account_id" in self.contract.dtypes() else None
        self._known = None if accounts is None else accounts["account_id"].unique()
        self._seen, self._lost = list[pl.DataFrame](), list[pl.DataFrame]()
        self._noticed = Noticed(self.contract, project.config)
        self._whose = pl.DataFrame(schema={**dict.fromkeys(CUSTOMER, pl.String), "rows": pl.UInt32})
        self._of_months, self._accounts = SourceMonth.blank(), SourceAccount.blank()

    def look_at(self, rows: pl.DataFrame, months: pl.Series | None = None) -> None:
        """Look at staged rows; `months`: those that date them, if they are known."""
        self.see(rows)
        self.count(rows, month_of(self.project, self.table, rows) if months is None else months)

    def see(self, rows: pl.DataFrame) -> None:
        """Look at what months see of rows, and at what is wrong with them."""
        self._noticed.look_at(rows)
        self._seen.append(self.sight.seen(rows))
        self._lost.append(self.sight.left_out(rows))
        if len(self._lost) > MANY:
            self._seen, self._lost = [self._sums()], [together(self.table, *self._lost)]

    def count(self, rows: pl.DataFrame, months: pl.Series) -> None:
        """Look at whose rows are, and when."""
        if "account_id" not in rows.columns:
            return
        counted = pl.concat([self._whose, rows.group_by(CUSTOMER).agg(rows=pl.len())])
        self._whose = counted.group_by(CUSTOMER).agg(pl.col("rows").sum())
        if self._known is None:
            return
        own = of_customers(self.table, rows.with_columns(months.alias(MONTH)))
        own = under_tickets(own, self.project.staged("tickets")) if self.table == "survey_responses" else own
        of_month, named = rows_by_month(own, self.contract, pl.col(MONTH), self._known)
        self._of_months = pl.concat([self._of_months, of_month])
        each = pl.concat([self._accounts, named]).group_by(SourceAccount.grain()).agg(pl.col("month").min())
        self._accounts = SourceAccount.shaped(each)

    def content(self) -> pl.DataFrame:
        """Rows of `content_month`."""
        return self.sight.content(self._sums())

    def left_out(self, before: pl.DataFrame) -> pl.DataFrame:
        """Rows of `left_out`: those that no month sees, and those `before`, which were never staged."""
        return together(self.table, before, *self._lost)

    def coverage(self) -> dict[str, pl.DataFrame]:
        """How many rows of each source and month are of accounts that the CRM knows."""
        months = self._of_months.sort(SourceMonth.grain())
        return {SourceMonth.table(): months, SourceAccount.table(): self._accounts.sort(SourceAccount.grain())}

    def notices(self, accounts: pl.DataFrame | None = None) -> tuple[str, ...]:
        """What a person should know of rows that keep their contract; `accounts`: of that table all rows."""
        rejected = notices_on_rejected(self.project, self.table, self._whose, self._files, accounts)
        return (*rejected, *self._noticed.told())

    def _sums(self) -> pl.DataFrame:
        rows = pl.concat(self._seen or [self.sight.seen(self.contract.blank())])
        return rows.group_by("reach", "month").agg(pl.col("content").sum(), pl.col("rows").sum())


def month_of(project: Project, table: str, rows: pl.DataFrame) -> pl.Series:
    """The month that dates each row of a table; NULL where nothing does."""
    day = own_day(project.contracts[table], project.config.reporting.time_zone)
    return rows.with_columns(month_start(day).alias(MONTH))[MONTH]
