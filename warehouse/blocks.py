"""A file's text, in blocks of whole lines; packed files are unpacked as they are read, by what they hold."""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from warehouse.errors import ExportError
from warehouse.stores import ENCRYPTED, WORKBOOK, EncryptedError, members_of

BLOCK = 1 << 24
"""Bytes that are read at a time: of smaller blocks what each costs by itself is a fifth of reading them."""
BOM = b"\xef\xbb\xbf"
GZIP, ZSTD, ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


@contextmanager
def opened(path: Path, file: str, encoding: str = "utf-8") -> Iterator[IO[bytes]]:
    """The content of a file as UTF-8, whether it is plain, gzip, zstd, or a zip archive of one file; `file` names it.

    What is in an archive may be gzip itself.

    Raises:
        ExportError: what is packed is broken off or damaged, or an archive holds none or several files.
    """
    with path.open("rb") as sent:
        head = sent.read(4)
        sent.seek(0)
        try:
            if head[:2] == GZIP:
                yield _in_utf_8(io.BufferedReader(gzip.GzipFile(fileobj=sent)), encoding)
            elif head == ZSTD:
                unpacked = pa.CompressedInputStream(pa.PythonFile(sent, "r"), "zstd")
                yield _in_utf_8(io.BufferedReader(unpacked), encoding)
            elif head == ZIP:
                with zipfile.ZipFile(sent) as archive, archive.open(_only_name(archive, file)) as content:
                    is_packed = content.peek(len(GZIP))[: len(GZIP)] == GZIP  # type: ignore[attr-defined]
                    unpacked = io.BufferedReader(gzip.GzipFile(fileobj=content)) if is_packed else content
                    yield _in_utf_8(unpacked, encoding)
            else:
                yield _in_utf_8(sent, encoding)
        except EncryptedError:
            raise ExportError(f"{file}: {ENCRYPTED}") from None
        except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, pa.ArrowException) as fault:
            raise _damaged(file, fault) from None
        except OSError as fault:
            if fault.errno or head != ZSTD:  # of the machine: of damaged content Arrow tells no number
                raise
            raise _damaged(file, fault) from None


def _in_utf_8(content: IO[bytes], encoding: str) -> IO[bytes]:
    return content if encoding == "utf-8" else codecs.EncodedFile(content, "utf-8", encoding)


def _damaged(file: str, fault: Exception) -> ExportError:
    return ExportError(f"{file}: what is packed in it is broken off or damaged ({type(fault).__name__}); send it again")


def _only_name(archive: zipfile.ZipFile, file: str) -> str:
    names = [member.filename for member in members_of(archive)]
    if WORKBOOK in names:
        raise ExportError(f"{file}: this is an Excel workbook; save the sheet as CSV in UTF-8, or as Parquet")
    if len(names) != 1:
        raise ExportError(f"{file}: this is a zip archive of {len(names)} files; expected one, or unpack it")
    return names[0]


def blocks(path: Path, file: str, encoding: str = "utf-8") -> Iterator[str]:
    """The file's text in blocks of whole lines: as a whole it would take many times its size.

    Raises:
        ExportError: as `opened`.
        UnicodeDecodeError: the text is not UTF-8.
    """
    return (block.decode() for block in byte_blocks(path, file, encoding))


def byte_blocks(path: Path, file: str, encoding: str = "utf-8") -> Iterator[bytes]:
    """The same, as bytes.

    The first line is a block of its own, as a header is read by itself: what is left of a block is copied.
    """
    with opened(path, file, encoding) as content:
        if first := content.read(len(BOM)).removeprefix(BOM) + content.readline():
            yield first
        parts = list[bytes]()
        while read := content.read(BLOCK):
            if end := read.rfind(b"\n") + 1:
                # A view is no copy: of a large file they would take as long as to read it.
                yield b"".join([*parts, memoryview(read)[:end]])
                parts = []
            parts.append(read[end:])
        if last := b"".join(parts):
            yield last


def undecodable(path: Path, file: str, encoding: str = "utf-8") -> int:
    """The first line that is not text of this encoding; no character of it goes over the end of a line."""
    number = 0
    with opened(path, file, encoding) as lines:
        try:
            for line in lines:
                line.decode()
                number += 1
        except UnicodeDecodeError:
            pass
    return number + 1
