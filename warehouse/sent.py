"""The files that the config's sources point at now, before they are landed: in folders, in stores, in archives."""

import datetime as dt
import fnmatch
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from schemas.config import Source
from schemas.form import Form
from schemas.writer import Writer
from warehouse.configuration import LoadedConfig
from warehouse.errors import ConfigError, ExportError
from warehouse.landed import LandedFile
from warehouse.stores import ARCHIVE, Stored, archived, is_address, last_of, listed, look_anew, same_place

SEVERAL = 2
LONGEST_NAME = 255
"""Bytes of a file's name."""
FIRST_YEAR = 1970
"""No export was made before it."""
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


@dataclass(frozen=True)
class SourceFile:
    """A file the config points at, before it is landed.

    `stored`: where it is, if it is not at hand: `path` is then that of the copy that is fetched of it. `known`: SHA-256
    of such a file, if this version of it was landed.
    """

    source: str
    raw_table: str
    name: str
    path: Path
    exported_at: dt.datetime
    stored: Stored | None = None
    known: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Whose word it is: of the files with one key the last landed speaks."""
        return self.source, self.raw_table, self.name

    @cached_property
    def place(self) -> str:
        """What no other file has: its whole path, or its address."""
        if self.stored:
            return " ".join(filter(None, (same_place(self.stored.address), self.stored.member)))
        return str(self.path.resolve())

    @property
    def size(self) -> int:
        """Bytes, as far as that can be told without it."""
        return self.stored.size if self.stored else self.path.stat().st_size

    @property
    def state(self) -> tuple[str, str, str]:
        """Whose it is, and something that changes when it does."""
        if self.stored:
            return self.source, self.name, self.stored.key
        told = self.path.stat()
        return self.source, self.name, f"{told.st_size} {told.st_mtime_ns}"


def source_files(
    loaded: LoadedConfig, forms: Mapping[str, Form], copies: Path, *, anew: bool = True
) -> list[SourceFile]:
    """The files the config's sources point at now; nothing is fetched.

    `copies`: where those will be that must be fetched. `anew`: a store is asked again what it has, and not taken as it
    was when this process last asked.

    Raises:
        ConfigError: a source names a form or a table that does not exist.
        ExportError: a file the config names is not there, or a store does not answer; or an archive that is called as
            a file of the form holds several, of which none is.
    """
    found = []
    for name, source in loaded.config.sources.items():
        form = _form(loaded, name, source, forms)
        place, sent = _Place(loaded, source.folder, copies, anew=anew), []
        loads = _Loads.of(place, form.writer)
        wanted = patterns_of(loaded, name, source, form)
        for raw_table, patterns in wanted.items():
            may_lack = form.raw[raw_table].may_lack and not source.files
            for pattern in () if loaded.config.in_place(raw_table) else patterns:
                files = place.matching(pattern)
                if form.writer:
                    files = [file for file in files if not is_mark(PurePath(_name(file))) and loads.has(file)]
                if not files and not may_lack:
                    raise ExportError(
                        f"{name}.{raw_table}: there is no file {shown(source.folder, pattern, Path(pattern).name)}; "
                        "put it there, or correct sources in the config"
                    )
                sent += [_source_file(name, raw_table, pattern, file, loaded, form) for file in files]
        place.refuse_untaken([pattern for patterns in wanted.values() for pattern in patterns[:1]])
        if not sent and form.writer:
            usual = list(dict.fromkeys(table.files[0] for table in form.raw.values()))
            raise ExportError(
                f"{name}: {shown(source.folder, '', '')} holds no file that {form.name} is; expected some of "
                f"{', '.join(usual)}; put them there, or correct sources in the config{_fitting(place, form, forms)}"
            )
        found += sent
    # What two patterns match is one file.
    found = list({(file.source, file.raw_table, file.place): file for file in found}.values())
    _refuse_shared(found)
    names = Counter((file.source, file.raw_table, file.name) for file in found)
    if twice := sorted({name for (_, _, name), number in names.items() if number > 1}):
        raise ExportError(f"two files are both called {', '.join(twice)}; give their folders other names")
    return found


def unfinished_files(loaded: LoadedConfig, forms: Mapping[str, Form], copies: Path) -> dict[str, int]:
    """By source how many of its files are of loads that did not come to their end, and left out."""
    found = dict[str, int]()
    for name, source in loaded.config.sources.items():
        form = _form(loaded, name, source, forms)
        place = _Place(loaded, source.folder, copies, anew=False)
        loads = _Loads.of(place, form.writer)
        if loads.finished:
            patterns = {pattern for of in patterns_of(loaded, name, source, form).values() for pattern in of}
            files = {_place(file): file for pattern in patterns for file in place.matching(pattern)}
            found[name] = sum(not loads.has(file) for file in files.values())
    return {name: number for name, number in found.items() if number}


@dataclass(frozen=True)
class _Loads:
    """The loads of a writer that came to their end, by the numbers in the names of their files; none: nobody says."""

    number: str
    finished: frozenset[str]

    @classmethod
    def of(cls, place: "_Place", writer: Writer | None) -> "_Loads":
        """Those that the place of a source tells."""
        if writer is None or writer.finished is None or writer.exported is None:
            return cls("", frozenset())
        where, number = writer.finished
        found = (re.search(number, _name(file)) for file in place.matching(where))
        return cls(writer.exported[0], frozenset(named[1] for named in found if named))

    def has(self, file: "_Found") -> bool:
        """Whether a file is whole, as far as anybody says."""
        named = re.search(self.number, _name(file)) if self.finished else None
        return named is None or named[1] in self.finished


def _fitting(place: "_Place", form: Form, forms: Mapping[str, Form]) -> str:
    """Who else may have written the files: the writer of whose tables most are there, several where as many are."""
    vendor = form.name.partition(" ")[0]
    others = {name: other for name, other in forms.items() if other.writer and name.partition("/")[0] == vendor}
    tables = {
        name.partition("/")[2]: sum(any(place.matching(pattern) for pattern in raw.files) for raw in other.raw.values())
        for name, other in others.items()
        if other is not form
    }
    most = max(tables.values(), default=0)
    fit = [f"`written_by: {writer}`" for writer, number in tables.items() if number == most > 0]
    return f"; by their names these files are of {' or '.join(fit)}" if fit else ""


@dataclass(frozen=True)
class _Found:
    """A file that a pattern means: here, or in a store or an archive, with the place of its copy."""

    path: Path
    stored: Stored | None = None


class _Place:
    """The folder of a source, here or in a store; its archives of several files are looked into once."""

    def __init__(self, loaded: LoadedConfig, folder: str, copies: Path, *, anew: bool) -> None:
        self.loaded, self.folder, self.copies = loaded, folder, copies
        self._archives: dict[str, dict[str, list[Stored]]] = {}
        self._meant: dict[str, str] = {}
        """By address the archives of several files that a pattern means, as they are shown."""
        self._opened: set[str] = set()
        """Those of which a file is taken."""
        if anew and is_address(folder):
            look_anew(folder, folder)

    def matching(self, pattern: str) -> list[_Found]:
        """The files that the pattern means, and of archives of several files those in them that it means."""
        before, slash, name = pattern.rpartition("/")
        if is_address(self.folder):
            found = [_Found(self._copy(one), one) for one in listed(self.folder, pattern, self._shown(pattern, name))]
            # Who may read a file that is named may not be allowed to list what lies beside it.
            is_asked = not _is_pattern(before) and (_is_pattern(name) or not found or name.lower().endswith(".zip"))
            zips = f"{before}{slash}*.[zZ][iI][pP]"
            among = listed(self.folder, zips, self._shown(zips, "*.zip")) if is_asked else ()
            archives = self._in_archives(f"{self.folder}/{before}", among, pattern) if is_asked else {}
        else:
            found = [_Found(path) for path in self._here(pattern)]
            folder = (self._within / pattern).parent if slash else self._within
            archives = self._in_archives(str(folder), () if _is_pattern(before) else _zips(folder), pattern)
        if not archives:
            return found
        # An archive of one file is that file, where the pattern means the archive.
        own = {_place(file) for file in found if len(archives.get(_place(file), ())) < SEVERAL}
        members = [one for address, of_archive in archives.items() if address not in own for one in of_archive]
        named = [one for one in members if one.member and fnmatch.fnmatchcase(PurePath(one.member).name, name)]
        left = [file for file in found if _place(file) in own]
        self._meant |= {_place(file): self._shown(pattern, _name(file)) for file in found if _place(file) not in own}
        self._opened |= {address for address, of_archive in archives.items() if any(one in named for one in of_archive)}
        return [*left, *(_Found(self._copy(one), one) for one in named)]

    @cached_property
    def _within(self) -> Path:
        return self.loaded.file(self.folder)

    @cached_property
    def _names(self) -> list[str] | None:
        """The files that lie in a folder of this machine, in order; None where it cannot be looked into."""
        try:
            with os.scandir(self._within) as entries:
                return sorted(entry.name for entry in entries if entry.is_file())
        except (OSError, ValueError):
            return None

    def _here(self, pattern: str) -> list[Path]:
        """The files of this machine that the pattern means."""
        # A writer has some patterns for each of its tables: to look for each of them into the folder takes long.
        before, slash, _ = pattern.rpartition("/")
        names = self._names
        if names is None or not pattern or "**" in pattern or len(pattern.encode()) > LONGEST_NAME:
            return sorted(path for path in _matching(self._within, pattern) if path.is_file())
        if slash:
            # Where no such folder is, nothing lies in it.
            is_there = _is_pattern(before) or os.path.isdir(self._within / before)  # noqa: PTH112 - it tells no fault
            paths = _matching(self._within, pattern) if is_there else []
            return sorted(path for path in paths if path.is_file())
        if _is_pattern(pattern):
            return [self._within / name for name in fnmatch.filter(names, pattern)]
        path = self._within / pattern
        return [path] if path.is_file() else []

    def refuse_untaken(self, wanted: Sequence[str]) -> None:
        """Raise ExportError for an archive that was meant, and of whose files none is called as a pattern says."""
        for address, told in self._meant.items():
            if address not in self._opened:
                raise ExportError(
                    f"{told}: this is an archive of several files, none of which is called as a file of this source; "
                    f"expected some of {', '.join(dict.fromkeys(wanted))}; unpack it, and give them such names"
                )

    def _in_archives(self, folder: str, zips: Iterable[Stored], pattern: str) -> dict[str, list[Stored]]:
        """By address of an archive of several files these."""
        if folder not in self._archives:
            members = {one.address: archived(one, self._shown(pattern, one.name)) for one in zips}
            self._archives[folder] = {address: found for address, found in members.items() if found}
        return self._archives[folder]

    def _shown(self, pattern: str, name: str) -> str:
        return shown(self.folder, pattern, name)

    def _copy(self, stored: Stored) -> Path:
        return self.copies / stored.key


def _place(file: _Found) -> str:
    return file.stored.address if file.stored else _address(file.path)


def _zips(folder: Path) -> Iterator[Stored]:
    """The zip archives of a folder, whatever they are called."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file():
            with path.open("rb") as sent:
                is_zip = sent.read(len(ARCHIVE)) == ARCHIVE
            if is_zip:
                told = path.stat()
                moment = dt.datetime.fromtimestamp(told.st_mtime, dt.UTC).replace(tzinfo=None)
                yield Stored(_address(path), told.st_size, str(told.st_mtime_ns), moment)


