"""Reading a file strictly: every value is spelled as its form says, or its row is rejected with line and column."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from schemas.contract import Column, Contract
from schemas.customers import Export
from schemas.form import Formats, Heads, Places
from warehouse.blocks import opened
from warehouse.csv_file import read_csv
from warehouse.errors import ExportError
from warehouse.first_look import is_json, is_parquet, look
from warehouse.header import check_header
from warehouse.heads import has_rows_below
from warehouse.instants import instants, shape
from warehouse.json_lines import read_json_lines
from warehouse.numbers import has_decimals, numbers, to_say
from warehouse.objects import holds_json, read_objects
from warehouse.parquet_file import YEARS, read_parquet
from warehouse.piece import Piece, ragged

PROVENANCE = tuple(Export.dtypes())
Texts = Callable[[pl.Series], pl.DataFrame]
"""Gives the text of rows, by their lines."""
REJECTS = {"export_file": pl.String, "export_line": pl.Int64, "column_name": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class FileRows:
    """What a file holds: good rows (typed), rejects (one row a reason) with the text of their rows, and its columns."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    text: pl.DataFrame
    columns: frozenset[str]
    rows_read: int
    """Rows in the file; of lists in its records, so many records."""
    spelled: Mapping[str, str]
    """What the file calls columns, where it does not call them as the contract does."""


@dataclass(frozen=True)
class Kind:
    """What is to be read of a file: rows of a contract, from where their columns stand in it."""

    contract: type[Contract]
    places: Places | None = None
    """Where its columns stand, if not under their own names; such a file may be JSON lines, too."""
    exact: bool = False
    """Whether the file may have no other column."""

    @property
    def of_lists(self) -> bool:
        """Whether its rows are elements of lists, of which a record may have none."""
        return bool(self.places and self.places.rows)


def read_export(
    path: Path,
    file: str,
    source: str,
    exported_at: dt.datetime,
    contract: type[Contract],
    formats: Formats,
    *,
    exact: bool,
    places: Places | None = None,
) -> FileRows:
    """Read a file as rows of one contract, as `read_kinds` does."""
    return read_kinds(path, file, source, exported_at, [Kind(contract, places, exact)], formats)[0]


def read_kinds(
    path: Path, file: str, source: str, exported_at: dt.datetime, kinds: Sequence[Kind], formats: Formats
) -> list[FileRows]:
    """Read what a file has of each kind; `file` is its name in messages and in provenance.

    JSON lines are read once, whatever they hold: to find what is in an object takes longer than all else.

    Raises:
        ExportError: the file is empty, unreadable, not in the form's encoding or dialect, lacks a needed column, or
            (`exact`) has a column the contract does not know.
    """
    if _is_nothing(path, file, kinds, formats):
        return [_nothing(kind.contract) for kind in kinds]
    found = []
    for readings, blocks in _readings(path, file, kinds, formats):
        taken: list[list[_Taken]] = [[] for _ in readings]
        for pieces in blocks:
            for of_kind, reading, piece in zip(taken, readings, pieces, strict=True):
                of_kind.append(reading.take(piece))
        for of_kind, reading in zip(taken, readings, strict=True):
            reading.check_all()
            found.append(reading.told(of_kind, source, exported_at))
            of_kind.clear()
    return found


def read_parts(
    path: Path, file: str, source: str, exported_at: dt.datetime, kinds: Sequence[Kind], formats: Formats
) -> Iterator[tuple[int, FileRows, Texts]]:
    """The same, part by part: of a large file no more than one is in memory. A file has at least one of each kind.

    With each the place of its kind among these, and what gives the text of its rows, by their lines. The columns are
    those that were seen so far.

    Raises:
        ExportError: as `read_kinds`; some faults show at the file's end only.
    """
    if _is_nothing(path, file, kinds, formats):
        yield from ((place, _nothing(kind.contract), _no_text) for place, kind in enumerate(kinds))
        return
    before = 0
    for readings, blocks in _readings(path, file, kinds, formats):
        is_empty = True
        for pieces in blocks:
            is_empty = False
            for place, (reading, piece) in enumerate(zip(readings, pieces, strict=True), before):
                yield place, reading.told([reading.take(piece)], source, exported_at), partial(_at, piece)
        for place, reading in enumerate(readings, before):
            reading.check_all()
            if is_empty:
                yield place, reading.told([], source, exported_at), partial(_at, reading.first)
        before += len(readings)


