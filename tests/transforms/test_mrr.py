"""MRR and its movements, sentence by sentence of their definition; every expected number is worked out by hand."""

import datetime as dt
import warnings
from decimal import Decimal
from itertools import chain
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctMrrAccountCurrencyMonth, FctMrrAccountMonth, FxRates, SubscriptionItems
from tests.frames import day, months, mrr_of, rows, turns_of
from transforms.facts.mrr import fct_mrr_account_currency_month
from transforms.facts.rates import MissingRateError, TooMuchError
from transforms.facts.service import NegativeMrrWarning, first_paid, service_periods
from transforms.refusals import UndefinedError

FAR = dt.date(2099, 12, 31)
Story = dict[str, dict[str, int]]


def item(amount: int | Decimal | None = 100_00, started: str = "2024-01-10", **more: Any) -> dict[str, Any]:
    """An item of account A, billed monthly in EUR, unless said otherwise; texts in day columns are days."""
    given = {
        "subscription_id": "S1",
        "item_id": "I1",
        "account_id": "A",
        "unit_amount": amount,
        "currency": "EUR",
        "interval_unit": "month",
        "started_on": started,
        **more,
    }
    return {name: day(value) if name.endswith(DAYS) and value else value for name, value in given.items()}


DAYS = ("_on", "valid_from", "paused_from", "paused_until")


def versions(*terms: tuple[str, dict[str, Any]], **of_all: Any) -> list[dict[str, Any]]:
    """Versions of one item: (valid_from, what it says)."""
    return [item(**{**of_all, **said}, valid_from=since) for since, said in terms]


def rates(**by_currency: dict[str, str]) -> pl.DataFrame:
    """fx_rates from USD={"2024-01": "0.9"}."""
    given = [
        {"month": day(f"{month}-01"), "currency": currency, "rate": Decimal(rate)}
        for currency, by_month in by_currency.items()
        for month, rate in by_month.items()
    ]
    return rows(FxRates, *given)


def facts(
    *items: dict[str, Any],
    first: str = "2024-01",
    last: str = "2024-03",
    fx: pl.DataFrame | None = None,
    as_of: str | None = None,
    reporting: str = "EUR",
) -> pl.DataFrame:
    """The table, held against its contract."""
    dim_month, until = months(first, last, as_of), day(as_of) if as_of else FAR
    given, known = rows(SubscriptionItems, *items), FxRates.blank() if fx is None else fx
    return FctMrrAccountMonth.validate(mrr_of(given, known, dim_month, until, reporting))


def story(*items: dict[str, Any], account: str = "A", **how: Any) -> Story:
    """What happens to an account: month → its movements, those that are not 0, in cents."""
    told = {}
    for row in facts(*items, **how).filter(account_id=account).iter_rows(named=True):
        cents = {name.removesuffix("_cents"): value for name, value in row.items() if name.endswith("_cents")}
        told[f"{row['month']:%Y-%m}"] = {name: value for name, value in cents.items() if value}
    return told


def closings(*items: dict[str, Any], account: str = "A", **how: Any) -> dict[str, int]:
    """Closing MRR by month; a month without a row is not there."""
    return {month: told.get("closing", 0) for month, told in story(*items, account=account, **how).items()}


def in_january(*items: dict[str, Any], **how: Any) -> int:
    """Closing MRR of account A in January 2024; 0 without a row."""
    return closings(*items, first="2024-01", last="2024-01", **how).get("2024-01", 0)


# --- versions ---------------------------------------------------------------------------------------------------------


def test_the_version_with_the_greatest_valid_from_up_to_the_day_speaks():
    item_versions = versions(
        ("2024-02-20", {"amount": 120_00}), ("2024-01-10", {"amount": 100_00}), ("2024-02-15", {"amount": 150_00})
    )
    assert story(*item_versions) == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "expansion": 20_00, "upsell": 20_00, "closing": 120_00},
        "2024-03": {"opening": 120_00, "closing": 120_00},
    }


def test_the_first_version_speaks_from_started_on_even_where_it_is_dated_later():
    late = versions(("2024-02-10", {"amount": 100_00}), ("2024-03-10", {"amount": 70_00}), started="2024-01-05")
    assert closings(*late) == {"2024-01": 100_00, "2024-02": 100_00, "2024-03": 70_00}


def test_a_version_dated_before_the_start_does_not_speak_before_it():
    early = versions(("2023-11-01", {"amount": 100_00}), started="2024-02-05")
    assert closings(*early) == {"2024-02": 100_00, "2024-03": 100_00}


def test_of_two_versions_dated_before_the_start_the_later_one_speaks():
    early = versions(("2023-12-01", {"amount": 100_00}), ("2024-01-10", {"amount": 150_00}), started="2024-01-20")
    assert in_january(*early) == 150_00


def test_an_item_without_valid_from_speaks_from_started_on():
    assert closings(item(valid_from=None), first="2023-12", last="2024-02") == {"2024-01": 100_00, "2024-02": 100_00}


@pytest.mark.parametrize(("since", "february"), [("2024-02-29", 150_00), ("2024-03-01", 100_00)])
def test_a_version_from_the_last_day_is_of_that_month_and_one_from_the_first_is_of_the_next(since, february):
    changed = versions(("2024-01-10", {"amount": 100_00}), (since, {"amount": 150_00}))
    assert closings(*changed) == {"2024-01": 100_00, "2024-02": february, "2024-03": 150_00}


@pytest.mark.parametrize("evening_first", [False, True])
def test_of_two_versions_of_one_day_the_one_that_was_changed_last_speaks(evening_first):
    # 100 in January; on 10 February 160 in the morning and 120 in the evening.
    morning = item(160_00, valid_from="2024-02-10", changed_at=dt.datetime(2024, 2, 10, 9))
    evening = item(120_00, valid_from="2024-02-10", changed_at=dt.datetime(2024, 2, 10, 18))
    first = item(100_00, valid_from="2024-01-10", changed_at=dt.datetime(2024, 1, 10, 23))
    changed = (evening, morning) if evening_first else (morning, evening)
    assert closings(first, *changed) == {"2024-01": 100_00, "2024-02": 120_00, "2024-03": 120_00}


def test_a_version_that_does_not_say_when_it_was_made_comes_before_the_others_of_its_day():
    untimed = item(160_00, valid_from="2024-02-10")
    timed = item(120_00, valid_from="2024-02-10", changed_at=dt.datetime(2024, 2, 10, 0, 5))
    assert closings(timed, item(valid_from="2024-01-10"), untimed)["2024-02"] == 120_00


def test_the_day_decides_before_the_instant_at_which_a_version_was_made():
    # Written down late, on 20 March: what held from 10 February.
    late = item(160_00, valid_from="2024-02-10", changed_at=dt.datetime(2024, 3, 20, 9))
    newer = item(120_00, valid_from="2024-03-05", changed_at=dt.datetime(2024, 3, 5, 9))
    assert closings(item(valid_from="2024-01-10"), late, newer) == {
        "2024-01": 100_00,
        "2024-02": 160_00,
        "2024-03": 120_00,
    }


