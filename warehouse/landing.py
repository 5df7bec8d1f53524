"""Landing: a private copy of each export, named by its SHA-256."""

import datetime as dt
import hashlib
import os
import time
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path

from warehouse.errors import DamagedError, ExportError
from warehouse.folders import PRIVATE_FILE, Folders
from warehouse.landed import LandedFile, landed_files, list_landed, mend_list
from warehouse.pasted import make
from warehouse.sent import SourceFile

_written: dict[Path, tuple[int, ...]] = {}
"""What this process copied itself, and the state in which it left it: that needs no second look."""
TRIES, PAUSE = 3, 0.5
"""So often a file that changes while it is read is read, and so many seconds are between."""


def land(file: SourceFile, folders: Folders) -> LandedFile:
    """Copy a file into the landing folder and list it, unless that very content is the last landed under its name."""
    return land_files([file], folders)[0]


def land_files(files: Iterable[SourceFile], folders: Folders) -> list[LandedFile]:
    """Copy files into the landing folder and list those whose content is not the last landed under their name.

    They are listed at the end, all of them or none: what a killed landing has copied is landed again.

    Raises:
        ExportError: a file changes while it is read.
    """
    mend_list(folders)
    # From the first copy on there is a list, so that copies without one mean that it is lost.
    list_landed(folders, [])
    listed = landed_files(folders)
    last = {file.key: file for file in listed}
    landed, new = [], []
    # A file in which there are several kinds is named once for each, and copied once: of all it says the same then,
    # though it may change meanwhile.
    copied: dict[tuple[str, str, str], tuple[str, int]] = {}
    for file in files:
        one = file.source, file.name, file.place
        if one not in copied:
            copied[one] = _copy(file, folders, last.get(file.key))
        sha256, size = copied[one]
        before = last.get(file.key)
        if before is None or before.sha256 != sha256:
            now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
            before = LandedFile(*file.key, sha256, size, file.exported_at, now)
            new.append(before)
        landed.append(before)
    list_landed(folders, new)
    if not new:
        return landed
    # With the numbers that they have in the list.
    last = {file.key: file for file in landed_files(folders)}
    return [last[file.key] for file in landed]


def _copy(file: SourceFile, folders: Folders, before: LandedFile | None) -> tuple[str, int]:
    """Have a whole copy of the file; its hash and its size."""
    for _ in range(TRIES):
        with file.path.open("rb") as sent:
            began = os.fstat(sent.fileno())
            is_known = before is not None and before.bytes == began.st_size and _sha256(sent) == before.sha256
            if before is not None and is_known and is_whole(before, folders):
                sha256, size = before.sha256, before.bytes
            else:
                sent.seek(0)
                sha256, size = _write(sent, folders)
            ended = os.fstat(sent.fileno())
        if (began.st_size, began.st_mtime_ns, size) == (ended.st_size, ended.st_mtime_ns, ended.st_size):
            return sha256, size
        time.sleep(PAUSE)
    raise ExportError(
        f"{file.name}: the file changes while it is read; end what writes it, or give it its name when it is whole, "
        f"then: {make('run')}"
    )


def _write(sent: BufferedReader, folders: Folders) -> tuple[str, int]:
    """Copy what is read to a file named by its hash."""
    digest, size = hashlib.sha256(), 0
    part = folders.landed / ".copy.part"
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE), "wb") as copy:
        while block := sent.read(1 << 20):
            digest.update(block)
            size += len(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    path = folders.landed / digest.hexdigest()
    part.replace(path)
    _written[path] = _state(path)
    return digest.hexdigest(), size


def _state(path: Path) -> tuple[int, ...]:
    """What changes when anybody writes to a file, or puts another in its place."""
    told = path.stat()
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def is_whole(file: LandedFile, folders: Folders) -> bool:
    """Whether the copy is there and holds what was landed, to the last byte."""
    path = file.path(folders)
    if not path.is_file() or path.stat().st_size != file.bytes:
        return False
    return _written.get(path) == _state(path) or sha256_of(path) == file.sha256


def check_whole(file: LandedFile, folders: Folders) -> Path:
    """The copy, to be read.

    Raises:
        DamagedError: it is gone, or is not what was landed.
    """
    path = file.path(folders)
    if not is_whole(file, folders):
        how = "was changed" if path.exists() else "is gone"
        raise DamagedError(
            f"{file.told()} {how}, and months are made from it; put landed/{file.sha256} back from a backup, or give "
            f"up what only it tells: {make('forget', FILE=file.sha256[:12])}"
        )
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as opened:
        return _sha256(opened)


def _sha256(opened: BufferedReader) -> str:
    return hashlib.file_digest(opened, "sha256").hexdigest()
