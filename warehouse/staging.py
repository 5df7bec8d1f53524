"""Staged tables: the canonical tables, validated and clean, as Parquet files only runs read."""

import datetime as dt
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypedDict

import polars as pl

from schemas.contract import Contract
from schemas.tables import CANONICAL
from warehouse.errors import DamagedError
from warehouse.folders import PRIVATE_FILE, PRIVATE_FOLDER, Folders
from warehouse.landing import sha256_of
from warehouse.lineage import digest, row_hash
from warehouse.pasted import make

MONTHS = "months.json"
"""The list of a table that is staged by month: of each month how many rows, a hash of them, and its file's SHA-256."""
UNDATED = "undated"
"""The month of rows that nothing dates."""
FIRSTS = "firsts"
"""Beside the months, of a large table: the rows among which the first of each kind is found as among all."""


@dataclass(frozen=True)
class Share:
    """One of `of` shares of the accounts, about as many in each: the rows of an account are in one of them."""

    number: int
    of: int

    def has(self) -> pl.Expr:
        """Whether a row's account is in the share."""
        return pl.col("account_id").hash() % self.of == self.number


class _Listed(TypedDict):
    rows: int
    content: str
    sha256: str


def staged_path(folders: Folders, table: str) -> Path:
    """The file of a staged table; of one that is staged by month, its list."""
    by_month = folders.staged / table / MONTHS
    never = table in CANONICAL and not CANONICAL[table].by_month()
    return by_month if by_month.parent.is_dir() and not never else folders.staged / f"{table}.parquet"


def write_staged(folders: Folders, table: str, frame: pl.DataFrame) -> str:
    """Replace a staged table; the SHA-256 of its file."""
    return _replace(folders.staged / f"{table}.parquet", _as_parquet(frame))


def write_staged_months(
    folders: Folders,
    table: str,
    months: Iterable[tuple[dt.date | None, pl.DataFrame]],
    in_order: Callable[[pl.DataFrame], pl.DataFrame],
    former: str | None = None,
    firsts: Callable[[], pl.DataFrame] | None = None,
) -> str:
    """Replace a table that is staged by month: each with its rows (None: those that nothing dates). Its list's SHA-256.

    The rows of a file that is written are put `in_order`. Only files of months whose rows are others than in the list
    of the SHA-256 `former` are written. `firsts`, asked for at the end, are written beside them. A kill in between
    leaves files that their list does not know, and so a table that is not what was staged.
    """
    folder = folders.staged / table
    if not folder.is_dir():
        folder.unlink(missing_ok=True)
        folder.mkdir(mode=PRIVATE_FOLDER)
    is_known = (folder / MONTHS).is_file() and sha256_of(folder / MONTHS) == former
    before, written = _list(folder) if is_known else {}, dict[str, _Listed]()
    named = ((month.isoformat()[:7] if month else UNDATED, rows) for month, rows in months)
    for name, rows in chain(named, ((FIRSTS, each()) for each in (firsts,) if each)):
        content = _content(rows)
        known = before.get(name)
        if known is None or known["content"] != content or not _is_whole(folder, name, known):
            sha256 = _replace(folder / f"{name}.parquet", _as_parquet(in_order(rows)))
            known = {"rows": rows.height, "content": content, "sha256": sha256}
        written[name] = known
    told = json.dumps(written, indent=0, sort_keys=True)
    sha256 = _replace(folder / MONTHS, told.encode())
    for path in folder.iterdir():
        if path.name != MONTHS and path.name.removesuffix(".parquet") not in written:
            _clear(path)
    (folders.staged / f"{table}.parquet").unlink(missing_ok=True)
    return sha256


def _content(rows: pl.DataFrame) -> str:
    """A hash of the rows, in whatever order they come; to write them and hash the file takes five times longer."""
    columns = [(name, str(dtype)) for name, dtype in rows.schema.items()]
    return digest(columns, rows.select(row_hash(rows.columns).sum()).item(), rows.height)


def _as_parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def _replace(path: Path, content: bytes) -> str:
    """Put a private file in the place of what was there; whoever reads sees the old one or the new. Its SHA-256."""
    part = path.with_suffix(".part")
    _clear(part)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE), "wb") as file:
        file.write(content)
    if path.is_dir():
        _clear(path)
    part.replace(path)
    return hashlib.sha256(content).hexdigest()