def test_of_two_first_versions_of_one_day_the_earlier_speaks_until_that_day():
    # In service from 5 January, told since 12 February only.
    morning = item(80_00, "2024-01-05", valid_from="2024-02-12", changed_at=dt.datetime(2024, 2, 12, 8))
    evening = item(90_00, "2024-01-05", valid_from="2024-02-12", changed_at=dt.datetime(2024, 2, 12, 20))
    assert closings(evening, morning) == {"2024-01": 80_00, "2024-02": 90_00, "2024-03": 90_00}


def test_items_of_two_subscriptions_that_share_an_item_id_are_two_items():
    both = (
        *versions(("2024-01-10", {"amount": 100_00}), ("2024-02-10", {"amount": 60_00})),
        item(7_00, subscription_id="S2", valid_from="2024-01-15"),
    )
    assert closings(*both) == {"2024-01": 107_00, "2024-02": 67_00, "2024-03": 67_00}


# --- first and last days ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "first_month"),
    [("2024-02-01", "2024-02"), ("2024-02-29", "2024-02"), ("2024-01-31", "2024-01"), ("2024-03-01", "2024-03")],
)
def test_a_start_is_new_in_the_month_of_its_day_be_it_the_first_or_the_last(started, first_month):
    told = story(item(started=started))
    assert min(told) == first_month
    assert told[first_month] == {"new": 100_00, "closing": 100_00}


@pytest.mark.parametrize(
    ("ended", "churned_in"),
    [("2024-02-01", "2024-02"), ("2024-02-29", "2024-02"), ("2024-01-31", "2024-01"), ("2024-03-01", "2024-03")],
)
def test_an_end_is_the_first_day_out_and_churns_in_the_month_of_that_day(ended, churned_in):
    told = story(item(started="2023-12-05", ended_on=ended))
    assert max(told) == churned_in
    assert told[churned_in] == {"opening": 100_00, "churned": 100_00}


def test_an_item_that_ends_on_the_day_it_starts_was_never_in_service():
    assert story(item(started="2024-01-31", ended_on="2024-01-31")) == {}


def test_the_last_day_before_the_end_is_in_service():
    assert in_january(item(started="2024-01-31", ended_on="2024-02-01")) == 100_00


def test_an_item_that_began_long_before_the_first_month_opens_it():
    assert story(item(started="2019-03-01"), last="2024-01") == {"2024-01": {"opening": 100_00, "closing": 100_00}}


def test_an_item_planned_for_later_than_the_last_month_leaves_no_row():
    assert story(item(started="2024-04-01")) == {}


# --- trials -----------------------------------------------------------------------------------------------------------


def test_the_first_day_after_the_trial_pays():
    on_trial = {"trial_started_on": "2024-01-10", "is_trial": True}
    assert closings(item(trial_ends_on="2024-01-31", **on_trial)) == dict.fromkeys(
        ("2024-01", "2024-02", "2024-03"), 100_00
    )
    assert closings(item(trial_ends_on="2024-02-01", **on_trial)) == dict.fromkeys(("2024-02", "2024-03"), 100_00)


def test_the_dates_of_the_trial_decide_against_a_flag_that_was_left_on():
    assert in_january(item(is_trial=True, trial_started_on="2024-01-10", trial_ends_on="2024-01-24")) == 100_00


def test_the_dates_of_the_trial_decide_against_a_flag_that_is_off():
    assert in_january(item(is_trial=False, trial_started_on="2024-01-10", trial_ends_on="2024-02-24")) == 0


def test_without_dates_the_flag_decides():
    flagged = versions(("2024-01-10", {"is_trial": True}), ("2024-02-09", {"is_trial": False}))
    assert story(*flagged) == {
        "2024-02": {"new": 100_00, "closing": 100_00},
        "2024-03": {"opening": 100_00, "closing": 100_00},
    }


def test_an_empty_flag_without_dates_is_no_trial():
    assert in_january(item(is_trial=None)) == 100_00


def test_an_item_pays_before_its_trial_begins():
    tried_later = item(trial_started_on="2024-02-10", trial_ends_on="2024-03-11")
    assert story(tried_later) == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "churned": 100_00},
        "2024-03": {"reactivation": 100_00, "closing": 100_00},
    }


def test_a_trial_with_only_an_end_runs_from_the_start_of_the_item():
    assert closings(item(trial_ends_on="2024-02-15")) == {"2024-02": 100_00, "2024-03": 100_00}


def test_a_trial_that_nobody_pays_for_leaves_no_row():
    assert story(item(is_trial=True, trial_ends_on="2024-02-10", ended_on="2024-02-10")) == {}


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_a_pause_over_a_month_end_is_churned_and_then_a_reactivation():
    assert story(item(paused_from="2024-02-20", paused_until="2024-03-08")) == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "churned": 100_00},
        "2024-03": {"reactivation": 100_00, "closing": 100_00},
    }


def test_no_month_end_sees_a_pause_inside_a_month():
    rested = item(paused_from="2024-02-05", paused_until="2024-02-29")
    assert story(rested)["2024-02"] == {"opening": 100_00, "closing": 100_00}


@pytest.mark.parametrize(
    ("first", "until", "paid_at_the_end"),
    [
        ("2024-02-29", "2024-03-01", False),
        ("2024-02-01", "2024-02-29", True),
        ("2024-03-01", "2024-03-15", True),
    ],
)
def test_a_pause_rests_from_its_first_day_up_to_the_day_before_its_until(first, until, paid_at_the_end):
    paid = closings(item(paused_from=first, paused_until=until))["2024-02"]
    assert paid == (100_00 if paid_at_the_end else 0)


def test_a_pause_without_an_end_lasts():
    assert story(item(paused_from="2024-02-12"), last="2024-06") == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "churned": 100_00},
    }


def test_an_account_with_one_of_two_items_paused_contracts_and_then_expands():
    rested = item(30_00, item_id="I2", paused_from="2024-02-12", paused_until="2024-03-12")
    told = story(item(), rested)
    assert told["2024-02"] == {"opening": 130_00, "contraction": 30_00, "closing": 100_00}
    assert told["2024-03"] == {"opening": 100_00, "expansion": 30_00, "cross_sell": 30_00, "closing": 130_00}


def test_an_item_that_ends_during_its_pause_does_not_come_back():
    left = item(paused_from="2024-02-12", paused_until="2024-03-12", ended_on="2024-02-25")
    assert list(story(left)) == ["2024-01", "2024-02"]


# --- what is not in MRR -----------------------------------------------------------------------------------------------


def test_metered_items_are_not_in_mrr():
    metered = item(9_99, item_id="I2", is_metered=True)
    assert story(metered) == {}
    assert in_january(item(), metered) == 100_00


def test_an_item_that_becomes_metered_leaves_mrr_on_that_day():
    metered = versions(("2024-01-10", {"is_metered": False}), ("2024-02-10", {"is_metered": True}))
    assert story(*metered) == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "churned": 100_00},
    }


def test_an_item_that_is_no_longer_metered_enters_mrr_on_that_day():
    metered = versions(("2024-01-10", {"is_metered": True}), ("2024-02-10", {"is_metered": False}))
    assert closings(*metered) == {"2024-02": 100_00, "2024-03": 100_00}


def test_an_empty_metered_is_no():
    assert in_january(item(is_metered=None)) == 100_00


