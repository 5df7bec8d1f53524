"""Versions of subscription items."""

import polars as pl

from transforms.clean.contradictions import PROVENANCE
from transforms.clean.snapshots import latest_by_key

ITEM = ["export_source", "subscription_id", "item_id"]


VERSION = [*ITEM, "valid_from", "changed_at"]


NOT_OF_A_VERSION = {*PROVENANCE, "started_on", "ended_on", "cancel_requested_on"}
"""What two exports may tell differently of a version that did not change."""


def told_together(told: pl.DataFrame, newer: pl.DataFrame) -> pl.DataFrame:
    """The versions that older files told, with those of a newer one of the same name but for its day.

    An item's versions may lie in several files (one of changes a month). But a file that repeats the first version of
    an item, unchanged, is no file of changes: it tells all versions of the item, and withdraws those that it leaves
    out. Of one version in two files that of the newer one counts.
    """
    older, newest = dated(told), dated(newer)
    content = [name for name in older.columns if name not in NOT_OF_A_VERSION]
    begun = older.sort("valid_from", "changed_at", nulls_last=False).unique(ITEM, keep="first", maintain_order=True)
    whole = begun.join(newest, on=content, how="semi", nulls_equal=True)
    return latest_by_key(pl.concat([older.join(whole, on=ITEM, how="anti", maintain_order="left"), newest]), VERSION)


def with_rejected(
    told: pl.DataFrame, newer: pl.DataFrame, rejected: pl.DataFrame | None, shown: pl.DataFrame
) -> pl.DataFrame:
    """The versions that a newer file tells, with those told before of items of which rows of it were rejected.

    A row that was rejected is not left out, and nobody knows what it said. Of such an item of which no file told
    versions yet, but which snapshots have `shown`, the newer file tells nothing: the snapshots go on. `rejected`: these
    items; None: nobody can tell which.
    """
    older = dated(told)
    torn = pl.concat([older, newer]).select(ITEM) if rejected is None else rejected.select(ITEM)
    if torn.is_empty():
        return newer
    stay = older.join(torn, on=ITEM, how="semi", maintain_order="left")
    only_shown = torn.join(shown, on=ITEM, how="semi").join(older, on=ITEM, how="anti")
    rest = newer.join(only_shown, on=ITEM, how="anti", maintain_order="left")
    return latest_by_key(pl.concat([stay, dated(rest)]), VERSION)


def dated(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in which a version without a day has that of the start."""
    return rows.with_columns(valid_from=pl.coalesce("valid_from", "started_on"))


def told_versions(rows: pl.DataFrame) -> pl.DataFrame:
    """The versions that all files of a source tell together, each first one from the first day of service.

    Which is the first is seen only over all of them. Of one version in two files that of the newest export counts.
    """
    return from_first_day(latest_by_key(dated(rows), VERSION))


def with_different_ends(items: pl.DataFrame) -> int:
    """So many items whose versions don't tell one start and one end."""
    told = items.group_by(ITEM).agg(pl.col("started_on", "ended_on").n_unique())
    return told.filter((pl.col("started_on") > 1) | (pl.col("ended_on") > 1)).height


def from_first_day(items: pl.DataFrame) -> pl.DataFrame:
    """The items with each first version valid from the first day of service, from when on it speaks.

    A version that was replaced before service began, or on the very day of its own change, never speaks and is left
    out.
    """
    start = pl.coalesce("valid_from", "started_on")
    order = [start, pl.col("changed_at")]
    ordered = items.with_columns(
        valid_from=start,
        following=start.shift(-1).over(ITEM, order_by=order),
        is_first=pl.int_range(pl.len()).over(ITEM, order_by=order) == 0,
    )
    since = pl.when("is_first").then("started_on").otherwise(pl.max_horizontal("valid_from", "started_on"))
    spoken = ordered.filter(pl.col("following").is_null() | (pl.col("following") > since))
    is_first = pl.int_range(pl.len()).over(ITEM, order_by=["valid_from", "changed_at"]) == 0
    first_day = pl.when(is_first).then("started_on").otherwise("valid_from")
    return spoken.with_columns(valid_from=first_day).drop("following", "is_first")
