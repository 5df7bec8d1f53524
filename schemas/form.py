"""How a vendor writes its exports: the shape of a form, which each vendor's module fills in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from schemas.contract import Contract


@dataclass(frozen=True)
class Formats:
    """How values are spelled in a form's files; a value spelled otherwise is rejected, never guessed."""

    date: str = "%Y-%m-%d"
    instants: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f%:z")
    true: str = "true"
    false: str = "false"
    separator: str = ","


@dataclass(frozen=True)
class RawTable:
    """One kind of file of a form: the contract of its rows and its usual name."""

    contract: type[Contract]
    file: str


@dataclass(frozen=True)
class Cleaning:
    """How a canonical table comes from a form's raw tables.

    `function` takes the frames of `raw`, in order, and returns the canonical columns it can fill, with the `export_*`
    columns of the row each came from. The rows of the first raw table become the rows of the canonical one.
    """

    function: Callable[..., pl.DataFrame]
    raw: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """A vendor's form: the kinds of files it sends, and how canonical tables come from them.

    `exact_header`: a column that the contract does not know is an error (a vendor's own export may have more).
    """

    name: str
    raw: Mapping[str, RawTable]
    clean: Mapping[str, Cleaning]
    formats: Formats = field(default_factory=Formats)
    exact_header: bool = False