def test_free_plans_leave_no_row():
    assert story(item(0)) == {}
    assert story(item(100_00, quantity=0)) == {}


# --- amounts ----------------------------------------------------------------------------------------------------------


def test_amount_is_quantity_times_price_less_a_discount_of_the_whole_line():
    assert in_january(item(10_00, quantity=3, discount_amount=5_00)) == 25_00


def test_an_empty_quantity_is_one_and_an_empty_discount_nothing():
    assert in_january(item(10_00, quantity=None, discount_amount=None)) == 10_00


def test_a_discount_is_for_one_interval():
    # 1200.00 a year less 120.00 a year: 1080.00 / 12.
    assert in_january(item(1200_00, interval_unit="year", discount_amount=120_00)) == 90_00


@pytest.mark.parametrize(("ends", "since"), [("2024-02-29", "2024-02"), ("2024-03-01", "2024-03")])
def test_the_end_of_a_discount_is_an_upsell_from_its_day_on(ends, since):
    told = story(item(discount_amount=20_00, discount_ends_on=ends))
    assert told["2024-01"] == {"new": 80_00, "closing": 80_00}
    assert told[since] == {"opening": 80_00, "expansion": 20_00, "upsell": 20_00, "closing": 100_00}


def test_a_full_discount_is_not_paying_and_its_end_is_new():
    assert story(item(40_00, quantity=2, discount_amount=80_00, discount_ends_on="2024-03-15")) == {
        "2024-03": {"new": 80_00, "closing": 80_00}
    }


def test_a_full_discount_after_paying_is_churned_and_its_end_a_reactivation():
    gift = versions(("2024-01-10", {}), ("2024-02-10", {"discount_amount": 100_00, "discount_ends_on": "2024-03-10"}))
    told = story(*gift)
    assert told["2024-02"] == {"opening": 100_00, "churned": 100_00}
    assert told["2024-03"] == {"reactivation": 100_00, "closing": 100_00}


@pytest.mark.parametrize(
    ("unit", "count", "amount", "a_month"),
    [
        ("month", None, 100_00, 100_00),
        ("month", 1, 100_00, 100_00),
        ("month", 6, 600_00, 100_00),
        ("quarter", 1, 300_00, 100_00),
        ("quarter", 2, 600_00, 100_00),
        ("year", 1, 1200_00, 100_00),
        ("year", 2, 2400_00, 100_00),
        ("year", 3, 100_00, 2_78),  # 10000 / 36 = 277.77…
        ("week", 1, 12_00, 52_00),  # 1200 × 52 / 12
        ("week", 2, 12_00, 26_00),
        ("week", 4, 1_00, 1_08),  # 100 × 52 / 48 = 108.33…
        ("day", 1, 1_00, 30_42),  # 100 × 365 / 12 = 3041.66…
        ("day", 7, 1_00, 4_35),  # 100 × 365 / 84 = 434.52…
        ("day", 365, 120_00, 10_00),
    ],
)
def test_every_interval_is_brought_to_a_month(unit, count, amount, a_month):
    assert in_january(item(amount, interval_unit=unit, interval_count=count)) == a_month


def test_intervals_of_other_items_do_not_change_an_amount():
    odd = [item(12, item_id=f"I{n}", account_id=f"X{n}", interval_unit="day", interval_count=n) for n in (7, 11, 13)]
    assert in_january(item(100_00, interval_unit="year", interval_count=3), *odd) == 2_78


def test_intervals_of_which_no_whole_number_holds_the_common_multiple_are_refused_by_name():
    """Fourteen primes; each alone is a count of days below ten years."""
    counts = [3557, 3559, 3571, 3581, 3583, 3593, 3607, 3613, 3617, 3623, 3631, 3637, 3643, 3659]
    odd = [item(item_id=f"I{n}", interval_unit="day", interval_count=n) for n in counts]
    with pytest.raises(TooMuchError, match=r"subscription_items: .*an interval_count that cannot be"):
        in_january(*odd)


def test_thirds_of_three_yearly_items_are_added_before_they_are_rounded():
    # 100.00 / 12 = 8.33… three times is 25.00, not 24.99.
    three = [item(100_00, item_id=f"I{n}", interval_unit="year") for n in (1, 2, 3)]
    assert in_january(*three) == 25_00
    assert in_january(*three[:2]) == 16_67


@pytest.mark.parametrize(("yearly", "cents"), [(5, 0), (6, 1), (17, 1), (18, 2), (30, 3), (42, 4)])
def test_half_a_cent_is_rounded_up(yearly, cents):
    assert in_january(item(yearly, interval_unit="year")) == cents


def test_a_fall_of_half_a_cent_is_rounded_away_from_zero():
    # 1.00 + 0.025 is 1.03 when rounded; the loss of 0.025 is 0.03: nothing is left for fx.
    half = item(30, item_id="I2", interval_unit="year", ended_on="2024-02-10")
    assert story(item(1_00), half)["2024-02"] == {"opening": 1_03, "contraction": 3, "closing": 1_00}


def test_the_cent_that_rounding_leaves_over_is_the_account_s_own_where_all_is_in_the_reporting_currency():
    # 2.5 → 5 cents a month: opening 3, closing 5, and no fx, though the growth is 2.5.
    later = item(30, "2024-02-10", item_id="I2", interval_unit="year")
    assert story(item(30, interval_unit="year"), later)["2024-02"] == {
        "opening": 3, "expansion": 2, "cross_sell": 2, "closing": 5,
    }  # fmt: skip
    # 83.33 → 166.67 → 83.33.
    yearly = versions(
        ("2024-01-10", {"amount": 10_00}), ("2024-02-10", {"amount": 20_00}), ("2024-03-10", {"amount": 10_00}),
        interval_unit="year",
    )  # fmt: skip
    told = story(*yearly)
    assert told["2024-02"] == {"opening": 83, "expansion": 84, "upsell": 84, "closing": 167}
    assert told["2024-03"] == {"opening": 167, "contraction": 84, "closing": 83}


def test_less_than_half_a_cent_is_not_paying():
    # 0.4 cents a month in January; 100.004 from March on is the first paying day, and new.
    crumbs = versions(
        ("2024-01-10", {"amount": 5}), ("2024-03-05", {"amount": 1200_05}), interval_unit="year"
    )  # fmt: skip
    assert story(*crumbs) == {"2024-03": {"new": 100_00, "closing": 100_00}}


# --- several items, several accounts ----------------------------------------------------------------------------------


def test_parallel_items_of_an_account_add_up_and_accounts_stay_apart():
    three = (item(10_00), item(20_00, item_id="I2"), item(40_00, subscription_id="S2", account_id="B"))
    assert in_january(*three) == 30_00
    assert in_january(*three, account="B") == 40_00


def test_an_account_that_cancels_one_of_several_items_contracts():
    told = story(item(), item(30_00, item_id="I2", ended_on="2024-02-10"))
    assert told["2024-02"] == {"opening": 130_00, "contraction": 30_00, "closing": 100_00}


def test_an_item_that_moves_to_another_account_is_churned_there_and_new_here():
    moved = versions(("2024-01-10", {"account_id": "A"}), ("2024-02-15", {"account_id": "B"}))
    assert story(*moved) == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "churned": 100_00},
    }
    assert story(*moved, account="B")["2024-02"] == {"new": 100_00, "closing": 100_00}


