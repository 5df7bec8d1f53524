"""Usage events → account × month, and account × month × feature."""

import narwhals as nw
import polars as pl

from transforms.engine import Events, Lazy, brought, collected, day_in_zone, kept, lazily, sum_or_null

ACCOUNT = ["month", "account_id"]
FEATURE = [*ACCOUNT, "feature"]
USER = ["export_source", "user_id"]
"""A user is one of a source."""
SAID = ("event_count", "errors", "seconds")


def use_of_accounts(usage_events: Events, dim_month: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """One row per account and month: events, errors, seconds, active_users, user_days, user_weeks, weeks.

    `usage_events` reach back to the Monday of the week in which the first month begins. An account that was last seen
    in the month before, in a week that ends in this one, has a row without events: its users are part of that week.
    """
    weeks = _weeks(dim_month)
    with kept(_daily(usage_events, dim_month, time_zone, [])) as daily:
        sums = collected(_sums(daily, ACCOUNT))
        of_weeks = collected(_users_of_weeks(daily))
    in_month = sums.join(dim_month.select("month"), on="month", how="semi")
    in_week = of_weeks.join(weeks, on="week").group_by(ACCOUNT).agg(pl.col("user_weeks").sum())
    return (
        in_month.join(in_week, on=ACCOUNT, how="full", coalesce=True)
        .join(weeks.group_by("month").agg(weeks=pl.len().cast(pl.Int64)), on="month", how="left")
        .with_columns(pl.col("events", "weeks", "active_users", "user_days", "user_weeks").fill_null(0))
    )


def use_of_features(usage_events: Events, dim_month: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """One row per account, month and feature: events, errors, seconds, active_users, user_days.

    An event without a name is of no feature.
    """
    daily = _daily(usage_events, dim_month, time_zone, ["feature"])
    sums = collected(_sums(daily.filter(~nw.col("feature").is_null()), FEATURE))
    return sums.join(dim_month.select("month"), on="month", how="semi")


def _daily(usage_events: Events, dim_month: pl.DataFrame, time_zone: str, also: list[str]) -> Lazy:
    """One row per account, user of a source and day in the reporting time zone (and `also`) with use by others than us.

    Of the months' days and those of the weeks they begin in; `week` is the day's Monday. A row that counts no event,
    no error and no time is padding of the export, not use.
    """
    count, errors, seconds = (nw.col(name).fill_null(number) for name, number in zip(SAID, (1, 0, 0), strict=True))
    named = {"feature": nw.col("name")} if also else {}
    events = lazily(usage_events, "occurred_at").filter(
        ~nw.col("is_internal").fill_null(value=False), count + errors + seconds > 0
    )
    return (
        events.with_columns(day=day_in_zone("occurred_at", time_zone), events=count, **named)
        .join(brought(_days(dim_month), events), on="day")
        .group_by("account_id", *USER, "month", "week", "day", *also)
        .agg(nw.col("events").sum(), sum_or_null("errors"), sum_or_null("seconds"))
    )


def _sums(daily: Lazy, keys: list[str]) -> Lazy:
    """Events, errors, seconds, active_users and user_days by `keys`, of which each row is one user's of one day."""
    of_users = daily.group_by(*keys, *USER).agg(
        nw.col("events").sum(), sum_or_null("errors"), sum_or_null("seconds"), days=nw.len()
    )
    return of_users.group_by(keys).agg(
        nw.col("events").sum(),
        sum_or_null("errors"),
        sum_or_null("seconds"),
        active_users=nw.col("user_id").count(),
        user_days=nw.when(~nw.col("user_id").is_null()).then(nw.col("days")).sum(),
    )


def _users_of_weeks(daily: Lazy) -> Lazy:
    """Users once per account and week."""
    users = daily.filter(~nw.col("user_id").is_null()).group_by("account_id", "week", *USER).agg(days=nw.len())
    return users.group_by("account_id", "week").agg(user_weeks=nw.col("user_id").count())


def _monday(day: str) -> pl.Expr:
    """First day of the day's week."""
    return pl.col(day).dt.truncate("1w")


def _days(dim_month: pl.DataFrame) -> pl.DataFrame:
    """The months' days and those of the weeks they begin in, each with its month and the Monday of its week."""
    days = dim_month.select(day=pl.date_ranges(_monday("month"), "month_end")).explode("day").unique()
    return days.with_columns(month=pl.col("day").dt.truncate("1mo"), week=_monday("day"))


def _weeks(dim_month: pl.DataFrame) -> pl.DataFrame:
    """The Mondays (`week`) of the weeks whose Sunday lies in a month, by its month_end."""
    first_sunday = _monday("month").dt.offset_by("6d")
    return (
        dim_month.select("month", week=pl.date_ranges(first_sunday, "month_end", "7d"))
        .explode("week", empty_as_null=False)
        .with_columns(pl.col("week").dt.offset_by("-6d"))
    )
