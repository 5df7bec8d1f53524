"""How customers get to value: milestones reached, and how soon."""

from functools import partial

import polars as pl

from schemas.config import Onboarding
from transforms.metrics.definition import Observations, metric, parts

MILESTONES = ("subscription_items", "milestones")
VALUE_DAYS = 90

adoption = partial(metric, perspective="customer", needs=MILESTONES)
adoption_share = partial(adoption, unit="share", signal="leading", rollup="ratio")


@adoption(
    unit="days",
    better="lower",
    signal="lagging",
    rollup="median",
    over_time="none",
    observations=Observations("dim_account", "ttv_days", "value_month"),
    title="Time to value",
)
def ttv() -> None:
    """Median days from the first paying day to the first value milestone, of the accounts that reached it in the month.

    Value before paying is 0 days, in the month of the first payment.
    """


@adoption_share(
    better="higher",
    over_time="mean_rate",
    provisional_days=1,
    independent=True,
    asset="ttv",
    title="Value within 90 days",
)
def value_within_90d(dim_account: pl.DataFrame) -> pl.DataFrame:
    """Accounts that began paying three months before and reached value within 90 days / all that began then."""
    began = dim_account.filter(pl.col("first_paid_on").is_not_null()).with_columns(
        month=pl.col("first_paid_on").dt.truncate("1mo").dt.offset_by("3mo")
    )
    return parts(began, (pl.col("ttv_days") <= VALUE_DAYS).fill_null(value=False), pl.lit(1))


def _progress(
    fct_mrr_account_month: pl.DataFrame, milestones: pl.DataFrame, dim_month: pl.DataFrame, onboarding: Onboarding
) -> tuple[pl.DataFrame, list[pl.Expr]]:
    """One row per paying account and month, and for each milestone of the config whether it is unreached by then."""
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select("month", "account_id")
    rows = paying.join(dim_month.select("month", "month_end"), on="month")
    for number, step in enumerate(onboarding.milestones):
        reached = milestones.filter(pl.col("milestone") == step.name).group_by("account_id")
        rows = rows.join(reached.agg(pl.col("reached_on").min().alias(f"{number}")), on="account_id", how="left")
    unreached = [
        (pl.col(f"{number}").is_null() | (pl.col(f"{number}") > pl.col("month_end")))
        for number, _ in enumerate(onboarding.milestones)
    ]
    return rows, unreached


@adoption_share(better="higher", over_time="stock")
def milestone_adoption_rate(
    fct_mrr_account_month: pl.DataFrame, milestones: pl.DataFrame, dim_month: pl.DataFrame, onboarding: Onboarding
) -> pl.DataFrame:
    """Milestones reached by month end / milestones defined, over paying accounts."""
    rows, unreached = _progress(fct_mrr_account_month, milestones, dim_month, onboarding)
    missing = pl.sum_horizontal(pl.lit(0), *(flag.cast(pl.Int64) for flag in unreached))
    defined = pl.lit(len(unreached))
    return parts(rows, defined - missing, defined)


@adoption_share(better="lower", over_time="stock", independent=True, asset="milestone_adoption_rate")
def stalled_account_rate(
    fct_mrr_account_month: pl.DataFrame,
    milestones: pl.DataFrame,
    dim_account: pl.DataFrame,
    dim_month: pl.DataFrame,
    onboarding: Onboarding,
) -> pl.DataFrame:
    """Paying accounts whose first unreached milestone is past its deadline / paying accounts with one unreached.

    The first in the config's order; its deadline is so many days after the first paying day.
    """
    rows, unreached = _progress(fct_mrr_account_month, milestones, dim_month, onboarding)
    deadlines = [
        pl.when(flag).then(pl.lit(step.within_days))
        for flag, step in zip(unreached, onboarding.milestones, strict=True)
    ]
    since = (pl.col("month_end") - pl.col("first_paid_on")).dt.total_days()
    behind = (
        rows.join(dim_account.select("account_id", "first_paid_on"), on="account_id")
        .with_columns(within=pl.coalesce(*deadlines, pl.lit(None, pl.Int32)))
        .filter(pl.col("within").is_not_null())
    )
    return parts(behind, since > pl.col("within"), pl.lit(1))
