"""Events, of which there are many in many files: each part of a file is cleaned by itself, and none is held."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

import polars as pl

from pipelines.ingest.accounting import Gathered, Hold, accounted, counts_of, of_beside, together
from pipelines.ingest.cleaned import blank_of, conforming, exported, made_of, without
from pipelines.ingest.kept_rows import read_files, read_parts_of
from pipelines.ingest.raw_rows import RawRows, read_valid_parts, text_reader, those_that_count
from pipelines.project import Project
from schemas.form import Form, Told
from schemas.operations import ExportFile
from schemas.writer import MARKS
from transforms.clean.written import Telling, generation, objects
from warehouse.landed import LandedFile
from warehouse.validation import AT

READ, SKEWED = (list(ExportFile.dtypes()).index(name) for name in ("rows_read", "rows_skewed"))


@dataclass(frozen=True)
class _Beside:
    """What stands beside every file: objects of other kinds, with the columns that are there of each."""

    objects: Mapping[str, pl.DataFrame]
    columns: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class _Part:
    """What became of the rows of a part of a file."""

    seen: RawRows
    """Without its rows."""
    rejects: pl.DataFrame
    late: pl.DataFrame
    """Those of the rejects that were right until they were cleaned."""
    counts: tuple[object, ...]
    telling: Telling | None
    """What a vendor's objects tell; None of files that have the canonical columns."""
    nothing: int


def clean_by_part(
    project: Project, table: str, form: Form, of: Mapping[str, list[LandedFile]], hold: Hold
) -> tuple[Gathered, dict[str, list[RawRows]]]:
    """What `clean` makes of the files of each raw table, but for its rows, which `hold` takes; and what was read.

    Which event of an id counts is told when all are there, and so is which run of its writer was the last.
    """
    cleaning, contract = form.clean[table], project.contracts[table]
    first, files = cleaning.raw[0], of[cleaning.raw[0]]
    source = files[0].source
    others = read_files(project, table, form, {name: of[name] for name in cleaning.reads[1:]})
    told = Told(project.config.reporting.time_zone, project.config.reporting.currency, project.options(source))
    ways = cleaning.gathers(told) if cleaning.gathers else {}
    ways = {name: way for name, way in ways.items() if name not in others}

    def parts() -> Iterator[RawRows]:
        return read_parts_of(project, table, form, {first: files}, read_valid_parts, again=bool(ways))

    beside = _beside(project, form, others, ways, parts() if ways else ())
    found, seen = list[Gathered](), list[RawRows]()
    made = (_of_part(project, table, form, rows, beside, hold) for rows in parts())
    for _, of_file in groupby(made, key=lambda part: part.seen.file.key):
        whole, rows = _of_file(project, table, form, list(of_file), beside)
        found.append(whole)
        seen.append(rows)
    raw = {first: seen, **others}
    found += [of_beside(rows, table, contract) for rows in accounted(project, table, form, raw)]
    return together(contract, found), raw


def _beside(
    project: Project,
    form: Form,
    others: Mapping[str, list[RawRows]],
    ways: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]],
    parts: Iterable[RawRows],
) -> _Beside:
    """The objects of other kinds: of files of their own, and what rows of the first ones tell, if the config asks."""
    newest, columns = those_that_count(project, form, others)
    there = objects(newest, form)
    gathered: dict[str, list[pl.DataFrame]] = {name: [] for name in ways}
    for rows in parts:
        for name, way in ways.items():
            gathered[name].append(way(rows.good.drop(MARKS, strict=False)))
    for name, of_parts in gathered.items():
        found = pl.concat(of_parts)
        there[name] = pl.concat([blank_of(form, name), found], how="diagonal")
        columns[name] = frozenset(each for each in found.columns if found[each].null_count() < found.height)
    return _Beside(there, columns)


def _of_part(project: Project, table: str, form: Form, rows: RawRows, beside: _Beside, hold: Hold) -> _Part:
    """What became of the rows of a part, of which the canonical ones are held."""
    first, source = form.clean[table].raw[0], rows.file.source
    none = rows.rejects.clear()
    if form.exact_header:
        # The raw contract is the canonical one: the rows satisfy it already.
        right, late, skewed, telling, nothing = rows.good, none, rows.skewed, None, 0
    else:
        there = {**beside.objects, **objects({first: rows.good}, form)}
        made, wrong, telling = made_of(project, table, form, source, there)
        right, broken, also = conforming(project, table, form, without(made, wrong))
        late, skewed = pl.concat([wrong, broken]), pl.concat([rows.skewed, also])
        nothing = there[first].height - made.height
    hold(source, right, _generation(rows.good), _came_in(rows.good, right, form.clean[table].came_in))
    counts = counts_of(rows, table, late, none.select(AT), skewed)
    seen = replace(rows, good=rows.good.clear(), skewed=rows.skewed.clear(), text_at=_no_text)
    return _Part(seen, pl.concat([late, rows.rejects]), late, counts, telling, nothing)


def _no_text(_: pl.Series) -> pl.DataFrame:
    """Of a part that is no longer in memory: what is in it is asked of its file."""
    return pl.DataFrame(schema={"export_line": pl.Int64})


def _of_file(project: Project, table: str, form: Form, parts: list[_Part], beside: _Beside) -> tuple[Gathered, RawRows]:
    """What became of the rows of all parts of a file."""
    first, file = form.clean[table].raw[0], parts[0].seen.file
    columns = frozenset().union(*(part.seen.columns for part in parts))
    late = pl.concat([part.late for part in parts])["export_line"]
    texts = [part.seen.text for part in parts]
    if late.len():
        texts.append(text_reader(project, form, file)(late))
    before, after = parts[0].counts[:READ], parts[0].counts[SKEWED + 1 :]
    counts = pl.DataFrame([part.counts[READ : SKEWED + 1] for part in parts], orient="row").sum().row(0)
    seen = RawRows(
        file,
        sum(part.seen.read for part in parts),
        parts[0].seen.good,
        pl.concat([part.seen.rejects for part in parts]),
        parts[0].seen.text.clear(),
        parts[0].seen.text_at,
        columns,
        parts[0].seen.skewed,
    )
    gathered = Gathered(
        project.contracts[table].blank(),
        pl.concat([part.rejects for part in parts]),
        pl.concat(texts, how="diagonal").with_columns(export_file=pl.lit(file.name)),
        ((*before, *counts, *after),),
        _exported(form, table, parts, {**beside.columns, first: columns}),
        nothing={file.source: sum(part.nothing for part in parts)},
    )
    return gathered, seen


def _exported(form: Form, table: str, parts: list[_Part], columns: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The canonical columns that a file exports."""
    tellings = [part.telling for part in parts if part.telling is not None]
    if not tellings:
        return columns[form.clean[table].raw[0]]
    return exported(form, table, tellings, columns)


def _generation(rows: pl.DataFrame) -> int:
    """The run of its writer that a part is of, the last."""
    return rows.select(generation().max()).item() or 0 if "row_generation" in rows.columns else 0


def _came_in(rows: pl.DataFrame, right: pl.DataFrame, column: str | None) -> pl.Series | None:
    """The number that tells when each row that is right came in; what does not tell it came before all others."""
    if column is None or column not in rows.columns:
        return None
    number = pl.col(column).cast(pl.Int64, strict=False)
    return (
        right.select("export_line")
        .join(rows.select("export_line", number=number), on="export_line", how="left", maintain_order="left")["number"]
        .fill_null(0)
    )
