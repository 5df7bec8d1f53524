"""Salesforce's events and tasks: which are business reviews with customers."""

import polars as pl

from schemas.form import Filled, Told
from transforms.calendar import local_day
from transforms.clean.salesforce_ids import ACCOUNT, TASK, records
from transforms.clean.salesforce_options import Frames, SalesforceOptions, day_of, has_word, options_of


def csm_activities(of: Frames, told: Told) -> Filled:
    """The events and tasks that the config calls business reviews, each once, but for those that were deleted.

    An event is held when it takes place; no day is told by which it was due. A task is due on its day, and held when it
    is done. The copies of an event for who was invited are it again.
    """
    options = options_of(told)
    no = {name: pl.col(name).fill_null(value=False) for name in ("is_deleted", "is_child", "is_recurrence")}
    rows = (
        records(of["activities"])
        .filter(~pl.any_horizontal(no.values()) & _is_review(options))
        .join(
            records(of["opportunities"]),
            left_on="what_id",
            right_on="opportunities.id",
            how="left",
            maintain_order="left",
        )
    )
    is_task = pl.col("id").str.starts_with(TASK)
    day = day_of(pl.col("activity_date"), options)
    taken_place = pl.coalesce(local_day(pl.col("activity_date_time"), told.time_zone), day)
    done = pl.when("is_closed").then(pl.coalesce(local_day(pl.col("completed_date_time"), told.time_zone), day))
    itself = pl.when(pl.col("what_id").str.starts_with(ACCOUNT)).then("what_id")
    return Filled(
        rows,
        {
            "activity_id": pl.col("id"),
            "account_id": pl.coalesce(pl.col("account_id"), itself, pl.col("opportunities.account_id")),
            "kind": pl.lit("review"),
            "due_on": pl.when(is_task).then(day),
            "held_on": pl.when(is_task).then(done).otherwise(taken_place),
        },
    )


def _is_review(options: SalesforceOptions) -> pl.Expr:
    """Whether the config says so, of its type or its subject; without it nothing is one."""
    said = list[pl.Expr]()
    if options.review_types:
        said.append(pl.col("type").is_in(options.review_types))
    if options.review_subjects:
        said.append(has_word(pl.col("subject"), options.review_subjects))
    return pl.any_horizontal(said).fill_null(value=False) if said else pl.lit(value=False)
