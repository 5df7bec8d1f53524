"""Former exports of a source of which the config says another form, or another writer, than when they were read."""

from pipelines.ingest.sources import speaking_files
from pipelines.project import Project
from schemas.form import Form
from warehouse.errors import ExportError
from warehouse.landed import LandedFile, fingerprint, keep_fingerprints, landed_files
from warehouse.pasted import make


class FormerFormError(ExportError):
    """Files that a source no longer sends were read as another form than the config now says of it."""


def note_form(project: Project, table: str, source: str, form: Form) -> None:
    """Say as what all files of the source were read for the table."""
    if fingerprint(project.folders, _name(table, source)) != form.name:
        keep_fingerprints(project.folders, {_name(table, source): form.name})


def of_former_form(project: Project, table: str, form: Form, file: LandedFile, why: str) -> FormerFormError | None:
    """What to say of a file that cannot be read, if that is so since the config says another form of its source.

    It is said of the source: file by file the same would be told as often as there are exports.
    """
    former = fingerprint(project.folders, _name(table, file.source))
    if former in {None, form.name} or file.read_at is None:
        return None
    speaking = speaking_files(project)
    if file in speaking:
        return None
    landed = [one for one in landed_files(project.folders) if one.source == file.source and one not in speaking]
    gone = {(one.name, one.sha256) for one in landed}
    exports = f"its {len(gone)} former exports were" if len(gone) > 1 else "its former export was"
    return FormerFormError(
        f"source {file.source}: {exports} read as {former}, and cannot be as {form.name}, which the config says now "
        f"({why}); give the source another name in the config, so that its history begins with what it sends now; or "
        f"give up what only those exports tell: {make('forget', SOURCE=file.source)}; or bring back the config"
    )


def _name(table: str, source: str) -> str:
    return f"form of {table} of {source}"
