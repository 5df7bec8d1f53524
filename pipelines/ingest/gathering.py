"""From landed files to canonical rows, whatever the table."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from pipelines.ingest.accounting import Gathered, Hold, together
from pipelines.ingest.by_object import clean_by_object
from pipelines.ingest.by_part import clean_by_part
from pipelines.ingest.cleaned import clean
from pipelines.ingest.former_form import note_form
from pipelines.ingest.history import history
from pipelines.ingest.kept_rows import forget_others, read_files
from pipelines.ingest.raw_rows import RawRows
from pipelines.ingest.sources import VERSIONS, sources_of
from pipelines.ingest.without_rows import refuse_vanished
from pipelines.project import Project
from schemas.form import Form
from warehouse.kept import drop_kept
from warehouse.landed import LandedFile, note_read


def gather(project: Project, table: str, files: list[LandedFile], hold: Hold | None = None) -> Gathered:
    """Read, validate and clean the files of every source that fills the table; `hold` takes the rows of a large one.

    Raises:
        ExportError: a file cannot be used as a whole.
    """
    found = []
    if table in VERSIONS:
        drop_kept(project.folders, f"{table}.", [f"{table}.{name}" for name, _, _ in sources_of(project, table, files)])
    else:
        forget_others(project, table, files)
    for name, form, cleaning in sources_of(project, table, files):
        if table in VERSIONS:
            found.append(_told_by(name, history(project, table, name, form, files)))
            note_form(project, table, name, form)
            continue
        of = {raw: [f for f in files if (f.source, f.raw_table) == (name, raw)] for raw in cleaning.reads}
        made, raw = _made(project, table, form, of, hold)
        told = tuple(f"{table}: {notice}" for notice in refuse_vanished(project, [raw[each] for each in cleaning.raw]))
        found.append(replace(_told_by(name, made), notices=told))
        note_read(project.folders, [rows.file for each in raw.values() for rows in each])
    everywhere = frozenset[str].intersection(*(one.columns for one in found)) if found else frozenset[str]()
    gathered = together(project.contracts[table], found)
    return replace(gathered, partly=gathered.columns - everywhere)


def _made(
    project: Project, table: str, form: Form, of: Mapping[str, list[LandedFile]], hold: Hold | None
) -> tuple[Gathered, Mapping[str, list[RawRows]]]:
    """The canonical rows of a source, if nobody holds them, and what was read."""
    if hold and form.clean[table].by_part:
        return clean_by_part(project, table, form, of, hold)
    if hold and form.clean[table].by_object:
        return clean_by_object(project, table, form, of, hold)
    raw = read_files(project, table, form, of)
    made = clean(project, table, form, raw)
    if hold:
        hold(next(iter(raw.values()))[0].file.source, made.rows, 0, None)
        made = replace(made, rows=made.rows.clear())
    return made, raw


def _told_by(source: str, one: Gathered) -> Gathered:
    """The same, with the source beside what was read: two sources may have files of one name."""
    told = pl.lit(source).alias("export_source")
    return replace(one, rejects=one.rejects.with_columns(told), raw=one.raw.with_columns(told))
