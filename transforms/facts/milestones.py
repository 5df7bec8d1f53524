"""Milestones on the way to value."""

import polars as pl

from schemas.config import Onboarding
from schemas.success import FctMilestone
from transforms.calendar import month_start
from transforms.declaration import intermediate, monthly


@monthly()
def fct_milestone(milestones: pl.DataFrame, onboarding: Onboarding, dim_month: pl.DataFrame) -> pl.DataFrame:
    """See the contract. A milestone that is named twice (two customer ids of one account) counts when first reached."""
    first = milestones.group_by("account_id", "milestone").agg(pl.col("reached_on").min())
    rows = first.with_columns(
        month=month_start(pl.col("reached_on")), is_value=pl.col("milestone").is_in(onboarding.value_milestones)
    ).join(dim_month.select("month"), on="month", how="semi")
    return FctMilestone.shaped(rows).sort("account_id", "milestone")


@intermediate()
def milestone_progress(
    fct_mrr_account_month: pl.DataFrame, milestones: pl.DataFrame, dim_month: pl.DataFrame, onboarding: Onboarding
) -> pl.DataFrame:
    """One row per paying account and month: how far it has come at month end on the config's way to value.

    Columns: month, account_id, month_end; `reached` and `defined`, the numbers of milestones; `next_milestone`, the
    first in the config's order that is unreached, and `within_days`, its deadline after the first paying day; NULL
    where all are reached.
    """
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select("month", "account_id")
    rows = paying.join(dim_month.select("month", "month_end"), on="month")
    first = milestones.group_by("account_id", "milestone").agg(pl.col("reached_on").min())
    for number, step in enumerate(onboarding.milestones):
        of_step = first.filter(pl.col("milestone") == step.name)
        rows = rows.join(
            of_step.select("account_id", pl.col("reached_on").alias(f"{number}")), on="account_id", how="left"
        )
    numbered = list(enumerate(onboarding.milestones))
    unreached = [(pl.col(f"{n}") > pl.col("month_end")).fill_null(value=True) for n, _ in numbered]
    names = [pl.when(flag).then(pl.lit(step.name)) for flag, (_, step) in zip(unreached, numbered, strict=True)]
    days = [pl.when(flag).then(pl.lit(step.within_days)) for flag, (_, step) in zip(unreached, numbered, strict=True)]
    missing = pl.sum_horizontal(pl.lit(0), *(flag.cast(pl.Int64) for flag in unreached))
    return rows.select(
        "month",
        "account_id",
        "month_end",
        reached=pl.lit(len(numbered)) - missing,
        defined=pl.lit(len(numbered)),
        next_milestone=pl.coalesce(*names, pl.lit(None, pl.String)),
        within_days=pl.coalesce(*days, pl.lit(None, pl.Int32)).cast(pl.Int64),
    )
