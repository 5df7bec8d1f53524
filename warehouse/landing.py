"""Landing: a private copy of each export, named by its SHA-256."""

import datetime as dt
import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePath

from schemas.config import Source
from schemas.form import Form
from warehouse.configuration import LoadedConfig
from warehouse.errors import ConfigError, DamagedError, ExportError
from warehouse.folders import PRIVATE_FILE, Folders
from warehouse.landed import LandedFile, landed_files, list_landed, mend_list
from warehouse.pasted import make

TRIES, PAUSE = 3, 0.5
"""So often a file that changes while it is read is read, and so many seconds are between."""
FIRST_YEAR = 1970
"""No export was made before it."""
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


@dataclass(frozen=True)
class SourceFile:
    """A file the config points at, before it is landed."""

    source: str
    raw_table: str
    name: str
    path: Path
    exported_at: dt.datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """Whose word it is: of the files with one key the last landed speaks."""
        return self.source, self.raw_table, self.name


def source_files(loaded: LoadedConfig, forms: Mapping[str, Form]) -> list[SourceFile]:
    """The files the config's sources point at now.

    Raises:
        ConfigError: a source names a form or a table that does not exist.
        ExportError: a file the config names is not there.
    """
    found = []
    for name, source in loaded.config.sources.items():
        form = _form(loaded, name, source, forms)
        sent = []
        for raw_table, patterns in patterns_of(loaded, name, source, form).items():
            may_lack = form.raw[raw_table].may_lack and not source.files
            for pattern in () if loaded.config.in_place(raw_table) else patterns:
                paths = sorted(p for p in _matching(loaded.file(source.folder), pattern) if p.is_file())
                if form.writer:
                    paths = [path for path in paths if not is_mark(path)]
                if not paths and not may_lack:
                    raise ExportError(
                        f"{name}.{raw_table}: there is no file {shown(source.folder, pattern, Path(pattern).name)}; "
                        "put it there, or correct sources in the config"
                    )
                sent += [
                    SourceFile(
                        name, raw_table, _named(path, loaded, source, pattern), path, exported_at(path, loaded, form)
                    )
                    for path in paths
                ]
        if not sent and form.writer:
            usual = list(dict.fromkeys(table.files[0] for table in form.raw.values()))
            raise ExportError(
                f"{name}: {shown(source.folder, '', '')} holds no file that {form.name} is; expected some of "
                f"{', '.join(usual)}; put them there, or correct sources in the config"
            )
        found += sent
    # What two patterns match is one file.
    found = list({(file.source, file.raw_table, file.path): file for file in found}.values())
    _refuse_shared(found)
    names = Counter((file.source, file.raw_table, file.name) for file in found)
    if twice := sorted({name for (_, _, name), number in names.items() if number > 1}):
        raise ExportError(f"two files are both called {', '.join(twice)}; give their folders other names")
    return found


def _form(loaded: LoadedConfig, name: str, source: Source, forms: Mapping[str, Form]) -> Form:
    """The form that a source's files have.

    Raises:
        ConfigError: there is none of its name, or it does not say who wrote the files.
    """
    if form := forms.get(source.written):
        return form
    writers = [key.partition("/")[2] for key in forms if key.startswith(f"{source.form}/")]
    if writers:
        raise ConfigError(
            f"{loaded.path}: sources.{name}.written_by: expected who wrote the files: one of {', '.join(writers)}"
        )
    if source.form in forms:
        raise ConfigError(f"{loaded.path}: sources.{name}.written_by: only files of a vendor are written by somebody")
    known = ", ".join(dict.fromkeys(key.partition("/")[0] for key in forms))
    raise ConfigError(f"{loaded.path}: sources.{name}.form: there is no such form; expected one of {known}")


def _refuse_shared(found: list[SourceFile]) -> None:
    """Raise for a file that two sources name: its rows would count twice, each time as another system's."""
    sources: dict[Path, dict[str, str]] = {}
    for file in found:
        sources.setdefault(file.path.resolve(), {})[file.source] = file.name
    shared = next((names for names in sources.values() if len(names) > 1), None)
    if shared:
        named = " and ".join(f"{source} ({name})" for source, name in shared.items())
        raise ExportError(f"the sources {named} name one file; a file belongs to one source; take it out of the others")


