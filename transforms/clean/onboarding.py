"""Milestones that no export gives, read from what users do in the product."""

import polars as pl

from schemas.config import Onboarding
from schemas.customers import UNKNOWN
from schemas.success import Milestones
from transforms.calendar import local_day

PROVENANCE = ("export_source", "export_file", "export_line", "exported_at")


def milestones_from_usage(
    usage_events: pl.DataFrame, milestones: pl.DataFrame, onboarding: Onboarding, time_zone: str
) -> pl.DataFrame:
    """The milestones as exported and, where the export gives an account none of that name, from usage events.

    A milestone with `from_event` was reached on the local day of the account's first event of that name by a user who
    is not our own. An event that names no account marks nothing. The row comes from where that event came from.
    """
    steps = pl.DataFrame(
        [(step.name, step.from_event) for step in onboarding.milestones if step.from_event],
        schema={"milestone": pl.String, "name": pl.String},
        orient="row",
    )
    happened = (pl.col("event_count").fill_null(1) > 0) & ~pl.col("is_internal").fill_null(value=False)
    first = (
        usage_events.filter(happened & (pl.col("account_id") != UNKNOWN) & pl.col("occurred_at").is_not_null())
        .join(steps, on="name")
        .sort("occurred_at", "event_id", "export_source")
        .unique(["account_id", "milestone"], keep="first", maintain_order=True)
    )
    derived = first.select(
        "account_id", "milestone", *PROVENANCE, reached_on=local_day(pl.col("occurred_at"), time_zone)
    ).join(milestones, on=["account_id", "milestone"], how="anti")
    return pl.concat([Milestones.shaped(milestones), Milestones.shaped(derived)]).sort(
        "account_id", "milestone", "reached_on", *PROVENANCE
    )
