"""Reading a file strictly: every value is spelled as its form says, or its row is rejected with line and column."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract import Column, Contract
from schemas.customers import Export
from schemas.form import Formats
from warehouse.csv_file import Found, read_csv
from warehouse.errors import ExportError
from warehouse.first_look import PARQUET, look
from warehouse.header import check_header, told

YEARS = (1900, 2199)
"""Years of an instant: what vendors write for none is in year 1 or 9999, and has no day in every time zone."""
PIECE = 1 << 17
"""So many rows of a Parquet file are read at a time."""
EXACT: dict[pl.DataType | type[pl.DataType], int] = {pl.Float64(): 2**53, pl.Float32(): 2**24}
"""From here on floating-point numbers leave whole numbers out."""
PROVENANCE = tuple(Export.dtypes())
REJECTS = {"export_file": pl.String, "export_line": pl.Int64, "column_name": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class FileRows:
    """What a file holds: good rows (typed), rejects (one row a reason) with the text of their rows, and its columns."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    text: pl.DataFrame
    columns: frozenset[str]
    rows_read: int
    """Rows in the file."""


def read_export(
    path: Path,
    file: str,
    source: str,
    exported_at: dt.datetime,
    contract: type[Contract],
    formats: Formats,
    *,
    exact: bool,
) -> FileRows:
    """Read a CSV or Parquet file as rows of the contract; `file` is its name in messages and in provenance.

    Raises:
        ExportError: the file is empty, unreadable, not in the form's encoding or dialect, lacks a needed column, or
            (`exact`) has a column the contract does not know.
    """
    if path.stat().st_size == 0:
        raise ExportError(f"{file}: the file is empty; expected a header with {_names(contract)}")
    look(path, file, formats.separator)
    declared = {field.name: field for field in contract.fields() if field.name not in PROVENANCE}
    good, rejects, texts, rows_read, present = [], [], [], 0, frozenset[str]()
    for number, found in enumerate(_pieces(path, file, contract, formats)):
        if number == 0:
            check_header(file, found.header, declared, contract, exact=exact)
            present = frozenset(found.header) & declared.keys()
        right, wrong = _parted(found, [declared[name] for name in declared if name in present], formats)
        good.append(right)
        rejects.append(wrong)
        texts.append(_at(found.text, wrong["export_line"]))
        rows_read += found.text.height
    rows = pl.concat(good, rechunk=True).with_columns(
        export_source=pl.lit(source), export_file=pl.lit(file), exported_at=pl.lit(exported_at).cast(pl.Datetime("us"))
    )
    told = pl.concat(rejects).select(pl.lit(file).alias("export_file"), "export_line", "column_name", "reason")
    return FileRows(contract.shaped(rows), told.cast(REJECTS), pl.concat(texts), present, rows_read)  # type: ignore[arg-type]


def texts_at(path: Path, file: str, contract: type[Contract], formats: Formats, lines: pl.Series) -> pl.DataFrame:
    """The text of the rows that start on these lines, of a file that was read before."""
    return pl.concat(_at(found.text, lines) for found in _pieces(path, file, contract, formats))


