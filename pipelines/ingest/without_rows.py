"""Files of a header and no row: a source may have nothing to tell, but what it told does not vanish in silence."""

from itertools import chain

from pipelines.ingest.cleaned import RawRows
from pipelines.ingest.sources import VERSIONS
from pipelines.project import Project
from warehouse.errors import ExportError
from warehouse.landed import LandedFile, landed_files, note_problem
from warehouse.reading import has_rows


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
    return tuple(f"{rows.file.name} has a header and no row: nothing is there to count" for rows in chain(*empty))


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
    fault = f"{file.name}: there is no row below the header{why}; export it whole, or take the file away"
    note_problem(project.folders, file, fault)
    return ExportError(fault)


def _kind(file: LandedFile) -> tuple[str, str]:
    return file.source, file.raw_table


def _has_rows(project: Project, file: LandedFile) -> bool:
    path = file.path(project.folders)
    table = project.forms[file.source].raw.get(file.raw_table)
    return path.exists() and has_rows(path, table.places.heads if table and table.places else None)
