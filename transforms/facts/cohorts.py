"""Who left and why, and what is left of those who came."""

import polars as pl

from schemas.billing import CohortRetention
from schemas.customers import UNKNOWN
from schemas.success import ChurnReasonMonth
from transforms.calendar import month_start
from transforms.declaration import SO_FAR, Months, monthly

KEYS = ["month", "account_id"]
REASON_MONTHS = 2
"""Calendar months before and after the churn month in which a record is taken for it; MonthlyTable reads as far."""


@monthly(churn_events=Months(back=REASON_MONTHS, ahead=REASON_MONTHS))
def churn_reason_month(
    fct_mrr_account_month: pl.DataFrame, churn_events: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """See the contract. Who churned is told by MRR alone; a record gives no more than the reason.

    Of several records in the month the last one speaks; without one the nearest, of two as near the later.
    """
    churned = (
        fct_mrr_account_month.filter(pl.col("churned_cents") > 0)
        .join(dim_month.select("month"), on="month", how="semi")
        .select(*KEYS, "churned_cents")
    )
    counted = (
        churned.join(_nearest_reason(churned, churn_events), on=KEYS, how="left")
        .with_columns(pl.col("reason").fill_null(UNKNOWN))
        .group_by("month", "reason")
        .agg(accounts=pl.len(), churned_cents=pl.col("churned_cents").sum())
    )
    return ChurnReasonMonth.shaped(counted).sort("month", "reason")


def _nearest_reason(churned: pl.DataFrame, churn_events: pl.DataFrame) -> pl.DataFrame:
    """One row per account and month with a record near by: month, account_id, reason."""
    month, on = pl.col("month"), pl.col("churned_on")
    near = month_start(on).is_between(
        month.dt.offset_by(f"-{REASON_MONTHS}mo"), month.dt.offset_by(f"{REASON_MONTHS}mo")
    )
    days_before = (month - on).dt.total_days()
    days_after = (on - month.dt.month_end()).dt.total_days()
    return (
        churned.join(churn_events.drop_nulls("reason"), on="account_id")
        .filter(near)
        .with_columns(outside=pl.max_horizontal(days_before, days_after, pl.lit(0, pl.Int64)))
        .sort("outside", "churned_on", "churn_event_id", "export_source", descending=[False, True, True, True])
        .unique(KEYS, keep="first", maintain_order=True)
        .select(*KEYS, "reason")
    )


@monthly(fct_mrr_account_month=SO_FAR)
def cohort_retention(
    fct_mrr_account_month: pl.DataFrame, dim_account: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """See the contract. `fct_mrr_account_month` reaches back to the first computed month.

    Accounts that began to pay before that month are in no cohort: what they paid then is not computed.
    """
    seen = _followed(fct_mrr_account_month, dim_account, dim_month)
    pays = pl.col("closing_cents") > 0
    moved_by_rates = pl.col("fx_so_far") - pl.col("fx_then")
    now = pl.when(pays).then((pl.col("closing_cents") - moved_by_rates).clip(lower_bound=0)).otherwise(0)
    summed = (
        seen.with_columns(now=now)
        .group_by("month", "cohort_month")
        .agg(
            accounts=pl.len(),
            accounts_kept=pays.sum(),
            mrr_then_cents=pl.col("then").sum(),
            mrr_kept_cents=pl.min_horizontal("then", "now").sum(),
            mrr_now_cents=pl.col("now").sum(),
        )
    )
    age = _months_between("cohort_month", "month")
    return CohortRetention.shaped(summed.with_columns(age_months=age)).sort("month", "cohort_month")


def _followed(facts: pl.DataFrame, dim_account: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per account and month from that of its first payment on.

    `then` and `closing_cents`: its MRR at the end of the first and of this month; `fx_then`, `fx_so_far`: what rates
    alone had moved of it by then.
    """
    paid = facts.select(
        *KEYS, "closing_cents", fx_so_far=pl.col("fx_cents").cum_sum().over("account_id", order_by="month")
    )
    at_first = paid.rename({"month": "cohort_month", "closing_cents": "then", "fx_so_far": "fx_then"})
    computed = pl.col("cohort_month") >= pl.lit(facts["month"].min(), pl.Date)
    return (
        dim_account.select("account_id", cohort_month=month_start(pl.col("first_paid_on")))
        .filter(computed)
        .join(at_first, on=["account_id", "cohort_month"], how="left")
        .join(dim_month.select("month"), how="cross")
        .filter(pl.col("cohort_month") <= pl.col("month"))
        .join(paid, on=KEYS, how="left")
        .with_columns(pl.col("then", "fx_then", "closing_cents", "fx_so_far").fill_null(0))
    )


def _months_between(earlier: str, later: str) -> pl.Expr:
    years = pl.col(later).dt.year().cast(pl.Int64) - pl.col(earlier).dt.year()
    return years * 12 + pl.col(later).dt.month() - pl.col(earlier).dt.month()
