"""Columns that stand elsewhere than under their own names: under others, within objects, in lists, in JSON text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.form import Place, Places
from warehouse.json_text import values_of
from warehouse.piece import ragged

Path = tuple[str, ...]
Tree = dict[str, Any]
"""Names with what is needed within each: a tree again, or nothing where the value itself is."""
ROWS = "rows?"
"""No name of a column, which may be any word."""
LIST = "[]"
"""What a name on the way to the list of rows ends in if a list stands there itself."""


@dataclass(frozen=True)
class Found:
    """Where in one file the columns are: by column the whole paths from its top, and that of the list of rows."""

    columns: Mapping[str, tuple[tuple[Path, bool], ...]]
    """Each with whether it leads on from an element of the list."""
    rows: Path
    needs_list: bool = False
    texts: frozenset[str] = frozenset()
    """Columns of a file of JSON in which an object stands as text."""

    def lists(self) -> list[Path]:
        """The ways from list to list, to that of the rows: the first from the top, each other from an element."""
        ways: list[Path] = [()]
        for name in self.rows:
            ways[-1] = (*ways[-1], name.removesuffix(LIST))
            ways += [()] if name.endswith(LIST) else []
        return ways

    def roots(self) -> list[str]:
        """The columns of the file that are needed."""
        paths = [path for of in self.columns.values() for path, in_list in of if not in_list]
        return list(dict.fromkeys(path[0] for path in [*paths, *(self.lists()[:1] if self.rows else [])]))

    def tree(self) -> Tree:
        """What is needed, with what is needed within."""
        tree: Tree = {}
        for path in (path for of in self.columns.values() for path, in_list in of if not in_list):
            _grow(tree, path)
        if self.rows:
            element: Tree = {}
            within = [path for of in self.columns.values() for path, in_list in of if in_list]
            for path in filter(None, within):
                _grow(element, path)
            leaf = [element if all(within) else None]
            first, *others = self.lists()
            for way in reversed(others):
                holder: Tree = {}
                _grow(holder, way, leaf)
                leaf = [holder]
            _grow(tree, first, leaf)
        return tree

    def line(self) -> Tree:
        """The tree as a line of JSON has it: where an object is text, the text."""
        return self.tree() | dict.fromkeys(self.texts)

    def spelled(self, header: Iterable[str]) -> dict[str, str]:
        """What the file calls the columns: each by the first of its names that is there."""
        there, names = set(header), dict[str, str]()
        for column, of in self.columns.items():
            path, in_list = next((each for each in of if each[1] or each[0][0] in there), of[0])
            names[column] = ".".join([*(self.rows if in_list else ()), *path])
        return names


def found_in(places: Places, tops: Mapping[str, Any]) -> Found:
    """Where the columns are in a file that has these columns at its top, with what is known to be within each.

    `tops`: by name the names within it, a mapping again; None where nothing is known of that.
    """
    names = {_plain(name): name for name in reversed(list(tops))} if places.is_loose else {}

    def actual(path: Path) -> Path:
        return (path[0] if path[0] in tops else names.get(_plain(path[0]), path[0]), *path[1:])

    envelope = next((path for path in places.envelopes if _is_there(path, tops)), ())
    rows = actual((*envelope, *places.rows)) if places.rows else ()
    columns: dict[str, tuple[tuple[Path, bool], ...]] = {}
    for column, wheres in places.columns.items():
        columns[column] = tuple(_whole(place, envelope, rows, actual) for place in wheres)
    return Found(columns, rows, places.needs_list)


def _whole(place: Place, envelope: Path, rows: Path, actual: Any) -> tuple[Path, bool]:  # noqa: ANN401 - a function
    if place.of == "line":
        return actual(place.path), False
    if rows and place.of == "row":
        return place.path, True
    return actual((*envelope, *place.path)), False


def _is_there(path: Path, tops: Mapping[str, Any]) -> bool:
    """Whether there is an object at the path, or may be one in a column of text."""
    within: Any = tops
    for name in path:
        if within is None:
            return True
        if not isinstance(within, Mapping) or name not in within:
            return False
        within = within[name]
    return within is None or isinstance(within, Mapping)


def leads(tops: Mapping[str, Any], path: Path) -> bool:
    """Whether a path leads to something in what is known to be at the top of a file."""
    within: Any = tops
    for name in path:
        if not isinstance(within, Mapping) or name not in within:
            return False
        within = within[name]
    return True


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


def _grow(tree: Tree, path: Path, leaf: Any = None) -> None:  # noqa: ANN401 - a part of a tree
    *outer, last = path
    for name in outer:
        within = tree.get(name)
        if not isinstance(within, dict):
            within = tree[name] = {}
        tree = within
    tree.setdefault(last, leaf)


def joined(trees: Sequence[Any]) -> Any:  # noqa: ANN401 - a tree, a list of one, or nothing
    """What is needed of one object for several ends; None where one needs the value that another looks into."""
    if all(isinstance(tree, dict) for tree in trees):
        names = dict.fromkeys(name for tree in trees for name in tree)
        parts = {name: [tree[name] for tree in trees if name in tree] for name in names}
        whole = {name: joined(of) for name, of in parts.items()}
        is_one = all(whole[name] is not None or of == [None] * len(of) for name, of in parts.items())
        return whole if is_one else None
    if all(isinstance(tree, list) for tree in trees):
        elements = [tree[0] for tree in trees]
        element = joined(elements)
        return [element] if element is not None or elements == [None] * len(elements) else None
    return None


def dtype_of(tree: Any) -> pl.DataType:  # noqa: ANN401 - a tree, a list of one, or nothing
    """The type of what is needed, all values as text."""
    if isinstance(tree, dict):
        return pl.Struct({name: dtype_of(within) for name, within in tree.items()})
    return pl.List(dtype_of(tree[0])) if isinstance(tree, list) else pl.String()


def value_at(dtype: pl.DataType, path: Sequence[str], value: pl.Expr) -> tuple[pl.Expr, pl.DataType] | None:
    """What is at a path within a value, and its type; None if the type has no such path."""
    for name in path:
        if not isinstance(dtype, pl.Struct):
            return None
        within = next((field.dtype for field in dtype.fields if field.name == name), None)
        if within is None:
            return None
        value, dtype = value.struct.field(name), within  # type: ignore[assignment]
    return value, dtype


def without_list(frame: pl.DataFrame, found: Found) -> pl.Series:
    """The lines of records that have no list of rows, be it an empty one."""
    lists = _lists(frame, found)
    return frame["export_line"] if lists is None else frame.filter(lists.is_null())["export_line"]


def lacking_lists(frame: pl.DataFrame, found: Found, told: pl.Series) -> pl.DataFrame:
    """Rejects of records that have no list of rows, but for those of which a fault is `told` already."""
    lines = without_list(frame, found)
    reason = f"expected a list at {'.'.join(found.rows)}"
    faults = ragged([(line, reason) for line in lines.filter(~lines.is_in(told.implode()))])
    return faults.with_columns(column_name=pl.lit(".".join(found.rows)))


def decoded(frame: pl.DataFrame, found: Found) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frame with objects where text holds them, and what is wrong with such text, by line."""
    tree, faults, columns = found.tree(), [ragged()], []
    for name in found.roots():
        if tree[name] is None or name not in frame.columns or frame.schema[name] != pl.String:
            continue
        values, wrong = values_of(frame[name], dtype_of(tree[name]))
        columns.append(values)
        told = ragged([(frame["export_line"][place], reason) for place, reason in wrong])
        faults.append(told.with_columns(column_name=pl.lit(name)))
    whole, told_of = frame.with_columns(columns), pl.concat(faults)
    if found.needs_list:
        told_of = pl.concat([told_of, lacking_lists(whole, found, told_of["export_line"])])
    return whole, told_of


