"""What readers find in the newest version: rows, and the headlines of the last month that is closed."""

from collections.abc import Iterable, Mapping

import duckdb

from pipelines.project import Project
from pipelines.publish.limits import HEADLINES


def shown_rows(project: Project, names: Iterable[str]) -> dict[str, int]:
    """Rows of published tables and views."""
    with duckdb.connect(str(project.folders.published_database), read_only=True) as readers:
        return {name: readers.table(name).count("*").fetchall()[0][0] for name in names}


def shown_headlines(project: Project) -> Mapping[str, float]:
    """The company's headlines of the last closed month, as far as they are known, in the metrics' own units."""
    with duckdb.connect(str(project.folders.published_database), read_only=True) as readers:
        rows = readers.execute(
            "SELECT metric, value FROM scorecard WHERE value IS NOT NULL AND list_contains(?, metric) "
            "AND month = (SELECT max(month) FROM dim_month WHERE NOT is_provisional)",
            [list(HEADLINES)],
        ).fetchall()
    return dict(rows)
