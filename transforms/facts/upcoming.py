"""The terms that will come up for renewal next, as known on the day the data speaks for."""

import datetime as dt

import polars as pl

from schemas.billing import RENEWAL_BASIS, UpcomingRenewal
from transforms.calendar import month_of
from transforms.declaration import whole
from transforms.exported import Exported
from transforms.facts.rates import at_rate, known_rates, refuse_too_much, sum_at_rates
from transforms.facts.renewals import is_a_month
from transforms.facts.service import ITEM, Service
from transforms.facts.terms_of_items import BILLED_BY, TERM, due, names_of_term, running_terms


@whole
def upcoming_renewal(
    renewals: pl.DataFrame,
    subscription_items: pl.DataFrame,
    service_periods: Service,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    as_of: dt.date,
    currency: str,
    exported: Exported,
) -> pl.DataFrame:
    """See the contract: what will be in `fct_renewal` once it is due, if nothing is decided before.

    `currency` is the reporting currency. Of items that on `as_of` make no MRR nothing comes up.
    """
    from_renewals, from_items = RENEWAL_BASIS
    derived = bool(exported.missing(["renewals"]))
    terms = _of_items(subscription_items, service_periods, as_of) if derived else _exported(renewals, as_of)
    now = terms.with_columns(month=pl.lit(month_of(as_of)))
    rates = known_rates(fx_rates, now.drop_nulls("currency"), dim_month, currency).select(
        "month", "currency", "whole_rate"
    )
    rated = now.join(rates, on=["month", "currency"], how="left")
    if derived:
        rows = _together(rated, service_periods.scale)
    else:
        rows = rated.with_columns(mrr_cents=at_rate(pl.col("amount"), pl.col("whole_rate")))
    told = rows.with_columns(basis=pl.lit(from_items if derived else from_renewals))
    refuse_too_much(told, "MRR of a term", "mrr_cents")
    return UpcomingRenewal.shaped(told).sort("source", "renewal_id", nulls_last=True)


def _exported(renewals: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """The open terms of a renewals source that are due later."""
    is_open = (pl.col("outcome") == "open") & (due > as_of) & ~is_a_month()
    return renewals.filter(is_open).with_columns(source="export_source", amount="mrr_amount")


def _of_items(subscription_items: pl.DataFrame, in_service: Service, as_of: dt.date) -> pl.DataFrame:
    """The running terms of the items that make MRR on `as_of` and whose cancellation is not requested."""
    is_here = (pl.col("from_day") <= as_of) & (pl.col("to_day").is_null() | (pl.col("to_day") > as_of))
    is_asked = (pl.col("cancel_requested_on") <= as_of).fill_null(value=False)
    paid = in_service.periods.filter(is_here & ~is_asked)
    return running_terms(subscription_items, as_of).join(paid, on=ITEM)


def _together(rated: pl.DataFrame, scale: int) -> pl.DataFrame:
    """The account's items that are due on one day as one term; it is unknown what it makes if one has no rate."""
    rate = pl.col("whole_rate")
    terms = rated.group_by(TERM).agg(
        pl.col("month").first(),
        pl.col("term_started_on").min(),
        is_known=rate.is_not_null().all(),
        mrr=sum_at_rates(pl.col("amount"), rate.fill_null(0), scale),
        **BILLED_BY,
    )
    of_money = terms.filter(~pl.col("is_known") | (pl.col("mrr") > 0))
    return of_money.with_columns(mrr_cents=pl.when("is_known").then("mrr"), **names_of_term())
