"""What can go wrong, in words: the one place where an exception becomes a sentence that a person can go on from.

No sentence here repeats what an exception says of a value: it may be a person's.
"""

import errno
import os
import re
import sqlite3
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from transforms.refusals import UndefinedError
from warehouse.disk import free
from warehouse.errors import LockedError, WarehouseError, in_use
from warehouse.pasted import DEFAULTS, make

ROOT = Path(__file__).resolve().parents[1]
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_PASSING = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
"""A network's disk may be there again."""
_SAYS_FULL = re.compile(
    r"no space left|disk is full|not enough space|quota exceeded|out of disk|file too large", re.IGNORECASE
)
_LOCKED = re.compile(r"could not set lock|conflicting lock|file handle conflict|database is locked", re.IGNORECASE)
NEARLY_FULL = 1 << 20
"""Bytes that are free on a disk on which nothing can be written any more."""
_HISTORY = ("sqlalchemy.", "sqlite3.", "alembic.")


@dataclass(frozen=True)
class Fault:
    """What went wrong, for a person, and whether it may be gone if it is tried again."""

    told: str
    passes: bool = False


def in_words(fault: BaseException, what: str = "") -> Fault:
    """An exception as a sentence: what it is, where, and how to go on; `what` was being made."""
    causes = list(_causes(fault))
    for cause in causes:
        if isinstance(cause, (WarehouseError, UndefinedError)):
            return Fault(str(cause), passes=isinstance(cause, LockedError))
    for look in (_disk, _lock, _rights, _memory, _history):
        for cause in causes:
            if found := look(cause):
                return found
    for cause in causes:
        if isinstance(cause, (SchemaErrors, SchemaError)):
            return Fault(f"{what or 'a table'} breaks its contract: {_broken(cause)}; {_REPORT}")
    deepest = causes[-1]
    if isinstance(deepest, OSError):
        named = f" of {_shown(deepest)}" if deepest.filename else ""
        why = os.strerror(deepest.errno) if deepest.errno else type(deepest).__name__
        return Fault(f"reading or writing{named} failed: {why}; mend that, and then: {make('run')}", _passes(deepest))
    if isinstance(deepest, duckdb.IOException):
        return Fault(
            f"the working database cannot be read or written; if that stays so: {make('rebuild')}", passes=True
        )
    made = f"{what}: " if what else ""
    # What a library raised on the way may hold no line of ours.
    places = [place for cause in causes if (place := _place(cause))]
    return Fault(f"{made}{type(deepest).__name__} at {places[-1] if places else 'an unknown place'}; {_REPORT}")


_REPORT = "this is a fault of the program, to be reported with this line; what was published before stays"


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The exception, and what caused it, down to the first cause."""
    seen: set[int] = set()
    step: BaseException | None = fault
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        driver = getattr(step, "orig", None)  # SQLAlchemy's word for the driver's own error
        step = step.__cause__ or (driver if isinstance(driver, BaseException) else None) or _context(step)


def _context(fault: BaseException) -> BaseException | None:
    return None if fault.__suppress_context__ else fault.__context__


def _disk(fault: BaseException) -> Fault | None:
    number = fault.errno if isinstance(fault, OSError) else None
    says = isinstance(fault, (OSError, duckdb.Error, sqlite3.Error, pl.exceptions.PolarsError))
    place = Path(os.environ.get("DATA_DIR") or DEFAULTS["DATA_DIR"])
    # SQLite has other words for it too: its journal has no room, so the database cannot be opened.
    unsaid = isinstance(fault, sqlite3.OperationalError) and free(place) < NEARLY_FULL
    if number not in _FULL and not (says and _SAYS_FULL.search(str(fault))) and not unsaid:
        return None
    return Fault(
        f"the disk is full: {free(place) / 1e6:.1f} MB are free in {place}; make room there, or set DATA_DIR to a "
        f"larger disk, and then: {make('run')}"
    )


def _lock(fault: BaseException) -> Fault | None:
    if not isinstance(fault, (duckdb.Error, sqlite3.Error)) or not _LOCKED.search(str(fault)):
        return None
    return Fault(
        in_use("the working database" if isinstance(fault, duckdb.Error) else "Dagster's history", fault), passes=True
    )


def _rights(fault: BaseException) -> Fault | None:
    if not isinstance(fault, OSError) or fault.errno not in _DENIED:
        return None
    why = os.strerror(fault.errno)
    return Fault(f"{_shown(fault)} may not be read or written ({why}); give this user the right to, and try again")


def _memory(fault: BaseException) -> Fault | None:
    if not isinstance(fault, (MemoryError, duckdb.OutOfMemoryException)):
        return None
    return Fault("the memory is not enough; end other programs, or run where there is more, and try again")


def _history(fault: BaseException) -> Fault | None:
    """Dagster's own databases: a history of runs, which may go without loss."""
    kind = f"{type(fault).__module__}.{type(fault).__name__}"
    if not kind.startswith(_HISTORY):
        return None
    place = Path(os.environ.get("DATA_DIR") or DEFAULTS["DATA_DIR"]) / "dagster"
    return Fault(
        f"Dagster's history in {place} cannot be read or written ({kind}); mend that, or move the folder away: it "
        "tells of former runs, and nothing of the warehouse is in it"
    )


def _shown(fault: OSError) -> str:
    """A file by its last folder and its name."""
    if not fault.filename:
        return "a file"
    path = Path(os.fsdecode(fault.filename))
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name


def _passes(fault: OSError) -> bool:
    return fault.errno in _PASSING


def _place(fault: BaseException) -> str | None:
    """Where in our own code an error came up."""
    ours = [
        f"{Path(frame.filename).parent.name}/{Path(frame.filename).name}, line {frame.lineno}"
        for frame in traceback.extract_tb(fault.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    return ours[-1] if ours else None


def _broken(fault: SchemaErrors | SchemaError) -> str:
    cases = getattr(fault, "failure_cases", None)
    if not isinstance(cases, pl.DataFrame) or "check" not in cases.columns:
        return "see its checks"
    counted = cases.group_by("column", "check").len().sort("column", "check")
    return "; ".join(f"{column}: {check} ({count} rows)" for column, check, count in counted.iter_rows())
