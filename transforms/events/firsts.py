"""Usage events → the first of each customer and feature, the rows of each day, and those of accounts that are known."""

import narwhals as nw

from transforms.engine import Lazy, day_in_zone

CUSTOMER = ["export_source", "account_id"]
KIND = ["customer", "feature", "internal", "counted"]
KEY = ["export_source", *KIND]


def first_events(events: Lazy) -> Lazy:
    """The first event of each customer of a source and feature, by who is and who is not one of our own.

    Those that count no event are told apart. What asks for an account's first sign, or for its first use of something,
    finds it among them as among all.
    """
    told = _with_kinds(events)
    earliest = told.group_by(KEY).agg(nw.col("occurred_at").min())
    at_once = told.join(earliest, on=[*KEY, "occurred_at"], how="semi")
    first = at_once.group_by(KEY).agg(nw.col("event_id").min())
    return at_once.join(first, on=[*KEY, "event_id"], how="semi").drop(KIND)


def first_events_after(firsts: Lazy, events: Lazy) -> Lazy:
    """The same of events that all come after those that the `firsts` are of: the first of what is new among them."""
    new = _with_kinds(events).join(_with_kinds(firsts).select(KEY), on=KEY, how="anti")
    return first_events(new.drop(KIND))


def _with_kinds(events: Lazy) -> Lazy:
    return events.with_columns(
        customer=nw.col("account_id").fill_null(""),
        feature=nw.col("name").fill_null(""),
        internal=nw.col("is_internal").fill_null(value=False),
        counted=nw.col("event_count").fill_null(1) > 0,
    )


def rows_of_months(events: Lazy, time_zone: str) -> Lazy:
    """One row per source, month as a number (202610) and whether the CRM knows the account (is_known): rows."""
    dated = events.with_columns(month=_month(time_zone))
    return dated.group_by("export_source", "month", "is_known").agg(rows=nw.len())


def first_months(events: Lazy, time_zone: str) -> Lazy:
    """One row per source and account that the CRM knows (is_known): the first month, as a number."""
    known = events.filter(nw.col("is_known")).with_columns(month=_month(time_zone))
    return known.group_by("export_source", "account_id").agg(nw.col("month").min())


def _month(time_zone: str) -> nw.Expr:
    day = day_in_zone("occurred_at", time_zone)
    return day.dt.year() * 100 + day.dt.month()


def rows_of_days(events: Lazy, time_zone: str) -> Lazy:
    """One row per source, day and whether the rows are our own accounts' (is_ours): rows, and the sum of `content`."""
    dated = events.with_columns(day=day_in_zone("occurred_at", time_zone))
    return dated.group_by("export_source", "day", "is_ours").agg(rows=nw.len(), content=nw.col("content").sum())
