"""Rows of a large table on their way, in groups: they wait on disk, as all together would take too much memory."""

import datetime as dt
import shutil
from collections.abc import Collection
from typing import Generic, TypeVar

import polars as pl

from warehouse.folders import PRIVATE_FILE, PRIVATE_FOLDER, Folders

HELD = 1 << 18
"""So many rows are held before they are written: of few at a time each group would be many small files."""
_NONE = "none"
Group = TypeVar("Group", dt.date | None, int)


class Spill(Generic[Group]):
    """The rows that were added, by what they have in the column `by`; so few that they are held are never written.

    What a killed run left of them is taken away first.
    """

    def __init__(self, folders: Folders, name: str, by: str) -> None:
        self._folder, self._by = folders.staged / f"{name}.spill", by
        self.clear()
        self._number = 0
        self.heights: dict[Group, int] = {}
        """So many rows each group has."""

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows."""
        if rows.is_empty():
            return
        self._held.append(rows)
        for group, height in rows[self._by].value_counts().iter_rows():
            self.heights[group] = self.heights.get(group, 0) + height
        if sum(each.height for each in self._held) >= HELD:
            self._write()

    def groups(self) -> list[Group]:
        """The groups that have rows, in order; what has none of these values is the last."""
        return sorted(self.heights, key=lambda group: (group is None, group))

    def of(self, groups: Collection[Group], columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of some groups, those of one in the order in which they came; no columns where there is none."""
        found = list[pl.DataFrame]()
        if self._number:
            self._write()
            for group in groups:
                folder = self._folder / _name(group)
                files = folder.iterdir() if folder.is_dir() else ()
                found += [pl.read_ipc(path, columns=columns) for path in sorted(files, key=lambda each: int(each.stem))]
        for rows in self._held:
            asked = rows if columns is None else rows.select(columns)
            if set(self.heights) <= set(groups):
                found.append(asked)
            else:
                found.append(asked.filter(rows[self._by].is_in([*groups], nulls_equal=True)))
        return pl.concat(found) if found else pl.DataFrame()

    def clear(self) -> None:
        """Give up all of them."""
        self._held: list[pl.DataFrame] = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self) -> None:
        groups: dict[Group, list[pl.DataFrame]] = {}
        for rows in self._held:
            for group, of_group in self._parted(rows):
                groups.setdefault(group, []).append(of_group)
        self._held.clear()
        if groups:
            self._folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        for group, parts in groups.items():
            folder = self._folder / _name(group)
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            path = folder / f"{self._number}.arrow"
            path.touch(mode=PRIVATE_FILE)
            # In the newest layout each file would have the text of all groups. Packed, they take a third of the room.
            pl.concat(parts).write_ipc(path, compression="lz4", compat_level=pl.CompatLevel.oldest())
        self._number += 1

    def _parted(self, rows: pl.DataFrame) -> list[tuple[Group, pl.DataFrame]]:
        first = rows[self._by][0]
        if rows[self._by].eq_missing(first).all():  # often; to part them takes as long as to write them
            return [(first, rows)]
        return [(group, of_group) for (group,), of_group in rows.partition_by(self._by, as_dict=True).items()]


def clear_spills(folders: Folders, table: str) -> None:
    """Take away what killed runs left of a table, whatever raw tables it was made from then."""
    for left in folders.staged.glob(f"{table}.*spill"):
        shutil.rmtree(left, ignore_errors=True)


def _name(group: dt.date | int | None) -> str:
    return _NONE if group is None else str(group)
