"""Starting runs from this process, with their history in Dagster's instance."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from pipelines.interrupts import noted, was_interrupted
from pipelines.months.plan import Stretch
from pipelines.orchestration.instance import dagster_home
from pipelines.orchestration.location import definitions
from pipelines.orchestration.origin import name_origins
from pipelines.orchestration.partitions import Stale, of_plan
from pipelines.orchestration.publication import ACCEPT
from pipelines.project import Project
from warehouse.pasted import make

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Runs:
    """Runs one after the other; a failed one tells why in `failures`."""

    def __init__(self, project: Project, instance: dg.DagsterInstance) -> None:
        self.definitions, self.instance = definitions(project), instance
        self.failures: list[str] = []

    def ingest(self) -> bool:
        """Land, validate, clean and stage the exports."""
        return self._execute("ingest", {})

    def stretch(self, stretch: Stretch) -> bool:
        """What is stale of some months, and nothing else."""
        return self._execute("months", of_plan(stretch.first, stretch.last, Stale.IN_RANGE), stretch.tables)

    def months(self, stretch: Stretch) -> bool:
        """All of the months, whether they are stale or not, and what is stale that they are made from."""
        return self._execute("months", of_plan(stretch.first, stretch.last, Stale.NEEDED))

    def publish(self, accepted: str | None) -> bool:
        """Audit and publish, with moves of closed months let through that have this name."""
        return self._execute("publish", {ACCEPT: accepted} if accepted else {})

    def _execute(self, job: str, tags: Mapping[str, str], assets: Sequence[str] | None = None) -> bool:
        with noted():
            result = self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                tags=tags,
                run_config=QUIET,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
            )
            if was_interrupted():
                raise KeyboardInterrupt
        self.failures += _failures(result.all_events)
        return result.success


def _failures(events: Sequence[dg.DagsterEvent]) -> list[str]:
    """What failed, in words; the run itself only where none of its steps did."""
    found = []
    for event in events:
        if event.is_step_failure:
            failure = event.step_failure_data
            told = failure.user_failure_data.description if failure.user_failure_data else None
            found.append(f"{event.step_key}: {told or _kind(failure.error)}")
    if not found:
        found = [_kind(event.job_failure_data.error) for event in events if event.is_job_failure]
    return found


def _kind(error: Any) -> str:  # noqa: ANN401 - Dagster's own class of errors, told by name alone
    """The kind of the error behind all the others; what it says may hold a value of the data."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None and error.cls_name == dg.Failure.__name__:
        return str(error.message).partition(": ")[2].strip()  # in words already
    kind = (error and error.cls_name) or "an unknown error"
    return f"{kind} in Dagster; its trace is in the run's log: {make('dev')}"


@contextmanager
def opened(project: Project) -> Iterator[Runs]:
    """Runs of the project, with their history in its data folder."""
    dagster_home(project)
    with dg.DagsterInstance.get() as instance:
        name_origins(instance)
        yield Runs(project, instance)
