"""Exports → landed → validated → clean → staged, one canonical table at a time."""

import datetime as dt
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from pipelines.ingest.accounting import Gathered
from pipelines.ingest.as_of import Sent, day_of, notice_on_as_of
from pipelines.ingest.by_month import SEEN, ByMonth
from pipelines.ingest.gathering import gather
from pipelines.ingest.in_place import read_in_place
from pipelines.ingest.notices import ExportWarning
from pipelines.ingest.overview import Overview, Sight, month_of
from pipelines.ingest.resolved import (
    FIRST,
    LINK,
    crm_accounts,
    in_order,
    is_derived,
    lost_of,
    resolved,
    with_repeated,
)
from pipelines.ingest.segments import refuse_too_many_values
from pipelines.ingest.sources import (
    crms_of,
    ingest_code,
    look_at,
    notices_on_loads,
    sent_files,
    sources_of,
    speaking_files,
)
from pipelines.large_tables import lost_events
from pipelines.project import Project
from schemas.customers import Accounts
from schemas.operations import (
    WARNED,
    ContentMonth,
    EventAccount,
    EventDay,
    ExportFile,
    Ingest,
    LeftOut,
    Quarantine,
)
from schemas.tables import CANONICAL, LARGE
from warehouse.errors import WarehouseError
from warehouse.fetching import fetched, note_fetched
from warehouse.landed import LandedFile, landed_files
from warehouse.landing import land_files
from warehouse.lineage import digest
from warehouse.person_key import make_key
from warehouse.rejected import dated
from warehouse.staging import is_staged, write_quarantined, write_staged, write_staged_months, wrong_staged
from warehouse.validation import AT

NEVER = dt.date(1970, 1, 1)
READS = {"account_links": "identities", "milestones": "usage_events", "survey_responses": "tickets"}
"""Tables that are made with another one, and come after it."""


@dataclass(frozen=True)
class Ingested:
    """What became of a canonical table."""

    table: str
    rows: int
    rejected: int
    has_source: bool
    unchanged: bool
    warnings: tuple[str, ...] = ()
    """What was settled without a rejection, in words."""
    notices: tuple[str, ...] = ()
    """What a person should know of rows that keep their contract."""


def land_all(project: Project) -> tuple[list[LandedFile], dt.date]:
    """Land every file the config points at; the landed files and the day the data speaks for.

    Only here a key for persons' ids is made, so that nothing that merely looks makes another one.

    Raises:
        WarehouseError: a file is not there; all tables are marked, so that nothing is published.
    """
    try:
        files = fetched(sent_files(project), project.folders)
        sent: list[Sent] = [*files, *project.lake.values()]
        as_of = day_of(project, sent)
        look_at(project, files)
        landed = land_files(files, project.folders)
        note_fetched(files, landed, project.folders)
        make_key(project.folders)
    except WarehouseError as fault:
        _mark(project, list(CANONICAL), str(fault), project.config.as_of or NEVER)
        raise
    for notice in (*filter(None, [notice_on_as_of(project, sent, as_of)]), *notices_on_loads(project)):
        warnings.warn(notice, ExportWarning, stacklevel=2)
    return landed, as_of


