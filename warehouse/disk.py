"""How much room there is, and how much a run may need."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from warehouse.folders import Folders

TIMES = 5
"""Free disk should be so many times the exports' size: landed copy, staged tables, working and published files."""
AT_LEAST = 200_000_000
"""Bytes that a run may need however small the exports are: Dagster's history, and files that are written anew whole."""


@dataclass(frozen=True)
class Room:
    """Bytes that are free, and bytes that the next run may need."""

    place: Path
    free: int
    wanted: int

    @property
    def is_enough(self) -> bool:
        """Whether the next run can be expected to end well."""
        return self.free >= self.wanted

    def told(self) -> str:
        """The same for a person."""
        words = f"{_size(self.free)} free in {self.place}, {_size(self.wanted)} wanted"
        return words if self.is_enough else f"{words}; make room there, or set DATA_DIR to a larger disk"


def room(folders: Folders, exported: int) -> Room:
    """Room for the next run, if the exports are so many bytes.

    The working database may be written anew whole, and is copied to be published.
    """
    working = folders.working_database
    kept = working.stat().st_size if working.exists() else 0
    return Room(folders.root, free(folders.root), max(AT_LEAST, TIMES * exported, 2 * kept + exported))


def free(place: Path) -> int:
    """Bytes that are free on the disk of a folder, which need not be there yet."""
    there = next((folder for folder in (place, *place.absolute().parents) if folder.exists()), Path())
    return shutil.disk_usage(there).free


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
