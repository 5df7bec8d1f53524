"""The one resource: the project at hand, locked for the length of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from pipelines.interrupts import noted
from pipelines.mending import mend
from pipelines.months.build import MonthRun
from pipelines.orchestration.declared import plain_failures
from pipelines.project import Project
from warehouse.locking import run_lock


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Config and data folder; the run that has it is the only one that writes there, until it ends."""

    config_path: str
    data_dir: str
    beside: str = ""
    lock_wait_seconds: float = 600

    _project: Project | None = PrivateAttr(default=None)
    _months: MonthRun | None = PrivateAttr(default=None)

    @property
    def project(self) -> Project:
        """The project, loaded once a run."""
        if self._project is None:
            self._project = Project(Path(self.config_path), Path(self.data_dir), self.beside)
        return self._project

    def month_run(self, run_id: str) -> MonthRun:
        """What this run knows of the months; made once, as nothing it depends on changes under the lock."""
        if self._months is None or self._months.run_id != run_id:
            self._months = MonthRun(self.project, run_id)
        return self._months

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WarehouseResource"]:
        """Hold the lock from before the run's first write to its end."""
        purpose = f"run {context.run_id[:8]}" if context.run_id else "a run"
        say = context.log.info if context.log else (lambda _: None)
        lock = run_lock(self.project.folders, purpose, wait_seconds=self.lock_wait_seconds, say=say)
        with noted(), lock:
            with plain_failures("what is damaged"):
                done = mend(self.project)
            for told in done:
                say(told)
            with self.project.database.kept_open():
                yield self
