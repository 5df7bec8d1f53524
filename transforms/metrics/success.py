"""What customer-success managers see and do: ratings of their accounts, and reviews with them."""

import datetime as dt
from functools import partial

import polars as pl

from transforms.calendar import month_start
from transforms.metrics.definition import ALL, metric, parts
from transforms.metrics.roll_up import Exported

RECENT_DAYS = 90
DAYS_TO_HOLD = 30
HELD = "csm_activities.held_on"

# A rating may have been due, and so be filed, long before the month it was given in.
sentiment = partial(
    metric,
    signal="leading",
    perspective="customer",
    rollup="ratio",
    look_back=ALL,
    needs=("csm_activities.rating", HELD, "subscription_items"),
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


# A review is due, and held, in one month only, so that the months' parts add up to those of any period.
review = partial(
    metric,
    unit="share",
    better="higher",
    signal="leading",
    perspective="customer",
    rollup="ratio",
    over_time="flow",
    items=True,
    asset="ebr_held_rate",
)
# A review may be held before the month it was due in, which is built from its first day on; or be filed long before.
held_review = partial(review, look_back=ALL, look_ahead=1, provisional_days=1)


@review(
    independent=True,
    provisional_days=DAYS_TO_HOLD,
    needs=("csm_activities.due_on", HELD),
    title="Business reviews held",
)
def ebr_held_rate(fct_csm_activity: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Reviews held by 30 days after their due day / reviews due in the month; open and younger is in neither."""
    last_day = pl.col("due_on") + pl.duration(days=DAYS_TO_HOLD)
    held = (pl.col("held_on") <= last_day).fill_null(value=False)
    decided = (pl.col("due_on") <= as_of) & (held | (last_day <= as_of))
    rows = fct_csm_activity.filter((pl.col("kind") == "review") & decided)
    return parts(rows, held, pl.col("due_on").is_not_null())


def held_reviews(fct_csm_activity: pl.DataFrame) -> pl.DataFrame:
    """The reviews that were held, scheduled or not, under the month in which they were.

    Of those held before they were due the fact's next month is read, and no later one: one that was due later still
    counts in the month before that.
    """
    held = fct_csm_activity.filter((pl.col("kind") == "review") & pl.col("held_on").is_not_null())
    before_due = pl.col("month").dt.offset_by("-1mo")
    return held.with_columns(month=pl.max_horizontal(month_start(pl.col("held_on")), before_due))


@held_review(
    independent=True, needs=(HELD, "csm_activities.executive_present"), title="Business reviews with an executive"
)
def ebr_executive_rate(fct_csm_activity: pl.DataFrame) -> pl.DataFrame:
    """Reviews with an executive of the customer (empty: there was none) / reviews held in the month."""
    rows = held_reviews(fct_csm_activity)
    return parts(rows, pl.col("executive_present").fill_null(value=False), pl.col("held_on").is_not_null())


def no_thumbs(exported: Exported) -> str | None:
    """Why no thumb is known: neither the CSM's nor the customer's is exported."""
    of_csm, of_customer = (
        exported.missing([HELD, f"csm_activities.{name}"]) for name in ("csm_thumb", "customer_thumb")
    )
    return of_csm and of_customer


@held_review(unknown_when=no_thumbs, title="Business reviews seen positively")
def ebr_positive_rate(fct_csm_activity: pl.DataFrame) -> pl.DataFrame:
    """Thumbs up / thumbs given, by the CSM and by the customer, on reviews held in the month."""
    thumbs = (pl.col("csm_thumb"), pl.col("customer_thumb"))
    up = pl.sum_horizontal((thumb == "up").fill_null(value=False).cast(pl.Int64) for thumb in thumbs)
    given = pl.sum_horizontal(thumb.is_not_null().cast(pl.Int64) for thumb in thumbs)
    return parts(held_reviews(fct_csm_activity), up, given)