def test_an_item_that_moves_to_a_paying_account_is_its_cross_sell():
    moved = versions(("2024-01-10", {"account_id": "A"}), ("2024-02-15", {"account_id": "B"}))
    own = item(50_00, subscription_id="S2", account_id="B")
    assert story(*moved, own, account="B")["2024-02"] == {
        "opening": 50_00, "expansion": 100_00, "cross_sell": 100_00, "closing": 150_00,
    }  # fmt: skip


def test_a_subscription_that_replaces_another_on_the_same_day_is_expansion():
    next_one = item(130_00, "2024-02-15", subscription_id="S2")
    assert story(item(ended_on="2024-02-15"), next_one)["2024-02"] == {
        "opening": 100_00, "expansion": 30_00, "cross_sell": 30_00, "closing": 130_00,
    }  # fmt: skip


# --- new and reactivation ---------------------------------------------------------------------------------------------


def test_who_paid_at_an_earlier_month_end_comes_back_as_a_reactivation():
    back = item(70_00, "2024-03-20", subscription_id="S2")
    assert story(item(ended_on="2024-02-10"), back)["2024-03"] == {"reactivation": 70_00, "closing": 70_00}


@pytest.mark.parametrize(("bought", "ended"), [("2024-01-04", "2024-01-20"), ("2024-02-28", "2024-02-29")])
def test_bought_and_ended_inside_one_month_leaves_no_row_yet_is_before(bought, ended):
    inside, back = item(started=bought, ended_on=ended), item(70_00, "2024-03-20", subscription_id="S2")
    assert story(inside, back) == {"2024-03": {"reactivation": 70_00, "closing": 70_00}}


def test_bought_and_ended_before_the_first_month_is_before():
    inside, back = item(started="2019-01-04", ended_on="2019-01-05"), item(70_00, "2024-01-20", subscription_id="S2")
    assert story(inside, back, last="2024-01") == {"2024-01": {"reactivation": 70_00, "closing": 70_00}}


def test_bought_ended_and_bought_again_inside_one_month_is_new():
    first, again = item(started="2024-01-01", ended_on="2024-01-02"), item(70_00, "2024-01-20", subscription_id="S2")
    assert story(first, again)["2024-01"] == {"new": 70_00, "closing": 70_00}


def test_left_and_back_inside_one_month_never_left():
    back = item(100_00, "2024-02-25", subscription_id="S2")
    assert story(item(ended_on="2024-02-10"), back)["2024-02"] == {"opening": 100_00, "closing": 100_00}


@pytest.mark.parametrize(
    "unpaid",
    [
        {"is_trial": True},
        {"discount_amount": 100_00},
        {"is_metered": True},
        {"paused_from": "2024-01-10", "paused_until": "2024-02-10"},
        {"amount": 0},
    ],
    ids=["trial", "full discount", "metered", "paused", "free"],
)
def test_days_without_payment_are_not_before(unpaid):
    bought = item(70_00, "2024-03-20", subscription_id="S2")
    assert story(item(**unpaid, ended_on="2024-02-10"), bought) == {"2024-03": {"new": 70_00, "closing": 70_00}}


def test_a_day_in_service_that_never_was_is_not_before():
    bought = item(70_00, "2024-03-20", subscription_id="S2")
    assert story(item(ended_on="2024-01-10"), bought) == {"2024-03": {"new": 70_00, "closing": 70_00}}


def test_another_accounts_payment_is_not_before():
    moved = versions(("2024-01-10", {"account_id": "A"}), ("2024-03-15", {"account_id": "B"}))
    assert story(*moved, account="B") == {"2024-03": {"new": 100_00, "closing": 100_00}}


def test_before_the_first_rate_of_its_currency_whatever_is_above_zero_was_paid():
    inside = item(started="2023-05-04", ended_on="2023-05-20", currency="USD")
    back = item(70_00, "2024-01-20", subscription_id="S2")
    told = story(inside, back, last="2024-01", fx=rates(USD={"2024-01": "0.9"}))
    assert told == {"2024-01": {"reactivation": 70_00, "closing": 70_00}}


def test_a_crumb_at_the_last_rate_before_was_not_paid():
    crumb = item(1, "2023-05-04", ended_on="2023-05-20", currency="JPY")
    bought = item(70_00, "2024-01-20", subscription_id="S2")
    told = story(crumb, bought, last="2024-01", fx=rates(JPY={"2023-02": "0.004", "2024-01": "0.006"}))
    assert told == {"2024-01": {"new": 70_00, "closing": 70_00}}


def test_a_later_rate_does_not_make_a_crumb_unpaid_that_came_before_the_first_one():
    # A yen in May 2023 is above zero, and that it is 0.4 cents is known only in January 2024.
    crumb = item(1, "2023-05-04", ended_on="2023-05-20", currency="JPY")
    back = item(70_00, "2024-01-20", subscription_id="S2")
    told = story(crumb, back, last="2024-01", fx=rates(JPY={"2024-01": "0.004"}))
    assert told == {"2024-01": {"reactivation": 70_00, "closing": 70_00}}


def test_an_account_that_only_the_rate_lifts_over_half_a_cent_is_new_and_the_identity_holds():
    # One yen is 0.4 cents in January and 0.6 in February, when the account pays for the first time.
    lifted = item(1, currency="JPY")
    fx = rates(JPY={"2024-01": "0.004", "2024-02": "0.006"})
    assert story(lifted, last="2024-02", fx=fx) == {"2024-02": {"new": 1, "closing": 1}}


def test_an_account_that_the_rate_lifts_a_second_time_comes_back():
    # 0.4, 0.6, 0.4 and 0.6 cents, without any change of its own: paying in February and in April.
    lifted = item(1, currency="JPY")
    fx = rates(JPY={"2024-01": "0.004", "2024-02": "0.006", "2024-03": "0.004", "2024-04": "0.006"})
    assert story(lifted, last="2024-04", fx=fx) == {
        "2024-02": {"new": 1, "closing": 1},
        "2024-03": {"opening": 1, "churned": 1},
        "2024-04": {"reactivation": 1, "closing": 1},
    }


def first_paying_days(*items: dict[str, Any], fx: pl.DataFrame | None = None, as_of: dt.date = FAR) -> dict[str, str]:
    """Account → its first paying day."""
    paid = first_paid(turns_of(rows(SubscriptionItems, *items), FxRates.blank() if fx is None else fx, as_of))
    return {account: first.isoformat() for account, first in paid.rows()}


def test_the_first_paying_day_is_the_first_with_a_cent_of_mrr():
    tried = item(started="2024-01-10", is_trial=True, trial_ends_on="2024-01-24")
    crumbs = item(5, "2024-01-01", item_id="I2", interval_unit="year")
    other = item(started="2024-02-29", account_id="B", subscription_id="S2", ended_on="2024-03-01")
    never = item(account_id="C", subscription_id="S3", is_metered=True)
    assert first_paying_days(tried, crumbs, other, never) == {"A": "2024-01-24", "B": "2024-02-29"}


def test_items_that_are_free_alone_may_pay_together():
    crumbs = [item(5, f"2024-01-0{n}", item_id=f"I{n}", interval_unit="year") for n in (1, 2, 3)]
    assert first_paying_days(*crumbs) == {"A": "2024-01-02"}  # 0.42, 0.83, 1.25 cents


