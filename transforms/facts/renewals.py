"""Terms that came up for renewal: as exported, or read from what subscription items are billed for."""

import datetime as dt

import polars as pl

from schemas.billing import FctRenewal, Renewal
from transforms.calendar import month_start
from transforms.declaration import SO_FAR, monthly
from transforms.exported import Exported
from transforms.facts.rates import RATE_DENOMINATOR, monthly_rates, rounded
from transforms.facts.service import FOREVER, ITEM, Service, spoken_versions
from transforms.facts.trials import trial_runs

GRACE = pl.duration(days=30)
LONGEST_MONTH = 31
MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}
due = pl.col("term_ended_on")


@monthly(fx_rates=SO_FAR)
def fct_renewal(
    renewals: pl.DataFrame,
    subscription_items: pl.DataFrame,
    service_periods: Service,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    as_of: dt.date,
    currency: str,
    exported: Exported,
) -> pl.DataFrame:
    """See the contract. `currency` is the reporting currency.

    Renewed early counts in the month it was due; renewed, or still open, 30 days after the due day or later is not
    renewed. A renewal that is told without a day counts on the due day.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency whose terms were due in it.
    """
    derived = bool(exported.missing(["renewals"]))
    terms = renewals_from_items(subscription_items, service_periods, as_of) if derived else _told(renewals)
    rows = (
        terms.with_columns(month=month_start(due))
        .join(dim_month.select("month"), on="month", how="semi")
        .with_columns(counts=~_is_a_month(), basis=pl.lit("subscription_items" if derived else "renewals"))
    )
    return FctRenewal.shaped(_in_reporting_currency(rows, fx_rates, dim_month, currency)).sort("renewal_id")


def _is_a_month() -> pl.Expr:
    """Whether a term is no longer than a month; from a month's last day it may run to the last day of the next."""
    start = pl.col("term_started_on")
    later = start.dt.offset_by("1mo")
    return pl.when(start == start.dt.month_end()).then(later.dt.month_end()).otherwise(later) >= due


def _told(renewals: pl.DataFrame) -> pl.DataFrame:
    """The exported terms: whether each was renewed, from when that is final, and its MRR before and after."""
    told = pl.col("outcome") == "renewed"
    in_time = (pl.col("renewed_on") < due + GRACE).fill_null(value=True)
    final = (
        pl.when("is_renewed")
        .then(pl.max_horizontal("renewed_on", due))
        .when(pl.col("outcome") == "lost")
        .then(due)
        .otherwise(due + GRACE)
    )
    after = pl.when("is_renewed").then(pl.coalesce("renewed_mrr_amount", "mrr_amount")).otherwise(0)
    return renewals.with_columns(is_renewed=told & in_time).with_columns(
        decided_on=final,
        before_exact=pl.col("mrr_amount").cast(pl.Int128),
        after_exact=after.cast(pl.Int128),
        scale=pl.lit(1, pl.Int128),
    )


def renewals_from_items(subscription_items: pl.DataFrame, in_service: Service, as_of: dt.date) -> pl.DataFrame:
    """One row per term of an item billed for more than a month that was due by `as_of`, with the columns of `_told`.

    A term begins with a billing interval while the item is in service: at the item's start, the end of its trial or a
    change of the interval, and then in steps of the interval. Renewed: the item makes MRR for the same account on the
    due day. The term's MRR is that of its last paying day; without one it is no term.
    """
    paid = in_service.periods.filter(pl.col("amount") > 0)
    running = _terms(subscription_items, as_of).join(paid, on=ITEM)
    until = pl.col("to_day").fill_null(FOREVER)
    key = [*ITEM, "term_started_on"]
    within = (pl.col("from_day") < due) & (until > pl.col("term_started_on"))
    last = running.filter(within).sort("from_day").unique(key, keep="last", maintain_order=True)
    on_due_day = running.filter((pl.col("from_day") <= due) & (until > due)).select(*key, "account_id", after="amount")
    is_renewed = pl.col("after").is_not_null()
    rows = last.join(on_due_day, on=[*key, "account_id"], how="left").with_columns(
        renewal_id=pl.format("{}/{}/{}", *ITEM, pl.col("term_started_on").dt.to_string("%Y-%m-%d")),
        is_renewed=is_renewed,
        decided_on=due,
        renewed_on=pl.when(is_renewed).then(due),
        outcome=pl.when(is_renewed).then(pl.lit("renewed")).otherwise(pl.lit("lost")),
        mrr_amount=rounded(pl.col("amount"), in_service.scale),
        renewed_mrr_amount=rounded(pl.col("after").fill_null(0), in_service.scale),
        before_exact="amount",
        after_exact=pl.col("after").fill_null(0),
        scale=pl.lit(in_service.scale, pl.Int128),
    )
    return rows.select(*Renewal.dtypes(), "is_renewed", "decided_on", "before_exact", "after_exact", "scale")


