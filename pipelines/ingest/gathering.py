"""From landed files to canonical rows: read, validated and cleaned, every row accounted for."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.ingest.sources import VERSIONS, sources_of
from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Form
from transforms.clean.repeats import repeated, spoken
from transforms.clean.skew import without_skew
from transforms.clean.snapshots import earliest_known, remember
from transforms.clean.versions import from_first_day
from warehouse.errors import DamagedError, ExportError
from warehouse.landed import LandedFile, landed_files, note_problem, note_read
from warehouse.landing import check_whole
from warehouse.pasted import make
from warehouse.reading import PROVENANCE, REJECTS, read_export
from warehouse.validation import AT, validate


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
    skewed: pl.DataFrame
    """Where the good rows are in which clocks disagreed."""


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
        note_read(project.folders, [rows.file for each in raw for rows in each])
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


def _read(project: Project, form: Form, file: LandedFile, *, speaks: bool = True) -> RawRows:
    """A landed copy's rows; why it cannot be read is noted in the list of landed files.

    A file that no longer speaks may have columns that the config no longer names, and lack those that it names only
    now: segments come and go.

    Raises:
        ExportError: the file cannot be used as a whole.
        DamagedError: the copy is not what was landed.
    """
    contract = _raw_contract(project, form, file.raw_table, speaks=speaks)
    path = check_whole(file, project.folders)
    exact = form.exact_header and speaks
    try:
        found = read_export(path, file.name, file.source, file.exported_at, contract, form.formats, exact=exact)
        settled, skewed = _settled(found.rows, contract)
        good, rejects = validate(settled, contract)
    except ExportError as fault:
        note_problem(project.folders, file, str(fault))
        raise
    all_rejects = pl.concat([found.rejects, rejects])
    return RawRows(file, found.rows_read, good, all_rejects, found.raw, found.columns, skewed)


def _settled(rows: pl.DataFrame, contract: type[Contract]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with one time where clocks disagree a little, and where these are."""
    settled = without_skew(rows, contract.clocks())
    return settled.drop("is_skewed"), settled.filter("is_skewed").select(AT)


def _raw_contract(project: Project, form: Form, raw_table: str, *, speaks: bool = True) -> type[Contract]:
    """The raw file's contract; the canonical accounts also have the segments of the config."""
    contract = form.raw[raw_table].contract
    extra = project.config.extra_segments
    if raw_table == "accounts" and form.exact_header:
        return with_columns(contract, extra, SEGMENT, optional=not speaks)
    return contract


def _clean(project: Project, table: str, form: Form, raw: list[list[RawRows]]) -> Gathered:
    """Canonical rows that satisfy their contract; the rows of the first raw table are those accounted for."""
    contract = project.contracts[table]
    raw_contracts = [_raw_contract(project, form, files[0].file.raw_table) for files in raw]
    good = [pl.concat([rows.good for rows in files]) for files in raw]
    newest = [spoken(rows, raw_contract) for rows, raw_contract in zip(good, raw_contracts, strict=True)]
    cleaned = form.clean[table].function(*newest)
    skewed = pl.concat([rows.skewed for rows in raw[0]])
    again = repeated(good[0], raw_contracts[0]).select(AT)
    if form.exact_header:
        # The raw contract is the canonical one: the rows satisfy it already.
        columns = frozenset().union(*(rows.columns for rows in raw[0]))
        canonical, late = contract.shaped(cleaned), pl.DataFrame(schema=REJECTS)
    else:
        if unknown := sorted(set(cleaned.columns) - set(contract.dtypes())):
            raise ExportError(f"the form {form.name} gives {table} {', '.join(unknown)}, which are no columns of it")
        columns = frozenset(cleaned.columns) - set(PROVENANCE)
        settled, also = _settled(contract.shaped(cleaned), contract)
        right, late = validate(settled, contract)
        canonical = spoken(right, contract) if contract.repeats() else right
        again, skewed = pl.concat([again, repeated(right, contract).select(AT)]), pl.concat([skewed, also])
    texts = [rows.text.with_columns(export_file=pl.lit(rows.file.name)) for rows in raw[0]]
    return Gathered(
        canonical,
        pl.concat([late, *(rows.rejects for rows in raw[0])]),
        pl.concat(texts, how="diagonal"),
        tuple(_counts(rows, table, late, again, skewed) for rows in raw[0]),
        columns,
    )


def _counts(
    rows: RawRows, table: str, late: pl.DataFrame, again: pl.DataFrame, skewed: pl.DataFrame
) -> tuple[object, ...]:
    """The row of `export_file`: every row read is loaded or rejected; the audit holds the counts against each other."""
    file = rows.file
    of_file = late.filter(pl.col("export_file") == file.name)
    lost = pl.concat([rows.rejects, of_file]).select(AT).unique().height
    loaded = rows.good.join(of_file, on=AT, how="anti").select(AT)
    told = [loaded.join(where, on=AT, how="semi").height for where in (again, skewed)]
    counts = (rows.read, loaded.height, lost, *told)
    return file.source, table, file.name, file.sha256, file.bytes, *counts, file.exported_at, file.landed_at


def _versions(project: Project, table: str, source: str, form: Form, files: list[LandedFile]) -> Gathered:
    """A history: as the export tells it itself, or folded from all landed snapshots, oldest first."""
    contract, (since, begins) = project.contracts[table], VERSIONS[table]
    raw_table = form.clean[table].raw[0]
    now = [file for file in files if (file.source, file.raw_table) == (source, raw_table)]
    landed = [file for file in landed_files(project.folders) if (file.source, file.raw_table) == (source, raw_table)]
    shown = [(file, one) for file in landed if (one := _version(project, table, form, file, speaks=file in now))]
    history, told = contract.blank(), []
    for file, one in sorted(shown, key=lambda each: (each[0].exported_at, each[0].landed_at)):
        if file in now:
            told.append(one)
        if table != "accounts" and since in one.columns:
            history = pl.concat([history, from_first_day(one.rows)]) if file in now else history
        else:
            shown_on = file.exported_at.replace(tzinfo=dt.UTC).astimezone(project.config.reporting.zone).date()
            key = [name for name in contract.grain() if name != since]
            history = remember(history, one.rows, key, since, begins, shown_on)
    if table == "accounts":
        for name in project.config.extra_segments:
            lacking = [file.exported_at for file, one in shown if name not in one.columns]
            history = earliest_known(history, name, lacking)
    note_read(project.folders, [file for file, _ in shown])
    speaking = _together(contract, told)
    dated = {since} if len(shown) > 1 and table != "accounts" else set[str]()
    return Gathered(history, speaking.rejects, speaking.raw, speaking.files, speaking.columns | dated)


def _version(project: Project, table: str, form: Form, file: LandedFile, *, speaks: bool) -> Gathered | None:
    """What a landed file says; None if nobody could ever read it and it no longer speaks: it is in no history.

    Raises:
        ExportError: the file cannot be used as a whole, and speaks, or was part of the history before.
        DamagedError: the copy is not what was landed.
    """
    try:
        return _clean(project, table, form, [[_read(project, form, file, speaks=speaks)]])
    except ExportError as fault:
        if speaks:
            raise
        if file.read_at is None:
            return None
        raise ExportError(
            f"{file.told()} was read before and cannot be now: {fault}; bring back the config or the code that read "
            f"it, or give up what only it tells: {make('forget', FILE=file.sha256[:12])}"
        ) from None
    except DamagedError:
        if speaks or file.read_at or not file.problem:
            raise
        return None
