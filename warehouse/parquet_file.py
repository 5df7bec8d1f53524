"""The rows of a Parquet file as text: each value is spelled once, so that one set of rules reads all files."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract import Contract
from schemas.form import Formats
from warehouse.errors import ExportError
from warehouse.header import check_once, told
from warehouse.piece import Piece, of_header, ragged

YEARS = (1900, 2199)
"""Years of an instant: what vendors write for none is in year 1 or 9999, and has no day in every time zone."""
PIECE = 1 << 17
"""So many rows are read at a time."""
EXACT: dict[pl.DataType | type[pl.DataType], int] = {pl.Float64(): 2**53, pl.Float32(): 2**24}
"""From here on floating-point numbers leave whole numbers out."""
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""Days of the calendar (years 1 to 9999), counted from 1970: of others libraries end in a fault of their own."""
A_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
NO_DAY = "a day that no calendar has"
"""What stands for it as text, which no form spells so."""
Column = tuple[pl.Expr, pl.Expr | None]
"""A column as text, and as it is where it has a type of its own."""


def read_parquet(
    path: Path, file: str, contract: type[Contract], formats: Formats, besides: Collection[str]
) -> Iterator[Piece]:
    """The rows of a Parquet file, piece by piece, after one of the header alone; `besides` names columns nobody reads.

    A column that no form knows is left out if its values are no plain ones.

    Raises:
        ExportError: the file cannot be read, names a column twice, or a column holds what is no plain value.
    """
    with readable(path, file) as sent:
        names = sent.schema_arrow.names
        check_once(file, names, contract, formats)
        yield of_header(names)
        places = _read(sent.schema_arrow, file, contract, besides)
        for before, batch in batches(sent):
            yield _piece(batch, places, before, file, contract, formats)


@contextmanager
def readable(path: Path, file: str) -> Iterator[pq.ParquetFile]:
    """The file, open within the block.

    Raises:
        ExportError: it cannot be read; whatever a reader raises within the block.
    """
    try:
        # Arrow's reader, as Polars' takes flipped bits for values or brings the process down.
        with pq.ParquetFile(path, page_checksum_verification=True) as sent:
            yield sent
    except (ExportError, MemoryError):
        raise
    except (Exception, pl.exceptions.PanicException) as fault:  # whatever the reader raises, the file cannot be used
        if isinstance(fault, OSError) and fault.errno:  # of the machine: of a damaged file Arrow tells no number
            raise
        raise ExportError(f"{file}: not a readable Parquet file ({type(fault).__name__}); export it anew") from None


def batches(sent: pq.ParquetFile) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows in batches, each with the number of rows before it."""
    before = 0
    for batch in sent.iter_batches(PIECE):
        batch.validate(full=True)
        yield before, batch
        before += batch.num_rows


def _read(schema: pa.Schema, file: str, contract: type[Contract], besides: Collection[str]) -> list[int]:
    """The places of the columns that are read."""
    places, known = [], contract.dtypes()
    for place, field in enumerate(schema):
        if field.name in besides:
            continue
        if _is_plain(field.type):
            places.append(place)
        elif field.name in known:
            # The kind alone: a nested one has names of its own, which may be any word.
            kind = str(field.type).partition("<")[0].partition("[")[0]
            raise ExportError(f"{file}: {told(schema.names, [field.name], known)} holds {kind}; expected plain values")
    return places


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values of the type are single words, numbers, days or instants that every library here can read."""
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    is_number = pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    is_moment = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    is_other = pa.types.is_boolean(kind) or pa.types.is_decimal128(kind) or pa.types.is_null(kind)
    return bool(is_number or is_text or is_moment or is_other)


def _piece(
    batch: pa.RecordBatch, places: list[int], before: int, file: str, contract: type[Contract], formats: Formats
) -> Piece:
    names, known = batch.schema.names, contract.dtypes()
    frame = pl.DataFrame({names[place]: pl.from_arrow(in_utc(batch.column(place))) for place in places})
    numbers = pl.int_range(before + 1, before + batch.num_rows + 1, dtype=pl.Int64, eager=True).alias("export_line")
    text, ready = spelled(frame, [f"{file}: {told(names, [name], known)}" for name in frame.columns], known, formats)
    return Piece(text.insert_column(0, numbers) if text.width else numbers.to_frame(), ragged(), names, ready)


