"""The rows of a file of JSON lines as text: one object a line, with the line it stands in."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from schemas.contract import Contract
from schemas.form import Places
from warehouse.blocks import byte_blocks, undecodable
from warehouse.errors import ExportError
from warehouse.header import check_writer
from warehouse.json_objects import LINE_END
from warehouse.json_text import columns_of, first_object, plainly, referred
from warehouse.pages import unpaged
from warehouse.piece import Piece, of_header, ragged
from warehouse.placed import Found, Tree, decoded, dtype_of, found_in, joined, lacking_lists, spread, without_list

RECORD = "record"
"""The column that has the whole line, for the quarantine."""
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""Halves of characters, which Polars may read as something else."""
SHORT = 15
"""Digits that every number keeps."""


@dataclass(frozen=True)
class _Kind:
    """What is read of each object: rows of a contract, and where in it their columns are."""

    contract: type[Contract]
    found: Found


def read_json_lines(path: Path, file: str, wanted: Sequence[tuple[type[Contract], Places]]) -> Iterator[list[Piece]]:
    """The rows of each kind that is wanted, piece by piece, after one of all columns that some object may have.

    Of pages the line is that in which an object would stand if each stood in one of its own.
    The file's beginning shows a column if the first object names it, or one of the first piece has a value for it.

    Raises:
        ExportError: the file is not UTF-8, or does not begin with a JSON object in one line.
    """
    kinds: list[_Kind] = []
    try:
        pages = wanted[0][1].pages
        of_pages = unpaged(path, file, pages) if pages else None
        for block in _numbered(byte_blocks(path, file) if of_pages is None else of_pages):
            if block.is_blank():
                continue
            if kinds:
                yield _pieces(block, kinds)
                continue
            first = _first(block.text, file)
            for contract, places in wanted:
                check_writer(file, first, places.writer)
                kinds.append(_Kind(contract, _with_texts(found_in(places, first), first)))
            told = _pieces(block, kinds)
            yield [_header(piece, kind.found, first) for piece, kind in zip(told, kinds, strict=True)]
            yield told
        if not kinds and of_pages is not None:  # pages without an object
            yield [of_header((), {}, frozenset()) for _ in wanted]
    except UnicodeDecodeError:
        raise ExportError(f"{file}, line {undecodable(path, file)}: not UTF-8; export it as UTF-8") from None


def _header(piece: Piece, found: Found, first: Mapping[str, Any]) -> Piece:
    columns = [name for name in found.columns if name in piece.text.columns]
    there = frozenset(name for name in columns if _is_there(piece.text[name], found, first))
    return of_header(columns, found.spelled(first), there)


@dataclass(frozen=True)
class _Block:
    """Whole lines of a file."""

    text: bytes
    line: int
    """The first of them."""
    ends: int
    """Ends of lines."""

    @property
    def lines(self) -> int:
        return self.ends + (not self.text.endswith(b"\n"))

    def is_blank(self) -> bool:
        return not self.text or self.text.isspace()


def _numbered(blocks: Iterable[bytes]) -> Iterator[_Block]:
    """Blocks with the lines that they have; the first line goes with the block that follows it."""
    line, held = 1, b""
    for number, block in enumerate(blocks):
        if number == 0:
            held = block
            continue
        whole, held = held + block if held else block, b""
        # NumPy counts a letter in a quarter of the time that Python takes.
        ends = int(np.count_nonzero(np.frombuffer(whole, np.uint8) == LINE_END))
        yield _Block(whole, line, ends)
        line += ends
    if held:
        yield _Block(held, line, held.count(b"\n"))


def _first(block: bytes, file: str) -> dict[str, Any]:
    begins = block.strip().partition(b"\n")[0].decode()
    if (first := first_object(begins)) is None:
        raise ExportError(
            f"{file}: expected JSON lines, one object in each line; the first line is no whole object; export it so, "
            "or let each object stand in a line of its own"
        )
    return first


def _with_texts(found: Found, first: Mapping[str, Any]) -> Found:
    """The same, with the columns in which the first line has text where an object is needed."""
    texts = (name for name, within in found.tree().items() if within is not None and isinstance(first.get(name), str))
    return replace(found, texts=frozenset(texts))


def _pieces(block: _Block, kinds: Sequence[_Kind]) -> list[Piece]:
    """The rows of each kind; what all of them need is read at once, if no two need one place in two ways."""
    at_once = joined([kind.found.line() for kind in kinds]) if len(kinds) > 1 else None
    values = _plain_values(block, at_once) if at_once is not None else None
    return [_piece(block, values, kind) for kind in kinds]


