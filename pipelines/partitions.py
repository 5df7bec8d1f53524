"""Months as partitions, in the reporting time zone."""

import datetime as dt

import dagster as dg

from pipelines.project import Project
from transforms.calendar import month_of, next_month

PROJECT = Project.from_environment()
"""The project whose config decides the partitions; read when the definitions load."""


def _months() -> dg.MonthlyPartitionsDefinition:
    """From the first computed month through that of as_of; without an explicit as_of through the current one."""
    config = PROJECT.config
    end = next_month(month_of(config.as_of)).isoformat() if config.as_of else None
    return dg.MonthlyPartitionsDefinition(
        start_date=config.first_built_month.isoformat(),
        end_date=end,
        end_offset=0 if end else 1,
        timezone=config.reporting.time_zone,
    )


MONTHS = _months()


def month_of_key(key: str) -> dt.date:
    """A partition key, like 2024-12-01, as a month."""
    return dt.date.fromisoformat(key)


def key_of_month(month: dt.date) -> str:
    """A month as a partition key."""
    return month.isoformat()
