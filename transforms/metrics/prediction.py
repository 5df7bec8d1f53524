"""What customers will still bring, from how long those before them stayed."""

import datetime as dt

import polars as pl

from schemas.config import Finance, Minimums, Prediction
from transforms.calendar import month_start
from transforms.facts.service import FOREVER, ITEM, Service
from transforms.facts.terms_of_items import billing_runs
from transforms.metrics.definition import Ratio, parts
from transforms.metrics.survival import discounted_renewals, fit_lives

MONTHS_PER_YEAR = 12
DAYS_PER_YEAR = 365
Fit = tuple[float, float]
"""alpha and beta of a shifted beta-geometric model."""


def no_margin(finance: Finance) -> str | None:
    """Why no margin can be predicted: the config has none."""
    return None if finance.gross_margin else "source_missing"


@Ratio(
    unit="cents",
    better="higher",
    signal="leading",
    perspective="financial",
    over_time="stock",
    needs=("subscription_items",),
    unknown_when=no_margin,
    when_empty="insufficient_history",
    asset="clv",
    title="Predicted customer lifetime value",
)
def clv_predicted(
    fct_mrr_account_month: pl.DataFrame,
    subscription_items: pl.DataFrame,
    service_periods: Service,
    paying_turns: pl.DataFrame,
    dim_month: pl.DataFrame,
    gross_margin: pl.DataFrame,
    prediction: Prediction,
    minimums: Minimums,
) -> pl.DataFrame:
    """Σ expected margin of the renewals to come / paying accounts.

    A shifted beta-geometric model (Fader & Hardie 2007) of the renewals that all accounts so far survived, fitted for
    each billing interval; one with too few churned accounts takes the fit of all, by the month. Each renewal brings its
    interval's MRR × gross margin, discounted to month end; what is already cancelled brings none.
    """
    stays = lives(paying_turns)
    runs = interval_runs(subscription_items, service_periods)
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0)
    found = [paying.clear().select("month", "account_id", expected=pl.lit(0.0))]
    months = dim_month.join(gross_margin, on="month", how="left")
    for month, end, margin in months.select("month", "month_end", "gross_margin").iter_rows():
        known = aged(stays, runs, end)
        fits = fit_intervals(known, minimums.churned_accounts_for_prediction)
        if fits and margin is not None:
            renewals = _renewals_to_come(known.filter(~pl.col("is_lost")), fits, prediction)
            rows = paying.filter(pl.col("month") == month).join(renewals, on="account_id")
            uncancelled = (pl.col("closing_cents") - pl.col("pending_cancellation_cents")).clip(lower_bound=0)
            expected = uncancelled * pl.col("months") * margin * pl.col("renewals")
            found.append(rows.select("month", "account_id", expected=expected))
    return parts(pl.concat(found), pl.col("expected"), pl.lit(1))


def lives(turns: pl.DataFrame) -> pl.DataFrame:
    """One row per account and unbroken stretch of month ends at which it pays: account_id, began_on, ended_on.

    ended_on: the first day out, or NULL. A gap within a month is none, and a stretch within a month is none.
    """
    spans = (
        turns.sort("account_id", "day")
        .with_columns(ended_on=pl.col("day").shift(-1).over("account_id"))
        .filter("pays")
        .rename({"day": "began_on"})
    )
    apart = month_start(pl.col("began_on")) != month_start(pl.col("ended_on").shift(1))
    joined = (
        spans.with_columns(life=apart.fill_null(value=True).cast(pl.Int64).cum_sum().over("account_id"))
        .group_by("account_id", "life", maintain_order=True)
        .agg(pl.col("began_on").first(), pl.col("ended_on").last())
    )
    within_a_month = month_start(pl.col("began_on")) == month_start(pl.col("ended_on"))
    return joined.filter(~within_a_month.fill_null(value=False)).drop("life")


def interval_runs(subscription_items: pl.DataFrame, in_service: Service) -> pl.DataFrame:
    """One row per item and stretch in which it makes MRR at one billing interval: account_id, from_day, to_day, months.

    An interval of days or weeks counts as the months nearest to it, at least one.
    """
    nearest = (pl.col("days") * MONTHS_PER_YEAR / DAYS_PER_YEAR).round().cast(pl.Int64).clip(lower_bound=1)
    return (
        in_service.periods.filter(pl.col("amount") > 0)
        .join(billing_runs(subscription_items), on=ITEM)
        .select(
            "account_id",
            from_day=pl.max_horizontal("from_day", "run_from"),
            to_day=pl.min_horizontal(pl.col("to_day").fill_null(FOREVER), "run_to"),
            months=pl.when(pl.col("months") > 0).then("months").otherwise(nearest),
        )
        .filter(pl.col("from_day") < pl.col("to_day"))
    )


