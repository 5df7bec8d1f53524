"""Exports → landed → validated → clean → staged, one canonical table at a time."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipelines.project import SEGMENT, Project
from schemas.catalogue import CANONICAL
from schemas.config import Source
from schemas.contract import Contract, with_columns
from schemas.form import Cleaning, Form
from schemas.operations import ContentMonth, ExportFile, Ingest, Quarantine
from transforms.clean.forms import FORMS
from transforms.clean.milestones import milestones_from_usage
from transforms.clean.resolve import external, resolve
from transforms.clean.snapshots import latest_by_key, remember
from transforms.clean.versions import from_first_day
from warehouse.errors import ExportError, WarehouseError
from warehouse.landing import LandedFile, SourceFile, default_as_of, land, landed_files, source_files
from warehouse.lineage import code_fingerprint, content_months, digest
from warehouse.reading import REJECTS, FileRows, read_export
from warehouse.staging import read_staged, write_quarantined, write_staged
from warehouse.validation import validate

AT = ["export_file", "export_line"]
SINCE = {"accounts": ("known_from", "signup_on"), "subscription_items": ("valid_from", "started_on")}
"""Tables whose exports may show only the present: the column that dates a version, and where the first begins."""


@dataclass(frozen=True)
class Ingested:
    """What became of a canonical table."""

    table: str
    rows: int
    rejected: int
    has_source: bool
    unchanged: bool


@dataclass
class _Gathered:
    """Rows and faults of a table's files, before accounts are resolved."""

    frames: list[pl.DataFrame]
    rejects: list[pl.DataFrame]
    raw: list[pl.DataFrame]
    files: list[tuple[object, ...]]
    columns: set[str]


def land_all(project: Project) -> tuple[list[LandedFile], dt.date]:
    """Land every file the config points at; the landed files and the day the data speaks for.

    Raises:
        ExportError: a file is not there; its source's tables are marked, so that nothing is published.
    """
    try:
        files = source_files(project.loaded, FORMS)
    except WarehouseError as fault:
        _mark(project, list(CANONICAL), str(fault), project.config.as_of or dt.date(1970, 1, 1))
        raise
    as_of = project.config.as_of or default_as_of(files, project.loaded)
    return [land(file, project.folders) for file in files], as_of


def speaking_files(project: Project) -> list[LandedFile]:
    """Of each file the config points at, its last landed copy."""
    wanted = {(f.source, f.raw_table, f.name) for f in source_files(project.loaded, FORMS)}
    last = {(f.source, f.raw_table, f.name): f for f in landed_files(project.folders)}
    return [file for key, file in last.items() if key in wanted]


def unlanded_files(project: Project) -> list[SourceFile]:
    """Files that were written after their last landed copy was exported."""
    last = {(f.source, f.raw_table, f.name): f.exported_at for f in landed_files(project.folders)}
    files = source_files(project.loaded, FORMS)
    return [f for f in files if last.get((f.source, f.raw_table, f.name)) != f.exported_at]


def ingest_table(project: Project, table: str, as_of: dt.date, run_id: str) -> Ingested:
    """Validate, clean and stage one canonical table, and say which months of it changed.

    Unchanged files, code and config leave the staged table as it is.

    Raises:
        ExportError: a file cannot be used as a whole; the table is marked, so that nothing is published.
    """
    try:
        return _ingest(project, table, as_of, run_id)
    except WarehouseError as fault:
        _mark(project, [table], str(fault), as_of)
        raise


def _ingest(project: Project, table: str, as_of: dt.date, run_id: str) -> Ingested:
    contract = project.contracts[table]
    files = speaking_files(project)
    accounts = _crm(project, table, files)
    links = read_staged(project.folders, "account_links", CANONICAL["account_links"])
    made_from = _made_from(project, table, files, accounts, links)
    known = project.database.read(Ingest.table()).filter((pl.col("table_name") == table) & pl.col("problem").is_null())
    unchanged = known["made_from"].to_list() == [made_from]
    has_source = bool(_sources(project, table, files))
    derived = table == "milestones" and any(step.from_event for step in project.config.onboarding.milestones)
    if unchanged:
        frame = read_staged(project.folders, table, contract)
        _write_content(project, table, frame, as_of)
        _touch(project, known, as_of)
        return Ingested(table, frame.height, 0, has_source, unchanged=True)
    gathered = _gather(project, table, files, as_of)
    rows = pl.concat([contract.blank(), *gathered.frames])
    if "account_id" in contract.dtypes() and table not in {"accounts", "account_links"}:
        rows = resolve(rows, accounts, links)
    if derived:
        usage = read_staged(project.folders, "usage_events", CANONICAL["usage_events"])
        rows = milestones_from_usage(usage, rows, project.config.onboarding, project.config.reporting.time_zone)
        gathered.columns |= {"account_id", "milestone", "reached_on"}
    if contract.dated_by():
        rows = rows.sort(*contract.dated_by(), *contract.grain(), nulls_last=True)
    write_staged(project.folders, table, contract.shaped(rows))
    rejects = pl.concat([pl.DataFrame(schema=REJECTS), *gathered.rejects])
    if gathered.raw:
        write_quarantined(project.folders, table, rejects, pl.concat(gathered.raw, how="diagonal"))
    _record(project, table, gathered, rejects, run_id)
    exported = ",".join(sorted(gathered.columns)) if has_source or derived else None
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    row = (table, made_from, exported, rows.height, None, as_of, now)
    _write_content(project, table, rows, as_of)
    project.database.write_whole(
        {Ingest.table(): pl.DataFrame([row], Ingest.dtypes(), orient="row")}, {"table_name": [table]}
    )
    return Ingested(table, rows.height, rejects.select(AT).unique().height, has_source, unchanged=False)


