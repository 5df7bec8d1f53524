"""Starting runs from this process, with their history in Dagster's instance."""

import datetime as dt
from collections.abc import Mapping

import dagster as dg

from pipelines.automation import month_range
from pipelines.definitions import defs

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Runs:
    """Runs one after the other; a failed one tells why in `failures`."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.failures: list[str] = []

    def ingest(self) -> bool:
        """Land, validate, clean and stage the exports."""
        return self._execute("ingest", {})

    def months(self, first: dt.date, last: dt.date) -> bool:
        """Facts and metrics of the months."""
        return self._execute("months", month_range(first, last))

    def publish(self) -> bool:
        """Audit and publish."""
        return self._execute("publish", {})

    def _execute(self, job: str, tags: Mapping[str, str]) -> bool:
        result = defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, tags=tags, run_config=QUIET, raise_on_error=False
        )
        for event in result.all_events:
            if event.is_step_failure:
                failure = event.step_failure_data
                told = failure.user_failure_data.description if failure.user_failure_data else None
                self.failures.append(f"{event.step_key}: {told or (failure.error and failure.error.message.strip())}")
        return result.success
