"""Published versions: a folder for each, the stable names that point into one, and which of them may go.

`published/versions/000001/` holds `customer_success.duckdb` and `parquet/`. The file's own name never carries a
version, as DuckDB from 1.5 on names the catalogue after it. Links of these names stand beside
`versions/`: what readers open.
"""

import datetime as dt
import os
import re
import shutil
from pathlib import Path

from warehouse.errors import WarehouseError
from warehouse.folders import Folders

FILE, PARQUET = "customer_success.duckdb", "parquet"
STILL_OPENING = dt.timedelta(minutes=10)
"""A reader resolves the stable name and opens the file a moment later: so long it stays when readers get another."""
_NUMBER = re.compile(r"\d{6,}")
_FLAT = re.compile(r"customer_success-(\d{6})\.duckdb")


def home(folders: Folders) -> Path:
    """Where the versions are."""
    return folders.published / "versions"


def versions(folders: Folders) -> dict[int, Path]:
    """The database files by version, oldest first; a folder without one is no version of ours."""
    found = {int(folder.name): folder / FILE for folder in _numbered(folders) if (folder / FILE).is_file()}
    return dict(sorted(found.items()))


def next_version(folders: Folders, known: int) -> int:
    """A number that no version has had; `known` is the last on record, as versions may be gone."""
    return max([known, *(int(folder.name) for folder in _numbered(folders))]) + 1


def _numbered(folders: Folders) -> list[Path]:
    return [path for path in home(folders).glob("[0-9]*") if _NUMBER.fullmatch(path.name)]


def current_version(folders: Folders) -> int | None:
    """The version readers get."""
    link = folders.published_database
    target = link.readlink() if link.is_symlink() else Path()
    version = target.parent.name if target.name == FILE else ""
    return int(version) if _NUMBER.fullmatch(version) and link.exists() else None


def is_linked(folders: Folders) -> bool:
    """Whether both stable names lead into the version that readers get."""
    links = (folders.published / PARQUET, folders.published_database)
    return all(link.is_symlink() for link in links) and len({link.readlink().parent for link in links}) == 1


def swap(folders: Folders, version: int) -> None:
    """The stable names point at the version, at once; the database last, as it is what readers wait for."""
    folder, before = home(folders) / f"{version:06d}", current_version(folders)
    if before is not None:
        os.utime(home(folders) / f"{before:06d}")  # until when readers got it
    for name in (PARQUET, FILE):
        swap_link(folders.published / name, str((folder / name).relative_to(folders.published)))


def swap_link(link: Path, target: str) -> None:
    """Point a link at another target in one step."""
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)


def sync(path: Path) -> None:
    """What was written is on the disk."""
    with path.open("rb") as written:
        os.fsync(written.fileno())


def rollback(folders: Folders) -> int:
    """Give readers the version before the present one; its number.

    Raises:
        WarehouseError: there is none.
    """
    now = current_version(folders)
    before = [version for version in versions(folders) if now is not None and version < now]
    if not before:
        raise WarehouseError("there is no version before the published one")
    _rolled_back(folders).write_text(str(before[-1]))
    swap(folders, before[-1])
    return before[-1]


def forget_rollback(folders: Folders) -> None:
    """From now on the newest version is what readers should have."""
    _rolled_back(folders).unlink(missing_ok=True)


def _rolled_back(folders: Folders) -> Path:
    """Holds the number of the version that readers were given back."""
    return folders.published / ".rolled_back"


def given_back(folders: Folders) -> int | None:
    """The version that `rollback` gave readers, as long as nothing was published since."""
    told = _rolled_back(folders).read_text().strip() if _rolled_back(folders).exists() else ""
    return int(told) if told.isdigit() and int(told) in versions(folders) else None


def remove_old(folders: Folders, keep: int, now: dt.datetime | None = None) -> None:
    """Delete all but the last `keep` versions, and none that somebody may still be opening.

    The time of a version's folder is that until which readers were given it.
    """
    for left in home(folders).glob(".*.gone"):
        shutil.rmtree(left, ignore_errors=True)
    found = list(versions(folders))
    until = _opened_before(now)
    for version in found[:-keep]:
        folder = home(folders) / f"{version:06d}"
        if version != current_version(folders) and folder.stat().st_mtime <= until:
            # What is broken off in the middle of a removal must not be taken for a version.
            gone = folder.rename(folder.with_name(f".{folder.name}.gone"))
            shutil.rmtree(gone, ignore_errors=True)


def _opened_before(now: dt.datetime | None) -> float:
    """Who resolved the stable name before this time has opened the file by now."""
    return ((now or dt.datetime.now(dt.UTC)) - STILL_OPENING).timestamp()


def adopt_flat_versions(folders: Folders, now: dt.datetime | None = None) -> None:
    """Versions as they were laid out once, `customer_success-000001.duckdb` beside `parquet-000001`, become folders.

    The files stay under their old names too until nobody can be opening them by these.
    """
    flat = {int(m[1]): path for path in folders.published.glob("*.duckdb") if (m := _FLAT.fullmatch(path.name))}
    link = folders.published_database
    shown = _FLAT.fullmatch(link.readlink().name) if link.is_symlink() else None
    for version, path in flat.items():
        folder, parquet = home(folders) / f"{version:06d}", folders.published / f"parquet-{version:06d}"
        if not (folder / FILE).exists():
            folder.mkdir(parents=True, exist_ok=True)
            if parquet.is_dir():
                parquet.rename(folder / PARQUET)
            (folder / FILE).hardlink_to(path)
        elif path.samefile(folder / FILE) and path.stat().st_ctime <= _opened_before(now):
            path.unlink()
    if shown and int(shown[1]) in versions(folders):
        swap(folders, int(shown[1]))
