"""Copies of files that are in stores and archives: which are landed as they are, and which must be fetched."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from warehouse.folders import PRIVATE_FOLDER, Folders, private_files
from warehouse.landed import LandedFile, fingerprints, keep_fingerprints, landed_files
from warehouse.landing import is_whole, sha256_of
from warehouse.lineage import digest
from warehouse.sent import SourceFile
from warehouse.stores import fetch

AT_ONCE = 8
"""Files that are fetched at a time: what takes long of a small one is the way there."""
STORED = "stored "
"""How the names begin by which the list of landed files knows versions of files that were fetched."""


def recognised(files: Sequence[SourceFile], folders: Folders) -> list[SourceFile]:
    """The files, each that must be fetched with what is known of its version; nothing is fetched.

    Raises:
        DamagedError: the list of landed files is lost, or cannot be read.
    """
    if not any(file.stored for file in files):
        return list(files)
    last = {file.key: file.sha256 for file in landed_files(folders)}
    noted = fingerprints(folders, STORED)
    found = []
    for file in files:
        version, _, sha256 = noted.get(_name(file), "").partition(" ")
        is_known = file.stored and version == file.stored.key and last.get(file.key) == sha256
        found.append(replace(file, known=sha256) if is_known else file)
    return found


def content_of(file: SourceFile) -> str | None:
    """SHA-256 of what is sent, if that can be told without fetching it."""
    if file.stored:
        return file.known
    return sha256_of(file.path)


def may_be_new(file: SourceFile) -> bool:
    """Whether only its content tells that a file is another one, as its store says nothing of its versions."""
    return file.stored is not None and file.stored.version is None


def fetched(files: Iterable[SourceFile], folders: Folders) -> list[SourceFile]:
    """The files, all of them here: of those in stores and archives copies of what is not landed yet.

    Raises:
        ExportError: one cannot be fetched.
        ConfigError: what speaks to its store is not installed.
    """
    last = {file.key: file for file in landed_files(folders)}
    found = [_landed(file, folders, last.get(file.key)) for file in files]
    # One file may hold the objects of several tables.
    needed = {file.path: file for file in found if file.stored and not _is_here(file)}
    # Modes of new files are the whole process's: they are said once, around all that fetch.
    with private_files(), ThreadPoolExecutor(AT_ONCE) as several:
        list(several.map(_fetch, needed.values()))
    return found


def _landed(file: SourceFile, folders: Folders, landed: LandedFile | None) -> SourceFile:
    """The file, where it is landed as it is by that copy."""
    if file.stored is None or may_be_new(file):
        return file
    is_same = landed and landed.sha256 == file.known and is_whole(landed, folders)
    return replace(file, path=landed.path(folders)) if landed and is_same else file


def _is_here(file: SourceFile) -> bool:
    return file.path.is_file() and file.path.stat().st_size == file.size and not may_be_new(file)


def _fetch(file: SourceFile) -> None:
    file.path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    if file.stored:
        fetch(file.stored, file.path, file.name)


def note_fetched(files: Iterable[SourceFile], landed: Iterable[LandedFile], folders: Folders) -> None:
    """Say which versions of files that were fetched are landed, and drop the copies from which they were."""
    pairs = [(file, copy) for file, copy in zip(files, landed, strict=True) if file.stored]
    new = {_name(f): f"{f.stored.key} {copy.sha256}" for f, copy in pairs if f.stored and f.known != copy.sha256}
    if new:
        keep_fingerprints(folders, new)
    for path in folders.fetched.iterdir() if folders.fetched.is_dir() else ():
        path.unlink(missing_ok=True)


def _name(file: SourceFile) -> str:
    return f"{STORED}{digest(*file.key)}"
