"""A landed file's rows as they were read before: of a table in many files, as one a day, a run reads what is new."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pipelines.ingest.raw_rows import RawRows, read_at_once, read_landed, text_reader
from pipelines.ingest.sources import ingest_code
from pipelines.project import Project
from schemas.form import Form
from warehouse.kept import drop_kept, read_kept, write_kept
from warehouse.landed import LandedFile
from warehouse.landing import check_whole
from warehouse.lineage import digest

MANY = 2
"""So many files of a kind are kept each by itself."""
Reader = Callable[[Project, Form, Sequence[LandedFile]], Iterator[RawRows]]
"""Reads one copy, for each kind that is wanted of it, part by part."""


def read_files(
    project: Project, table: str, form: Form, of: Mapping[str, Sequence[LandedFile]]
) -> dict[str, list[RawRows]]:
    """The rows of a source's files, by kind; what lies in one copy is read at once, whatever kinds it holds.

    What was read of one of many is kept; a file alone is read whenever anything of it changes.

    Raises:
        ExportError: a file cannot be used as a whole.
        DamagedError: a landed copy is not what was landed.
    """
    found = dict[LandedFile, RawRows]()
    alone = [file for files in of.values() if len(files) < MANY for file in files]
    for together in of_one_copy(alone):
        rows = read_at_once(project, form, together) if together[1:] else [read_landed(project, form, together[0])]
        found.update(zip(together, rows, strict=True))
    return {
        name: [found[file] for file in files] if len(files) < MANY else list(read_each(project, table, form, files))
        for name, files in of.items()
        if files
    }


def of_one_copy(files: Iterable[LandedFile]) -> list[list[LandedFile]]:
    """The files that are one, in which there are several kinds, side by side."""
    copies: dict[tuple[str, str, str], list[LandedFile]] = {}
    for file in files:
        copies.setdefault((file.source, file.name, file.sha256), []).append(file)
    return list(copies.values())


def read_each(project: Project, table: str, form: Form, files: Sequence[LandedFile]) -> Iterator[RawRows]:
    """The rows of a source's files of one kind, one file after the other."""
    if len(files) < MANY:
        yield from (read_landed(project, form, file) for file in files)
        return
    code = ingest_code(project, table)
    yield from (_read(project, table, form, file, code) for file in files)


def read_parts_of(
    project: Project,
    table: str,
    form: Form,
    of: Mapping[str, Sequence[LandedFile]],
    read: Reader,
    *,
    again: bool = False,
) -> Iterator[RawRows]:
    """The same of all kinds, each file part by part; `again`: they are asked for once more, so they are kept."""
    alone = [] if again else [file for files in of.values() if len(files) < MANY for file in files]
    for together in of_one_copy(alone):
        yield from read(project, form, together)
    if many := [file for files in of.values() for file in files if again or len(files) >= MANY]:
        code = ingest_code(project, table)
        for file in many:
            yield from _read_parts(project, table, form, file, code, read)


def _read_parts(
    project: Project, table: str, form: Form, file: LandedFile, code: str, read: Reader
) -> Iterator[RawRows]:
    """The parts as they are kept, and from the first that is not as they are read now."""
    name, key, number = _name(table, file), _key(project, file, code), 0
    while (kept := _as_kept(project, form, file, f"{name}.{number}", key)) is not None:
        rows, is_last = kept
        if not number:
            check_whole(file, project.folders)
        yield rows
        number += 1
        if is_last:
            return
    for place, (rows, is_last) in enumerate(_with_last(read(project, form, [file]))):
        _keep(project, f"{name}.{place}", key, rows, is_last=is_last)
        if place >= number:
            yield rows


def _with_last(parts: Iterator[RawRows]) -> Iterator[tuple[RawRows, bool]]:
    """The parts, of which there is one at least, each with whether it is the last."""
    part = next(parts)
    for following in parts:
        yield part, False
        part = following
    yield part, True


def forget_others(project: Project, table: str, files: list[LandedFile]) -> None:
    """Keep nothing of files that do not speak, as it may hold what was forgotten; `files` are those that do."""
    drop_kept(project.folders, f"{table}.", [_name(table, file) for file in files])


def _name(table: str, file: LandedFile) -> str:
    return f"{table}.{file.source}.{digest(*file.key, file.sha256)[:16]}"


def _read(project: Project, table: str, form: Form, file: LandedFile, code: str) -> RawRows:
    """The rows as they are kept, if nothing of what they are made from changed, or as they are read now."""
    name, key = _name(table, file), _key(project, file, code)
    if (kept := _as_kept(project, form, file, name, key)) is not None:
        check_whole(file, project.folders)
        return kept[0]
    rows = read_landed(project, form, file)
    _keep(project, name, key, rows, is_last=True)
    return rows


def _key(project: Project, file: LandedFile, code: str) -> str:
    """What rows are read from, in one hash."""
    said = project.config.sources[file.source].model_dump()
    return digest(code, said, sorted(project.config.sources), *file.key, file.sha256, str(file.exported_at))


def _keep(project: Project, name: str, key: str, rows: RawRows, *, is_last: bool) -> None:
    frames = {"good": rows.good, "rejects": rows.rejects, "text": rows.text, "skewed": rows.skewed}
    told = {"key": key, "read": rows.read, "columns": sorted(rows.columns), "is_last": is_last}
    told["spelled"] = dict(rows.spelled)
    write_kept(project.folders, name, told, frames)


def _as_kept(project: Project, form: Form, file: LandedFile, name: str, key: str) -> tuple[RawRows, bool] | None:
    """The rows that are kept under a name, if they are of this making, and whether a file has none after them."""
    kept = read_kept(project.folders, name)
    if kept is None or kept[0]["key"] != key:
        return None
    told, frames = kept
    text_at = text_reader(project, form, file)
    good, rejects, text, skewed = (frames[each] for each in ("good", "rejects", "text", "skewed"))
    of_lists = bool((places := form.raw[file.raw_table].places) and places.rows)
    named = frozenset(told["columns"]), skewed, told["spelled"], of_lists
    rows = RawRows(file, told["read"], good, rejects, text, text_at, *named)
    return rows, told["is_last"]