def ingest_table(project: Project, table: str, as_of: dt.date, run_id: str, sight: Sight) -> Ingested:
    """Validate, clean and stage one canonical table, and say what of it each month sees.

    Unchanged files, code and config leave the staged table as it is. What looks wrong in a file that keeps its contract
    is an ExportWarning.

    Raises:
        WarehouseError: a file cannot be used as a whole; the table is marked, so that nothing is published.
    """
    try:
        files = speaking_files(project)
        wanted = made_from(project, table, files)
        has_source = bool(sources_of(project, table, files))
        known = project.database.read(Ingest.table(), where={"table_name": [table]})
        last = known.filter(pl.col("problem").is_null())
        if last["made_from"].to_list() == [wanted] and _is_whole(project, table, *last["staged_sha256"]):
            seen = last.with_columns(as_of=pl.lit(as_of), sight=pl.lit(sight.name))
            rows = int(last["rows"].item())
            if not last.equals(seen):
                overview = Overview(project, table, sight, files)
                for part in _seen_again(project, table):
                    overview.see(part)
                _record(project, table, seen, overview)
            return Ingested(table, rows, 0, has_source, unchanged=True)
        overview = Overview(project, table, sight, files)
        made = _made(project, table, files, known, overview)
        gathered = made.gathered
        write_quarantined(project.folders, table, gathered.rejects, gathered.raw)
        notices = (*gathered.notices, *overview.notices(made.accounts))
        exported = ",".join(sorted(_exported(project, table, gathered))) or None
        partly = ",".join(sorted(gathered.partly)) or None
        row = (
            table,
            wanted,
            exported,
            partly,
            made.rows,
            None,
            as_of,
            sight.name,
            _now(),
            made.sha256,
            made.lost.write_json(),
        )
        ingest = pl.DataFrame([row], Ingest.dtypes(), orient="row")
        of_rows = {**_told_of_rows(project, table, gathered, run_id), **(made.coverage or overview.coverage())}
        _record(project, table, ingest, overview, of_rows)
        made.clean_up()
    except WarehouseError as fault:
        _mark(project, [table], str(fault), as_of)
        raise
    rejected = gathered.rejects.select("export_source", *AT).unique().height
    for notice in notices:
        warnings.warn(notice, ExportWarning, 2)
    told = {"warnings": _warnings(gathered), "notices": notices}
    return Ingested(table, made.rows, rejected, has_source, unchanged=False, **told)


def _is_whole(project: Project, table: str, sha256: str | None) -> bool:
    """Whether what the last ingest made is there as it was made."""
    return is_staged(project.folders, table, sha256) and table not in lost_events(project)


def due(project: Project, as_of: dt.date, sights: Callable[[str], str]) -> list[str]:
    """The canonical tables that an ingest would read again, or look at again: their files, code, config or day moved.

    `sights` gives the name of each table's sight.
    """
    files = speaking_files(project)
    known = {
        row["table_name"]: (row["made_from"], row["problem"], row["as_of"], row["sight"])
        for row in project.database.read(Ingest.table()).iter_rows(named=True)
    }
    broken = {*damaged(project), *lost_events(project)}
    # A table that was never staged is no other table's to read: an ingest may have ended before it.
    if set(FIRST) - project.staged_hashes().keys() or broken & set(FIRST):
        return list(CANONICAL)
    return [
        table
        for table in CANONICAL
        if table in broken or known.get(table) != (made_from(project, table, files), None, as_of, sights(table))
    ]


def damaged(project: Project) -> dict[str, list[str]]:
    """Canonical tables of which some staged files are not those that their last ingest wrote, with these."""
    hashes = project.staged_hashes()
    wrong = {table: wrong_staged(project.folders, table, hashes[table]) for table in CANONICAL if table in hashes}
    return {table: names for table, names in wrong.items() if names}


def made_from(project: Project, table: str, files: list[LandedFile]) -> str:
    """What a staged table is made from: files, whose rows are whose, the config's part and the code."""
    config = project.config
    names = {name for name, _, _ in sources_of(project, table, files)}
    sources = {name: config.sources[name].model_dump() for name in sorted(names)}
    speaking = sorted((f.source, f.raw_table, f.name, f.sha256) for f in files if f.source in names)
    landed = sorted(
        (f.source, f.raw_table, f.name, f.sha256) for f in landed_files(project.folders) if f.source in names
    )
    accounts, crms = crm_accounts(project, table, files), crms_of(project, files)
    who = None if accounts is None else sorted(accounts.select("account_id", "is_internal").unique().rows(), key=str)
    matched = [] if table in FIRST[:2] else sorted(project.staged("account_links").select(LINK).rows())
    derived: list[object] = []
    if (other := READS.get(table)) and (table != "milestones" or is_derived(project, table)):
        made = project.database.read(Ingest.table(), where={"table_name": [other]})
        said = {"milestones": config.onboarding, "account_links": config.identity}.get(table)
        derived = [said.model_dump() if said else None, made["made_from"].to_list()]
    code = ingest_code(project, table)
    whose = [who, crms.names, crms.named_by, matched]
    where = [config.engine.kind, config.engine.staging] if table in LARGE else []
    return digest(
        sources, speaking, landed, whose, config.segments, config.reporting.model_dump(), derived, code, where
    )


