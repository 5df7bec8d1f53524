"""Which months of which tables are stale, and why; and the runs that mend it."""

import datetime as dt
from dataclasses import dataclass

from pipelines.months.expectation import expected
from pipelines.project import Project
from schemas.operations import Build
from schemas.tables import CANONICAL, WHOLE
from transforms.calendar import contiguous
from warehouse.lineage import Stale, stale_builds


@dataclass(frozen=True)
class Stretch:
    """An unbroken stretch of months with the tables and metric assets that are stale in any of them: one run."""

    first: dt.date
    last: dt.date
    tables: tuple[str, ...]

    def told(self, between: str = "..") -> str:
        """Its month, or the first and the last."""
        return between.join(f"{month:%Y-%m}" for month in dict.fromkeys((self.first, self.last)))


def stale_months(project: Project) -> list[Stale]:
    """What is not built from what it must be; empty: everything is."""
    must = expected(project, project.as_of())
    return stale_builds(must, project.database.read(Build.table()), {*CANONICAL, *WHOLE})


def stretches(stale: list[Stale]) -> list[Stretch]:
    """The runs that build what is stale and nothing else: one for each unbroken stretch of months."""
    spans = contiguous([entry.month for entry in stale])
    return [
        Stretch(first, last, tuple(dict.fromkeys(e.table for e in stale if first <= e.month <= last)))
        for first, last in spans
    ]
