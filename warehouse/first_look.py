"""A first look at a file, at its beginning only: what it cannot be is told before it is copied or read as a whole."""

import re
from pathlib import Path

import pyarrow.parquet as pq

from schemas.form import Formats
from warehouse.blocks import opened
from warehouse.errors import ExportError

LOOK = 1 << 20
"""Bytes of the beginning that are looked at."""
MOST_COLUMNS = 2_000
PARQUET = b"PAR1"
ARRAY = re.compile(rb"(\xef\xbb\xbf)?\s*\[\s*\{")
PACKED = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save the sheet",
    b"BZh": "compressed (bzip2); unpack it",
    b"\xfd7zXZ": "compressed (xz); unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"%PDF": "a PDF; export it",
    b"SQLite format 3": "an SQLite database; export the table",
    b"ORC": "an ORC file; export it",
    b"ARROW1": "an Arrow file; export it",
}
"""What files that are not text begin with, and what to do about them."""
_INSTEAD = "export it as UTF-8 CSV or Parquet"


def look(path: Path, file: str, formats: Formats) -> None:
    """See that a file may be CSV, JSON lines or Parquet of a size that fits its content; `file` names it in messages.

    Raises:
        ExportError: it is something else, has no header, or has more columns or rows than an export can have.
    """
    try:
        with opened(path, file, formats.encoding) as content:
            head = content.read(LOOK)
    except UnicodeError:  # of UTF-16 also that no mark of it stands at the beginning
        told = formats.encoding.upper()
        raise ExportError(f"{file}: its beginning is not {told}; correct `encoding` of this source") from None
    if head[:4] == PARQUET:
        _look_at_parquet(path, file)
        return
    for signature, what in PACKED.items():
        if head.startswith(signature) and not _is_text(head):
            raise ExportError(f"{file}: this is {what} as CSV in UTF-8, or as Parquet")
    if file.endswith(".br") and not _is_text(head):  # what is packed so has no sign that it begins with
        raise ExportError(f"{file}: this is compressed (brotli); unpack it, or let it be exported with gzip")
    if head and not head.strip(b"\x00"):
        raise ExportError(f"{file}: the file begins with nothing but NULs, as a broken-off copy does; send it again")
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise ExportError(f"{file}: this is UTF-16; {_INSTEAD}, or say `encoding: utf-16` for this source")
    if b"\x00" in head:
        raise ExportError(f"{file}: not UTF-8 text (UTF-16, or a binary file); {_INSTEAD}")
    if not is_json(head):
        _look_at_header(head, file, formats)


def _look_at_header(head: bytes, file: str, formats: Formats) -> None:
    if ARRAY.match(head):
        raise ExportError(f"{file}: this is one JSON array; expected a JSON object a line, as jq -c '.[]' writes them")
    header, ended, _ = head.lstrip(b"\xef\xbb\xbf\r\n").partition(b"\n")
    if not header.strip() and len(head) == LOOK:
        raise ExportError(f"{file}: the file begins with nothing but blanks; expected a header")
    if not ended and len(head) == LOOK:
        raise ExportError(f"{file}: the first line is longer than {LOOK >> 20} MB; expected a header")
    _check_columns(file, header.count(formats.separator.encode()) + 1)


def is_parquet(path: Path) -> bool:
    """Whether a file says that it is Parquet."""
    with path.open("rb") as sent:
        return sent.read(4) == PARQUET


def is_json(head: bytes) -> bool:
    """Whether a file that begins so holds JSON."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def _look_at_parquet(path: Path, file: str) -> None:
    try:
        told = pq.read_metadata(path)
    except Exception as fault:  # whatever the reader raises, the file cannot be used
        raise ExportError(f"{file}: not a readable Parquet file ({type(fault).__name__}); export it anew") from None
    _check_columns(file, told.num_columns)
    size = path.stat().st_size
    if told.num_rows > LOOK and told.num_rows > 8 * size:
        raise ExportError(f"{file}: {told.num_rows:,} rows in {size:,} bytes hold nothing; export it anew")


def _check_columns(file: str, number: int) -> None:
    if number > MOST_COLUMNS:
        raise ExportError(f"{file}: {number:,} columns, more than {MOST_COLUMNS:,}; export the form's columns only")


def _is_text(head: bytes) -> bool:
    """Whether a file is text, though it may begin with the letters of another kind."""
    try:
        # The last character of what was looked at may be cut.
        text = head[:-3].decode() if len(head) == LOOK else head.decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text[:100])