def aged(stays: pl.DataFrame, runs: pl.DataFrame, end: dt.date) -> pl.DataFrame:
    """The lives begun by `end`, as known then: account_id, is_lost, months (of the interval), age (in months).

    An account's interval is the longest of its paying items, at `end` or on its last paying day. The age of a lost one
    is from the month of its first day to the month of its end; else the full months by `end`.
    """
    is_lost = (pl.col("ended_on") <= end).fill_null(value=False)
    until = pl.when(is_lost).then("ended_on").otherwise(pl.lit(end))
    day = pl.when(is_lost).then(until - pl.duration(days=1)).otherwise(until)
    begun = stays.filter(pl.col("began_on") <= end).with_columns(is_lost=is_lost, until=until, day=day)
    paid = begun.join(runs, on="account_id").filter(pl.col("day").is_between("from_day", "to_day", closed="left"))
    interval = paid.group_by("account_id", "began_on").agg(pl.col("months").max())
    began, ends = pl.col("began_on"), pl.col("until")
    months = (ends.dt.year() - began.dt.year()).cast(pl.Int64) * MONTHS_PER_YEAR + ends.dt.month() - began.dt.month()
    is_short = ~pl.col("is_lost") & (began.dt.day() > ends.dt.day()) & (ends != ends.dt.month_end())
    return begun.join(interval, on=["account_id", "began_on"], how="left").select(
        "account_id", "is_lost", pl.col("months").fill_null(1), age=months - is_short.cast(pl.Int64)
    )


def fit_intervals(known: pl.DataFrame, least: int) -> dict[int, Fit]:
    """The models by interval, from the lives as known at a month's end; 0 is that of all of them, by the month.

    An interval under the least number of churned accounts has none of its own; nobody has, if there are too few.
    """
    groups = {0: known.with_columns(months=pl.lit(1, pl.Int64))}
    groups |= {months: known.filter(pl.col("months") == months) for months in sorted(known["months"].unique())}
    return {
        months: _fit(group)
        for months, group in groups.items()
        if group.filter("is_lost")["account_id"].n_unique() >= least
    }


def _fit(group: pl.DataFrame) -> Fit:
    """A life that ended within an interval was lost at the renewal that it didn't see."""
    age, interval = pl.col("age"), pl.col("months")
    lost = group.filter("is_lost").select(t=((age + interval - 1) // interval).clip(lower_bound=1))
    kept = group.filter(~pl.col("is_lost")).select(t=age // interval)
    return fit_lives(_counted(lost), _counted(kept))


def _counted(ages: pl.DataFrame) -> dict[int, int]:
    return dict(ages.group_by("t").len().iter_rows())


def _renewals_to_come(here: pl.DataFrame, fits: dict[int, Fit], prediction: Prediction) -> pl.DataFrame:
    """The accounts with their interval and the renewals to expect within the horizon: account_id, months, renewals."""
    counted = [
        (months, age, expected_renewals(fits, months, age, prediction))
        for months, age in here.select("months", "age").unique().iter_rows()
    ]
    schema = {"months": pl.Int64, "age": pl.Int64, "renewals": pl.Float64}
    return here.join(pl.DataFrame(counted, schema=schema, orient="row"), on=["months", "age"]).select(
        "account_id", "months", "renewals"
    )


def expected_renewals(fits: dict[int, Fit], months: int, age: int, prediction: Prediction) -> float:
    """Discounted renewals to come of a customer of so many months who is billed every so many.

    The next one is due as many months ahead as its present interval still has.
    """
    (alpha, beta), step = (fits[months], 1) if months in fits else (fits[0], months)
    elapsed = age % months
    monthly = float((1 + prediction.discount_rate) ** (-1 / MONTHS_PER_YEAR))
    count = (prediction.horizon_months + elapsed) // months
    to_come = discounted_renewals(alpha, beta, age // months * step, step, count, monthly**months)
    return float(to_come / monthly**elapsed)