def test_the_first_paying_day_of_what_the_rate_lifts_is_the_first_of_that_month():
    lifted = item(1, "2024-01-20", currency="JPY")
    fx = rates(JPY={"2024-01": "0.004", "2024-02": "0.004", "2024-03": "0.006"})
    assert first_paying_days(lifted, fx=fx, as_of=day("2024-03-15")) == {"A": "2024-03-01"}


def test_a_day_after_as_of_is_not_a_paying_day_yet():
    waiting = item(paused_from="2024-01-10", paused_until="2024-01-25")
    assert first_paying_days(waiting) == {"A": "2024-01-25"}
    assert first_paying_days(waiting, as_of=day("2024-01-20")) == {}


# --- currencies -------------------------------------------------------------------------------------------------------


def test_own_amounts_that_do_not_move_have_fx_alone():
    fx = rates(USD={"2024-01": "0.90", "2024-02": "0.80", "2024-03": "0.95"})
    assert story(item(currency="USD"), fx=fx) == {
        "2024-01": {"new": 90_00, "closing": 90_00},
        "2024-02": {"opening": 90_00, "fx": -10_00, "closing": 80_00},
        "2024-03": {"opening": 80_00, "fx": 15_00, "closing": 95_00},
    }


def test_expansion_and_contraction_are_the_native_change_at_the_rate_of_the_month():
    moved = versions(
        ("2024-01-10", {"amount": 100_00}), ("2024-02-10", {"amount": 150_00}), ("2024-03-10", {"amount": 120_00}),
        currency="USD",
    )  # fmt: skip
    fx = rates(USD={"2024-01": "0.90", "2024-02": "0.80", "2024-03": "1.00"})
    told = story(*moved, fx=fx)
    # 50 × 0.80 = 40 and 100 × −0.10 = −10; then 30 × 1.00 and 150 × 0.20.
    assert told["2024-02"] == {"opening": 90_00, "expansion": 40_00, "upsell": 40_00, "fx": -10_00, "closing": 120_00}
    assert told["2024-03"] == {"opening": 120_00, "contraction": 30_00, "fx": 30_00, "closing": 120_00}


def test_new_and_churned_money_have_no_fx():
    fx = rates(USD={"2024-01": "0.90", "2024-02": "0.80"})
    told = story(item(currency="USD", ended_on="2024-02-10"), fx=fx)
    assert told == {
        "2024-01": {"new": 90_00, "closing": 90_00},
        "2024-02": {"opening": 90_00, "churned": 90_00},
    }


def test_a_change_of_currency_is_part_of_expansion_and_contraction():
    # 320 $ at 0.95 are 304 €: going to 290 € is a contraction of 14; the dollars held had gained 16 €.
    changed = versions(
        ("2024-01-10", {"amount": 320_00, "currency": "USD"}), ("2024-02-10", {"amount": 290_00, "currency": "EUR"})
    )
    told = story(*changed, fx=rates(USD={"2024-01": "0.90", "2024-02": "0.95"}))
    assert told["2024-02"] == {"opening": 288_00, "contraction": 14_00, "fx": 16_00, "closing": 290_00}


def test_a_change_to_a_currency_takes_its_rate_of_the_month_alone():
    changed = versions(
        ("2024-01-10", {"amount": 100_00, "currency": "EUR"}), ("2024-02-10", {"amount": 220_00, "currency": "USD"})
    )
    told = story(*changed, last="2024-02", fx=rates(USD={"2024-02": "0.50"}))
    assert told["2024-02"] == {"opening": 100_00, "expansion": 10_00, "upsell": 10_00, "closing": 110_00}


def test_what_is_paid_in_two_currencies_is_converted_summed_and_then_rounded_once():
    # Half a cent in each: one cent together, two if each were rounded.
    pennies = (item(1, currency="USD"), item(1, item_id="I2", currency="JPY"))
    assert in_january(*pennies, fx=rates(USD={"2024-01": "0.5"}, JPY={"2024-01": "0.005"})) == 1


def test_a_yen_has_no_cents_and_a_dinar_has_a_thousand_fils():
    # 4 × 4,600 yen at 0.0061 are 112.24 €; 12.345 dinars at 2.44 are 30.1218 €.
    assert in_january(item(4600, quantity=4, currency="JPY"), fx=rates(JPY={"2024-01": "0.0061"})) == 112_24
    assert in_january(item(12_345, currency="BHD"), fx=rates(BHD={"2024-01": "2.44"})) == 30_12


def test_the_reporting_currency_may_have_no_minor_units():
    euros = item(99_99, currency="EUR")
    # 99.99 € at 160 are 15,998.4 yen; 1,000 yen are themselves.
    told = in_january(
        euros, item(1000, item_id="I2", currency="JPY"), fx=rates(EUR={"2024-01": "160"}), reporting="JPY"
    )
    assert told == 16_998


def test_rates_are_exact_to_their_tenth_decimal():
    # 100,000,000.00 $ at 0.1234567891 are 12,345,678.91 €.
    assert in_january(item(100_000_000_00, currency="USD"), fx=rates(USD={"2024-01": "0.1234567891"})) == 12_345_678_91


def test_a_rate_counts_to_its_last_decimal():
    # 10,000,000,000.00 $ at 0.8123456789012345 are 8,123,456,789.012345 €; at …2395, a cent is made of the last digits.
    much = item(10_000_000_000_00, currency="USD")
    assert in_january(much, fx=rates(USD={"2024-01": "0.8123456789012345"})) == 8_123_456_789_01
    assert in_january(much, fx=rates(USD={"2024-01": "0.8123456789015000"})) == 8_123_456_789_02
    assert in_january(much, fx=rates(USD={"2024-01": "0.8123456789014999"})) == 8_123_456_789_01


def test_a_tiny_rate_keeps_its_digits():
    # 3,000,000,000.00 rupiahs at 0.0000571234567891 are 171,370.37 €.
    assert (
        in_january(item(3_000_000_000_00, currency="IDR"), fx=rates(IDR={"2024-01": "0.0000571234567891"}))
        == 171_370_37
    )


def test_a_currency_withdrawn_since_has_the_digits_it_had_and_its_last_rate():
    """Kunas until 2022, euros from then on; nobody rates a kuna in 2023."""
    changed = versions(
        ("2022-11-10", {"amount": 753_45, "currency": "HRK"}),
        ("2023-01-01", {"amount": 120_00, "currency": "EUR"}),
        started="2022-11-10",
    )
    fx = rates(HRK={"2022-11": "0.1327228", "2022-12": "0.1327228"})
    told = story(*changed, first="2022-11", last="2023-01", fx=fx)
    assert told["2022-12"] == {"opening": 100_00, "closing": 100_00}
    assert told["2023-01"] == {"opening": 100_00, "expansion": 20_00, "upsell": 20_00, "closing": 120_00}


def test_an_old_belarusian_rouble_had_no_kopecks():
    fx = rates(BYR={"2016-01": "0.00005"})
    told = story(item(200_000, currency="BYR", started="2016-01-05"), first="2016-01", last="2016-01", fx=fx)
    assert told["2016-01"] == {"new": 10_00, "closing": 10_00}


