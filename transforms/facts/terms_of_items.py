"""Terms that are read from what subscription items are billed for, and what became of them."""

import datetime as dt

import polars as pl

from transforms.calendar import month_start
from transforms.facts.intervals import DAYS, MONTHS
from transforms.facts.rates import monthly_rates, refuse_too_much, sum_at_rates
from transforms.facts.service import FOREVER, ITEM, Service, spoken_versions
from transforms.facts.trials import trial_runs
from transforms.template import filled

GRACE_DAYS = 30
"""So many days before and after the due day what the account begins may renew the term."""
MONTHS_AHEAD = 2
"""The 30th day from the last of January lies in March."""
LONGEST_MONTH = 31
TERM = ["account_id", "term_ended_on"]
due = pl.col("term_ended_on")
grace = pl.duration(days=GRACE_DAYS)


BILLED_BY = {
    "subscriptions": pl.struct("export_source", "subscription_id").n_unique(),
    "sources": pl.col("export_source").n_unique(),
    "source": pl.col("export_source").first(),
    "subscription_id": pl.col("subscription_id").first(),
}
"""Of the items of a term: how many subscriptions and sources they are of, and which, where it is one."""


def names_of_term() -> dict[str, pl.Expr]:
    """What a term is called, and the source and the subscription that it is of, if it is of one."""
    return {
        "renewal_id": filled("{}/{}", "account_id", due.dt.to_string("%Y-%m-%d")),
        "source": pl.when(pl.col("sources") == 1).then("source"),
        "subscription_id": pl.when(pl.col("subscriptions") == 1).then("subscription_id"),
    }


def terms_of_items(
    subscription_items: pl.DataFrame,
    in_service: Service,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    as_of: dt.date,
    currency: str,
) -> pl.DataFrame:
    """One row per account and day on which items of its that are billed for more than a month were due by `as_of`.

    A term begins with a billing interval while the item is in service: at the item's start, the end of its trial or a
    change of the interval, and then in steps of the interval. The account's items whose term ends on one day are one
    term; its MRR is that of each one's last paying day in it, and without any it is no term. Renewed: on the due day or
    in the 30 days from it these items make MRR, or what the account began in the 30 days before or after; so much of
    the term's MRR is renewed as they make on the best of these days. All of it is in the reporting currency, as a term
    may have items of several.
    """
    paid = in_service.periods
    items = _last_paid(_terms(subscription_items, as_of), paid).join(dim_month, on="month", how="semi")
    days = _days(items, paid, as_of)
    used = pl.concat([frame.select("month", "currency") for frame in (items, days)])
    rates = monthly_rates(fx_rates, used, dim_month, currency).select("month", "currency", "whole_rate")
    cents = sum_at_rates(pl.col("amount"), pl.col("whole_rate"), in_service.scale)
    before = items.join(rates, on=["month", "currency"]).group_by(TERM).agg(before=cents)
    after = days.join(rates, on=["month", "currency"]).group_by(*TERM, "day").agg(after=cents)
    starts = items.group_by(TERM).agg(pl.col("term_started_on").min(), **BILLED_BY, month=pl.col("month").first())
    # Paying is MRR above zero to the cent.
    rows = starts.join(before.filter(pl.col("before") > 0), on=TERM).join(_best_days(after), on=TERM)
    refuse_too_much(rows, "MRR of a term", "before", "after")
    return _judged(rows, as_of).with_columns(currency=pl.lit(currency))


