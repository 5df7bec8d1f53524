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
from warehouse.errors import ExportError
from warehouse.header import check_header, check_once, told
from warehouse.landed import LandedFile
from warehouse.parquet_file import YEARS
from warehouse.reading import PROVENANCE, WHOLE, shape, spelling
from warehouse.wording import Fault

Rows = Any
"""A frame of Spark, which is an extra and may not be there."""
PLAIN = ("string", "tinyint", "smallint", "int", "bigint", "boolean", "timestamp")
"""Types of Parquet columns whose values Spark spells as Polars does."""
_FORBIDDEN = re.compile(r'[\x00-\x20%"<>\\^`{|}\[\]#?]')
TEXT, REASON = "text of ", "wrong "


def schema_of(
    session: Any,  # noqa: ANN401 - a classic session, or one of Connect
    address: str,
    file: LandedFile,
    contract: type[Contract],
    formats: Formats,
) -> Any:  # noqa: ANN401 - Spark's schema
    """The columns of a Parquet file, as Spark tells them.

    Raises:
        ExportError: it cannot be read, lacks a needed column, has one that the form doesn't know, or a column's values
            are of a type that is not told exactly.
    """
    declared = {field.name: field for field in contract.fields() if field.name not in PROVENANCE}
    try:
        schema = session.read.parquet(address).schema
    except Exception as fault:
        raise ExportError(
            f"{file.name}: not a readable Parquet file ({type(fault).__name__}); export it anew"
        ) from None
    header = columns_of(schema)
    check_once(file.name, header, contract, formats)
    check_header(file.name, header, declared, contract, exact=True)
    for field in schema.fields:
        kind = field.dataType.simpleString()
        if field.name in declared and kind not in PLAIN:
            column, kind = told(header, [field.name], declared), kind.partition("<")[0].partition("(")[0]
            raise ExportError(f"{file.name}: {column} holds {kind}; expected one of {', '.join(PLAIN)}")
    return schema


def columns_of(schema: Any) -> list[str]:  # noqa: ANN401 - Spark's schema
    """The columns of a file, but for those that say where a row came from, which nobody reads."""
    return [field.name for field in schema.fields if field.name not in PROVENANCE]


def opened(
    session: Any,  # noqa: ANN401 - a classic session, or one of Connect
    files: Mapping[str, LandedFile],
    schema: Any,  # noqa: ANN401 - Spark's schema
    contract: type[Contract],
    formats: Formats,
) -> Rows:
    """The rows of files of one schema, by address: every column as text and typed, and where each row stands."""
    kinds = {field.name: field.dataType.simpleString() for field in schema.fields}
    frame = session.read.schema(schema).parquet(*files)
    columns = [(f.col("_metadata.row_index") + 1).alias("export_line")]
    for field in contract.fields():
        if field.name in PROVENANCE:
            continue
        if field.name in kinds:
            columns += _column(field, kinds[field.name], formats)
        else:
            missing = f.lit(None)
            columns += [missing.cast("string").alias(TEXT + field.name), missing.cast(_kind(field)).alias(field.name)]
    whence = f.element_at(_whence(files), f.col("_metadata.file_path"))
    known = f.when(whence.isNotNull(), whence).otherwise(
        f.raise_error(f.lit("Spark tells another path than asked for"))
    )
    return frame.select(*columns, known.alias("whence")).select("*", "whence.*").drop("whence")


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
    text = f.when(value.cast("string") != "", value.cast("string"))
    if kind == wanted:
        typed = text if wanted == "string" else value
    elif wanted == "bigint":
        typed = f.when(text.rlike(WHOLE), text).cast("bigint")
    elif wanted == "boolean":
        typed = f.when(text == formats.true, f.lit(True)).when(text == formats.false, f.lit(False))
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
    spelled = [(field.name, f"expected {spelling(field, formats)}") for field in fields]
    unread = [f.col(f"`{TEXT}{field.name}`").isNotNull() & f.col(field.name).isNull() for field in fields]
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