def _address(path: Path) -> str:
    return f"file://{path.resolve()}"


def _source_file(
    source: str, raw_table: str, pattern: str, file: _Found, loaded: LoadedConfig, form: Form
) -> SourceFile:
    folder = loaded.config.sources[source].folder
    name_shown = shown(folder, _with_folders(file, loaded, folder, pattern), _name(file))
    # A file in an archive is named by its day, or the archive is.
    name, written = PurePath(_name(file)), _written(file)
    archive = exported_at(name.parent, written, loaded, form) if file.stored and file.stored.member else written
    when = exported_at(name, archive, loaded, form)
    return SourceFile(source, raw_table, name_shown, file.path, when, file.stored)


def _with_folders(file: _Found, loaded: LoadedConfig, folder: str, pattern: str) -> str:
    """The pattern, with the very folders that it left open."""
    if not _is_pattern(pattern.rpartition("/")[0]):
        return pattern
    if file.stored:
        return file.stored.address.removeprefix(f"{folder.rstrip('/')}/")
    within = loaded.file(folder)
    return str(file.path.relative_to(within)) if file.path.is_relative_to(within) else pattern


def _name(file: _Found) -> str:
    return file.stored.name if file.stored else file.path.name


def _written(file: _Found) -> dt.datetime:
    """When a file was written; what does not tell that is of now."""
    if file.stored:
        return file.stored.written or dt.datetime.now(dt.UTC).replace(tzinfo=None)
    return dt.datetime.fromtimestamp(file.path.stat().st_mtime, dt.UTC).replace(tzinfo=None)


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
    sources: dict[str, dict[str, str]] = {}
    for file in found:
        sources.setdefault(file.place, {})[file.source] = file.name
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
    """Whether a file beside those of objects is a program's own: `_SUCCESS`, `…_complete`, or a list of the files."""
    return path.name.startswith(("_", ".")) or path.name.endswith(("manifest.json", "_complete"))


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files that a pattern matches; those of vendors may have folders of any name, as one for each day."""
    whole = folder / pattern
    top = whole.parent
    while _is_pattern(str(top.relative_to(folder)) if top.is_relative_to(folder) else ""):
        top = top.parent
    try:
        return list(top.glob(str(whole.relative_to(top))))
    except (OSError, ValueError) as fault:
        # A folder that the environment names is checked by nobody before.
        why = fault.strerror if isinstance(fault, OSError) else "it is no pattern"
        raise ExportError(f"{shown(str(folder), pattern, whole.name)}: cannot be looked for: {why}") from None


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def shown(folder: str, pattern: str, name: str) -> str:
    """A file as messages and tables name it: the last folder and what follows, never a machine's whole path."""
    within = Path(pattern).parent
    inner = Path(within.name) if within.is_absolute() else within
    return str(Path(last_of(folder) if is_address(folder) else Path(folder).name) / inner / name)


def exported_at(name: PurePath, written: dt.datetime, loaded: LoadedConfig, form: Form | None = None) -> dt.datetime:
    """When a file was exported, in UTC: as its name tells it, or else when it was last `written`.

    A name tells it as its writer names files, or by a day, which began then.

    Raises:
        ExportError: the name holds digits in the shape of a day that the calendar doesn't have, or of one before all
            exports.
    """
    if form and form.writer and form.writer.exported:
        pattern, per_second = form.writer.exported
        if named := re.search(pattern, name.name):
            return dt.datetime.fromtimestamp(float(named[1]) / per_second, dt.UTC).replace(tzinfo=None)
    return day_in_name(name, loaded) or written


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
