"""Files without a row: a source may have nothing to tell, but what it told does not vanish in silence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pipelines.ingest.raw_rows import RawRows
from pipelines.ingest.sources import VERSIONS, sources_of
from pipelines.project import Project
from schemas.form import Places
from warehouse.blocks import opened
from warehouse.errors import ExportError
from warehouse.first_look import is_json, is_parquet
from warehouse.landed import LandedFile, landed_files, note_problem
from warehouse.pages import unpaged
from warehouse.reading import has_rows
from warehouse.sent import SourceFile


def refuse_vanished(project: Project, raw: list[list[RawRows]]) -> tuple[str, ...]:
    """What is to be told of files without rows, where no file of their kind has any and none ever had.

    `raw` are the files of a source that speak, by kind.

    Raises:
        ExportError: a file of the kind that was landed earlier had rows.
    """
    empty = [files for files in raw if files and all(rows.is_empty for rows in files)]
    for files in empty:
        newest = max((rows.file for rows in files), key=lambda file: file.exported_at)
        if any(_has_rows(project, file) for file in landed_files(project.folders) if _kind(file) == _kind(newest)):
            raise _refused(project, newest, ", and an earlier export had rows")
    return tuple(_nothing_in(rows.file.name, _what(project, rows.file)) for rows in chain(*empty))


def without_rows(project: Project, sent: Sequence[SourceFile]) -> Iterator[tuple[bool, str]]:
    """The same of files that are not landed yet: whether a run goes on, and the words in which it tells them.

    It does not where they are to tell who the accounts are, or what they have.
    """
    needed = {
        (source, cleaning.raw[0]) for table in VERSIONS for source, _, cleaning in sources_of(project, table, sent)
    }
    kinds: dict[tuple[str, str], list[SourceFile]] = {}
    for file in sent:
        kinds.setdefault(_kind(file), []).append(file)
    for kind, files in kinds.items():
        if any(holds_rows(file.path, file.name, _places(project, file)) for file in files):
            continue
        for file in files:
            words, is_needed = _words_for(file.path, file.name, _places(project, file)), kind in needed
            yield not is_needed, _lacking(file.name, words) if is_needed else _nothing_in(file.name, words)


def refuse_nobody(project: Project, table: str, rows: RawRows, speaking: list[LandedFile]) -> None:
    """A company has accounts and items. A snapshot without a row would end them all; a file of changes may have none.

    Raises:
        ExportError: the file has no row, and is a snapshot, or no other file that speaks has one.
    """
    if not rows.is_empty:
        return
    tells_changes = VERSIONS[table].since in rows.columns
    if not tells_changes or not any(_has_rows(project, file) for file in speaking):
        raise _refused(project, rows.file, "")


def _refused(project: Project, file: LandedFile, why: str) -> ExportError:
    fault = _lacking(file.name, _what(project, file), why)
    note_problem(project.folders, file, fault)
    return ExportError(fault)


def _lacking(file: str, words: "_Words", why: str = "") -> str:
    return f"{file}: {words.lacks}{why}; export it whole, or take the file away"


def _nothing_in(file: str, words: "_Words") -> str:
    return f"{file} has {words.has}: nothing is there to count"


def _kind(file: LandedFile | SourceFile) -> tuple[str, str]:
    return file.source, file.raw_table


def _has_rows(project: Project, file: LandedFile) -> bool:
    path = file.path(project.folders)
    return path.exists() and holds_rows(path, file.name, _places(project, file))


def holds_rows(path: Path, file: str, places: Places | None) -> bool:
    """Whether there is more in a file than a header, or than pages without an object; `file` names it in messages."""
    try:
        if places and places.pages and _is_json(path, file):
            of_pages = unpaged(path, file, places.pages)
            return of_pages is None or any(of_pages)
    except (ExportError, UnicodeDecodeError):
        return True  # whatever is in it, it is more than that
    return has_rows(path, places.heads if places else None)


def _places(project: Project, file: LandedFile | SourceFile) -> Places | None:
    table = project.forms[file.source].raw.get(file.raw_table)
    return table.places if table else None


def _is_json(path: Path, file: str) -> bool:
    with opened(path, file) as content:
        return is_json(content.read(1 << 12))


@dataclass(frozen=True)
class _Words:
    """How a file is told that has no row: what it lacks, and what it has instead."""

    lacks: str
    has: str


_TABLE = _Words("there is no row below the header", "a header and no row")
_PAGES = _Words("no page of it has an object", "pages without an object")
_BLANK = _Words("there is no row in it", "no row")


def _what(project: Project, file: LandedFile) -> _Words:
    """The words for a file that can be read, and has no row."""
    return _words_for(file.path(project.folders), file.name, _places(project, file))


def _words_for(path: Path, file: str, places: Places | None) -> _Words:
    if places is None or is_parquet(path):
        return _TABLE
    with opened(path, file) as content:
        head = content.read(1 << 12)
    return _PAGES if is_json(head) else _TABLE if head.strip() else _BLANK