def _at(text: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    return text.filter(pl.col("export_line").is_in(lines.unique().implode())) if lines.len() else text.head(0)


def _pieces(path: Path, file: str, contract: type[Contract], formats: Formats) -> Iterator[Found]:
    """The file in pieces, so that the text of no more than one of them is in memory; the first one has no rows."""
    with path.open("rb") as opened:
        is_parquet = opened.read(4) == PARQUET
    if is_parquet:
        return _read_parquet(path, file, contract, formats)
    return read_csv(path, file, contract, formats, PROVENANCE)


def _parted(found: Found, fields: list[Column], formats: Formats) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a piece in which every value is spelled as it should be, typed, and the rejects."""
    text = found.text
    typed = text.select("export_line", *(_typed(found, field, formats).alias(field.name) for field in fields))
    faults = {field.name: pl.col(field.name).is_not_null() & typed[field.name].is_null() for field in fields}
    # One query looks at all columns: most files have no value that cannot be read.
    found_in = text.select(fault.any().alias(name) for name, fault in faults.items()).row(0) if faults else ()
    wrong = [
        text.filter(faults[field.name]).select(
            "export_line",
            column_name=pl.lit(field.name),
            reason=pl.lit(f"expected {_spelling(field, formats)}"),
        )
        for field, is_wrong in zip(fields, found_in, strict=True)
        if is_wrong
    ]
    rejects = pl.concat([found.ragged, *wrong])
    lines = rejects["export_line"].unique()
    good = typed.filter(~pl.col("export_line").is_in(lines.implode())) if lines.len() else typed
    return good, rejects


def has_rows(path: Path) -> bool:
    """Whether a file holds more than a header."""
    with path.open("rb") as opened:
        if opened.read(4) != PARQUET:
            opened.seek(0)
            return len(list(islice((line for line in opened if line.strip()), 2))) > 1
    return bool(pq.read_metadata(path).num_rows)


def _names(contract: type[Contract]) -> str:
    return ", ".join(field.name for field in contract.fields() if field.name not in PROVENANCE and not field.optional)


def _typed(found: Found, field: Column, formats: Formats) -> pl.Expr | pl.Series:
    if field.name in found.ready.columns and found.ready[field.name].dtype == field.dtype:
        return found.ready[field.name]
    return _parsed(field, formats)


def _read_parquet(path: Path, file: str, contract: type[Contract], formats: Formats) -> Iterator[Found]:
    """The same from Parquet: values are spelled as text once, so that one set of rules reads both."""
    before = 0
    for frame in _frames(path, file):
        spelled, ready = _spelled(frame, file, contract, formats)
        lines = pl.int_range(before + 1, before + pl.len() + 1, dtype=pl.Int64).alias("export_line")
        none = pl.DataFrame(schema={"export_line": pl.Int64, "column_name": pl.String, "reason": pl.String})
        yield Found(frame.select(lines, *spelled), none, frame.columns, frame.select(ready))
        before += frame.height


def _frames(path: Path, file: str) -> Iterator[pl.DataFrame]:
    """A Parquet file's rows in pieces, after a frame without rows."""
    try:
        # Arrow's reader, as Polars' takes flipped bits for values or brings the process down.
        with pq.ParquetFile(path, page_checksum_verification=True) as opened:
            yield pl.DataFrame(opened.schema_arrow.empty_table())
            for batch in opened.iter_batches(PIECE):
                batch.validate(full=True)
                yield pl.DataFrame(pa.Table.from_batches([batch]))
    except (Exception, pl.exceptions.PanicException) as fault:  # whatever the reader raises, the file cannot be used
        raise ExportError(f"{file}: not a readable Parquet file ({type(fault).__name__}); export it anew") from None


def _spelled(
    frame: pl.DataFrame, file: str, contract: type[Contract], formats: Formats
) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """The columns as text, and those that have a type of their own as they are.

    Raises:
        ExportError: a column holds what is no plain value, or instants without a zone.
    """
    known = contract.dtypes()
    of = partial(told, frame.columns, known=known)
    spelled, ready = [], []
    for place, (name, dtype) in enumerate(frame.schema.items()):
        if name in PROVENANCE:
            continue
        value = pl.nth(place)  # a name may be a pattern to Polars
        if isinstance(dtype, pl.Datetime):
            if dtype.time_zone is None:
                raise ExportError(f"{file}: {of([name])} holds times without a zone; expected UTC instants")
            instant = value.dt.convert_time_zone("UTC")
            ready.append(
                pl.when(instant.dt.year().is_between(*YEARS))
                .then(instant.dt.replace_time_zone(None).cast(pl.Datetime("us")))
                .alias(name)
            )
            value = instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
        elif dtype == pl.Date:
            value = value.dt.strftime(formats.date)
        elif dtype.is_float():
            ready.append(pl.when(value.is_finite()).then(value).cast(pl.Float64).alias(name))
            value = _whole_where_it_is(frame, place, file, is_text=known.get(name) == pl.String)
        elif dtype == pl.Boolean:
            value = pl.when(value).then(pl.lit(formats.true)).when(~value).then(pl.lit(formats.false))
        elif dtype.is_nested() or dtype == pl.Binary:
            raise ExportError(f"{file}: {of([name])} holds {dtype}; expected plain values")
        spelled.append(value.cast(pl.String).replace("", None).alias(name))
    return spelled, ready


def _in_digits(number: pl.Expr) -> pl.Expr:
    """Floats as text without an exponent: what is small is as exact as what is not."""
    text = number.cast(pl.String)
    spelled = text.map_elements(lambda short: format(Decimal(short), "f"), return_dtype=pl.String)
    return pl.when(text.str.contains("e")).then(spelled).otherwise(text)


def _whole_where_it_is(frame: pl.DataFrame, place: int, file: str, *, is_text: bool) -> pl.Expr:
    """Floating-point numbers as text: 7.0 is 7, as many tools make a column of whole numbers with gaps one of floats.

    Raises:
        ExportError: of numbers that are names (`is_text`) the last digits are lost.
    """
    name, value = frame.columns[place], pl.nth(place)
    exact = EXACT[frame.schema[name]]
    if is_text and frame.select((value.is_finite() & (value.abs() >= exact)).any()).item():
        raise ExportError(
            f"{file}: {name} holds floating-point numbers of more digits than these keep; export it as text or as "
            "whole numbers"
        )
    is_whole = value.is_finite() & (value == value.floor()) & (value.abs() < exact)
    whole = pl.when(is_whole).then(value).cast(pl.Int64).cast(pl.String)
    spelled = pl.coalesce(whole, _in_digits(value))
    return pl.when(~value.is_nan()).then(spelled) if is_text else spelled


def _parsed(field: Column, formats: Formats) -> pl.Expr:
    """The text as the column's type; NULL where it is not spelled so."""
    text, dtype = pl.col(field.name), field.dtype
    if dtype == pl.Date:
        day = text.str.to_date(formats.date, strict=False)
        return pl.when(text.str.contains(_shape(formats.date)) & (day.dt.year() >= 1)).then(day)
    if isinstance(dtype, pl.Datetime):
        zoned = text.str.replace(r"Z$", "+00:00")
        tries = []
        for spelling in formats.instants:
            instant = zoned.str.to_datetime(spelling, time_unit="us", strict=False)
            utc = instant.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if "%:z" in spelling else instant
            tries.append(pl.when(text.str.contains(_shape(spelling)) & utc.dt.year().is_between(*YEARS)).then(utc))
        return pl.coalesce(tries)
    if dtype == pl.Boolean:
        return pl.when(text == formats.true).then(statement=True).when(text == formats.false).then(statement=False)
    if dtype.is_integer():
        return pl.when(text.str.contains(r"^-?\d{1,18}$")).then(text).cast(dtype, strict=False)
    if isinstance(dtype, pl.Decimal):
        # Rounded to the type's decimals.
        return pl.when(text.str.contains(r"^-?\d{1,18}(\.\d+)?$")).then(text).cast(dtype, strict=False)
    if dtype.is_float():
        return pl.when(text.str.contains(r"^-?\d{1,15}(\.\d+)?$")).then(text).cast(dtype, strict=False)
    return text


_DIGITS = {"%Y": r"\d{4}", "%.f": r"(\.\d{1,9})?", "%:z": r"([+-]\d{2}:\d{2}|Z)"}


def _shape(spelling: str) -> str:
    """The exact shape of a spelled time as a regular expression: the parser forgives 2025-1-5 and blanks."""
    pieces = re.split(r"(%\.f|%:z|%[a-zA-Z])", spelling)
    return "^" + "".join(_DIGITS.get(p, r"\d{2}") if p.startswith("%") else re.escape(p) for p in pieces) + "$"


def _spelling(field: Column, formats: Formats) -> str:
    dtype = field.dtype
    if dtype == pl.Date:
        return f"a date spelled {formats.date}"
    if isinstance(dtype, pl.Datetime):
        return f"a time spelled {' or '.join(formats.instants)}, in the years {YEARS[0]} to {YEARS[1]}"
    if dtype == pl.Boolean:
        return f"{formats.true} or {formats.false}"
    if dtype.is_integer():
        return "a whole number"
    return "a number with a point"
