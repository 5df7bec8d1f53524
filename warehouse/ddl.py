"""Contracts as DuckDB DDL: types, NOT NULL and comments."""

import polars as pl

from schemas.contract import Contract
from schemas.tables import INTERNAL

TYPES: list[tuple[pl.DataType | type[pl.DataType], str]] = [
    (pl.String, "VARCHAR"),
    (pl.Int64, "BIGINT"),
    (pl.Int32, "INTEGER"),
    (pl.Int16, "SMALLINT"),
    (pl.Float64, "DOUBLE"),
    (pl.Boolean, "BOOLEAN"),
    (pl.Date, "DATE"),
    (pl.Datetime("us"), "TIMESTAMP"),
    (pl.Binary, "BLOB"),
]
"""What every BI tool reads; and bytes, which only tables have that runs alone read."""


def sql_type(dtype: pl.DataType) -> str:
    """DuckDB's name of a contract's type."""
    for known, name in TYPES:
        if dtype == known:
            return name
    raise TypeError(f"{dtype} is not a type the warehouse publishes")


def quoted(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def qualified(table: str) -> str:
    """A table with its schema: lineage for the working database's own, main for what analysts see."""
    return f"lineage.{table}" if table in INTERNAL else f"main.{table}"


def create_table(contract: type[Contract]) -> list[str]:
    """Statements that create the contract's table with its comments."""
    name = qualified(contract.table())
    columns = ", ".join(
        f'"{field.name}" {sql_type(field.dtype)}{"" if field.nullable else " NOT NULL"}' for field in contract.fields()
    )
    table = contract.table()
    comments = [comment_on(table, field.name, comment(field.description, field.unit)) for field in contract.fields()]
    return [f"CREATE TABLE {name} ({columns})", comment_on(table, "", contract.prose()), *comments]


def comment_on(table: str, column: str, text: str) -> str:
    """A statement that says what a column is, or, without one, the table."""
    what = f'COLUMN {qualified(table)}."{column}"' if column else f"TABLE {qualified(table)}"
    return f"COMMENT ON {what} IS {quoted(text)}"


def comment(description: str, unit: str | None) -> str:
    """A column's meaning with its unit."""
    return f"{description} [{unit}]" if unit else description


def shape(contract: type[Contract]) -> list[tuple[str, str, bool]]:
    """Name, type and nullability of the columns, as the database should show them."""
    return [(field.name, sql_type(field.dtype), field.nullable) for field in contract.fields()]
