"""A vendor: the objects it knows, in its own words, and what they mean; whoever wrote them down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pydantic import BaseModel

from schemas.contract import Column, Contract, column, with_columns
from schemas.customers import Export
from schemas.form import Cleaning, Form, Formats, Heads, Place, Places, RawTable
from schemas.writer import MARKS, Writer

NEWEST = ("row_generation", "row_written_at", "row_is_live")
"""Marks by which rows of one object differ: it is there as often as it was written."""


@dataclass(frozen=True)
class Kind:
    """One kind of object: its contract, and by writer the table or tables that hold it.

    A table that ends in `.csv` is the whole name of a file, or a pattern of it: of names that begin as another's do.
    `within`: the kind that has it in a list, and the path of the list; a writer that keeps lists in their objects needs
    no table for it. Where the elements are no objects, `value` is the column that has them. `in_columns`: writers that
    keep each element of the list in a column of its own. `heads`: by writer the rows that name the columns of its CSV
    files, where they are not one. `wrapped`: the name under
    which an object may stand alone in another one, in exports of the vendor's. `needed`: an object without the list is
    a wrong one. `outlives`: others name it also after it was deleted. `versions`: of a history the former versions
    count, too.
    """

    contract: type[Contract]
    tables: Mapping[str, str | tuple[str, ...]]
    within: tuple[str, str] | None = None
    in_columns: tuple[str, ...] = ()
    heads: Mapping[str, Heads] = field(default_factory=dict)
    wrapped: str | None = None
    needed: bool = False
    outlives: bool = False
    versions: bool = False


@dataclass(frozen=True)
class Vendor:
    """What a vendor's objects are, and how canonical tables come from them; nothing of it knows who wrote them down.

    `instants`: how its API spells them; `shown`: how what people download spells them, beside what all such files do;
    `unset`: how either spells that there is none. `pages`: the names under which a page of its API has the list of
    objects; `{table}` is that of their table. `minor_digits`: by currency the decimals of its amounts, where not
    those of ISO 4217. `is_crm`: whether it tells who the accounts are also where another source does. `options`: what
    the config may say of such a source; `asked`: by kind the columns that these ask for, each with its name in the
    files, which may be a path; `listed`: by kind the elements of a list that may stand each in a column;
    `shown_as`: how they say that what people download spells instants, if they do.
    """

    name: str
    title: str
    kinds: Mapping[str, Kind]
    clean: Mapping[str, Cleaning]
    writers: tuple[str, ...]
    instants: tuple[str, ...]
    shown: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    minor_digits: Mapping[str, int] = field(default_factory=dict)
    is_crm: bool = False
    options: type[BaseModel] | None = None
    asked: Callable[[Any], Mapping[str, Mapping[str, str]]] | None = None
    listed: Callable[[Any], Mapping[str, tuple[str, ...]]] | None = None
    shown_as: Callable[[Any], tuple[str, ...]] | None = None


def form_of(vendor: Vendor, writer: Writer) -> Form:
    """The vendor's objects as the writer writes them."""
    raw = {name: table for name, kind in vendor.kinds.items() if (table := _raw_table(vendor, kind, writer))}
    clean = {table: cleaning for table, cleaning in vendor.clean.items() if set(cleaning.raw) <= raw.keys()}
    own = vendor.instants if writer.keeps_times else vendor.shown if writer.nests == "only_spelled" else ()
    instants = (*own, *writer.instants)
    return Form(
        name=f"{vendor.name} written by {writer.name}",
        raw=raw,
        clean=clean,
        formats=Formats(
            instants=tuple(dict.fromkeys(instants)),
            true=writer.true,
            false=writer.false,
            time_zone="UTC",
            unset=vendor.unset,
        ),
        writer=writer,
        lacking={name: kind.contract for name, kind in vendor.kinds.items() if name not in raw},
        is_crm=vendor.is_crm,
        minor_digits=vendor.minor_digits,
        options=vendor.options,
        asked=vendor.asked,
        listed=vendor.listed,
        spelled=vendor.shown_as if writer.nests == "only_spelled" else None,
    )


def _raw_table(vendor: Vendor, kind: Kind, writer: Writer) -> RawTable | None:
    """The files that hold a kind of object; None where the writer writes none."""
    is_made = writer.name in kind.in_columns
    if kind.within and (is_made or (writer.lists == "path" and writer.name not in kind.tables)):
        parent, path = kind.within
        tables, in_parent, rows = vendor.kinds[parent].tables.get(writer.name), True, tuple(path.split("."))
        rows = rows[-1:] if is_made else rows
    else:
        tables, in_parent, rows = kind.tables.get(writer.name), False, ()
    if tables is None:
        return None
    contract = _written(kind.contract, tuple(writer.marks))
    fields = [field for field in contract.fields() if field.name not in Export.dtypes()]
    parent_of = kind.within[0] if kind.within else None
    above = vendor.kinds[parent_of].contract if parent_of else None
    columns = {field.name: found for field in fields if (found := _places(field, writer, above, in_list=in_parent))}
    if in_parent and not is_made and "value" in columns:
        columns["value"] = (Place(()),)
    holder = vendor.kinds[kind.within[0]] if kind.within and in_parent else kind
    own = ((holder.wrapped,),) if holder.wrapped and writer.nests == "objects" else ()
    needed = kind.needed and in_parent
    names = (tables,) if isinstance(tables, str) else tables
    pages = vendor.pages if writer.keeps_pages else ()
    places = Places(
        columns,
        rows,
        (*writer.envelopes, *own),
        writer.is_loose,
        writer.name,
        needed,
        writer.appends,
        () if is_made else None,
        holder.heads.get(writer.name),
        tuple(dict.fromkeys(page.format(table=table) for page in pages for table in names)),
    )
    files = tuple(
        pattern.format(table=table)
        for table in names
        for pattern in (("{table}",) if table.endswith(".csv") else writer.files)
    )
    return RawTable(
        contract, files, places, parent_of, in_parent, may_lack=True, outlives=kind.outlives, versions=kind.versions
    )