def _stage(project: Project, table: str, rows: pl.DataFrame, months: pl.Series, former: str | None) -> str:
    """Write the table, each month in one order; the SHA-256 by which it is known from now on, and not by `former`."""
    contract = project.contracts[table]
    if not contract.by_month():
        return write_staged(project.folders, table, in_order(rows, contract))
    # One after the other: all of them beside the table would take its memory once more.
    of_each = (
        (month, rows.filter(months.is_null() if month is None else months == month))
        for month in months.unique().to_list()
    )
    return write_staged_months(project.folders, table, of_each, partial(in_order, contract=contract), former)


@dataclass(frozen=True)
class _Made:
    """A canonical table that was made and is staged, and what became of every row that was read."""

    gathered: Gathered
    """Without the rows."""
    sha256: str
    lost: pl.DataFrame
    """Rows of `left_out`: those that are not staged."""
    rows: int
    accounts: pl.DataFrame | None = None
    """The rows of `accounts`."""
    coverage: Mapping[str, pl.DataFrame] | None = None
    """How many rows of each source and month are of accounts that the CRM knows, where the overview doesn't say it."""
    clean_up: Callable[[], None] = lambda: None


def _made(project: Project, table: str, files: list[LandedFile], known: pl.DataFrame, overview: Overview) -> _Made:
    """Make and stage a table, whose rows the overview sees; `known`: what is recorded of its last ingest."""
    contract = project.contracts[table]
    if project.config.in_place(table) and sources_of(project, table, files):
        return _made_in_place(project, table, files, known, overview)
    # Which answer counts is settled among the rows of several months.
    if contract.by_month() and (contract.repeats() or ("",))[0] != "last" and not project.config.in_place(table):
        return _made_by_month(project, table, files, known, overview)
    gathered = gather(project, table, files)
    staged, lost = resolved(project, table, gathered, files)
    if table == Accounts.table():
        refuse_too_many_values(project, staged)
    months = month_of(project, table, staged)
    sha256 = _stage(project, table, staged, months, _unknown(project, table, known))
    overview.look_at(staged, months)
    accounts = staged if table == Accounts.table() else None
    return _Made(_without_rows(gathered), sha256, lost, staged.height, accounts)


def _made_in_place(
    project: Project, table: str, files: list[LandedFile], known: pl.DataFrame, overview: Overview
) -> _Made:
    """The same of a table that is read where it lies, of which the first events are staged."""
    found = read_in_place(project, table, files)
    months = month_of(project, table, found.staged)
    sha256 = _stage(project, table, found.staged, months, _unknown(project, table, known))
    project.database.write_whole(found.kept, {"table_name": [table]})  # what months see of it is told by these
    overview.look_at(found.staged, months)
    gathered = _without_rows(found.gathered)
    return _Made(gathered, sha256, found.lost, found.rows, coverage=found.coverage, clean_up=found.clean_up)


def _made_by_month(
    project: Project, table: str, files: list[LandedFile], known: pl.DataFrame, overview: Overview
) -> _Made:
    """The same of a table that is staged by month, of which no more is in memory than a month, or a part of a file."""
    contract, is_large = project.contracts[table], table in LARGE
    with closing(ByMonth(project, table, overview)) as rows:
        gathered = gather(project, table, files, rows.hold)
        staging = (project.folders, table, rows.months(files), partial(in_order, contract=contract))
        firsts = (lambda: rows.firsts) if is_large else None
        sha256 = write_staged_months(*staging, _unknown(project, table, known), firsts)
    gathered = replace(gathered, files=with_repeated(project, table, gathered, files, rows.repeated))
    lost = lost_of(project, table, gathered, files, rows.before, rows.rows)
    if is_large:
        kept = {EventDay.table(): rows.days(), EventAccount.table(): EventAccount.blank()}
        project.database.write_whole(kept, {"table_name": [table]})
        overview.see(rows.firsts)
    return _Made(gathered, sha256, lost, sum(rows.rows.values()))