def _clear(path: Path) -> None:
    """Take away whatever lies there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _list(folder: Path) -> dict[str, _Listed]:
    """What the list of a table that is staged by month says; nothing where it is gone or is no such list."""
    try:
        told = json.loads((folder / MONTHS).read_text(encoding="utf-8"))
        return {name: _Listed(rows=of["rows"], content=of["content"], sha256=of["sha256"]) for name, of in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_whole(folder: Path, name: str, listed: _Listed) -> bool:
    path = folder / f"{name}.parquet"
    return path.is_file() and sha256_of(path) == listed["sha256"]


def wrong_staged(folders: Folders, table: str, sha256: str) -> list[str]:
    """Names of a table's staged files that are gone, or not what was written: another table's, cut, edited."""
    path = staged_path(folders, table)
    if not path.is_file() or sha256_of(path) != sha256:
        return [str(path.relative_to(folders.staged))]
    if path.name != MONTHS:
        return []
    return [f"{table}/{n}.parquet" for n, each in _list(path.parent).items() if not _is_whole(path.parent, n, each)]


def is_staged(folders: Folders, table: str, sha256: str | None) -> bool:
    """Whether the files that were written are there, whole."""
    return sha256 is not None and not wrong_staged(folders, table, sha256)


def staged_rows(folders: Folders, table: str) -> dict[dt.date, int]:
    """Of a table that is staged by month the rows of each; of another one nothing."""
    listed = _list(folders.staged / table)
    months = {name: each["rows"] for name, each in listed.items() if name not in {UNDATED, FIRSTS}}
    return {dt.date.fromisoformat(f"{name}-01"): rows for name, rows in months.items()}


def read_staged(
    folders: Folders,
    table: str,
    contract: type[Contract],
    sha256: str,
    months: tuple[dt.date | None, dt.date] | None = None,
    share: Share | None = None,
) -> pl.DataFrame:
    """A staged table's rows, of the very files that were written; of a `share` of the accounts, or of all.

    `months`: of a table that is staged by month only those of the months from the first (None: the beginning) through
    the last; other files are not looked at.

    Raises:
        DamagedError: another file is there, or none; to read it as no rows would publish their absence.
    """
    path = staged_path(folders, table)
    _check(folders, path, sha256)
    if path.name != MONTHS:
        return contract.shaped(_rows([path], share))
    files = _checked(folders, path, lambda name: name != FIRSTS and (months is None or _is_within(name, *months)))
    # They are of one schema: a file of another one is written anew, though its rows are the same.
    return contract.shaped(_rows(files, share)) if files else contract.blank()


def read_staged_parts(folders: Folders, table: str, contract: type[Contract], sha256: str) -> Iterator[pl.DataFrame]:
    """The same, of all rows, a file at a time: of a table that is staged by month each month by itself.

    Raises:
        DamagedError: as `read_staged`.
    """
    path = staged_path(folders, table)
    _check(folders, path, sha256)
    files = _checked(folders, path, lambda name: name != FIRSTS) if path.name == MONTHS else [path]
    for file in files:
        yield contract.shaped(_rows([file], None))


def read_firsts(folders: Folders, table: str, contract: type[Contract], sha256: str) -> pl.DataFrame:
    """Of a large table the rows among which the first of each kind is found as among all.

    Raises:
        DamagedError: as `read_staged`.
    """
    path = staged_path(folders, table)
    _check(folders, path, sha256)
    if not (files := _checked(folders, path, lambda name: name == FIRSTS)):
        _check(folders, path.with_name(f"{FIRSTS}.parquet"), "")  # the list knows of none
    return contract.shaped(_rows(files, None))


def _checked(folders: Folders, path: Path, is_asked: Callable[[str], bool]) -> list[Path]:
    """The files of a table's list that are asked for by name, each as it was written."""
    files = list[Path]()
    for name, listed in sorted(_list(path.parent).items()):
        if is_asked(name):
            files.append(path.with_name(f"{name}.parquet"))
            _check(folders, files[-1], listed["sha256"])
    return files


def _rows(files: list[Path], share: Share | None) -> pl.DataFrame:
    # The rows of other accounts are left out while they are read: beside all of them a share would spare no memory.
    return pl.read_parquet(files) if share is None else pl.scan_parquet(files).filter(share.has()).collect()


def _is_within(name: str, first: dt.date | None, last: dt.date) -> bool:
    return name not in {UNDATED, FIRSTS} and (first.isoformat()[:7] if first else "") <= name <= last.isoformat()[:7]


def _check(folders: Folders, path: Path, sha256: str) -> None:
    if not path.is_file() or sha256_of(path) != sha256:
        how = "is not what was staged" if path.exists() else "is gone"
        name = path.relative_to(folders.staged)
        raise DamagedError(f"staged/{name} {how}: {make('run')} makes it again from the landed files")


def read_quarantined(folders: Folders, table: str) -> pl.DataFrame:
    """The rejected rows of a table as text, with their reasons; no columns where none was rejected."""
    path = folders.quarantine / f"{table}.csv"
    return pl.read_csv(path, infer_schema=False) if path.exists() else pl.DataFrame()


def write_quarantined(folders: Folders, table: str, rejects: pl.DataFrame, raw: pl.DataFrame) -> None:
    """Keep the raw text of rejected rows beside their reasons, private and never published."""
    path = folders.quarantine / f"{table}.csv"
    path.unlink(missing_ok=True)
    if rejects.is_empty():
        return
    path.touch(mode=PRIVATE_FILE)
    rejects.join(raw, on=["export_source", "export_file", "export_line"], how="left").write_csv(path)
