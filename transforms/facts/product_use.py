"""How much an account uses the product, beside the seats it pays for."""

import datetime as dt
from collections.abc import Sequence

import polars as pl

from schemas.product import TREND_MONTHS, FctFeatureAccountMonth, FctUsageAccountMonth
from transforms.calendar import add_months, calendar
from transforms.declaration import Months, monthly
from transforms.engine import Events
from transforms.events.usage import ACCOUNT, FEATURE, use_of_accounts, use_of_features
from transforms.exported import Exported

USERS = ("usage_events.user_id",)


# The week in which a month begins may begin in the month before.
@monthly(shared="usage_events", usage_events=Months(back=1, earlier=TREND_MONTHS + 1))
def fct_usage_account_month(
    usage_events: Events,
    fct_mrr_account_month: pl.DataFrame,
    dim_month: pl.DataFrame,
    time_zone: str,
    exported: Exported,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract. With the first computed month go the three before it, which its trend looks back to."""
    if computed_from is not None:
        before = [add_months(computed_from, -months) for months in range(TREND_MONTHS, 0, -1)]
        dim_month = pl.concat([calendar(before, computed_from), dim_month])
    spans = dim_month.select("month", days=(pl.col("month_end") - pl.col("month")).dt.total_days() + 1)
    facts = (
        use_of_accounts(usage_events, dim_month, time_zone)
        .join(spans, on="month", how="left")
        .join(fct_mrr_account_month.select(*ACCOUNT, "seats"), on=ACCOUNT, how="left")
    )
    known = _known_users(facts, ["active_users", "user_days", "user_weeks"], exported)
    return FctUsageAccountMonth.shaped(known).sort(ACCOUNT)


@monthly(shared="usage_events")
def fct_feature_account_month(
    usage_events: Events, dim_month: pl.DataFrame, time_zone: str, exported: Exported
) -> pl.DataFrame:
    """See the contract. An event without a name is of no feature."""
    facts = use_of_features(usage_events, dim_month, time_zone)
    known = _known_users(facts, ["active_users", "user_days"], exported)
    return FctFeatureAccountMonth.shaped(known).sort(FEATURE)


def _known_users(facts: pl.DataFrame, counts: Sequence[str], exported: Exported) -> pl.DataFrame:
    """With minutes; and no counts of users where no source tells users apart."""
    if exported.missing(USERS):
        facts = facts.with_columns(pl.lit(None, pl.Int64).alias(name) for name in counts)
    return facts.with_columns(minutes=pl.col("seconds") / 60)
