"""A canonical table whose files are read where they lie: what of it comes to the machine that asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl

from pipelines.ingest.accounting import Gathered
from pipelines.ingest.resolved import crm_accounts, under_accounts
from pipelines.ingest.sources import crms_of
from pipelines.large_tables import lake_of, name_of, those_that_count, whose
from pipelines.project import Project
from schemas.contract import Contract
from schemas.form import Form
from schemas.operations import EventAccount, EventDay, ExportFile, LeftOut, SourceAccount, SourceMonth
from transforms.clean.coverage import told_by_numbers
from transforms.clean.resolve import CUSTOMER, named
from transforms.clean.vendors import FORMS
from transforms.earliest import sent_again
from transforms.engine import Lazy, brought, collected
from transforms.events.firsts import first_events, first_months, rows_of_days, rows_of_months
from warehouse.errors import ConfigError, DamagedError
from warehouse.landed import LandedFile
from warehouse.pasted import make

if TYPE_CHECKING:
    from warehouse.spark.event_lake import EventLake


@dataclass(frozen=True)
class InPlace:
    """What came of a table: its first events stand for it here; of the others numbers by day."""

    gathered: Gathered
    staged: pl.DataFrame
    """The first events of each customer and feature, under the CRM's accounts."""
    lost: pl.DataFrame
    """Rows of `left_out`."""
    kept: Mapping[str, pl.DataFrame]
    """Rows of `event_day` and `event_account`."""
    coverage: Mapping[str, pl.DataFrame]
    """How many rows of each source and month are of accounts that the CRM knows."""
    clean_up: Callable[[], None]
    """Drops what Spark keeps of former versions: once it is recorded that others count."""

    @property
    def rows(self) -> int:
        """Rows that count, of customers."""
        return int(self.kept[EventDay.table()]["rows"].sum())


def read_in_place(project: Project, table: str, files: list[LandedFile]) -> InPlace:
    """Validate new versions of files where they lie, and ask of all what the machine that asks needs to know.

    Raises:
        ExportError: a file cannot be used as a whole.
        ConfigError: Spark is not there, or the events are of a form that it does not read.
    """
    lake, contract = lake_of(project, table), project.contracts[table]
    speaking = list(project.lake.values())
    known = lake.validated(speaking)
    _validate(project, lake, {a: file for a, file in project.lake.items() if file not in known}, table)
    name, (_, by) = name_of(speaking), contract.repeats() or ("first", contract.dated_by()[0])
    rows = lake.rows(speaking)
    if not lake.has_again(name):
        lake.keep_again(name, sent_again(rows, contract.grain(), by))
    counting = those_that_count(lake, rows, name)
    accounts = _accounts(project, table, counting, files)
    days = _days(lake, table, counting, accounts, project.config.reporting.time_zone)
    firsts = contract.shaped(_in_utc(collected(first_events(counting)), contract))
    gathered = _gathered(lake, table, speaking, name, firsts)
    staged = contract.shaped(under_accounts(project, table, firsts, files))
    kept = {EventDay.table(): EventDay.shaped(days.filter(~pl.col("is_ours"))), EventAccount.table(): accounts}
    coverage = _coverage(project, table, whose(counting, accounts), files)
    clean_up = partial(lake.drop_others, speaking, name)
    return InPlace(gathered, staged, _lost(table, gathered, days), kept, coverage, clean_up)


def _validate(project: Project, lake: "EventLake", new: Mapping[str, LandedFile], table: str) -> None:
    from warehouse.spark.validating import validate  # noqa: PLC0415 - Spark is an extra

    validate(lake, new, _form(project, table).formats, project.config.sources)


def _form(project: Project, table: str) -> Form:
    """The form of the events: that of canonical files, as what cleans other forms does not run on Spark."""
    for name, source in project.config.sources.items():
        form = FORMS[source.written]
        if table in form.clean and not form.exact_header:
            raise ConfigError(
                f"{project.config_path}: sources.{name}.form: Spark reads {table} in the canonical form only; expected "
                "form: canonical, or engine.kind: polars"
            )
    return FORMS["canonical"]


