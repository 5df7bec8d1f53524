"""Which months of which tables are stale, and why."""

import datetime as dt

from pipelines.project import Project
from pipelines.tables import expected
from schemas.catalogue import CANONICAL
from schemas.operations import Build
from transforms.calendar import contiguous
from warehouse.lineage import Stale, stale_builds


def stale_months(project: Project) -> list[Stale]:
    """What is not built from what it must be; empty: everything is."""
    must = expected(project, project.as_of())
    return stale_builds(must, project.database.read(Build.table()), {*CANONICAL, "dim_account"})


def stretches(stale: list[Stale]) -> list[tuple[dt.date, dt.date]]:
    """The months of the stale tables, as unbroken stretches (first, last)."""
    return contiguous([entry.month for entry in stale])
