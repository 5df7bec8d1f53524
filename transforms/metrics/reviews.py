"""Business reviews with customers: whether they were held, with whom, and how they went."""

import datetime as dt
from functools import partial

import polars as pl

from transforms.calendar import month_start
from transforms.declaration import ALL, Months
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
# A review may be held before the month it was due in, which is built from its first day on; or be filed long before.
held_review = partial(review, reads={"fct_csm_activity": Months(back=ALL, ahead=1)}, provisional_days=1)


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