def _sources(project: Project, table: str, files: list[LandedFile]) -> Iterator[tuple[str, Source, Form, Cleaning]]:
    """The sources that can fill a table: their form cleans it and all its raw files are there."""
    there = {(file.source, file.raw_table) for file in files}
    found = []
    for name, source in project.config.sources.items():
        form = FORMS[source.form]
        cleaning = form.clean.get(table)
        if cleaning and all((name, raw) in there for raw in cleaning.raw):
            found.append((name, source, form, cleaning))
    return found  # type: ignore[return-value]


def _gather(project: Project, table: str, files: list[LandedFile], as_of: dt.date) -> _Gathered:
    """Read, validate and clean the table's files of every source that has them."""
    gathered = _Gathered([], [], [], [], set())
    for name, _, form, cleaning in _sources(project, table, files):
        if table in SINCE:
            _gather_versions(project, table, name, form, gathered, files)
            continue
        raw = [
            _read_raw(project, form, [f for f in files if (f.source, f.raw_table) == (name, raw)])
            for raw in cleaning.raw
        ]
        gathered.frames.append(_clean(project, table, form, cleaning, raw, gathered))
    return gathered


def _read_raw(project: Project, form: Form, files: list[LandedFile]) -> list[tuple[LandedFile, FileRows, pl.DataFrame]]:
    """Each file with what was read and the rows that satisfy the raw contract; rejects are added to what was read."""
    out = []
    for file in files:
        contract = _raw_contract(project, form, file.raw_table)
        read = read_export(
            file.path(project.folders), file.name, file.source, file.exported_at, contract, form.formats,
            exact=form.exact_header,
        )  # fmt: skip
        good, rejects = validate(read.rows, contract)
        out.append((file, FileRows(good, pl.concat([read.rejects, rejects]), read.raw, read.columns), good))
    return out


def _raw_contract(project: Project, form: Form, raw_table: str) -> type[Contract]:
    contract = form.raw[raw_table].contract
    extra = [name for name in project.config.extra_segments if name not in contract.dtypes()]
    return with_columns(contract, extra, SEGMENT) if raw_table == "accounts" and form.exact_header else contract


def _clean(
    project: Project,
    table: str,
    form: Form,
    cleaning: Cleaning,
    raw: list[list[tuple[LandedFile, FileRows, pl.DataFrame]]],
    gathered: _Gathered,
) -> pl.DataFrame:
    """Raw rows as canonical rows that satisfy the canonical contract, added to what is gathered."""
    contract = project.contracts[table]
    newest = [
        latest_by_key(
            pl.concat([good for _, _, good in read]), list(_raw_contract(project, form, read[0][0].raw_table).grain())
        )
        for read in raw
    ]
    cleaned = cleaning.function(*newest)
    if form.exact_header:
        gathered.columns.update(*(read.columns for _, read, _ in raw[0]))
        rows, rejects = contract.shaped(cleaned), pl.DataFrame(schema=REJECTS)
    else:
        gathered.columns.update(name for name in cleaned.columns if name not in ("export_source", *AT, "exported_at"))
        rows, rejects = validate(contract.shaped(cleaned), contract)
    gathered.rejects.append(rejects)
    for file, read, good in raw[0]:
        late = rejects.filter(pl.col("export_file") == file.name)
        gathered.rejects.append(read.rejects)
        gathered.raw.append(read.raw.with_columns(export_file=pl.lit(file.name)))
        lost = pl.concat([read.rejects, late]).select(AT).unique().height
        loaded = good.join(late, on=AT, how="anti").height
        gathered.files.append((file.source, table, file.name, file.sha256, file.bytes, read.rows_read, loaded, lost, file.exported_at, file.landed_at))  # fmt: skip
    return rows


