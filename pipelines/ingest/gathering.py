"""From landed files to canonical rows: read, validated and cleaned, every row accounted for."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.ingest.sources import sources_of
from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Form
from transforms.clean.snapshots import latest_by_key, remember
from transforms.clean.versions import ITEM, from_first_day
from warehouse.errors import ExportError
from warehouse.landing import LandedFile, landed_files
from warehouse.reading import PROVENANCE, REJECTS, read_export
from warehouse.validation import AT, validate

VERSIONS = {"accounts": ("known_from", "signup_on"), "subscription_items": ("valid_from", "started_on")}
"""Tables whose exports may show only the present: the column that dates a version, and where the first begins."""


@dataclass(frozen=True)
class Gathered:
    """Canonical rows from some files, before accounts are resolved, and what became of every row that was read."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    raw: pl.DataFrame
    """The text of every row that was read."""
    files: tuple[tuple[object, ...], ...] = ()
    """Rows of `export_file`."""
    columns: frozenset[str] = frozenset()
    """Columns that any of the files exports."""


@dataclass(frozen=True)
class RawRows:
    """A landed file's rows under its raw contract."""

    file: LandedFile
    read: int
    good: pl.DataFrame
    rejects: pl.DataFrame
    text: pl.DataFrame
    columns: frozenset[str]


def gather(project: Project, table: str, files: list[LandedFile]) -> Gathered:
    """Read, validate and clean the files of every source that fills the table.

    Raises:
        ExportError: a file cannot be used as a whole.
    """
    found = []
    for name, form, cleaning in sources_of(project, table, files):
        if table in VERSIONS:
            found.append(_versions(project, table, name, form, files))
            continue
        raw = [
            [_read(project, form, file) for file in files if (file.source, file.raw_table) == (name, raw_table)]
            for raw_table in cleaning.raw
        ]
        found.append(_clean(project, table, form, raw))
    return _together(project.contracts[table], found)


def _together(contract: type[Contract], found: Iterable[Gathered]) -> Gathered:
    found = list(found)
    return Gathered(
        pl.concat([contract.blank(), *(one.rows for one in found)]),
        pl.concat([pl.DataFrame(schema=REJECTS), *(one.rejects for one in found)]),
        pl.concat([pl.DataFrame(), *(one.raw for one in found)], how="diagonal"),
        tuple(file for one in found for file in one.files),
        frozenset().union(*(one.columns for one in found)),
    )


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


def _clean(project: Project, table: str, form: Form, raw: list[list[RawRows]]) -> Gathered:
    """Canonical rows that satisfy their contract; the rows of the first raw table are those accounted for."""
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
        columns = frozenset().union(*(rows.columns for rows in raw[0]))
        canonical, late = contract.shaped(cleaned), pl.DataFrame(schema=REJECTS)
    else:
        if unknown := sorted(set(cleaned.columns) - set(contract.dtypes())):
            raise ExportError(f"the form {form.name} gives {table} {', '.join(unknown)}, which are no columns of it")
        columns = frozenset(cleaned.columns) - set(PROVENANCE)
        canonical, late = validate(contract.shaped(cleaned), contract)
    texts = [rows.text.with_columns(export_file=pl.lit(rows.file.name)) for rows in raw[0]]
    return Gathered(
        canonical,
        pl.concat([late, *(rows.rejects for rows in raw[0])]),
        pl.concat(texts, how="diagonal"),
        tuple(_counts(rows, table, late) for rows in raw[0]),
        columns,
    )


def _counts(rows: RawRows, table: str, late: pl.DataFrame) -> tuple[object, ...]:
    """The row of `export_file`: every row read is loaded or rejected; the audit holds the counts against each other."""
    file = rows.file
    of_file = late.filter(pl.col("export_file") == file.name)
    lost = pl.concat([rows.rejects, of_file]).select(AT).unique().height
    loaded = rows.good.join(of_file, on=AT, how="anti").height
    counts = (rows.read, loaded, lost)
    return file.source, table, file.name, file.sha256, file.bytes, *counts, file.exported_at, file.landed_at


def _versions(project: Project, table: str, source: str, form: Form, files: list[LandedFile]) -> Gathered:
    """A history: as the export tells it itself, or folded from all landed snapshots, oldest first."""
    contract, (since, begins) = project.contracts[table], VERSIONS[table]
    raw_table = form.clean[table].raw[0]
    now = [file for file in files if (file.source, file.raw_table) == (source, raw_table)]
    landed = [file for file in landed_files(project.folders) if (file.source, file.raw_table) == (source, raw_table)]
    history, told = contract.blank(), []
    for file in sorted(landed, key=lambda file: (file.exported_at, file.landed_at)):
        one = _clean(project, table, form, [[_read(project, form, file)]])
        if file in now:
            told.append(one)
        if table != "accounts" and since in one.columns:
            history = pl.concat([history, from_first_day(one.rows)]) if file in now else history
        else:
            shown_on = file.exported_at.replace(tzinfo=dt.UTC).astimezone(project.config.reporting.zone).date()
            key = ["account_id"] if table == "accounts" else ITEM
            history = remember(history, one.rows, key, since, begins, shown_on)
    speaking = _together(contract, told)
    dated = {since} if len(landed) > 1 and table != "accounts" else set[str]()
    return Gathered(history, speaking.rejects, speaking.raw, speaking.files, speaking.columns | dated)
