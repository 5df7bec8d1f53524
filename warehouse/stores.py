"""Files that are not at hand as they are: in a store, or in an archive; which there are, and copies of them."""

import atexit
import datetime as dt
import errno
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from glob import escape
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile, mkstemp
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

import fsspec
import fsspec.asyn

from warehouse.errors import ConfigError, ExportError
from warehouse.lineage import digest
from warehouse.pasted import make

KINDS = {"s3a": "s3", "s3n": "s3", "abfss": "abfs"}
"""What Hadoop calls stores that the file systems here call otherwise."""
TAGS = ("ETag", "etag", "generation", "versionId", "Content-MD5")
"""What stores tell of a file's version; where they tell nothing, when it was written stands for it."""
WRITTEN = ("LastModified", "last_modified", "updated", "mtime", "Last-Modified")
BLOCK = 1 << 20
"""Bytes that are copied at a time."""
ARCHIVE = b"PK\x03\x04"
UNSEEN = "__MACOSX/"
"""How names in an archive begin that are no files of people; hidden ones are none, either."""
OF_PATTERNS = "/*?[]!%"
SOME_QUOTE = "=+,@&:;()$'~"
"""Signs of names that some web servers spell as they are in links, and others as their numbers."""
WORKBOOK = "[Content_Types].xml"


@dataclass(frozen=True)
class Stored:
    """A file that must be fetched before it can be read.

    `address`: with the store, or of an archive here. `member`: its name in the archive. `version`: changes with its
    content; None: nothing tells whether it changed but the content.
    """

    address: str
    size: int
    version: str | None
    written: dt.datetime | None
    member: str | None = None

    @property
    def name(self) -> str:
        """Its name, within its archive if it is in one."""
        name = PurePosixPath(_path_in(self.address)).name
        return f"{name}/{PurePosixPath(self.member).name}" if self.member else name

    @property
    def key(self) -> str:
        """A name of this version of it, which is no other's."""
        return digest(self.address, self.member, self.version, self.size)


def _path_in(address: str) -> str:
    """What follows the store or the machine, as people write it; names may have signs that end the path of a link."""
    path = address.partition("://")[2].partition("/")[2]
    return unquote(path) if _is_web(address) else path


def _is_web(address: str) -> bool:
    """Whether names in it are spelled as links spell them, a blank as %20."""
    return address.startswith(("http://", "https://"))


def last_of(folder: str) -> str:
    """The last part of an address: a folder, a bucket, or a machine; who asks is nobody's business."""
    return _path_in(folder).rstrip("/").rpartition("/")[2] or urlsplit(folder).hostname or ""


ENCRYPTED = "the archive asks for a password; send it without one"


class EncryptedError(Exception):
    """An archive asks for a password."""


def is_address(folder: str) -> bool:
    """Whether a folder of the config is one of a store."""
    return "://" in folder


def same_place(address: str) -> str:
    """An address, the same for all ways of saying it; of a file here its path."""
    scheme, _, path = address.partition("://")
    return str(Path(path).resolve()) if scheme == "file" else f"{KINDS.get(scheme, scheme)}://{path}"