@cache
def _written(contract: type[Contract], marks: tuple[str, ...]) -> type[Contract]:
    """The contract of an object's rows as they are written: with the writer's marks, by which rows of one differ."""
    of_parent = {field.name for field in contract.fields() if field.of_parent}
    # What an element takes from the object in whose list it stands is told beside by a table of its own.
    differ = (*NEWEST, "row_parent") if of_parent & set(contract.grain()) else NEWEST
    key = [*contract.grain(), *(mark for mark in differ if mark in marks)] if contract.grain() else []
    # What has no key of its own is known by the name of its row.
    key = key or (["row_id"] if "row_id" in marks else [])
    config = type("Config", (getattr(contract, "Config", object),), {"unique": key or None})
    body: dict[str, Any] = {
        "__annotations__": {mark: bool if mark.startswith("row_is") else str for mark in marks},
        "__doc__": contract.__doc__,
        "__module__": contract.__module__,
        "Config": config,
        **{mark: column(MARKS[mark], optional=True) for mark in marks},
    }
    return type(contract.__name__, (contract,), body)


def _places(
    field: Column, writer: Writer, parent: type[Contract] | None, *, in_list: bool = False
) -> tuple[Place, ...]:
    """Where the writer writes a column; `parent`: of the objects that have the list in which it stands."""
    if field.name in MARKS:
        return tuple(Place(tuple(name.split(".")), "line") for name in writer.marks[field.name])
    spelled = field.spelled.get(writer.name)
    if spelled is not None:
        names = (spelled,) if isinstance(spelled, str) else spelled
        if writer.nests == "objects":
            return tuple(Place(tuple(name.split("."))) for name in names)
        return tuple(place for name in names for place in _columns(name, field, writer))
    if writer.nests == "only_spelled":
        return _of_parent(field, writer, parent) if in_list else ()
    if writer.nests == "objects":
        return (Place(tuple(field.name.split("__"))), *_of_parent(field, writer, parent))
    name = field.name.replace("__", writer.nests)
    return (
        (Place((f"{name}_id",)), Place((name,)))
        if field.refers and writer.nests == "_"
        else _columns(name, field, writer)
    )


def _columns(name: str, field: Column, writer: Writer) -> tuple[Place, ...]:
    """The column of this name, and, of a number, those of what its type cannot hold: 33.33 where there was only 25."""
    others = writer.others if field.dtype.is_numeric() else ()
    return (Place((name,)), *(Place((f"{name}{end}",)) for end in others))


def _of_parent(field: Column, writer: Writer, parent: type[Contract] | None) -> tuple[Place, ...]:
    """Where the object in whose list the column stands has its value: under the name that its own contract gives."""
    if field.of_parent is None:
        return ()
    theirs = [each for each in parent.fields() if each.name == field.of_parent] if parent else []
    found = [place for each in theirs for place in _places(each, writer, None)] or [Place((field.of_parent,))]
    return tuple(replace(place, of="record") for place in found)


ASKED = "Column that the config asks for: {name}"


def with_asked(form: Form, options: BaseModel | None) -> Form:
    """The form with the columns that the config asks for, which a file has under whatever name.

    And with its instants spelled as the config says.
    """
    asked = form.asked(options) if form.asked and options else {}
    listed = form.listed(options) if form.listed and options else {}
    raw = dict(form.raw)
    for name, columns in asked.items():
        if name in raw and columns:
            raw[name] = _with_columns(raw[name], columns)
    for name, elements in listed.items():
        if name in raw and (places := raw[name].places) and places.elements is not None:
            raw[name] = replace(raw[name], places=replace(places, elements=elements))
    said = form.spelled(options) if form.spelled and options else ()
    return replace(form, raw=raw, formats=replace(form.formats, instants=said) if said else form.formats)


def _with_columns(table: RawTable, columns: Mapping[str, str]) -> RawTable:
    contract = with_columns(table.contract, tuple(columns), ASKED, optional=True)
    places = table.places or Places({})
    # A table may call a column so, dots and all, or have an object of which it is a part.
    own = {
        column: tuple(Place(path) for path in dict.fromkeys([(name,), tuple(name.split("."))]))
        for column, name in columns.items()
    }
    return replace(table, contract=contract, places=replace(places, columns={**places.columns, **own}))
