"""Values of closed months that a publish changes: what readers had, what they get, and why."""

import datetime as dt

import polars as pl

from pipelines.project import Project
from pipelines.publish.published import changed, published
from schemas.metrics import MetricMonth
from schemas.operations import MetricRestatement
from warehouse.publishing import coming_version
from warehouse.versions import current_version

KEY = ["metric", "month", "dimension", "segment"]
SAME = 1e-9
"""Values that differ by less, of themselves, are the same: sums may be added up in another order."""


def restated(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The values of months that were closed `before` and are others `after`: rows of metric_month of two versions.

    KEY, old_value, new_value, old_null_reason, new_null_reason. A value that is no longer there is NULL without a
    reason; one that was not there before, as of a new metric or segment, restates nothing.
    """
    closed = before.filter(~pl.col("is_provisional"))
    told = ["value", "null_reason"]
    old = closed.select(*KEY, *(pl.col(name).alias(f"old_{name}") for name in told))
    new = after.select(*KEY, *(pl.col(name).alias(f"new_{name}") for name in told))
    both = old.join(new, on=KEY, how="left", nulls_equal=True, maintain_order="left")
    far = (pl.col("new_value") - pl.col("old_value")).abs() > SAME * pl.max_horizontal(pl.col("old_value").abs(), 1.0)
    known = pl.col("old_value").is_null() != pl.col("new_value").is_null()
    reason = pl.col("old_null_reason").ne_missing(pl.col("new_null_reason"))
    return both.filter(far.fill_null(value=False) | known | reason).sort(KEY)


def restatements(project: Project, row: dict[str, object]) -> pl.DataFrame:
    """`metric_restatement` as the publish writes it: what former publishes restated, and what this one does.

    `row` is what the publication would say of itself.
    """
    if current_version(project.folders) is None:
        return MetricRestatement.blank()
    former = published(project, MetricRestatement)
    found = restated(published(project, MetricMonth), project.database.read(MetricMonth.table()))
    if found.is_empty():
        return former
    why = ", ".join(changed(project, row)) or "nothing that is recorded"
    new = found.with_columns(
        version=pl.lit(coming_version(project.database, project.folders)),
        run_id=pl.lit(row["run_id"]),
        restated_at=pl.lit(dt.datetime.now(dt.UTC).replace(tzinfo=None)),
        cause=pl.lit(why),
    )
    return pl.concat([former, MetricRestatement.shaped(new)])
