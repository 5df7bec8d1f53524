"""How customer-success managers rate their accounts."""

from functools import partial

import polars as pl

from transforms.declaration import SO_FAR
from transforms.metrics.definition import Ratio, parts

RECENT_DAYS = 90

# A rating may have been due, and so be filed, long before the month it was given in.
sentiment = partial(
    Ratio,
    signal="leading",
    perspective="customer",
    reads={"fct_csm_activity": SO_FAR},
    needs=("csm_activities.rating", "csm_activities.held_on", "subscription_items"),
    asset="csm_sentiment",
)


def rated(fct_mrr_account_month: pl.DataFrame, fct_csm_activity: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per paying account and month: its last rating by month end, and the last before the month.

    Columns: month, account_id, month_end, rated_on, seen_on, score, score_before. Of two ratings on a day that with the
    greater id is the later. One that was due in a later month than it was given is seen from then on, so that a month
    is the same whether or not later ones are built with it.
    """
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select("month", "account_id")
    rows = paying.join(dim_month.select("month", "month_end"), on="month")
    seen_on = pl.max_horizontal("held_on", "month")
    ratings = (
        fct_csm_activity.filter(pl.col("rating_score").is_not_null() & pl.col("held_on").is_not_null())
        .select("account_id", "activity_id", rated_on="held_on", seen_on=seen_on, score="rating_score")
        .sort("seen_on", "rated_on", "activity_id")
        .unique(["account_id", "seen_on"], keep="last", maintain_order=True)
        .drop("activity_id")
    )
    by_end = rows.sort("month_end").join_asof(
        ratings, left_on="month_end", right_on="seen_on", by="account_id", check_sortedness=False
    )
    return by_end.sort("month").join_asof(
        ratings.select("account_id", before_seen_on="seen_on", score_before="score"),
        left_on="month",
        right_on="before_seen_on",
        by="account_id",
        allow_exact_matches=False,
        check_sortedness=False,
    )


def _is_recent() -> pl.Expr:
    age = (pl.col("month_end") - pl.col("rated_on")).dt.total_days()
    return (age <= RECENT_DAYS).fill_null(value=False)


@sentiment(unit="score", better="higher", over_time="stock", title="CSM sentiment")
def csm_sentiment(
    fct_mrr_account_month: pl.DataFrame, fct_csm_activity: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """Mean of the paying accounts' last ratings that are no older than 90 days at month end, from 1 to 5."""
    recent = rated(fct_mrr_account_month, fct_csm_activity, dim_month).filter(_is_recent())
    return parts(recent, pl.col("score"), pl.col("score").is_not_null())


@sentiment(unit="share", better="higher", over_time="stock", independent=True)
def sentiment_coverage(
    fct_mrr_account_month: pl.DataFrame, fct_csm_activity: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """Paying accounts with a rating no older than 90 days at month end / paying accounts."""
    rows = rated(fct_mrr_account_month, fct_csm_activity, dim_month)
    return parts(rows, _is_recent(), pl.col("account_id").is_not_null())


@sentiment(unit="share", better="lower", over_time="mean_rate", independent=True)
def sentiment_drop_rate(
    fct_mrr_account_month: pl.DataFrame, fct_csm_activity: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """Accounts whose last rating is lower than their last before the month / paying accounts rated in it and before."""
    rows = rated(fct_mrr_account_month, fct_csm_activity, dim_month).filter(
        (pl.col("seen_on") >= pl.col("month")) & pl.col("score_before").is_not_null()
    )
    return parts(rows, pl.col("score") < pl.col("score_before"), pl.col("score").is_not_null())
