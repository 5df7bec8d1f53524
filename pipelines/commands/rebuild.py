"""`make rebuild`: everything again from the landed files, beside what is in use, and only then in its place."""

import shutil

from pipelines.commands.work import Work
from pipelines.ingest.sources import lost_files, sent_files
from pipelines.mending import mend
from pipelines.months.plan import stale_months, stretches
from pipelines.project import Project
from warehouse.folders import Folders
from warehouse.landed import mend_list
from warehouse.landing import check_whole
from warehouse.person_key import make_key

BESIDE = "rebuild"


def make_anew(project: Project) -> list[str]:
    """Build all months from the landed files and put them in the place of what was there; why not, if it fails.

    Raises:
        WarehouseError: something that is needed is not there; nothing was touched.
    """
    mend_list(project.folders)
    make_key(project.folders)
    for file in lost_files(project, sent_files(project))[0]:
        check_whole(file, project.folders)
    anew = Project(project.config_path, project.data_dir, BESIDE)
    shutil.rmtree(anew.folders.made, ignore_errors=True)
    try:
        with Work(anew) as work:
            mend(anew)
            done = work.ingest() and all(
                work.build(stretch, everything=False) for stretch in stretches(stale_months(anew))
            )
            anew.database.close()
            if not done:
                return work.failures
        _replace(anew.folders, project.folders)
    finally:
        shutil.rmtree(anew.folders.made, ignore_errors=True)
    return []


def _replace(made: Folders, former: Folders) -> None:
    """Put what was made in the place of what was there, the database first: a staged file that is not its is found."""
    former.working_database.with_name(f"{former.working_database.name}.wal").unlink(missing_ok=True)
    made.working_database.replace(former.working_database)
    for ours, theirs in ((made.staged, former.staged), (made.quarantine, former.quarantine)):
        new = {path.name for path in ours.iterdir()}
        for path in ours.iterdir():
            if (there := theirs / path.name).is_dir():
                shutil.rmtree(there)
            path.replace(there)
        for path in theirs.iterdir():
            if path.name not in new:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
