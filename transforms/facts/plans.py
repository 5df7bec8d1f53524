"""What an account pays for: the plan and the interval of its greatest item."""

import polars as pl

from transforms.calendar import month_start
from transforms.facts.rates import at_rate, rates_so_far
from transforms.facts.service import ITEM, Service

PLAN = ("plan", "interval")


def with_plan(
    account_months: pl.DataFrame,
    item_months: pl.DataFrame,
    service_periods: Service,
    fx_rates: pl.DataFrame,
    currency: str,
    names: list[str],
) -> pl.DataFrame:
    """The account-months (with month_end) with `names`, plan and interval, of the item with the greatest MRR.

    Its MRR to the cent on month end; of an account that has left, on its last day in service, at the rate of that day's
    month or the last before. Of equal items the first by source, subscription and item. NULL where none ever was.
    """
    kept = account_months.columns
    here = _greatest(item_months, ["month", "account_id"], pl.col("closing_cents"))
    gone = _left_with(service_periods, fx_rates, currency)
    both = (
        account_months.join(
            here.select("month", "account_id", "is_item", *PLAN), on=["month", "account_id"], how="left"
        )
        .sort("month_end")
        .join_asof(
            gone.select("account_id", "to_day", last_plan="plan", last_interval="interval"),
            left_on="month_end",
            right_on="to_day",
            by="account_id",
            check_sortedness=False,
        )
    )
    return both.select(*kept, *(pl.when("is_item").then(name).otherwise(f"last_{name}").alias(name) for name in names))


def _left_with(service_periods: Service, fx_rates: pl.DataFrame, currency: str) -> pl.DataFrame:
    """One row per account and day on which some item of its ended, sorted by the day: the greatest of these.

    Where nothing of the account is left on a day, all that it last had ended on the last of these days.
    """
    ended = service_periods.periods.filter(pl.col("to_day").is_not_null())
    last_day = pl.col("to_day") - pl.duration(days=1)
    rated = rates_so_far(fx_rates, ended.with_columns(month=month_start(last_day)), currency)
    cents = at_rate(pl.col("amount"), pl.col("whole_rate").fill_null(0), service_periods.scale)
    return _greatest(rated, ["account_id", "to_day"], cents).sort("to_day")


def _greatest(items: pl.DataFrame, keys: list[str], cents: pl.Expr) -> pl.DataFrame:
    """Of the items of each of `keys` the first by `cents`, then by ITEM."""
    ordered = items.with_columns(cents=cents, is_item=pl.lit(value=True)).sort(
        "cents", *ITEM, descending=[True, *(False for _ in ITEM)]
    )
    return ordered.unique(keys, keep="first", maintain_order=True)
