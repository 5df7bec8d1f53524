"""Instants as text: however few ways are tried on a value, it is what trying all of them on all values gives."""

import datetime as dt
from collections.abc import Iterable

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.form import Formats
from transforms.clean.vendors import FORMS
from warehouse.instants import instants, shape

ODD = [
    None,
    "",
    "2025-01-05T10:00:00Z",
    "2025-01-05T10:00:00.5Z",
    "2025-01-05 10:00:00Z",
    "2025-01-05 10:00:00",
    "2025-01-05T10:00:00",
    "2025-01-05T10:00:00+02:00",
    "2025-01-05 10:00:00.123456789-18:00",
    "2025-01-05T10:00:00.000+0000",
    "2025-01-05T10:00:00-0330",
    "2025-01-05T10:00:00+0060",
    "2025-01-05T10:00:00+1900",
    "2025-1-5T10:00:00Z",
    "2025-01-05T10:00:00z",
    "2025-01-05T10:00:00Z ",
    "2025-01-05T10:00:00Z\n",
    "2025-01-05T24:00:00Z",
    "2025-01-05T23:60:00Z",
    "2025-01-05T23:59:60Z",
    "2025-02-29T10:00:00Z",
    "2024-02-29T10:00:00Z",
    "2025-13-05T10:00:00Z",
    "2025-01-00T10:00:00Z",
    "+2025-01-05T10:00:00Z",
    "-025-01-05T10:00:00Z",
    "2025-01-05T1 :00:00Z",
    "\u0662\u0660\u0662\u0665-01-05T10:00:00Z",
    "0000-01-01T00:00:00Z",
    "1899-12-31T23:59:59Z",
    "1900-01-01T00:00:00Z",
    "1900-01-01T00:00:00+01:00",
    "2199-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
]
moments = st.datetimes(dt.datetime(1890, 1, 1), dt.datetime(2210, 1, 1)).flatmap(
    lambda at: st.sampled_from(["Z", ".25Z", ".250Z", ".123456Z", ".1234567Z", "+05:30", "", "-00:00"]).flatmap(
        lambda end: st.sampled_from("T ").map(lambda sign: f"{at:%Y-%m-%d}{sign}{at:%H:%M:%S}{end}")
    )
)


FORMATS = {(form.formats.instants, form.formats.time_zone): form.formats for form in FORMS.values()}
"""One of those that spell instants alike: nothing else of formats is looked at."""


def every_way_on_all(text: pl.Series, formats: Formats) -> pl.Series:
    """The rule in its plainest words: the first way that a value is spelled in."""
    tries = ways_on_all(text, formats.instants)
    return pl.select(pl.coalesce(tries[way] for way in formats.instants)).to_series()


def ways_on_all(text: pl.Series, ways: Iterable[str]) -> dict[str, pl.Series]:
    """By way what all values are that are spelled in it."""
    tries = {}
    for spelling in ways:
        read = text.str.replace(r"Z$", "+00:00").str.to_datetime(spelling, time_unit="us", strict=False)
        utc = read.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if read.dtype.time_zone else read
        is_right = text.str.contains(shape(spelling)) & utc.dt.year().is_between(1900, 2199)
        tries[spelling] = pl.select(pl.when(is_right).then(utc)).to_series()
    return tries


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from(ODD) | moments, max_size=12))
def test_are_those_that_trying_every_way_on_all_values_gives(values):
    text = pl.Series("text", values, dtype=pl.String)
    tries = ways_on_all(text, dict.fromkeys(way for ways, _ in FORMATS for way in ways))
    for formats in FORMATS.values():
        expected = pl.select(pl.coalesce(tries[way] for way in formats.instants)).to_series()
        assert instants(text, formats).to_list() == expected.to_list()


def test_each_odd_value_is_read_alike_alone_and_beside_plain_ones():
    for value in ODD:
        alone = instants(pl.Series([value], dtype=pl.String), Formats()).item()
        beside = instants(pl.Series([*ODD[2:4], value, ODD[2]], dtype=pl.String), Formats())
        assert alone == beside[2] == every_way_on_all(pl.Series([value], dtype=pl.String), Formats()).item(), value
