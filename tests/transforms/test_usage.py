import polars as pl
import pytest
from polars.testing import assert_frame_equal

from schemas.billing import FctMrrAccountMonth
from schemas.config import Minimums
from schemas.customers import DimAccountMonth
from schemas.metrics import MetricMonth
from schemas.product import FctFeatureAccountMonth, FctUsageAccountMonth, UsageEvents
from tests.frames import at, day, margins, months, rows
from tests.on_spark import on_engine
from transforms.exported import Exported
from transforms.facts.product_use import fct_feature_account_month, fct_usage_account_month
from transforms.metrics import engagement
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, derive, roll_up

ALL_COLUMNS = {
    "usage_events": frozenset(UsageEvents.dtypes()),
    "subscription_items": frozenset(["seats"]),
}
NO_USERS = {**ALL_COLUMNS, "usage_events": frozenset(UsageEvents.dtypes()) - {"user_id"}}
# January 2024 begins on a Monday; February on a Thursday, and ends on one, the 29th.
JANUARY, FEBRUARY = months("2024-01", "2024-01"), months("2024-02", "2024-02")


def events(*given):
    """Events, each (user, instant) or (user, instant, more) of the account a."""
    listed = [
        {"event_id": str(number), "account_id": "a", "user_id": user, "occurred_at": at(when), **dict(*more)}
        for number, (user, when, *more) in enumerate(given)
    ]
    return rows(UsageEvents, *listed)


def mrr(*given, month="2024-02"):
    """MRR facts, each (account, closing cents, seats)."""
    return rows(
        FctMrrAccountMonth,
        *(
            {
                "month": day(f"{month}-01"),
                "account_id": account,
                "opening_cents": 5,
                "closing_cents": cents,
                "seats": seats,
            }
            for account, cents, seats in given
        ),
    )


def usage(*given, dim_month=FEBRUARY, time_zone="UTC", columns=None, paid=None, computed_from=None):
    frame = given[0] if len(given) == 1 and isinstance(given[0], pl.DataFrame) else events(*given)
    exported = Exported(ALL_COLUMNS if columns is None else columns)
    paid = mrr() if paid is None else paid
    there = on_engine(frame, time_zone)
    made = fct_usage_account_month(there, paid, dim_month, time_zone, exported, computed_from)
    return FctUsageAccountMonth.validate(made)


def features(*given, dim_month=FEBRUARY, time_zone="UTC", columns=None):
    exported = Exported(ALL_COLUMNS if columns is None else columns)
    there = on_engine(events(*given), time_zone)
    return FctFeatureAccountMonth.validate(fct_feature_account_month(there, dim_month, time_zone, exported))


def around(month="2024-02", columns=None, as_of="2025-12-31"):
    dim_month = months(month, month, as_of)
    return Surroundings(
        dim_month=dim_month,
        gross_margin=margins(dim_month),
        accounts=AccountSegments(DimAccountMonth.blank(), ()),
        exported=Exported(ALL_COLUMNS if columns is None else columns),
        minimums=Minimums(),
        as_of=day(as_of),
    )


def value(metric, *facts, **how):
    return roll_up(REGISTRY[metric], getattr(engagement, metric)(*facts), around(**how)).row(0, named=True)


# --- fct_usage_account_month


def test_with_the_first_computed_month_go_the_three_before_it_that_its_trend_looks_back_to():
    given = [("u", f"{when}T08:00") for when in ("2023-10-31", "2023-11-01", "2024-01-31", "2024-02-01")]
    months_told = usage(*given, computed_from=day("2024-02-01"))["month"].to_list()
    assert months_told == [day("2023-11-01"), day("2024-01-01"), day("2024-02-01")]
    assert usage(*given, computed_from=None)["month"].to_list() == [day("2024-02-01")]


def test_a_user_is_active_once_a_month_once_a_day_and_once_a_week():
    found = usage(
        ("u", "2024-02-05T08:00"),
        ("u", "2024-02-05T20:00"),
        ("u", "2024-02-06T08:00"),
        ("v", "2024-02-11T23:59"),
        ("v", "2024-02-12T00:00"),
    ).row(0, named=True)
    assert (found["active_users"], found["user_days"], found["user_weeks"]) == (2, 4, 3)


def test_one_user_in_two_accounts_is_active_in_both():
    found = usage(("u", "2024-02-05T08:00"), ("u", "2024-02-05T08:00", {"account_id": "b"}))
    assert found.select("account_id", "active_users").rows() == [("a", 1), ("b", 1)]


