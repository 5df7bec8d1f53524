"""The commands behind the Makefile: init, run, plan, doctor, forget, rebuild, rollback, dev, dictionary, schema."""

import argparse
import datetime as dt
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from pipelines.commands.asking import Conversation, ask_for_company, ask_for_sources
from pipelines.commands.config_keys import config_schema_text
from pipelines.commands.dictionary import dictionary
from pipelines.commands.doctor import doctor
from pipelines.commands.forget import forget_file, forget_source
from pipelines.commands.proposal import USUAL, config_text, propose
from pipelines.commands.rebuild import make_anew
from pipelines.commands.report import Report
from pipelines.commands.work import Work
from pipelines.faults import in_words
from pipelines.ingest.canonical_tables import damaged, due
from pipelines.ingest.notices import said
from pipelines.ingest.sources import day_of_exports, look_at, unlanded_files
from pipelines.large_tables import lost_events
from pipelines.mending import mend
from pipelines.months.dimensions import sights
from pipelines.months.plan import Stretch, stale_months, stretches
from pipelines.project import Project
from pipelines.publish.glossary import check_targets
from pipelines.publish.release import is_new
from pipelines.stopwatch import OWN_WORK
from transforms.calendar import contiguous
from warehouse.errors import ConfigError, ExportError, WarehouseError
from warehouse.locking import run_lock
from warehouse.pasted import make
from warehouse.publishing import make_current
from warehouse.versions import rollback


def main(arguments: Sequence[str], started: float) -> int:
    """Run a command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipelines")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the main job")
    run.add_argument("--months", help="2026-05, or 2026-01..2026-05; default: what is stale")
    run.add_argument("--accept", help="name of the moves of closed months that a refused publish told")
    forgotten = commands.add_parser("forget", help="give up a landed file, or all that a source no longer sends")
    what = forgotten.add_mutually_exclusive_group(required=True)
    what.add_argument("--file", help="as `doctor` names it")
    what.add_argument("--source", help="as the config names it, now or before")
    begun = commands.add_parser("init", help="a first config")
    begun.add_argument("--folder", default="", help="a folder of exports, or of folders of them; none: it is asked for")
    for name in ("plan", "doctor", "rebuild", "rollback", "dev", "dictionary", "schema"):
        commands.add_parser(name)
    chosen = parser.parse_args(arguments)
    project = Project.from_environment()
    try:
        with said(lambda notice: _say(f"  warning: {notice}")):
            return _COMMANDS[chosen.command](project, chosen, started)
    except KeyboardInterrupt:
        return _ended(f"interrupted; what is built stays, and this goes on from there: {make('run')}", 130)
    except BrokenPipeError:
        # Who read what is told here has gone, as `head` does; nothing more can be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Exception, pl.exceptions.PanicException) as fault:
        return _ended(f"error: {in_words(fault).told}", 1)


def _ended(told: str, status: int) -> int:
    print(told, file=sys.stderr)
    return status


def _say(text: str = "") -> None:
    print(text, flush=True)


def _asked_months(text: str) -> Stretch:
    """2026-05 or 2026-01..2026-05 as months."""
    first, parted, last = text.partition("..")
    try:
        if not all(re.fullmatch(r"\d{4}-\d{2}", part) for part in ((first, last) if parted else (first,))):
            raise ValueError
        ends = [dt.date.fromisoformat(f"{part}-01") for part in (first, last or first)]
    except ValueError:
        raise WarehouseError(
            f"MONTHS={text[:40]}: expected a month like 2026-05, or a range like 2026-01..2026-05"
        ) from None
    if ends[0] > ends[1]:
        raise WarehouseError(f"MONTHS={text}: the range is upside down; expected MONTHS={last}..{first}")
    return Stretch(ends[0], ends[1], ())


def _check_months(asked: Stretch, months: list[dt.date]) -> None:
    """Raise WarehouseError unless all months that were asked for are among the data's."""
    if asked.first < months[0] or months[-1] < asked.last:
        raise WarehouseError(f"MONTHS={asked.told()}: the data has {months[0]:%Y-%m} to {months[-1]:%Y-%m}")


