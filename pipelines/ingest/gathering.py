"""From landed files to canonical rows: read, validated and cleaned, every row accounted for."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from pipelines.ingest.agreement import refuse_contradictory, refuse_contradictory_versions
from pipelines.ingest.notices import notices_on_items
from pipelines.ingest.sources import VERSIONS, sources_of
from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Form
from transforms.clean.repeats import repeated, spoken
from transforms.clean.skew import without_skew
from transforms.clean.snapshots import Folded, Snapshot, earliest_known, fold
from transforms.clean.versions import ITEM, told_versions, with_different_ends
from warehouse.errors import DamagedError, ExportError
from warehouse.landed import LandedFile, landed_files, note_problem, note_read
from warehouse.landing import check_whole
from warehouse.pasted import make
from warehouse.reading import PROVENANCE, REJECTS, read_export
from warehouse.validation import AT, validate

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


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
    partly: frozenset[str] = frozenset()
    """Those of them that not every source exports."""
    notices: tuple[str, ...] = ()
    """What a person should know of rows that keep their contract."""


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
            found.append(_told_by(name, _versions(project, table, name, form, files)))
            continue
        raw = [
            [_read(project, form, file) for file in files if (file.source, file.raw_table) == (name, raw_table)]
            for raw_table in cleaning.raw
        ]
        found.append(_told_by(name, _clean(project, table, form, raw)))
        note_read(project.folders, [rows.file for each in raw for rows in each])
    everywhere = frozenset[str].intersection(*(one.columns for one in found)) if found else frozenset[str]()
    together = _together(project.contracts[table], found)
    return replace(together, partly=together.columns - everywhere)


def _told_by(source: str, one: Gathered) -> Gathered:
    """The same, with the source beside what was read: two sources may have files of one name."""
    told = pl.lit(source).alias("export_source")
    return replace(one, rejects=one.rejects.with_columns(told), raw=one.raw.with_columns(told))


def _together(contract: type[Contract], found: Iterable[Gathered]) -> Gathered:
    found = list(found)
    return Gathered(
        pl.concat([contract.blank(), *(one.rows for one in found)]),
        pl.concat(
            [pl.DataFrame(schema={**REJECTS, "export_source": pl.String}), *(one.rejects for one in found)],
            how="diagonal",
        ),
        pl.concat([pl.DataFrame(), *(one.raw for one in found)], how="diagonal"),
        tuple(file for one in found for file in one.files),
        frozenset().union(*(one.columns for one in found)),
        notices=tuple(notice for one in found for notice in one.notices),
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
        good, rejects = validate(settled, contract, project.config.sources)
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
    for rows, raw_contract in zip(good, raw_contracts, strict=True):
        refuse_contradictory(rows, raw_contract)
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
        right, late = validate(settled, contract, project.config.sources)
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
    contract, by = project.contracts[table], VERSIONS[table]
    raw_table = form.clean[table].raw[0]
    now = [file for file in files if (file.source, file.raw_table) == (source, raw_table)]
    landed = [file for file in landed_files(project.folders) if (file.source, file.raw_table) == (source, raw_table)]
    ordered = sorted(landed, key=lambda file: (file.exported_at, file.landed_at))
    shown = [(file, _shown_by(project, table, form, file, speaks=file in now)) for file in ordered]
    read = [(file, one) for file, one in shown if one is not None]
    note_read(project.folders, [file for file, _ in read])
    speaking = _together(contract, [one for file, one in read if file in now])
    dated = [name for name in contract.grain() if name not in contract.versioned_by() or name in speaking.columns]
    refuse_contradictory_versions(speaking.rows, dated, table)
    if table == "accounts":
        snapshots = [_snapshot(project, file, one) for file, one in read]
        history = fold(contract.blank(), snapshots, by, vanished_end=False).history
        for name in project.config.extra_segments:
            lacking = [file.exported_at for file, one in read if name not in one.columns]
            history = earliest_known(history, name, lacking)
        return replace(speaking, rows=history)
    return _items(project, source, read, now, speaking)


def _shown_by(project: Project, table: str, form: Form, file: LandedFile, *, speaks: bool) -> Gathered | None:
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


def _items(
    project: Project, source: str, read: list[tuple[LandedFile, Gathered]], now: list[LandedFile], speaking: Gathered
) -> Gathered:
    """The versions of a source's items: those that files tell, and those that snapshots of the present show."""
    contract, by = project.contracts["subscription_items"], VERSIONS["subscription_items"]
    ends = project.config.sources[source].vanished == "ended"
    telling = {file.name: (file, one) for file, one in read if by.since in one.columns}
    telling = {name: each for name, each in telling.items() if name in {file.name for file in now}}
    rows = pl.concat([contract.blank(), *(one.rows for _, one in telling.values())])
    told, last = told_versions(rows), max((file.exported_at for file, _ in telling.values()), default=None)
    snapshots = [(file, _snapshot(project, file, one)) for file, one in read if by.since not in one.columns]
    earlier = [snapshot for file, snapshot in snapshots if last is not None and file.exported_at <= last]
    later = [snapshot for file, snapshot in snapshots if last is None or file.exported_at > last]
    # What a file tells of an item's versions counts before what snapshots until then would make of them.
    before = fold(contract.blank(), [_without(snapshot, told) for snapshot in earlier], by, vanished_end=ends)
    folded = fold(pl.concat([before.history, told]), later, by, vanished_end=ends)
    has_history = bool(telling) or len({snapshot.speaks_for for snapshot in later}) > 1
    notices = _notices(source, speaking, rows, folded, [snapshot for _, snapshot in snapshots], ends=ends)
    if telling and later:
        notices.append(
            f"{source}: its newest export tells no versions (valid_from), as an older one did; what it changes speaks "
            "from the day that it was exported for"
        )
    return replace(
        speaking,
        rows=folded.history if has_history else folded.history.with_columns(pl.lit(None, pl.Date).alias(by.since)),
        columns=speaking.columns | {by.since} if has_history else speaking.columns - {by.since},
        notices=tuple(notices),
    )


def _notices(
    source: str, speaking: Gathered, told: pl.DataFrame, folded: Folded, snapshots: list[Snapshot], *, ends: bool
) -> list[str]:
    left_out = folded.history.join(folded.left_out, on=ITEM, how="semi")
    newest = max((snapshot.speaks_for for snapshot in snapshots), default=dt.date.min)
    return notices_on_items(source, speaking.rows, with_different_ends(told), left_out, newest, ends=ends)


def _snapshot(project: Project, file: LandedFile, one: Gathered) -> Snapshot:
    """An export of the present; it speaks for the last complete day before it."""
    exported_on = file.exported_at.replace(tzinfo=dt.UTC).astimezone(project.config.reporting.zone).date()
    return Snapshot(exported_on - dt.timedelta(days=1), _DAY.sub("", file.name), one.rows)


def _without(snapshot: Snapshot, told: pl.DataFrame) -> Snapshot:
    return replace(snapshot, rows=snapshot.rows.join(told, on=ITEM, how="anti", maintain_order="left"))
