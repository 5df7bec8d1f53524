"""Who copies vendors' objects into files: how each writes down whatever vendor's objects, once for all vendors."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

MARKS = {
    "row_written_at": "When the row was written: of rows of one object the newest counts",
    "row_generation": "Run that began the table anew: rows of former ones do not count",
    "row_is_deleted": "Whether the object was deleted",
    "row_is_live": "Whether the row is the object's present version",
    "row_id": "Name of the row, by which rows of its lists know it",
    "row_parent": "Name of the row in whose list this one stands",
}
"""What writers note beside the objects, in words."""


@dataclass(frozen=True)
class Writer:
    """How somebody writes objects down.

    `files`: names and patterns of a table's files; `{table}` is its name. `nests`: how what is within an object is
    found: as an object in it, or in a column whose name has both names with a sign between them; `only_spelled`: no
    rule gives the name of a column. `lists`: whether the elements of a list stand in the object, by their path, or in
    a table of their own. `envelopes`: what an object may be wrapped in. `marks`: by mark the columns that may hold it,
    with a point before what is within one. `others`: what the name of a column ends in that has those numbers of
    another that its type cannot hold. `is_loose`: the case and the underscores of names are nobody's care.
    `keeps_times`: instants stay as the vendor spells them; `instants`: as the writer spells them, in UTC where they
    name no zone. `money`: whether amounts are in the vendor's minor units, or in whole units of their currency.
    `exported`: how a file's name tells when it was written, as a number since 1970 (a pattern), and how many of these
    are a second. `finished`: where a file stands for each of these that came to its end, and how its name tells the
    number (a pattern); where there are such, files of others are not whole, and left out. `appends`: a table's files
    are parts that together say what there is, and none shows all. `keeps_pages`: objects may stand in the pages in
    which the vendor's API gives them.
    """

    name: str
    title: str
    files: tuple[str, ...]
    nests: Literal["objects", "__", "_", "only_spelled"]
    lists: Literal["path", "table"]
    envelopes: tuple[tuple[str, ...], ...] = ()
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    is_loose: bool = False
    keeps_times: bool = True
    instants: tuple[str, ...] = ()
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    money: Literal["minor", "whole"] = "minor"
    exported: tuple[str, int] | None = None
    finished: tuple[str, str] | None = None
    appends: bool = False
    keeps_pages: bool = False

    @property
    def signs(self) -> frozenset[str]:
        """Columns that stand in whatever it writes, and that nobody else would call so."""
        names = {name for of in self.marks.values() for name in of}
        return frozenset(name for name in names if name.startswith("_"))


ISO = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f%:z")
PLAIN = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")
UNLOADED = ("%Y-%m-%d %H:%M:%S%.f UTC", "%Y-%m-%d %H:%M:%S%.f +0000", "%Y-%m-%d %H:%M:%S%.f+00")
"""How BigQuery, Snowflake and Postgres spell instants of UTC in files."""
BY_TABLE = ("{table}.*", "{table}-*.*", "{table}/*")

WRITERS: dict[str, Writer] = {
    writer.name: writer
    for writer in (
        Writer(
            name="fivetran",
            title="tables that Fivetran keeps in a warehouse or a lake",
            files=BY_TABLE,
            nests="_",
            lists="table",
            marks={
                "row_written_at": ("_fivetran_synced",),
                "row_is_deleted": ("_fivetran_deleted",),
                "row_is_live": ("_fivetran_active",),
            },
            is_loose=True,
            keeps_times=False,
            instants=(*PLAIN, *ISO),
            true=("true", "TRUE", "True", "t"),
            false=("false", "FALSE", "False", "f"),
        ),
        Writer(
            name="airbyte",
            title="streams that Airbyte writes to a lake, as JSON lines or Parquet",
            files=("{table}/*", "{table}.*", "{table}-*.*"),
            nests="objects",
            lists="path",
            envelopes=(("_airbyte_data",), ("record", "data"), ("data",)),
            marks={
                "row_written_at": (
                    "_airbyte_extracted_at",
                    "_airbyte_emitted_at",
                    "emitted_at",
                    "record.emitted_at",
                ),
                "row_generation": ("_airbyte_generation_id",),
            },
            exported=(r"_(\d{13})_\d+\.", 1000),
            appends=True,
            instants=(*ISO, *PLAIN),
        ),
        Writer(
            name="dlt",
            title="tables that dlt writes to a lake",
            files=("{table}/*", "{table}.*", "{table}-*.*"),
            nests="__",
            lists="table",
            marks={
                "row_written_at": ("_dlt_load_id",),
                "row_id": ("_dlt_id",),
                "row_parent": ("_dlt_parent_id",),
            },
            others=("__v_text", "__v_double"),
            exported=(r"^(\d{10}\.\d+)\.", 1),
            finished=("_dlt_loads/*", r"(\d{10}\.\d+)"),
            appends=True,
            instants=(*ISO, *PLAIN),
            true=("true", "True", "TRUE"),
            false=("false", "False", "FALSE"),
        ),
        Writer(
            name="warehouse",
            title="tables that the vendor itself keeps in a warehouse",
            files=BY_TABLE,
            nests="_",
            lists="table",
            is_loose=True,
            keeps_times=False,
            instants=(*PLAIN, *ISO, *UNLOADED),
            true=("true", "TRUE", "True", "t"),
            false=("false", "FALSE", "False", "f"),
        ),
        Writer(
            name="api",
            title="objects as the vendor's API gives them, one a line of JSON, or in the pages of its lists",
            files=BY_TABLE,
            nests="objects",
            lists="path",
            instants=ISO,
            keeps_pages=True,
        ),
        Writer(
            name="dashboard",
            title="CSV files that people download",
            files=("{table}*.csv",),
            nests="only_spelled",
            lists="table",
            keeps_times=False,
            instants=("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"),
            true=("true", "TRUE", "True", "1"),
            false=("false", "FALSE", "False", "0"),
            money="whole",
        ),
    )
}


def written_by(columns: Collection[str]) -> str | None:
    """Who wrote a file with these columns, if they tell it."""
    return next((writer.name for writer in WRITERS.values() if not writer.signs.isdisjoint(columns)), None)
