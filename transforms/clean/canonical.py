"""The canonical form: files that already have the columns of the canonical tables, under their names."""

import polars as pl

from schemas.form import Cleaning, Form, RawTable
from schemas.tables import CANONICAL, LARGE


def as_sent(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as they are."""
    return frame


FORM = Form(
    name="canonical",
    raw={
        name: RawTable(contract, f"{name}.csv", may_lack=name == "identities") for name, contract in CANONICAL.items()
    },
    clean={name: Cleaning(as_sent, (name,), by_part=name in LARGE, by_object=True) for name in CANONICAL},
    exact_header=True,
)
