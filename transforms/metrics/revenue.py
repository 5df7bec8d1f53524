"""Revenue: what recurs, what moved it, what is about to go, and what doesn't recur."""

from functools import partial

import polars as pl

from transforms.metrics.definition import Derived, Ratio, Sum, parts

HISTORY = "subscription_items.valid_from"
"""Without versions of items an upgrade cannot be told from a price that was always so."""
HAS_HISTORY = "has_history"

amount = partial(Sum, unit="cents", signal="lagging", perspective="financial", asset="mrr")
movement = partial(amount, over_time="flow")


@amount(better="higher", over_time="stock", needs=("subscription_items",), title="Monthly recurring revenue")
def mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """MRR in service on the last day of the month."""
    return parts(fct_mrr_account_month, pl.col("closing_cents"))


@movement(better="higher", needs=("subscription_items",), title="New MRR")
def new_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR of accounts without opening MRR that never paid before the month."""
    return parts(fct_mrr_account_month, pl.col("new_cents"))


@movement(better="higher", needs=("subscription_items",), title="Reactivation MRR")
def reactivation_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR of accounts without opening MRR that paid on some day before the month."""
    return parts(fct_mrr_account_month, pl.col("reactivation_cents"))


@movement(better="higher", needs=(HISTORY,), known_where=HAS_HISTORY, title="Expansion MRR")
def expansion_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Growth of accounts paying at both ends of the month, in their own currencies at the month's rate."""
    return parts(fct_mrr_account_month, pl.col("expansion_cents"))


@movement(better="higher", needs=(HISTORY,), known_where=HAS_HISTORY, title="Upsell MRR")
def upsell_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Part of expansion from items that had MRR at opening and grew."""
    return parts(fct_mrr_account_month, pl.col("upsell_cents"))


@movement(better="higher", needs=(HISTORY,), known_where=HAS_HISTORY, title="Cross-sell MRR")
def cross_sell_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Part of expansion from items that had no MRR at opening."""
    return parts(fct_mrr_account_month, pl.col("cross_sell_cents"))


@movement(better="lower", needs=(HISTORY,), known_where=HAS_HISTORY, title="Contraction MRR")
def contraction_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Shrinking of accounts paying at both ends of the month, in their own currencies at the month's rate."""
    return parts(fct_mrr_account_month, pl.col("contraction_cents"))


@movement(better="lower", needs=("subscription_items",), title="Churned MRR")
def churned_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Opening MRR of accounts that pay nothing at month end."""
    return parts(fct_mrr_account_month, pl.col("churned_cents"))


@movement(better="higher", needs=(HISTORY,), known_where=HAS_HISTORY, title="Net new MRR")
def net_new_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """New + reactivation + expansion − contraction − churned MRR: all movements but exchange rates."""
    gained = pl.col("new_cents") + pl.col("reactivation_cents") + pl.col("expansion_cents")
    return parts(fct_mrr_account_month, gained - pl.col("contraction_cents") - pl.col("churned_cents"))


@Derived(
    unit="cents",
    better="higher",
    signal="lagging",
    perspective="financial",
    over_time="stock",
    expression="12 * mrr",
    asset="mrr",
    title="Annual recurring revenue",
)
def arr() -> None:
    """12 × MRR."""


@Ratio(
    unit="cents",
    better="higher",
    signal="lagging",
    perspective="financial",
    over_time="stock",
    needs=("subscription_items",),
    asset="mrr",
    title="Average revenue per account",
)
def arpa(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR / accounts paying at month end."""
    paying = (pl.col("closing_cents") > 0).cast(pl.Int64)
    return parts(fct_mrr_account_month, pl.col("closing_cents"), paying)


@Ratio(
    unit="ratio",
    better="higher",
    signal="lagging",
    perspective="financial",
    over_time="mean_rate",
    needs=(HISTORY,),
    known_where=HAS_HISTORY,
)
def quick_ratio(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """(New + reactivation + expansion MRR) / (contraction + churned MRR)."""
    gained = pl.col("new_cents") + pl.col("reactivation_cents") + pl.col("expansion_cents")
    return parts(fct_mrr_account_month, gained, pl.col("contraction_cents") + pl.col("churned_cents"))


@Sum(
    unit="cents",
    better="lower",
    signal="leading",
    perspective="financial",
    over_time="stock",
    needs=("subscription_items.cancel_requested_on",),
    asset="mrr",
    title="MRR pending cancellation",
)
def mrr_pending_cancellation(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR of items whose cancellation is requested by month end and whose end is later or not known."""
    return parts(fct_mrr_account_month, pl.col("pending_cancellation_cents"))


@Sum(
    unit="cents",
    better="none",
    signal="lagging",
    perspective="financial",
    over_time="flow",
    needs=("invoices.one_off_amount",),
)
def non_recurring_revenue(fct_invoice: pl.DataFrame) -> pl.DataFrame:
    """One-off amounts of the invoices issued in the month, not void or draft; never in MRR."""
    return parts(fct_invoice.drop_nulls("one_off_cents"), pl.col("one_off_cents"))
