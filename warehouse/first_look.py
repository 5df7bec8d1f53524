"""A first look at a file, at its beginning only: what it cannot be is told before it is copied or read as a whole."""

from pathlib import Path

import pyarrow.parquet as pq

from warehouse.errors import ExportError

LOOK = 1 << 20
"""Bytes of the beginning that are looked at."""
MOST_COLUMNS = 2_000
PARQUET = b"PAR1"
_OTHERS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\x1f\x8b": "compressed (gzip)",
    b"\xfd7zXZ": "compressed (xz)",
    b"\x28\xb5\x2f\xfd": "compressed (zstd)",
    **{b"BZh%d1AY&SY" % size: "compressed (bzip2)" for size in range(1, 10)},
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"ARROW1\x00": "an Arrow file",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
}
_INSTEAD = "export it as UTF-8 CSV or Parquet"


def look(path: Path, file: str, separator: str = ",") -> None:
    """See that a file may be CSV or Parquet of a size that fits its content; `file` is its name in messages.

    Raises:
        ExportError: it is something else, has no header, or has more columns or rows than an export can have.
    """
    with path.open("rb") as opened:
        head = opened.read(LOOK)
    if head[:4] == PARQUET:
        _look_at_parquet(path, file)
        return
    for signature, kind in _OTHERS.items():
        if head.startswith(signature):
            raise ExportError(f"{file}: this is {kind}; {_INSTEAD}")
    if head and not head.strip(b"\x00"):
        raise ExportError(f"{file}: the file begins with nothing but NULs, as a broken-off copy does; send it again")
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in head:
        raise ExportError(f"{file}: not UTF-8 text (UTF-16, or a binary file); {_INSTEAD}")
    header, ended, _ = head.lstrip(b"\xef\xbb\xbf\r\n").partition(b"\n")
    if not header.strip() and len(head) == LOOK:
        raise ExportError(f"{file}: the file begins with nothing but blanks; expected a header")
    if not ended and len(head) == LOOK:
        raise ExportError(f"{file}: the first line is longer than {LOOK >> 20} MB; expected a header")
    _check_columns(file, header.count(separator.encode()) + 1)


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