def test_a_rate_missing_in_a_closed_month_stops_the_run_and_is_named():
    fx = rates(USD={"2024-01": "0.9", "2024-03": "0.9"})
    with pytest.raises(MissingRateError, match="USD in 2024-02"):
        story(item(currency="USD"), fx=fx)


def test_the_rate_that_values_the_first_opening_may_not_be_missing():
    with pytest.raises(MissingRateError, match="USD in 2023-12"):
        story(item(currency="USD", started="2023-06-01"), last="2024-01", fx=rates(USD={"2024-01": "0.9"}))


def test_a_currency_that_is_not_in_service_needs_no_rate():
    gone = item(started="2023-02-01", ended_on="2023-06-10", currency="GBP")
    assert in_january(item(), gone) == 100_00


def test_in_a_month_that_is_not_over_the_last_known_rate_speaks():
    fx = rates(USD={"2024-01": "0.80", "2024-02": "0.90"})
    told = story(item(currency="USD"), fx=fx, as_of="2024-03-20")
    assert told["2024-03"] == {"opening": 90_00, "closing": 90_00}


def test_in_a_month_that_is_not_over_its_own_rate_speaks_where_there_is_one():
    fx = rates(USD={"2024-01": "0.80", "2024-02": "0.90", "2024-03": "1.00"})
    assert story(item(currency="USD"), fx=fx, as_of="2024-03-20")["2024-03"]["fx"] == 10_00


def test_on_its_last_day_a_month_is_over_and_needs_its_rate():
    fx = rates(USD={"2024-01": "0.80", "2024-02": "0.90"})
    with pytest.raises(MissingRateError, match="USD in 2024-03"):
        story(item(currency="USD"), fx=fx, as_of="2024-03-31")


# --- upsell and cross-sell --------------------------------------------------------------------------------------------


def grown(before: int, after: int, item_id: str, **more: Any) -> list[dict[str, Any]]:
    """An item that changes from one amount to another in February; from 0 it is new then."""
    if not before:
        return [item(after, "2024-02-10", item_id=item_id, **more)]
    return versions(
        ("2024-01-10", {"amount": before}), ("2024-02-10", {"amount": after}), item_id=item_id, **more
    )  # fmt: skip


def split_of(*items: list[dict[str, Any]], **how: Any) -> tuple[int, int, int]:
    """(expansion, upsell, cross_sell) of February."""
    told = story(*chain.from_iterable(items), last="2024-02", **how)["2024-02"]
    return told.get("expansion", 0), told.get("upsell", 0), told.get("cross_sell", 0)


def test_growth_of_what_was_there_is_upsell_and_of_what_was_not_cross_sell():
    assert split_of(grown(100_00, 200_00, "I1"), grown(0, 50_00, "I2")) == (150_00, 100_00, 50_00)


def test_expansion_is_split_in_proportion_over_the_items_that_grew():
    # +100 and new 50 less 60: of the 90 that remain a third is cross-sell.
    shrunk = grown(100_00, 40_00, "I3")
    assert split_of(grown(100_00, 200_00, "I1"), grown(0, 50_00, "I2"), shrunk) == (90_00, 60_00, 30_00)


def test_cross_sell_is_rounded_and_upsell_is_the_rest():
    # A third of 100 cents.
    assert split_of(grown(10, 2_10, "I1"), grown(0, 1_00, "I2"), grown(3_00, 1_00, "I3")) == (1_00, 67, 33)


def test_half_a_cent_of_cross_sell_is_rounded_up():
    assert split_of(grown(10, 11, "I1"), grown(0, 1, "I2"), grown(10, 9, "I3")) == (1, 0, 1)


def test_the_split_is_in_proportion_at_the_rate_of_the_month():
    # +100 $ at 0.50 and new 50 €: half and half, whatever the rate was before.
    fx = rates(USD={"2024-01": "1.00", "2024-02": "0.50"})
    assert split_of(grown(100_00, 200_00, "I1", currency="USD"), grown(0, 50_00, "I2"), fx=fx) == (
        100_00, 50_00, 50_00,
    )  # fmt: skip


def test_an_item_that_costs_nothing_at_opening_is_cross_sell_when_it_pays():
    tried = item(30_00, "2024-01-15", item_id="I2", is_trial=True, trial_ends_on="2024-02-15")
    assert split_of([item()], [tried]) == (30_00, 0, 30_00)


def test_an_account_that_shrinks_on_the_whole_has_no_upsell():
    told = story(*grown(100_00, 10_00, "I1"), *grown(0, 50_00, "I2"), last="2024-02")["2024-02"]
    assert told == {"opening": 100_00, "contraction": 40_00, "closing": 60_00}


# --- pending cancellation and seats -----------------------------------------------------------------------------------


def test_mrr_is_pending_cancellation_between_the_request_and_the_end():
    asked = item(cancel_requested_on="2024-02-20", ended_on="2024-03-10")
    assert story(asked) == {
        "2024-01": {"new": 100_00, "closing": 100_00},
        "2024-02": {"opening": 100_00, "closing": 100_00, "pending_cancellation": 100_00},
        "2024-03": {"opening": 100_00, "churned": 100_00},
    }


@pytest.mark.parametrize(("asked", "pending"), [("2024-02-29", 100_00), ("2024-03-01", None)])
def test_a_cancellation_is_pending_from_the_day_of_the_request(asked, pending):
    told = story(item(cancel_requested_on=asked, ended_on="2024-06-01"), last="2024-02")["2024-02"]
    assert told.get("pending_cancellation") == pending


def test_a_requested_cancellation_without_a_known_end_is_pending():
    assert story(item(cancel_requested_on="2024-02-20"))["2024-03"]["pending_cancellation"] == 100_00


def test_an_item_that_pays_and_is_not_cancelled_is_counted_and_a_credit_is_none():
    asked = item(100_00, item_id="I2", cancel_requested_on="2024-01-20")
    free = item(0, item_id="I3")
    both, one, none = facts(item(20_00), asked, free, last="2024-01"), facts(item(20_00)), facts(asked, free)
    assert both["uncancelled_items"].to_list() == [1]
    assert one["uncancelled_items"].to_list() == [1, 1, 1]
    assert none["uncancelled_items"].to_list() == [0, 0, 0]


def test_only_the_items_that_were_cancelled_are_pending():
    asked = item(30_00, item_id="I2", currency="USD", cancel_requested_on="2024-01-20")
    told = story(item(), asked, last="2024-01", fx=rates(USD={"2024-01": "0.9"}))
    assert told == {"2024-01": {"new": 127_00, "closing": 127_00, "pending_cancellation": 27_00}}


def seats(*items: dict[str, Any], **how: Any) -> int | None:
    """Seats of account A in January 2024."""
    return facts(*items, last="2024-01", **how).filter(account_id="A")["seats"].item()


@pytest.mark.parametrize(
    "without_mrr",
    [
        {"is_trial": True},
        {"discount_amount": 100_00},
        {"is_metered": True},
        {"paused_from": "2024-01-20"},
        {"ended_on": "2024-01-31"},
        {"started": "2024-02-01"},
    ],
    ids=["trial", "full discount", "metered", "paused", "ended", "not yet"],
)
def test_only_seats_of_items_that_make_mrr_count(without_mrr):
    paying = (item(seats=5), item(item_id="I2", seats=2))
    assert seats(*paying, item(item_id="I3", seats=40, **without_mrr)) == 7


