"""Invoices: what was paid, what was taken back, and what doesn't recur, in the reporting currency."""

import datetime as dt

import polars as pl

from schemas.billing import CREDIT_NOTE, INVOICE, PAYMENT_MONTHS, FctInvoice
from transforms.calendar import month_start
from transforms.declaration import FILED, Whole, monthly
from transforms.facts.filing import filed
from transforms.facts.rates import at_rate, known_rates, monthly_rates, refuse_too_much

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
    one_off_cents, credited_cents: the one-off amount, and what a credit note takes back, at the rate of the month of
    issue. A credit note takes back its amount, whichever sign that has. None of them of what is void or a draft. Of an
    invoice that was issued before the first computed month only what was paid from then on is told.
    open_cents: amount − refunded of an invoice that is open, at the rate of the month of issue, if there is one: that
    nobody paid yet is no reason to stop.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency that was paid, credited or billed as a one-off.
    """
    is_note = pl.col("kind") == CREDIT_NOTE
    one_off = pl.when(is_note).then(-pl.col("one_off_amount").abs()).otherwise("one_off_amount")
    issued = _told(invoices).with_columns(month=month_start(pl.col("issued_on")), source="export_source")
    is_earlier = pl.lit(value=False) if computed_from is None else pl.col("month") < computed_from
    at_issue = pl.col("is_charged") & ~is_earlier
    paid_earlier = pl.lit(value=False) if computed_from is None else pl.col("paid_month") < computed_from
    # One that is not paid is still open, and how one of the months before was paid tells of health.
    counts_until = pl.col("month").dt.offset_by(f"{PAYMENT_MONTHS - 1}mo")
    later = pl.max_horizontal(pl.coalesce("paid_on", pl.lit(as_of)), counts_until)
    rows = filed(issued, dim_month, computed_from, later).with_columns(
        one_off=pl.when(at_issue).then(one_off),
        credited=pl.when(at_issue & is_note).then(pl.col("amount").abs()),
        paid_month=pl.when(~paid_earlier).then("paid_month"),
    )
    rates = _rates(rows, fx_rates, as_of, currency)
    for month, native, name in (
        ("paid_month", "net", "paid_cents"),
        ("month", "one_off", "one_off_cents"),
        ("month", "credited", "credited_cents"),
    ):
        rate = rates.rename({"month": month})
        # Only a zero amount may lack a rate here, and zero is zero at any.
        converted = at_rate(pl.col(native), pl.col("whole_rate").fill_null(0))
        there = pl.col(month).is_not_null() & pl.col(native).is_not_null()
        rows = (
            rows.join(rate, on=[month, "currency"], how="left")
            .with_columns(pl.when(there).then(converted).alias(name))
            .drop("whole_rate")
        )
    rows = _with_open(rows, fx_rates, as_of, currency, at_issue)
    refuse_too_much(rows, "invoices", "paid_cents", "one_off_cents", "credited_cents", "open_cents")
    return FctInvoice.shaped(rows).sort("source", "invoice_id")


def _told(invoices: pl.DataFrame) -> pl.DataFrame:
    """The rows with their kind, whether they ask for money, what is left after refunds, and the month of payment."""
    of_sign = pl.when(pl.col("amount") < 0).then(pl.lit(CREDIT_NOTE)).otherwise(pl.lit(INVOICE))
    told = invoices.with_columns(
        kind=pl.coalesce("kind", of_sign),
        is_charged=~pl.col("status").is_in(NOT_CHARGED),
        net=pl.col("amount") - pl.col("refunded").fill_null(0),
    )
    is_paid = pl.col("is_charged") & (pl.col("kind") == INVOICE) & (pl.col("net") > 0)
    return told.with_columns(paid_month=pl.when(is_paid).then(month_start(pl.col("paid_on"))))


def _with_open(
    rows: pl.DataFrame, fx_rates: pl.DataFrame, as_of: dt.date, currency: str, at_issue: pl.Expr
) -> pl.DataFrame:
    """The rows with open_cents; `at_issue`: whether money of the month of issue is told."""
    is_open = (pl.col("status") == "open") & (pl.col("kind") == INVOICE) & pl.col("paid_on").is_null()
    native = pl.when(at_issue & is_open & (pl.col("net") > 0)).then("net")
    wanted = rows.filter(native.is_not_null())
    rates = known_rates(fx_rates, wanted, _calendar(wanted, as_of), currency).select("month", "currency", "whole_rate")
    converted = at_rate(native, pl.col("whole_rate"))
    return rows.join(rates, on=["month", "currency"], how="left").with_columns(open_cents=converted).drop("whole_rate")


def paid_invoices(
    invoices: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """One row per invoice that was paid in one of the months, in the month it was paid, whenever it was issued.

    Columns: month, account_id, paid_cents, amount − refunded at the rate of the month.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency that was paid in it.
    """
    told = _told(invoices).with_columns(month="paid_month")
    paid = told.join(dim_month.select("month"), on="month", how="semi")
    rated = paid.join(monthly_rates(fx_rates, paid, dim_month, currency), on=["month", "currency"])
    return rated.select("month", "account_id", paid_cents=at_rate(pl.col("net"), pl.col("whole_rate")))


def _rates(rows: pl.DataFrame, fx_rates: pl.DataFrame, as_of: dt.date, currency: str) -> pl.DataFrame:
    """One row per month and currency in which something other than zero is converted: month, currency, whole_rate."""
    paid = rows.filter(pl.col("paid_month").is_not_null()).select("currency", month="paid_month")
    at_issue = rows.filter(pl.any_horizontal(pl.col("one_off", "credited").fill_null(0) != 0))
    wanted = pl.concat([paid.select("month", "currency"), at_issue.select("month", "currency")])
    rates = monthly_rates(fx_rates, wanted, _calendar(wanted, as_of), currency)
    return rates.select("month", "currency", "whole_rate")


def _calendar(rows: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """The months of the rows, and whether they are not over."""
    is_provisional = pl.lit(as_of) < pl.col("month").dt.month_end()
    return rows.select("month").unique().with_columns(is_provisional=is_provisional)