def billing_runs(subscription_items: pl.DataFrame) -> pl.DataFrame:
    """One row per item and stretch of service in which it is billed for the same interval.

    Columns: subscription_id, item_id, run_from (first day, or the first after a trial), run_to (first day after, or
    FOREVER), and the interval as `months` or `days`, the other of which is 0.
    """
    count, unit = pl.col("interval_count").fill_null(1), pl.col("interval_unit")
    runs = (
        spoken_versions(subscription_items)
        .with_columns(
            months=unit.replace_strict(MONTHS, default=0, return_dtype=pl.Int64) * count,
            days=unit.replace_strict(DAYS, default=0, return_dtype=pl.Int64) * count,
        )
        .sort(*ITEM, "from_day")
        .with_columns(run=pl.struct("months", "days").rle_id().over(ITEM))
        .group_by(*ITEM, "run", "months", "days")
        .agg(run_from=pl.col("from_day").min(), run_to=pl.col("to_day").max())
    )
    tried = runs.join(trial_runs(subscription_items), on=ITEM).filter(
        pl.col("run_from").is_between("trial_started_on", "trial_ended_on", closed="left")
    )
    after_trial = runs.join(tried.select(*ITEM, "run", "trial_ended_on"), on=[*ITEM, "run"], how="left").with_columns(
        run_from=pl.coalesce("trial_ended_on", "run_from")
    )
    billed = after_trial.filter(pl.col("run_from") < pl.col("run_to"))
    return billed.select(*ITEM, "run_from", "run_to", "months", "days").sort(*ITEM, "run_from")


def _terms(subscription_items: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """One row per term of more than a month that was due by `as_of`: item, term_started_on, term_ended_on."""
    long = (pl.col("months") > 1) | (pl.col("days") > LONGEST_MONTH)
    runs = billing_runs(subscription_items).filter(long & (pl.col("run_from") <= as_of))
    day = pl.col("run_from")
    months = (as_of.year - day.dt.year()).cast(pl.Int64) * 12 + as_of.month - day.dt.month()
    by_day = (pl.lit(as_of) - day).dt.total_days() // pl.col("days")
    steps = pl.when(pl.col("months") > 0).then(months // pl.col("months")).otherwise(by_day)
    numbered = (
        runs.with_columns(number=pl.int_ranges(0, steps))
        .explode("number", empty_as_null=False)
        .with_columns(term_started_on=_boundary(pl.col("number")), term_ended_on=_boundary(pl.col("number") + 1))
    )
    begun = pl.col("term_started_on") < pl.col("run_to")
    return numbered.filter(begun & (due <= as_of)).select(*ITEM, "term_started_on", "term_ended_on")


def _boundary(number: pl.Expr) -> pl.Expr:
    """So many intervals after the run's first day; never from one boundary to the next, which would lose the 31st."""
    start = pl.col("run_from")
    monthly = start.dt.offset_by(pl.format("{}mo", number * pl.col("months")))
    return pl.when(pl.col("months") > 0).then(monthly).otherwise(start + pl.duration(days=number * pl.col("days")))


def _in_reporting_currency(
    rows: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """The rows with mrr_cents and renewed_mrr_cents at the rate of the due month; NULL without amount or currency."""
    some = pl.max_horizontal("before_exact", "after_exact").fill_null(0) > 0
    wanted = rows.filter(some & pl.col("currency").is_not_null())
    rates = monthly_rates(fx_rates, wanted, dim_month, currency).select("month", "currency", "whole_rate")
    # Only a zero amount may lack a rate here, and zero is zero at any.
    rate = pl.when(pl.col("currency").is_not_null()).then(pl.col("whole_rate").fill_null(0))
    return rows.join(rates, on=["month", "currency"], how="left").with_columns(
        mrr_cents=_cents(pl.col("before_exact") * rate), renewed_mrr_cents=_cents(pl.col("after_exact") * rate)
    )


def _cents(exact: pl.Expr) -> pl.Expr:
    """Nearest cent, half away from zero, of an amount in 1/(scale × RATE_DENOMINATOR)."""
    unit = pl.col("scale") * pl.lit(RATE_DENOMINATOR, pl.Int128)
    magnitude = (2 * exact.abs() + unit) // (2 * unit)
    return (magnitude * exact.sign()).cast(pl.Int64)
