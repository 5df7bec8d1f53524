"""A table is declared once, as a `Contract`; DDL, dictionary, checks and empty frames all come from it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError

from schemas.bounds import MOST_MONEY
from schemas.keys import is_repeated

Moment = Literal["happened", "planned"]
Personal = Literal["id", "text"]
Repeat = Literal["first", "last"]


@dataclass(frozen=True)
class Column:
    """One column of a contract, as declared."""

    name: str
    dtype: pl.DataType
    nullable: bool
    description: str
    unit: str | None
    optional: bool
    moment: Moment | None
    open_ended: bool
    personal: Personal | None
    expected: str | None
    allowed: str
    """The values that its rules allow, in words; empty: any of its type."""
    spelled: Mapping[str, str | tuple[str, ...]]
    refers: bool
    of_parent: str | None
    money: str | None


def column(
    description: str,
    *,
    unit: str | None = None,
    null: bool = False,
    optional: bool = False,
    moment: Moment | None = None,
    open_ended: bool = False,
    personal: Personal | None = None,
    expected: str | None = None,
    spelled: Mapping[str, str | tuple[str, ...]] | None = None,
    refers: bool = False,
    of_parent: str | None = None,
    money: str | None = None,
    **rules: Any,  # noqa: ANN401 - pandera's own rules (isin, ge, str_matches …) pass through
) -> Any:  # noqa: ANN401 - the declared type is the annotation's
    """Declare a column: what it means, its unit, whether it may be empty, and its rules.

    `optional`: an export may lack the whole column (it is then NULL, and metrics say `not_exported`).
    `moment`: a date that states what *happened* is not seen before its day; a *planned* one is known ahead.
    `open_ended`: of a planned date, that none means the same as one far ahead (an end, not a trial's end).
    `expected`: what is told where a value breaks a rule, where the rule itself would be no help.
    `personal`: a person's id (published hashed) or free text (left out unless the config says otherwise).

    Of a vendor's object, in whose contract `__` stands between a name and what is within it:
    `spelled`: by writer the name or names that its rule does not give. `refers`: it names another object, by its id.
    `of_parent`: it is that column of the object in whose list this one stands. `money`: the column with its currency;
    such an amount is one that a company can have.
    """
    if money is not None:
        rules = {"ge": -MOST_MONEY, "le": MOST_MONEY, **rules}
    metadata = {
        "spelled": spelled or {},
        "refers": refers,
        "of_parent": of_parent,
        "money": money,
        "unit": unit,
        "optional": optional,
        "moment": moment,
        "open_ended": open_ended,
        "personal": personal,
        "expected": expected,
    }
    return pa.Field(description=description, nullable=null or optional, metadata=metadata, **rules)


@dataclass(frozen=True)
class Outcome:
    """A column that tells what became of a row, the day on which it did, and what the row was before."""

    column: str
    told: str
    """The value that is told with a day."""
    before: str
    """The value until that day."""
    day: str
    due: tuple[str, ...]
    """Columns that tell the day on which it was due: an outcome that is told without a day counts on it."""


class Contract(pa.DataFrameModel):
    """A table: the docstring says what one row is, `Config.unique` is the grain."""

    class Config:
        strict = True

    @classmethod
    def table(cls) -> str:
        """Name of the table, its asset and its files."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def prose(cls) -> str:
        """What one row is."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    @cache
    def grain(cls) -> tuple[str, ...]:
        """The columns that together name one row."""
        return tuple(cls.to_schema().unique or ())

    @classmethod
    @cache
    def fields(cls) -> tuple[Column, ...]:
        """The columns in their declared order."""
        return tuple(
            Column(
                name=name,
                dtype=declared.dtype.type,
                nullable=declared.nullable,
                description=declared.description or "",
                unit=(declared.metadata or {}).get("unit"),
                optional=(declared.metadata or {}).get("optional", False),
                moment=(declared.metadata or {}).get("moment"),
                open_ended=(declared.metadata or {}).get("open_ended", False),
                personal=(declared.metadata or {}).get("personal"),
                expected=(declared.metadata or {}).get("expected"),
                allowed=(declared.metadata or {}).get("expected") or _allowed(declared.checks),
                spelled=(declared.metadata or {}).get("spelled", {}),
                refers=(declared.metadata or {}).get("refers", False),
                of_parent=(declared.metadata or {}).get("of_parent"),
                money=(declared.metadata or {}).get("money"),
            )
            for name, declared in cls.to_schema().columns.items()
        )

    @classmethod
    def dtypes(cls) -> dict[str, pl.DataType]:
        """Polars type of each column."""
        return dict(cls._dtypes())

    @classmethod
    @cache
    def _dtypes(cls) -> pl.Schema:
        return pl.Schema({field.name: field.dtype for field in cls.fields()})

    @classmethod
    def dated_by(cls) -> tuple[str, ...]:
        """The columns that date a row: the first that is not empty counts."""
        named = cls._metadata().get("dated_by", ())
        return (named,) if isinstance(named, str) else tuple(named)

    @classmethod
    def told_with(cls) -> dict[str, tuple[str, ...]]:
        """Columns that are not known before a day, each with the columns that name it: the first not empty counts."""
        named = dict(cls._metadata().get("told_with", ()))
        return {name: (when,) if isinstance(when, str) else tuple(when) for name, when in named.items()}

    @classmethod
    def repeats(cls) -> tuple[Repeat, str] | None:
        """Which of the rows with one key counts, the first or the last by which column; None: a key has one row."""
        named = cls._metadata().get("repeats")
        return (named[0], named[1]) if named else None

    @classmethod
    def clocks(cls) -> list[tuple[str, str]]:
        """The ordered columns, as (earlier, later), that are instants: of two clocks, which may differ a little."""
        instants = {name for name, dtype in cls.dtypes().items() if isinstance(dtype, pl.Datetime)}
        return [(low, high) for low, high in cls._metadata().get("ordered", ()) if {low, high} <= instants]

    @classmethod
    def told_outcome(cls) -> Outcome | None:
        """What becomes of a row, if a column of the table tells it."""
        told: Outcome | None = cls._metadata().get("outcome")
        return told

    @classmethod
    def cumulative(cls) -> bool:
        """Whether a month looks at all rows so far (a history), not only at those dated in it (events)."""
        return bool(cls._metadata().get("cumulative"))

    @classmethod
    def by_month(cls) -> bool:
        """Whether the rows are events, so many that they are staged by month, and a month reads those it looks at."""
        return bool(cls._metadata().get("by_month"))

    @classmethod
    def versioned_by(cls) -> tuple[str, ...]:
        """Columns of the grain that order the versions of one thing; the others name it."""
        return tuple(cls._metadata().get("versioned_by", ()))

    @classmethod
    def held_by_last(cls) -> tuple[str, ...]:
        """Columns that belong to the thing and not to its version: what the last version says of them holds."""
        return tuple(cls._metadata().get("held_by_last", ()))

    @classmethod
    def followed(cls) -> tuple[str, ...]:
        """Columns whose change restates months; by default all but where a row came from.

        The source counts where it is part of the grain: an id belongs to its source.
        """
        named, told = cls._metadata().get("followed"), cls.grain()
        return tuple(named or (name for name in cls.dtypes() if name in told or not name.startswith("export")))

    @classmethod
    def alternatives(cls) -> list[tuple[str, ...]]:
        """Columns of which an export must have one, as each of its rows needs a value in one of them."""
        return [needed for needed, _ in cls._metadata().get("unless", ()) if not isinstance(needed, str)]

    @classmethod
    def row_rules(cls) -> list[tuple[str, str, pl.Expr]]:
        """Rules between columns, as (column at fault, what was expected, whether the row is right)."""
        metadata, rules = cls._metadata(), []
        for low, high in metadata.get("ordered", ()):
            rules.append((high, f"not below {low}", (pl.col(high) >= pl.col(low)).fill_null(value=True)))
        for present, needed in metadata.get("needs", ()):
            rules.append(
                (needed, f"a value, as {present} has one", pl.col(present).is_null() | pl.col(needed).is_not_null())
            )
        for needed, excuse in metadata.get("unless", ()):
            first, *others = (needed,) if isinstance(needed, str) else needed
            here = " ".join(["a value", *(f"here or in {other}" for other in others)])
            some = pl.any_horizontal(pl.col(name).is_not_null() for name in (first, *others))
            rules.append((first, f"{here}, unless {excuse}", some | pl.col(excuse).fill_null(value=False)))
        for one, other in metadata.get("either", ()):
            rules.append((one, f"a value here or in {other}", pl.col(one).is_not_null() | pl.col(other).is_not_null()))
        return [*rules, *metadata.get("rules", ())]

    @classmethod
    def _metadata(cls) -> dict[str, Any]:
        return getattr(cls.Config, "metadata", None) or {}

    @classmethod
    def blank(cls) -> pl.DataFrame:
        """The table with no rows."""
        return cls._blank().clone()

    @classmethod
    @cache
    def _blank(cls) -> pl.DataFrame:
        # To make one of as many columns as a vendor's objects have takes a millisecond, and each file needs some.
        return pl.DataFrame(schema=cls.dtypes())

    @classmethod
    def checked(cls, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame itself, if it keeps the contract.

        Pandera's `validate` runs some queries for each column, which costs more than all else that is done with a small
        frame. So types, presence and what is once only are looked at without it, and its rules one by one; where
        something is wrong it looks at all of them, and tells every fault.

        Raises:
            SchemaErrors: naming each fault, its column and its rows.
        """
        is_sound = cls.is_sound_but_for_its_key(frame) and not (cls.grain() and is_repeated(frame, cls.grain()))
        return frame if is_sound else cls.validate(frame, lazy=True)

    @classmethod
    def is_sound_but_for_its_key(cls, frame: pl.DataFrame) -> bool:
        """Whether the frame keeps the contract, where rows may have one key."""
        if frame.schema != cls._dtypes() or any(_lacks_values(frame[name]) for name in cls._filled()):
            return False
        if any(is_repeated(frame, [name]) for name in cls._once_only()):
            return False
        data = frame.lazy()
        found = [check(data, name) for name, check in cls._rules()]
        return all(passed.item() for passed in pl.collect_all([one.check_passed for one in found]))

    @classmethod
    @cache
    def _filled(cls) -> tuple[str, ...]:
        """The columns that have a value in every row."""
        return tuple(field.name for field in cls.fields() if not field.nullable)

    @classmethod
    @cache
    def _once_only(cls) -> tuple[str, ...]:
        """Columns that by themselves have each value in one row only."""
        return tuple(name for name, declared in cls.to_schema().columns.items() if declared.unique)

    @classmethod
    @cache
    def _rules(cls) -> tuple[tuple[str, pa.Check], ...]:
        """Pandera's rules, each with its column (`*`: of whole rows)."""
        schema = cls.to_schema()
        of_columns = [(name, check) for name, declared in schema.columns.items() for check in declared.checks]
        return (*of_columns, *(("*", check) for check in schema.checks))

    @classmethod
    def allows(cls, values: pl.Series) -> bool:
        """Whether the column of this name may have these values, by its own rules."""
        column = cls.to_schema().columns[values.name]
        try:
            pa.DataFrameSchema({values.name: column}).validate(values.to_frame())
        except SchemaError:
            return False
        return True

    @classmethod
    def shaped(cls, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with exactly the contract's columns, order and types; a column it lacks is NULL.

        Raises polars' InvalidOperationError where a value does not fit its type.
        """
        if frame.schema == cls._dtypes():
            return frame
        return frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in cls.dtypes().items()
        )


def _allowed(checks: Iterable[pa.Check]) -> str:
    """What pandera's checks of a column allow, in words."""
    told, least, most = list[str](), None, None
    for check in checks:
        limits = check.statistics or {}
        match check.name:
            case "isin":
                told.append(", ".join(map(str, limits["allowed_values"])))
            case "greater_than":
                told.append(f"above {limits['min_value']:,}")
            case "greater_than_or_equal_to" | "less_than_or_equal_to" | "in_range":
                least, most = limits.get("min_value", least), limits.get("max_value", most)
            case "str_length":
                told.append("some text")
            case _:
                told.append(str(check.error))
    if least is not None and most is not None:
        told.append(f"{least:,} to {most:,}")
    elif least is not None or most is not None:
        told.append(f"at least {least:,}" if least is not None else f"at most {most:,}")
    return ", ".join(told)


def _lacks_values(column: pl.Series) -> bool:
    """Whether some value is NULL, or no number where the column is one of numbers."""
    return column.null_count() > 0 or (column.dtype.is_float() and bool(column.is_nan().any()))


@cache
def with_columns(
    contract: type[Contract], names: tuple[str, ...], description: str, *, optional: bool = False
) -> type[Contract]:
    """The contract plus one nullable text column for each of `names` it does not have yet; of the same the same.

    For tables whose columns the config decides: the segments of accounts. `optional` as of `column`.
    """
    added = [name for name in names if name not in contract.dtypes()]
    body: dict[str, Any] = {
        "__annotations__": dict.fromkeys(added, str),
        "__doc__": contract.__doc__,
        "__module__": contract.__module__,
        **{name: column(description.format(name=name), null=True, optional=optional) for name in added},
    }
    return type(contract.__name__, (contract,), body)
