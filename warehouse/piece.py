"""A piece of a file: so much of it is in memory as text."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def of_header(header: Sequence[str]) -> Piece:
    """What stands before all rows."""
    return Piece(pl.DataFrame(schema={"export_line": pl.Int64}), ragged(), header, pl.DataFrame())


def ragged(faults: Sequence[tuple[int, str]] = ()) -> pl.DataFrame:
    """Rejects of whole rows, by their lines."""
    told = pl.DataFrame(list(faults), schema={"export_line": pl.Int64, "reason": pl.String}, orient="row")
    return told.select("export_line", column_name=pl.lit(None, pl.String), reason="reason")