def patterns_of(loaded: LoadedConfig, name: str, source: Source, form: Form) -> dict[str, list[str]]:
    """The files or patterns of each of a source's tables.

    Raises:
        ConfigError: a table is none of the form's.
    """
    if not source.files:
        return {raw: list(table.files) for raw, table in form.raw.items()}
    unknown = sorted(set(source.files) - set(form.raw))
    if unknown:
        raise ConfigError(
            f"{loaded.path}: sources.{name}.files: {len(unknown)} of its tables are unknown to the form "
            f"{source.form}; expected {', '.join(form.raw)}"
        )
    given = {raw: [files] if isinstance(files, str) else list(files) for raw, files in source.files.items()}
    # What is written into the files of another table lies where these do.
    for raw, table in form.raw.items():
        beside = [other for other in source.files if form.raw[other].files == table.files]
        if raw not in given and beside:
            given[raw] = given[beside[0]]
    return given


def is_mark(path: PurePath) -> bool:
    """Whether a file beside those of objects is a program's own: `_SUCCESS`, or a list of the files."""
    return path.name.startswith(("_", ".")) or path.name.endswith("manifest.json")


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files that a pattern matches; those of vendors may have folders of any name, as one for each day."""
    whole = folder / pattern
    top = whole.parent
    while _is_pattern(top.relative_to(folder) if top.is_relative_to(folder) else Path()):
        top = top.parent
    try:
        return list(top.glob(str(whole.relative_to(top))))
    except (OSError, ValueError) as fault:
        # A folder that the environment names is checked by nobody before.
        why = fault.strerror if isinstance(fault, OSError) else "it is no pattern"
        raise ExportError(f"{shown(str(folder), pattern, whole.name)}: cannot be looked for: {why}") from None


def _is_pattern(path: Path) -> bool:
    return any(sign in str(path) for sign in "*?[")


def _named(path: Path, loaded: LoadedConfig, source: Source, pattern: str) -> str:
    """The file as messages and tables name it, with the very folders that the pattern left open."""
    folder = loaded.file(source.folder)
    if _is_pattern(Path(pattern).parent) and path.is_relative_to(folder):
        pattern = str(path.relative_to(folder))
    return shown(source.folder, pattern, path.name)


def shown(folder: str, pattern: str, name: str) -> str:
    """A file as messages and tables name it: the last folder and what follows, never a machine's whole path."""
    within = Path(pattern).parent
    inner = Path(within.name) if within.is_absolute() else within
    return str(Path(Path(folder).name) / inner / name)


def exported_at(path: Path, loaded: LoadedConfig, form: Form | None = None) -> dt.datetime:
    """When a file was exported, in UTC: as its name tells it, or else when it was last written.

    A name tells it as its writer names files, or by a day, which began then.

    Raises:
        ExportError: the name holds digits in the shape of a day that the calendar doesn't have, or of one before all
            exports.
    """
    if form and form.writer and form.writer.exported:
        pattern, per_second = form.writer.exported
        if named := re.search(pattern, path.name):
            return dt.datetime.fromtimestamp(float(named[1]) / per_second, dt.UTC).replace(tzinfo=None)
    return day_in_name(path, loaded) or dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).replace(tzinfo=None)


def day_in_name(path: PurePath, loaded: LoadedConfig) -> dt.datetime | None:
    """The start of the day in a file's name, in UTC; None where it has none.

    Raises:
        ExportError: as `exported_at`.
    """
    named = _DAY_IN_NAME.search(path.name)
    if named:
        try:
            day = dt.datetime.fromisoformat(named[1]).replace(tzinfo=loaded.config.reporting.zone)
            if day.year < FIRST_YEAR:
                raise ValueError
            return day.astimezone(dt.UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise ExportError(
                f"{path.parent.name}/{path.name}: no export was made on {named[1]}, the day in its name; name it by a "
                "day like 2026-05-31, or by none"
            ) from None
    return None


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
    for file in files:
        sha256, size = _copy(file, folders, last.get(file.key))
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
    part.replace(folders.landed / digest.hexdigest())
    return digest.hexdigest(), size


def is_whole(file: LandedFile, folders: Folders) -> bool:
    """Whether the copy is there and holds what was landed, to the last byte."""
    path = file.path(folders)
    return path.is_file() and path.stat().st_size == file.bytes and sha256_of(path) == file.sha256


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


def default_as_of(
    files: Sequence[SourceFile | LandedFile], loaded: LoadedConfig, snapshots: Collection[tuple[str, str]]
) -> dt.date:
    """The last complete day that every snapshot covers: the day before the oldest newest export.

    `snapshots`: sources with their raw tables of accounts and of subscriptions; without any, all files count.
    """
    told = [file for file in files if (file.source, file.raw_table) in snapshots] or files
    newest: dict[tuple[str, str], dt.datetime] = {}
    for file in told:
        key = (file.source, file.raw_table)
        newest[key] = max(newest.get(key, file.exported_at), file.exported_at)
    oldest = min(newest.values()).replace(tzinfo=dt.UTC).astimezone(loaded.config.reporting.zone)
    return oldest.date() - dt.timedelta(days=1)
