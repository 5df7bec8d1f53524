"""Own work beside a plain peer, as ratios within one run: `python -m benchmarks.account_months`.

MRR at month ends of a large company: intervals exploded over the months they cover (ours: exact, with movements,
trials, pauses, discounts and currencies), beside the way most people write it first: every item × every month, filtered
by dates, in Polars and in DuckDB, with none of these.
"""

import datetime as dt
import time
from collections.abc import Callable

import duckdb
import polars as pl

from benchmarks.generated_company import AS_OF, LAST, GeneratedCompany
from schemas.billing import FxRates, SubscriptionItems
from transforms.calendar import calendar, months_between
from transforms.facts.mrr import fct_mrr_account_month
from transforms.facts.service import paying_turns, service_periods

CUSTOMERS = 50_000


def items_in_euros() -> pl.DataFrame:
    """The items of a large company that are billed in euros."""
    company = GeneratedCompany(CUSTOMERS).items().filter(pl.col("currency") == "EUR")
    flags = (pl.col(name) == "true" for name in ("is_trial", "is_metered"))
    return SubscriptionItems.shaped(company.with_columns(flags))


def spine(items: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
    """Every version × every month end, filtered: no trials, pauses or discounts, no movements."""
    ends = months.select("month", "month_end")
    rows = items.join(ends, how="cross").filter(
        (pl.col("started_on") <= pl.col("month_end"))
        & (pl.col("valid_from") <= pl.col("month_end"))
        & (pl.col("ended_on").is_null() | (pl.col("month_end") < pl.col("ended_on")))
    )
    last = rows.sort("valid_from").group_by("month", "subscription_id", "item_id", maintain_order=True).last()
    return last.group_by("month", "account_id").agg(pl.col("unit_amount").sum())


def spine_in_duckdb(items: pl.DataFrame, months: pl.DataFrame) -> object:
    """The same in SQL."""
    connection = duckdb.connect()
    connection.register(
        "items",
        items.select(
            "account_id", "subscription_id", "item_id", "valid_from", "started_on", "ended_on", "unit_amount"
        ).to_arrow(),
    )
    connection.register("months", months.select("month", "month_end").to_arrow())
    return connection.execute("""
        WITH last AS (
            SELECT m.month, i.account_id, i.unit_amount FROM items AS i JOIN months AS m
              ON i.started_on <= m.month_end AND i.valid_from <= m.month_end
             AND (i.ended_on IS NULL OR m.month_end < i.ended_on)
            QUALIFY row_number() OVER (PARTITION BY m.month, subscription_id, item_id ORDER BY valid_from DESC) = 1)
        SELECT month, account_id, sum(unit_amount) FROM last GROUP BY ALL""").fetchall()


def cpu(function: Callable[[], object]) -> float:
    """CPU seconds of the fastest of three runs."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        function()
        spent.append(time.process_time() - start)
    return min(spent)


def main() -> None:
    """Print CPU seconds and ratios."""
    items = items_in_euros()
    months = calendar(months_between(dt.date(2023, 11, 1), LAST), AS_OF)

    def ours_from_items() -> pl.DataFrame:
        periods = service_periods(items, AS_OF)
        turns = paying_turns(periods, FxRates.blank(), "EUR")
        return fct_mrr_account_month(periods, turns, FxRates.blank(), months, "EUR")

    ours = cpu(ours_from_items)
    print(f"{items.height:,} versions × {months.height} months, CPU seconds")
    print(f"  fct_mrr_account_month, exact, with movements  {ours:6.2f}   1.0")
    for name, peer in {"item × month spine, Polars": spine, "item × month spine, DuckDB": spine_in_duckdb}.items():
        took = cpu(lambda peer=peer: peer(items, months))  # type: ignore[misc]
        print(f"  {name:45} {took:6.2f}   {took / ours:.1f}")


if __name__ == "__main__":
    main()
