"""What each item makes at month end, to the cent."""

import polars as pl

from schemas.billing import FctMrrItemMonth
from schemas.bounds import MOST_MONEY
from transforms.declaration import SO_FAR, intermediate, monthly
from transforms.facts.rates import in_parts, joined, monthly_rates, rounded, sum_at_rates
from transforms.facts.service import ITEM, Service, at_month_ends

BY_ACCOUNT = ["month", "account_id"]
BY_CURRENCY = [*BY_ACCOUNT, "currency"]


@intermediate(fx_rates=SO_FAR)
def item_months(
    service_periods: Service, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """One row per item and month at whose end it makes MRR: the columns of ITEM and of `fct_mrr_item_month`.

    The months of `dim_month` are consecutive; `currency` is the reporting currency.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency in service.
    """
    if dim_month.is_empty():
        return FctMrrItemMonth.blank().drop("source").with_columns(export_source=pl.lit(None, pl.String))
    here = at_month_ends(service_periods, dim_month.select("month", "month_end"))
    rates = monthly_rates(fx_rates, here, dim_month, currency).select("month", "currency", "whole_rate")
    amount, rate, scale = pl.col("amount"), pl.col("whole_rate"), service_periods.scale
    whole, rest = joined(in_parts(amount, rate))
    rows = here.join(rates, on=["month", "currency"]).select(
        "month",
        "account_id",
        *ITEM,
        "plan",
        "seats",
        "currency",
        "interval",
        quantity=pl.col("quantity").fill_null(1),
        native_total=rounded(amount.sum(), scale).over(BY_CURRENCY),
        native_floor=amount // scale,
        native_part=amount % scale,
        total=sum_at_rates(amount, rate, scale).over(BY_ACCOUNT),
        floor=whole // scale,
        part=whole % scale,
        rest=rest,
    )
    return rows.with_columns(
        closing_native_cents=_shared(rows, "native_total", "native_floor", ["native_part"], BY_CURRENCY),
        closing_cents=_shared(rows, "total", "floor", ["part", "rest"], BY_ACCOUNT),
    )


@monthly()
def fct_mrr_item_month(item_months: pl.DataFrame) -> pl.DataFrame:
    """See the contract."""
    return FctMrrItemMonth.shaped(item_months.rename({"export_source": "source"})).sort(FctMrrItemMonth.grain())


def _shared(rows: pl.DataFrame, total: str, floor: str, fraction: list[str], keys: list[str]) -> pl.Series:
    """The whole cents of `total`, a sum over `keys`, as shares of the items, which are `floor` and a fraction each.

    Each has its whole cents; the cents that lack go, one each, to those with the greatest fraction, of equal ones to
    the first by source, subscription and item. So an item of whole cents keeps them, and none is above or below its
    exact amount by a cent.
    """
    cents = pl.col(floor).clip(-MOST_MONEY - 1, MOST_MONEY + 1).cast(pl.Int64)
    told = rows.with_columns(cents=cents, lacking=pl.col(total) - cents.sum().over(keys)).with_row_index("row")
    # Most accounts lack none, and only of the others does the order matter.
    order = [*fraction, *ITEM]
    lack = told.filter(pl.col("lacking") > 0).sort(order, descending=[name in fraction for name in order])
    given = lack.filter(pl.int_range(pl.len()).over(keys) < pl.col("lacking"))["row"]
    return told.select(pl.col("cents") + pl.col("row").is_in(given.implode()).cast(pl.Int64)).to_series()
