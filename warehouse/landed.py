"""The list of landed files, in a database that a killed write cannot tear, with a twin from which it is made again."""

import datetime as dt
import json
import os
import re
import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from warehouse.errors import DamagedError, ExportError
from warehouse.folders import PRIVATE_FILE, Folders
from warehouse.pasted import make
from warehouse.versions import versions

LIST, TWIN, FORMER = "landed.sqlite", "landed.twin.sqlite", "landed.jsonl"
_COPY = re.compile(r"[0-9a-f]{64}")
_TABLES = """
CREATE TABLE landed_file (
    number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, raw_table TEXT NOT NULL, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, exported_at TEXT NOT NULL, landed_at TEXT NOT NULL,
    read_at TEXT, problem TEXT
);
CREATE TABLE forgotten (what TEXT NOT NULL, was TEXT NOT NULL, forgotten_at TEXT NOT NULL);
CREATE TABLE fingerprint (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


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
    number: int = field(default=0, compare=False)
    """Its place in the list."""
    read_at: dt.datetime | None = field(default=None, compare=False)
    """When it was first read to its end; empty: it never was, and is no version of any history."""
    problem: str | None = field(default=None, compare=False)
    """Why it could not be used when it was last read."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Whose word it is: of the files with one key the last landed speaks."""
        return self.source, self.raw_table, self.name

    def path(self, folders: Folders) -> Path:
        """Where the copy is."""
        return folders.landed / self.sha256

    def told(self) -> str:
        """How messages name it."""
        return f"{self.name} as landed on {self.landed_at:%Y-%m-%d %H:%M} (landed/{self.sha256[:12]}…)"


def landed_files(folders: Folders) -> list[LandedFile]:
    """Everything that was ever landed and not forgotten, in order; nothing is written.

    Raises:
        DamagedError: the list is lost, or cannot be read.
    """
    if not _path(folders).exists():
        if (folders.landed / FORMER).exists():
            return _former(folders)
        return _check_not_lost(folders)
    with _looked_into(folders) as connection:
        rows = connection.execute(
            "SELECT source, raw_table, name, sha256, bytes, exported_at, landed_at, number, read_at, problem "
            "FROM landed_file ORDER BY number"
        ).fetchall()
    moment = dt.datetime.fromisoformat
    return [
        LandedFile(
            source, raw, name, sha256, size, moment(exported), moment(at), number, read and moment(read), problem
        )
        for source, raw, name, sha256, size, exported, at, number, read, problem in rows
    ]


def list_landed(folders: Folders, files: Iterable[LandedFile]) -> None:
    """Add files to the list, all of them or none."""
    new = list(files)
    if new or not _path(folders).exists():
        with _writing(folders) as connection:
            _insert(connection, new)


def _insert(connection: sqlite3.Connection, files: Iterable[LandedFile]) -> None:
    connection.executemany(
        "INSERT INTO landed_file (source, raw_table, name, sha256, bytes, exported_at, landed_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*f.key, f.sha256, f.bytes, str(f.exported_at), str(f.landed_at)) for f in files],
    )


def note_read(folders: Folders, files: Iterable[LandedFile]) -> None:
    """Say that files were read to their end: from now on they are versions of the history of what they show."""
    new = [(str(_now()), file.number) for file in files if file.read_at is None or file.problem]
    if new:
        with _writing(folders) as connection:
            connection.executemany(
                "UPDATE landed_file SET read_at = coalesce(read_at, ?), problem = NULL WHERE number = ?", new
            )


def note_problem(folders: Folders, file: LandedFile, problem: str) -> None:
    """Say why a file cannot be used."""
    if file.problem != problem:
        with _writing(folders) as connection:
            connection.execute("UPDATE landed_file SET problem = ? WHERE number = ?", (problem, file.number))


def forget(folders: Folders, *files: LandedFile) -> None:
    """Take files from the list, and their copies from the folder; that they were there stays recorded."""
    with _writing(folders) as connection:
        for file in files:
            was = {"name": file.name, "sha256": file.sha256, "source": file.source, "landed_at": str(file.landed_at)}
            connection.execute("DELETE FROM landed_file WHERE number = ?", (file.number,))
            _record(connection, file.name, was)
    kept = {other.sha256 for other in landed_files(folders)}
    for file in files:
        if file.sha256 not in kept:
            file.path(folders).unlink(missing_ok=True)


