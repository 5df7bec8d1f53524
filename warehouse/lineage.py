"""What each month of each table must be made from, and whether it is."""

import ast
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from schemas.contract import Contract
from schemas.operations import Build, ContentMonth

ROOT = Path(__file__).resolve().parent.parent
ALL = None
"""A look-back to the beginning."""


@dataclass(frozen=True)
class Input:
    """A table a month is made from: its months from `back` months before (ALL: the first) to `ahead` after."""

    table: str
    back: int | None = 0
    ahead: int = 0


@dataclass(frozen=True)
class Node:
    """A table (or metric asset) partitioned by month, and what its months are made from.

    `needs`: tables and columns whose being exported or not changes it (`reads_columns`: which columns of the tables);
    `begins`: whether the data's beginning does.
    """

    name: str
    inputs: tuple[Input, ...]
    code: str
    settings: str
    provisional_days: int = 0
    needs: tuple[str, ...] = ()
    begins: bool = False
    reads_columns: bool = False


@dataclass(frozen=True)
class Stale:
    """A month of a table that is not what it should be made from."""

    table: str
    month: dt.date
    why: str


def digest(*parts: object) -> str:
    """A short hash of anything that prints."""
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:16]


@cache
def code_fingerprint(module: str) -> str:
    """Hash of a module's source and of all of ours it imports, however far."""
    return digest(*(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(_closure(module))), pl.__version__)


@cache
def _closure(module: str) -> frozenset[Path]:
    start = _file(module)
    if start is None:
        raise ValueError(f"{module} is no module of ours")
    found, todo = {start}, [start]
    while todo:
        for name in _imported(todo.pop()):
            imported = _file(name)
            if imported and imported not in found:
                found.add(imported)
                todo.append(imported)
    return frozenset(found)


def _file(module: str) -> Path | None:
    """The file of one of our modules or packages."""
    path = ROOT / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if module and file.exists()), None)


def _imported(path: Path) -> list[str]:
    """Names of modules, and of what may be modules, that a file imports in whatever way."""
    package = path.relative_to(ROOT).parent.parts
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def content_months(
    frame: pl.DataFrame, contract: type[Contract], months: Iterable[dt.date], as_of: dt.date, time_zone: str
) -> pl.DataFrame:
    """Rows of `content_month`: for each month a hash of what of the table the month looks at.

    Of events, the rows dated in the month. Of a history, all that was known by the month's last day: each row from its
    own date, and each of its dated columns from that date on, so that an end set in June leaves January as it was.
    """
    pieces = _dated_hashes(frame, contract, as_of, time_zone)
    by_month = pieces.group_by("month").agg(pl.col("hash").sum(), pl.col("happened_on").max())
    found = {month: (value, seen) for month, value, seen in by_month.iter_rows()}
    always, rows, total = found.get(None, (0, None))[0], [], 0
    ordered = sorted(set(months))
    if contract.cumulative():
        first = ordered[0] if ordered else dt.date.max
        total = sum(value for month, (value, _) in found.items() if month is not None and month < first)
    for month in ordered:
        value, seen = found.get(month, (0, None))
        total = (total + value) if contract.cumulative() else value
        # Histories show only what happened by the month's end, so nothing of them is still to be seen.
        rows.append((contract.table(), month, digest(total, always), None if contract.cumulative() else seen))
    return pl.DataFrame(rows, schema=ContentMonth.dtypes(), orient="row")


def _dated_hashes(frame: pl.DataFrame, contract: type[Contract], as_of: dt.date, time_zone: str) -> pl.DataFrame:
    """Month (NULL: undated), hash and the latest happened day, of rows and, for histories, of their dated columns."""
    followed = [field for field in contract.fields() if field.name in contract.followed()]

    def day(name: str) -> pl.Expr:
        if contract.dtypes()[name] == pl.Date:
            return pl.col(name)
        return pl.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone).dt.date()

    dated_by = [day(name) for name in contract.dated_by()]
    row_day = pl.coalesce(dated_by) if dated_by else pl.lit(None, pl.Date)
    apart = [field for field in followed if field.moment and contract.cumulative()]
    base = [field.name for field in followed if field not in apart]
    happened = [day(field.name) for field in followed if field.moment == "happened"]
    latest = pl.max_horizontal([row_day, *happened])
    pieces = [frame.select(day=row_day, hash=_hash(base), happened_on=latest)]
    for field in apart:
        dated = frame.filter(pl.col(field.name).is_not_null())
        key = [*contract.grain(), field.name]
        pieces.append(
            dated.select(
                day=pl.max_horizontal(row_day, day(field.name)),
                hash=_hash(key, field.name),
                happened_on=day(field.name),
            )
        )
    rows = pl.concat(pieces)
    if contract.cumulative():
        rows = rows.filter((pl.col("day") <= as_of) | pl.col("day").is_null())
    return rows.select(pl.col("day").dt.truncate("1mo").alias("month"), "hash", "happened_on")


def _hash(names: list[str], which: str = "row") -> pl.Expr:
    """A number of a row's content, or of one of its columns; sums of them don't depend on the order of rows."""
    return pl.struct(pl.lit(which).alias("which of its columns"), *names).hash(seed=7).cast(pl.Int128)


def expected_builds(
    nodes: Iterable[Node], content: pl.DataFrame, months: list[dt.date], as_of: dt.date
) -> dict[tuple[str, dt.date], dict[str, str]]:
    """For each table and month, what it must be made from, part by part; `nodes` come in the order they are built."""
    known: dict[tuple[str, dt.date], str] = {}
    for table, month, fingerprint, seen_until in content.iter_rows():
        # Rows that tell of days after as_of are seen only in part, which depends on as_of.
        hidden = seen_until is not None and seen_until > as_of
        known[table, month] = f"{fingerprint}@{as_of}" if hidden else fingerprint
    expected = {}
    for node in nodes:
        prefixes = {entry.table: _running(entry.table, months, known) for entry in node.inputs if entry.back is ALL}
        for position, month in enumerate(months):
            last_day = _last_day(month)
            parts = {"code": node.code, "config": node.settings}
            parts["as_of"] = str(min(as_of, last_day + dt.timedelta(days=node.provisional_days)))
            for entry in node.inputs:
                end = min(position + entry.ahead, len(months) - 1)
                if entry.back is ALL:
                    parts[entry.table] = prefixes[entry.table][end]
                else:
                    window = months[max(position - entry.back, 0) : end + 1]
                    parts[entry.table] = digest([known.get((entry.table, m), "") for m in window])
            expected[node.name, month] = parts
            known[node.name, month] = digest(parts)
    return expected


def _running(table: str, months: list[dt.date], known: Mapping[tuple[str, dt.date], str]) -> list[str]:
    total, out = "", []
    for month in months:
        total = digest(total, known.get((table, month), ""))
        out.append(total)
    return out


def _last_day(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)


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
    words = {"code": "its code changed", "config": "its part of the config changed", "as_of": "as_of moved"}
    changed = sorted(name for name in must.keys() | was.keys() if was.get(name) != must.get(name))
    # A table whose own rows changed explains more than one that only passes the change on.
    return "; ".join(words.get(name, f"{name} changed" if name in present else f"{name} is stale") for name in changed)


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