def _lists(frame: pl.DataFrame, found: Found) -> pl.Expr | None:
    root, *within = found.lists()[0]
    return _list_at(frame, root, within)


def _list_at(frame: pl.DataFrame, root: str, within: Sequence[str]) -> pl.Expr | None:
    at = value_at(frame.schema[root], within, pl.col(root)) if root in frame.columns else None
    return at[0] if at and isinstance(at[1], pl.List) else None


def spread(frame: pl.DataFrame, found: Found) -> pl.DataFrame:
    """The rows with a column for each that the frame has: of several places the first that has a value.

    `frame` has the file's columns, and `export_line`.
    """
    for number, way in enumerate(found.lists() if found.rows else ()):
        lists = _list_at(frame, ROWS, way) if number else _lists(frame, found)
        if lists is None:
            return frame.select("export_line").head(0)
        frame = frame.with_columns(lists.alias(ROWS)).explode(ROWS, empty_as_null=False, keep_nulls=False)
    exprs = [pl.col("export_line")]
    schema = frame.schema  # made anew whenever it is asked for, which takes long where types are nested
    for column, wheres in found.columns.items():
        values = [value for path, in_list in wheres if (value := _value(schema, path, in_list=in_list)) is not None]
        if values:
            exprs.append((pl.coalesce(values) if len(values) > 1 else values[0]).alias(column))
    return frame.select(exprs)


def _value(schema: Mapping[str, pl.DataType], path: Path, *, in_list: bool) -> pl.Expr | None:
    root, within = (ROWS, path) if in_list else (path[0], path[1:])
    if root not in schema:
        return None
    if in_list and path == ("id",) and schema[ROWS] == pl.String:
        return pl.col(ROWS)  # an object that is named by its id alone
    at = value_at(schema[root], within, pl.col(root))
    return at[0] if at else None
