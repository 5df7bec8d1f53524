"""Months as partitions, in the reporting time zone, and what a run over some of them is asked for."""

import datetime as dt
from enum import StrEnum

import dagster as dg

from schemas.config import Config
from transforms.calendar import month_of, next_month

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
DEFERRED = "dagster/defer_asset_events"
"""A run with this tag says itself which months it made; Dagster neither plans nor records any for it."""
ONLY_STALE = "customer_success/only_stale"


class Stale(StrEnum):
    """Of which months a run builds those that are stale, and no others."""

    IN_RANGE = "in the run's range"
    ANYWHERE = "of all months"
    NEEDED = "outside the run's range, that it is made from"
    """The months of the range are built whether they are stale or not."""


def partitions(config: Config) -> dg.MonthlyPartitionsDefinition:
    """From the first computed month through that of as_of; without an explicit as_of through the current one."""
    end = next_month(month_of(config.as_of)).isoformat() if config.as_of else None
    return dg.MonthlyPartitionsDefinition(
        start_date=config.first_built_month.isoformat(),
        end_date=end,
        end_offset=0 if end else 1,
        timezone=config.reporting.time_zone,
    )


def month_of_key(key: str) -> dt.date:
    """A partition key, like 2024-12-01, as a month."""
    return dt.date.fromisoformat(key)


def key_of_month(month: dt.date) -> str:
    """A month as a partition key."""
    return month.isoformat()


def month_range(first: dt.date, last: dt.date) -> dict[str, str]:
    """Tags of a run over the months from first through last, whatever they are."""
    return {RANGE_START: key_of_month(first), RANGE_END: key_of_month(last)}


def of_plan(first: dt.date, last: dt.date, which: Stale) -> dict[str, str]:
    """Tags of a run that builds exactly what the plan names."""
    return {**month_range(first, last), ONLY_STALE: which.value, DEFERRED: "true"}
