"""Exports → landed → validated → clean → staged, one canonical table at a time."""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from pipelines.gathering import Gathered, gather, sources_of, speaking_files
from pipelines.project import Project
from schemas.catalogue import CANONICAL
from schemas.operations import ContentMonth, ExportFile, Ingest, Quarantine
from transforms.clean.forms import FORMS
from transforms.clean.milestones import milestones_from_usage
from transforms.clean.resolve import external, resolve
from warehouse.errors import WarehouseError
from warehouse.landing import LandedFile, SourceFile, default_as_of, land, landed_files, source_files
from warehouse.lineage import code_fingerprint, content_months, digest
from warehouse.reading import REJECTS
from warehouse.staging import read_staged, write_quarantined, write_staged
from warehouse.validation import AT

NEVER = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Ingested:
    """What became of a canonical table."""

    table: str
    rows: int
    rejected: int
    has_source: bool
    unchanged: bool


def land_all(project: Project) -> tuple[list[LandedFile], dt.date]:
    """Land every file the config points at; the landed files and the day the data speaks for.

    Raises:
        WarehouseError: a file is not there; all tables are marked, so that nothing is published.
    """
    try:
        files = source_files(project.loaded, FORMS)
    except WarehouseError as fault:
        _mark(project, list(CANONICAL), str(fault), project.config.as_of or NEVER)
        raise
    as_of = project.config.as_of or default_as_of(files, project.loaded)
    return [land(file, project.folders) for file in files], as_of


def unlanded_files(project: Project) -> list[SourceFile]:
    """Files that are not the last landed copy of their name, by their time of export."""
    last = {(f.source, f.raw_table, f.name): f.exported_at for f in landed_files(project.folders)}
    files = source_files(project.loaded, FORMS)
    return [file for file in files if last.get((file.source, file.raw_table, file.name)) != file.exported_at]


def customers(project: Project) -> pl.DataFrame:
    """The staged accounts that are not our own."""
    return external(read_staged(project.folders, "accounts", project.contracts["accounts"]))


def ingest_table(project: Project, table: str, as_of: dt.date, run_id: str) -> Ingested:
    """Validate, clean and stage one canonical table, and say what of it each month looks at.

    Unchanged files, code and config leave the staged table as it is.

    Raises:
        WarehouseError: a file cannot be used as a whole; the table is marked, so that nothing is published.
    """
    try:
        files = speaking_files(project)
        made_from = _made_from(project, table, files)
        known = project.database.read(Ingest.table(), where={"table_name": [table]})
        has_source = bool(sources_of(project, table, files))
        if known.filter(pl.col("problem").is_null())["made_from"].to_list() == [made_from]:
            frame = read_staged(project.folders, table, project.contracts[table])
            _say_content(project, table, frame, as_of, known.with_columns(as_of=pl.lit(as_of)))
            return Ingested(table, frame.height, 0, has_source, unchanged=True)
        return _stage(project, table, files, made_from, as_of, run_id)
    except WarehouseError as fault:
        _mark(project, [table], str(fault), as_of)
        raise


def _stage(
    project: Project, table: str, files: list[LandedFile], made_from: str, as_of: dt.date, run_id: str
) -> Ingested:
    contract, has_source = project.contracts[table], bool(sources_of(project, table, files))
    gathered = gather(project, table, files)
    rows = pl.concat([contract.blank(), *gathered.frames])
    if "account_id" in contract.dtypes() and table not in {"accounts", "account_links"}:
        rows = resolve(rows, _crm(project, table, files), _links(project))
    if _is_derived(project, table):
        usage = read_staged(project.folders, "usage_events", CANONICAL["usage_events"])
        rows = milestones_from_usage(usage, rows, project.config.onboarding, project.config.reporting.time_zone)
        gathered.columns |= {"account_id", "milestone", "reached_on"}
    if contract.dated_by():
        rows = rows.sort(*contract.dated_by(), *contract.grain(), nulls_last=True)
    write_staged(project.folders, table, contract.shaped(rows))
    rejects = pl.concat([pl.DataFrame(schema=REJECTS), *gathered.rejects])
    _record_rows(project, table, gathered, rejects, run_id)
    exported = ",".join(sorted(gathered.columns)) if gathered.columns else None
    row = (table, made_from, exported, rows.height, None, as_of, _now())
    _say_content(project, table, rows, as_of, pl.DataFrame([row], Ingest.dtypes(), orient="row"))
    return Ingested(table, rows.height, rejects.select(AT).unique().height, has_source, unchanged=False)


