"""What snapshots of the present are folded from and into."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Snapshot:
    """An export of the present: its rows, and the last complete day before it, the day that it speaks for."""

    speaks_for: dt.date
    series: str
    """The exports of which the newest shows all there is: those of one file name, whatever day is in it."""
    rows: pl.DataFrame
    rejected: pl.DataFrame | None
    """The keys of its rejected rows, which are not left out; None where nobody can tell them all."""
    torn: pl.DataFrame | None = None
    """The keys of rows that stand in one record with rejected ones."""


@dataclass(frozen=True)
class Folded:
    """What snapshots make together: the versions, the keys of all rows shown, and those that each series shows last."""

    history: pl.DataFrame
    known: pl.DataFrame
    shown: Mapping[str, pl.DataFrame]
    torn: pl.DataFrame
    """Of the rows shown last the keys of those that stood beside rejected ones."""
    until: dt.date | None = None
    """The day that the last of them speaks for."""

    @property
    def left_out(self) -> pl.DataFrame:
        """The keys of rows that the newest snapshot of no series shows any more."""
        return self.known.join(self.shown_last, on=self.known.columns, how="anti", maintain_order="left")

    @property
    def shown_last(self) -> pl.DataFrame:
        """The keys of rows that the newest snapshot of some series shows."""
        return pl.concat([self.known.clear(), *self.shown.values()]).unique(maintain_order=True)


def unfolded(history: pl.DataFrame, key: list[str]) -> Folded:
    """Versions that no snapshot has shown yet."""
    nothing = history.select(key).clear()
    return Folded(history, nothing, {}, nothing)


@dataclass(frozen=True)
class Versioning:
    """How a table's versions are told apart: the key of what has them, the column that dates them, their beginning."""

    key: list[str]
    since: str
    begins: str
    shares_life: bool = False
    """Whether a row tells of its start and end only those of what it is part of: all of the key but its last column."""
    tells_whole: bool = False
    """Whether an export that shows some parts of a whole shows all of them."""

    @property
    def whole(self) -> list[str]:
        """The key of what a thing is part of."""
        return self.key[:-1]
