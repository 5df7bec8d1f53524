"""Whose files these are, as their columns show at the beginning, where the config says otherwise and a run would go on.

A vendor's objects may have all columns that another vendor's must have, and so be read as what they are not.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from pipelines.ingest.sources import form_of, formats_of
from pipelines.project import Project
from schemas.form import Form, RawTable
from schemas.writer import MARKS, WRITERS, Writer
from transforms.clean.vendors import FORMS
from warehouse.objects import tops_of
from warehouse.placed import found_in, leads
from warehouse.sent import SourceFile

Tops = Mapping[str, Any]
FEW = 3
"""So many columns that only another vendor knows are no chance."""


def somebody_elses(project: Project, sent: Iterable[SourceFile]) -> Iterator[tuple[bool, str]]:
    """What the columns of the sources' files tell of them: whether it may be well all the same, and what it is."""
    of_sources: dict[str, list[SourceFile]] = {}
    for file in sent:
        of_sources.setdefault(file.source, []).append(file)
    for source, files in of_sources.items():
        form = form_of(project, source)
        if form.writer is None:
            continue
        looked = _Looked(project, form, form.writer)
        if unmarked := looked.without_marks(files):
            yield True, f"{source}: {unmarked}"
        firsts = {file.raw_table: file for file in reversed(files)}
        yield from ((False, told) for file in firsts.values() if (told := looked.of_another_vendor(file)))


class _Looked:
    """The files of a source, of which each is looked at once."""

    def __init__(self, project: Project, form: Form, writer: Writer) -> None:
        self._project, self._form, self._writer = project, form, writer
        self._vendor = form.name.partition(" ")[0]
        self._tops: dict[str, Tops] = {}

    def _at_top(self, file: SourceFile) -> Tops:
        if file.place not in self._tops:
            formats, places = formats_of(self._project, file.source), self._form.raw[file.raw_table].places
            self._tops[file.place] = tops_of(file.path, file.name, formats, places.pages if places else ())
        return self._tops[file.place]

    def without_marks(self, files: list[SourceFile]) -> str:
        """That no file has a column which the writer writes beside every row; nobody needs them to read a file."""
        writer = self._writer
        if not writer.signs or any(_is_marked(self._at_top(file), writer) for file in files):
            return ""
        if not any(self._at_top(file) for file in files):
            return ""
        return (
            f"no file has a column that {writer.name} writes beside each row ({', '.join(sorted(writer.signs))}); if "
            f"nobody took them out, {writer.name} did not write these files{self._fitting(files)}"
        )

    def _fitting(self, files: list[SourceFile]) -> str:
        """The writer without such columns that calls files so and knows most of their columns."""
        known: dict[str, int] = {}
        for name in (name for name, writer in WRITERS.items() if not writer.signs):
            raw = other.raw if (other := FORMS.get(f"{self._vendor}/{name}")) else {}
            tables = [(raw[file.raw_table], file) for file in files if file.raw_table in raw]
            known[name] = sum(len(_known(table, file, self._at_top(file))) for table, file in tables)
        most = max(known, key=lambda name: known[name])
        return f": say `written_by: {most}` for this source" if known[most] else ""

    def of_another_vendor(self, file: SourceFile) -> str:
        """That another vendor knows all columns of the file that are known, and more."""
        table, tops = self._form.raw[file.raw_table], self._at_top(file)
        if table.in_parent:
            return ""
        own = _paths(table, tops)
        others = {_known(table, file, tops): vendor for vendor, table in self._tables_of_others()}
        best = max((known for known in others if own < known), key=len, default=own)
        more = sorted(".".join(path) for path in best - own)
        if len(more) < FEW:
            return ""
        return (
            f"{file.name}: its columns are those of {others[best]}, which knows all that {self._vendor} does and "
            f"{', '.join(more)} as well; say `form: {others[best]}` for this source"
        )

    def _tables_of_others(self) -> Iterator[tuple[str, RawTable]]:
        """The tables that the same writer has of other vendors' objects."""
        for name, form in FORMS.items():
            vendor, _, writer = name.partition("/")
            if writer == self._writer.name and vendor != self._vendor:
                yield from ((vendor, table) for table in form.raw.values() if not table.in_parent)


def _is_marked(tops: Tops, writer: Writer) -> bool:
    marks = [tuple(name.split(".")) for of in writer.marks.values() for name in of]
    begins = f"_{writer.name}_"
    return any(name.casefold().startswith(begins) for name in tops) or any(leads(tops, mark) for mark in marks)


def _known(table: RawTable, file: SourceFile, tops: Tops) -> frozenset[tuple[str, ...]]:
    """The paths in a file to what the table has columns for, if files of the table are called so."""
    is_called = any(PurePath(file.name).match(pattern) for pattern in table.files)
    return _paths(table, tops) if is_called else frozenset()


def _paths(table: RawTable, tops: Tops) -> frozenset[tuple[str, ...]]:
    columns = found_in(table.places, tops).columns if table.places else {}
    # What the writer notes beside an object is the same for all vendors.
    paths = (path for name, of in columns.items() if name not in MARKS for path, in_list in of if not in_list)
    return frozenset(path for path in paths if leads(tops, path))