def _is_derived(project: Project, table: str) -> bool:
    return table == "milestones" and any(step.from_event for step in project.config.onboarding.milestones)


def _crm(project: Project, table: str, files: list[LandedFile]) -> pl.DataFrame | None:
    """The CRM's accounts, or None where no source has them."""
    if table in {"accounts", "account_links"} or not sources_of(project, "accounts", files):
        return None
    return read_staged(project.folders, "accounts", project.contracts["accounts"])


def _links(project: Project) -> pl.DataFrame:
    return read_staged(project.folders, "account_links", CANONICAL["account_links"])


def _made_from(project: Project, table: str, files: list[LandedFile]) -> str:
    """What a staged table is made from: files, whose rows are whose, the config's part and the code."""
    config = project.config
    names = {name for name, _, _ in sources_of(project, table, files)}
    sources = {name: config.sources[name].model_dump() for name in sorted(names)}
    speaking = sorted((f.source, f.raw_table, f.name, f.sha256) for f in files if f.source in names)
    landed = sorted(
        (f.source, f.raw_table, f.name, f.sha256) for f in landed_files(project.folders) if f.source in names
    )
    accounts, links = _crm(project, table, files), _links(project)
    who = None if accounts is None else sorted(accounts.select("account_id", "is_internal").unique().rows(), key=str)
    matched = (
        []
        if table in {"accounts", "account_links"}
        else sorted(links.select("source", "source_account_id", "account_id").rows())
    )
    derived: list[object] = []
    if _is_derived(project, table):
        usage = project.database.read(Ingest.table(), where={"table_name": ["usage_events"]})
        derived = [config.onboarding.model_dump(), usage["made_from"].to_list()]
    code = [code_fingerprint("transforms.clean.forms"), code_fingerprint("pipelines.gathering")]
    return digest(
        sources, speaking, landed, who, matched, config.segments, config.reporting.model_dump(), derived, code
    )


def _record_rows(project: Project, table: str, gathered: Gathered, rejects: pl.DataFrame, run_id: str) -> None:
    """What became of the rows of each file; raw values of rejected ones stay in the private quarantine."""
    if gathered.raw:
        write_quarantined(project.folders, table, rejects, pl.concat(gathered.raw, how="diagonal"))
    files = pl.DataFrame(gathered.files, schema=ExportFile.dtypes(), orient="row")
    quarantined = rejects.join(
        files.select("file", "source"), left_on="export_file", right_on="file", how="left"
    ).select(
        "source",
        "column_name",
        "reason",
        file="export_file",
        table_name=pl.lit(table),
        line="export_line",
        run_id=pl.lit(run_id),
        rejected_at=pl.lit(_now()),
    )
    project.database.write_whole({ExportFile.table(): files, Quarantine.table(): quarantined}, {"table_name": [table]})


def _say_content(project: Project, table: str, frame: pl.DataFrame, as_of: dt.date, ingest: pl.DataFrame) -> None:
    """Record the ingest, and what of the table each month looks at, in one transaction."""
    months, zone = project.months(as_of), project.config.reporting.time_zone
    content = content_months(frame, project.contracts[table], months, as_of, zone)
    project.database.write_whole({ContentMonth.table(): content, Ingest.table(): ingest}, {"table_name": [table]})


def _mark(project: Project, tables: list[str], problem: str, as_of: dt.date) -> None:
    """Say that the tables' ingest failed; the audit publishes nothing until it went well."""
    known = project.database.read(Ingest.table(), where={"table_name": tables})
    new = [(t, "", None, 0, problem, as_of, _now()) for t in tables if t not in known["table_name"].to_list()]
    rows = pl.concat([known.with_columns(problem=pl.lit(problem)), pl.DataFrame(new, Ingest.dtypes(), orient="row")])
    project.database.write_whole({Ingest.table(): rows}, {"table_name": tables})


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
