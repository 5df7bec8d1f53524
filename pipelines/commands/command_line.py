"""The commands behind the Makefile: run, plan, doctor, rebuild, rollback, dev, dictionary."""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.commands.dictionary import dictionary
from pipelines.commands.doctor import doctor
from pipelines.commands.report import Report
from pipelines.commands.work import Work
from pipelines.ingest.canonical_tables import due
from pipelines.ingest.sources import day_of_exports, unlanded_files
from pipelines.months.dimensions import sights
from pipelines.months.plan import Stretch, stale_months, stretches
from pipelines.project import Project
from pipelines.publish.release import is_new
from transforms.calendar import contiguous, months_between
from warehouse.errors import WarehouseError
from warehouse.locking import run_lock
from warehouse.publishing import make_current
from warehouse.upkeep import forget_but_keys
from warehouse.versions import rollback


def main(arguments: Sequence[str], started: float) -> int:
    """Run a command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipelines")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the main job")
    run.add_argument("--months", help="2026-05, or 2026-01..2026-05; default: what is stale")
    run.add_argument("--accept", help="name of the moves of closed months that a refused publish told")
    for name in ("plan", "doctor", "rebuild", "rollback", "dev", "dictionary"):
        commands.add_parser(name)
    chosen = parser.parse_args(arguments)
    project = Project.from_environment()
    try:
        return _COMMANDS[chosen.command](project, chosen, started)
    except WarehouseError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1


def _say(text: str = "") -> None:
    print(text, flush=True)


def _asked_months(text: str, built: list[dt.date]) -> Stretch:
    """2026-05 or 2026-01..2026-05 as months, which must be among the built ones."""
    try:
        first, _, last = text.partition("..")
        ends = [dt.date.fromisoformat(f"{part[:7]}-01") for part in (first, last or first)]
    except ValueError:
        raise WarehouseError(
            f"MONTHS={text}: expected a month like 2026-05, or a range like 2026-01..2026-05"
        ) from None
    months = months_between(*ends)
    if not months or not set(months) <= set(built):
        raise WarehouseError(f"MONTHS={text}: the data has {built[0]:%Y-%m} to {built[-1]:%Y-%m}")
    return Stretch(ends[0], ends[1], ())


def _run(project: Project, chosen: argparse.Namespace, started: float) -> int:
    """Ingest what is due, build what is stale (or what was asked for), audit, and publish what is new."""
    project.check()
    report = Report(project, started)
    lock = run_lock(project.folders, "make run", wait_seconds=_wait_seconds(), say=_say)
    with lock, Work(project) as work:
        report.loaded()
        if not work.ingest():
            return report.failed(work.failures)
        asked = _asked_months(chosen.months, project.months(project.as_of())) if chosen.months else None
        wanted = [asked] if asked else stretches(stale_months(project))
        for stretch in wanted:
            if not work.build(stretch, everything=bool(asked)):
                return report.failed(work.failures)
        if version := make_current(project.folders):
            _say(f"  readers did not have version {version}, though it was whole; they have it now")
        fresh = is_new(project)
        if fresh and not work.publish(chosen.accept):
            return report.failed(work.failures)
        report.finished(wanted, fresh=fresh)
    return 0


def _wait_seconds() -> float:
    return float(os.environ.get("LOCK_WAIT_SECONDS") or 600)


def _plan(project: Project, _: argparse.Namespace, __: float) -> int:
    new = unlanded_files(project)
    for file in new:
        _say(f"new or changed: {file.source} {file.name}; `make run` will land it and may touch more months")
    if not project.folders.working_database.exists():
        _say("Nothing is built yet; `make run` builds every month.")
        return 0
    as_of, sight = project.as_of(), sights(project, project.as_of())
    if (day := day_of_exports(project)) != as_of:
        _say(f"as_of moves from {as_of} to {day}; `make run` will look at every table again and may touch more months")
    if again := due(project, as_of, lambda table: sight(table).name):
        _say(f"to be read again, as files, config or code changed: {', '.join(again)}")
    stale = stale_months(project)
    reasons: dict[tuple[str, str], list[dt.date]] = {}
    for entry in stale:
        reasons.setdefault((entry.table, entry.why), []).append(entry.month)
    for (table, why), months in reasons.items():
        spans = ", ".join(f"{a:%Y-%m}" if a == b else f"{a:%Y-%m}..{b:%Y-%m}" for a, b in contiguous(months))
        _say(f"{table:32} {spans:24} {why}")
    tables = len({entry.table for entry in stale})
    _say(f"{len(stale)} table-months of {tables} tables are stale." if stale else "Nothing is stale.")
    return 0


def _doctor(project: Project, _: argparse.Namespace, __: float) -> int:
    lines, healthy = doctor(project)
    for line in lines:
        _say(line)
    return 0 if healthy else 1


def _rebuild(project: Project, chosen: argparse.Namespace, started: float) -> int:
    """Drop the working database but the keys, and run everything again from the landed files."""
    with run_lock(project.folders, "make rebuild", wait_seconds=_wait_seconds(), say=_say):
        forget_but_keys(project.database)
        for path in project.folders.staged.glob("*.parquet"):
            path.unlink()
    chosen.months = chosen.accept = None
    return _run(Project(project.config_path, project.data_dir), chosen, started)


def _rollback(project: Project, _: argparse.Namespace, __: float) -> int:
    with run_lock(project.folders, "make rollback", wait_seconds=_wait_seconds(), say=_say):
        version = rollback(project.folders)
    _say(f"Readers now get version {version}.")
    return 0


def _dev(project: Project, _: argparse.Namespace, __: float) -> int:
    """Replace this process by Dagster's UI and daemon, on this machine only; a faulty config is told first."""
    project.check()
    from pipelines.orchestration.instance import dagster_home  # noqa: PLC0415 - loads Dagster

    dagster_home(project)
    here = Path(sys.executable).parent
    os.environ["VIRTUAL_ENV"] = str(here.parent)
    command = [str(here / "dg"), "dev", "--host", "127.0.0.1", "--port", os.environ.get("PORT") or "3000"]
    os.execv(command[0], command)  # noqa: S606 - our own arguments


def _dictionary(project: Project, _: argparse.Namespace, __: float) -> int:
    _say(dictionary())
    return 0


_COMMANDS = {
    "run": _run,
    "plan": _plan,
    "doctor": _doctor,
    "rebuild": _rebuild,
    "rollback": _rollback,
    "dev": _dev,
    "dictionary": _dictionary,
}
