"""How customer-success managers rate their accounts."""

from functools import partial

import polars as pl

from transforms.metrics.definition import Ratio, parts

RECENT_DAYS = 90

sentiment = partial(
    Ratio,
    signal="leading",
    perspective="customer",
    needs=("csm_activities.rating", "csm_activities.held_on", "subscription_items"),
    asset="csm_sentiment",
)


def rated(fct_mrr_account_month: pl.DataFrame, given_ratings: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per paying account and month: its last rating by month end, and the last before the month.

    Columns: month, account_id, month_end, rated_on, score, score_before. Of two ratings on a day that with the greater
    id is the later. Whenever it was due, a rating counts from the day it was given.
    """
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select("month", "account_id")
    rows = paying.join(dim_month.select("month", "month_end"), on="month")
    ratings = (
        given_ratings.drop_nulls(["held_on", "rating_score"])
        .select("account_id", "activity_id", "source", rated_on="held_on", score="rating_score")
        .sort("rated_on", "activity_id", "source")
        .unique(["account_id", "rated_on"], keep="last", maintain_order=True)
        .drop("activity_id", "source")
    )
    by_end = rows.sort("month_end").join_asof(
        ratings, left_on="month_end", right_on="rated_on", by="account_id", check_sortedness=False
    )
    return by_end.sort("month").join_asof(
        ratings.select("account_id", before_on="rated_on", score_before="score"),
        left_on="month",
        right_on="before_on",
        by="account_id",
        allow_exact_matches=False,
        check_sortedness=False,
    )


def _is_recent() -> pl.Expr:
    age = (pl.col("month_end") - pl.col("rated_on")).dt.total_days()
    return (age <= RECENT_DAYS).fill_null(value=False)


@sentiment(unit="score", better="higher", over_time="stock", title="CSM sentiment")
def csm_sentiment(
    fct_mrr_account_month: pl.DataFrame, given_ratings: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """Mean of the paying accounts' last ratings that are no older than 90 days at month end, from 1 to 5."""
    recent = rated(fct_mrr_account_month, given_ratings, dim_month).filter(_is_recent())
    return parts(recent, pl.col("score"), pl.col("score").is_not_null())


@sentiment(unit="share", better="higher", over_time="stock", independent=True)
def sentiment_coverage(
    fct_mrr_account_month: pl.DataFrame, given_ratings: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """Paying accounts with a rating no older than 90 days at month end / paying accounts."""
    rows = rated(fct_mrr_account_month, given_ratings, dim_month)
    return parts(rows, _is_recent(), pl.col("account_id").is_not_null())


@sentiment(unit="share", better="lower", over_time="mean_rate", independent=True)
def sentiment_drop_rate(
    fct_mrr_account_month: pl.DataFrame, given_ratings: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """Accounts whose last rating is lower than their last before the month / paying accounts rated in it and before."""
    rows = rated(fct_mrr_account_month, given_ratings, dim_month).filter(
        (pl.col("rated_on") >= pl.col("month")) & pl.col("score_before").is_not_null()
    )
    return parts(rows, pl.col("score") < pl.col("score_before"), pl.col("score").is_not_null())