def _judged(rows: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """The terms, of which `before` and the most `after` are known, with what became of them by `as_of`."""
    renewed, final = pl.col("after") > 0, due + grace
    lost_or_open = pl.when(final <= as_of).then(pl.lit("lost")).otherwise(pl.lit("open"))
    kept = pl.min_horizontal("before", "after")
    return rows.with_columns(
        **names_of_term(),
        is_renewed=renewed,
        renewed_on=pl.when(renewed).then("first_day"),
        decided_on=pl.when(renewed).then("first_day").otherwise(final),
        outcome=pl.when(renewed).then(pl.lit("renewed")).otherwise(lost_or_open),
        mrr_amount="before",
        renewed_mrr_amount=kept,
        mrr_cents="before",
        renewed_mrr_cents=kept,
    )


def _last_paid(terms: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """The terms of items with account, currency and amount of the last paying day in them; the month of the due day."""
    within = (pl.col("from_day") < due) & (pl.col("to_day").fill_null(FOREVER) > pl.col("term_started_on"))
    last = terms.join(paid, on=ITEM).filter(within).sort("from_day")
    kept = last.unique([*ITEM, "term_started_on"], keep="last", maintain_order=True)
    return kept.select(*ITEM, *TERM, "term_started_on", "currency", "amount", month=month_start(due))


def _days(items: pl.DataFrame, paid: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """What may renew each term, on the days on which that may be most: the due day, and those on which some begins.

    One row per term, `day`, and item in service on it, with currency and amount; a due day without any has one row
    of nothing.
    """
    terms = items.group_by(TERM).agg(pl.col("month").first(), pl.col("currency").first())
    began = paid.group_by("account_id", *ITEM).agg(began_on=pl.col("from_day").min())
    near = pl.col("began_on").is_between(due - grace, due + grace, closed="left")
    new = terms.select(TERM).join(began, on="account_id").filter(near).select(*TERM, *ITEM)
    members = pl.concat([items.select(*TERM, *ITEM), new]).unique()
    until = pl.col("to_day").fill_null(FOREVER)
    running = members.join(paid, on=["account_id", *ITEM]).filter(
        (pl.col("from_day") < due + grace) & (until > due) & (pl.col("from_day") <= as_of)
    )
    starts = running.select(*TERM, day=pl.max_horizontal("from_day", due))
    days = pl.concat([starts, terms.select(*TERM, day=due)]).unique()
    on_day = (pl.col("from_day") <= pl.col("day")) & (until > pl.col("day"))
    there = days.join(running, on=TERM).filter(on_day).select(*TERM, "day", "currency", "amount")
    nothing = terms.select(*TERM, "currency", day=due, amount=pl.lit(0, pl.Int128))
    return pl.concat([there, nothing.select(there.columns)]).with_columns(month=month_start(due))


def _best_days(days: pl.DataFrame) -> pl.DataFrame:
    """Of each term the most that is made on a day, and the first day on which anything is."""
    first_day = pl.col("day").filter(pl.col("after") > 0).min()
    return days.group_by(TERM).agg(pl.col("after").max(), first_day=first_day)


def billing_runs(subscription_items: pl.DataFrame) -> pl.DataFrame:
    """One row per item and stretch of service in which it is billed for the same interval.

    Columns: those of ITEM, run_from (first day, or the first after a trial), run_to (first day after, or FOREVER), and
    the interval as `months` or `days`, the other of which is 0.
    """
    count, unit = pl.col("interval_count").fill_null(1), pl.col("interval_unit")
    versions = (
        spoken_versions(subscription_items)
        .with_columns(
            months=unit.replace_strict(MONTHS, default=0, return_dtype=pl.Int64) * count,
            days=unit.replace_strict(DAYS, default=0, return_dtype=pl.Int64) * count,
        )
        .sort(*ITEM, "from_day")
    )
    # Sorted, versions of one run are neighbours: one number over all items tells the runs apart.
    runs = (
        versions.with_columns(run=pl.struct(*ITEM, "months", "days").rle_id())
        .group_by("run")
        .agg(pl.col(*ITEM, "months", "days").first(), run_from=pl.col("from_day").min(), run_to=pl.col("to_day").max())
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
    numbered = _numbered(subscription_items, as_of, pl.int_ranges(0, _steps(as_of)))
    begun = pl.col("term_started_on") < pl.col("run_to")
    return numbered.filter(begun & (due <= as_of)).select(*ITEM, "term_started_on", "term_ended_on")


def running_terms(subscription_items: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """One row per item whose term of more than a month runs on `as_of`, and that is known to go on after it.

    Columns: those of ITEM, term_started_on, term_ended_on.
    """
    last_steps = pl.int_ranges(pl.max_horizontal(_steps(as_of) - 1, 0), _steps(as_of) + 1)
    runs = (pl.col("term_started_on") <= as_of) & (due > as_of) & (pl.col("run_to") > due)
    return _numbered(subscription_items, as_of, last_steps).filter(runs).select(*ITEM, "term_started_on", due)


def _numbered(subscription_items: pl.DataFrame, as_of: dt.date, numbers: pl.Expr) -> pl.DataFrame:
    """The terms of those numbers of every run of more than a month's interval that has begun by `as_of`."""
    long = (pl.col("months") > 1) | (pl.col("days") > LONGEST_MONTH)
    return (
        billing_runs(subscription_items)
        .filter(long & (pl.col("run_from") <= as_of))
        .with_columns(number=numbers)
        .explode("number", empty_as_null=False)
        .with_columns(term_started_on=_boundary(pl.col("number")), term_ended_on=_boundary(pl.col("number") + 1))
    )


def _steps(as_of: dt.date) -> pl.Expr:
    """Intervals of a run that begin by `as_of`, or one more: of months the day is not looked at."""
    day = pl.col("run_from")
    months = (as_of.year - day.dt.year()).cast(pl.Int64) * 12 + as_of.month - day.dt.month()
    by_day = (pl.lit(as_of) - day).dt.total_days() // pl.col("days")
    return pl.when(pl.col("months") > 0).then(months // pl.col("months")).otherwise(by_day)


def _boundary(number: pl.Expr) -> pl.Expr:
    """So many intervals after the run's first day; never from one boundary to the next, which would lose the 31st."""
    start = pl.col("run_from")
    monthly = start.dt.offset_by(filled("{}mo", number * pl.col("months")))
    return pl.when(pl.col("months") > 0).then(monthly).otherwise(start + pl.duration(days=number * pl.col("days")))