def test_events_without_an_account_are_those_of_the_unknown_account():
    assert usage(("u", "2024-02-05T08:00", {"account_id": "(unknown)"}))["account_id"].to_list() == ["(unknown)"]


def test_events_errors_and_minutes_are_sums():
    found = usage(
        ("u", "2024-02-05T08:00", {"event_count": 3, "errors": 2, "seconds": 90}),
        ("u", "2024-02-05T09:00", {"seconds": 30}),
        (None, "2024-02-06T09:00", {"errors": 1, "event_count": 0}),
    ).row(0, named=True)
    assert (found["events"], found["errors"], found["minutes"]) == (4, 3, 2.0)


def test_errors_and_minutes_that_are_nowhere_known_are_empty_not_zero():
    found = usage(("u", "2024-02-05T08:00")).row(0, named=True)
    assert (found["events"], found["errors"], found["minutes"]) == (1, None, None)


def test_a_row_that_counts_nothing_is_no_use():
    assert usage(("u", "2024-02-05T08:00", {"event_count": 0, "seconds": 0, "errors": 0})).is_empty()
    assert usage(("u", "2024-02-05T08:00", {"event_count": 0})).is_empty()
    assert usage(("u", "2024-02-05T08:00", {"event_count": 0, "errors": 1}))["active_users"].to_list() == [1]
    assert usage(("u", "2024-02-05T08:00", {"event_count": 0, "seconds": 1}))["active_users"].to_list() == [1]


def test_our_own_users_are_out_and_those_not_said_to_be_are_in():
    found = usage(
        ("u", "2024-02-05T08:00", {"is_internal": True}),
        ("v", "2024-02-05T08:00", {"is_internal": False}),
        ("w", "2024-02-05T08:00", {"is_internal": None}),
    ).row(0, named=True)
    assert (found["active_users"], found["user_weeks"], found["events"]) == (2, 2, 2)


def test_an_event_without_a_user_is_an_event_of_no_user():
    found = usage((None, "2024-02-05T08:00"), ("u", "2024-02-05T08:00")).row(0, named=True)
    assert (found["active_users"], found["user_days"], found["user_weeks"], found["events"]) == (1, 1, 1, 2)


def test_a_week_that_spans_two_months_is_of_the_month_of_its_sunday_with_all_its_days():
    # Monday 29 January to Sunday 4 February; Monday 26 February to Sunday 3 March.
    given = [("u", "2024-01-29T00:00"), ("u", "2024-02-02T00:00"), ("v", "2024-01-31T00:00"), ("v", "2024-02-26T00:00")]
    both = usage(*given, dim_month=months("2024-01", "2024-02"))
    assert both.select("month", "active_users", "user_days", "user_weeks").rows() == [
        (day("2024-01-01"), 2, 2, 0),
        (day("2024-02-01"), 2, 2, 2),
    ]
    assert_frame_equal(usage(*given), both.filter(pl.col("month") == day("2024-02-01")))
    assert_frame_equal(usage(*given, dim_month=JANUARY), both.filter(pl.col("month") == day("2024-01-01")))


def test_who_came_in_a_weeks_days_of_the_month_before_is_a_user_of_that_week():
    found = usage(("u", "2024-01-29T00:00"), ("v", "2024-01-28T23:59")).row(0, named=True)
    assert (found["events"], found["active_users"], found["user_days"], found["user_weeks"]) == (0, 0, 0, 1)


def test_days_and_weeks_are_those_of_the_month_by_its_last_day():
    event = ("u", "2024-02-03T00:00")
    sizes = []
    for as_of in ("2024-02-03", "2024-02-04", "2024-02-11", "2024-02-28", "2024-02-29"):
        found = usage(event, dim_month=months("2024-02", "2024-02", as_of)).row(0, named=True)
        sizes.append((found["days"], found["weeks"], found["user_weeks"]))
    assert sizes == [(3, 0, 0), (4, 1, 1), (11, 2, 1), (28, 4, 1), (29, 4, 1)]


def test_a_month_that_ends_on_a_sunday_has_that_week():
    found = usage(("u", "2024-03-31T00:00"), dim_month=months("2024-03", "2024-03")).row(0, named=True)
    assert (found["weeks"], found["user_weeks"]) == (5, 1)
    begins_on_sunday = usage(("u", "2024-08-26T00:00"), dim_month=months("2024-09", "2024-09")).row(0, named=True)
    assert (begins_on_sunday["weeks"], begins_on_sunday["user_weeks"]) == (5, 1)


