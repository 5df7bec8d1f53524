"""Versions of subscription items."""

import polars as pl

ITEM = ["subscription_id", "item_id"]


def from_first_day(items: pl.DataFrame) -> pl.DataFrame:
    """The items with each first version valid from the first day of service, which is from when it speaks."""
    start = pl.coalesce("valid_from", "started_on")
    is_first = start == start.min().over(ITEM)
    return items.with_columns(valid_from=pl.when(is_first).then("started_on").otherwise(start))
