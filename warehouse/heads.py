"""Several rows above the rows of a CSV file, which together name its columns."""

import codecs
import csv
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from schemas.form import Formats, Heads, Places
from warehouse.blocks import opened
from warehouse.errors import ExportError

OF_UTC = frozenset({"Z", "UTC", "Etc/UTC", "GMT"})
"""Names of one zone."""
ELEMENT = {"question": pl.String(), "value": pl.String()}


def in_one_line(name: str) -> str:
    """A name whose blanks and line ends are single blanks."""
    return " ".join(name.split())


def names_of(
    tops: Sequence[Sequence[str]], file: str, heads: Heads, formats: Formats, needed: Collection[str]
) -> list[str]:
    """What each column is called: of its names one that is `needed`, else the first.

    Raises:
        ExportError: a row is none of a header, so that it may be somebody's answers; or the times are of another zone
            than the config says.
    """
    first, *others = [[in_one_line(cell) for cell in row] for row in tops]
    if len(first) < 2:  # nothing to tell, or values parted by another sign
        return first
    for number, row in enumerate(others, start=2):
        if len(row) != len(first):
            raise _no_head(file, number, heads, f"{len(first)} values")
    if heads.spreads:
        return _spread(first, others[0], file, heads)
    if heads.key:
        others[-1] = _under_key(others[-1], file, heads, formats)
    return [next((name for name in names if name in needed), names[0]) for names in zip(first, *others, strict=True)]


def _spread(titles: Sequence[str], parts: Sequence[str], file: str, heads: Heads) -> list[str]:
    """A title that stands over one column names it; of several each is also called by its part."""
    if parts[0]:
        raise _no_head(file, 2, heads, f"nothing below {titles[0]}")
    names = list[str]()
    for place, (title, part) in enumerate(zip(titles, parts, strict=True)):
        over = title or next((each for each in reversed(titles[:place]) if each), "")
        is_alone = bool(title) and (place + 1 == len(titles) or bool(titles[place + 1]))
        names.append(over if is_alone else f"{over} [{part}]")
    return names


def _under_key(cells: Sequence[str], file: str, heads: Heads, formats: Formats) -> list[str]:
    names = list[str]()
    for cell in cells:
        try:
            told = json.loads(cell)
        except ValueError:
            told = None
        if not isinstance(told, dict) or not isinstance(told.get(heads.key), str):
            raise _no_head(file, heads.rows, heads, f"JSON with {heads.key}")
        _check_zone(told.get(heads.zone), file, formats)
        names.append(in_one_line(told[heads.key]))
    return names


def _check_zone(zone: object, file: str, formats: Formats) -> None:
    """Raise ExportError if a header says that times are of another zone than that in which they would be read."""
    if not isinstance(zone, str) or zone == formats.time_zone or {zone, formats.time_zone} <= OF_UTC:
        return
    said = f"say `time_zone: {zone}` for this source" if zone not in OF_UTC else "take `time_zone` from this source"
    raise ExportError(f"{file}: its header says that its times are of {zone}, not of {formats.time_zone}; {said}")


def _no_head(file: str, number: int, heads: Heads, expected: str) -> ExportError:
    return ExportError(
        f"{file}: expected a header of {heads.rows} rows, and in row {number} of it {expected}; export it anew, and "
        "take no row away"
    )


def has_rows_below(path: Path, heads: Heads) -> bool:
    """Whether a CSV file has more rows than those that name its columns."""
    with opened(path, path.name) as content:
        rows = csv.reader(codecs.iterdecode(content, "utf-8", "replace"))
        return any(number > heads.rows for number, _ in enumerate(filter(None, rows), start=1))


def gathered(frame: pl.DataFrame, places: Places) -> pl.DataFrame:
    """The frame with the list of rows whose elements stand each in a column of its own, if they do.

    What stands in several columns of one title is one value, a line for each that has something.
    """
    if places.elements is None:
        return frame
    told = [
        pl.struct(question=pl.lit(name), value=_joined(columns))
        for name in places.elements
        if (columns := _of_title(name, frame.columns))
    ]
    nothing = pl.lit(None, pl.List(pl.Struct(ELEMENT)))
    return frame.with_columns((pl.concat_list(told) if told else nothing).alias(places.rows[-1]))


def _of_title(title: str, columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name == title or name.startswith(f"{title} [")]


def _joined(columns: Sequence[str]) -> pl.Expr:
    text = pl.concat_str([pl.col(name) for name in columns], separator="\n", ignore_nulls=True)
    return pl.when(text != "").then(text)
