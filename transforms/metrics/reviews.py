"""Business reviews with customers: whether they were held, with whom, and how they went."""

import datetime as dt
from functools import partial

import polars as pl

from transforms.calendar import month_start
from transforms.declaration import Months
from transforms.exported import Exported
from transforms.metrics.definition import Ratio, parts

DAYS_TO_HOLD = 30
HELD = "csm_activities.held_on"

# A review is due, and held, in one month only, so that the months' parts add up to those of any period.
review = partial(
    Ratio,
    unit="share",
    better="higher",
    signal="leading",
    perspective="customer",
    over_time="flow",
    items=True,
    asset="ebr_held_rate",
)
# Not from the fact, which files a review under its due day: it may be held long before that, or long after.
held_review = partial(review, reads={"csm_activities": Months(by="held_on")})


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


def held_reviews(csm_activities: pl.DataFrame) -> pl.DataFrame:
    """The reviews that were held, scheduled or not, under the month in which they were, whenever they were due."""
    held = csm_activities.filter((pl.col("kind") == "review") & pl.col("held_on").is_not_null())
    return held.with_columns(month=month_start(pl.col("held_on")))


@held_review(
    independent=True, needs=(HELD, "csm_activities.executive_present"), title="Business reviews with an executive"
)
def ebr_executive_rate(csm_activities: pl.DataFrame) -> pl.DataFrame:
    """Reviews with an executive of the customer (empty: there was none) / reviews held in the month."""
    rows = held_reviews(csm_activities)
    return parts(rows, pl.col("executive_present").fill_null(value=False), pl.col("held_on").is_not_null())


def no_thumbs(exported: Exported) -> str | None:
    """Why no thumb is known: neither the CSM's nor the customer's is exported."""
    of_csm, of_customer = (
        exported.missing([HELD, f"csm_activities.{name}"]) for name in ("csm_thumb", "customer_thumb")
    )
    return of_csm and of_customer


@held_review(unknown_when=no_thumbs, title="Business reviews seen positively")
def ebr_positive_rate(csm_activities: pl.DataFrame) -> pl.DataFrame:
    """Thumbs up / thumbs given, by the CSM and by the customer, on reviews held in the month."""
    thumbs = (pl.col("csm_thumb"), pl.col("customer_thumb"))
    up = pl.sum_horizontal((thumb == "up").fill_null(value=False).cast(pl.Int64) for thumb in thumbs)
    given = pl.sum_horizontal(thumb.is_not_null().cast(pl.Int64) for thumb in thumbs)
    return parts(held_reviews(csm_activities), up, given)