def _readings(
    path: Path, file: str, kinds: Sequence[Kind], formats: Formats
) -> Iterator[tuple[list["_Reading"], Iterator[list[Piece]]]]:
    """How each kind is read, with the pieces that are read: of JSON lines those of all kinds side by side."""
    pages = {kind.places.pages for kind in kinds if kind.places}
    if len(kinds) == 1 or len(pages) > 1 or not holds_json(path, file, formats):
        for kind in kinds:
            pieces = _pieces(path, file, kind, formats)
            yield [_Reading(file, kind, formats, next(pieces))], ([piece] for piece in pieces)
        return
    blocks = read_json_lines(path, file, [(kind.contract, kind.places) for kind in kinds if kind.places])
    yield [_Reading(file, kind, formats, first) for kind, first in zip(kinds, next(blocks), strict=True)], blocks


def _is_nothing(path: Path, file: str, kinds: Sequence[Kind], formats: Formats) -> bool:
    """Whether the file is a part in which nothing is; any other is looked at, and has something.

    Raises:
        ExportError: it is empty, or no export.
    """
    if all(kind.places and kind.places.in_parts for kind in kinds) and _is_blank(path, file):
        return True
    if path.stat().st_size == 0:
        raise ExportError(f"{file}: the file is empty; expected a header with {_names(kinds[0].contract)}")
    look(path, file, formats)
    return False


