"""Rows of a large table on their way to its months: they wait on disk, as all together would take too much memory."""

import datetime as dt
import shutil

import polars as pl

from warehouse.folders import PRIVATE_FILE, PRIVATE_FOLDER, Folders

MONTH = "month?"
"""No name of a column, which may be any word."""
HELD = 1 << 18
"""So many rows are held before they are written: of few at a time each month would be many small files."""
_UNDATED = "undated"


class Spill:
    """The rows that were added, by month; what a killed run left of them is taken away first."""

    def __init__(self, folders: Folders, table: str) -> None:
        self._folder = folders.staged / f"{table}.spill"
        self.clear()
        self._held: list[pl.DataFrame] = []
        self._number = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows, each with its month (MONTH; NULL where nothing dates it)."""
        if rows.height:
            self._held.append(rows)
        if sum(each.height for each in self._held) >= HELD:
            self._write()

    def months(self) -> list[dt.date | None]:
        """The months that have rows."""
        self._write()
        names = sorted(folder.name for folder in self._folder.iterdir()) if self._folder.is_dir() else []
        return [None if name == _UNDATED else dt.date.fromisoformat(name) for name in names]

    def of(self, month: dt.date | None, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of a month, in the order in which they came."""
        files = sorted((self._folder / _name(month)).iterdir(), key=lambda path: int(path.stem))
        return pl.concat([pl.read_ipc(path, columns=columns) for path in files])

    def clear(self) -> None:
        """Give up all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self) -> None:
        if not self._held:
            return
        months: dict[dt.date | None, list[pl.DataFrame]] = {}
        for rows in self._held:
            for month, of_month in _by_month(rows):
                months.setdefault(month, []).append(of_month)
        self._held.clear()
        self._folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        for month, parts in months.items():
            folder = self._folder / _name(month)
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            path = folder / f"{self._number}.arrow"
            path.touch(mode=PRIVATE_FILE)
            # In the newest layout each file would have the text of all months.
            pl.concat(parts).write_ipc(path, compat_level=pl.CompatLevel.oldest())
        self._number += 1


def _by_month(rows: pl.DataFrame) -> list[tuple[dt.date | None, pl.DataFrame]]:
    if (rows[MONTH] == rows[MONTH][0]).all():  # mostly; to part them takes as long as to write them
        return [(rows[MONTH][0], rows)]
    return [(month, of_month) for (month,), of_month in rows.partition_by(MONTH, as_dict=True).items()]


def _name(month: dt.date | None) -> str:
    return month.isoformat() if month else _UNDATED
