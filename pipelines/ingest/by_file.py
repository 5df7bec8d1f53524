"""Events, of which there are many in many files: each file is cleaned by itself, and canonical rows alone are held."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from pipelines.ingest.agreement import refuse_contradictory
from pipelines.ingest.cleaned import (
    Gathered,
    RawRows,
    accounted,
    conforming,
    counts_of,
    filled,
    raw_contract,
    texts_of,
    together,
    without,
)
from pipelines.ingest.kept_rows import MANY, read_each, read_files
from pipelines.project import Project
from schemas.contract import Contract
from schemas.form import Form, Told
from schemas.operations import ExportFile
from schemas.writer import MARKS
from transforms.clean.repeats import spoken
from transforms.clean.written import objects
from warehouse.landed import LandedFile
from warehouse.reading import PROVENANCE
from warehouse.validation import AT

RAW_TABLE, FILE, REPEATED = (list(ExportFile.dtypes()).index(name) for name in ("raw_table", "file", "rows_repeated"))


@dataclass(frozen=True)
class _Beside:
    """What stands beside every file: objects of other kinds, with the columns that are there of each."""

    objects: Mapping[str, pl.DataFrame]
    columns: Mapping[str, frozenset[str]]


def clean_by_file(
    project: Project, table: str, form: Form, of: Mapping[str, list[LandedFile]]
) -> tuple[Gathered, dict[str, list[RawRows]]]:
    """What `clean` makes of the files of each raw table; and what was read, of the first one without its rows.

    Which event of an id counts is told when all are there.
    """
    cleaning, contract = form.clean[table], project.contracts[table]
    first, files = cleaning.raw[0], of[cleaning.raw[0]]
    others = read_files(project, table, form, {name: of[name] for name in cleaning.reads[1:]})
    # Of a file alone nothing is kept: it is read once for both turns.
    alone = list(read_each(project, table, form, files)) if len(files) < MANY else None
    beside = _beside(project, table, form, others, alone or read_each(project, table, form, files), files[0].source)
    found, seen, generations = list[Gathered](), list[RawRows](), list[int]()
    for rows in alone or read_each(project, table, form, files):
        found.append(_of_file(project, table, form, rows, beside))
        seen.append(replace(rows, good=rows.good.clear(), text=rows.text.clear()))
        generations.append(_generation(rows.good))
    raw = {first: seen, **others}
    found += [_of_beside(rows, table, contract) for rows in accounted(project, table, form, raw)]
    # What a writer wrote before it began anew does not count.
    for place, generation in enumerate(generations):
        if generation < max(generations):
            found[place] = replace(found[place], rows=contract.blank())
    return _each_once(together(contract, found), project, table, first), raw


def _each_once(whole: Gathered, project: Project, table: str, first: str) -> Gathered:
    """The events of which an id has one, with how many of each file are sent again."""
    rows = spoken(whole.rows, project.contracts[table])
    if rows.height == whole.rows.height:
        return whole
    again = dict(whole.rows.join(rows, on=AT, how="anti").group_by("export_file").len().iter_rows())
    files = (
        (*file[:REPEATED], again.get(file[FILE], 0), *file[REPEATED + 1 :]) if file[RAW_TABLE] == first else file
        for file in whole.files
    )
    return replace(whole, rows=rows, files=tuple(files))


def _beside(
    project: Project,
    table: str,
    form: Form,
    others: Mapping[str, list[RawRows]],
    files: Iterable[RawRows],
    source: str,
) -> _Beside:
    """The objects of other kinds: of files of their own, and what rows of the first ones tell, if the config asks."""
    newest, columns = dict[str, pl.DataFrame](), dict[str, frozenset[str]]()
    for name, each in others.items():
        contract = raw_contract(project, form, name)
        good = pl.concat([contract.blank(), *(rows.good for rows in each)])
        refuse_contradictory(good, contract)
        newest[name] = spoken(good, contract)
        columns[name] = frozenset().union(*(rows.columns for rows in each))
    there = objects(newest, form)
    told = Told(project.config.reporting.time_zone, project.config.reporting.currency, project.options(source))
    gathers = form.clean[table].gathers
    ways = {name: way for name, way in gathers(told).items() if name not in others} if gathers else {}
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in ways}
    for rows in files if ways else ():
        for name, way in ways.items():
            parts[name].append(way(rows.good.drop(MARKS, strict=False)))
    for name, of_files in parts.items():
        found = pl.concat(of_files)
        blank = (form.lacking.get(name) or form.raw[name].contract).blank().drop(MARKS, strict=False)
        there[name] = pl.concat([blank, found], how="diagonal")
        columns[name] = frozenset(each for each in found.columns if found[each].null_count() < found.height)
    return _Beside(there, columns)


def _of_file(project: Project, table: str, form: Form, rows: RawRows, beside: _Beside) -> Gathered:
    """The canonical rows of one file, and what became of all others."""
    first, source = form.clean[table].raw[0], rows.file.source
    there = {**beside.objects, **objects({first: rows.good}, form)}
    columns = {**beside.columns, first: rows.columns}
    made, wrong = filled(project, table, form, source, there, columns)
    cleaned = without(made, wrong)
    right, late, skewed = conforming(project, table, form, cleaned)
    late = pl.concat([wrong, late])
    told = texts_of(rows, late).with_columns(export_file=pl.lit(rows.file.name))
    return Gathered(
        right,
        pl.concat([late, rows.rejects]),
        told,
        (counts_of(rows, table, late, late.clear().select(AT), pl.concat([rows.skewed, skewed])),),
        frozenset(cleaned.columns) - set(PROVENANCE),
        nothing={source: there[first].height - made.height},
    )


def _of_beside(rows: RawRows, table: str, contract: type[Contract]) -> Gathered:
    """What became of the rows of a file that only tells more of others."""
    nothing = rows.rejects.clear()
    text = rows.text.with_columns(export_file=pl.lit(rows.file.name))
    counts = counts_of(rows, table, nothing, nothing.select(AT), nothing.select(AT))
    return Gathered(contract.blank(), rows.rejects, text, (counts,))


def _generation(rows: pl.DataFrame) -> int:
    """The run of its writer that a file is of, the last; before there were any all files were of the first."""
    newest = rows["row_generation"].cast(pl.Int64, strict=False).max() if "row_generation" in rows.columns else None
    return newest if isinstance(newest, int) else 0