def _no_text(_: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(schema={"export_line": pl.Int64})


def _nothing(contract: type[Contract]) -> FileRows:
    text = pl.DataFrame(schema={"export_line": pl.Int64})
    return FileRows(contract.blank(), pl.DataFrame(schema=REJECTS), text, frozenset(), 0, {})


@dataclass(frozen=True)
class _Taken:
    """What a piece has."""

    right: pl.DataFrame
    wrong: pl.DataFrame
    text: pl.DataFrame
    """Of what is wrong."""
    records: int


class _Reading:
    """How one kind is read, piece by piece, after one of the file's header."""

    def __init__(self, file: str, kind: Kind, formats: Formats, first: Piece) -> None:
        self.file, self.kind, self.formats, self.first = file, kind, formats, first
        contract = kind.contract
        self._declared = {field.name: field for field in contract.fields() if field.name not in PROVENANCE}
        # Of objects any may have a column that those before it do not.
        self._there = first.there
        if self._there is None:
            self._check(first.header)
        self._fields = [field for field in self._declared.values() if field.name in first.header]
        self._read = 0

    def _check(self, header: Sequence[str]) -> None:
        """See that the needed columns are there; of a list no element may be."""
        if self.kind.of_lists:
            return
        said = self.kind.places.writer if self.kind.places else ""
        exact, spelled = self.kind.exact, self.first.spelled
        check_header(self.file, header, self._declared, self.kind.contract, exact=exact, spelled=spelled, said=said)

    def take(self, piece: Piece) -> _Taken:
        """Read a piece."""
        right, wrong = _parted(piece, self._fields, self.formats)
        self._read += piece.records
        if self._there is not None:
            text = piece.text
            self._there |= {field.name for field in self._fields if text[field.name].null_count() < text.height}
        return _Taken(right, wrong, _at(piece, wrong["export_line"]), piece.records)

    def check_all(self) -> None:
        """See at the file's end that some object has each needed column."""
        if self._there is not None and self._read:
            self._check(sorted(self._there))

    def told(self, taken: Sequence[_Taken], source: str, exported_at: dt.datetime) -> FileRows:
        """What some pieces have."""
        line = {"export_line": pl.Int64}
        none = pl.DataFrame(schema=line | {one.name: one.dtype for one in self._fields})
        rows = pl.concat([none, *(each.right for each in taken)], rechunk=True).with_columns(
            export_source=pl.lit(source),
            export_file=pl.lit(self.file),
            exported_at=pl.lit(exported_at).cast(pl.Datetime("us")),
        )
        told = pl.concat([ragged(), *(each.wrong for each in taken)])
        told = told.select(pl.lit(self.file).alias("export_file"), "export_line", "column_name", "reason")
        text = pl.concat([pl.DataFrame(schema=line), *(each.text for each in taken)], how="diagonal")
        names = frozenset(field.name for field in self._fields) if self._there is None else self._there
        rejects = told.cast(REJECTS)  # type: ignore[arg-type]
        read = sum(each.records for each in taken)
        return FileRows(self.kind.contract.shaped(rows), rejects, text, names, read, self.first.spelled)


def _is_blank(path: Path, file: str) -> bool:
    """Whether there is nothing in a file, packed or not: a writer that adds parts may add an empty one."""
    with opened(path, file) as content:
        return not content.read(1 << 12).strip()


def check_columns(path: Path, file: str, kind: Kind, formats: Formats) -> None:
    """See at a file's beginning who wrote it, and that it has the columns that it needs.

    Raises:
        ExportError: it lacks one, or somebody else wrote it than is said.
    """
    if not (kind.places and kind.places.in_parts and _is_blank(path, file)):
        _Reading(file, kind, formats, next(_pieces(path, file, kind, formats)))


def check_decimals(path: Path, file: str, kind: Kind, formats: Formats) -> None:
    """See at a file's beginning that not all numbers of a column have a decimal comma, where nobody said so.

    Raises:
        ExportError: they have, so that no row that tells one could be read.
    """
    pieces = _pieces(path, file, kind, formats)
    first = next(pieces)
    fields = [each for each in kind.contract.fields() if each.name in first.header and has_decimals(each.dtype)]
    if not fields or (rows := next(pieces, None)) is None:
        return
    for field in fields:
        told = rows.text.select("export_line", field.name).drop_nulls(field.name)
        words = told.select("export_line", words=to_say(pl.col(field.name), field.dtype, formats))
        wrong = words.filter(pl.col("words") != "")
        if wrong.height and told.select(_typed(rows, field, formats).is_null().all()).item():
            line, say = wrong.row(0)
            name = first.spelled.get(field.name, field.name)
            raise ExportError(f"{file}, line {line}, {name}: expected {spelling(field, formats)}{say}")


def columns_in(path: Path, file: str, contract: type[Contract], formats: Formats, places: Places | None) -> list[str]:
    """The columns of the contract that a file has, as its beginning shows.

    Raises:
        ExportError: it cannot be read.
    """
    if places and places.in_parts and _is_blank(path, file):
        return []
    known, first = set(contract.dtypes()), next(_pieces(path, file, Kind(contract, places), formats))
    return [name for name in (first.header if first.there is None else first.there) if name in known]


def texts_at(
    path: Path,
    file: str,
    contract: type[Contract],
    formats: Formats,
    lines: pl.Series,
    places: Places | None = None,
) -> pl.DataFrame:
    """The text of the rows that start on these lines, of a file that was read before."""
    pieces = _pieces(path, file, Kind(contract, places), formats, lines)
    return pl.concat((_at(piece, lines) for piece in pieces), how="diagonal")


def _at(piece: Piece, lines: pl.Series) -> pl.DataFrame:
    """The text of these lines, and their whole records where a column is not all there is."""
    if not lines.len():
        return piece.text.head(0)
    found = piece.text.filter(pl.col("export_line").is_in(lines.unique().implode()))
    if piece.records_at is None or found.is_empty():
        return found
    return found.join(piece.records_at(lines.unique()), on="export_line", how="left", maintain_order="left")


def _pieces(path: Path, file: str, kind: Kind, formats: Formats, only: pl.Series | None = None) -> Iterator[Piece]:
    """The file in pieces, so that the text of no more than one of them is in memory; the first is of the header."""
    if kind.places is not None:
        return read_objects(path, file, kind.contract, formats, kind.places, only)
    if is_parquet(path):
        return read_parquet(path, file, kind.contract, formats, PROVENANCE)
    return read_csv(path, file, kind.contract, formats, PROVENANCE, only)


def _parted(piece: Piece, fields: list[Column], formats: Formats) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a piece in which every value is spelled as it should be, typed, and the rejects."""
    if formats.unset:
        named = [field.name for field in fields if isinstance(field.dtype, pl.Datetime)]
        piece = replace(piece, text=piece.text.with_columns(_set(name, formats) for name in named))
    text = piece.text
    # Of what a vendor's objects may have most say nothing: there is nothing to look at.
    told = [field for field in fields if text[field.name].null_count() < text.height]
    nothing = [pl.lit(None, field.dtype).alias(field.name) for field in fields if field not in told]
    typed = text.select(
        "export_line", *(_typed(piece, field, formats).alias(field.name) for field in told), *nothing
    ).select("export_line", *(field.name for field in fields))
    faults = {field.name: pl.col(field.name).is_not_null() & typed[field.name].is_null() for field in told}
    # One query looks at all columns: most files have no value that cannot be read.
    found_in = text.select(fault.any().alias(name) for name, fault in faults.items()).row(0) if faults else ()
    wrong = [
        text.filter(faults[field.name]).select(
            "export_line",
            column_name=pl.lit(field.name),
            reason=pl.lit(f"expected {spelling(field, formats)}") + to_say(pl.col(field.name), field.dtype, formats),
        )
        for field, is_wrong in zip(told, found_in, strict=True)
        if is_wrong
    ]
    rejects = pl.concat([piece.ragged, *wrong])
    lines = rejects["export_line"].unique()
    good = typed.filter(~pl.col("export_line").is_in(lines.implode())) if lines.len() else typed
    return good, rejects


def _set(name: str, formats: Formats) -> pl.Expr:
    """The text of a column without spellings of no instant."""
    return pl.when(~pl.col(name).is_in(formats.unset)).then(name).alias(name)


def has_rows(path: Path, heads: Heads | None = None) -> bool:
    """Whether a file holds more than a header, be it once or again."""
    if is_parquet(path):
        return bool(pq.read_metadata(path).num_rows)
    if heads:
        return has_rows_below(path, heads)
    with opened(path, path.name) as content:
        lines = (line.rstrip(b"\r\n") for line in content if line.strip())
        header = next(lines, b"")
        return is_json(header) or any(line != header for line in lines)


def _names(contract: type[Contract]) -> str:
    return ", ".join(field.name for field in contract.fields() if field.name not in PROVENANCE and not field.optional)


def _typed(piece: Piece, field: Column, formats: Formats) -> pl.Expr | pl.Series:
    if field.name in piece.ready.columns and piece.ready[field.name].dtype == field.dtype:
        return piece.ready[field.name]
    if isinstance(field.dtype, pl.Datetime):
        return instants(piece.text[field.name], formats)
    return _parsed(field, formats)


def _parsed(field: Column, formats: Formats) -> pl.Expr:
    """The text as the column's type; NULL where it is not spelled so."""
    text, dtype = pl.col(field.name), field.dtype
    if dtype.is_numeric():
        return numbers(text, dtype, formats)
    if dtype == pl.Date:
        day = text.str.to_date(formats.date, strict=False)
        return pl.when(text.str.contains(shape(formats.date)) & (day.dt.year() >= 1)).then(day)
    if dtype == pl.Boolean:
        is_true, is_false = text.is_in(formats.true), text.is_in(formats.false)
        return pl.when(is_true).then(statement=True).when(is_false).then(statement=False)
    return text


def spelling(field: Column, formats: Formats) -> str:
    """How a value of the column is spelled, in words."""
    dtype = field.dtype
    if dtype == pl.Date:
        return f"a date spelled {formats.date}"
    if isinstance(dtype, pl.Datetime):
        return f"a time spelled {' or '.join(formats.instants)}, in the years {YEARS[0]} to {YEARS[1]}"
    if dtype == pl.Boolean:
        return " or ".join([*formats.true, *formats.false])
    if dtype.is_integer():
        return "a whole number"
    return "a number with a point" if formats.decimal == "." else "a number with a decimal comma"
