"""The rows of a CSV file as text, with the line on which each starts."""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from io import SEEK_END, StringIO
from itertools import islice
from pathlib import Path
from typing import Self

import polars as pl

from schemas.contract import Contract
from schemas.form import Formats, Heads
from warehouse.blocks import BOM, blocks, opened, undecodable
from warehouse.errors import ExportError
from warehouse.header import check_once
from warehouse.heads import names_of
from warehouse.piece import Piece, of_header, ragged
from warehouse.regular_csv import by_columns, count_lines

PIECE = 50_000
"""So many rows are values of Python's at a time."""
HEADER_AGAIN = "expected a row, found the header again"


class _Lines:
    """A file's lines: one by one, as Python's reader of CSV takes them, or all that are left of a block."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks, self._block = blocks, StringIO()
        self._next = ""
        """A whole block that nobody takes line by line yet: to make it ready for that takes as long as to read it."""
        self.number = 0
        """Of the line that was given last."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if not (line := self._block.readline()):
            self._block, self._next = StringIO(self._next or next(self._blocks), newline=""), ""
            line = self._block.readline()
        self.number += 1
        return line

    def left(self) -> str:
        """The lines of the block that were not given yet, or those of the next; none at the end."""
        place = self._block.tell()
        if left := self._block.read():
            self._block.seek(place)
            return left
        self._next = self._next or next(self._blocks, "")
        return self._next

    def skip(self, number: int) -> None:
        """Take what is left of the block for given: so many lines."""
        self._block.seek(0, SEEK_END)
        self._next = ""
        self.number += number

    def is_at_end(self) -> bool:
        """Whether nothing is left of the block."""
        if self._next:
            return False
        place, end = self._block.tell(), self._block.seek(0, SEEK_END)
        self._block.seek(place)
        return place == end


_EMPTY = re.compile(r"^\r?\n", re.MULTILINE)


def _before_footer(blocks_of_lines: Iterator[str]) -> Iterator[str]:
    """What stands before the first empty line."""
    for block in blocks_of_lines:
        if empty := _EMPTY.search(block):
            yield block[: empty.start()]
            return
        yield block


def _refuse_web_page(path: Path, file: str, encoding: str) -> None:
    with opened(path, file, encoding) as content:
        if content.read(1 << 12).removeprefix(BOM).lstrip()[:1] == b"<":
            raise ExportError(f"{file}: this is a web page, not CSV; was the download a login page?")


def read_csv(
    path: Path,
    file: str,
    contract: type[Contract],
    formats: Formats,
    besides: Collection[str],
    only: pl.Series | None = None,
    needed: Collection[str] = (),
    heads: Heads | None = None,
) -> Iterator[Piece]:
    """The rows of a CSV file, piece by piece, after one of the header alone; `besides` names columns nobody reads.

    `only`: the lines that are asked for; others may be left out. `needed`: names of columns that are needed, where
    others may have any name, be it twice. `heads`: the rows that name the columns, where they are not one.

    Raises:
        ExportError: the file is not in the form's encoding or dialect, or names a column twice.
    """
    csv.field_size_limit(1 << 30)
    encoding = formats.encoding
    _refuse_web_page(path, file, encoding)
    text = blocks(path, file, encoding)
    lines = _Lines(_before_footer(text) if formats.has_footer else text)
    reader = csv.reader(lines, delimiter=formats.separator, strict=True)
    faults: list[tuple[int, str]] = []
    try:
        tops = [next(reader, []) for _ in range(heads.rows if heads else 1)]
        sent = names_of(tops, file, heads, formats, needed) if heads else tops[0]
        check_once(file, sent, contract, formats, needed)
        header = _each_once(sent)
        names = [name for name in header if name not in besides]
        yield of_header(header)
        while left := lines.left():
            if (
                header == tops[0]
                and heads is None
                and (regular := by_columns(left, lines.number + 1, header, names, formats.separator, only)) is not None
            ):
                lines.skip(count_lines(left))
                yield Piece(regular, ragged(), header, pl.DataFrame())
                continue
            rows = _rows(reader, lines, tops, formats.separator, faults)
            while piece := list(islice(rows, PIECE)):
                numbers, values = zip(*piece, strict=True)
                told = [fault for fault in faults if fault[0] <= numbers[-1]]
                del faults[: len(told)]  # those of lines to come are told with them
                yield Piece(_piece(numbers, values, header, names), ragged(told), header, pl.DataFrame())
    except UnicodeDecodeError:
        raise not_text(path, file, encoding) from None
    except csv.Error as fault:
        raise ExportError(f"{file}, line {lines.number}: broken quoting ({fault}); nothing of it was loaded") from None


def not_text(path: Path, file: str, encoding: str) -> ExportError:
    """That a file is no text of the encoding in which it is read, with its first line that isn't."""
    way_out = (
        "export it as UTF-8, or say its encoding for this source, like `encoding: windows-1252`"
        if encoding == "utf-8"
        else "correct `encoding` of this source"
    )
    return ExportError(f"{file}, line {undecodable(path, file, encoding)}: not {encoding.upper()}; {way_out}")


def _each_once(header: list[str]) -> list[str]:
    """The names, of which those that stand again say their place."""
    return [name if name not in header[:place] else f"{name} ({place + 1})" for place, name in enumerate(header)]


def _rows(
    reader: Iterator[list[str]], lines: _Lines, tops: list[list[str]], separator: str, faults: list[tuple[int, str]]
) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row of the block starts, and its values; what is wrong with a whole row goes to `faults`.

    A row that goes over the block's end takes the next block with it.
    """
    width, starts = len(tops[0]), lines.number + 1
    while not lines.is_at_end() and (row := next(reader, None)) is not None:
        start, starts = starts, lines.number + 1
        if starts - start == 1 and len(row) == width and row not in tops:
            yield start, row  # as nearly all are
            continue
        if not row:
            continue
        if row in tops:
            faults.append((start, HEADER_AGAIN))
        lost = range(0)
        if starts - start > 1 and _takes_in_rows(row, width, separator):
            reason = f"a quote that is opened in line {start} is closed in line {starts - 1}, and takes in rows"
            faults += [(line, reason) for line in range(start, starts)]
            # The lines between are rows of the file that nobody can tell apart.
            lost = range(start + 1, starts)
        elif len(row) != width:
            faults.append((start, f"expected {width} values, found {len(row)}"))
        # Of another width they are kept for the quarantine's raw copy.
        yield start, row if len(row) == width else (row + [""] * width)[:width]
        yield from ((line, [""] * width) for line in lost)


def _takes_in_rows(row: list[str], width: int, separator: str) -> bool:
    """Whether a value of several lines took in rows: it has as many separators as these have.

    So many for each line's end if the row has its width; else it ends in another column than it began in.
    """
    ends = (value.replace("\r\n", "\n").replace("\r", "\n").count("\n") for value in row)
    counts = ((value.count(separator), end) for value, end in zip(row, ends, strict=True) if end)
    if len(row) == width:
        return width > 1 and any(count == (width - 1) * end for count, end in counts)
    return any(count and count >= (width - 1) * (end - 1) for count, end in counts)


def _piece(lines: Sequence[int], rows: Sequence[list[str]], header: list[str], names: list[str]) -> pl.DataFrame:
    columns = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    values = {name: pl.Series(columns[name], dtype=pl.String) for name in names}
    frame = pl.DataFrame({"export_line": pl.Series(lines, dtype=pl.Int64), **values})
    # By type: a name may be a pattern to Polars.
    return frame.with_columns(pl.col(pl.String).replace("", None))
