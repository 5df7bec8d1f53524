"""The rows of files that hold a vendor's objects, whatever the kind of file, under the columns of their contract."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from schemas.contract import Contract
from schemas.form import Formats, Places
from warehouse.blocks import BOM, opened
from warehouse.csv_file import read_csv
from warehouse.errors import ExportError
from warehouse.first_look import LOOK, is_json, is_parquet
from warehouse.header import check_once, check_writer
from warehouse.heads import gathered
from warehouse.json_lines import read_json_lines, with_ids
from warehouse.json_text import first_object
from warehouse.pages import unpaged
from warehouse.parquet_file import batches, in_utc, readable, spelled
from warehouse.piece import Piece, of_header
from warehouse.placed import Found, decoded, found_in, spread


def read_objects(
    path: Path, file: str, contract: type[Contract], formats: Formats, places: Places, only: pl.Series | None = None
) -> Iterator[Piece]:
    """The rows of a CSV, JSON lines or Parquet file, piece by piece, after one of the columns that are there.

    Raises:
        ExportError: the file cannot be read as a whole.
    """
    if is_parquet(path):
        return _of_parquet(path, file, contract, formats, places)
    if holds_json(path, file, formats):
        return (piece for (piece,) in read_json_lines(path, file, [(contract, places)]))
    return _of_csv(path, file, contract, formats, places, only)


def holds_json(path: Path, file: str, formats: Formats) -> bool:
    """Whether a file is of JSON lines, as its beginning shows."""
    if is_parquet(path):
        return False
    with opened(path, file, formats.encoding) as content:
        return is_json(content.read(1 << 12))


def tops_of(path: Path, file: str, formats: Formats, pages: Sequence[str]) -> Mapping[str, Any]:
    """The columns at the top of a file as its beginning shows them; of JSON the first object.

    `pages`: names under which a page has its objects, if the file may hold pages. Where nothing is told, there is none.
    """
    if is_parquet(path):
        with readable(path, file) as sent:
            return {field.name: _within(field.type) for field in sent.schema_arrow}
    try:
        with opened(path, file, formats.encoding) as content:
            head = content.read(LOOK).removeprefix(BOM).lstrip()
        if not is_json(head):
            header = head.decode(errors="replace").splitlines()[:1]
            return dict.fromkeys(name for row in csv.reader(header, delimiter=formats.separator) for name in row)
        lines = unpaged(path, file, pages) if pages else None
        first = (next(lines, b"") if lines else head).strip().partition(b"\n")[0].decode()
    except (ExportError, UnicodeError):
        return {}
    return first_object(first) or {}


def _of_csv(
    path: Path, file: str, contract: type[Contract], formats: Formats, places: Places, only: pl.Series | None
) -> Iterator[Piece]:
    pieces = read_csv(path, file, contract, formats, (), only, _tops(places), places.heads)
    header = next(pieces).header
    check_writer(file, header, places.writer)
    found = found_in(places, dict.fromkeys(header))
    nothing = gathered(pl.DataFrame(schema=dict.fromkeys(header, pl.String())), places)
    yield of_header(_columns(nothing, found), found.spelled(header))
    others = [name for name in header if name not in {*found.roots(), *found.columns, "export_line"}]
    for piece in pieces:
        frame, faults = decoded(gathered(piece.text, places), found)
        text = _with_lacking(with_ids(spread(frame, found), contract), faults, found)
        if not found.rows:
            text = text.hstack(frame.select(others))
        yield Piece(text, pl.concat([piece.ragged, faults]), (), pl.DataFrame(), piece.text.height)


def _of_parquet(path: Path, file: str, contract: type[Contract], formats: Formats, places: Places) -> Iterator[Piece]:
    known = contract.dtypes()
    with readable(path, file) as sent:
        names = sent.schema_arrow.names
        check_once(file, names, contract, formats, _tops(places))
        check_writer(file, names, places.writer)
        found = found_in(places, {field.name: _within(field.type) for field in sent.schema_arrow})
        spelling = found.spelled(names)
        roots = [names.index(name) for name in found.roots() if name in names]
        none = {names[at]: in_utc(pa.array([], sent.schema_arrow.field(at).type)) for at in roots}
        nothing = pl.DataFrame({name: pl.from_arrow(values) for name, values in none.items()})
        yield of_header(_columns(nothing, found), spelling)
        for before, batch in batches(sent):
            lines = pl.int_range(before + 1, before + batch.num_rows + 1, dtype=pl.Int64, eager=True)
            frame = pl.DataFrame({names[at]: pl.from_arrow(in_utc(batch.column(at))) for at in roots})
            frame, faults = decoded(frame.with_columns(lines.alias("export_line")), found)
            leaves = _with_lacking(spread(frame, found), faults, found)
            values = _in_json(leaves.drop("export_line"))
            named = [f"{file}: column {spelling[name]}" for name in values.columns]
            text, ready = spelled(values, named, known, formats)
            told = with_ids(text.insert_column(0, leaves["export_line"]), contract)
            yield Piece(told, faults, (), ready, batch.num_rows)


def _tops(places: Places) -> set[str]:
    """The names with which ways to columns begin; an element of a list may be a value itself, to which none leads."""
    ways = {place.path[0] for of in places.columns.values() for place in of if place.path}
    return ways | set(places.elements or ())


def _in_json(values: pl.DataFrame) -> pl.DataFrame:
    """The values, of which objects and lists are text, as they are in files of JSON."""
    nested = [name for name, dtype in values.schema.items() if isinstance(dtype, pl.List | pl.Struct)]
    if not nested:
        return values
    # Only an object is encoded: each is put into one, of which its own text is taken.
    texts = (
        pl.struct(values[name].alias("v")).struct.json_encode().str.slice(len('{"v":')).str.head(-1) for name in nested
    )
    return values.with_columns(
        pl.when(values[name].is_not_null()).then(text).alias(name) for name, text in zip(nested, texts, strict=True)
    )


def _columns(nothing: pl.DataFrame, found: Found) -> list[str]:
    """The columns that a file with such columns at its top has."""
    frame, _ = decoded(nothing.with_columns(export_line=pl.lit(None, pl.Int64)), found)
    return [name for name in spread(frame, found).columns if name != "export_line"]


def _within(kind: pa.DataType) -> Mapping[str, Any] | list[Any] | None:
    if pa.types.is_struct(kind):
        return {field.name: _within(field.type) for field in kind}
    # What is in text may be an object.
    return None if pa.types.is_string(kind) or pa.types.is_large_string(kind) else []


def _with_lacking(rows: pl.DataFrame, faults: pl.DataFrame, found: Found) -> pl.DataFrame:
    """The rows, with one for each record at fault, so that it is kept for the quarantine though it has no element."""
    if not found.rows or faults.is_empty():
        return rows
    return pl.concat([rows, faults.select("export_line").unique(maintain_order=True)], how="diagonal")
