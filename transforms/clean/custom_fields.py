"""Fields that a company gave to a vendor's objects: columns of their own, or all of them in one list."""

from typing import Annotated

import polars as pl
from pydantic import StringConstraints

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")]
LISTED = "custom_fields"
"""The column with the list of them, each with its name and its value, as JSON."""


def custom_field(column: str, field: str) -> pl.Expr:
    """The field: in a column of its own, or among those that are listed."""
    return pl.coalesce(column, pl.col(LISTED).str.json_path_match(f"$[?(@.name=='{field}')].value"))
