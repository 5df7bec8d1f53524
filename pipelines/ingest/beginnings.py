"""What is wrong with a file as its beginning shows, before anything of it is landed or read as a whole."""

import codecs

from pipelines.ingest.raw_rows import kind_of
from pipelines.ingest.sources import form_of, formats_of
from pipelines.ingest.without_rows import holds_rows
from pipelines.project import Project
from schemas.form import Formats
from warehouse.blocks import opened
from warehouse.csv_file import not_text
from warehouse.errors import ExportError
from warehouse.first_look import LOOK, is_json, is_parquet
from warehouse.reading import PROVENANCE, Kind, check_columns, check_decimals, columns_in
from warehouse.sent import SourceFile


def check_file(project: Project, file: SourceFile) -> None:
    """See at a file's beginning that it can be what the config says of it.

    Raises:
        ExportError: it is empty, or no text, or lacks a column that is needed, or somebody else wrote it, or its
            numbers have another decimal sign.
    """
    kind, formats = kind_of(project, form_of(project, file.source), file.raw_table), formats_of(project, file.source)
    if is_parquet(file.path):
        check_columns(file.path, file.name, kind, formats)
        return
    head = _text(file, formats.encoding)
    if not head.strip():
        if kind.places and kind.places.in_parts:
            return
        raise ExportError(f"{file.name}: the file is empty; export it anew, or take it away")
    check_columns(file.path, file.name, kind, formats)
    if not is_json(head):
        check_decimals(file.path, file.name, kind, formats)
    elif kind.places and not kind.of_lists:
        _check_objects(file, kind, formats)


def _text(file: SourceFile, encoding: str) -> bytes:
    """The beginning of a file of text, as UTF-8; who looks for columns in JSON looks at its text as well."""
    try:
        with opened(file.path, file.name, encoding) as content:
            head = content.read(LOOK)
        if not is_json(head):
            # The last character of what is looked at may be cut.
            codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        raise not_text(file.path, file.name, encoding) from None
    return head


def _check_objects(file: SourceFile, kind: Kind, formats: Formats) -> None:
    """Raise ExportError if none of the objects at the beginning has a column that no object may be without.

    Others may, so that it is told here, and of each object when all are read.
    """
    there = columns_in(file.path, file.name, kind.contract, formats, kind.places)
    needed = [field.name for field in kind.contract.fields() if not (field.optional or field.nullable)]
    missing = [name for name in needed if name not in {*there, *PROVENANCE}]
    if missing and holds_rows(file.path, file.name, kind.places):
        found = ", ".join(there) or "none that the form knows"
        raise ExportError(f"{file.name}: no object at its beginning has the column {', '.join(missing)}; found {found}")
