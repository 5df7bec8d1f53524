"""What billing tells beside MRR: cancellations to come, and revenue that doesn't recur."""

import polars as pl

from transforms.metrics.definition import metric, parts


@metric(
    unit="cents",
    better="lower",
    signal="leading",
    perspective="financial",
    rollup="sum",
    over_time="stock",
    needs=("subscription_items.cancel_requested_on",),
    asset="mrr",
    title="MRR pending cancellation",
)
def mrr_pending_cancellation(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR of items whose cancellation is requested by month end and whose end is later or not known."""
    return parts(fct_mrr_account_month, pl.col("pending_cancellation_cents"))


@metric(
    unit="cents",
    better="none",
    signal="lagging",
    perspective="financial",
    rollup="sum",
    over_time="flow",
    needs=("invoices.one_off_amount",),
)
def non_recurring_revenue(fct_invoice: pl.DataFrame) -> pl.DataFrame:
    """One-off amounts of the invoices issued in the month, not void or draft; never in MRR."""
    return parts(fct_invoice.drop_nulls("one_off_cents"), pl.col("one_off_cents"))