def test_days_weeks_and_months_are_those_of_the_reporting_time_zone():
    late = ("u", "2024-02-04T23:30"), ("u", "2024-02-05T12:00"), ("u", "2024-02-29T23:30")
    utc, berlin = usage(*late), usage(*late, time_zone="Europe/Berlin")
    assert utc.select("user_days", "user_weeks", "events").row(0) == (3, 2, 3)
    assert berlin.select("user_days", "user_weeks", "events").row(0) == (1, 1, 2)


def test_seats_are_those_of_the_month():
    event = ("u", "2024-02-05T08:00"), ("u", "2024-02-05T08:00", {"account_id": "b"})
    paid = pl.concat([mrr(("a", 100, 7)), mrr(("a", 100, 9), ("b", 100, 9), month="2024-01")])
    assert usage(*event, paid=paid)["seats"].to_list() == [7, None]


def test_without_user_ids_users_are_unknown_and_events_are_not():
    found = usage((None, "2024-01-29T00:00"), (None, "2024-02-05T08:00"), columns=NO_USERS).row(0, named=True)
    assert [found[name] for name in ("active_users", "user_days", "user_weeks")] == [None] * 3
    assert (found["events"], found["days"], found["weeks"]) == (1, 29, 4)
    feature = features((None, "2024-02-05T08:00", {"name": "login"}), columns=NO_USERS).row(0, named=True)
    assert (feature["active_users"], feature["user_days"], feature["events"]) == (None, None, 1)


def test_no_events_or_no_months_make_an_empty_fact():
    assert_frame_equal(usage(events()), FctUsageAccountMonth.blank())
    assert_frame_equal(usage(("u", "2024-02-05T08:00"), dim_month=FEBRUARY.clear()), FctUsageAccountMonth.blank())
    assert_frame_equal(usage(events(), columns={}), FctUsageAccountMonth.blank())
    assert_frame_equal(features(), FctFeatureAccountMonth.blank())


def test_the_order_of_events_does_not_matter():
    many = events(
        *(
            (f"u{n % 7}", f"2024-02-{1 + n % 29:02}T0{n % 10}:00", {"seconds": n * 7, "account_id": f"a{n % 3}"})
            for n in range(200)
        )
    )
    assert usage(many).height == 3
    assert_frame_equal(usage(many), usage(many.sample(fraction=1, shuffle=True, seed=5)))


# --- fct_feature_account_month


def test_a_feature_has_its_own_users_days_events_and_errors():
    found = features(
        ("u", "2024-02-05T08:00", {"name": "export", "seconds": 60}),
        ("u", "2024-02-05T09:00", {"name": "export", "event_count": 4}),
        ("u", "2024-02-06T09:00", {"name": "export", "errors": 2}),
        ("v", "2024-02-06T09:00", {"name": "login"}),
        ("w", "2024-02-06T09:00", {"name": "login", "is_internal": True}),
        ("v", "2024-02-06T09:00"),
        ("v", "2024-01-31T09:00", {"name": "login"}),
    )
    columns = ["feature", "active_users", "user_days", "events", "errors", "minutes"]
    assert found.select(columns).rows() == [("export", 1, 2, 6, 2, 1.0), ("login", 1, 1, 1, None, None)]


# --- metrics


def test_users_of_a_month_week_and_day_sum_over_accounts_and_are_divided_by_weeks_and_days():
    facts = usage(
        ("u", "2024-02-05T08:00"),
        ("u", "2024-02-12T08:00"),
        ("v", "2024-02-13T08:00"),
        ("u", "2024-02-05T08:00", {"account_id": "(unknown)"}),
    )
    assert value("mau", facts)["value"] == 3
    assert value("wau", facts)["value"] == 4 / 4
    assert value("dau", facts)["value"] == pytest.approx(4 / 29)


def test_stickiness_is_daily_over_monthly_users():
    facts = usage(("u", "2024-02-05T08:00"), ("u", "2024-02-12T08:00"), ("v", "2024-02-13T08:00"))
    operands = MetricMonth.shaped(
        pl.concat([roll_up(REGISTRY[name], getattr(engagement, name)(facts), around()) for name in ("mau", "dau")])
    )
    assert derive(REGISTRY["stickiness"], operands, around())["value"].item() == pytest.approx(3 / 29 / 2)


