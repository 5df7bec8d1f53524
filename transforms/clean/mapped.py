"""Files of any system, of which the config says column by column what they tell."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from functools import partial, update_wrapper
from typing import Annotated, Any, Self

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from schemas.billing import MINOR
from schemas.bounds import MOST_MONEY
from schemas.contract import Column, Contract, column
from schemas.customers import Export
from schemas.form import Cleaning, Filled, Form, Formats, Place, Places, RawTable, Told
from schemas.settings import Text
from schemas.support import Instant
from schemas.tables import CANONICAL, LARGE
from schemas.writer import Writer
from transforms.calendar import local_day
from transforms.clean.money import Amount, minor_units

BY_HAND = Writer(
    name="",
    title="files of any system, as the config says column by column",
    files=("{table}.*", "{table}-*.*", "{table}/*"),
    nests="objects",
    lists="path",
)


class Mapped(BaseModel):
    """Where a canonical column comes from: a column of the file, or one value for all of its rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    column: Text | None = Field(None, description="Column of the file; within objects of JSON a path: plan.id")
    value: Text | None = Field(None, description="What all rows have, where the file has no such column")
    words: dict[str, Text] = Field(
        default_factory=dict, description="What the file's words mean; a row with another word is rejected"
    )
    whole_units: bool = Field(default=False, description="Whether an amount is in whole units of its currency")
    is_instant: bool = Field(
        default=False, description="Whether a day is told as an instant: its day where one reports"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("expected a column of the file, or else a value")
        if self.value is not None and (self.words or self.whole_units or self.is_instant):
            raise ValueError("words, whole_units and is_instant are for a column of the file")
        return self


def _named(said: object) -> object:
    """A column of which nothing is said but its name in the file."""
    return {"column": said} if isinstance(said, str) else said


SaidOf = Annotated[Mapped, BeforeValidator(_named, json_schema_input_type=str | Mapped)]


class MappedOptions(BaseModel):
    """What the config says of files of any system: by table and column where each value comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tables: dict[str, dict[str, SaidOf]] = Field(
        description="Canonical tables, each with its columns: the column of the file that has it, or more about it"
    )
    date: Text = Field(default="%Y-%m-%d", description="How days are spelled, as strptime names it")
    instants: tuple[Text, ...] = Field(
        default=Formats.instants, description="How instants are spelled, as strptime names it"
    )
    true_words: tuple[Text, ...] = Field(default=("true", "True", "TRUE"), description="Words for yes")
    false_words: tuple[Text, ...] = Field(default=("false", "False", "FALSE"), description="Words for no")

    @field_validator("tables")
    @classmethod
    def _are_known(cls, tables: dict[str, dict[str, Mapped]]) -> dict[str, dict[str, Mapped]]:
        for table, columns in tables.items():
            if table not in CANONICAL:
                raise ValueError(f"one of its tables is none; expected some of {', '.join(CANONICAL)}")
            _check(CANONICAL[table], columns)
        return tables

    @field_validator("date", "instants")
    @classmethod
    def _are_spelled(cls, told: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for one in (told,) if isinstance(told, str) else told:
            if "%" not in one:
                raise ValueError("expected a way of spelling like %d.%m.%Y")
        return told


def _check(contract: type[Contract], columns: Mapping[str, Mapped]) -> None:
    """Raise ValueError for what no file could fill, or where what is needed is not said."""
    fields = {field.name: field for field in contract.fields() if field.name not in Export.dtypes()}
    table = contract.table()
    if columns.keys() & Export.dtypes().keys():
        raise ValueError(f"{table} has columns that say where a row came from; call a segment otherwise")
    if unknown := [name for name in columns if name not in fields and table != "accounts"]:
        raise ValueError(f"{len(unknown)} columns of {table} are none; expected some of {', '.join(fields)}")
    if lacking := [name for name, field in fields.items() if not field.optional and name not in columns]:
        raise ValueError(f"{table} needs {', '.join(lacking)}, too")
    for needed in contract.alternatives():
        if not set(needed) & columns.keys():
            raise ValueError(f"{table} needs {' or '.join(needed)}, too")
    for name, one in columns.items():
        _check_column(f"{table}.{name}", one, fields.get(name), has_currency="currency" in columns)
        if name in fields and not contract.allows(_said(name, one, fields[name].dtype)):
            what = "its value is" if one.value is not None else "one of its words means"
            raise ValueError(f"{table}.{name}: {what} none of {fields[name].expected or fields[name].allowed}")


def _check_column(name: str, one: Mapped, field: Column | None, *, has_currency: bool) -> None:
    """Raise ValueError for what is said of a column that cannot be so."""
    if one.whole_units and not (field and field.unit == MINOR and has_currency):
        raise ValueError(f"{name} is no amount beside a currency; whole_units is for such alone")
    if one.is_instant and not (field and field.dtype == pl.Date):
        raise ValueError(f"{name} is no day; is_instant is for days alone")
    if one.value is not None and field and not _fits(one.value, field.dtype):
        raise ValueError(f"{name}: its value is none of this column")
    if one.words and field and field.dtype != pl.String:
        raise ValueError(f"{name} has no words; what is true or false is said by true_words and false_words")


def _said(name: str, one: Mapped, dtype: pl.DataType) -> pl.Series:
    """The values that the config itself gives a column; none where it leaves them all to the file."""
    if one.value is not None:
        return pl.select(_constant(one.value, dtype).alias(name)).to_series()
    return pl.Series(name, [*one.words.values()], dtype=dtype)


def _fits(value: str, dtype: pl.DataType) -> bool:
    if dtype == pl.Boolean:
        return value in {"true", "false"}
    try:
        return pl.select(_constant(value, dtype)).item() is not None
    except (ValueError, pl.exceptions.PolarsError):
        return False


def made_by(form: Form, options: MappedOptions, tables: Collection[str]) -> Form:
    """The form as the options say it; `tables`: those of which the config names files.

    Raises:
        ValueError: files are named of a table of which nothing is said, or the other way.
    """
    if set(tables) != options.tables.keys():
        raise ValueError("expected files and options.tables of the same tables")
    raw = {table: _raw_table(CANONICAL[table], columns) for table, columns in options.tables.items()}
    formats = Formats(options.date, options.instants, options.true_words, options.false_words)
    clean = {
        table: Cleaning(
            _filling(CANONICAL[table], columns),
            (table,),
            by_part=table in LARGE,
            by_object=_tells_objects(CANONICAL[table], columns),
            scales=partial(_scales, table),
        )
        for table, columns in options.tables.items()
    }
    return Form(form.name, raw, clean, formats, writer=form.writer, options=form.options, made_by=made_by)


def _tells_objects(contract: type[Contract], columns: Mapping[str, Mapped]) -> bool:
    """Whether rows of one canonical key have one key in the file: it has all of the key, and no words stand for it."""
    own = [name for name in contract.grain() if name not in Export.dtypes()]
    return all(name in columns and columns[name].column is not None and not columns[name].words for name in own)


def _scales(table: str, options: MappedOptions) -> tuple[tuple[float, float], ...]:
    """The scale of a table's CSAT answers, where the config says it of all rows."""
    said = {name: one.value for name, one in options.tables[table].items() if one.value is not None}
    if not {"scale_min", "scale_max"} <= said.keys() or (table == "survey_responses" and said.get("kind") != "csat"):
        return ()
    return ((float(said["scale_min"]), float(said["scale_max"])),)


def _raw_table(contract: type[Contract], columns: Mapping[str, Mapped]) -> RawTable:
    """The file of a table: its columns as it spells them, under their canonical names."""
    fields = {field.name: field for field in contract.fields()}
    body: dict[str, Any] = {"__annotations__": {}, "__doc__": contract.__doc__, "__module__": contract.__module__}
    for name, one in columns.items():
        if one.column is not None:
            dtype, declared = _declared(fields.get(name), one)
            body["__annotations__"][name], body[name] = dtype, declared
    unique = [name for name in contract.grain() if name in {*body["__annotations__"], *Export.dtypes()}]
    rules = [_whole(name, columns["currency"]) for name, one in columns.items() if one.whole_units]
    metadata = {"repeats": contract.repeats(), "rules": rules}
    whole = unique if {*contract.grain()} <= {*unique} else None
    body["Config"] = type("Config", (), {"unique": whole, "metadata": metadata})
    raw = type(contract.__name__, (Export,), body)
    # A column may be called so, dots and all, or be within an object.
    places = {
        name: tuple(Place(path) for path in dict.fromkeys([(one.column,), tuple(one.column.split("."))]))
        for name, one in columns.items()
        if one.column is not None
    }
    return RawTable(raw, f"{contract.table()}.*", Places(places))


def _declared(field: Column | None, one: Mapped) -> tuple[Any, Any]:
    """Type and declaration of a column as the file has it; None: a segment of the company."""
    if field is None:
        return str, column("Segment of the company", null=True)
    told = field.description
    null = field.nullable or field.optional
    if one.words:
        return str, column(told, null=null, isin=[*one.words], expected=f"one of {', '.join(one.words)}")
    if one.whole_units:
        return Amount, column(told, null=null)
    if one.is_instant:
        return Instant, column(told, null=null)
    return field.dtype if field.dtype != pl.String else str, column(told, null=null)


def _worded(value: pl.Expr, one: Mapped) -> pl.Expr:
    return value.replace_strict(one.words, default=None, return_dtype=pl.String) if one.words else value


def _in_minor_units(name: str, currency: Mapped) -> pl.Expr:
    code = pl.lit(currency.value) if currency.value is not None else _worded(pl.col("currency"), currency)
    return minor_units(pl.col(name), code)


def _whole(name: str, currency: Mapped) -> tuple[str, str, pl.Expr]:
    """The rule that an amount is possible, and, but for a price, that it has no more decimals than its currency."""
    minor = _in_minor_units(name, currency)
    fits = minor.abs() <= MOST_MONEY
    if name == "unit_amount":
        return name, f"an amount of at most {MOST_MONEY:.0e} {MINOR}", fits.fill_null(value=True)
    is_exact = (minor == minor.round(0)) & fits
    told = f"an amount of at most {MOST_MONEY:.0e} {MINOR}, with no more decimals than its currency has"
    return name, told, is_exact.fill_null(value=True)


def _filling(contract: type[Contract], columns: Mapping[str, Mapped]) -> Callable[..., Filled]:
    return update_wrapper(partial(filled_by, contract=contract, columns=columns), filled_by)


def filled_by(
    of: Mapping[str, pl.DataFrame], told: Told, *, contract: type[Contract], columns: Mapping[str, Mapped]
) -> Filled:
    """The canonical columns as the config says where each comes from."""
    made = {}
    for name, one in columns.items():
        dtype = contract.dtypes().get(name, pl.String())
        if one.value is not None:
            made[name] = _constant(one.value, dtype)
        elif one.whole_units:
            made[name] = _in_minor_units(name, columns["currency"])
        elif one.is_instant:
            made[name] = local_day(pl.col(name), told.time_zone)
        else:
            made[name] = _worded(pl.col(name), one)
    return Filled(of[contract.table()], made)


def _constant(value: str, dtype: pl.DataType) -> pl.Expr:
    """A value that all rows have, as the column's type."""
    if dtype == pl.Boolean:
        return pl.lit(value == "true")
    if dtype == pl.Date:
        return pl.lit(dt.date.fromisoformat(value))
    if isinstance(dtype, pl.Datetime):
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("expected an instant with its offset")
        return pl.lit(moment.astimezone(dt.UTC).replace(tzinfo=None)).cast(dtype)
    return pl.lit(value).cast(dtype)


FORM = Form(
    name="mapped",
    raw={name: RawTable(contract, f"{name}.*", may_lack=True) for name, contract in CANONICAL.items()},
    clean={},
    writer=BY_HAND,
    options=MappedOptions,
    made_by=made_by,
)
