"""What it costs to keep customers. A cost is the company's: it is no account's and in no segment."""

from functools import partial

import polars as pl

from schemas.config import Finance
from schemas.customers import COMPANY
from transforms.declaration import SO_FAR
from transforms.facts.rates import monthly_rates, refuse_too_much, sum_at_rates
from transforms.metrics.definition import Ratio, parts

cost = partial(
    Ratio,
    better="lower",
    signal="lagging",
    perspective="financial",
    over_time="mean_rate",
    reads={"fx_rates": SO_FAR},  # in a month that isn't over the last known rate speaks
    company_only=True,
    when_empty="source_missing",  # a month without cost rows
    needs=("costs", "subscription_items"),
    asset="crc",
)


def retention_cost(
    costs: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, finance: Finance, currency: str
) -> pl.DataFrame:
    """One row per month with cost rows of the config's categories: month, cost_cents in the reporting currency.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency in which it has such a cost.
    """
    kept = costs.filter(pl.col("category").is_in(finance.retention_cost_categories)).join(
        dim_month.select("month"), on="month", how="semi"
    )
    rated = kept.join(monthly_rates(fx_rates, kept, dim_month, currency), on=["month", "currency"])
    of_month = rated.group_by("month").agg(cost_cents=sum_at_rates(pl.col("amount"), pl.col("whole_rate")))
    return refuse_too_much(of_month, "costs", "cost_cents")


def with_cost(accounts: pl.DataFrame, cost_of_month: pl.DataFrame) -> pl.DataFrame:
    """The accounts' `weight` in months with a cost, and the cost itself under `(company)`; no other months."""
    nothing = pl.lit(0, pl.Int64)
    company = cost_of_month.select("month", "cost_cents", account_id=pl.lit(COMPANY), weight=nothing)
    weighed = accounts.join(cost_of_month.select("month"), on="month", how="semi").select(
        "month", nothing.alias("cost_cents"), "account_id", pl.col("weight").cast(pl.Int64)
    )
    return pl.concat([company, weighed])


@cost(unit="cents", items=True, title="Customer retention cost")
def crc(
    costs: pl.DataFrame,
    fx_rates: pl.DataFrame,
    fct_mrr_account_month: pl.DataFrame,
    dim_month: pl.DataFrame,
    finance: Finance,
    currency: str,
) -> pl.DataFrame:
    """Cost of keeping customers in the month / accounts with opening or closing MRR.

    The config says which categories of cost those are; a month without a row of any of them has no value.
    """
    here = (pl.col("opening_cents") > 0) | (pl.col("closing_cents") > 0)
    of_month = retention_cost(costs, fx_rates, dim_month, finance, currency)
    rows = with_cost(fct_mrr_account_month.with_columns(weight=here), of_month)
    return parts(rows, pl.col("cost_cents"), pl.col("weight"))


@cost(unit="share", title="Customer retention cost, share of MRR")
def crc_share(
    costs: pl.DataFrame,
    fx_rates: pl.DataFrame,
    fct_mrr_account_month: pl.DataFrame,
    dim_month: pl.DataFrame,
    finance: Finance,
    currency: str,
) -> pl.DataFrame:
    """Cost of keeping customers in the month / closing MRR."""
    of_month = retention_cost(costs, fx_rates, dim_month, finance, currency)
    rows = with_cost(fct_mrr_account_month.with_columns(weight="closing_cents"), of_month)
    return parts(rows, pl.col("cost_cents"), pl.col("weight"))
