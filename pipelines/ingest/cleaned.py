"""A landed file's rows: read, validated and cleaned to canonical ones, every row accounted for."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import polars as pl

from pipelines.ingest.agreement import refuse_contradictory
from pipelines.project import SEGMENT, Project
from schemas.contract import Contract, with_columns
from schemas.form import Form
from transforms.clean.repeats import repeated, spoken
from transforms.clean.skew import without_skew
from warehouse.csv_file import HEADER_AGAIN
from warehouse.errors import ExportError, WarehouseError
from warehouse.landed import LandedFile, note_problem
from warehouse.landing import check_whole
from warehouse.reading import PROVENANCE, REJECTS, read_export, texts_at
from warehouse.validation import AT, validate


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
    rejected: pl.DataFrame | None = None
    """Of a file of a history: the keys of its rejected rows; None where nobody can tell them all."""


@dataclass(frozen=True)
class RawRows:
    """A landed file's rows under its raw contract."""

    file: LandedFile
    read: int
    good: pl.DataFrame
    rejects: pl.DataFrame
    text: pl.DataFrame
    """Of every row that is rejected."""
    text_at: Callable[[pl.Series], pl.DataFrame]
    """The text of rows that are rejected later, by their lines."""
    columns: frozenset[str]
    skewed: pl.DataFrame
    """Where the good rows are in which clocks disagreed."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but headers."""
        return self.read == self.rejects.filter(reason=HEADER_AGAIN)["export_line"].n_unique()


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
    )


def read_landed(project: Project, form: Form, file: LandedFile, *, speaks: bool = True) -> RawRows:
    """A landed copy's rows; why it cannot be read is noted in the list of landed files.

    A file that no longer speaks may have columns that the config no longer names, and lack those that it names only
    now: segments come and go.

    Raises:
        ExportError: the file cannot be used as a whole.
        DamagedError: the copy is not what was landed.
    """
    contract = raw_contract(project, form, file.raw_table, speaks=speaks)
    path = check_whole(file, project.folders)
    exact = form.exact_header and speaks
    with noted(project, file):
        found = read_export(path, file.name, file.source, file.exported_at, contract, form.formats, exact=exact)
        settled, skewed = _settled(found.rows, contract)
        good, rejects = validate(settled, contract, project.config.sources)
    text_at = partial(texts_at, path, file.name, contract, form.formats)
    text = pl.concat([found.text, text_at(rejects["export_line"])]) if rejects.height else found.text
    all_rejects = pl.concat([found.rejects, rejects])
    return RawRows(file, found.rows_read, good, all_rejects, text, text_at, found.columns, skewed)


@contextmanager
def noted(project: Project, file: LandedFile) -> Iterator[None]:
    """Why the file cannot be used is noted in the list of landed files, whatever goes wrong within the block.

    Raises:
        ExportError: it cannot be used; also where the program fails at it: no file may stop all later runs.
    """
    try:
        yield
    except (OSError, MemoryError):  # of the machine, not of the file
        raise
    except ExportError as fault:
        note_problem(project.folders, file, str(fault))
        raise
    except WarehouseError:
        raise
    except (Exception, pl.exceptions.PanicException) as fault:
        said = (
            f"{file.name}: reading it ended in {type(fault).__name__}, which is a fault of the program, to be reported "
            "with this line; export the file in another way"
        )
        note_problem(project.folders, file, said)
        raise ExportError(said) from fault


def _settled(rows: pl.DataFrame, contract: type[Contract]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with one time where clocks disagree a little, and where these are."""
    settled = without_skew(rows, contract.clocks())
    return settled.drop("is_skewed"), settled.filter("is_skewed").select(AT)


def raw_contract(project: Project, form: Form, raw_table: str, *, speaks: bool = True) -> type[Contract]:
    """The raw file's contract; the canonical accounts also have the segments of the config."""
    contract = form.raw[raw_table].contract
    extra = project.config.extra_segments
    if raw_table == "accounts" and form.exact_header:
        return with_columns(contract, extra, SEGMENT, optional=not speaks)
    return contract


def clean(project: Project, table: str, form: Form, raw: list[list[RawRows]]) -> Gathered:
    """Canonical rows that satisfy their contract; the rows of the first raw table are those accounted for."""
    contract, zone = project.contracts[table], project.config.reporting.time_zone
    raw_contracts = [raw_contract(project, form, files[0].file.raw_table) for files in raw]
    good = [pl.concat([rows.good for rows in files]) for files in raw]
    for rows, declared in zip(good, raw_contracts, strict=True):
        refuse_contradictory(rows, declared)
    newest = [spoken(rows, declared) for rows, declared in zip(good, raw_contracts, strict=True)]
    cleaned = form.clean[table].function(*newest)
    skewed = pl.concat([rows.skewed for rows in raw[0]])
    # Where the first of an id counts, and all count, none is there again; to look once more takes as long.
    is_once = (raw_contracts[0].repeats() or ("",))[0] == "first" and newest[0].height == good[0].height
    again = repeated(good[0].clear() if is_once else good[0], raw_contracts[0], zone).select(AT)
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
        again, skewed = pl.concat([again, repeated(right, contract, zone).select(AT)]), pl.concat([skewed, also])
    texts = [_texts(rows, late).with_columns(export_file=pl.lit(rows.file.name)) for rows in raw[0]]
    return Gathered(
        canonical,
        pl.concat([late, *(rows.rejects for rows in raw[0])]),
        pl.concat(texts, how="diagonal"),
        tuple(_counts(rows, table, late, again, skewed) for rows in raw[0]),
        columns,
    )


def _texts(rows: RawRows, late: pl.DataFrame) -> pl.DataFrame:
    """The text of a file's rejected rows, with those of its canonical rows that were rejected late."""
    lines = late.filter(export_file=rows.file.name)["export_line"]
    return pl.concat([rows.text, rows.text_at(lines)]) if lines.len() else rows.text


def _counts(
    rows: RawRows, table: str, late: pl.DataFrame, again: pl.DataFrame, skewed: pl.DataFrame
) -> tuple[object, ...]:
    """The row of `export_file`: every row read is loaded or rejected; the audit holds the counts against each other."""
    file = rows.file
    of_file = late.filter(pl.col("export_file") == file.name)
    lost = pl.concat([rows.rejects, of_file]).select(AT).unique().height
    # Mostly none is among these, and nothing is looked for then.
    loaded = (rows.good.join(of_file, on=AT, how="anti") if of_file.height else rows.good).select(AT)
    told = [loaded.join(where, on=AT, how="semi").height if where.height else 0 for where in (again, skewed)]
    counts = (rows.read, loaded.height, lost, *told)
    return file.source, table, file.name, file.sha256, file.bytes, *counts, file.exported_at, file.landed_at
