"""The work of `make run`, each piece done only if there is something to do; the first of them loads Dagster."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Self

from pipelines.ingest.canonical_tables import due
from pipelines.ingest.sources import landing_due
from pipelines.interrupts import deferred
from pipelines.months.dimensions import due_dimensions, sights
from pipelines.project import Project
from warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from pipelines.months.plan import Stretch
    from pipelines.orchestration.runs import Runs


class Work:
    """Ingest, months and publish of a project, as runs with a history in Dagster."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.failures: list[str] = []
        self._ended = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with deferred():
            self._ended.close()

    @cached_property
    def _runs(self) -> Runs:
        # Loading Dagster takes longer than most of what it is not needed for.
        with deferred():
            from pipelines.orchestration.runs import opened  # noqa: PLC0415

            runs = self._ended.enter_context(opened(self.project))
        self.failures = runs.failures
        return runs

    def ingest(self) -> bool:
        """Land, validate, clean and stage the exports, if anything of them, of the config or of the code is new."""
        return True if self._is_ingested() else self._runs.ingest()

    def _is_ingested(self) -> bool:
        project = self.project
        if not project.folders.working_database.exists():
            return False
        with project.database.kept_open():
            try:
                as_of = landing_due(project)
                if as_of is None or project.as_of() != as_of:
                    return False
            except WarehouseError:
                # The run marks it, and tells what readers keep.
                return False
            sight = sights(project, as_of)
            return not due(project, as_of, lambda table: sight(table).name) and not due_dimensions(project)

    def build(self, stretch: Stretch, *, everything: bool) -> bool:
        """Build what is stale of some months, or everything."""
        return self._runs.months(stretch) if everything else self._runs.stretch(stretch)

    def publish(self, accepted: str | None) -> bool:
        """Audit and publish, with moves of closed months let through that have this name."""
        return self._runs.publish(accepted)