def forget_unlisted(folders: Folders) -> int:
    """Begin a new list where the old one is lost, and remove the copies that nobody can name any more; how many.

    Raises:
        ExportError: the list is there.
    """
    if any((folders.landed / name).exists() for name in (LIST, TWIN, FORMER)) and not is_damaged(folders):
        raise ExportError("the list of landed files is there; there is nothing to give up")
    for name in (LIST, TWIN):
        (folders.landed / name).unlink(missing_ok=True)
    copies = unlisted(folders, [])
    for path in copies:
        path.unlink()
    with _writing(folders, anew=True) as connection:
        _record(connection, LIST, {"copies": [path.name for path in copies]})
    return len(copies)


def _record(connection: sqlite3.Connection, what: str, was: Mapping[str, object]) -> None:
    connection.execute("INSERT INTO forgotten VALUES (?, ?, ?)", (what, json.dumps(was), str(_now())))


def forgotten(folders: Folders) -> list[tuple[str, dict[str, object], dt.datetime]]:
    """What was forgotten: its name, what it was, and when."""
    if not _path(folders).exists():
        return []
    with _looked_into(folders) as connection:
        rows = connection.execute("SELECT what, was, forgotten_at FROM forgotten ORDER BY rowid").fetchall()
    return [(what, json.loads(was), dt.datetime.fromisoformat(when)) for what, was, when in rows]


