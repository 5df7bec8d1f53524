"""Who may read what below DATA_DIR: everything but what is published is for its owner only."""

import stat
from collections.abc import Iterator
from pathlib import Path

from warehouse.folders import PRIVATE_FILE, PRIVATE_FOLDER, Folders

OTHERS = 0o077
"""The rights of everybody but the owner."""


def loosened(folders: Folders) -> list[Path]:
    """What others may read though it holds rows, keys or persons."""
    return [path for path in _private(folders) if stat.S_IMODE(path.stat().st_mode) & OTHERS]


def tighten(folders: Folders) -> list[str]:
    """Make private again what is not; the names of what was loosened."""
    found = loosened(folders)
    for path in found:
        path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE)
    return [str(path.relative_to(folders.root)) for path in found]


def _private(folders: Folders) -> Iterator[Path]:
    yield from folders.root.glob(f"{folders.working_database.name}*")
    if folders.person_key.exists():
        yield folders.person_key
    for room in ("landed", "staged", "quarantine", "events", "rebuild", "dagster"):
        if (folders.root / room).is_dir():
            yield folders.root / room
    for room in ("landed", "staged", "quarantine", "events"):
        yield from (folders.root / room).rglob("*")
