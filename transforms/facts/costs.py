"""What the company spends, by category."""

import polars as pl

from schemas.billing import FctCostMonth
from schemas.config import Finance
from transforms.declaration import SO_FAR, monthly
from transforms.facts.rates import known_rates, refuse_too_much, sum_at_rates


@monthly(fx_rates=SO_FAR)
def fct_cost_month(
    costs: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, finance: Finance, currency: str
) -> pl.DataFrame:
    """See the contract. A category of which some part has no rate is unknown: no metric need read it."""
    of_months = costs.join(dim_month.select("month"), on="month", how="semi")
    rates = known_rates(fx_rates, of_months, dim_month, currency).select("month", "currency", "whole_rate")
    rate = pl.col("whole_rate")
    told = (
        of_months.join(rates, on=["month", "currency"])
        .group_by("month", "category")
        .agg(is_known=rate.is_not_null().all(), cost_cents=sum_at_rates(pl.col("amount"), rate.fill_null(0)))
        .with_columns(
            is_retention=pl.col("category").is_in(finance.retention_cost_categories),
            cost_cents=pl.when("is_known").then("cost_cents"),
        )
    )
    return FctCostMonth.shaped(refuse_too_much(told, "costs", "cost_cents")).sort("month", "category")
