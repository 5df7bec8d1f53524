"""Versions of subscription items."""

import polars as pl

ITEM = ["subscription_id", "item_id"]


def from_first_day(items: pl.DataFrame) -> pl.DataFrame:
    """The items with each first version valid from the first day of service, from when on it speaks.

    A version that was replaced before service began never speaks and is left out.
    """
    start = pl.coalesce("valid_from", "started_on")
    spoken = items.with_columns(valid_from=start, following=start.shift(-1).over(ITEM, order_by=start)).filter(
        pl.col("following").is_null() | (pl.col("following") > pl.col("started_on"))
    )
    is_first = pl.col("valid_from") == pl.col("valid_from").min().over(ITEM)
    first_day = pl.when(is_first).then("started_on").otherwise("valid_from")
    return spoken.with_columns(valid_from=first_day).drop("following")
