"""What `make doctor` looks at below DATA_DIR; it reads everything and writes nothing."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.commands.unreached import left_out
from pipelines.ingest.beginnings import check_file
from pipelines.ingest.filling import filling, together, unknowable, unread_scales
from pipelines.ingest.sources import look_at, lost_files
from pipelines.ingest.whose import somebody_elses
from pipelines.ingest.without_rows import without_rows
from pipelines.large_tables import lost_events
from pipelines.project import Project
from schemas.customers import Export
from schemas.operations import Ingest, LeftOut, Publication
from transforms.catalogue import CATALOGUE
from transforms.facts.answers import csat_line
from warehouse.ddl import qualified
from warehouse.errors import WarehouseError
from warehouse.landed import fingerprint, forgotten, is_damaged, landed_files, unlisted
from warehouse.modes import loosened
from warehouse.parquet import damaged_parquet
from warehouse.pasted import make
from warehouse.person_key import NAME, person_key
from warehouse.recovery import is_readable
from warehouse.sent import SourceFile
from warehouse.staging import wrong_staged
from warehouse.versions import current_version, is_linked, versions

Finding = tuple[bool, str]
"""Whether it is well, and what it is in words; of what isn't well, how to go on."""
ROOM = 5
"""Free disk should be so many times the exports' size: landed copy, staged tables, working and published files."""
LEAST_ROOM = 100_000_000
"""Bytes that a run writes whatever the exports are: its history in Dagster, logs, what DuckDB spills."""


def faults_of(project: Project, sent: list[SourceFile]) -> dict[str, list[str]]:
    """By name the files that cannot be what the config says of them, as their beginnings show, with what is wrong."""
    faults: dict[str, list[str]] = {}
    for file in sent:
        try:
            look_at(project, [file])
            check_file(project, file)
        except WarehouseError as fault:
            faults.setdefault(file.name, []).append(str(fault))
    return faults


def sources(faults: Mapping[str, list[str]]) -> Iterator[Finding]:
    """What is wrong with files as their beginnings show."""
    # A file that holds several kinds of objects is looked at for each.
    for told in dict.fromkeys(fault for of_file in faults.values() for fault in of_file):
        yield False, f"{told}; mend that, then: {make('run')}"


