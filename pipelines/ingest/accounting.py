"""What became of every row of every file: each is loaded, or rejected with its text."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from pipelines.ingest.raw_rows import RawRows
from pipelines.project import Project
from schemas.contract import Contract
from schemas.form import Form
from schemas.tables import CANONICAL
from warehouse.landed import landed_files
from warehouse.reading import REJECTS
from warehouse.validation import AT

Hold = Callable[[str, pl.DataFrame, int, pl.Series | None], None]
"""Takes canonical rows of a source, with the run of their writer that they are of, and when each came in."""


@dataclass(frozen=True)
class Gathered:
    """Canonical rows from some files, before accounts are resolved, and what became of every row that was read."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    raw: pl.DataFrame
    """The text of every row that was rejected."""
    files: tuple[tuple[object, ...], ...] = ()
    """Rows of `export_file`."""
    columns: frozenset[str] = frozenset()
    """Columns that any of the files exports."""
    partly: frozenset[str] = frozenset()
    """Those of them that not every source exports."""
    notices: tuple[str, ...] = ()
    """What a person should know of rows that keep their contract."""
    nothing: Mapping[str, int] = field(default_factory=dict)
    """By source the rows that are right and tell nothing of the table, as the tests of a billing system."""
    rejected: pl.DataFrame | None = None
    """Of a file of a history: the keys of its rejected rows; None where nobody can tell them all."""


def together(contract: type[Contract], found: Iterable[Gathered]) -> Gathered:
    """What several files say, as one."""
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
        nothing={
            source: sum(one.nothing.get(source, 0) for one in found)
            for source in dict.fromkeys(name for one in found for name in one.nothing)
        },
    )


def accounted(project: Project, table: str, form: Form, raw: Mapping[str, list[RawRows]]) -> list[RawRows]:
    """The files beside those of the first raw table whose rows are counted with this table."""
    source = raw[form.clean[table].raw[0]][0].file.source
    kinds = (
        {file.raw_table for file in landed_files(project.folders) if file.source == source} if form.writer else set()
    )
    others = [name for name in _accounted(form, table, kinds) if name not in form.clean[table].also]
    return [rows for name in others for rows in raw.get(name, [])]


def _accounted(form: Form, table: str, kinds: Collection[str]) -> list[str]:
    """The raw tables whose rows are counted here, too.

    Those that the table needs; and those that only stand beside others everywhere, and first beside those of this one.
    `kinds`: the raw tables that the source has ever sent; of a table that needs others nothing is made.
    """
    filled_ones = {name: cleaning for name, cleaning in form.clean.items() if set(cleaning.raw) <= {*kinds}}
    mains = {name for cleaning in filled_ones.values() for name in (cleaning.raw[0], *cleaning.also)}
    _, *needed = form.clean[table].raw

    def is_read_first(name: str) -> bool:
        readers = (each for each in CANONICAL if each in filled_ones and name in filled_ones[each].reads)
        return next(readers, None) == table

    beside = [name for name in form.raw if name not in {*mains, *needed} and is_read_first(name)]
    return [*(needed if form.writer else ()), *beside]


def of_beside(rows: RawRows, table: str, contract: type[Contract]) -> Gathered:
    """What became of the rows of a file that only tells more of others."""
    nothing = rows.rejects.clear()
    text = rows.text.with_columns(export_file=pl.lit(rows.file.name))
    counts = counts_of(rows, table, nothing, nothing.select(AT), nothing.select(AT))
    return Gathered(contract.blank(), rows.rejects, text, (counts,))


def texts_of(rows: RawRows, late: pl.DataFrame) -> pl.DataFrame:
    """The text of a file's rejected rows, with those of its canonical rows that were rejected late."""
    lines = late.filter(export_file=rows.file.name)["export_line"]
    return pl.concat([rows.text, rows.text_at(lines)], how="diagonal") if lines.len() else rows.text


def counts_of(
    rows: RawRows, table: str, late: pl.DataFrame, again: pl.DataFrame, skewed: pl.DataFrame
) -> tuple[object, ...]:
    """The row of `export_file`: every row read is loaded or rejected; the audit holds the counts against each other."""
    file = rows.file
    of_file = late.filter(pl.col("export_file") == file.name)
    lost = pl.concat([rows.rejects, of_file]).select(AT).unique().height
    # Mostly none is among these, and nothing is looked for then.
    loaded = (rows.good.join(of_file, on=AT, how="anti") if of_file.height else rows.good).select(AT)
    told = [loaded.join(where, on=AT, how="semi").height if where.height else 0 for where in (again, skewed)]
    counts = (rows.read, rows.read - lost if rows.of_lists else loaded.height, lost, *told)
    of = (file.source, table, file.raw_table, file.name, file.sha256, file.bytes)
    return *of, *counts, file.exported_at, file.landed_at
