"""`make doctor`: config, sources, disk, lock, versions and all of DATA_DIR, and what to do about what is wrong."""

import platform
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.commands import inspection
from pipelines.commands.inspection import Finding
from pipelines.ingest.sources import sent_files, unlanded_files
from pipelines.project import Project
from warehouse.errors import LockedError, WarehouseError
from warehouse.fetching import fetched
from warehouse.locking import holder, run_lock
from warehouse.sent import SourceFile

PARTS = ("dagster", "duckdb", "polars", "pandera", "pyarrow")


def doctor(project: Project) -> tuple[list[str], bool]:
    """Lines for a person, and whether all is well.

    What must be fetched to be looked at is fetched beside the data folder: a run may be at work there.
    """
    with TemporaryDirectory() as copies:
        return _examined(project, Path(copies))


def _examined(project: Project, copies: Path) -> tuple[list[str], bool]:
    lines, wrong = [], False

    def tell(name: str, findings: Iterable[Finding]) -> None:
        nonlocal wrong
        for good, what in findings:
            wrong = wrong or not good
            lines.append(f"{'ok   ' if good else 'WRONG'} {name:10}{what}")

    files, faults = list[SourceFile](), dict[str, list[str]]()
    try:
        config = project.config
        told = f"{config.company}, {config.first_month:%Y-%m} on, {config.reporting.currency}"
        tell("config", [(True, f"{project.config_path}: {told}")])
        files = fetched(sent_files(project, copies), project.folders)
        faults = inspection.faults_of(project, files)
        tell("sources", [(True, _sources(project, files)), *inspection.sources(faults)])
        tell("sources", [*inspection.whose(project, files, faults), *inspection.without(project, files, faults)])
        tell("fills", inspection.fills(project, files))
    except WarehouseError as fault:
        tell("config", [(False, str(fault))])
    # What a run is writing is never whole, and a run that finds the database open elsewhere fails.
    with _locked(project) as other:
        tell("lock", [(True, f"held by {other}; what it writes was not looked at" if other else "free")])
        tell("disk", [inspection.disk(project, files)])
        tell("versions", [(True, _versions())])
        if not other and project.data_dir.exists():
            tell("landed", inspection.landed(project, files, faults))
            tell("staged", inspection.staged(project))
            tell("loaded", inspection.loaded(project))
            tell("working", [inspection.working(project)])
            tell("key", [inspection.key(project)])
            tell("modes", inspection.modes(project))
        tell("published", inspection.published(project))
    return lines, not wrong


def _sources(project: Project, files: list[SourceFile]) -> str:
    size = sum(file.size for file in files)
    try:
        new = f"{len(unlanded_files(project))} not landed yet"
    except WarehouseError:
        new = "what is landed is unknown"
    lake = project.lake.values()
    there = f"; {len(lake)} read where they lie, {sum(file.bytes for file in lake) / 1e6:.1f} MB" if lake else ""
    return f"{len(files)} files, {size / 1e6:.1f} MB, {new}{there}"


@contextmanager
def _locked(project: Project) -> Iterator[str | None]:
    """The data folder, if it is there and free, is held within the block; else who holds it."""
    with ExitStack() as held:
        other = None
        if project.data_dir.exists():
            try:
                held.enter_context(run_lock(project.folders, "make doctor", wait_seconds=0))
            except LockedError:
                other = holder(project.folders)
            except OSError:
                other = None  # who may not write there can still look
        yield other


def _versions() -> str:
    told = ", ".join(f"{name} {version(name)}" for name in PARTS)
    return f"Python {platform.python_version()}, {told}"