def without(project: Project, sent: list[SourceFile], faults: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Files that have no row, of kinds of which no file has one; of others that cannot be used it is told already."""
    for is_well, told in dict.fromkeys(without_rows(project, [file for file in sent if file.name not in faults])):
        yield is_well, told if is_well else f"{told}, then: {make('run')}"


def whose(project: Project, sent: list[SourceFile], faults: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Files that are somebody else's than the config says, as their columns show; of others more is told already."""
    yield from somebody_elses(project, [file for file in sent if file.name not in faults])


def fills(project: Project, sent: list[SourceFile]) -> Iterator[Finding]:
    """What each source fills, and which metrics all of them together give, and which not."""
    found = filling(project, sent)
    for source, tables in found.items():
        told = []
        for table, names in tables.items():
            lacking = [name for name in project.contracts[table].dtypes() if name not in {*names, *Export.dtypes()}]
            told.append(f"{table} (without {', '.join(lacking)})" if lacking else table)
        yield True, f"{source} fills {'; '.join(told) or 'nothing'}"
    yield from _scales({source: unread_scales(project, source, tables) for source, tables in found.items()}, project)
    reasons: dict[str, list[str]] = {}
    for metric, need in unknowable(together(found.values())).items():
        reasons.setdefault(need, []).append(metric)
    unknown = sum(map(len, reasons.values()))
    lines = [f"{', '.join(metrics)} for want of {need}" for need, metrics in sorted(reasons.items())]
    known = f"{len(CATALOGUE) - unknown} of {len(CATALOGUE)} metrics can be known"
    yield True, f"{known}; not {'; not '.join(lines)}" if lines else known


def _scales(unread: Mapping[str, list[tuple[float, float]]], project: Project) -> Iterator[Finding]:
    """That the config does not say which of a source's CSAT answers are positive: the first of them stops its month."""
    line = csat_line(dict.fromkeys(scale for scales in unread.values() for scale in scales), project.config.feedback)
    for source, scales in unread.items():
        if scales:
            told = ", ".join(f"{low:g}–{high:g}" for low, high in scales)
            yield (
                False,
                f"{source} tells CSAT on the scale {told}, and feedback.csat in the config does not say which answers "
                f"are positive, so that the first stops its month; give it a line, like {line}",
            )


def disk(project: Project, sent: list[SourceFile]) -> Finding:
    """Whether the next publish has room: a copy of the working database, perhaps a compacted one, and Parquet."""
    folders = project.folders
    there = next(path for path in (project.data_dir, *project.data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    path = folders.working_database
    working = path.stat().st_size if path.exists() else 0
    wanted = max(ROOM * sum(file.size for file in sent), 3 * working) + LEAST_ROOM
    told = f"{free / 1e6:,.0f} MB free in {project.data_dir}, {wanted / 1e6:,.0f} MB wanted for a publish"
    return free >= wanted, told if free >= wanted else f"{told}; make room, or name another place: DATA_DIR=…"


def landed(project: Project, sent: list[SourceFile], faults: Mapping[str, list[str]]) -> Iterator[Finding]:
    """The list of landed files, and the copies that it names; `faults` of files that are sent are told already."""
    folders = project.folders
    try:
        files = landed_files(folders)
        gone = forgotten(folders)
    except WarehouseError as fault:
        yield False, str(fault)
        return
    if is_damaged(folders):
        yield False, f"the list of landed files is damaged: {make('run')}"
    lost, again = lost_files(project, sent)
    sent_keys = {file.key: file for file in files if file.key in {one.key for one in sent}}
    for file in lost:
        how = "was changed" if file.path(folders).exists() else "is gone"
        yield (
            False,
            f"{file.told()} {how}: put it back from a backup, or {make('forget', FILE=file.sha256[:12])}",
        )
    for file in again:
        how = "was changed" if file.path(folders).exists() else "is gone"
        yield False, f"{file.told()} {how}: {make('run')} lands it again"
    for file in files:
        if file.problem and sent_keys.get(file.key) == file and file.name in faults:
            continue
        if file.problem and sent_keys.get(file.key) == file:
            yield False, f"{file.told()} cannot be used: {file.problem}; mend that, then: {make('run')}"
        elif file.problem and file.read_at:
            yield (
                False,
                f"{file.told()} cannot be read any more: {file.problem}; {make('forget', FILE=file.sha256[:12])}",
            )
        elif file.problem:
            yield (
                True,
                f"{file.told()} could never be read and is in no history; {make('forget', FILE=file.sha256[:12])}",
            )
    strays = len(unlisted(folders, files))
    left = f", {strays} copies of a landing that was broken off" if strays else ""
    yield True, f"{len(files)} files, {len(gone)} forgotten{left}"


def staged(project: Project) -> Iterator[Finding]:
    """The staged files, each the one that its last ingest wrote."""
    folders = project.folders
    hashes = _staged_hashes(folders.working_database)
    wrong = {table: found for table, sha256 in hashes.items() if (found := wrong_staged(folders, table, sha256))}
    for name in (name for found in wrong.values() for name in found):
        yield False, f"{name} is gone, or is not what was staged: {make('run')} makes it again"
    for what in (what for lost in (lost_events(project) if hashes else {}).values() for what in lost):
        yield False, f"{what}: {make('run')} validates it again"
    yield True, f"{len(hashes) - len(wrong)} tables"


def loaded(project: Project) -> Iterator[Finding]:
    """The loaded rows of each canonical table that reach no metric."""
    rows = _asked(project.folders.working_database, f"SELECT * FROM {qualified(LeftOut.table())}")  # noqa: S608
    for line in left_out(pl.DataFrame(rows, LeftOut.dtypes(), orient="row")):
        yield True, line


def _staged_hashes(path: Path) -> dict[str, str]:
    query = f"SELECT table_name, staged_sha256 FROM {qualified(Ingest.table())} WHERE staged_sha256 IS NOT NULL"  # noqa: S608
    return dict(_asked(path, query))


def _asked(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the working database, if there is one that can be read."""
    if not path.exists():
        return []
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(query).fetchall()
    except duckdb.Error:
        return []


def working(project: Project) -> Finding:
    """The working database, read to its end."""
    path = project.folders.working_database
    if not path.exists():
        return True, "none yet"
    if not path.is_file():
        return False, f"{path.name} is no file: {make('run')} sets it aside, and makes it again from the landed files"
    try:
        good = is_readable(path, every_byte=True)
    except WarehouseError as fault:
        return True, f"not looked at: {fault}"
    told = f"{path.name}, {path.stat().st_size / 1e6:,.1f} MB"
    return good, told if good else f"{path.name} is damaged: {make('rebuild')} makes it again from the landed files"


def key(project: Project) -> Finding:
    """The key that persons' ids are hashed with."""
    folders = project.folders
    try:
        if not folders.person_key.exists() and fingerprint(folders, NAME) is None:
            return True, f"{NAME}: none yet"
        person_key(folders)
    except WarehouseError as fault:
        return False, str(fault)
    return True, NAME


def modes(project: Project) -> Iterator[Finding]:
    """Who may read or write what."""
    folders = project.folders
    found = [str(path.relative_to(folders.root)) for path in loosened(folders)]
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield False, f"others may read {', '.join(found[:3])}{more}: {make('run')} makes them private"
    else:
        yield True, "private but for what is published"


def published(project: Project) -> Iterator[Finding]:
    """What readers open, and the versions behind it."""
    folders = project.folders
    known, now = versions(folders), current_version(folders)
    for version, path in known.items():
        if not is_readable(path, every_byte=version == now):
            yield False, f"the file of version {version} is damaged: {make('run')} sets it aside and publishes anew"
    link = folders.published_database.name
    if known and now not in known:
        how = "leads to a version that is gone" if folders.published_database.is_symlink() else "is gone"
        yield False, f"the link {link} {how}: {make('run')} leads it to a version again"
    if now in known:
        wrong = damaged_parquet(known[now].parent)
        if wrong:
            yield (
                False,
                f"{len(wrong)} Parquet files of version {now} are not what was written: {make('run')} mends them",
            )
        if not is_linked(folders):
            yield False, f"the link parquet does not lead to version {now}: {make('run')} leads it there"
    query = f"SELECT max(version) FROM {qualified(Publication.table())}"  # noqa: S608
    last = next((version for (version,) in _asked(folders.working_database, query)), None)
    if not known and last:
        yield False, f"version {last} was published and is gone, as is every other: {make('run')} publishes anew"
    yield True, f"version {now}; kept: {', '.join(map(str, known)) or 'none'}"
