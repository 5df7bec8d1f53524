"""Rows of a file that is read where it lies, by Spark: each value as it is spelled, its type, and what is wrong."""

import re
from collections.abc import Mapping
from functools import reduce
from typing import Any
from urllib.parse import quote

import narwhals as nw
from pyspark.sql import functions as f

from schemas.contract import Column, Contract
from schemas.form import Formats
from warehouse.instants import shape
from warehouse.landed import LandedFile
from warehouse.numbers import WHOLE
from warehouse.parquet_file import YEARS
from warehouse.reading import PROVENANCE, spelling
from warehouse.spark.layout import BROKEN, LINE, NANOSECONDS, PATH, Layout, in_json_lines, in_parquet
from warehouse.wording import Fault

Rows = Any
"""A frame of Spark, which is an extra and may not be there."""
NO_OBJECT, NESTED = "expected a JSON object in the line", "expected a plain value, not an object or a list"
_FORBIDDEN = re.compile(r'[\x00-\x20%"<>\\^`{|}\[\]#?]')
TEXT, REASON = "text of ", "wrong "


def opened(
    session: Any,  # noqa: ANN401 - a classic session, or one of Connect
    files: Mapping[str, LandedFile],
    layout: Layout,
    contract: type[Contract],
    formats: Formats,
) -> Rows:
    """The rows of files of one layout, by address: every column as text and typed, and where each row stands."""
    frame = in_parquet(session, files, layout) if layout.is_parquet else in_json_lines(session, files, layout)
    columns = [f.col(name) for name in (LINE, PATH, BROKEN)]
    for field in contract.fields():
        if field.name in PROVENANCE:
            continue
        if field.name in layout.kinds:
            columns += _column(field, layout.kinds[field.name], formats)
        else:
            missing = f.lit(None)
            columns += [missing.cast("string").alias(TEXT + field.name), missing.cast(_kind(field)).alias(field.name)]
    whence = f.element_at(_whence(files), f.col(PATH))
    known = f.when(whence.isNotNull(), whence).otherwise(f.raise_error(f.lit("Spark tells a path nobody asked for")))
    return frame.select(*columns, known.alias("whence")).select("*", "whence.*").drop("whence", PATH)


def _whence(files: Mapping[str, LandedFile]) -> Any:  # noqa: ANN401 - a column of Spark
    """Of each file, by its path, what is told of its rows."""
    pairs = []
    for address, file in files.items():
        of_file = f.struct(
            f.lit(file.source).alias("export_source"),
            f.lit(file.name).alias("export_file"),
            f.lit(f"{file.exported_at}+00:00").cast("timestamp").alias("exported_at"),
            f.lit(file_key(file)).alias("file_key"),
        )
        pairs += [f.lit(_as_spark_tells(address)), of_file]
    return f.create_map(*pairs)


def _as_spark_tells(address: str) -> str:
    """An address as Spark tells it: what may not stand in one is written as its bytes; letters of any language may."""
    scheme, _, path = address.partition("://")
    written = _FORBIDDEN.sub(lambda found: quote(found[0], safe=""), path)
    return f"{scheme}:{written}" if scheme == "file" else f"{scheme}://{written}"


def file_key(file: LandedFile) -> str:
    """Name of a version of a file in paths; it begins with a letter, so that no reader takes it for a number."""
    return f"v{file.sha256}"


def _kind(field: Column) -> str:
    """The contract's type as Spark calls it."""
    return {"String": "string", "Int64": "bigint", "Boolean": "boolean"}.get(str(field.dtype), "timestamp")


def _column(field: Column, kind: str, formats: Formats) -> list[Any]:
    """A column as text (empty is NULL), and typed where it is spelled as it should be."""
    value, wanted = f.col(f"`{field.name}`"), _kind(field)
    if kind == NANOSECONDS:
        kind, value = "timestamp", f.timestamp_micros(f.expr(f"`{field.name}` DIV 1000"))
    text = f.when(value.cast("string") != "", value.cast("string"))
    if kind == wanted:
        typed = text if wanted == "string" else value
    elif wanted == "bigint":
        typed = f.when(text.rlike(WHOLE), text).cast("bigint")
    elif wanted == "boolean":
        typed = f.when(text.isin(*formats.true), f.lit(True)).when(text.isin(*formats.false), f.lit(False))
    elif wanted == "timestamp":
        is_shaped = reduce(lambda one, other: one | other, (text.rlike(shape(each)) for each in formats.instants))
        typed = f.when(is_shaped, f.try_to_timestamp(text))
    else:
        typed = text
    if wanted == "timestamp":
        first, last = (f.lit(f"{year}-01-01 00:00:00+00:00").cast("timestamp") for year in (YEARS[0], YEARS[1] + 1))
        typed = f.when((typed >= first) & (typed < last), typed)
    return [text.alias(TEXT + field.name), typed.alias(field.name)]


def parted(
    rows: Rows, contract: type[Contract], formats: Formats, faults: list[Fault]
) -> tuple[Rows, Rows, list[tuple[str, str]]]:
    """The rows that are right, those that are wrong with `reasons`, and what each number among these means.

    A row of which a value is not spelled as it should be is told that alone, as what it means cannot be asked.
    """
    fields = [field for field in contract.fields() if field.name not in PROVENANCE]
    spelled = [("", NO_OBJECT), *((field.name, NESTED) for field in fields)]
    unread = [f.array_contains(BROKEN, name) for name, _ in spelled]
    spelled += [(field.name, f"expected {spelling(field, formats)}") for field in fields]
    unread += [f.col(f"`{TEXT}{field.name}`").isNotNull() & f.col(field.name).isNull() for field in fields]
    numbers = range(len(spelled), len(spelled) + len(faults))
    asked = nw.from_native(rows).with_columns(
        **{
            f"{REASON}{number}": wrong.fill_null(value=False)
            for number, (_, _, wrong) in zip(numbers, faults, strict=True)
        }
    )
    first = _reasons(unread, 0)
    then = _reasons([f.col(f"{REASON}{number}") for number in numbers], len(spelled))
    told = asked.to_native().withColumn("reasons", f.when(f.size(first) > 0, first).otherwise(then))
    right = told.filter(f.size("reasons") == 0).select(*contract.dtypes(), "file_key")
    meaning = spelled + [(name, _expected(expected)) for name, expected, _ in faults]
    return right, told.filter(f.size("reasons") > 0), meaning


def _expected(words: str) -> str:
    return words if words.startswith("expected") else f"expected {words}"


def _reasons(wrong: list[Any], first: int) -> Any:  # noqa: ANN401 - a column of Spark
    """The numbers of what is wrong with a row."""
    return f.array_compact(f.array(*(f.when(each, f.lit(number)) for number, each in enumerate(wrong, first))))
