"""How a vendor writes its exports: the shape of a form, which each vendor's module fills in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel

from schemas.contract import Contract
from schemas.writer import Writer

EPOCH, EPOCH_MS = "seconds since 1970", "milliseconds since 1970"
"""Ways of spelling an instant as a number."""


@dataclass(frozen=True)
class Formats:
    """How values are spelled in a form's files; a value spelled otherwise is rejected, never guessed.

    `time_zone`: of instants that are spelled without one; None: such an instant is no instant. `encoding`: of text.
    `decimal`: the sign before decimals; `thousands`: that between groups of three digits, if there may be one.
    `has_footer`: what follows the first empty line is no row. `unset`: how it is spelled that there is no instant.
    """

    date: str = "%Y-%m-%d"
    instants: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f%:z")
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    separator: str = ","
    time_zone: str | None = None
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: str | None = None
    has_footer: bool = False
    unset: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heads:
    """Rows above the rows of a CSV file that together name its columns; however many blanks a name has, it is one.

    `rows`: how many there are; a column goes by the name that any of them gives it. `key`: in the last of them stand
    JSON objects, which have the name under this key. `zone`: the key under which these have the zone of a column's
    times. `spreads`: of two rows the first has titles, of which one may stand over several columns, and the second what
    each of these is of it: `title [part]`; nothing stands there under the first column.
    """

    rows: int = 1
    key: str | None = None
    zone: str | None = None
    spreads: bool = False


@dataclass(frozen=True)
class Place:
    """Where a value stands: names that lead to it, one within the other.

    They lead from the row; from the record whose list has the row; or from the whole line, around its envelope.
    """

    path: tuple[str, ...]
    of: Literal["row", "record", "line"] = "row"


@dataclass(frozen=True)
class Places:
    """Where in a file the columns of a raw table stand, if not under their own names.

    `columns`: of each the places that may have it, the first that does counts. `rows`: the list in a record whose
    elements are the rows; none: the record is the row; a name on the way that ends in `[]` is a list itself, of whose
    elements each has such a list. `elements`: the list is in no file: its elements stand each in a column of its own,
    of these names; one is `question`, the name, and `value`. `heads`: the rows that name the columns of a CSV file;
    None: one. `envelopes`: what a record may be wrapped in, the first that is there. `is_loose`: names are the same
    whatever their case and their underscores. `writer`: who is said to have written the file; a column that is
    another's sign tells that it was somebody else. `needs_list`: a record without the list of rows, be it an empty one,
    is a wrong one. `in_parts`: its files are parts; one may be empty. `pages`: the names under which a page of the API
    has its list of records, if a file may hold pages.
    """

    columns: Mapping[str, tuple[Place, ...]]
    rows: tuple[str, ...] = ()
    envelopes: tuple[tuple[str, ...], ...] = ()
    is_loose: bool = False
    writer: str = ""
    needs_list: bool = False
    in_parts: bool = False
    elements: tuple[str, ...] | None = None
    heads: Heads | None = None
    pages: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawTable:
    """One kind of file of a form: the contract of its rows and its usual names, which may be patterns.

    `places`: where in it the columns stand; None: under their own names. `parent`: the raw table whose records have the
    rows in a list, and `in_parent`, whether in its own files. `may_lack`: a source may send no such file.
    `outlives`: what was deleted still says what others that name it are. `versions`: rows of former versions of an
    object count, too.
    """

    contract: type[Contract]
    file: str | tuple[str, ...]
    places: Places | None = None
    parent: str | None = None
    in_parent: bool = False
    may_lack: bool = False
    outlives: bool = False
    versions: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The names and patterns."""
        return (self.file,) if isinstance(self.file, str) else self.file


Scales = tuple[tuple[float, float], ...]
"""Scales of answers, each as its lowest and its highest one."""


