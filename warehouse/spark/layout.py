"""How a file in a lake is laid out, and its rows with the place of each: Parquet, or a JSON object a line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions as f
from pyspark.sql.types import StructType

from schemas.contract import Contract
from schemas.form import Formats
from warehouse.errors import ExportError
from warehouse.first_look import PARQUET
from warehouse.header import check_header, check_once, told
from warehouse.landed import LandedFile
from warehouse.reading import PROVENANCE
from warehouse.stores import store_of

NANOSECONDS = "nanoseconds"
PLAIN = ("string", "tinyint", "smallint", "int", "bigint", "boolean", "timestamp", NANOSECONDS)
"""Types of Parquet columns whose values Spark spells as Polars does."""
LINE, PATH, BROKEN = "export_line", "path", "broken"
"""Where a row stands, in which file as Spark tells it, and the columns that hold what is no plain value (empty: the row
is no JSON object)."""
_NESTED = ("OBJECT", "ARRAY")


@dataclass(frozen=True)
class Layout:
    """The columns of a file with their types; files of one layout are read together."""

    is_parquet: bool
    columns: tuple[tuple[str, str], ...]
    schema: str = ""
    """Of a Parquet file, as Spark writes it down."""

    @property
    def kinds(self) -> dict[str, str]:
        """The type of each column, as Spark calls it."""
        return dict(self.columns)

    @property
    def header(self) -> list[str]:
        """The columns, but for those that say where a row came from, which nobody reads."""
        return [name for name, _ in self.columns if name not in PROVENANCE]


def layout_of(
    session: Any,  # noqa: ANN401 - a classic session, or one of Connect
    address: str,
    file: LandedFile,
    contract: type[Contract],
    formats: Formats,
) -> Layout:
    """How a file is laid out.

    Raises:
        ExportError: it cannot be read, lacks a needed column, has one that the form doesn't know, or a column's values
            are of a type that is not told exactly.
    """
    declared = {field.name: field for field in contract.fields() if field.name not in PROVENANCE}
    store, path = store_of(address)
    is_parquet = store.cat_file(path, start=0, end=len(PARQUET)) == PARQUET
    layout = _of_parquet(session, address, file) if is_parquet else _of_json_lines(session, address, file)
    check_once(file.name, layout.header, contract, formats)
    check_header(file.name, layout.header, declared, contract, exact=True)
    for name, kind in layout.columns:
        if name in declared and kind not in PLAIN:
            column, bare = told(layout.header, [name], declared), kind.partition("<")[0].partition("(")[0]
            raise ExportError(f"{file.name}: {column} holds {bare}; expected one of {', '.join(PLAIN[:-1])}")
    return layout


def _of_parquet(session: Any, address: str, file: LandedFile) -> Layout:  # noqa: ANN401
    try:
        schema = session.read.parquet(address).schema
    except Exception as fault:
        kind = type(fault).__name__
        raise ExportError(f"{file.name}: not a readable Parquet file ({kind}); export it anew") from None
    kinds = {of.name: of.dataType.simpleString() for of in schema.fields}
    if "bigint" in kinds.values():
        kinds |= _nanoseconds(address)
    return Layout(True, tuple(kinds.items()), schema.json())


def _nanoseconds(address: str) -> dict[str, str]:
    """The columns of instants of nanoseconds, which Spark tells as numbers."""
    store, path = store_of(address)
    with store.open(path, "rb") as opened:
        schema = pq.read_schema(opened)
    instants = [of for of in schema if pa.types.is_timestamp(of.type) and of.type.unit == "ns"]
    return {of.name: NANOSECONDS if of.type.tz else "timestamp_ntz" for of in instants}


def _of_json_lines(session: Any, address: str, file: LandedFile) -> Layout:  # noqa: ANN401
    """The keys of all objects; a value is text, however it is written."""
    try:
        lines = session.read.text(address)
        keys = lines.select(f.explode(f.json_object_keys("value")).alias("key")).distinct().collect()
    except Exception as fault:
        kind = type(fault).__name__
        raise ExportError(f"{file.name}: neither a Parquet file nor readable text ({kind}); export it anew") from None
    if not keys:
        raise ExportError(f"{file.name}: neither a Parquet file nor one of JSON objects, one a line; export it anew")
    return Layout(False, tuple((key, "string") for key in sorted(row["key"] for row in keys)))


def in_parquet(session: Any, files: Mapping[str, LandedFile], layout: Layout) -> Any:  # noqa: ANN401
    """The rows of Parquet files; a line is the number of the row in its file."""
    schema = StructType.fromJson(json.loads(layout.schema))
    places = [(f.col("_metadata.row_index") + 1).alias(LINE), f.col("_metadata.file_path").alias(PATH)]
    none = f.array().cast("array<string>").alias(BROKEN)
    return session.read.schema(schema).parquet(*files).select("*", *places, none)


def in_json_lines(session: Any, files: Mapping[str, LandedFile], layout: Layout) -> Any:  # noqa: ANN401
    """The rows of files with a JSON object a line; empty lines are counted, and no rows."""
    lines = _numbered(session.read.text(list(files)))
    told = lines.filter(f.trim("value") != "").withColumn("object", f.try_parse_json("value"))
    is_object = f.coalesce(f.schema_of_variant("object").startswith("OBJECT"), f.lit(False))
    values, nested = [], []
    for name in layout.header:
        place = f"$['{name}']"
        kind = f.schema_of_variant(f.try_variant_get("object", place, "variant"))
        is_nested = f.coalesce(kind.startswith(_NESTED[0]) | kind.startswith(_NESTED[1]), f.lit(False))
        text = f.try_variant_get("object", place, "string")
        values.append(f.when(is_object & ~is_nested, text).alias(name))
        nested.append(f.when(is_nested, f.lit(name)))
    broken = f.when(~is_object, f.array(f.lit(""))).otherwise(f.array_compact(f.array(*nested)))
    return told.select(LINE, PATH, *values, broken.alias(BROKEN))


def _numbered(text: Any) -> Any:  # noqa: ANN401 - a frame of Spark
    """Lines of text with their number in their file.

    Spark reads large files in blocks, each from its beginning on and on one machine; so the lines before a block are
    those of the blocks before it.
    """
    placed = text.select(
        "value",
        f.col("_metadata.file_path").alias(PATH),
        f.col("_metadata.file_block_start").alias("block"),
        f.monotonically_increasing_id().alias("number"),
    )
    blocks = placed.groupBy(PATH, "block").agg(f.min("number").alias("first"), f.count("*").alias("lines")).collect()
    starts, before = [], dict[str, int]()
    for path, block, first, lines in sorted(tuple(row) for row in blocks):
        start = before.get(path, 0)
        starts += [f.lit(f"{block} {path}"), f.array(f.lit(first), f.lit(start), f.lit(start + lines))]
        before[path] = start + lines
    of_block = f.element_at(f.create_map(*starts), f.concat_ws(" ", f.col("block").cast("string"), PATH))
    line = f.col("number") - of_block[0] + of_block[1] + 1
    known = f.when((line > of_block[1]) & (line <= of_block[2]), line)
    told = f.coalesce(known, f.raise_error(f.lit("Spark told lines in another order")))
    return placed.select("value", PATH, told.alias(LINE))