def _gather_versions(
    project: Project, table: str, source: str, form: Form, gathered: _Gathered, files: list[LandedFile]
) -> None:
    """Fold the landed snapshots, oldest first, into versions; where the export has versions itself, they stand."""
    cleaning, (since, begins) = form.clean[table], SINCE[table]
    now = [f for f in files if (f.source, f.raw_table) == (source, cleaning.raw[0])]
    before = [
        f
        for f in landed_files(project.folders)
        if (f.source, f.raw_table) == (source, cleaning.raw[0]) and f not in now
    ]
    history = project.contracts[table].blank()
    aside = _Gathered([], [], [], [], set())
    ordered = sorted([*before, *now], key=lambda f: (f.exported_at, f.landed_at))
    for file in ordered:
        speaks = gathered if file in now else aside
        rows = _clean(project, table, form, cleaning, [_read_raw(project, form, [file])], speaks)
        if since in speaks.columns and table != "accounts":
            # The export tells its own versions: what it says now is the history.
            history = pl.concat([history, from_first_day(rows)]) if speaks is gathered else history
            continue
        shown_on = file.exported_at.replace(tzinfo=dt.UTC).astimezone(project.config.reporting.zone).date()
        key = [name for name in project.contracts[table].grain() if name != since]
        history = remember(history, rows, key, since, begins, shown_on)
    if len(ordered) > 1:
        gathered.columns.add(since)
    gathered.frames.append(history)


def _crm(project: Project, table: str, files: list[LandedFile]) -> pl.DataFrame | None:
    """The CRM's accounts, or None where no source has them."""
    if table in {"accounts", "account_links"} or not _sources(project, "accounts", files):
        return None
    return read_staged(project.folders, "accounts", project.contracts["accounts"])


def customers(project: Project) -> pl.DataFrame:
    """The staged accounts that are not our own."""
    return external(read_staged(project.folders, "accounts", project.contracts["accounts"]))


def _made_from(
    project: Project, table: str, files: list[LandedFile], accounts: pl.DataFrame | None, links: pl.DataFrame
) -> str:
    config = project.config
    sources = {name: source.model_dump() for name, source, _, _ in _sources(project, table, files)}
    sent = sorted(
        (f.source, f.raw_table, f.name, f.sha256) for f in landed_files(project.folders) if f.source in sources
    )
    who = None if accounts is None else sorted(accounts.select("account_id", "is_internal").unique().rows(), key=str)
    matched = (
        sorted(links.select("source", "source_account_id", "account_id").rows()) if table != "account_links" else None
    )
    steps = config.onboarding.model_dump() if table == "milestones" else None
    derived = digest(_usage_made_from(project)) if steps and "from_event" in str(steps) else None
    return digest(
        sources, sent, who, matched, config.segments, config.reporting.model_dump(), steps, derived,
        str(config.first_built_month), code_fingerprint("transforms.clean.forms"), code_fingerprint("pipelines.ingest"),
    )  # fmt: skip


def _usage_made_from(project: Project) -> list[str]:
    rows = project.database.read(Ingest.table())
    return rows.filter(pl.col("table_name") == "usage_events")["made_from"].to_list()


def _record(project: Project, table: str, gathered: _Gathered, rejects: pl.DataFrame, run_id: str) -> None:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    files = pl.DataFrame(gathered.files, schema=ExportFile.dtypes(), orient="row")
    project.database.write_whole({ExportFile.table(): files}, {"table_name": [table]})
    sources = files.select("file", "source")
    quarantined = rejects.join(sources, left_on="export_file", right_on="file", how="left").select(
        "source", file="export_file", table_name=pl.lit(table), line="export_line", column_name="column_name",
        reason="reason", run_id=pl.lit(run_id), rejected_at=pl.lit(now),
    )  # fmt: skip
    project.database.write_whole({Quarantine.table(): quarantined}, {"table_name": [table]})


def _write_content(project: Project, table: str, frame: pl.DataFrame, as_of: dt.date) -> None:
    months, zone = project.months(as_of), project.config.reporting.time_zone
    content = content_months(frame, project.contracts[table], months, as_of, zone)
    project.database.write_whole({ContentMonth.table(): content}, {"table_name": [table]})


def _touch(project: Project, known: pl.DataFrame, as_of: dt.date) -> None:
    row = known.with_columns(as_of=pl.lit(as_of))
    project.database.write_whole({Ingest.table(): row}, {"table_name": known["table_name"].to_list()})


def _mark(project: Project, tables: list[str], problem: str, as_of: dt.date) -> None:
    """Say that the tables' ingest failed; the audit publishes nothing until it went well."""
    known = project.database.read(Ingest.table()).filter(pl.col("table_name").is_in(tables))
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    new = [(t, "", None, 0, problem, as_of, now) for t in tables if t not in known["table_name"].to_list()]
    rows = pl.concat([known.with_columns(problem=pl.lit(problem)), pl.DataFrame(new, Ingest.dtypes(), orient="row")])
    project.database.write_whole({Ingest.table(): rows}, {"table_name": tables})


__all__ = ["ExportError", "Ingested", "customers", "ingest_table", "land_all", "speaking_files", "unlanded_files"]
