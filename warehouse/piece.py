"""A piece of a file: so much of it is in memory as text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Piece:
    """All values as text (empty is null) with the line each row starts on, and the file's header."""

    text: pl.DataFrame
    ragged: pl.DataFrame
    """What is wrong with whole rows of the piece."""
    header: Sequence[str]
    ready: pl.DataFrame
    """Columns that a Parquet file has in a type of their own, and that need no parsing."""
    read: int | None = None
    """Records that the piece has, where its rows are elements of their lists; None: a row is a record."""

    records_at: Callable[[pl.Series], pl.DataFrame] | None = None
    """Gives the whole records of some lines, where the text of their columns is not all there is."""
    there: frozenset[str] | None = None
    """Of a header that has all columns there may be, those that the file's beginning shows; None: all are there."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """What the file calls columns, where it does not call them as the contract does."""

    @property
    def records(self) -> int:
        """Records that were read."""
        return self.text.height if self.read is None else self.read


def of_header(
    header: Sequence[str], spelled: Mapping[str, str] | None = None, there: frozenset[str] | None = None
) -> Piece:
    """What stands before all rows."""
    nothing = pl.DataFrame(schema={"export_line": pl.Int64})
    return Piece(nothing, ragged(), header, pl.DataFrame(), spelled=spelled or {}, there=there)


def ragged(faults: Sequence[tuple[int, str]] = ()) -> pl.DataFrame:
    """Rejects of whole rows, by their lines."""
    told = pl.DataFrame(list(faults), schema={"export_line": pl.Int64, "reason": pl.String}, orient="row")
    return told.select("export_line", column_name=pl.lit(None, pl.String), reason="reason")