def _plain_values(block: _Block, tree: Tree) -> pl.DataFrame | None:
    """The values of a block in which nothing is out of the ordinary."""
    text = block.text
    # To look for one letter takes a tenth of the time that two take, and most blocks have none.
    has_half = b"\\" in text and b"\\u" in text and _HALF.search(text) is not None
    values = None if has_half else plainly(text, dtype_of(tree))
    return values if values is not None and values.height == block.lines else None


def _piece(block: _Block, values: pl.DataFrame | None, kind: _Kind) -> Piece:
    """The rows of one kind, of values that are read already or of the block itself."""
    found, contract, line, lines = kind.found, kind.contract, block.line, block.lines
    if values is None:
        values = _plain_values(block, found.line())
    if values is not None:
        numbers = pl.int_range(line, line + lines, dtype=pl.Int64, eager=True).alias("export_line")
        values, wrong = decoded(values.with_columns(numbers), found) if found.texts else (values, ragged())
        told = spread(values.with_columns(numbers), found)
        lacking = found.needs_list and without_list(values.with_columns(numbers), found).len() > 0
        if not lacking and wrong.is_empty() and _is_exact(told, contract):
            return Piece(
                with_ids(told, contract),
                ragged(),
                (),
                pl.DataFrame(),
                lines,
                records_at=partial(_records, block.text, line),
            )
    return _exactly(block.text, line, found, contract)


def _exactly(block: bytes, line: int, found: Found, contract: type[Contract]) -> Piece:
    """The rows of a block in which something is out of the ordinary, to the letter."""
    rows = _lines(block, line)
    values, faults = columns_of(rows["line"], dtype_of(found.line()), certainly=True)
    numbers = rows["export_line"]
    wrong = ragged([(numbers[place], reason) for place, reason in faults])
    if found.texts:
        values, also = decoded(values.with_columns(numbers), replace(found, needs_list=False))
        wrong = pl.concat([wrong, also])
    told = spread(values.with_columns(numbers), found)
    if found.needs_list:
        wrong = pl.concat([wrong, lacking_lists(values.with_columns(numbers), found, wrong["export_line"])])
    if wrong.height and found.rows:  # an object without a list has no row, which the quarantine needs
        lacking = rows.filter(pl.col("export_line").is_in(wrong["export_line"].implode())).select("export_line")
        told = pl.concat([told, lacking], how="diagonal")
    return Piece(
        with_ids(told, contract), wrong, (), pl.DataFrame(), rows.height, records_at=partial(_records, block, line)
    )


def _lines(block: bytes, line: int) -> pl.DataFrame:
    """The lines of a block that are not blank, with their numbers."""
    lines = pl.Series("line", [block.decode().removesuffix("\n")]).str.split("\n").explode()
    rows = pl.DataFrame({"line": lines}).with_row_index("export_line", line).cast({"export_line": pl.Int64})
    return rows.filter(pl.col("line").str.strip_chars() != "")


def _records(block: bytes, line: int, lines: pl.Series) -> pl.DataFrame:
    """The whole lines of these numbers."""
    rows = _lines(block, line).filter(pl.col("export_line").is_in(lines.implode()))
    return rows.rename({"line": RECORD})


def _is_exact(told: pl.DataFrame, contract: type[Contract]) -> bool:
    """Whether no number is so long that it was read as another one."""
    keys = {*contract.grain(), *(field.name for field in contract.fields() if field.refers)}
    for name, dtype in contract.dtypes().items():
        is_number = dtype.is_numeric() or name in keys
        if not is_number or name not in told.columns or told.schema[name] != pl.String:
            continue
        length = told[name].str.len_bytes()
        most = int(length.max() or 0)  # type: ignore[arg-type]
        if most > SHORT and told[name].filter(length > SHORT).str.contains(r"^-?\d+(\.\d+)?$").any():
            return False
    return True


def with_ids(frame: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rows in which who is referred to is named by an id, also where the whole object stands; empty is NULL."""
    named = [referred(frame[field.name]) for field in contract.fields() if field.refers and field.name in frame.columns]
    texts = pl.col(pl.String)
    return frame.with_columns(named).with_columns(pl.when(texts != "").then(texts))


def _is_there(values: pl.Series, found: Found, first: Mapping[str, Any]) -> bool:
    return values.null_count() < values.len() or _names(found, values.name, first)


def _names(found: Found, column: str, first: Mapping[str, Any]) -> bool:
    """Whether the first object has one of the places, be it empty."""
    for path, in_list in found.columns[column]:
        within: Any = _element(found, first) if in_list else first
        for name in path:
            if not isinstance(within, dict) or name not in within:
                break
            within = within[name]
        else:
            return True
    return False


def _element(found: Found, first: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    within: Any = first
    for way in found.lists():
        for name in way:
            within = within.get(name) if isinstance(within, dict) else None
        within = within[0] if isinstance(within, list) and within else None
    return within
