"""JSON in text, as columns: by Polars where that certainly gives what stands there, else value by value by Python."""

import json
from decimal import Decimal, DecimalException
from io import BytesIO
from typing import Any

import polars as pl
import pyarrow as pa

from warehouse.json_objects import objects

SUSPECT = r"\\u[dD][89a-fA-F]|\d{19}|\d{16,}\.\d|\d\.\d{16}"
"""Text that Polars may not read to the letter: halves of characters, and numbers of more digits than floats keep."""
MOST_DIGITS = 400
"""No number has more: more than floats can tell."""
_VALUE = "value"


def plainly(lines: bytes, dtype: pl.DataType) -> pl.DataFrame | None:
    """Objects, one a line, as columns of the type's fields; None where they are not plainly of the type.

    Of lists of objects by DuckDB, which takes less time. Else by Polars: there such lists are read as text first and
    then by themselves, as it makes a column of each list else.
    """
    if _has_list(dtype) and (found := objects(lines, dtype)) is not None:
        return found
    fields = dict(dtype.to_schema())  # type: ignore[attr-defined]
    try:
        frame = pl.read_ndjson(BytesIO(lines), schema={name: _lists_as_text(of) for name, of in fields.items()})
        return frame.with_columns(_with_lists(frame[name], of) for name, of in fields.items() if _has_list(of))
    except (pl.exceptions.PolarsError, _NotPlainError):
        return None


class _NotPlainError(Exception):
    """A text is no object of the type."""


def _has_list(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.Struct):
        return any(_has_list(field.dtype) for field in dtype.fields)  # type: ignore[arg-type]
    return isinstance(dtype, pl.List) and dtype.inner != pl.String


def _lists_as_text(dtype: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _lists_as_text(field.dtype) for field in dtype.fields})  # type: ignore[arg-type]
    return pl.List(pl.String) if isinstance(dtype, pl.List) else dtype


def _with_lists(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The column with objects where its lists have text."""
    if isinstance(dtype, pl.Struct):
        parts = [
            _with_lists(column.struct.field(field.name), field.dtype)  # type: ignore[arg-type]
            if _has_list(field.dtype)  # type: ignore[arg-type]
            else column.struct.field(field.name)
            for field in dtype.fields
        ]
        whole = pl.DataFrame(parts).to_struct(column.name)
        if not column.null_count():
            return whole
        return whole.to_frame().select(pl.when(column.is_not_null()).then(column.name)).to_series()
    texts = column.explode(empty_as_null=False, keep_nulls=False)
    if texts.null_count():
        raise _NotPlainError
    inner = dtype.inner  # type: ignore[attr-defined]
    whole = texts.str.join("\n").item().encode()
    objects = plainly(whole, inner) if texts.len() else pl.DataFrame(schema=inner.to_schema())
    if objects is None or objects.height != texts.len():
        raise _NotPlainError
    return _in_lists(objects.to_struct("object"), column)


def _in_lists(elements: pl.Series, like: pl.Series) -> pl.Series:
    """The elements in lists that are as long as those of `like`, of which some are NULL."""
    ends = like.list.len().fill_null(0).cast(pl.Int64).cum_sum()
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64), ends])
    values = elements.to_arrow(compat_level=pl.CompatLevel.newest())
    lists = pa.LargeListArray.from_arrays(offsets.to_arrow(), values, mask=like.is_null().to_arrow())
    return pl.Series(like.name, lists)


def columns_of(
    texts: pl.Series, dtype: pl.DataType, *, certainly: bool = False
) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """JSON objects as columns of the type's fields; and of each text that is no JSON object its place and why.

    All values are text: numbers by their digits, objects and lists as JSON. What is missing, or is of another kind than
    the type has, is NULL; an object that is named by its id alone is one that has nothing else, and one that stands as
    text is an object. `certainly`: each is read by Python.
    """
    fields = dict(dtype.to_schema())  # type: ignore[attr-defined]
    if texts.is_empty():
        return pl.DataFrame(schema=fields), []
    if not certainly and not texts.str.contains(SUSPECT).any():
        frame = plainly("\n".join(texts.to_list()).encode(), dtype)
        if frame is not None and frame.height == texts.len():
            return frame, []
    rows, faults = list[Any](), list[tuple[int, str]]()
    for place, text in enumerate(texts):
        value, fault = _parsed(text)
        if fault is None and not isinstance(value, dict):
            fault = f"expected a JSON object, found {_kind(value)}"
        if fault is not None:
            faults.append((place, fault))
        rows.append(shaped(value, dtype) if fault is None else dict.fromkeys(fields))
    return pl.DataFrame(rows, schema=fields, orient="row"), faults


def values_of(texts: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, list[tuple[int, str]]]:
    """The same of JSON values of any kind; no text is no value."""
    lines = ('{"' + _VALUE + '":' + texts.str.replace_all("[\r\n]", " ") + "}").fill_null("{}")
    frame, faults = columns_of(lines, pl.Struct({_VALUE: dtype}))
    return frame[_VALUE].alias(texts.name), [(place, "expected JSON") for place, _ in faults]


def first_object(text: str) -> dict[str, Any] | None:
    """The object that a text is, or None."""
    value, fault = _parsed(text)
    return value if fault is None and isinstance(value, dict) else None


def _parsed(text: str) -> tuple[Any, str | None]:
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_refuse)
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except (ValueError, RecursionError, DecimalException) as fault:
        return None, f"expected a JSON object in one line ({type(fault).__name__})"
    return value, None


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError(text)
    return number


def _refuse(word: str) -> None:
    raise ValueError(word)


def _kind(value: object) -> str:
    kinds: list[tuple[Any, str]] = [(list, "a list"), (str, "text"), (bool, "a truth value"), (type(None), "null")]
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def shaped(value: Any, dtype: pl.DataType) -> Any:  # noqa: ANN401 - any JSON
    """The value as the type has it."""
    if value is None:
        return None
    if isinstance(dtype, pl.Struct):
        if isinstance(value, str) and value.startswith("{"):
            inner, _ = _parsed(value)
            value = inner if isinstance(inner, dict) else value
        if isinstance(value, dict):
            return {field.name: shaped(value.get(field.name), field.dtype) for field in dtype.fields}  # type: ignore[arg-type]
        named = {"id": _text(value)} if isinstance(value, str) else {}
        return {field.name: named.get(field.name) for field in dtype.fields} if named else None
    if isinstance(dtype, pl.List):
        return [shaped(each, dtype.inner) for each in value] if isinstance(value, list) else None  # type: ignore[arg-type]
    return _text(value)


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        plain = format(value.normalize(), "f")
        return "0" if plain == "-0" else plain
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(number: Decimal) -> float | int:
    return int(number) if number == number.to_integral_value() else float(number)


def referred(column: pl.Series) -> pl.Series:
    """Ids of other objects, of which some stand there whole."""
    whole = column.str.starts_with("{").fill_null(value=False)
    if not whole.any():
        return column
    ids = [_id(text) if is_whole else text for text, is_whole in zip(column, whole, strict=True)]
    return pl.Series(column.name, ids, dtype=pl.String)


def _id(text: str) -> str | None:
    # Text that Polars made of an object may hold line ends as they are.
    value = json.loads(text, strict=False).get("id")
    return None if value is None else _text(value)
