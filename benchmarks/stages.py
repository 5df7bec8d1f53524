"""One company through all stages in a process of its own, without Dagster: CPU seconds and memory as JSON."""

import datetime as dt
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.generated_company import one_more_event
from benchmarks.plain_sql import make_facts
from pipelines.ingest.canonical_tables import ingest_table, land_all
from pipelines.ingest.sources import day_of_exports
from pipelines.months.build import MonthRun
from pipelines.months.dimensions import build_dimensions, sights
from pipelines.months.nodes import nodes
from pipelines.months.plan import stale_months
from pipelines.project import Project
from pipelines.publish.glossary import glossary
from pipelines.publish.release import audit_and_publish
from schemas.tables import CANONICAL, EXPLANATIONS, FACTS
from transforms.calendar import contiguous, months_between

AGAIN = "one month again"
"""A stage of its own, beside all of it: the last month that is over, when all is built."""
ARRIVAL = "one more event arriving"
"""Another: what a run does when the last month's events are exported again with one more, up to a new version."""
BESIDE = (AGAIN, ARRIVAL)


class Measured:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.closing_cents = 0
        """MRR at the end of the last month."""

    def __call__(self, stage: str, work: Callable[[], object]) -> None:
        """Do some work of a stage."""
        before = time.process_time()
        work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - before


def read_alone(folder: Path, measured: Measured) -> None:
    """DuckDB reads every file into a table, with the types that it finds by itself."""
    for path in sorted((folder / "company").rglob("*.csv")):
        query = f"CREATE OR REPLACE TABLE read AS SELECT * FROM read_csv('{path}', ignore_errors = true)"
        measured("DuckDB reads the files", lambda query=query: duckdb.execute(query))  # type: ignore[misc]


def plain_facts(folder: Path, measured: Measured) -> None:
    """Facts in plain DuckDB SQL."""
    measured("facts in plain SQL", lambda: make_facts(folder))


def all_of_it(folder: Path, measured: Measured) -> None:
    """From the files to a published version."""
    os.environ |= {"CONFIG": str(folder / "company.yaml"), "DATA_DIR": str(folder / "data")}
    project = Project.from_environment()
    with project.database.kept_open():
        measured("land", lambda: land_all(project))
        as_of = day_of_exports(project)
        sight = sights(project, as_of)
        for table in CANONICAL:
            stage = "ingest usage events" if table == "usage_events" else "ingest the rest"
            measured(stage, lambda table=table: ingest_table(project, table, as_of, "bench", sight(table)))  # type: ignore[misc]
        measured("dimensions", lambda: build_dimensions(project))
        project.database.write_whole(glossary(project))
        run = MonthRun(project, "bench")
        months = project.months(run.as_of)
        for node in nodes(project.config):
            stage = "facts" if node.name in FACTS else "explanations" if node.name in EXPLANATIONS else "metrics"
            measured(stage, lambda node=node: run.build(node.name, months))  # type: ignore[misc]
        measured("publish", lambda: audit_and_publish(project, "bench", None))
        again, month = MonthRun(project, "again"), months[-2:-1]
        for node in nodes(project.config):
            measured(AGAIN, lambda node=node: again.build(node.name, month))  # type: ignore[misc]
    one_more_event(folder)
    measured(ARRIVAL, lambda: arrival(project.anew()))
    with duckdb.connect(str(project.folders.published_database), read_only=True) as readers:
        query = "SELECT sum(closing_cents) FROM fct_mrr_account_month GROUP BY month ORDER BY month DESC LIMIT 1"
        measured.closing_cents = int(readers.sql(query).fetchall()[0][0])


def arrival(project: Project) -> None:
    """Read what changed, build what is stale of it, and publish."""
    with project.database.kept_open():
        _, as_of = land_all(project)
        sight = sights(project, as_of)
        for table in CANONICAL:
            ingest_table(project, table, as_of, "arrival", sight(table))
        build_dimensions(project)
        stale: dict[str, list[dt.date]] = {}
        for entry in stale_months(project):
            stale.setdefault(entry.table, []).append(entry.month)
        run = MonthRun(project, "arrival")
        for node in nodes(project.config):
            for first, last in contiguous(stale.get(node.name, [])):
                run.build(node.name, months_between(first, last))
        audit_and_publish(project, "arrival", None)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    spent = Measured()
    {"read": read_alone, "facts": plain_facts, "all": all_of_it}[sys.argv[1]](Path(sys.argv[2]), spent)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": spent.seconds, "gigabytes": peak / (1 << 20), "closing_cents": spent.closing_cents}))