def _asked(project: Project, text: str) -> Stretch:
    """The months asked for, held against those that the exports will have, before anything is done."""
    asked = _asked_months(text)
    with suppress(ExportError):  # the run itself tells of a file that isn't there, and what readers keep
        _check_months(asked, project.months(day_of_exports(project)))
    return asked


def _run(project: Project, chosen: argparse.Namespace, started: float) -> int:
    """Ingest what is due, build what is stale (or what was asked for), audit, and publish what is new."""
    _check(project)
    asked = _asked(project, chosen.months) if chosen.months else None
    report = Report(project, started)
    lock = run_lock(project.folders, "make run", wait_seconds=_wait_seconds(), say=_say)
    with lock, Work(project) as work:
        report.loaded()
        for told in mend(project):
            _say(f"  {told}")
        if not work.ingest():
            return report.failed(work.failures)
        if asked:
            _check_months(asked, project.months(project.as_of()))
        wanted = [asked] if asked else stretches(stale_months(project))
        for stretch in wanted:
            if not work.build(stretch, everything=bool(asked)):
                return report.failed(work.failures)
        if version := make_current(project.folders):
            _say(f"  readers did not have version {version}, though it was whole; they have it now")
        if asked and (left := _left(project)):
            report.unfinished(asked, left)
            return 0
        fresh = is_new(project)
        if fresh and not work.publish(chosen.accept):
            return report.failed(work.failures)
        report.finished(wanted, fresh=fresh)
    return 0


def _left(project: Project) -> Stretch | None:
    """From the first to the last month that is published and still to be built."""
    months = [entry.month for entry in stale_months(project) if entry.month >= project.config.first_month]
    return Stretch(min(months), max(months), ()) if months else None


def _check(project: Project) -> None:
    """Raise ConfigError if the config is faulty, before anything is done."""
    project.check()
    check_targets(project)


def _wait_seconds() -> float:
    told = os.environ.get("LOCK_WAIT_SECONDS") or "600"
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", told):
        raise WarehouseError("LOCK_WAIT_SECONDS: expected seconds, like 600")
    return float(told)


def _port() -> str:
    told = os.environ.get("PORT") or "3000"
    if not re.fullmatch(r"\d{1,5}", told):
        raise WarehouseError("PORT: expected the number of a port, like 3000")
    return told


def _plan(project: Project, _: argparse.Namespace, __: float) -> int:
    _check(project)
    new, day = unlanded_files(project), day_of_exports(project)
    look_at(project, new)
    for file in new:
        _say(f"new or changed: {file.source} {file.name}")
    if new:
        _say(f"They may touch more months once they are landed: {make('run')}")
    if not project.folders.working_database.exists():
        _say(f"Nothing is built yet; this builds every month: {make('run')}")
        return 0
    # A run that finds the database open elsewhere fails, so that looking keeps runs waiting, and runs keep it out.
    with run_lock(project.folders, "make plan", wait_seconds=0):
        _tell_stale(project, day)
    return 0


def _tell_stale(project: Project, day: dt.date) -> None:
    """What a run would build, and why; `day` is the as_of that it would have."""
    as_of, sight = project.as_of(), sights(project, project.as_of())
    if day != as_of:
        _say(
            f"as_of moves from {as_of} to {day}, which may touch more months; every table is looked at by {make('run')}"
        )
    for name in (name for names in damaged(project).values() for name in names):
        _say(f"staged/{name} is gone, or is not what was staged; this makes it again: {make('run')}")
    for what in (what for lost in lost_events(project).values() for what in lost):
        _say(f"{what}; this validates it again: {make('run')}")
    if again := due(project, as_of, lambda table: sight(table).name):
        _say(f"to be read again, as files, config or code changed: {', '.join(again)}")
    stale = stale_months(project)
    reasons: dict[tuple[str, str], list[dt.date]] = {}
    for entry in stale:
        reasons.setdefault((entry.table, entry.why), []).append(entry.month)
    for (table, why), months in reasons.items():
        spans = ", ".join(Stretch(first, last, ()).told() for first, last in contiguous(months))
        _say(f"{table:32} {spans:24} {why}")
    tables = len({entry.table for entry in stale})
    _say(f"{len(stale)} table-months of {tables} tables are stale." if stale else "Nothing is stale.")


