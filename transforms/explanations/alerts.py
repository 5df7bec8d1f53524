"""Early warning: which paying accounts ask for somebody to act, and why."""

import datetime as dt

import polars as pl

from schemas.config import Alerts
from schemas.product import TREND_MONTHS
from schemas.success import AccountAlert
from transforms.declaration import History, Months, monthly
from transforms.facts.service import spoken_versions
from transforms.template import filled

KEYS = ["month", "account_id"]
SEEN = {
    "month": pl.Date,
    "account_id": pl.String,
    "evidence": pl.String,
    "value": pl.Float64,
    "previous_value": pl.Float64,
    "due_on": pl.Date,
}
SHORTEST_MONTH = 28
WORSE = {"red": 0, "yellow": 1, "green": 2}


def months_to_term(alerts: Alerts) -> int:
    """Months in which a term can end that ends within the config's days of a month's end."""
    return -(-alerts.renewal_within_days // SHORTEST_MONTH)


@monthly(
    fct_health_score=Months(back=1),
    fct_health_input=Months(back=1),
    fct_usage_account_month=Months(back=TREND_MONTHS),
    subscription_items=History(plans=months_to_term, as_told=True),
    renewals=Months(ahead=months_to_term),
)
def account_alert(
    fct_health_score: pl.DataFrame,
    fct_health_input: pl.DataFrame,
    fct_usage_account_month: pl.DataFrame,
    subscription_items: pl.DataFrame,
    renewals: pl.DataFrame,
    milestone_progress: pl.DataFrame,
    dim_account: pl.DataFrame,
    dim_month: pl.DataFrame,
    alerts: Alerts,
) -> pl.DataFrame:
    """See the contract. Health and its inputs reach one month back, usage three.

    health_fell: a worse band than the month before. sentiment_fell: a lower rating than the month before.
    usage_halved: active users at most half of the mean of the three months before, in a month that is over.
    stalled: the first unreached milestone passed its deadline in the last 90 days. renewal_at_risk: a term ends within
    90 days, and the score is yellow or red. Ordered by MRR at stake, then by how many rules hold.
    """
    paying = fct_health_score.join(dim_month, on="month", how="inner")
    found = {
        "renewal_at_risk": _renewals(paying, subscription_items, renewals, alerts),
        "health_fell": _health_fell(fct_health_score, paying),
        "sentiment_fell": _sentiment_fell(fct_health_input),
        "usage_halved": _usage_halved(paying, fct_usage_account_month, alerts),
        "stalled": _stalled(milestone_progress, dim_account, alerts),
    }
    rows = pl.concat(
        [pl.DataFrame(schema={**SEEN, "rule": pl.String}), *(_of_rule(rule, seen) for rule, seen in found.items())]
    )
    at_stake = paying.select(*KEYS, mrr_at_stake_cents="closing_cents", health_band="band")
    order = ["mrr_at_stake_cents", "rules_of_account", "account_id", "rule"]
    ranked = (
        rows.join(at_stake, on=KEYS)
        .with_columns(rules_of_account=pl.len().over(KEYS).cast(pl.Int64))
        .sort("month", *order, descending=[False, True, True, False, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("month"))
    )
    return AccountAlert.shaped(ranked).sort("month", "rank")


def _of_rule(rule: str, seen: pl.DataFrame) -> pl.DataFrame:
    told = seen.select(
        (pl.col(name) if name in seen.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in SEEN.items()
    )
    return told.with_columns(rule=pl.lit(rule, pl.String))


def _month_before(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("month").dt.offset_by("1mo"))


def _health_fell(scores: pl.DataFrame, paying: pl.DataFrame) -> pl.DataFrame:
    banded = scores.filter(pl.col("band").is_not_null())
    before = _month_before(banded).select(*KEYS, previous_band="band", previous_value="score")

    def grade(band: str) -> pl.Expr:
        return pl.col(band).replace_strict(WORSE, return_dtype=pl.Int64)

    worse = grade("band") < grade("previous_band")
    fell = paying.filter(pl.col("band").is_not_null()).join(before, on=KEYS).filter(worse)
    return fell.with_columns(value="score", evidence=filled("health fell from {} to {}", "previous_band", "band"))


def _sentiment_fell(inputs: pl.DataFrame) -> pl.DataFrame:
    ratings = inputs.filter(pl.col("input") == "sentiment").select(*KEYS, value="raw")
    before = _month_before(ratings).rename({"value": "previous_value"})
    fell = ratings.join(before, on=KEYS).filter(pl.col("value") < pl.col("previous_value"))
    return fell.with_columns(evidence=filled("rating fell from {} to {} of 5", "previous_value", "value"))


def _usage_halved(paying: pl.DataFrame, usage: pl.DataFrame, alerts: Alerts) -> pl.DataFrame:
    now = usage.select(*KEYS, value=pl.col("active_users").cast(pl.Float64))
    earlier = [now.with_columns(pl.col("month").dt.offset_by(f"{later}mo")) for later in range(1, TREND_MONTHS + 1)]
    before = pl.concat(earlier).group_by(KEYS).agg(previous_value=pl.col("value").sum() / TREND_MONTHS)
    rows = paying.filter(~pl.col("is_provisional")).select(KEYS).join(before, on=KEYS).join(now, on=KEYS, how="left")
    halved = rows.with_columns(pl.col("value").fill_null(0)).filter(
        (pl.col("previous_value") > 0) & (pl.col("value") <= alerts.usage_halved_share * pl.col("previous_value"))
    )
    told = filled(
        "{} active users, {} a month before", pl.col("value").cast(pl.Int64), pl.col("previous_value").round(1)
    )
    return halved.with_columns(evidence=told)


def _stalled(progress: pl.DataFrame, dim_account: pl.DataFrame, alerts: Alerts) -> pl.DataFrame:
    began = dim_account.select("account_id", began_on="first_paid_on").drop_nulls()
    open_steps = (
        progress.drop_nulls("within_days")
        .join(began, on="account_id")
        .with_columns(due_on=pl.col("began_on") + pl.duration(days=pl.col("within_days")))
        .with_columns(value=(pl.col("month_end") - pl.col("due_on")).dt.total_days())
    )
    late = open_steps.filter(pl.col("value").is_between(1, alerts.stalled_within_days))
    return late.with_columns(evidence=filled("{} not reached, {} days late", "next_milestone", "value"))


def _renewals(
    paying: pl.DataFrame, subscription_items: pl.DataFrame, renewals: pl.DataFrame, alerts: Alerts
) -> pl.DataFrame:
    """The next term that ends, as known at month end; one already renewed or cancelled is at no risk any more.

    Of a subscription's item the version that speaks at month end tells the term.
    """
    risky = paying.filter(pl.col("band").is_in(["yellow", "red"])).select(*KEYS, "month_end", "band", "score")
    exported = renewals.select("account_id", due_on="term_ended_on", decided_on="renewed_on")
    items = spoken_versions(subscription_items).select(
        "account_id", "from_day", "to_day", due_on="term_ends_on", decided_on="cancel_requested_on"
    )
    speaks = pl.col("month_end").is_between("from_day", "to_day", closed="left")
    spoken = risky.join(items, on="account_id").filter(speaks).drop("from_day", "to_day")
    horizon = dt.timedelta(days=alerts.renewal_within_days)
    near = (
        pl.concat([risky.join(exported, on="account_id"), spoken])
        .filter(pl.col("due_on") > pl.col("month_end"))
        .filter(pl.col("due_on") <= pl.col("month_end") + horizon)
        .filter(pl.col("decided_on").is_null() | (pl.col("decided_on") > pl.col("month_end")))
        .sort("due_on")
        .unique(KEYS, keep="first", maintain_order=True)
        .with_columns(days=(pl.col("due_on") - pl.col("month_end")).dt.total_days())
    )
    told = filled("term ends in {} days, health is {}", "days", "band")
    return near.with_columns(value="score", evidence=told)