def _unknown(project: Project, table: str, known: pl.DataFrame) -> str | None:
    """The SHA-256 that a staged table had, which is of no known making until all is recorded.

    A kill in between must not leave it under its old name.
    """
    if known.height:
        unknown = known.with_columns(made_from=pl.lit(""))
        project.database.write_whole({Ingest.table(): unknown}, {"table_name": [table]})
    return next(iter(known["staged_sha256"]), None)


def _seen_again(project: Project, table: str) -> Iterator[pl.DataFrame]:
    """The staged rows by which it is told what months see, some at a time: of a large table its first events."""
    if table in LARGE:
        yield project.firsts(table)
    elif (project.contracts[table].repeats() or ("",))[0] == "last":
        yield project.staged(table)
    else:
        # Each month by itself would take many times as long.
        waiting = list[pl.DataFrame]()
        for part in project.staged_parts(table):
            waiting.append(part)
            if sum(each.height for each in waiting) >= SEEN:
                yield pl.concat(waiting)
                waiting.clear()
        if waiting:
            yield pl.concat(waiting)


def _without_rows(gathered: Gathered) -> Gathered:
    return replace(gathered, rows=gathered.rows.clear())


def _exported(project: Project, table: str, gathered: Gathered) -> frozenset[str]:
    derived = {"account_id", "milestone", "reached_on"} if is_derived(project, table) else set[str]()
    return gathered.columns | derived


def _told_of_rows(project: Project, table: str, gathered: Gathered, run_id: str) -> dict[str, pl.DataFrame]:
    """What became of the rows of each file; raw values of rejected ones stay in the private quarantine."""
    files = pl.DataFrame(gathered.files, schema=ExportFile.dtypes(), orient="row")
    quarantined = dated(gathered.rejects, gathered.raw, project.contracts[table]).select(
        "column_name",
        "reason",
        "month",
        source="export_source",
        file="export_file",
        table_name=pl.lit(table),
        line="export_line",
        run_id=pl.lit(run_id),
        rejected_at=pl.lit(_now()),
    )
    return {ExportFile.table(): files, Quarantine.table(): quarantined}


def _warnings(gathered: Gathered) -> tuple[str, ...]:
    files = pl.DataFrame(gathered.files, schema=ExportFile.dtypes(), orient="row")
    return tuple(f"{count} rows {told}" for name, told in WARNED.items() if (count := files[name].sum()))


def _record(
    project: Project,
    table: str,
    ingest: pl.DataFrame,
    overview: Overview,
    of_rows: Mapping[str, pl.DataFrame] | None = None,
) -> None:
    """Record the ingest, what of the table each month sees, what none does, and `of_rows`, in one transaction."""
    lost = LeftOut.shaped(pl.DataFrame(json.loads(ingest["left_out"].item() or "[]"), LeftOut.dtypes()))
    written = {
        **(of_rows or {}),
        ContentMonth.table(): overview.content(),
        LeftOut.table(): overview.left_out(lost),
        Ingest.table(): ingest,
    }
    project.database.write_whole(written, {"table_name": [table]})


def _mark(project: Project, tables: list[str], problem: str, as_of: dt.date) -> None:
    """Say that the tables' ingest failed; the audit publishes nothing until it went well."""
    known = project.database.read(Ingest.table(), where={"table_name": tables})
    unknown = [table for table in tables if table not in known["table_name"].to_list()]
    new = [(table, "", None, None, 0, problem, as_of, "", _now(), None, None) for table in unknown]
    rows = pl.concat([known.with_columns(problem=pl.lit(problem)), pl.DataFrame(new, Ingest.dtypes(), orient="row")])
    project.database.write_whole({Ingest.table(): rows}, {"table_name": tables})


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