def spelled(
    frame: pl.DataFrame, named: Sequence[str], known: Mapping[str, pl.DataType], formats: Formats
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns as text, empty as NULL; and as they are those that need no parsing.

    `named`: how messages name each; `known`: the contract's types.

    Raises:
        ExportError: what one holds cannot be told exactly.
    """
    texts, ready = [], []
    for at, name in enumerate(frame.columns):
        text, typed = _spelled(frame.to_series(at), at, named[at], known.get(name), formats)
        texts.append(text.cast(pl.String).replace("", None).alias(name))
        if typed is not None:
            ready.append(typed.alias(name))
    return frame.select(texts), frame.select(ready)


def in_utc(values: pa.Array) -> pa.Array:
    """Instants as those of UTC, which they are by their numbers: some zones that files name Polars does not know."""
    kind = values.type
    return values.cast(pa.timestamp(kind.unit, "UTC")) if pa.types.is_timestamp(kind) and kind.tz else values


def _spelled(values: pl.Series, at: int, column: str, wanted: pl.DataType | None, formats: Formats) -> Column:
    """A column of a frame, at a place of it (a name may be a pattern to Polars); `wanted` is the contract's type.

    Raises:
        ExportError: what it holds cannot be told exactly.
    """
    value, dtype = pl.nth(at), values.dtype
    if isinstance(dtype, pl.Datetime) and values.null_count() < values.len():
        return _instant(value, dtype, column, wanted, formats)
    if dtype == pl.Date:
        days = value.to_physical()
        inside = days.is_between(FIRST_DAY, LAST_DAY)
        return _or_no_day(value, inside, pl.when(inside).then(value).dt.strftime(formats.date)), None
    if dtype.is_float():
        # A short number is what was meant: as a longer one 0.7 is 0.699999988.
        longer = value.cast(pl.String).cast(pl.Float64) if dtype == pl.Float32 else value.cast(pl.Float64)
        text = _whole_where_it_is(values, value, column, is_text=wanted == pl.String)
        return text, pl.when(value.is_finite()).then(longer)
    if isinstance(dtype, pl.Decimal):
        return value.cast(pl.String).str.replace(r"\.0*$", ""), None
    if dtype == pl.Boolean:
        return pl.when(value).then(pl.lit(formats.true[0])).when(~value).then(pl.lit(formats.false[0])), None
    return value, None


def _or_no_day(value: pl.Expr, inside: pl.Expr, text: pl.Expr) -> pl.Expr:
    return pl.when(value.is_not_null() & ~inside).then(pl.lit(NO_DAY)).otherwise(text)


def _instant(value: pl.Expr, dtype: pl.Datetime, column: str, wanted: pl.DataType | None, formats: Formats) -> Column:
    """Instants in UTC; midnights without a zone are days where days are wanted, as many tools have no other ones."""
    first, last = FIRST_DAY * A_DAY[dtype.time_unit], (LAST_DAY + 1) * A_DAY[dtype.time_unit] - 1
    most = (1 << 63) - 1
    inside = value.to_physical().is_between(max(first, -most), min(last, most))
    within: pl.Expr = pl.when(inside).then(value)
    if dtype.time_zone is None and formats.time_zone is not None:
        within = within.dt.replace_time_zone(formats.time_zone, ambiguous="earliest", non_existent="null")
    elif dtype.time_zone is None:
        if wanted != pl.Date:
            raise ExportError(f"{column} holds times without a zone; expected UTC instants")
        is_day = within.to_physical() % A_DAY[dtype.time_unit] == 0
        text = pl.when(is_day).then(within.dt.strftime(formats.date)).otherwise(within.dt.strftime("%Y-%m-%d %H:%M:%S"))
        return _or_no_day(value, inside, text), None
    instant = within.dt.convert_time_zone("UTC")
    ready = pl.when(instant.dt.year().is_between(*YEARS)).then(
        instant.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    )
    return _or_no_day(value, inside, instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")), ready


def _in_digits(number: pl.Expr) -> pl.Expr:
    """Floats as text without an exponent: what is small is as exact as what is not."""
    text = number.cast(pl.String)
    spelled = text.map_elements(lambda short: format(Decimal(short), "f"), return_dtype=pl.String)
    return pl.when(text.str.contains("e")).then(spelled).otherwise(text)


def _whole_where_it_is(values: pl.Series, value: pl.Expr, column: str, *, is_text: bool) -> pl.Expr:
    """Floating-point numbers as text: 7.0 is 7, as many tools make a column of whole numbers with gaps one of floats.

    Raises:
        ExportError: of numbers that are names (`is_text`) the last digits are lost.
    """
    exact = EXACT[values.dtype]
    if is_text and (values.is_finite() & (values.abs() >= exact)).any():
        raise ExportError(
            f"{column} holds floating-point numbers of more digits than these keep; export it as text or as whole "
            "numbers"
        )
    is_whole = value.is_finite() & (value == value.floor()) & (value.abs() < exact)
    whole = pl.when(is_whole).then(value).cast(pl.Int64).cast(pl.String)
    spelled = pl.coalesce(whole, _in_digits(value))
    return pl.when(~value.is_nan()).then(spelled) if is_text else spelled