@dataclass(frozen=True)
class Cleaning:
    """How a canonical table comes from a form's raw tables.

    `function` takes the frames of `raw`, in order, and returns the canonical columns it can fill, with the `export_*`
    columns of the row each came from. The rows of the first raw table become the rows of the canonical one. A vendor's
    function, which says `Filled`, is given all its frames as one mapping, and what the config tells. `beside`: raw
    tables that it also takes, and that may not be there. `also`: those of them whose rows become rows of the canonical
    table, too, as the items of a subscription beside the plan that stands in it; what is wrong with such a row is told
    where it stands. `by_part`: of a large table, whose rows each say what they are: the files of the first raw table
    are cleaned part by part, and those beside it stand beside each. `by_object`: what becomes of an object is told by
    its own rows, those of its lists, and what stands beside, and by no other object: some objects are cleaned at a
    time. `gathers`: of files that are cleaned part by part what rows of all of them tell of each other, by the raw
    table beside which they are rows of. `came_in`: the column of such files by which of several rows of one event the
    last counts, as a number. `unmet`: of the same frames says in words
    what the config names and no file has. `shares_life`: of a table with versions, that a row tells no dates of its own
    but those of what it is part of. `tells_whole`: of such a table, that what tells of a thing that has parts tells of
    all of them. `asks_for`: options without any of which no row is one of the table's, so that the source does not tell
    it. `scales`: the scales of its CSAT answers whatever its files say, each as its lowest and its highest answer; or
    what tells them of the source's options.
    """

    function: Callable[..., Any]
    raw: tuple[str, ...]
    beside: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    by_part: bool = False
    by_object: bool = False
    gathers: Callable[["Told"], Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]]] | None = None
    came_in: str | None = None
    unmet: Callable[..., str | None] | None = None
    shares_life: bool = False
    tells_whole: bool = False
    asks_for: tuple[str, ...] = ()
    scales: Scales | Callable[[Any], Scales] = ()

    def is_told(self, options: object) -> bool:
        """Whether the config says what the rows are."""
        return not self.asks_for or any(getattr(options, name, None) for name in self.asks_for)

    def scales_told(self, options: object) -> Scales:
        """The scales of its CSAT answers that are known before any file is read."""
        return self.scales(options) if callable(self.scales) else self.scales

    @property
    def reads(self) -> tuple[str, ...]:
        """All raw tables that it may read."""
        return (*self.raw, *self.beside)


@dataclass(frozen=True)
class Filled:
    """What a vendor's function makes of its rows: each canonical column that it may fill, as an expression over them.

    Columns of another raw table than the first are called `table.column`. So it is seen what a column is made from: a
    column that is nowhere filled, and reads what is in no file, is one that the source does not export. `wrong`: by
    canonical column what is wrong with a row in words, or NULL: a row of which a number can't be known, where an empty
    one would mean another number, is rejected where it stands.
    """

    rows: pl.DataFrame
    columns: Mapping[str, pl.Expr]
    wrong: Mapping[str, pl.Expr] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What the config says that a vendor's files do not: the time zone of days, and options of the source."""

    time_zone: str
    currency: str
    options: Any = None


@dataclass(frozen=True)
class Form:
    """A vendor's form: the kinds of files it sends, and how canonical tables come from them.

    `exact_header`: a column that the contract does not know is an error (a vendor's own export may have more).
    `writer`: who wrote a vendor's objects down in its files; None: the files are as their system sends them. `lacking`:
    raw tables of the vendor that this writer does not write. `is_crm`: whether it tells who the accounts are also where
    another source does. `minor_digits`: by currency the decimals of the vendor's amounts, where not those of ISO 4217.
    `options`: what the config may say of such a source; `asked`: by raw table the columns that these ask for, each with
    its name in the files, which may be a path; `listed`: by raw table the elements of a list that stand each in a
    column; `spelled`: how the options say that its files spell instants. `made_by`: makes the form of the options, and
    of the tables of which the config names files.
    """

    name: str
    raw: Mapping[str, RawTable]
    clean: Mapping[str, Cleaning]
    formats: Formats = field(default_factory=Formats)
    exact_header: bool = False
    writer: Writer | None = None
    lacking: Mapping[str, type[Contract]] = field(default_factory=dict)
    is_crm: bool = True
    minor_digits: Mapping[str, int] = field(default_factory=dict)
    options: type[BaseModel] | None = None
    asked: Callable[[Any], Mapping[str, Mapping[str, str]]] | None = None
    listed: Callable[[Any], Mapping[str, tuple[str, ...]]] | None = None
    spelled: Callable[[Any], tuple[str, ...]] | None = None
    made_by: Callable[..., "Form"] | None = None
