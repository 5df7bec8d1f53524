"""The dimensions: those without months, and what the months see of every table without months."""

import datetime as dt
from collections.abc import Callable

import polars as pl

from pipelines.ingest.canonical_tables import ingest_table, land_all
from pipelines.ingest.overview import Sight
from pipelines.ingest.segments import refuse_too_many_values
from pipelines.months.content import content_of, content_of_days, seen_rows
from pipelines.months.makers import OF_ALL, TOLD, dimension_code
from pipelines.months.nodes import nodes, whole_nodes
from pipelines.months.readers import UNPARTITIONED
from pipelines.months.store import inputs_of
from pipelines.project import Project
from schemas.customers import DimMonth
from schemas.metrics import MetricMonth, MetricPart
from schemas.operations import ContentMonth, EventDay, Ingest
from schemas.tables import CANONICAL, LARGE
from transforms.calendar import calendar, gross_margins
from transforms.catalogue import DIMENSION_TABLES, MONTHLY_TABLES
from transforms.clean.counting import of_customers
from transforms.clean.reach import days_out_of_sight, out_of_sight
from transforms.declaration import Months, Window
from transforms.visible import seen_on
from warehouse.code import code_of
from warehouse.lineage import digest

MONTHLY = (*MONTHLY_TABLES, MetricPart.table(), MetricMonth.table())
SIGHT = ("pipelines.months.dimensions:sights",)


def windows_on(project: Project) -> dict[str, frozenset[Window]]:
    """Of each table without months the windows that any month has on it."""
    found: dict[str, frozenset[Window]] = dict.fromkeys(UNPARTITIONED, frozenset())
    for node in nodes(project.config):
        for table in UNPARTITIONED & node.windows.keys():
            found[table] |= node.windows[table]
    return found


def sights(project: Project, as_of: dt.date) -> Callable[[str], Sight]:
    """What months see of each table without months, if the data speaks for `as_of`."""
    windows, months = windows_on(project), project.months(as_of)
    code = code_of(*SIGHT, without=(*OF_ALL, *TOLD))

    def sight(table: str) -> Sight:
        contract, config = project.contracts[table], project.config

        asked = [window for window in windows[table] if table not in LARGE or not isinstance(window, Months)]

        def seen(frame: pl.DataFrame) -> pl.DataFrame:
            known = seen_on(contract.shaped(of_customers(table, frame)), contract, as_of, config.reporting.time_zone)
            return seen_rows(known, contract, asked, months, config)

        def content(sums: pl.DataFrame) -> pl.DataFrame:
            told, days = content_of(table, sums), _days(project, table)
            if days is None:
                return told
            known = days.filter(pl.col("day") <= as_of)
            return pl.concat([told, content_of_days(table, known, windows[table], months)])

        def out(frame: pl.DataFrame) -> pl.DataFrame:
            days = _days(project, table)
            if days is None:
                return out_of_sight(frame, contract, config, as_of, months[0])
            return days_out_of_sight(table, days, as_of, months[0])

        named = [config.onboarding.model_dump(), config.finance.model_dump(mode="json"), sorted(config.sources)]
        name = digest(code, sorted(map(str, windows[table])), months, config.reporting.time_zone, named)
        return Sight(name, seen, content, out)

    return sight


def _days(project: Project, table: str) -> pl.DataFrame | None:
    """The rows by day of a large table; None of another one."""
    return project.database.read(EventDay.table(), where={"table_name": [table]}) if table in LARGE else None


def ingest_all(project: Project, run_id: str) -> dt.date:
    """Land, validate, clean and stage every table and make the dimensions, in this process; the day it speaks for."""
    _, as_of = land_all(project)
    sight = sights(project, as_of)
    for table in CANONICAL:
        ingest_table(project, table, as_of, run_id, sight(table))
    build_dimensions(project)
    return as_of


def build_dimensions(project: Project) -> dict[str, int]:
    """Make the dimensions without months and `dim_month`, and say what months see of them; the rows of each.

    Raises:
        ConfigError: a segment has more values than the config allows.
    """
    # Accounts that are there already may have been fewer than a config allows that was changed since.
    refuse_too_many_values(project, project.staged("accounts"))
    as_of, database = project.as_of(), project.database
    inputs, sight = inputs_of(project, as_of), sights(project, as_of)
    months = list(inputs.months)
    margins = gross_margins(months, project.config.finance)
    dim_month = DimMonth.shaped(calendar(months, as_of).join(margins, on="month"))
    frames: dict[str, pl.DataFrame] = {DimMonth.table(): DimMonth.checked(dim_month)}
    content, told = [ContentMonth.blank()], [Ingest.blank()]
    for node in whole_nodes(project.config):
        (reader,) = node.readers
        contract = project.contracts[node.name]
        made = database.numbered(contract, reader.call(inputs.given(reader, months)))
        frames[node.name] = contract.checked(made)
        seen = sight(node.name)
        content.append(seen.content(seen.seen(frames[node.name])))
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        made_from = dimension_made_from(project, node.name)
        row = (node.name, made_from, None, None, made.height, None, as_of, "", now, None, None)
        told.append(pl.DataFrame([row], Ingest.dtypes(), orient="row"))
    database.forget_outside(MONTHLY, months[0], months[-1])
    written = {**frames, ContentMonth.table(): pl.concat(content), Ingest.table(): pl.concat(told)}
    database.write_whole(written, {"table_name": list(DIMENSION_TABLES)})
    return {name: frame.height for name, frame in frames.items()}


def dimension_made_from(project: Project, name: str) -> str:
    """What a dimension without months is made from, in one hash: canonical tables, config, code and day."""
    ingested = project.database.read(Ingest.table()).filter(pl.col("table_name").is_in(list(CANONICAL)))
    config = project.config
    return digest(
        ingested.sort("table_name").select("table_name", "made_from", "sight").rows(),
        project.as_of(),
        project.months(project.as_of()),
        [
            config.reporting.model_dump(),
            config.onboarding.model_dump(),
            config.finance.model_dump(mode="json"),
            config.segments,
            config.segment_values,
        ],
        dimension_code(name),
    )


def due_dimensions(project: Project) -> list[str]:
    """The dimensions without months that are not made from what is staged now."""
    known = dict(project.database.read(Ingest.table()).select("table_name", "made_from").iter_rows())
    return [name for name in DIMENSION_TABLES if known.get(name) != dimension_made_from(project, name)]