def _init(project: Project, chosen: argparse.Namespace, _: float) -> int:
    """Write a config for what lies in a folder, or for what is answered, and look at it as the doctor does."""
    path = project.config_path
    where = {"FOLDER": chosen.folder} if chosen.folder else {}
    if path.exists():
        new = make("init", **where, CONFIG="my_company.yaml")
        raise ConfigError(f"{path} is there already, and stays as it is; name a new one: {new}")
    if chosen.folder:
        company, found = USUAL, propose(Path(chosen.folder))
    else:
        asking = Conversation(_say, input)
        company, found = ask_for_company(asking), ask_for_sources(asking)
    today = dt.datetime.now(dt.UTC).date()
    path.write_text(config_text(path, found, today, company), encoding="utf-8")
    number = "1 source" if len(found) == 1 else f"{len(found)} sources"
    _say(f"{path}: {number}; read it through, and say what only you can know")
    return _doctor(project.anew(), chosen, 0.0)


def _doctor(project: Project, _: argparse.Namespace, __: float) -> int:
    lines, healthy = doctor(project)
    for line in lines:
        _say(line)
    return 0 if healthy else 1


def _rebuild(project: Project, chosen: argparse.Namespace, started: float) -> int:
    """Make everything again from the landed files, and only then replace what was there."""
    project.check()
    with run_lock(project.folders, "make rebuild", wait_seconds=_wait_seconds(), say=_say):
        if failures := make_anew(project):
            _say("Nothing was replaced.")
            return Report(project, started).failed(failures)
    now = time.perf_counter()
    _say(
        f"Made again from the landed files, in place of what was there, in {now - started:.1f} s; now an ordinary run:"
    )
    OWN_WORK.seconds.clear()
    chosen.months = chosen.accept = None
    return _run(Project(project.config_path, project.data_dir), chosen, now)


def _forget(project: Project, chosen: argparse.Namespace, __: float) -> int:
    project.check()
    with run_lock(project.folders, "make forget", wait_seconds=_wait_seconds(), say=_say):
        told = forget_file(project, chosen.file) if chosen.source is None else forget_source(project, chosen.source)
        for line in told:
            _say(line)
    return 0


def _rollback(project: Project, _: argparse.Namespace, __: float) -> int:
    with run_lock(project.folders, "make rollback", wait_seconds=_wait_seconds(), say=_say):
        version = rollback(project.folders)
    _say(f"Readers now get version {version}.")
    return 0


def _dev(project: Project, _: argparse.Namespace, __: float) -> int:
    """Replace this process by Dagster's UI and daemon, on this machine only; a faulty config is told first."""
    _check(project)
    from pipelines.orchestration.instance import dagster_home  # noqa: PLC0415 - loads Dagster

    dagster_home(project)
    here = Path(sys.executable).parent
    os.environ["VIRTUAL_ENV"] = str(here.parent)
    command = [str(here / "dg"), "dev", "--host", "127.0.0.1", "--port", _port()]
    os.execv(command[0], command)  # noqa: S606 - our own arguments


def _dictionary(project: Project, _: argparse.Namespace, __: float) -> int:
    _say(dictionary())
    return 0


def _schema(project: Project, _: argparse.Namespace, __: float) -> int:
    _say(config_schema_text())
    return 0


_COMMANDS = {
    "run": _run,
    "plan": _plan,
    "init": _init,
    "doctor": _doctor,
    "forget": _forget,
    "rebuild": _rebuild,
    "rollback": _rollback,
    "dev": _dev,
    "dictionary": _dictionary,
    "schema": _schema,
}
