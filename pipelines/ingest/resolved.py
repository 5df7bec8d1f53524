"""From gathered rows to a staged table: the rows under the CRM's accounts, with what is derived."""

from collections.abc import Mapping

import polars as pl

from pipelines.ingest.accounting import Gathered
from pipelines.ingest.agreement import SAID_ONCE, said_once
from pipelines.ingest.sources import VERSIONS, crms_of, sources_of
from pipelines.project import Project
from schemas.contract import Contract
from schemas.operations import ExportFile
from transforms.clean.counting import about_what_counts, internal_told
from transforms.clean.linking import linked_by_rules
from transforms.clean.onboarding import milestones_from_usage
from transforms.clean.reach import between, by_source, so_many
from transforms.clean.resolve import named, resolve, under_names
from transforms.clean.snapshots import latest_by_key
from transforms.in_order import sorted_by
from warehouse.landed import LandedFile

LINK = ["source", "source_account_id", "export_source", "account_id"]
FIRST = ("identities", "account_links", "accounts")
"""Tables that decide whose row a row is, each after the one before; all others come after them."""


def is_derived(project: Project, table: str) -> bool:
    """Whether the config says that rows of the table are read from another one."""
    return table == "milestones" and any(step.from_event for step in project.config.onboarding.milestones)


def crm_accounts(project: Project, table: str, files: list[LandedFile]) -> pl.DataFrame | None:
    """The CRM's accounts, or None where no source has them."""
    if table in FIRST or not sources_of(project, "accounts", files):
        return None
    return project.staged("accounts")


def accounts_told(
    project: Project, table: str, customers: pl.DataFrame, files: list[LandedFile]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Whose the rows of each customer of a source are, as `named` says; and the CRM's accounts, if there is one.

    Tickets of our own accounts stay, and say so.
    """
    accounts = crm_accounts(project, table, files)
    told = named(customers, accounts, project.staged("account_links"), crms_of(project, files))
    return told.with_columns(is_ours=pl.lit(value=False)) if table == "tickets" else told, accounts


def with_internal(table: str, rows: pl.DataFrame, accounts: pl.DataFrame | None) -> pl.DataFrame:
    """The rows under the CRM's accounts; tickets with whether they are our own."""
    return internal_told(rows, accounts) if table == "tickets" else rows


def resolved(
    project: Project, table: str, gathered: Gathered, files: list[LandedFile]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The canonical table, and what of the loaded rows is not in it, as rows of `left_out`."""
    contract, rows = project.contracts[table], gathered.rows
    if table in VERSIONS:  # a row of a history that shows nothing new is no loss
        lost = [so_many(table, "tells_nothing", gathered.nothing)]
    else:
        lost = _not_counted(project, table, gathered, files, by_source(rows) if rows.height else {})
    for reason, step in (("replaced", _once), ("internal", under_accounts), ("merged_or_spam", _about_what_counts)):
        before, rows = rows, step(project, table, rows, files)
        if table not in VERSIONS or reason == "internal":
            lost.append(between(table, reason, by_source(before), rows))
    if is_derived(project, table):
        usage = project.firsts("usage_events")
        rows = milestones_from_usage(usage, rows, project.config.onboarding, project.config.reporting.time_zone)
    return contract.shaped(rows), pl.concat(lost)


def _not_counted(
    project: Project, table: str, gathered: Gathered, files: list[LandedFile], counting: Mapping[str, int]
) -> list[pl.DataFrame]:
    """Rows of `left_out`: the loaded rows but those that count, of which there are so many of each source."""
    silent, loaded = gathered.nothing, _loaded(project, table, gathered, files)
    again = {source: number - silent.get(source, 0) - counting.get(source, 0) for source, number in loaded.items()}
    return [so_many(table, "tells_nothing", silent), so_many(table, "replaced", again)]


def lost_of(
    project: Project,
    table: str,
    gathered: Gathered,
    files: list[LandedFile],
    counting: Mapping[str, int],
    staged: Mapping[str, int],
) -> pl.DataFrame:
    """What of the loaded rows of a large table is not in it, as rows of `left_out`.

    By source so many rows count, of which so many are staged.
    """
    ours = {source: number - staged.get(source, 0) for source, number in counting.items()}
    told = _not_counted(project, table, gathered, files, counting)
    return pl.concat([*told, so_many(table, "internal", ours)])


def with_repeated(
    project: Project,
    table: str,
    gathered: Gathered,
    files: list[LandedFile],
    repeated: Mapping[tuple[str, str], int],
) -> tuple[tuple[object, ...], ...]:
    """The rows of `export_file` with so many rows of each source and file of which another one counts."""
    every = pl.DataFrame(gathered.files, ExportFile.dtypes(), orient="row")
    first = {name: cleaning.raw[0] for name, _, cleaning in sources_of(project, table, files)}
    again = [(source, first[source], file, rows) for (source, file), rows in repeated.items()]
    key = {"source": pl.String, "raw_table": pl.String, "file": pl.String}
    told = pl.DataFrame(again, {**key, "again": pl.Int64}, orient="row")
    joined = every.join(told, on=list(key), how="left", maintain_order="left")
    counted = joined.with_columns(pl.col("rows_repeated") + pl.col("again").fill_null(0)).drop("again")
    return tuple(counted.rows())


def in_order(rows: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rows in the one order in which they are staged, however they were exported."""
    by = list(dict.fromkeys([*contract.dated_by(), *contract.grain()]))
    return sorted_by(rows, by) if contract.dated_by() else rows


def _loaded(project: Project, table: str, gathered: Gathered, files: list[LandedFile]) -> dict[str, int]:
    """By source the loaded rows of which those of the table are made."""
    first = {name: cleaning.raw[0] for name, _, cleaning in sources_of(project, table, files)}
    every = pl.DataFrame(gathered.files, ExportFile.dtypes(), orient="row")
    own = every.filter(pl.col("raw_table") == pl.col("source").replace_strict(first, default=None))
    return dict(own.group_by("source").agg(pl.col("rows_loaded").sum()).iter_rows())


def _once(project: Project, table: str, rows: pl.DataFrame, files: list[LandedFile]) -> pl.DataFrame:
    """Of what several systems say of one thing the newest word."""
    if table == "accounts":
        named = under_names(rows, project.staged("account_links"), crms_of(project, files))
        return latest_by_key(named, ["account_id", "known_from"])
    once = said_once(rows, table) if table in SAID_ONCE else rows
    return pl.concat([once, _by_rules(project, once, files)]) if table == "account_links" else once


def _by_rules(project: Project, exported: pl.DataFrame, files: list[LandedFile]) -> pl.DataFrame:
    """The links that no export tells, and that the config's rules find."""
    return linked_by_rules(project.staged("identities"), exported, crms_of(project, files), project.config.identity)


def under_accounts(project: Project, table: str, rows: pl.DataFrame, files: list[LandedFile]) -> pl.DataFrame:
    """The rows under the CRM's accounts, without those of our own."""
    if "account_id" not in project.contracts[table].dtypes() or table in FIRST:
        return rows
    accounts, links = crm_accounts(project, table, files), project.staged("account_links")
    return resolve(rows, accounts, links, crms_of(project, files))


def _about_what_counts(project: Project, table: str, rows: pl.DataFrame, _: list[LandedFile]) -> pl.DataFrame:
    return about_what_counts(rows, project.staged("tickets")) if table == "survey_responses" else rows
