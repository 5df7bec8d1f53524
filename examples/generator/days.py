"""The company's calendar: which days there are, and how to count months."""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

FIRST_DAY = date(2024, 5, 1)
AS_OF = date(2026, 10, 31)
TIME_ZONE = "Europe/Berlin"
# Berlin is one hour ahead of UTC on the last day, and two hours ahead on the first.
FIRST_INSTANT = datetime(2024, 4, 30, 22, tzinfo=UTC)
LAST_INSTANT = datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC)


def add_months(day: date, months: int) -> date:
    """The same day of a later (or earlier) month, or that month's last day where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def months_between(first: date, last: date) -> Iterator[date]:
    """The first days of all months from the month of `first` to the month of `last`, both included."""
    month = month_of(first)
    while month <= last:
        yield month
        month = add_months(month, 1)


def days_in(month: date) -> int:
    """How many days the month has."""
    return calendar.monthrange(month.year, month.month)[1]


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """An instant in UTC on the given UTC day."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def plus_days(day: date, days: int) -> date:
    """The day that many days later."""
    return day + timedelta(days=days)
