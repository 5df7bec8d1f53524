"""Landing: a private copy of each export, named by its SHA-256, and a list of what was landed when."""

import datetime as dt
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.config import Source
from schemas.form import Form
from warehouse.configuration import LoadedConfig
from warehouse.errors import ConfigError, ExportError
from warehouse.folders import PRIVATE_FILE, Folders

_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


@dataclass(frozen=True)
class SourceFile:
    """A file the config points at, before it is landed."""

    source: str
    raw_table: str
    name: str
    path: Path
    exported_at: dt.datetime


@dataclass(frozen=True)
class LandedFile:
    """A private copy of an export."""

    source: str
    raw_table: str
    name: str
    sha256: str
    bytes: int
    exported_at: dt.datetime
    landed_at: dt.datetime

    def path(self, folders: Folders) -> Path:
        """Where the copy is."""
        return folders.landed / self.sha256


def source_files(loaded: LoadedConfig, forms: dict[str, Form]) -> list[SourceFile]:
    """The files the config's sources point at now.

    Raises:
        ConfigError: a source names a form or a table that does not exist.
        ExportError: a file the config names is not there.
    """
    found = []
    for name, source in loaded.config.sources.items():
        if source.form not in forms:
            raise ConfigError(
                f"{loaded.path}: sources.{name}.form: there is no such form; expected one of {', '.join(forms)}"
            )
        for raw_table, patterns in _patterns(loaded, name, source, forms[source.form]).items():
            for pattern in patterns:
                paths = sorted(p for p in _matching(loaded.file(source.folder), pattern) if p.is_file())
                if not paths:
                    raise ExportError(
                        f"{name}.{raw_table}: there is no file {_shown(source.folder, pattern, Path(pattern).name)}; "
                        "put it there, or correct sources in the config"
                    )
                found += [
                    SourceFile(
                        name, raw_table, _shown(source.folder, pattern, path.name), path, exported_at(path, loaded)
                    )
                    for path in paths
                ]
    # What two patterns match is one file.
    found = list({(file.source, file.raw_table, file.path): file for file in found}.values())
    names = [(file.source, file.raw_table, file.name) for file in found]
    if twice := sorted({name for source, raw_table, name in names if names.count((source, raw_table, name)) > 1}):
        raise ExportError(f"two files are both called {', '.join(twice)}; give their folders other names")
    return found


def _patterns(loaded: LoadedConfig, name: str, source: Source, form: Form) -> dict[str, list[str]]:
    if not source.files:
        return {raw: [table.file] for raw, table in form.raw.items()}
    unknown = sorted(set(source.files) - set(form.raw))
    if unknown:
        raise ConfigError(
            f"{loaded.path}: sources.{name}.files: {len(unknown)} of its tables are unknown to the form "
            f"{source.form}; expected {', '.join(form.raw)}"
        )
    return {raw: [files] if isinstance(files, str) else list(files) for raw, files in source.files.items()}


def _matching(folder: Path, pattern: str) -> list[Path]:
    whole = folder / pattern
    try:
        return list(whole.parent.glob(whole.name))
    except (OSError, ValueError) as fault:
        # A folder that the environment names is checked by nobody before.
        why = fault.strerror if isinstance(fault, OSError) else "it is no pattern"
        raise ExportError(f"{_shown(str(folder), pattern, whole.name)}: cannot be looked for: {why}") from None


def _shown(folder: str, pattern: str, name: str) -> str:
    """A file as messages and tables name it: the last folder and what follows, never a machine's whole path."""
    within = Path(pattern).parent
    inner = Path(within.name) if within.is_absolute() else within
    return str(Path(Path(folder).name) / inner / name)


def exported_at(path: Path, loaded: LoadedConfig) -> dt.datetime:
    """When a file was exported, in UTC: the start of the day in its name, or else when it was last written.

    Raises:
        ExportError: the name holds digits in the shape of a day that the calendar doesn't have, or that no zone does.
    """
    named = _DAY_IN_NAME.search(path.name)
    if named:
        try:
            day = dt.datetime.fromisoformat(named[1]).replace(tzinfo=loaded.config.reporting.zone)
            return day.astimezone(dt.UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise ExportError(
                f"{path.parent.name}/{path.name}: the calendar has no {named[1]}, the day its name says it was "
                "exported on; name it by a day like 2026-05-31, or by none"
            ) from None
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).replace(tzinfo=None)


def land(file: SourceFile, folders: Folders) -> LandedFile:
    """Copy a file into the landing folder and list it, unless that very content is the last landed under its name."""
    digest, size = hashlib.sha256(), 0
    part = folders.landed / f".{file.source}-{file.raw_table}.part"
    part.unlink(missing_ok=True)
    with file.path.open("rb") as sent, os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE), "wb") as copy:
        while block := sent.read(1 << 20):
            digest.update(block)
            size += len(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    sha256 = digest.hexdigest()
    part.replace(folders.landed / sha256)
    before = [
        f for f in landed_files(folders) if (f.source, f.raw_table, f.name) == (file.source, file.raw_table, file.name)
    ]
    if before and before[-1].sha256 == sha256:
        return before[-1]
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    landed = LandedFile(file.source, file.raw_table, file.name, sha256, size, file.exported_at, now)
    with (folders.landed / "landed.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(landed), default=str) + "\n")
    return landed


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def landed_files(folders: Folders) -> list[LandedFile]:
    """Everything that was ever landed, in order."""
    log = folders.landed / "landed.jsonl"
    if not log.exists():
        return []
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [
        LandedFile(
            **{
                **entry,
                "exported_at": dt.datetime.fromisoformat(entry["exported_at"]),
                "landed_at": dt.datetime.fromisoformat(entry["landed_at"]),
            }
        )
        for entry in entries
    ]


def default_as_of(files: list[SourceFile], loaded: LoadedConfig) -> dt.date:
    """The last complete day that every snapshot source covers: the day before the oldest newest export.

    Snapshot sources are those of accounts and of subscriptions; without any, all files count.
    """
    snapshots = [f for f in files if f.raw_table in {"accounts", "subscription_items", "subscriptions"}] or files
    newest: dict[tuple[str, str], dt.datetime] = {}
    for file in snapshots:
        key = (file.source, file.raw_table)
        newest[key] = max(newest.get(key, file.exported_at), file.exported_at)
    oldest = min(newest.values()).replace(tzinfo=dt.UTC).astimezone(loaded.config.reporting.zone)
    return oldest.date() - dt.timedelta(days=1)