def _accounts(project: Project, table: str, rows: Lazy, files: list[LandedFile]) -> pl.DataFrame:
    """Rows of `event_account`: whose the rows of each customer are."""
    customers = collected(rows.select(*CUSTOMER).filter(~nw.col("account_id").is_null()).unique(CUSTOMER))
    crm, links = crm_accounts(project, table, files), project.staged("account_links")
    told = named(customers.sort(CUSTOMER), crm, links, crms_of(project, files))
    return EventAccount.shaped(
        told.select("export_source", "is_ours", customer="account_id", account_id="name", table_name=pl.lit(table))
    )


def _days(lake: "EventLake", table: str, rows: Lazy, accounts: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Rows of `event_day`, and whether they are our own accounts'."""
    told = collected(rows_of_days(lake.with_content(whose(rows, accounts)), time_zone))
    named = told.with_columns(pl.col("content").cast(pl.String), table_name=pl.lit(table))
    return named.sort("export_source", "day", "is_ours")


def _coverage(project: Project, table: str, rows: Lazy, files: list[LandedFile]) -> dict[str, pl.DataFrame]:
    """Rows of `source_month` and of `source_account`, of rows under their accounts."""
    crm, zone = crm_accounts(project, table, files), project.config.reporting.time_zone
    if crm is None:
        return {contract.table(): contract.blank() for contract in (SourceMonth, SourceAccount)}
    known = crm.select("account_id").unique().sort("account_id").with_columns(is_known=pl.lit(value=True))
    told = rows.filter(~nw.col("is_ours")).join(brought(known, rows), on="account_id", how="left")
    named = told.with_columns(nw.col("is_known").fill_null(value=False))
    asked = collected(rows_of_months(named, zone)), collected(first_months(named, zone))
    return dict(zip((SourceMonth.table(), SourceAccount.table()), told_by_numbers(table, *asked), strict=True))


def _gathered(lake: "EventLake", table: str, files: list[LandedFile], name: str, firsts: pl.DataFrame) -> Gathered:
    """What became of the rows of each file."""
    found = lake.validated(files)
    told = collected(lake.again(name).group_by("export_source", "export_file").agg(rows=nw.len()))
    repeated = {(source, file): rows for source, file, rows in told.iter_rows()}
    counts, columns = [], dict[str, set[str]]()
    for file in files:
        if (of := found.get(file)) is None:
            raise DamagedError(f"{lake.lost(file)}: {make('run')} validates it again")
        columns.setdefault(file.source, set()).update(of.columns)
        read, also = (of.read, of.loaded, of.read - of.loaded), (repeated.get((file.source, file.name), 0), 0)
        counts.append(
            (
                file.source,
                table,
                file.raw_table,
                file.name,
                file.sha256,
                file.bytes,
                *read,
                *also,
                file.exported_at,
                file.landed_at,
            )
        )
    rejects, raw = lake.rejected(files)
    everywhere = set.intersection(*columns.values())
    some = frozenset[str]().union(*columns.values())
    return Gathered(firsts, rejects, raw, tuple(counts), some, some - everywhere)


def _lost(table: str, gathered: Gathered, days: pl.DataFrame) -> pl.DataFrame:
    """Rows of `left_out`: events that were sent again, and those of our own accounts."""
    files = pl.DataFrame(gathered.files, schema=ExportFile.dtypes(), orient="row")
    replaced = files.group_by("source").agg(rows=pl.col("rows_repeated").sum()).with_columns(reason=pl.lit("replaced"))
    ours = days.filter("is_ours").group_by(source="export_source").agg(pl.col("rows").sum())
    lost = pl.concat([replaced, ours.with_columns(reason=pl.lit("internal"))], how="diagonal")
    return LeftOut.shaped(lost.filter(pl.col("rows") > 0).with_columns(table_name=pl.lit(table)))


def _in_utc(rows: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """Instants without a zone, in UTC."""
    instants = [name for name, dtype in contract.dtypes().items() if isinstance(dtype, pl.Datetime)]
    return rows.with_columns(pl.col(instants).dt.convert_time_zone("UTC").dt.replace_time_zone(None))