@contextmanager
def _asked(address: str, what: str) -> Iterator[tuple[Any, str]]:
    """The file system of an address, and the path in it; what a store refuses is told without its words.

    Raises:
        ConfigError: there is no such store, or what speaks to it is not installed.
        ExportError: it does not answer, or not with that.
    """
    try:
        yield _at(address)
    except ImportError:
        kind = address.partition("://")[0]
        raise ConfigError(f"{what}: what speaks to {kind}:// is not installed: {make('stores')}") from None
    except (FileNotFoundError, ExportError, KeyError):
        raise
    except ConfigError as fault:
        raise ConfigError(f"{what}: {fault}") from None
    except OSError as fault:
        # S3 says EBUSY of what was written again since it was listed; the others are of this machine.
        if fault.errno in {errno.EBUSY, errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            raise
        raise _silent(what, fault) from None
    except Exception as fault:  # each store has errors of its own
        raise _silent(what, fault) from None


def _silent(what: str, fault: Exception) -> ExportError:
    return ExportError(
        f"{what}: cannot be fetched ({type(fault).__name__}); look whether the address is right, the store is there, "
        "and the environment has the credentials"
    )


def look_anew(address: str, what: str) -> None:
    """What was listed of a store before may have changed since."""
    with _asked(address, what) as (store, _):
        store.invalidate_cache()


def store_of(address: str) -> tuple[Any, str]:
    """The file system of an address, looked at anew, and the path in it; credentials are the environment's."""
    store, path = _at(address)
    store.invalidate_cache()  # what was listed before may have changed since
    return store, path


@cache
def _end_with_python() -> None:
    """Let the thread of requests end before Python does: else DuckDB's library tells of leaks at the end of a run."""
    atexit.register(_end_requests)


def _end_requests() -> None:
    loop, thread = fsspec.asyn.loop[0], fsspec.asyn.iothread[0]
    if loop is not None and thread is not None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)


def _at(address: str) -> tuple[Any, str]:
    scheme, _, path = address.rpartition("://")
    if scheme and KINDS.get(scheme, scheme) not in fsspec.available_protocols():
        raise ConfigError(
            f"{scheme}:// is no store; expected an address like s3://bucket/folder, gs://, az://, https:// or sftp://"
        )
    _end_with_python()
    store, within = fsspec.core.url_to_fs(f"{KINDS.get(scheme, scheme) or 'file'}://{path}")
    return store, str(within)


def listed(folder: str, pattern: str, what: str) -> list[Stored]:
    """The files of a store that a pattern in a folder means; `what` names them in messages."""
    return next((found for way in _spellings(folder, pattern) if (found := _listed(folder, way, what))), [])


def _spellings(folder: str, pattern: str) -> list[str]:
    """How the names that a pattern means may be spelled in the lists of a store: web servers differ in some signs."""
    if not _is_web(folder):
        return [pattern]
    return list(dict.fromkeys(quote(pattern, safe=f"{OF_PATTERNS}{signs}") for signs in (SOME_QUOTE, "")))


def _listed(folder: str, pattern: str, what: str) -> list[Stored]:
    where = f"{folder.rstrip('/')}/{pattern}"
    with _asked(where, what) as (store, path):
        is_pattern = any(sign in pattern for sign in "*?[")
        try:
            # What looks like a pattern in the folder's own name is its name.
            before = len(path) - len(pattern)
            among = f"{escape(path[:before])}{pattern}"
            found = store.glob(among, detail=True) if is_pattern else {path: store.info(path)}
        except FileNotFoundError:
            found = {}
        # Of machines and accounts a store's own names say nothing; the folder's address does.
        files = ((name, told) for name, told in sorted(found.items()) if told["type"] == "file")
        # A list of links says nothing of what they lead to.
        whole = ((name, told if told.get("size") is not None else store.info(name)) for name, told in files)
        return [
            Stored(f"{folder.rstrip('/')}/{name[before:]}", told.get("size") or 0, version(told), written(told))
            for name, told in whole
        ]


def version(told: Mapping[str, Any]) -> str | None:
    """What a store tells of a file that changes with its content."""
    tag = next((str(told[name]) for name in TAGS if told.get(name)), None)
    when = written(told)
    return tag or (str(when) if when else None)


def written(told: Mapping[str, Any]) -> dt.datetime | None:
    """When a file was written, in UTC, as its store tells it."""
    when = next((told[name] for name in WRITTEN if told.get(name)), None)
    if when is None:
        return None
    if isinstance(when, str):
        # As a web server says it: Fri, 27 Nov 2026 06:56:41 GMT.
        when = parsedate_to_datetime(when) if when[:1].isalpha() else dt.datetime.fromisoformat(when)
    moment = when if isinstance(when, dt.datetime) else dt.datetime.fromtimestamp(when, dt.UTC)
    return moment.astimezone(dt.UTC).replace(tzinfo=None)