def test_seats_are_those_of_the_version_that_speaks_at_month_end():
    assert seats(*versions(("2024-01-10", {"seats": 3}), ("2024-01-31", {"seats": 8}))) == 8


def test_an_account_none_of_whose_items_names_seats_has_none_rather_than_zero():
    assert seats(item()) is None
    assert seats(item(), item(item_id="I2", seats=4)) == 4
    assert seats(item(seats=0)) == 0


# --- below zero -------------------------------------------------------------------------------------------------------


def test_a_discount_takes_no_more_than_its_line_and_a_warning_counts_the_items():
    # 100 and a line of 5 with a discount of 25: not 80.
    with pytest.warns(NegativeMrrWarning, match="^1 items"):
        assert in_january(item(), item(5_00, item_id="I2", discount_amount=25_00)) == 100_00


def test_a_line_of_a_negative_price_is_nothing():
    with pytest.warns(NegativeMrrWarning, match="^1 items"):
        told = story(item(), item(-60_00, "2024-02-10", item_id="I2"))
    assert told["2024-02"] == {"opening": 100_00, "closing": 100_00}


def test_an_item_below_zero_pays_from_the_day_on_which_its_discount_ends():
    less = item(10_00, discount_amount=25_00, discount_ends_on="2024-03-10")
    with pytest.warns(NegativeMrrWarning):
        assert story(less) == {"2024-03": {"new": 10_00, "closing": 10_00}}


def test_a_discount_of_the_whole_line_is_no_surprise():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert in_january(item(), item(5_00, item_id="I2", discount_amount=5_00)) == 100_00


# --- prices -----------------------------------------------------------------------------------------------------------


def test_a_price_may_be_a_part_of_the_minor_unit():
    # Half a cent for each of 10,001 calls is 50.005: rounded once, half away from zero.
    assert in_january(item(Decimal("0.5"), quantity=10_000)) == 50_00
    assert in_january(item(Decimal("0.5"), quantity=10_001)) == 50_01


def test_parts_of_the_minor_unit_are_rounded_with_the_account_and_not_with_the_item():
    # 0.3 and 0.3 cents are 0.6; 0.3 alone is nothing.
    crumbs = [item(Decimal("0.3"), item_id=name) for name in ("I1", "I2")]
    assert in_january(*crumbs) == 1
    assert in_january(crumbs[0]) == 0


def test_twelve_decimals_are_exact():
    # 3 × 0.166666666667 is 0.500000000001 and rounds up; 3 × 0.166666666666 is below half a cent.
    assert in_january(item(Decimal("0.166666666667"), quantity=3)) == 1
    assert in_january(item(Decimal("0.166666666666"), quantity=3)) == 0


def test_a_fine_price_beside_others_leaves_these_as_they_are():
    fine = item(Decimal("0.000000000001"), item_id="I2")
    assert in_january(item(99_999_99, interval_unit="year"), fine) == 8_333_33


def test_a_line_without_a_unit_price_counts_as_a_whole():
    # 1,500 a quarter whatever the 15 users; less 300 for the whole line, 400 a month.
    tiered = item(None, line_amount=1_500_00, quantity=15, interval_unit="quarter", discount_amount=300_00)
    assert in_january(tiered) == 400_00


def test_the_whole_line_counts_before_quantity_and_price():
    assert in_january(item(7_00, line_amount=90_00, quantity=15)) == 90_00


def test_a_line_of_nothing_is_free_whatever_a_unit_costs():
    assert story(item(7_00, line_amount=0, quantity=15)) == {}


def test_a_tier_that_grows_is_an_upsell():
    grown = versions(("2024-01-10", {"line_amount": 90_00}), ("2024-02-10", {"line_amount": 120_00}), amount=None)
    assert story(*grown, last="2024-02")["2024-02"] == {
        "opening": 90_00,
        "expansion": 30_00,
        "upsell": 30_00,
        "closing": 120_00,
    }


def test_amounts_that_cannot_be_are_refused_by_name():
    with pytest.raises(UndefinedError, match="unit_amount"):
        story(item(10**18, quantity=10**12))


# --- as_of ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "closing"),
    [
        ({}, 100_00),
        ({"ended_on": "2024-03-16"}, 100_00),
        ({"ended_on": "2024-03-15"}, 0),
        ({"paused_from": "2024-03-16"}, 100_00),
        ({"paused_from": "2024-03-15"}, 0),
        ({"discount_amount": 40_00, "discount_ends_on": "2024-03-16"}, 60_00),
        ({"discount_amount": 40_00, "discount_ends_on": "2024-03-15"}, 100_00),
        ({"trial_ends_on": "2024-03-16"}, 0),
        ({"trial_ends_on": "2024-03-15"}, 100_00),
    ],
)
def test_a_month_that_is_not_over_closes_on_as_of(more, closing):
    assert closings(item(**more), as_of="2024-03-15").get("2024-03", 0) == closing


@pytest.mark.parametrize(("started", "seen"), [("2024-03-15", True), ("2024-03-16", False), ("2024-03-31", False)])
def test_a_start_after_as_of_is_not_seen(started, seen):
    assert bool(story(item(started=started), as_of="2024-03-15")) is seen


@pytest.mark.parametrize(("since", "closing"), [("2024-03-15", 150_00), ("2024-03-16", 100_00)])
def test_a_version_after_as_of_is_not_seen(since, closing):
    changed = versions(("2024-01-10", {"amount": 100_00}), (since, {"amount": 150_00}))
    assert closings(*changed, as_of="2024-03-15")["2024-03"] == closing


@pytest.mark.parametrize(("asked", "pending"), [("2024-03-15", 100_00), ("2024-03-16", None)])
def test_a_cancellation_asked_for_after_as_of_is_not_pending(asked, pending):
    told = story(item(cancel_requested_on=asked, ended_on="2024-05-01"), as_of="2024-03-15")["2024-03"]
    assert told.get("pending_cancellation") == pending


# --- the worked examples ----------------------------------------------------------------------------------------------


def test_worked_example_four_yearly_plans_and_two_monthly():
    yearly = [
        item(500_00, "2024-01-10", item_id=f"Y{n}", interval_unit="year", ended_on="2024-04-20") for n in range(4)
    ]
    monthly = [item(30_00, "2024-02-15", item_id=f"M{n}", ended_on="2024-03-10") for n in range(2)]
    assert story(*yearly, *monthly, last="2024-05") == {
        "2024-01": {"new": 166_67, "closing": 166_67},
        "2024-02": {"opening": 166_67, "expansion": 60_00, "cross_sell": 60_00, "closing": 226_67},
        "2024-03": {"opening": 226_67, "contraction": 60_00, "closing": 166_67},
        "2024-04": {"opening": 166_67, "churned": 166_67},
    }


def test_worked_example_growth_while_the_euro_rises():
    moved = versions(("2024-01-10", {"amount": 100_00}), ("2024-02-10", {"amount": 120_00}), currency="EUR")
    told = story(*moved, last="2024-02", reporting="USD", fx=rates(EUR={"2024-01": "1.10", "2024-02": "1.20"}))
    assert told["2024-02"] == {
        "opening": 110_00, "expansion": 24_00, "upsell": 24_00, "fx": 10_00, "closing": 144_00,
    }  # fmt: skip


