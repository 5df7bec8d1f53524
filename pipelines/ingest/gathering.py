"""From landed files to canonical rows, whatever the table."""

from dataclasses import replace

import polars as pl

from pipelines.ingest.by_file import clean_by_file
from pipelines.ingest.cleaned import Gathered, clean, together
from pipelines.ingest.former_form import note_form
from pipelines.ingest.history import history
from pipelines.ingest.kept_rows import forget_others, read_files
from pipelines.ingest.sources import VERSIONS, sources_of
from pipelines.ingest.without_rows import refuse_vanished
from pipelines.project import Project
from warehouse.kept import drop_kept
from warehouse.landed import LandedFile, note_read


def gather(project: Project, table: str, files: list[LandedFile]) -> Gathered:
    """Read, validate and clean the files of every source that fills the table.

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
        by_file = clean_by_file(project, table, form, of) if cleaning.by_file else None
        raw = by_file[1] if by_file else read_files(project, table, form, of)
        told = tuple(f"{table}: {notice}" for notice in refuse_vanished(project, [raw[each] for each in cleaning.raw]))
        made = by_file[0] if by_file else clean(project, table, form, raw)
        found.append(replace(_told_by(name, made), notices=told))
        note_read(project.folders, [rows.file for each in raw.values() for rows in each])
    everywhere = frozenset[str].intersection(*(one.columns for one in found)) if found else frozenset[str]()
    gathered = together(project.contracts[table], found)
    return replace(gathered, partly=gathered.columns - everywhere)


def _told_by(source: str, one: Gathered) -> Gathered:
    """The same, with the source beside what was read: two sources may have files of one name."""
    told = pl.lit(source).alias("export_source")
    return replace(one, rejects=one.rejects.with_columns(told), raw=one.raw.with_columns(told))
