"""Invoices: what was paid, and what of it doesn't recur, in the reporting currency."""

import datetime as dt

import polars as pl

from schemas.billing import FctInvoice
from transforms.calendar import month_start
from transforms.declaration import FILED, Whole, monthly
from transforms.facts.filing import filed
from transforms.facts.rates import RATE_DENOMINATOR, monthly_rates, rounded

NOT_CHARGED = ["void", "draft"]


# An invoice is paid at the rate of a later month than that of its issue, which may not be known yet.
@monthly(invoices=FILED, fx_rates=Whole())
def fct_invoice(
    invoices: pl.DataFrame,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    as_of: dt.date,
    currency: str,
    computed_from: dt.date | None = None,
) -> pl.DataFrame:
    """See the contract. `currency` is the reporting currency.

    paid_cents: amount − refunded at the rate of the month it was paid in, which may lie outside `dim_month`.
    one_off_cents: the one-off amount at the rate of the month of issue. Neither for what is void or a draft. Of an
    invoice that was issued before the first computed month and paid later only what was paid is told.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency that was paid or billed as a one-off in it.
    """
    charged = ~pl.col("status").is_in(NOT_CHARGED)
    net = pl.col("amount") - pl.col("refunded").fill_null(0)
    issued = invoices.with_columns(month=month_start(pl.col("issued_on")), net=net)
    is_earlier = pl.lit(value=False) if computed_from is None else pl.col("month") < computed_from
    # One that is not paid is still open.
    later = pl.coalesce("paid_on", pl.lit(as_of))
    rows = filed(issued, dim_month, computed_from, later).with_columns(
        paid_month=pl.when(charged & (net > 0)).then(month_start(pl.col("paid_on"))),
        one_off=pl.when(charged & ~is_earlier).then("one_off_amount"),
    )
    rates = _rates(rows, fx_rates, as_of, currency)
    for month, native, name in (("paid_month", "net", "paid_cents"), ("month", "one_off", "one_off_cents")):
        rate = rates.rename({"month": month})
        # Only a zero amount may lack a rate here, and zero is zero at any.
        converted = rounded(pl.col(native) * pl.col("whole_rate").fill_null(0), RATE_DENOMINATOR)
        there = pl.col(month).is_not_null() & pl.col(native).is_not_null()
        rows = (
            rows.join(rate, on=[month, "currency"], how="left")
            .with_columns(pl.when(there).then(converted).alias(name))
            .drop("whole_rate")
        )
    return FctInvoice.shaped(rows).sort("invoice_id")


def _rates(rows: pl.DataFrame, fx_rates: pl.DataFrame, as_of: dt.date, currency: str) -> pl.DataFrame:
    """One row per month and currency in which something other than zero is converted: month, currency, whole_rate."""
    paid = rows.filter(pl.col("paid_month").is_not_null()).select("currency", month="paid_month")
    one_off = rows.filter(pl.col("one_off").fill_null(0) != 0).select("currency", "month")
    wanted = pl.concat([paid.select("month", "currency"), one_off.select("month", "currency")])
    last_day = pl.col("month").dt.month_end()
    months = wanted.select("month").unique().with_columns(is_provisional=pl.lit(as_of) < last_day)
    return monthly_rates(fx_rates, wanted, months, currency).select("month", "currency", "whole_rate")