@pytest.mark.parametrize("metric", ["mau", "wau", "dau", "time_on_platform"])
def test_users_are_not_known_without_user_ids(metric):
    facts = usage((None, "2024-02-05T08:00", {"seconds": 60}), columns=NO_USERS)
    assert value(metric, facts, columns=NO_USERS)["null_reason"] == "not_exported"
    assert value(metric, facts, columns={})["null_reason"] == "source_missing"


def test_before_the_first_sunday_of_the_month_no_week_is_divided_by():
    facts = usage(("u", "2024-02-02T00:00"), dim_month=months("2024-02", "2024-02", "2024-02-03"))
    assert engagement.wau(facts).is_empty()


def test_time_on_platform_is_minutes_per_active_user():
    facts = usage(
        ("u", "2024-02-05T08:00", {"seconds": 600}),
        ("v", "2024-02-05T08:00", {"seconds": 120}),
        ("w", "2024-02-05T08:00", {"account_id": "b"}),
    )
    found = value("time_on_platform", facts)
    assert (found["numerator"], found["denominator"], found["value"]) == (12, 3, 4)


def test_usage_rate_is_users_within_seats_over_seats_of_paying_accounts_with_seats():
    facts = usage(
        ("u", "2024-02-05T08:00"),
        ("v", "2024-02-05T08:00"),
        ("w", "2024-02-05T08:00"),
        ("u", "2024-02-05T08:00", {"account_id": "few"}),
        ("u", "2024-02-05T08:00", {"account_id": "left"}),
        ("u", "2024-02-05T08:00", {"account_id": "seatless"}),
    )
    paid = mrr(("a", 100, 2), ("few", 100, 5), ("idle", 100, 3), ("left", 0, 4), ("seatless", 9, None), ("none", 9, 0))
    found = value("product_usage_rate", paid, facts)
    assert (found["numerator"], found["denominator"], found["value"]) == (3, 10, 0.3)
    assert (found["observations"], found["ci_low"]) == (3, None)


def test_usage_rate_is_not_known_without_seats():
    columns = {**ALL_COLUMNS, "subscription_items": frozenset()}
    facts, paid = usage(("u", "2024-02-05T08:00")), mrr(("a", 100, None))
    assert value("product_usage_rate", paid, facts, columns=columns)["null_reason"] == "not_exported"


def test_an_account_is_active_if_anybody_used_the_product():
    facts = usage(
        (None, "2024-02-05T08:00"),
        ("u", "2024-02-05T08:00", {"account_id": "left"}),
        ("u", "2024-01-30T08:00", {"account_id": "idle"}),
    )
    paid = mrr(("a", 100, 2), ("idle", 100, 3), ("left", 0, 4))
    found = value("active_account_rate", paid, facts)
    assert (found["numerator"], found["denominator"]) == (1, 2)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((0.0945, 0.9055), abs=5e-5)
    nobody = usage((None, "2024-02-05T08:00"), columns=NO_USERS)
    assert value("active_account_rate", paid, nobody, columns=NO_USERS)["value"] == 0.5


def test_paying_accounts_without_any_use_are_inactive():
    paid = mrr(("a", 100, 2))
    assert value("active_account_rate", paid, FctUsageAccountMonth.blank())["value"] == 0
    assert value("product_usage_rate", paid, FctUsageAccountMonth.blank())["value"] == 0


@pytest.mark.parametrize("metric", ["mau", "wau", "dau", "time_on_platform"])
def test_metrics_of_no_use_are_empty_whatever_the_order(metric):
    function = getattr(engagement, metric)
    assert function(FctUsageAccountMonth.blank()).is_empty()
    facts = usage(*((f"u{n}", f"2024-02-{1 + n:02}T00:00", {"account_id": f"a{n % 5}"}) for n in range(28)))
    assert_frame_equal(function(facts), function(facts[::-1]), check_row_order=False)


def test_equal_user_ids_of_two_sources_are_two_users():
    """One of the web and one of the app: no more than their ids is known of them."""
    web, app, again = ({"export_source": source} for source in ("web", "app", "web"))
    given = [("7", "2024-02-05T08:00", web), ("7", "2024-02-05T09:00", app), ("7", "2024-02-05T10:00", again)]
    found = usage(*given).row(0, named=True)
    assert (found["active_users"], found["user_days"], found["user_weeks"]) == (2, 2, 2)
    named = [(user, when, {**more, "name": "export"}) for user, when, more in given]
    assert features(*named)["active_users"].to_list() == [2]
