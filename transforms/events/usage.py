"""Usage events → account × month, and account × month × feature."""

import polars as pl

from transforms.calendar import local_day, month_start

ACCOUNT = ["month", "account_id"]
FEATURE = [*ACCOUNT, "feature"]


def use_of_accounts(usage_events: pl.DataFrame, dim_month: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """One row per account and month: events, errors, seconds, active_users, user_days, user_weeks, weeks.

    `usage_events` reach back to the Monday of the week in which the first month begins. An account that was last seen
    in the month before, in a week that ends in this one, has a row without events: its users are part of that week.
    """
    weeks = _weeks(dim_month)
    daily = _daily(usage_events, dim_month, time_zone, [])
    in_month = daily.join(dim_month.select("month"), on="month", how="semi")
    in_week = daily.drop("month").join(weeks, on="week")
    return (
        _sums(in_month, ACCOUNT)
        .join(_user_weeks(in_week), on=ACCOUNT, how="full", coalesce=True)
        .join(weeks.group_by("month").agg(weeks=pl.len()), on="month", how="left")
        .with_columns(pl.col("events", "weeks", "active_users", "user_days", "user_weeks").fill_null(0))
    )


def use_of_features(usage_events: pl.DataFrame, dim_month: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """One row per account, month and feature: events, errors, seconds, active_users, user_days.

    An event without a name is of no feature.
    """
    named = usage_events.rename({"name": "feature"}).filter(pl.col("feature").is_not_null())
    daily = _daily(named, dim_month, time_zone, ["feature"])
    in_month = daily.join(dim_month.select("month"), on="month", how="semi")
    return _sums(in_month, FEATURE)


def _daily(usage_events: pl.DataFrame, dim_month: pl.DataFrame, time_zone: str, also: list[str]) -> pl.DataFrame:
    """One row per account, user of a source and day in the reporting time zone (and `also`) with use by others than us.

    Of the months' days and those of the weeks they begin in; `week` is the day's Monday. A row that counts no event,
    no error and no time is padding of the export, not use.
    """
    said = pl.col("event_count").fill_null(1) + pl.col("errors").fill_null(0) + pl.col("seconds").fill_null(0)
    days = dim_month.select(day=pl.date_ranges(_monday("month"), "month_end")).explode("day").unique()
    return (
        usage_events.filter(~pl.col("is_internal").fill_null(value=False) & (said > 0))
        .with_columns(day=local_day(pl.col("occurred_at"), time_zone), events=pl.col("event_count").fill_null(1))
        .join(days, on="day", how="semi")
        .group_by("account_id", "export_source", "user_id", "day", *also)
        .agg(pl.col("events").sum(), _sum_or_null("errors"), _sum_or_null("seconds"))
        .with_columns(month=month_start(pl.col("day")), week=_monday("day"))
    )


def _monday(day: str) -> pl.Expr:
    """First day of the day's week."""
    return pl.col(day).dt.truncate("1w")


def _sum_or_null(name: str) -> pl.Expr:
    """The sum of what is known; NULL, not 0, where nothing is."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)


def _sums(daily: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Events, errors, seconds, active_users and user_days by `keys`, of which each row is one user's of one day."""
    of_users = daily.group_by(*keys, "export_source", "user_id").agg(
        pl.col("events").sum(), _sum_or_null("errors"), _sum_or_null("seconds"), days=pl.len().cast(pl.Int64)
    )
    is_known = pl.col("user_id").is_not_null()
    return of_users.group_by(keys).agg(
        pl.col("events").sum(),
        _sum_or_null("errors"),
        _sum_or_null("seconds"),
        active_users=is_known.sum().cast(pl.Int64),
        user_days=pl.col("days").filter(is_known).sum(),
    )


def _user_weeks(in_week: pl.DataFrame) -> pl.DataFrame:
    """Users once per account and week, counted by account and month."""
    users = in_week.drop_nulls("user_id").select(*ACCOUNT, "week", "export_source", "user_id").unique()
    return users.group_by(ACCOUNT).agg(user_weeks=pl.len().cast(pl.Int64))


def _weeks(dim_month: pl.DataFrame) -> pl.DataFrame:
    """The Mondays (`week`) of the weeks whose Sunday lies in a month, by its month_end."""
    first_sunday = _monday("month").dt.offset_by("6d")
    return (
        dim_month.select("month", week=pl.date_ranges(first_sunday, "month_end", "7d"))
        .explode("week", empty_as_null=False)
        .with_columns(pl.col("week").dt.offset_by("-6d"))
    )
