"""What each month of each table is made from, beside what it must be made from."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.operations import Build

READING = "reading "
"""Begins the name of the part that says how a table is read from its files."""


NAMED = 3
"""So many of the stale tables that a table reads are named as its reason."""


@dataclass(frozen=True)
class Stale:
    """A month of a table that is not what it should be made from."""

    table: str
    month: dt.date
    why: str


def digest(*parts: object) -> str:
    """A short hash of anything that prints."""
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:16]


def row_hash(columns: Sequence[str]) -> pl.Expr:
    """A hash of each row; their sum is one of all rows, in whatever order they come."""
    return pl.struct(columns).hash(seed=7).cast(pl.Int128)


def stale_builds(
    expected: Mapping[tuple[str, dt.date], dict[str, str]], builds: pl.DataFrame, present: set[str]
) -> list[Stale]:
    """The tables' months that are not built from what they must be, with the reason in words."""
    found = {
        (table, month): json.loads(parts)
        for table, month, parts in builds.select("table_name", "month", "made_from").iter_rows()
    }
    stale: list[Stale] = []
    for (table, month), parts in expected.items():
        was = found.get((table, month))
        if was == parts:
            continue
        why = "not built yet" if was is None else _why(was, parts, present)
        stale.append(Stale(table, month, why))
    return stale


def _why(was: Mapping[str, str], must: Mapping[str, str], present: set[str]) -> str:
    """Its own reasons, and then what it reads that is stale: the first of them, and how many more."""
    if was.get("reach") != must.get("reach"):
        # Whatever it reads looks changed then.
        was = {**must, **{name: was.get(name, "") for name in ("code", "config", "reach")}}
    words = {
        "code": "its code changed",
        "config": "its part of the config changed",
        "reach": "how far it reads, or until when days change it, is declared anew",
        "as_of": "as_of moved",
    }
    changed = sorted(name for name in must.keys() | was.keys() if was.get(name) != must.get(name))
    own = [name for name in changed if name in words or name in present or name.startswith(READING)]
    passed_on = [f"{name} is stale" for name in changed if name not in own]
    more = len(passed_on) - NAMED

    def told(name: str) -> str:
        if name.startswith(READING):
            return f"the code that reads {name.removeprefix(READING)} changed"
        return words.get(name, f"{name} changed")

    # A table whose own rows changed explains more than one that only passes the change on.
    return "; ".join([*map(told, own), *passed_on[:NAMED], *([f"{more} more are stale"] if more > 0 else [])])


def build_rows(
    expected: Mapping[tuple[str, dt.date], dict[str, str]],
    table: str,
    months: Iterable[dt.date],
    rows: Mapping[dt.date, int],
    run_id: str,
) -> pl.DataFrame:
    """Rows of `build` for the months of a table just made."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    return pl.DataFrame(
        [
            (
                table,
                month,
                digest(expected[table, month]),
                json.dumps(expected[table, month]),
                rows.get(month, 0),
                run_id,
                now,
            )
            for month in months
        ],
        schema=Build.dtypes(),
        orient="row",
    )
