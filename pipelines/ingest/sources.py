"""Which files and which sources fill a canonical table, and the code that reads them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.ingest.as_of import day_of
from pipelines.project import Project
from schemas.form import Cleaning, Form, Formats
from schemas.tables import CANONICAL, LARGE
from transforms.clean.directory import Crms
from transforms.clean.folding import Versioning
from transforms.clean.vendors import FORMS
from transforms.clean.versions import ITEM
from warehouse.code import code_of
from warehouse.errors import ConfigError
from warehouse.fetching import content_of, may_be_new, recognised
from warehouse.first_look import look
from warehouse.landed import LandedFile, landed_files
from warehouse.landing import is_whole, sha256_of
from warehouse.lineage import digest
from warehouse.sent import SourceFile, source_files, unfinished_files

READING = (
    "pipelines.ingest.canonical_tables:ingest_table",
    "pipelines.ingest.gathering:gather",
    "warehouse.database:WorkingDatabase",
    "warehouse.folders:Folders",
)
"""What turns landed files into a canonical table, whatever the vendor."""
OF_ALL = (
    "transforms.clean.vendors:FORMS",
    "schemas.tables",
    "schemas.config",
    "pipelines.project",
    "pipelines.ingest.notices",
    "pipelines.ingest.rejected_accounts",
)
"""Lists of all vendors, tables and settings: of them only what a table is filled by counts, which is told beside; and
what is told to people, which is in no table."""
IN_PLACE = "pipelines.ingest.in_place:read_in_place"
"""What reads files where they lie: of tables that may be larger than a machine."""

VERSIONS = {
    "accounts": Versioning(["account_id"], "known_from", "signup_on"),
    "subscription_items": Versioning(ITEM, "valid_from", "started_on"),
}
"""Tables whose exports may show only the present."""


def versioning(project: Project, table: str, source: str) -> Versioning:
    """How the versions are told apart of a table that the source's exports fill."""
    cleaning = form_of(project, source).clean[table]
    return replace(VERSIONS[table], shares_life=cleaning.shares_life, tells_whole=cleaning.tells_whole)


def sent_files(project: Project, copies: Path | None = None) -> list[SourceFile]:
    """The files that the config's sources point at now; nothing is fetched.

    `copies`: where those that must be fetched will be, if not where runs have them.

    Raises:
        ConfigError: a source names a form or a table that does not exist.
        ExportError: a file that the config names is not there, or a store does not answer.
    """
    return recognised(source_files(project.loaded, FORMS, copies or project.folders.fetched), project.folders)


def unlanded_files(project: Project) -> list[SourceFile]:
    """Files that are not the last landed copy of their name: by the time of export and, if it differs, by content."""
    last = {file.key: file for file in landed_files(project.folders)}

    def is_landed(file: SourceFile) -> bool:
        landed = last.get(file.key)
        if file.stored:
            return landed is not None and file.known == landed.sha256
        if landed is None or landed.bytes != file.path.stat().st_size:
            return False
        return landed.exported_at == file.exported_at or landed.sha256 == sha256_of(file.path)

    return [file for file in sent_files(project) if not is_landed(file)]


def notices_on_loads(project: Project) -> list[str]:
    """That files are left out, as their writer did not end the loads that they are of."""
    left_out = unfinished_files(project.loaded, FORMS, project.folders.fetched)
    return [
        f"{name}: {number} files are of loads that did not come to their end, and are left out until they do"
        for name, number in left_out.items()
    ]


def look_at(project: Project, files: list[SourceFile]) -> None:
    """See at the files' beginnings that they may be exports.

    Raises:
        ExportError: one cannot; it is not worth copying.
    """
    for file in files:
        look(file.path, file.name, formats_of(project, file.source))


def day_of_exports(project: Project) -> dt.date:
    """The day that the exports speak for as they are now, landed or not."""
    return day_of(project, [*sent_files(project), *project.lake.values()])


def landing_due(project: Project) -> dt.date | None:
    """The day the data speaks for, if every file is landed as it is, to the last byte; None if one is to be landed."""
    files = sent_files(project)
    last = {file.key: file for file in landed_files(project.folders)}
    for file in files:
        landed = last.get(file.key)
        # A file of another size is another one; only of the same size must all be read.
        if landed is None or may_be_new(file) or (not file.stored and landed.bytes != file.size):
            return None
        if landed.sha256 != content_of(file):
            return None
        if not _is_there(landed, project):
            return None
    return day_of_exports(project)


def _is_there(file: LandedFile, project: Project) -> bool:
    """Whether the copy looks like what was landed; who reads it looks at every byte."""
    path = file.path(project.folders)
    return path.is_file() and path.stat().st_size == file.bytes


