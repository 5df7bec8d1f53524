"""`make doctor`: config, sources, disk, lock and versions, and what to do about what is wrong."""

import platform
import shutil
from importlib.metadata import version

from filelock import FileLock, Timeout

from pipelines.ingest.sources import unlanded_files
from pipelines.project import Project
from transforms.clean.vendors import FORMS
from warehouse.errors import WarehouseError
from warehouse.landing import SourceFile, source_files
from warehouse.locking import holder
from warehouse.versions import current_version, versions

PARTS = ("dagster", "duckdb", "polars", "pandera", "pyarrow")
ROOM = 5
"""Free disk should be so many times the exports' size: landed copy, staged tables, working and published files."""


def doctor(project: Project) -> tuple[list[str], bool]:
    """Lines for a person, and whether all is well."""
    lines, wrong = [], False

    def tell(good: bool, what: str) -> None:
        nonlocal wrong
        wrong = wrong or not good
        lines.append(f"{'ok   ' if good else 'WRONG'} {what}")

    files: list[SourceFile] = []
    try:
        config = project.config
        told = f"{config.company}, {config.first_month:%Y-%m} on, {config.reporting.currency}"
        tell(True, f"config   {project.config_path}: {told}")
        files = source_files(project.loaded, FORMS)
        size = sum(file.path.stat().st_size for file in files)
        tell(True, f"sources  {len(files)} files, {size / 1e6:.1f} MB, {len(unlanded_files(project))} not landed yet")
        free = shutil.disk_usage(project.data_dir if project.data_dir.exists() else ".").free
        tell(
            free > ROOM * size,
            f"disk     {free / 1e9:.1f} GB free in {project.data_dir}, {ROOM * size / 1e9:.2f} GB wanted",
        )
    except WarehouseError as fault:
        tell(False, f"config   {fault}")
    lock = FileLock(str(project.folders.lock))
    try:
        project.data_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        lock.release()
        tell(True, "lock     free")
    except Timeout:
        tell(True, f"lock     held by {holder(project.folders)}")
    told = ", ".join(f"{name} {version(name)}" for name in PARTS)
    tell(True, f"versions Python {platform.python_version()}, {told}")
    kept = list(versions(project.folders))
    tell(True, f"published version {current_version(project.folders)}; kept: {', '.join(map(str, kept)) or 'none'}")
    return lines, not wrong
