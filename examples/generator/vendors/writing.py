"""Objects as files: as Fivetran, Airbyte, dlt, an API and a dashboard write them down, whatever the vendor.

An object is what the API gives, as nested dicts. What a writer's rule doesn't give (the names of tables and of columns
that people see) comes with the kind of object.
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Object = dict[str, Any]
CHANGING = frozenset(
    {"quantity", "total", "name", "properties_name", "amount", "properties_amount", "replies", "reopens", "Name",
     "Amount"}
)  # fmt: skip
"""What an earlier sync may have seen otherwise."""
SMALL_BEFORE_LARGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Objects:
    """Objects of one kind, and what writers call their table and their columns.

    `lists`: by path the lists that a writer of tables keeps apart, each with the names of its table (by writer) and the
    column that names its object; what is no object in a list is its `value`. `renamed`: by writer columns that its rule
    doesn't give; `times`: paths of instants, which the API gives as seconds since 1970 or in ISO 8601. `shaped`: by
    writer what its connector makes of the vendor's object before it is written. `shown`: the columns of a dashboard,
    each made from the object.
    """

    rows: list[Object]
    tables: Mapping[str, str]
    lists: Mapping[str, tuple[Mapping[str, str], str]] = field(default_factory=dict)
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    times: frozenset[str] = frozenset()
    shaped: Mapping[str, Callable[[Object], Object]] = field(default_factory=dict)
    shown: Mapping[str, Callable[[Object], object]] = field(default_factory=dict)

    def of(self, writer: str) -> list[Object]:
        """The objects as the writer's connector gives them."""
        return [self.shaped[writer](row) for row in self.rows] if writer in self.shaped else self.rows


Written = dict[str, bytes]
"""Files by their paths."""


def write(files: Written, folder: Path) -> None:
    """Write the files below a folder."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def as_api(kinds: Iterable[Objects], exported_on: datetime) -> Written:
    """One object a line, a file a kind."""
    return {
        f"{kind.tables['api']}-{exported_on:%Y-%m-%d}.jsonl": _lines(kind.rows)
        for kind in kinds
        if "api" in kind.tables
    }


def as_airbyte_lines(kinds: Iterable[Objects], exported_on: datetime) -> Written:
    """A folder a stream; each object in an envelope, packed, and some of them as an earlier sync saw them, too."""
    moment = _milliseconds(exported_on)
    return {
        f"{kind.tables['airbyte']}/{exported_on:%Y_%m_%d}_{moment}_0.jsonl.gz": gzip.compress(
            _lines(_enveloped(kind.of("airbyte"), moment)), mtime=0
        )
        for kind in kinds
        if "airbyte" in kind.tables
    }


def _enveloped(rows: list[Object], moment: int) -> list[Object]:
    def wrapped(number: int, row: Object, at: int) -> Object:
        return {
            "_airbyte_raw_id": f"{number:08x}-{at:x}",
            "_airbyte_extracted_at": at,
            "_airbyte_generation_id": 1,
            "_airbyte_meta": {"changes": [], "sync_id": 7},
            "_airbyte_data": row,
        }

    before = [wrapped(number, _former(row), moment - 3_600_000) for number, row in enumerate(rows) if number % 7 == 3]
    return [wrapped(number, row, moment) for number, row in enumerate(rows)] + before


def _former(row: Object) -> Object:
    """The object as an earlier sync saw it: with numbers and names that no longer hold."""
    return {
        name: _former(value) if isinstance(value, dict) else _outdated(value) if name in CHANGING and value else value
        for name, value in row.items()
    }


def _outdated(value: float | str) -> float | str:
    return f"{value} as it was" if isinstance(value, str) else value + 11


def as_airbyte_parquet(kinds: Iterable[Objects], exported_on: datetime) -> Written:
    """A folder a stream; the object's own names are columns, with objects and lists within."""
    files, moment = {}, _milliseconds(exported_on)
    for kind in kinds:
        if "airbyte" not in kind.tables or not kind.rows:
            continue
        rows = [
            {**row, "_airbyte_extracted_at": exported_on, "_airbyte_generation_id": 1, "_airbyte_raw_id": str(number)}
            for number, row in enumerate(kind.of("airbyte"))
        ]
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), out)
        files[f"{kind.tables['airbyte']}/{exported_on:%Y_%m_%d}_{moment}_0.parquet"] = out.getvalue()
    return files