# --- nothing ----------------------------------------------------------------------------------------------------------


def test_without_items_there_are_no_rows_but_all_columns():
    none = facts()
    assert none.schema == pl.Schema(FctMrrAccountMonth.dtypes())
    assert none.is_empty()


def test_without_months_there_are_no_rows():
    no_months = months("2024-01", "2024-01").clear()
    given = rows(SubscriptionItems, item())
    assert mrr_of(given, FxRates.blank(), no_months, FAR).is_empty()
    in_service = service_periods(given, FAR)
    assert fct_mrr_account_currency_month(in_service, FxRates.blank(), no_months, "EUR").is_empty()


def test_an_account_has_a_row_only_in_months_that_it_opens_or_closes_with_mrr():
    told = story(item(started="2024-02-10", ended_on="2024-04-10"), first="2023-11", last="2024-08")
    assert list(told) == ["2024-02", "2024-03", "2024-04"]


# --- by currency ------------------------------------------------------------------------------------------------------


def native(*items: dict[str, Any], last: str = "2024-02", fx: pl.DataFrame | None = None, **how: Any) -> list[Any]:
    """(month, account, currency, opening, closing, rate) of the table by currency, held against its contract."""
    as_of = how.get("as_of")
    frame = fct_mrr_account_currency_month(
        service_periods(rows(SubscriptionItems, *items), day(as_of) if as_of else FAR),
        FxRates.blank() if fx is None else fx,
        months("2024-01", last, as_of),
        how.get("reporting", "EUR"),
    )
    return [(f"{row[0]:%Y-%m}", *row[1:]) for row in FctMrrAccountCurrencyMonth.validate(frame).rows()]


def test_native_amounts_do_not_move_with_the_rate():
    fx = rates(USD={"2024-01": "0.90", "2024-02": "0.80"})
    assert native(item(currency="USD"), fx=fx) == [
        ("2024-01", "A", "USD", 0, 100_00, 0.9),
        ("2024-02", "A", "USD", 100_00, 100_00, 0.8),
    ]


def test_each_currency_of_an_account_has_its_own_row_and_the_reporting_one_the_rate_one():
    both = (item(10_00), item(500, item_id="I2", currency="JPY"), item(20_00, item_id="I3"))
    assert native(*both, last="2024-01", fx=rates(JPY={"2024-01": "0.006"})) == [
        ("2024-01", "A", "EUR", 0, 30_00, 1.0),
        ("2024-01", "A", "JPY", 0, 500, 0.006),
    ]


def test_a_change_of_currency_shows_in_both_currencies():
    changed = versions(
        ("2024-01-10", {"amount": 320_00, "currency": "USD"}), ("2024-02-10", {"amount": 290_00, "currency": "EUR"})
    )
    assert native(*changed, fx=rates(USD={"2024-01": "0.90", "2024-02": "0.95"}))[1:] == [
        ("2024-02", "A", "EUR", 0, 290_00, 1.0),
        ("2024-02", "A", "USD", 320_00, 0, 0.95),
    ]


def test_native_amounts_are_rounded_once_half_away_from_zero():
    halves = [item(30, item_id=f"I{n}", interval_unit="year") for n in range(3)]
    assert native(*halves[:1], last="2024-01") == [("2024-01", "A", "EUR", 0, 3, 1.0)]
    assert native(*halves, last="2024-01") == [("2024-01", "A", "EUR", 0, 8, 1.0)]  # 7.5, not 3 × 3


def test_the_month_after_the_end_has_no_native_row():
    told = native(item(ended_on="2024-02-10"), last="2024-03")
    assert [(month, opening, closing) for month, _, _, opening, closing, _ in told] == [
        ("2024-01", 0, 100_00),
        ("2024-02", 100_00, 0),
    ]


def test_a_line_that_its_discount_takes_as_a_whole_leaves_no_native_row():
    assert native(item(discount_amount=100_00), last="2024-01") == []


def test_a_currency_in_service_without_a_rate_stops_the_run_here_too():
    with pytest.raises(MissingRateError, match="USD in 2024-02"):
        native(item(currency="USD"), fx=rates(USD={"2024-01": "0.90"}))


def test_the_last_known_rate_speaks_here_too_in_a_month_that_is_not_over():
    told = native(item(currency="USD"), fx=rates(USD={"2024-01": "0.90"}), as_of="2024-02-11")
    assert told[-1] == ("2024-02", "A", "USD", 100_00, 100_00, 0.9)


class TestPayingTurns:
    """One yen a month, and rates at which it is a cent or is none."""

    def turns(self, started: str, **rates: str) -> list[tuple[dt.date, bool]]:
        item = {
            "subscription_id": "s", "item_id": "i", "account_id": "a", "unit_amount": 1, "currency": "JPY",
            "interval_unit": "month", "started_on": day(started), "valid_from": day(started),
        }  # fmt: skip
        fx = [{"month": day(f"{m[1:5]}-{m[5:]}-01"), "currency": "JPY", "rate": Decimal(r)} for m, r in rates.items()]
        found = turns_of(rows(SubscriptionItems, item), rows(FxRates, *fx), day("2024-06-30"))
        return found.select("day", "pays").rows()

    def test_an_account_ceases_and_begins_to_pay_by_the_rate_alone(self):
        """0.6 cents are one, 0.4 are none, 0.6 are one again."""
        found = self.turns("2024-02-01", m202402="0.006", m202403="0.004", m202404="0.006")
        assert found == [(day("2024-02-01"), True), (day("2024-03-01"), False), (day("2024-04-01"), True)]

    def test_an_account_that_paid_before_the_first_rate_ceases_with_a_rate_that_makes_it_nothing(self):
        found = self.turns("2024-02-10", m202404="0.004")
        assert found == [(day("2024-02-10"), True), (day("2024-04-01"), False)]


# --- two billing systems that number alike


def test_equal_subscription_ids_of_two_sources_are_two_subscriptions():
    west = {"export_source": "west", "account_id": "B"}
    found = closings(item(30_00), item(50_00, "2024-02-01", **west))
    assert found == {"2024-01": 30_00, "2024-02": 30_00, "2024-03": 30_00}
    assert closings(item(30_00), item(50_00, "2024-02-01", **west), account="B") == {"2024-02": 50_00, "2024-03": 50_00}


def test_a_version_of_one_source_speaks_for_no_item_of_another():
    upgraded = versions(("2024-01-10", {"unit_amount": 30_00}), ("2024-02-10", {"unit_amount": 40_00}))
    west = [{**version, "export_source": "west"} for version in versions(("2024-01-10", {"unit_amount": 5_00}))]
    assert closings(*upgraded, *west) == {"2024-01": 35_00, "2024-02": 45_00, "2024-03": 45_00}


def test_an_item_of_another_source_that_begins_beside_its_namesake_is_cross_sell():
    found = story(item(30_00), item(50_00, "2024-02-01", export_source="west"))["2024-02"]
    assert found == {"opening": 30_00, "expansion": 50_00, "cross_sell": 50_00, "closing": 80_00}
