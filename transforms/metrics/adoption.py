"""How customers get to value: milestones reached, and how soon."""

from functools import partial

import polars as pl

from transforms.metrics.definition import Median, Observations, Ratio, parts

MILESTONES = ("subscription_items", "milestones")
VALUE_DAYS = 90

adoption_share = partial(Ratio, unit="share", signal="leading", perspective="customer", needs=MILESTONES)


@Median(
    unit="days",
    better="lower",
    signal="lagging",
    perspective="customer",
    needs=MILESTONES,
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
    independent=True,
    asset="ttv",
    title="Value within 90 days",
)
def value_within_90d(dim_account: pl.DataFrame) -> pl.DataFrame:
    """Accounts that began paying three months before and reached value within 90 days / all that began then.

    By the last day of the month: the 90th day after the 31st of January may be the 1st of May, and April is final.
    """
    began = dim_account.filter(pl.col("first_paid_on").is_not_null()).with_columns(
        month=pl.col("first_paid_on").dt.truncate("1mo").dt.offset_by("3mo")
    )
    in_time = (pl.col("ttv_days") <= VALUE_DAYS) & (pl.col("value_month") <= pl.col("month"))
    return parts(began, in_time.fill_null(value=False), pl.lit(1))


@adoption_share(better="higher", over_time="stock")
def milestone_adoption_rate(milestone_progress: pl.DataFrame) -> pl.DataFrame:
    """Milestones reached by month end / milestones defined, over paying accounts."""
    return parts(milestone_progress, pl.col("reached"), pl.col("defined"))


@adoption_share(better="lower", over_time="stock", independent=True, asset="milestone_adoption_rate")
def stalled_account_rate(milestone_progress: pl.DataFrame, dim_account: pl.DataFrame) -> pl.DataFrame:
    """Paying accounts whose first unreached milestone is past its deadline / paying accounts with one unreached.

    The first in the config's order; its deadline is so many days after the first paying day.
    """
    began = dim_account.select("account_id", "first_paid_on")
    behind = milestone_progress.drop_nulls("within_days").join(began, on="account_id")
    since = (pl.col("month_end") - pl.col("first_paid_on")).dt.total_days()
    return parts(behind, since > pl.col("within_days"), pl.lit(1))
