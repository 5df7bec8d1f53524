"""What customers do in the product; our own users are out.

Distinct users do not add up over months: who came in two months is one user of the quarter, and nothing kept per
account and month tells that. So no number of users has a value over a longer period.
"""

from functools import partial

import polars as pl

from transforms.metrics.definition import Derived, Ratio, Sum, parts

USERS = "usage_events.user_id"
KEYS = ["month", "account_id"]

users = partial(
    Sum,
    unit="users",
    better="higher",
    signal="leading",
    perspective="product",
    over_time="none",
    needs=(USERS,),
    asset="mau",
)
product_ratio = partial(Ratio, better="higher", signal="leading", perspective="product", over_time="mean_rate")


@users(title="Monthly active users")
def mau(fct_usage_account_month: pl.DataFrame) -> pl.DataFrame:
    """Distinct users of the month, summed over accounts, paying or not."""
    return parts(fct_usage_account_month, pl.col("active_users"))


@users(title="Weekly active users")
def wau(fct_usage_account_month: pl.DataFrame) -> pl.DataFrame:
    """Mean of the distinct users a week, over the weeks (Mon–Sun) that end in the month by its last day."""
    ended = fct_usage_account_month.filter(pl.col("weeks") > 0)
    return parts(ended, pl.col("user_weeks") / pl.col("weeks"))


@users(title="Daily active users")
def dau(fct_usage_account_month: pl.DataFrame) -> pl.DataFrame:
    """Mean of the distinct users a day, over the days of the month by its last day."""
    return parts(fct_usage_account_month, pl.col("user_days") / pl.col("days"))


@Derived(
    unit="share",
    better="higher",
    signal="leading",
    perspective="product",
    over_time="none",
    expression="dau / mau",
    needs=(USERS,),
    asset="mau",
)
def stickiness() -> None:
    """Daily active users / monthly active users."""


@product_ratio(unit="minutes", needs=(USERS, "usage_events.seconds"))
def time_on_platform(fct_usage_account_month: pl.DataFrame) -> pl.DataFrame:
    """Minutes spent in the month / active users of the month."""
    return parts(fct_usage_account_month, pl.col("minutes").fill_null(0), pl.col("active_users"))


@product_ratio(unit="share", needs=(USERS, "subscription_items.seats"))
def product_usage_rate(fct_mrr_account_month: pl.DataFrame, fct_usage_account_month: pl.DataFrame) -> pl.DataFrame:
    """Σ min(active users, seats) / Σ seats at month end, over the paying accounts with seats; no use is 0 users."""
    seated = fct_mrr_account_month.filter((pl.col("closing_cents") > 0) & (pl.col("seats") > 0))
    used = seated.join(fct_usage_account_month.select(*KEYS, "active_users"), on=KEYS, how="left")
    return parts(used, pl.min_horizontal(pl.col("active_users").fill_null(0), "seats"), pl.col("seats"))


@product_ratio(
    unit="share",
    independent=True,
    needs=("usage_events", "subscription_items"),
)
def active_account_rate(fct_mrr_account_month: pl.DataFrame, fct_usage_account_month: pl.DataFrame) -> pl.DataFrame:
    """Paying accounts with an event of the month, of no matter whom / paying accounts."""
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0)
    with_events = paying.join(fct_usage_account_month.select(*KEYS, "events"), on=KEYS, how="left")
    return parts(with_events, pl.col("events").fill_null(0) > 0, pl.col("account_id").is_not_null())
