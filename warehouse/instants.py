"""Instants that are spelled as text: as one of a form's ways exactly, for parsers forgive."""

import datetime as dt
import re

import polars as pl

from schemas.form import EPOCH, EPOCH_MS, Formats
from warehouse.parquet_file import YEARS

_DIGITS = {
    "%Y": r"\d{4}",
    "%S": r"[0-5]\d",
    "%.f": r"(\.\d{1,9})?",
    "%I": r"(0[1-9]|1[0-2])",
    "%p": r"(AM|PM|am|pm)",
    "%:z": r"([+-](0\d|1[0-7]):[0-5]\d|[+-]18:00|Z)",
    "%z": r"[+-]((0\d|1[0-7])[0-5]\d|1800)",
}
"""No leap seconds, and offsets of at most 18 hours: more no zone has, and engines part on what it would mean."""


NUMBERS = {EPOCH: 1_000_000, EPOCH_MS: 1_000}
"""Ways of spelling an instant as a number, with the microseconds of one."""


def shape(spelling: str) -> str:
    """The exact shape of a spelled time as a regular expression: the parser forgives 2025-1-5 and blanks."""
    pieces = re.split(r"(%\.f|%:z|%[a-zA-Z])", spelling)
    return "^" + "".join(_DIGITS.get(p, r"\d{2}") if p.startswith("%") else re.escape(p) for p in pieces) + r"\z"


def instants(text: pl.Series, formats: Formats) -> pl.Series:
    """The text as instants in UTC, without a zone; NULL where it is spelled in none of the form's ways.

    A way is tried where those before it left something. Mostly an instant is in UTC: to read it without an offset and
    its fraction apart takes a tenth of the time, and gives the same.
    """
    ways, zone = list(dict.fromkeys(formats.instants)), formats.time_zone
    if ways[0].endswith(ZONED):
        plain = _in_utc(ways[0], text.str.len_bytes())
        found = text.to_frame("text").select(plain).to_series()
    else:
        found = text.to_frame("text").select(_instant(ways.pop(0), zone)).to_series()
    for way in ways:
        is_left = found.is_null() & text.is_not_null()
        if not is_left.any():
            break
        read = text.filter(is_left).to_frame("text").select(_instant(way, zone)).to_series()
        found = found.scatter(is_left.arg_true(), read)
    return found


ZONED = "%S%.f%:z"
MOST_DIGITS = 6
"""Of a fraction, which is of microseconds then."""


def _in_utc(spelling: str, lengths: pl.Series) -> pl.Expr:
    """The column `text` as instants that are spelled so and are in UTC, with a Z; of others NULL."""
    text, of_seconds = pl.col("text"), spelling.removesuffix("%.f%:z")
    shortest, longest = (int(each or 0) for each in (lengths.min(), lengths.max()))  # type: ignore[arg-type]
    if longest <= len("2025-01-05T10:00:00Z"):
        return _instant(f"{of_seconds}Z", None)
    is_so = text.str.contains(shape(of_seconds).removesuffix(r"\z") + rf"(\.\d{{1,{MOST_DIGITS}}})?Z\z")
    length = len("2025-01-05T10:00:00")
    whole = text.str.slice(0, length).str.to_datetime(of_seconds, time_unit="us", strict=False, cache=False)
    digits = longest - length - len(".Z")
    if shortest == longest and 0 < digits <= MOST_DIGITS:
        fraction = text.str.slice(length + 1, digits).cast(pl.Int64, strict=False) * 10 ** (MOST_DIGITS - digits)
    else:
        padded = text.str.slice(length + 1).str.strip_suffix("Z").str.pad_end(MOST_DIGITS, "0")
        fraction = padded.cast(pl.Int64, strict=False)
    utc = (whole.to_physical() + fraction).cast(pl.Datetime("us"))
    return pl.when(is_so & _is_one(utc)).then(utc)


def _instant(spelling: str, zone: str | None) -> pl.Expr:
    """The column `text` as instants that are spelled so; those that name no zone are of `zone`, or else of UTC.

    An hour that a zone's clocks show twice is the first of the two.
    """
    text = pl.col("text")
    if spelling in NUMBERS:
        number = pl.when(text.str.contains(r"^-?\d{1,15}\z")).then(text).cast(pl.Int64, strict=False)
        moment = (number * NUMBERS[spelling]).cast(pl.Datetime("us"))
        return pl.when(_is_one(moment)).then(moment)
    if "%:z" in spelling or "%z" in spelling:
        zoned = text.str.replace(r"Z$", "+00:00").str.to_datetime(spelling, time_unit="us", strict=False)
        utc = zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    else:
        utc = text.str.to_datetime(spelling, time_unit="us", strict=False)
        if zone not in (None, "UTC"):
            local = utc.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
            utc = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return pl.when(text.str.contains(shape(spelling)) & _is_one(utc)).then(utc)


def _is_one(utc: pl.Expr) -> pl.Expr:
    """Whether a time is in the years of instants; to make its year of it takes several times longer."""
    first, end = (dt.datetime(year, 1, 1) for year in (YEARS[0], YEARS[1] + 1))  # noqa: DTZ001 - in UTC
    return utc.is_between(pl.lit(first, pl.Datetime("us")), pl.lit(end, pl.Datetime("us")), closed="left")
