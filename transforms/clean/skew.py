"""Clocks that disagree: two systems stamp one order of events a little the wrong way round."""

from collections.abc import Sequence

import polars as pl

LARGEST_SKEW = pl.duration(minutes=15)


def without_skew(frame: pl.DataFrame, clocks: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """The rows with the later instant for both where an order is broken by at most 15 minutes; `is_skewed` tells which.

    `clocks` are the ordered pairs of instants, as (earlier, later). An order that is broken by more is left as it is.
    """
    broken = [((pl.col(low) > pl.col(high)) & (pl.col(low) - pl.col(high) <= LARGEST_SKEW)) for low, high in clocks]
    told = [pl.when(is_broken).then(low).otherwise(high) for is_broken, (low, high) in zip(broken, clocks, strict=True)]
    settled = {high: value for (_, high), value in zip(clocks, told, strict=True)}
    is_skewed = pl.any_horizontal(pl.lit(value=False), *(is_broken.fill_null(value=False) for is_broken in broken))
    return frame.with_columns(**settled, is_skewed=is_skewed)
