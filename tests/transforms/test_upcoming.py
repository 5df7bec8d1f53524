"""The terms that will come up for renewal next."""

from typing import Any

import pytest

from schemas.billing import FxRates, Renewals, SubscriptionItems, UpcomingRenewal
from tests.frames import day, months, rows
from tests.transforms.test_renewals import ALL_OF_IT, FROM_ITEMS, item, rate, term
from transforms.exported import Exported
from transforms.facts.service import service_periods
from transforms.facts.upcoming import upcoming_renewal
from transforms.visible import seen_on

AS_OF = "2024-06-15"


def made(
    *terms: dict[str, Any],
    items: tuple[dict[str, Any], ...] = (),
    rates: tuple[dict[str, Any], ...] = (),
    exported: Exported = ALL_OF_IT,
    as_of: str = AS_OF,
) -> list[dict[str, Any]]:
    today = day(as_of)
    given = seen_on(rows(SubscriptionItems, *items), SubscriptionItems, today, "UTC")
    found = upcoming_renewal(
        seen_on(rows(Renewals, *terms), Renewals, today, "UTC"),
        given,
        service_periods(given, today),
        rows(FxRates, *rates),
        months("2024-01", as_of[:7], as_of),
        today,
        "EUR",
        exported,
    )
    return UpcomingRenewal.checked(found).rows(named=True)


def due(*items: dict[str, Any], as_of: str = AS_OF, **how: Any) -> list[tuple[str, int | None]]:
    """(due day, MRR) of the next terms of some items."""
    found = made(items=items, exported=FROM_ITEMS, as_of=as_of, **how)
    return sorted((str(row["term_ended_on"]), row["mrr_cents"]) for row in found)


# --- as exported ------------------------------------------------------------------------------------------------------


def test_exported_terms_that_are_open_and_due_later_are_to_come():
    terms = [
        term("tomorrow", "2024-06-16", "open"),
        term("today", "2024-06-15", "open"),
        term("lost already", "2024-07-01", "lost"),
        term("renewed already", "2024-07-01", "renewed", "2024-06-01"),
        term("renewed later", "2024-07-01", "renewed", "2024-06-20"),
        term("in years", "2027-01-01", "open"),
        term("a month's", "2024-07-01", "open", started="2024-06-01"),
    ]
    assert [row["renewal_id"] for row in made(*terms)] == ["in years", "renewed later", "tomorrow"]


def test_an_exported_term_is_told_with_its_mrr_at_the_last_known_rate():
    foreign = term("r", "2024-09-01", "open", mrr_amount=1_000, currency="USD", subscription_id="s")
    assert made(foreign, rates=(rate("2024-05", "0.90"),)) == [
        {
            "renewal_id": "r",
            "account_id": "a",
            "subscription_id": "s",
            "term_started_on": day("2023-09-01"),
            "term_ended_on": day("2024-09-01"),
            "source": "all",
            "mrr_cents": 900,
            "basis": "renewals",
        }
    ]


@pytest.mark.parametrize("unknown", [{"mrr_amount": None}, {"currency": None}, {"currency": "USD"}])
def test_what_a_term_makes_is_unknown_without_amount_currency_or_rate(unknown):
    assert [row["mrr_cents"] for row in made(term("r", "2024-09-01", "open", **unknown))] == [None]


# --- from subscription items ------------------------------------------------------------------------------------------


def test_without_a_renewals_source_an_item_is_due_at_the_end_of_its_running_interval():
    # 120.00 a year are 10.00 a month.
    assert due(item("2023-09-01")) == [("2024-09-01", 1_000)]
    assert due(item("2022-06-15")) == [("2025-06-15", 1_000)]
    assert due(item("2022-06-16")) == [("2024-06-16", 1_000)]
    assert due(item("2024-01-31", interval_unit="quarter"), as_of="2024-04-29") == [("2024-04-30", 4_000)]
    assert due(item("2024-01-31", interval_unit="quarter"), as_of="2024-04-30") == [("2024-07-31", 4_000)]
    assert due(item("2024-06-14", interval_unit="week", interval_count=6))[0][0] == "2024-07-26"


def test_what_is_billed_by_the_month_is_not_asked_to_renew():
    assert due(item("2023-09-01", interval_unit="month"), item("2024-06-14", interval_unit="day")) == []


@pytest.mark.parametrize(
    "decided",
    [
        {"ended": "2024-06-15"}, {"ended": "2024-08-31"}, {"ended": "2024-09-01"},
        {"cancel_requested_on": "2024-06-15"}, {"paused_from": "2024-06-01"},
    ],
)  # fmt: skip
def test_what_ends_by_then_is_cancelled_or_makes_nothing_now_is_not_to_come(decided):
    assert due(item("2023-09-01", **decided)) == []


@pytest.mark.parametrize("later", [{"ended": "2024-09-02"}, {"cancel_requested_on": "2024-06-16"}])
def test_what_ends_after_the_due_day_or_is_cancelled_later_is_open(later):
    assert due(item("2023-09-01", **later)) == [("2024-09-01", 1_000)]


def test_items_of_an_account_that_are_due_on_one_day_are_one_term():
    items = (
        item("2023-09-01"),
        item("2021-09-01", item_id="j", currency="USD", interval_count=3, unit_amount=36_000),
        item("2023-10-01", item_id="k"),
        item("2023-09-01", subscription_id="t", account_id="b"),
    )
    # $360.00 in three years are $10.00 a month, €9.00; the term is as old as its oldest item's.
    found = made(items=items, exported=FROM_ITEMS, rates=(rate("2024-06", "0.90"),))
    told = [
        tuple(row[name] for name in ("renewal_id", "subscription_id", "term_started_on", "mrr_cents")) for row in found
    ]
    assert told == [
        ("a/2024-09-01", "s", day("2021-09-01"), 1_900),
        ("a/2024-10-01", "s", day("2023-10-01"), 1_000),
        ("b/2024-09-01", "t", day("2023-09-01"), 1_000),
    ]
    assert {row["basis"] for row in found} == {"subscription_items"}
    assert [mrr for _, mrr in due(*items[:2])] == [None]


def test_there_may_be_nothing():
    assert made() == [] == due()
