"""From rows as somebody wrote them down to a vendor's objects as they are now; the same for all vendors."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from schemas.contract import Contract
from schemas.currencies import MINOR_DIGITS
from schemas.form import Filled, Form
from schemas.writer import MARKS

AT = ["export_source", "export_file", "export_line"]
_ORDER = "order?"
"""No name of a column."""
_MADE = "?"
"""What tells a column that was made from a canonical one of its name."""


def objects(rows: Mapping[str, pl.DataFrame], form: Form) -> dict[str, pl.DataFrame]:
    """By raw table one row for each object there is, in the vendor's words and in minor units by ISO 4217.

    Of what was written several times the newest counts, of a history the live row, or each version where the raw table
    has `versions`; what was deleted is left out. Of a
    list that stands in an object, or names its row, that of the object's newest row counts.
    """
    told: dict[str, pl.DataFrame] = {}
    for name in sorted(rows, key=lambda each: form.raw[each].parent in rows):  # objects before their lists
        table, found = form.raw[name], rows[name]
        if table.parent in told:
            found = _of_parents(found, told[table.parent], table.contract, in_parent=table.in_parent)
        key = [name for name in table.contract.grain() if name not in MARKS]
        newest = _newest(found, key, outlives=table.outlives, versions=table.versions)
        told[name] = _in_minor_units(newest, table.contract, form)
    return {name: found.drop(MARKS, strict=False) for name, found in told.items()}


def _of_parents(
    rows: pl.DataFrame, parents: pl.DataFrame, contract: type[Contract], *, in_parent: bool
) -> pl.DataFrame:
    """The elements of the lists of these objects, each with what it has of its object."""
    if in_parent:
        return rows.join(parents.select(AT), on=AT, how="semi", maintain_order="left")
    if "row_parent" not in rows.columns:
        return rows
    own = {field.name: field.of_parent for field in contract.fields() if field.of_parent}
    theirs = [pl.col(its).alias(f"{name}?") for name, its in own.items()]
    of = parents.select(pl.col("row_id").alias("row_parent"), *theirs)
    joined = rows.join(of, on="row_parent", how="inner", maintain_order="left")
    filled = joined.with_columns(pl.coalesce(name, f"{name}?").alias(name) for name in own)
    return filled.drop(f"{name}?" for name in own)


def _newest(rows: pl.DataFrame, key: list[str], *, outlives: bool, versions: bool) -> pl.DataFrame:
    there = set(rows.columns)
    if "row_is_live" in there and not versions:
        rows = rows.filter(pl.col("row_is_live").fill_null(value=True))
    if "row_generation" in there:
        rows = rows.filter(generation() == generation().max())
    if "row_written_at" in there and key:
        ordered = rows.with_columns(pl.struct(_written_at().alias("number"), "row_written_at").alias(_ORDER))
        in_order = ordered.sort(_ORDER, nulls_last=False, maintain_order=True)
        rows = in_order.unique(key, keep="last", maintain_order=True).drop(_ORDER)
    if "row_is_deleted" not in there or outlives:
        return rows
    return rows.filter(~pl.col("row_is_deleted").fill_null(value=False))


def generation() -> pl.Expr:
    """The run of its writer that a row is of; before there were any all were of the first."""
    return pl.col("row_generation").cast(pl.Int64, strict=False).fill_null(0)


def _written_at() -> pl.Expr:
    """When rows were written, as a number: told as one, or as an instant in milliseconds since 1970."""
    text = pl.col("row_written_at")
    zoned = text.str.replace(r"Z$", "+00:00").str.replace(" ", "T", literal=True)
    whole = pl.when(zoned.str.contains(r"[+-]\d\d:\d\d$")).then(zoned).otherwise(zoned + "+00:00")
    instant = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    milliseconds = instant.dt.epoch("us").cast(pl.Decimal(38, 9)) / 1000
    return pl.coalesce(text.cast(pl.Decimal(38, 9), strict=False), milliseconds)


def _in_minor_units(rows: pl.DataFrame, contract: type[Contract], form: Form) -> pl.DataFrame:
    """The rows with their amounts in minor units by ISO 4217; an amount of no known currency is none."""
    money = {field.name: field.money for field in contract.fields() if field.money}
    if not money:
        return rows
    is_whole = form.writer is not None and form.writer.money == "whole"
    written = {code: 0 if is_whole else form.minor_digits.get(code, digits) for code, digits in MINOR_DIGITS.items()}
    # By currency how many decimals ISO 4217 has more than what was written.
    more = {code: digits - written[code] for code, digits in MINOR_DIGITS.items()}
    times = {code: 10 ** max(digits, 0) for code, digits in more.items()}
    by = {code: 10 ** max(-digits, 0) for code, digits in more.items()}

    def of(currency: str, tens: Mapping[str, int]) -> pl.Expr:
        code = pl.col(currency).str.to_uppercase()
        return code.replace_strict(tens, default=None, return_dtype=pl.Int64)

    return rows.with_columns(
        (pl.col(name) * of(currency, times) / of(currency, by)).alias(name) for name, currency in money.items()
    )


@dataclass(frozen=True)
class Telling:
    """What some rows of a source tell: which canonical columns, and which columns that were made for these."""

    columns: Mapping[str, pl.Expr]
    schema: Mapping[str, pl.DataType]
    derived: frozenset[str]
    """Columns that are none of the objects', but made of them."""
    there: frozenset[str]
    """Canonical and derived columns that some row has."""
    is_empty: bool

    @classmethod
    def of(cls, filled: Filled, rows: pl.DataFrame, sent: Collection[str]) -> "Telling":
        """What the rows tell: `rows` is what the expressions gave; `sent` are the columns of objects."""
        made = filled.rows
        derived = frozenset(made.columns) - set(sent)
        there = {name for name in filled.columns if rows[name].null_count() < rows.height}
        there |= {name + _MADE for name in derived if made[name].null_count() < made.height}
        return cls(filled.columns, made.schema, derived, frozenset(there), made.is_empty())

    def and_also(self, other: "Telling") -> "Telling":
        """What these rows and other ones of the same file tell."""
        return replace(self, there=self.there | other.there, is_empty=self.is_empty and other.is_empty)

    def not_told(self, absent: Collection[str], *, of_examples: bool = False) -> list[str]:
        """The canonical columns that a source does not export: those that are nowhere filled, and couldn't be.

        `absent`: columns of objects that are in no file. A column couldn't be filled if its expression gives nothing of
        a row that has everything but these, and but what was made of objects and is nowhere filled. `of_examples`: the
        objects are none of the source's. An expression that gives nothing of one that has all asks for certain words,
        and a column that reads something that is there is then told.
        """
        nowhere = {name for name in self.derived if name + _MADE not in self.there and not self.is_empty}
        empty = {name: made_of for name, made_of in self.columns.items() if name not in self.there}
        roots = {name: set(made_of.meta.root_names()) for name, made_of in empty.items()}
        asked = {name: made_of for name, made_of in empty.items() if not roots[name].isdisjoint(absent)}
        # One query asks for all of them.
        lacking = _of_one(example_of(self.schema, {*absent, *nowhere}), asked)
        whole = _of_one(example_of(self.schema, ()), asked) if of_examples else {}

        def could_be(name: str) -> bool:
            if name not in asked or lacking[name] is not None:
                return True
            return of_examples and whole[name] is None and not roots[name] <= {*absent, *nowhere}

        return [name for name in empty if not could_be(name)]


def _of_one(row: pl.DataFrame, columns: Mapping[str, pl.Expr]) -> dict[str, object]:
    """What the columns are of a row."""
    return row.select(**columns).row(0, named=True) if columns else {}


def example_of(columns: Mapping[str, pl.DataType], lacking: Collection[str]) -> pl.DataFrame:
    """A row that has some value in each column but these."""
    values = {name: None if name in lacking else _example(dtype) for name, dtype in columns.items()}
    return pl.DataFrame({name: pl.Series([value], dtype=columns[name]) for name, value in values.items()})


def _example(dtype: pl.DataType) -> object:
    if dtype.is_numeric():
        return 1
    if dtype == pl.Date:
        return dt.date(2000, 1, 1)
    if isinstance(dtype, pl.Datetime):
        return dt.datetime(2000, 1, 1)  # noqa: DTZ001 - instants are in UTC without a zone
    return True if dtype == pl.Boolean else "x" if dtype == pl.String else None