def as_dlt(kinds: Iterable[Objects], exported_on: datetime) -> Written:
    """A folder a table, lists in tables of their own that know the row they are of; packed without saying so.

    Names are in snake_case, whatever the vendor's are in.
    """
    load = f"{exported_on.timestamp():.6f}"
    tables: dict[str, list[Object]] = {}
    for kind in kinds:
        if "dlt" not in kind.tables:
            continue
        for number, row in enumerate(kind.of("dlt")):
            _dlt_row(tables, kind.tables["dlt"], row, f"{kind.tables['dlt']}{number}", {"_dlt_load_id": load})
    return {f"{name}/{load}.0.jsonl": gzip.compress(_lines(rows), mtime=0) for name, rows in tables.items()}


def _dlt_row(tables: dict[str, list[Object]], table: str, value: object, name: str, known: Object) -> None:
    row = {**known, "_dlt_id": name}
    for path, leaf in _leaves(value if isinstance(value, dict) else {"value": value}):
        if isinstance(leaf, list):
            for place, element in enumerate(leaf):
                parent = {"_dlt_parent_id": name, "_dlt_list_idx": place}
                _dlt_row(tables, f"{table}__{'__'.join(path)}", element, f"{name}.{'.'.join(path)}.{place}", parent)
        elif leaf is not None:
            row["__".join(SMALL_BEFORE_LARGE.sub("_", name).lower() for name in path)] = leaf
    tables.setdefault(table, []).append(row)


def as_fivetran(kinds: Iterable[Objects], exported_on: datetime) -> Written:
    """A file a table, lists in tables of their own, times without a zone, truths in any case."""
    tables: dict[str, list[Object]] = {}
    for kind in kinds:
        renamed = kind.renamed.get("fivetran", {})
        for number, row in enumerate(kind.of("fivetran")):
            if "fivetran" in kind.tables:
                tables.setdefault(kind.tables["fivetran"], []).append(_fivetran_row(row, kind, "", renamed, number))
            for path, (names, own) in kind.lists.items():
                if "fivetran" not in names:
                    continue
                for value in _at(row, path) or []:
                    element = value if isinstance(value, dict) else {"value": value}
                    told = _fivetran_row(element, kind, f"{path}.", kind.renamed.get(f"fivetran {path}", {}), number)
                    tables.setdefault(names["fivetran"], []).append({own: row["id"], **told})
    synced = f"{exported_on:%Y-%m-%d %H:%M:%S}"
    return {
        f"{name}-{exported_on:%Y-%m-%d}.csv": _csv([{**row, "_fivetran_synced": synced} for row in rows])
        for name, rows in tables.items()
    }


def _fivetran_row(row: Object, kind: Objects, within: str, renamed: Mapping[str, str], number: int) -> Object:
    told: Object = {}
    for path, leaf in _leaves(row):
        name = ".".join(path)
        if isinstance(leaf, list):
            continue
        spelled = leaf
        if within + name in kind.times and leaf is not None:
            spelled = f"{_moment(leaf):%Y-%m-%d %H:%M:%S}"
        elif isinstance(leaf, bool):
            spelled = (str(leaf), str(leaf).upper(), str(leaf).lower())[number % 3]
        told[renamed.get(name, "_".join(path))] = spelled
    return {name: value for name, value in told.items() if name}


def as_dashboard(kinds: Iterable[Objects], exported_on: datetime) -> Written:
    """A CSV file a kind, with the columns that people see."""
    return {
        f"{kind.tables['dashboard']}-{exported_on:%Y-%m-%d}.csv": _csv(
            [{name: made(row) for name, made in kind.shown.items()} for row in kind.rows]
        )
        for kind in kinds
        if "dashboard" in kind.tables
    }


WRITERS: dict[str, tuple[str, Callable[[Iterable[Objects], datetime], Written]]] = {
    "api": ("api", as_api),
    "airbyte as JSON lines": ("airbyte", as_airbyte_lines),
    "airbyte as Parquet": ("airbyte", as_airbyte_parquet),
    "dlt": ("dlt", as_dlt),
    "fivetran": ("fivetran", as_fivetran),
    "dashboard": ("dashboard", as_dashboard),
}
"""By a name for people: what the config calls the writer, and what it writes."""


def _leaves(value: Object, path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, (*path, name))
        else:
            yield (*path, name), inner


def _moment(told: float | str) -> datetime:
    if isinstance(told, str):
        return datetime.fromisoformat(told).astimezone(UTC)
    return datetime.fromtimestamp(told, UTC)


def to_the_minute(instant: str) -> str:
    """An instant in ISO 8601 as people are shown it."""
    return instant[:16].replace("T", " ")


def _at(row: Object, path: str) -> list[Any] | None:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _lines(rows: Iterable[Object]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _csv(rows: list[Object]) -> bytes:
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