def fingerprint(folders: Folders, name: str) -> str | None:
    """What something was known by when it was made."""
    if not _path(folders).exists():
        return None
    with _looked_into(folders) as connection:
        row = connection.execute("SELECT value FROM fingerprint WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def fingerprints(folders: Folders, begin: str) -> dict[str, str]:
    """The same of everything whose name begins so."""
    if not _path(folders).exists():
        return {}
    with _looked_into(folders) as connection:
        asked = "SELECT name, value FROM fingerprint WHERE substr(name, 1, ?) = ?"
        return dict(connection.execute(asked, (len(begin), begin)).fetchall())


def keep_fingerprints(folders: Folders, values: Mapping[str, str]) -> None:
    """Say what several things are known by from now on."""
    with _writing(folders) as connection:
        connection.executemany("INSERT OR REPLACE INTO fingerprint VALUES (?, ?)", list(values.items()))


def keep_fingerprint(folders: Folders, name: str, value: str | None) -> None:
    """Say what something is known by from now on; None gives up what was known, and records that."""
    with _writing(folders) as connection:
        connection.execute("DELETE FROM fingerprint WHERE name = ?", (name,))
        if value is None:
            _record(connection, name, {})
        else:
            connection.execute("INSERT INTO fingerprint VALUES (?, ?)", (name, value))


def unlisted(folders: Folders, files: Iterable[LandedFile]) -> list[Path]:
    """Copies that the list doesn't name: a landing that was killed before its end leaves some, and they hurt nobody."""
    named = {file.sha256 for file in files}
    return sorted(p for p in folders.landed.iterdir() if _COPY.fullmatch(p.name) and p.name not in named)


def is_damaged(folders: Folders) -> bool:
    """Whether the list is gone though there was one, or cannot be read."""
    path, twin = _path(folders), folders.landed / TWIN
    if not path.exists():
        former = (folders.landed / FORMER).exists()
        return twin.exists() or (not former and (bool(unlisted(folders, [])) or _is_in_use(folders)))
    return not _is_whole(path)


def mend_list(folders: Folders) -> str | None:
    """Make the list again from its twin, or from the list of former days; what was done, in words.

    Raises:
        DamagedError: there is nothing to make it from.
    """
    path, twin = _path(folders), folders.landed / TWIN
    former = folders.landed / FORMER
    if former.exists():
        if not path.exists() and not twin.exists():
            list_landed(folders, [])
        former.replace(former.with_name(f"{FORMER}.moved"))
        return f"what landed/{FORMER} lists is listed in landed/{LIST} from now on"
    if not is_damaged(folders):
        if path.exists() and not (twin.exists() and _is_whole(twin) and _writes(twin) == _writes(path)):
            _copy_to_twin(folders)
        return None
    if not (twin.exists() and _is_whole(twin)):
        if not twin.exists():
            _check_not_lost(folders)
        raise _lost(folders, "cannot be read")
    part = folders.landed / f".{LIST}.part"
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
    part.write_bytes(twin.read_bytes())
    path.with_name(f"{LIST}-journal").unlink(missing_ok=True)
    part.replace(path)
    return f"landed/{LIST} was gone or damaged and is made again from its twin"


def _path(folders: Folders) -> Path:
    return folders.landed / LIST


def _is_whole(path: Path) -> bool:
    try:
        with _opened(path) as connection:
            (told,) = connection.execute("PRAGMA quick_check").fetchone()
            for table in ("landed_file", "forgotten", "fingerprint"):
                connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()  # noqa: S608 - our names
    except DamagedError:
        return False
    return bool(told == "ok")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection; what SQLite says is told apart: damage, or a disk or lock that may be free again."""
    try:
        # Not read-only: what a killed write left is undone by who opens the list next.
        uri = f"{path.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)) as connection:
            yield connection
    except sqlite3.DatabaseError as fault:
        words = str(fault)
        if isinstance(fault, sqlite3.OperationalError) and not words.startswith(("no such", "unable to open")):
            raise OSError(f"landed/{path.name}: {words}") from None
        raise DamagedError(f"landed/{path.name} cannot be read: {make('run')} makes it again from its twin") from None


@contextmanager
def _looked_into(folders: Folders) -> Iterator[sqlite3.Connection]:
    """The list, to be read; where it cannot be, what mends it depends on its twin."""
    try:
        with _opened(_path(folders)) as connection:
            yield connection
    except DamagedError:
        twin = folders.landed / TWIN
        if twin.exists() and _is_whole(twin):
            raise
        raise _lost(folders, "cannot be read") from None


def _is_in_use(folders: Folders) -> bool:
    """Whether something was made of landed files."""
    return any(folders.staged.glob("*.parquet")) or bool(versions(folders))


def _check_not_lost(folders: Folders) -> list[LandedFile]:
    """No files, as nothing was ever landed.

    Raises:
        DamagedError: there is no list, and copies that it named, or what was made of them: history would be told anew,
            silently.
    """
    if (folders.landed / TWIN).exists():
        raise DamagedError(f"landed/{LIST} is not there, its twin is: {make('run')} makes it again")
    if unlisted(folders, []) or _is_in_use(folders):
        raise _lost(folders, "is not there")
    return []


def _lost(folders: Folders, how: str) -> DamagedError:
    copies = len(unlisted(folders, []))
    them = f"{copies} landed files" if copies else "landed files"
    return DamagedError(
        f"landed/{LIST}, the list of {them}, {how}, and so is its twin; put it back from a backup, or give up the "
        f"history that only they tell: {make('forget', FILE='unlisted')}"
    )


@contextmanager
def _writing(folders: Folders, *, anew: bool = False) -> Iterator[sqlite3.Connection]:
    """One transaction; after it the twin says the same. `anew`: a list that is lost is given up."""
    path = _path(folders)
    if not path.exists():
        former = [] if anew else _former(folders) if path.with_name(FORMER).exists() else _check_not_lost(folders)
        part = path.with_name(f".{LIST}.part")
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
        with closing(sqlite3.connect(part)) as connection:
            connection.executescript(_TABLES)
            _insert(connection, former)
            connection.commit()
        part.replace(path)
    with _opened(_path(folders)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute(f"PRAGMA user_version = {_count(connection) + 1}")
        connection.execute("COMMIT")
    _copy_to_twin(folders)


def _count(connection: sqlite3.Connection) -> int:
    """How often the list was written: a twin that a killed copy left behind has another number."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _writes(path: Path) -> int:
    with _opened(path) as connection:
        return _count(connection)


def _copy_to_twin(folders: Folders) -> None:
    part = folders.landed / f".{TWIN}.part"
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
    with _opened(_path(folders)) as connection, closing(sqlite3.connect(part)) as twin:
        connection.backup(twin)
    part.replace(folders.landed / TWIN)


def _former(folders: Folders) -> list[LandedFile]:
    """What landed.jsonl lists, the list of former days; a last line that a killed write has torn was never landed."""
    lines = (folders.landed / FORMER).read_bytes().splitlines(keepends=True)
    files = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            when = {name: dt.datetime.fromisoformat(entry[name]) for name in ("exported_at", "landed_at")}
            files.append(replace(LandedFile(**{**entry, **when}), number=number))
        except (ValueError, TypeError, KeyError):
            if number == len(lines) and not line.endswith(b"\n"):
                break
            path = shlex.quote(str(folders.landed / FORMER))
            raise DamagedError(
                f"landed/{FORMER}, line {number}: cannot be read; put the file back from a backup, or give up the file "
                f"that the line names: sed -i {number}d {path}"
            ) from None
    return files


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