def speaking_files(project: Project) -> list[LandedFile]:
    """Of each file the config points at, its last landed copy; and those that are read where they lie."""
    wanted = {file.key for file in source_files(project.loaded, FORMS, project.folders.fetched, anew=False)}
    last = {file.key: file for file in landed_files(project.folders)}
    landed = [file for key, file in last.items() if key in wanted]
    return [*landed, *project.lake.values()]


def lost_files(project: Project, sent: list[SourceFile]) -> tuple[list[LandedFile], list[LandedFile]]:
    """Landed files that are needed and whose copy is gone or changed: what nothing can make again, and what a run will.

    A history is folded from all that was landed; of all else only what the sources send now is read again. A file that
    was never read and no longer speaks is in no history.
    """
    now = {(file.key, content_of(file)) for file in sent}
    lost: list[LandedFile] = []
    again: list[LandedFile] = []
    for file in landed_files(project.folders):
        is_sent = (file.key, file.sha256) in now
        is_needed = is_sent or (_is_history(project, file) and (file.read_at or not file.problem))
        if is_needed and not is_whole(file, project.folders):
            (again if is_sent else lost).append(file)
    return lost, again


def _is_history(project: Project, file: LandedFile) -> bool:
    """Whether a history is folded from all files of this kind."""
    source = project.config.sources.get(file.source)
    form = project.forms.get(file.source) if source else None
    return any(form and table in form.clean and file.raw_table in form.clean[table].reads for table in VERSIONS)


def form_of(project: Project, source: str) -> Form:
    """The form of a source's files."""
    return project.forms[source]


def formats_of(project: Project, source: str) -> Formats:
    """How values are spelled in a source's files: as its form says, but for what the config says of the source."""
    said, formats = project.config.sources[source], form_of(project, source).formats
    return replace(
        formats,
        separator=said.separator or formats.separator,
        time_zone=said.time_zone or formats.time_zone,
        encoding=said.encoding,
        decimal=said.decimal,
        thousands=said.thousands,
        has_footer=said.has_footer,
    )


def sources_of(
    project: Project, table: str, files: Sequence[LandedFile | SourceFile]
) -> list[tuple[str, Form, Cleaning]]:
    """The sources that can fill a table: their form cleans it, and all the raw files that takes are there.

    Whose rows nobody knows without options that the config does not have, tells nothing of the table.

    Who the accounts are tells a CRM, if there is one; the customers of other systems are then such of a source.
    """
    there = {(file.source, file.raw_table) for file in files}
    found = []
    for name in project.config.sources:
        form = form_of(project, name)
        cleaning = form.clean.get(table)
        told = cleaning and cleaning.is_told(project.options(name))
        if cleaning and told and all((name, raw) in there for raw in cleaning.raw):
            found.append((name, form, cleaning))
    crms = [each for each in found if each[1].is_crm] if table == "accounts" else []
    return crms or found


def crms_of(project: Project, files: list[LandedFile]) -> Crms:
    """The sources that export accounts, in the order of the config, and whose account ids the config says each names.

    Raises:
        ConfigError: a source is said to name the ids of one that exports no accounts.
    """
    names = tuple(name for name, _, _ in sources_of(project, "accounts", files))
    said = {name: source.crm for name, source in project.config.sources.items() if source.crm}
    for name, crm in said.items():
        if crm not in names:
            raise ConfigError(
                f"{project.loaded.path}: sources.{name}.crm: expected a source that exports accounts, not {crm}"
            )
    return Crms(names, said)


def ingest_code(project: Project, table: str) -> str:
    """The code that makes a canonical table of the files of this company's vendors, as a fingerprint."""
    contracts, cleaning, spelled = {CANONICAL[table]}, set[str](), set[str]()
    for form in project.forms.values():
        if how := form.clean.get(table):
            functions = (how.function, how.gathers, how.unmet)
            cleaning |= {f"{of.__module__}:{of.__name__}" for of in functions if of}
            reads = [form.raw[raw] for raw in how.reads if raw in form.raw]
            contracts |= {raw.contract for raw in reads}
            places = [str(raw.places) for raw in reads]
            said = (how.reads, how.shares_life, how.tells_whole, how.asks_for, how.came_in)
            spelled.add(str((form.name, str(form.formats), form.exact_header, *said, places, str(form.writer))))
    declared = sorted(f"{contract.__module__}:{contract.__name__}" for contract in contracts)
    apart = OF_ALL if table in LARGE else (*OF_ALL, IN_PLACE)
    return digest(code_of(*READING, *sorted(cleaning), *declared, without=apart), sorted(spelled))
