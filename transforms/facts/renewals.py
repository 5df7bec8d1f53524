"""Terms that came up for renewal: as exported, or read from what subscription items are billed for."""

import datetime as dt

import polars as pl

from schemas.billing import FctRenewal
from transforms.calendar import month_start
from transforms.declaration import FILED, SO_FAR, History, Months, monthly
from transforms.exported import Exported
from transforms.facts.filing import filed
from transforms.facts.rates import at_rate, monthly_rates, refuse_too_much
from transforms.facts.service import Service
from transforms.facts.terms_of_items import GRACE_DAYS, MONTHS_AHEAD, terms_of_items

GRACE = pl.duration(days=GRACE_DAYS)
due = pl.col("term_ended_on")


# A term is followed for 30 days after it was due, which reach into the month after the next.
@monthly(
    renewals=FILED,
    fx_rates=SO_FAR,
    subscription_items=History(ahead=MONTHS_AHEAD),
    service_periods=Months(ahead=MONTHS_AHEAD),
    provisional_days=GRACE_DAYS,
)
def fct_renewal(
    renewals: pl.DataFrame,
    subscription_items: pl.DataFrame,
    service_periods: Service,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    as_of: dt.date,
    currency: str,
    exported: Exported,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract. `currency` is the reporting currency.

    Renewed early counts in the month it was due; renewed, or still open, 30 days after the due day or later is not
    renewed. A renewal that is told without a day counts on the due day.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency whose terms were due in it.
    """
    derived = bool(exported.missing(["renewals"]))
    if derived:
        rows = terms_of_items(subscription_items, service_periods, fx_rates, dim_month, as_of, currency)
    else:
        due_in = _told(renewals).with_columns(month=month_start(due), source="export_source")
        kept = filed(due_in, dim_month, computed_from, pl.max_horizontal("renewed_on", "decided_on"))
        rows = _in_reporting_currency(kept, fx_rates, dim_month, currency)
    basis = pl.lit("subscription_items" if derived else "renewals")
    return FctRenewal.shaped(rows.with_columns(counts=~is_a_month(), basis=basis)).sort(
        "source", "renewal_id", nulls_last=True
    )


def is_a_month() -> pl.Expr:
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
    )


def _in_reporting_currency(
    rows: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """The rows with mrr_cents and renewed_mrr_cents at the rate of the due month.

    NULL without amount or currency, and where the due month is not computed.
    """
    some = pl.max_horizontal("before_exact", "after_exact").fill_null(0) > 0
    wanted = rows.filter(some & pl.col("currency").is_not_null())
    rates = monthly_rates(fx_rates, wanted, dim_month, currency).select("month", "currency", "whole_rate")
    # Only a zero amount may lack a rate here, and zero is zero at any. Of earlier months no rate is asked for.
    is_rated = pl.col("currency").is_not_null() & pl.col("month").is_in(dim_month["month"].implode())
    rate = pl.when(is_rated).then(pl.col("whole_rate").fill_null(0))
    converted = rows.join(rates, on=["month", "currency"], how="left").with_columns(
        mrr_cents=at_rate(pl.col("before_exact"), rate),
        renewed_mrr_cents=at_rate(pl.col("after_exact"), rate),
    )
    return refuse_too_much(converted, "MRR of a renewal", "mrr_cents", "renewed_mrr_cents")
