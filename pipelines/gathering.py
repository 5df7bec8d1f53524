"""From landed files to canonical rows: read, validated and cleaned, every row accounted for."""

import datetime as dt
from dataclasses import dataclass, field

import polars as pl

from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Cleaning, Form
from transforms.clean.forms import FORMS
from transforms.clean.snapshots import latest_by_key, remember
from transforms.clean.versions import from_first_day
from warehouse.landing import LandedFile, landed_files, source_files
from warehouse.reading import PROVENANCE, REJECTS, read_export
from warehouse.validation import AT, validate

VERSIONS = {"accounts": ("known_from", "signup_on"), "subscription_items": ("valid_from", "started_on")}
"""Tables whose exports may show only the present: the column that dates a version, and where the first begins."""


@dataclass
class Gathered:
    """A canonical table's rows from all its files, before accounts are resolved, and what became of every row read."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    raw: list[pl.DataFrame] = field(default_factory=list)
    files: list[tuple[object, ...]] = field(default_factory=list)
    """Rows of `export_file`."""
    columns: set[str] = field(default_factory=set)
    """Columns that any source exports."""


@dataclass(frozen=True)
class RawRows:
    """A landed file's rows under its raw contract."""

    file: LandedFile
    read: int
    good: pl.DataFrame
    rejects: pl.DataFrame
    text: pl.DataFrame
    columns: frozenset[str]


def speaking_files(project: Project) -> list[LandedFile]:
    """Of each file the config points at, its last landed copy."""
    wanted = {(f.source, f.raw_table, f.name) for f in source_files(project.loaded, FORMS)}
    last = {(f.source, f.raw_table, f.name): f for f in landed_files(project.folders)}
    return [file for key, file in last.items() if key in wanted]


def sources_of(project: Project, table: str, files: list[LandedFile]) -> list[tuple[str, Form, Cleaning]]:
    """The sources that can fill a table: their form cleans it, and all the raw files that takes are there."""
    there = {(file.source, file.raw_table) for file in files}
    found = []
    for name, source in project.config.sources.items():
        cleaning = FORMS[source.form].clean.get(table)
        if cleaning and all((name, raw) in there for raw in cleaning.raw):
            found.append((name, FORMS[source.form], cleaning))
    return found


def gather(project: Project, table: str, files: list[LandedFile]) -> Gathered:
    """Read, validate and clean the files of every source that fills the table.

    Raises:
        ExportError: a file cannot be used as a whole.
    """
    gathered = Gathered()
    for name, form, cleaning in sources_of(project, table, files):
        if table in VERSIONS:
            gathered.frames.append(_versions(project, table, name, form, files, gathered))
            continue
        raw = [
            [_read(project, form, file) for file in files if (file.source, file.raw_table) == (name, raw_table)]
            for raw_table in cleaning.raw
        ]
        gathered.frames.append(_clean(project, table, form, raw, gathered))
    return gathered


def _read(project: Project, form: Form, file: LandedFile) -> RawRows:
    contract = _raw_contract(project, form, file.raw_table)
    path = file.path(project.folders)
    found = read_export(path, file.name, file.source, file.exported_at, contract, form.formats, exact=form.exact_header)
    good, rejects = validate(found.rows, contract)
    return RawRows(file, found.rows_read, good, pl.concat([found.rejects, rejects]), found.raw, found.columns)


def _raw_contract(project: Project, form: Form, raw_table: str) -> type[Contract]:
    """The raw file's contract; the canonical accounts also have the segments of the config."""
    contract = form.raw[raw_table].contract
    extra = project.config.extra_segments
    return with_columns(contract, extra, SEGMENT) if raw_table == "accounts" and form.exact_header else contract


def _clean(project: Project, table: str, form: Form, raw: list[list[RawRows]], gathered: Gathered) -> pl.DataFrame:
    """Canonical rows that satisfy their contract; rejects, raw text and counts are added to what is gathered."""
    contract = project.contracts[table]
    newest = [
        latest_by_key(
            pl.concat([rows.good for rows in files]),
            list(_raw_contract(project, form, files[0].file.raw_table).grain()),
        )
        for files in raw
    ]
    cleaned = form.clean[table].function(*newest)
    if form.exact_header:
        # The raw contract is the canonical one: the rows satisfy it already.
        gathered.columns.update(*(rows.columns for rows in raw[0]))
        canonical, late = contract.shaped(cleaned), pl.DataFrame(schema=REJECTS)
    else:
        gathered.columns.update(set(cleaned.columns) - set(PROVENANCE))
        canonical, late = validate(contract.shaped(cleaned), contract)
    gathered.rejects.append(late)
    for rows in raw[0]:
        _account_for(rows, table, late.filter(pl.col("export_file") == rows.file.name), gathered)
    return canonical


def _account_for(rows: RawRows, table: str, late: pl.DataFrame, gathered: Gathered) -> None:
    """Every row read is loaded or rejected; the audit holds the counts against each other."""
    file = rows.file
    gathered.rejects.append(rows.rejects)
    gathered.raw.append(rows.text.with_columns(export_file=pl.lit(file.name)))
    lost = pl.concat([rows.rejects, late]).select(AT).unique().height
    loaded = rows.good.join(late, on=AT, how="anti").height
    counts = (rows.read, loaded, lost)
    gathered.files.append(
        (file.source, table, file.name, file.sha256, file.bytes, *counts, file.exported_at, file.landed_at)
    )


def _versions(
    project: Project, table: str, source: str, form: Form, files: list[LandedFile], gathered: Gathered
) -> pl.DataFrame:
    """A history: as the export tells it itself, or folded from all landed snapshots, oldest first."""
    (since, begins), raw_table = VERSIONS[table], form.clean[table].raw[0]
    now = [file for file in files if (file.source, file.raw_table) == (source, raw_table)]
    landed = [file for file in landed_files(project.folders) if (file.source, file.raw_table) == (source, raw_table)]
    history = project.contracts[table].blank()
    told = False
    for file in sorted(landed, key=lambda file: (file.exported_at, file.landed_at)):
        aside = gathered if file in now else Gathered()
        rows = _clean(project, table, form, [[_read(project, form, file)]], aside)
        told = table != "accounts" and since in aside.columns
        if told:
            history = pl.concat([history, from_first_day(rows)]) if file in now else history
        else:
            shown_on = file.exported_at.replace(tzinfo=dt.UTC).astimezone(project.config.reporting.zone).date()
            key = [name for name in project.contracts[table].grain() if name != since]
            history = remember(history, rows, key, since, begins, shown_on)
    if len(landed) > 1 and table != "accounts":
        gathered.columns.add(since)
    return history
