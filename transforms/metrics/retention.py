"""Who stays, and how much of their money: monthly, and over 12 months as a closed cohort."""

from functools import partial

import polars as pl

from transforms.declaration import Months
from transforms.metrics.definition import Ratio, parts
from transforms.metrics.revenue import HAS_HISTORY, HISTORY

SUBSCRIPTIONS = ("subscription_items",)
share = partial(Ratio, unit="share", signal="lagging")
monthly = partial(share, over_time="mean_rate")
accounts_kept = partial(monthly, perspective="customer", needs=SUBSCRIPTIONS, independent=True)
money_kept = partial(monthly, perspective="financial", needs=(HISTORY,), known_where=HAS_HISTORY)
cohort_share = partial(share, over_time="stock", reads={"fct_mrr_account_month": Months(back=12)}, history_months=12)

opening, closing = pl.col("opening_cents"), pl.col("closing_cents")
lost = pl.col("contraction_cents") + pl.col("churned_cents")


@accounts_kept(better="lower")
def churn_rate(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Accounts with opening and without closing MRR / accounts with opening MRR."""
    return parts(fct_mrr_account_month, (opening > 0) & (closing == 0), opening > 0)


@accounts_kept(better="higher", title="Customer retention rate", asset="churn_rate")
def crr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Accounts with opening and closing MRR / accounts with opening MRR."""
    return parts(fct_mrr_account_month, (opening > 0) & (closing > 0), opening > 0)


@money_kept(better="higher", title="Net revenue retention")
def nrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """(Opening + expansion − contraction − churned MRR) / opening MRR; reactivation stays out."""
    kept = opening + pl.col("expansion_cents") - lost
    return parts(fct_mrr_account_month, pl.when(opening > 0).then(kept).otherwise(0), opening)


@money_kept(better="higher", title="Gross revenue retention")
def grr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """(Opening − contraction − churned MRR) / opening MRR; never above 1 nor above NRR."""
    return parts(fct_mrr_account_month, pl.when(opening > 0).then(opening - lost).otherwise(0), opening)


@money_kept(better="lower", title="MRR churn rate", asset="grr")
def mrr_churn_rate(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """(Contraction + churned MRR) / opening MRR."""
    return parts(fct_mrr_account_month, lost, opening)


@money_kept(better="higher", asset="nrr")
def expansion_rate(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Expansion MRR / opening MRR."""
    return parts(fct_mrr_account_month, pl.col("expansion_cents"), opening)


def cohort(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """One row per account that paid 12 months before the month: `then` and `now`, its MRR at both month ends.

    `now` is closing MRR less the account's fx of the 12 months, at least 0; 0 if it is gone; left and back is retained.
    """
    facts = fct_mrr_account_month.select("month", "account_id", "closing_cents", "fx_cents")
    then = facts.filter(closing > 0).select(pl.col("month").dt.offset_by("12mo"), "account_id", then="closing_cents")
    fx = (
        facts.filter(pl.col("fx_cents") != 0)
        .with_columns(month=pl.date_ranges("month", pl.col("month").dt.offset_by("11mo"), "1mo"))
        .explode("month", empty_as_null=True)
        .group_by("month", "account_id")
        .agg(pl.col("fx_cents").sum())
    )
    now = facts.select("month", "account_id", "closing_cents")
    keys = ["month", "account_id"]
    return (
        then.join(now, on=keys, how="left")
        .join(fx, on=keys, how="left")
        .with_columns(pl.col("closing_cents", "fx_cents").fill_null(0))
        .with_columns(
            now=pl.when(closing > 0).then((closing - pl.col("fx_cents")).clip(lower_bound=0)).otherwise(0),
            pays=closing > 0,
        )
        .select(*keys, "then", "now", "pays")
    )


@cohort_share(
    better="lower",
    perspective="customer",
    needs=SUBSCRIPTIONS,
    independent=True,
    asset="churn_rate",
    title="Churn rate, 12 months",
)
def churn_rate_12m(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Of the accounts paying 12 months ago, those that do not pay at month end / all of them."""
    return parts(cohort(fct_mrr_account_month), ~pl.col("pays"), pl.col("then") > 0)


@cohort_share(
    better="higher",
    perspective="customer",
    needs=SUBSCRIPTIONS,
    independent=True,
    asset="churn_rate",
    title="Customer retention, 12 months",
)
def crr_12m(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Of the accounts paying 12 months ago, those that pay at month end / all of them."""
    return parts(cohort(fct_mrr_account_month), pl.col("pays"), pl.col("then") > 0)


@cohort_share(
    better="higher",
    perspective="financial",
    needs=(HISTORY,),
    known_where=HAS_HISTORY,
    asset="grr",
    title="Gross revenue retention, 12 months",
)
def grr_12m(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Σ min(then, now) / Σ then over the accounts paying 12 months ago."""
    return parts(cohort(fct_mrr_account_month), pl.min_horizontal("then", "now"), pl.col("then"))


@cohort_share(
    better="higher",
    perspective="financial",
    needs=(HISTORY,),
    known_where=HAS_HISTORY,
    asset="nrr",
    title="Net revenue retention, 12 months",
)
def nrr_12m(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Σ now / Σ then over the accounts paying 12 months ago."""
    return parts(cohort(fct_mrr_account_month), pl.col("now"), pl.col("then"))