def archived(archive: Stored, what: str) -> list[Stored]:
    """The files in a zip archive; none if it is something else, as a workbook, or is gone by now.

    Raises:
        ExportError: the archive is broken off or damaged.
    """
    try:
        with _asked(archive.address, what) as (store, path), _content(store, path) as content:
            if content.read(len(ARCHIVE)) != ARCHIVE:
                return []
            content.seek(0)
            with _zip(content, what) as opened:
                members = members_of(opened)
    except FileNotFoundError:
        return []
    if any(member.filename == WORKBOOK for member in members):
        return []
    return [
        Stored(archive.address, one.file_size, f"{one.CRC:08x}", archive.written, one.filename)
        for one in sorted(members, key=lambda one: one.filename)
    ]


def members_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files that people put into an archive.

    Raises:
        EncryptedError: they are behind a password.
    """
    found = [
        one
        for one in archive.infolist()
        if not one.is_dir()
        and not one.filename.startswith(UNSEEN)
        and not PurePosixPath(one.filename).name.startswith(".")
    ]
    if any(one.flag_bits & 1 for one in found):
        raise EncryptedError
    return found


@contextmanager
def _content(store: fsspec.AbstractFileSystem, path: str) -> Iterator[IO[bytes]]:
    """What is in a file, to be read at any place: of a server that gives no parts of a file, a copy of all of it."""
    with store.open(path, "rb") as content:
        if _gives_parts(content):
            yield content
            return
    with TemporaryFile() as copy, store.open(path, "rb", block_size=0) as whole:
        shutil.copyfileobj(whole, copy, BLOCK)
        copy.seek(0)
        yield copy


def _gives_parts(content: IO[bytes]) -> bool:
    try:
        content.seek(-1, os.SEEK_END)
        content.read(1)
        content.seek(0)
    except (ValueError, OSError):
        return False
    return True


@contextmanager
def _zip(content: IO[bytes], what: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(content) as opened:
            yield opened
    except EncryptedError:
        raise ExportError(f"{what}: {ENCRYPTED}") from None
    except zipfile.BadZipFile as fault:
        raise ExportError(
            f"{what}: what is packed in it is broken off or damaged ({type(fault).__name__}); send it again"
        ) from None


def fetch(stored: Stored, copy: Path, what: str) -> None:
    """Have a copy of the file, whole; `what` names it in messages.

    Raises:
        ExportError: it is gone or cannot be had, or changed while it was fetched.
        ConfigError: what speaks to its store is not installed.
    """
    number, name = mkstemp(prefix=f".{copy.name}.", dir=copy.parent)
    os.close(number)
    part = Path(name)
    try:
        with _asked(stored.address, what) as (store, path):
            if stored.member is None:
                store.get_file(path, str(part))
            else:
                with ExitStack() as opened:
                    archive = opened.enter_context(_zip(opened.enter_context(_content(store, path)), what))
                    member = opened.enter_context(archive.open(stored.member))
                    shutil.copyfileobj(member, opened.enter_context(part.open("wb")), BLOCK)
            store.invalidate_cache()
            now = store.info(path)
    except (FileNotFoundError, KeyError):
        raise ExportError(f"{what}: it was there, and is gone; {make('run')} looks again") from None
    except OSError as fault:
        if fault.errno != errno.EBUSY:
            raise
        raise _moving(what) from None
    size = part.stat().st_size
    is_same = (
        size == stored.size if stored.member else (version(now), now.get("size") or size) == (stored.version, size)
    )
    if not is_same:
        part.unlink()
        raise _moving(what)
    part.replace(copy)


def _moving(what: str) -> ExportError:
    return ExportError(f"{what}: the file changes while it is fetched; {make('run')} fetches it again")
