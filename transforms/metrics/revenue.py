"""Recurring revenue: how much there is, and what moved it."""

from functools import partial

import polars as pl

from transforms.metrics.definition import metric, parts

HISTORY = "subscription_items.valid_from"
"""Without versions of items an upgrade cannot be told from a price that was always so."""

amount = partial(metric, unit="cents", signal="lagging", perspective="financial", rollup="sum", asset="mrr")
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


@movement(better="higher", needs=(HISTORY,), title="Expansion MRR")
def expansion_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Growth of accounts paying at both ends of the month, in their own currencies at the month's rate."""
    return parts(fct_mrr_account_month, pl.col("expansion_cents"))


@movement(better="higher", needs=(HISTORY,), title="Upsell MRR")
def upsell_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Part of expansion from items that had MRR at opening and grew."""
    return parts(fct_mrr_account_month, pl.col("upsell_cents"))


@movement(better="higher", needs=(HISTORY,), title="Cross-sell MRR")
def cross_sell_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Part of expansion from items that had no MRR at opening."""
    return parts(fct_mrr_account_month, pl.col("cross_sell_cents"))


@movement(better="lower", needs=(HISTORY,), title="Contraction MRR")
def contraction_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Shrinking of accounts paying at both ends of the month, in their own currencies at the month's rate."""
    return parts(fct_mrr_account_month, pl.col("contraction_cents"))


@movement(better="lower", needs=("subscription_items",), title="Churned MRR")
def churned_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Opening MRR of accounts that pay nothing at month end."""
    return parts(fct_mrr_account_month, pl.col("churned_cents"))


@movement(better="higher", needs=(HISTORY,), title="Net new MRR")
def net_new_mrr(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """New + reactivation + expansion − contraction − churned MRR: all movements but exchange rates."""
    gained = pl.col("new_cents") + pl.col("reactivation_cents") + pl.col("expansion_cents")
    return parts(fct_mrr_account_month, gained - pl.col("contraction_cents") - pl.col("churned_cents"))


@metric(
    unit="cents",
    better="higher",
    signal="lagging",
    perspective="financial",
    rollup="derived",
    over_time="stock",
    expression="12 * mrr",
    asset="mrr",
    title="Annual recurring revenue",
)
def arr() -> None:
    """12 × MRR."""


@metric(
    unit="cents",
    better="higher",
    signal="lagging",
    perspective="financial",
    rollup="ratio",
    over_time="stock",
    needs=("subscription_items",),
    asset="mrr",
    title="Average revenue per account",
)
def arpa(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR / accounts paying at month end."""
    paying = (pl.col("closing_cents") > 0).cast(pl.Int64)
    return parts(fct_mrr_account_month, pl.col("closing_cents"), paying)


@metric(
    unit="ratio",
    better="higher",
    signal="lagging",
    perspective="financial",
    rollup="ratio",
    over_time="mean_rate",
    needs=(HISTORY,),
)
def quick_ratio(fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """(New + reactivation + expansion MRR) / (contraction + churned MRR)."""
    gained = pl.col("new_cents") + pl.col("reactivation_cents") + pl.col("expansion_cents")
    return parts(fct_mrr_account_month, gained, pl.col("contraction_cents") + pl.col("churned_cents"))
