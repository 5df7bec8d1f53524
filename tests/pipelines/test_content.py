"""What each month sees of a table without months: a change touches the months that see it, and no other."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.months.content import Content, content_rows
from pipelines.months.inputs import is_as_told, visible
from schemas.billing import Invoices, SubscriptionItems
from schemas.contract import Contract
from schemas.customers import AccountLinks, Accounts, AccountVersion, DimAccount
from schemas.feedback import SurveyResponses
from schemas.operations import ContentMonth
from schemas.success import CsmActivities
from schemas.support import Tickets
from tests.frames import at, config, day, rows
from transforms.calendar import add_months
from transforms.declaration import ALL, FILED, SO_FAR, THE_MONTH, History, Months, Whole, Window, window_of
from transforms.visible import held, seen_on

ROOT = Path(__file__).resolve().parents[2]


def month(text: str) -> dt.date:
    """2024-05 as its first day."""
    return day(f"{text}-01")


HALF_YEAR = [month(f"2024-{number:02}") for number in range(1, 7)]
END = day("2024-06-30")
EVERY = [f"{m:%Y-%m}" for m in HALF_YEAR]


def settings_of(zone: str) -> Any:
    return config(reporting={"currency": "EUR", "time_zone": zone})


def recorded(
    contract: type[Contract],
    frame: pl.DataFrame,
    window: Window,
    as_of: dt.date = END,
    zone: str = "UTC",
    months: list[dt.date] = HALF_YEAR,
) -> pl.DataFrame:
    """Rows of `content_month`."""
    seen = seen_on(frame, contract, as_of, zone)
    found = content_rows(seen, contract, [window], months, settings_of(zone))
    assert found.schema == pl.Schema(ContentMonth.dtypes())
    assert set(found["table_name"]) <= {contract.table()}
    assert not found.select("reach", "month").is_duplicated().any()
    if isinstance(window, History):
        assert found["month"].to_list() == months
    return found


def fingerprints(
    contract: type[Contract],
    frame: pl.DataFrame,
    as_of: dt.date = END,
    zone: str = "UTC",
    window: Window | None = None,
    months: list[dt.date] = HALF_YEAR,
) -> dict[dt.date, str]:
    """What each month is shown: by default what is read of the table where nothing else is declared."""
    window = window or window_of(contract.table(), {})
    told = Content(recorded(contract, frame, window, as_of, zone, months))
    around = {m: {distance: add_months(m, distance) for distance in range(-24, 25)} for m in months}
    return {m: told.shown(contract.table(), window, m, around[m]) for m in months}


def touched(
    contract: type[Contract],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
    as_of: dt.date = END,
    zone: str = "UTC",
    window: Window | None = None,
) -> list[str]:
    """The months in which the change from some rows to others is seen."""
    old = fingerprints(contract, rows(contract, *before), as_of, zone, window)
    new = fingerprints(contract, rows(contract, *after), as_of, zone, window)
    return [f"{m:%Y-%m}" for m in HALF_YEAR if old[m] != new[m]]


def touched_as_days_pass(
    contract: type[Contract], row: dict[str, Any], before: str, after: str, zone: str = "UTC"
) -> list[str]:
    """The months in which it is seen that the data speaks for another day."""
    old, new = (fingerprints(contract, rows(contract, row), day(as_of), zone) for as_of in (before, after))
    return [f"{m:%Y-%m}" for m in HALF_YEAR if old[m] != new[m]]


def ticket(ticket_id: str, created: str, **more: Any) -> dict[str, Any]:
    return {"ticket_id": ticket_id, "account_id": "a", "status": "open", "created_at": at(created), **more}


def invoice(issued: str, **more: Any) -> dict[str, Any]:
    given = {"invoice_id": "i", "account_id": "a", "status": "open", "amount": 100, "currency": "EUR"}
    return {**given, "issued_on": day(issued), **more}


def item(started: str, **more: Any) -> dict[str, Any]:
    given = {"subscription_id": "s", "item_id": "1", "account_id": "a", "unit_amount": 100, "currency": "EUR"}
    return {**given, "interval_unit": "month", "started_on": day(started), **more}


class TestEvents:
    january, march = ticket("1", "2024-01-10T10:00"), ticket("2", "2024-03-10T10:00")

    def test_nothing_changed_touches_nothing(self):
        assert touched(Tickets, [self.january, self.march], [self.january, self.march]) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "solved"},
            {"topic": "billing"},
            {"account_id": None},
            {"satisfaction_score": 4.0},
            {"is_spam": False},
            {"last_solved_at": at("2024-05-01T10:00")},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_a_change_in_march_touches_march_only(self, change):
        assert touched(Tickets, [self.january, self.march], [self.january, {**self.march, **change}]) == ["2024-03"]

    def test_a_new_and_a_gone_event_touch_their_month(self):
        assert touched(Tickets, [self.january], [self.january, self.march]) == ["2024-03"]
        assert touched(Tickets, [self.january, self.march], [self.march]) == ["2024-01"]

    def test_an_event_that_moves_touches_both_months(self):
        moved = {**self.march, "created_at": at("2024-05-10T10:00")}
        assert touched(Tickets, [self.january, self.march], [self.january, moved]) == ["2024-03", "2024-05"]

    def test_two_equal_rows_are_not_none(self):
        assert touched(Tickets, [], [self.march, self.march]) == ["2024-03"]
        assert touched(Tickets, [self.march], [self.march, self.march, self.march]) == ["2024-03"]

    def test_values_that_change_places_are_a_change(self):
        one, other = ticket("1", "2024-03-01T10:00", topic="x"), ticket("2", "2024-03-02T10:00", topic="y")
        assert touched(Tickets, [one, other], [{**one, "topic": "y"}, {**other, "topic": "x"}]) == ["2024-03"]
        crossed = {**one, "topic": "y", "channel": "x"}
        assert touched(Tickets, [{**one, "topic": "x", "channel": "y"}], [crossed]) == ["2024-03"]
        assert touched(Tickets, [{**one, "topic": "x"}], [{**one, "topic": None, "channel": "x"}]) == ["2024-03"]

    def test_where_a_row_came_from_touches_nothing(self):
        moved = {"export_file": "other.csv", "export_line": 9, "exported_at": at("2024-06-01")}
        assert touched(Tickets, [self.march], [{**self.march, **moved}]) == []
        assert touched(Tickets, [self.march], [{**self.march, **moved}], window=Whole()) == []

    def test_the_source_that_an_id_belongs_to_is_part_of_it(self):
        assert touched(Tickets, [self.march], [{**self.march, "export_source": "x"}]) == ["2024-03"]

    def test_where_a_row_came_from_touches_every_month_of_who_reads_it(self):
        moved = {**self.march, "exported_at": at("2024-06-01")}
        assert touched(Tickets, [self.march], [moved], window=Whole(provenance=True)) == EVERY

    def test_events_before_the_first_month_touch_nothing(self):
        assert touched(Tickets, [], [ticket("1", "2023-12-31T23:59:59")]) == []

    def test_a_month_begins_where_the_company_reports(self):
        late = ticket("1", "2024-03-31T22:30")
        assert touched(Tickets, [], [late]) == ["2024-03"]
        assert touched(Tickets, [], [late], zone="Europe/Berlin") == ["2024-04"]
        assert touched(Tickets, [], [ticket("1", "2024-04-01T03:59")], zone="America/New_York") == ["2024-03"]

    def test_the_first_date_that_is_there_dates_the_row(self):
        review = {"activity_id": "1", "account_id": "a", "kind": "review"}
        due = {**review, "due_on": day("2024-02-01"), "held_on": day("2024-05-01")}
        assert touched(CsmActivities, [], [due]) == ["2024-02"]
        assert touched(CsmActivities, [], [{**due, "due_on": None}]) == ["2024-05"]

    def test_rows_without_a_date_touch_every_month_of_who_reads_everything_and_no_month_of_others(self):
        """A window of months is not given them either."""
        link = {"source": "stripe", "source_account_id": "cus_1", "account_id": "a"}
        assert touched(AccountLinks, [], [link], window=Whole()) == EVERY
        assert touched(AccountLinks, [link], [{**link, "account_id": "b"}], window=Whole()) == EVERY
        undated = {"activity_id": "1", "account_id": "a", "kind": "review"}
        changed = {**undated, "rating": "red"}
        assert touched(CsmActivities, [undated], [changed], window=Whole()) == EVERY
        assert touched(CsmActivities, [undated], [changed]) == []
        assert touched(CsmActivities, [undated], [changed], window=SO_FAR) == []

    def test_what_happens_to_an_event_later_touches_its_month_on_its_own_day_alone(self):
        """An invoice of March that is paid on 20 April is open until then, and its due day is known ahead."""
        paid = invoice("2024-03-10", due_on=day("2024-05-31"), paid_on=day("2024-04-20"))
        assert touched_as_days_pass(Invoices, paid, "2024-03-09", "2024-03-10") == ["2024-03"]
        assert touched_as_days_pass(Invoices, paid, "2024-03-10", "2024-04-19") == []
        assert touched_as_days_pass(Invoices, paid, "2024-04-19", "2024-04-20") == ["2024-03"]
        assert touched_as_days_pass(Invoices, paid, "2024-04-20", "2024-06-21") == []

    def test_what_is_told_with_a_day_touches_the_month_of_the_event_on_that_day(self):
        answer = {"response_id": "r", "account_id": "a", "kind": "nps", "sent_at": at("2024-03-10T12:00")}
        silent = {**answer, "responded_at": at("2024-04-05T12:00")}
        said = {**silent, "score": 9.0, "comment": "good"}
        assert touched(SurveyResponses, [silent], [said], as_of=day("2024-04-04")) == []
        assert touched(SurveyResponses, [silent], [said], as_of=day("2024-04-05")) == ["2024-03"]

    def test_a_day_begins_where_the_company_reports(self):
        solved = ticket("1", "2024-03-01T10:00", last_solved_at=at("2024-03-31T22:30"))
        assert touched_as_days_pass(Tickets, solved, "2024-03-30", "2024-03-31") == ["2024-03"]
        assert touched_as_days_pass(Tickets, solved, "2024-03-31", "2024-04-30") == []
        assert touched_as_days_pass(Tickets, solved, "2024-03-30", "2024-03-31", "Europe/Berlin") == []
        assert touched_as_days_pass(Tickets, solved, "2024-03-31", "2024-04-01", "Europe/Berlin") == ["2024-03"]

    @pytest.mark.parametrize(
        ("window", "months"),
        [
            (THE_MONTH, ["2024-03"]),
            (Months(back=2), ["2024-03", "2024-04", "2024-05"]),
            (Months(back=12), EVERY[2:]),
            (SO_FAR, EVERY[2:]),
            (Months(ahead=1), ["2024-02", "2024-03"]),
            (Months(back=1, ahead=1), ["2024-02", "2024-03", "2024-04"]),
            (Months(back=ALL, ahead=1), EVERY[1:]),
            (Whole(), EVERY),
            (Months(by="last_solved_at"), []),
        ],
        ids=str,
    )
    def test_a_window_widens_what_is_touched(self, window, months):
        changed = {**self.march, "topic": "x"}
        assert touched(Tickets, [self.january, self.march], [self.january, changed], window=window) == months
        assert touched(Tickets, [self.january], [self.january, self.march], window=window) == months

    @pytest.mark.parametrize(
        ("window", "months"),
        [
            (Months(by="last_solved_at"), ["2024-02"]),
            (Months(ahead=1, by="last_solved_at"), ["2024-01", "2024-02"]),
            (Months(back=ALL, by="last_solved_at"), EVERY[1:]),
        ],
        ids=str,
    )
    def test_a_window_by_a_column_is_touched_in_the_month_that_the_column_names(self, window, months):
        solved = ticket("1", "2024-01-10T10:00", last_solved_at=at("2024-02-29T23:30"))
        changed = {**solved, "topic": "x"}
        assert touched(Tickets, [solved], [changed], window=window) == months
        assert touched(Tickets, [], [solved], window=window) == months

    def test_a_window_of_what_was_filed_shows_earlier_rows_to_the_first_month_that_is_built(self):
        earlier = ticket("1", "2021-07-10T10:00")
        assert touched(Tickets, [], [earlier], window=FILED) == EVERY[:1]
        assert touched(Tickets, [earlier], [{**earlier, "topic": "x"}], window=FILED) == EVERY[:1]
        assert touched(Tickets, [], [self.march], window=FILED) == ["2024-03"]

    def test_a_window_looks_beyond_the_months_that_are_built(self):
        """A week that ends in January may begin in December."""
        december, july = ticket("1", "2023-12-10T10:00"), ticket("2", "2024-07-10T10:00")
        assert touched(Tickets, [], [december], window=Months(back=2)) == ["2024-01", "2024-02"]
        assert touched(Tickets, [], [december], window=SO_FAR) == EVERY
        assert touched(Tickets, [], [july], as_of=day("2024-07-31"), window=Months(ahead=2)) == ["2024-05", "2024-06"]


class TestHistories:
    start = item("2024-01-15")

    def test_an_item_touches_all_months_from_its_start(self):
        assert touched(SubscriptionItems, [], [item("2024-03-15")]) == EVERY[2:]

    def test_an_end_set_in_june_leaves_the_months_before(self):
        ended = {**self.start, "ended_on": day("2024-06-10")}
        assert touched(SubscriptionItems, [self.start], [ended]) == ["2024-06"]

    def test_an_end_that_moves_touches_the_months_from_the_earlier(self):
        early, late = (
            {**self.start, "ended_on": day("2024-03-31")},
            {**self.start, "ended_on": day("2024-05-01")},
        )
        assert touched(SubscriptionItems, [early], [late]) == EVERY[2:]
        assert touched(SubscriptionItems, [late], [early]) == EVERY[2:]

    @pytest.mark.parametrize(
        "name",
        ["discount_ends_on", "ended_on", "cancel_requested_on", "term_ends_on", "paused_from", "paused_until"],
    )
    def test_each_dated_column_is_seen_from_its_own_day(self, name):
        assert touched(SubscriptionItems, [self.start], [{**self.start, name: day("2024-04-30")}]) == EVERY[3:]

    @pytest.mark.parametrize("name", ["trial_started_on", "trial_ends_on"])
    def test_that_a_trial_has_a_date_is_seen_from_the_start_and_which_one_from_its_day(self, name):
        """An item without the dates of its trial is another one than an item whose trial is to come."""
        dated = {**self.start, name: day("2024-04-30")}
        assert touched(SubscriptionItems, [self.start], [dated]) == EVERY
        assert touched(SubscriptionItems, [dated], [{**dated, name: day("2024-05-31")}]) == EVERY[3:]
        far, farther = ({**self.start, name: day(text)} for text in ("2024-07-01", "2025-01-01"))
        assert touched(SubscriptionItems, [far], [farther]) == []

    def test_a_date_that_moves_to_another_column_is_a_change(self):
        term = {**self.start, "term_ends_on": day("2024-06-10")}
        ended = {**self.start, "ended_on": day("2024-06-10")}
        assert touched(SubscriptionItems, [term], [ended]) == ["2024-06"]

    def test_a_date_of_one_item_that_moves_to_another_is_a_change(self):
        one, other = {**self.start, "item_id": "1"}, {**self.start, "item_id": "2"}
        end = {"ended_on": day("2024-06-10")}
        assert touched(SubscriptionItems, [{**one, **end}, other], [one, {**other, **end}]) == ["2024-06"]

    def test_a_date_before_the_row_is_seen_from_the_row(self):
        asked = {**self.start, "cancel_requested_on": day("2023-11-01")}
        assert touched(SubscriptionItems, [self.start], [asked]) == EVERY
        version = {**self.start, "valid_from": day("2024-04-01")}
        asked = {**version, "cancel_requested_on": day("2024-02-01")}
        assert touched(SubscriptionItems, [version], [asked]) == EVERY[3:]

    def test_a_new_version_touches_the_months_from_its_first_day(self):
        first = {**self.start, "valid_from": day("2024-01-15")}
        second = {**first, "valid_from": day("2024-05-20"), "unit_amount": 200}
        assert touched(SubscriptionItems, [first], [first, second]) == EVERY[4:]

    def test_an_end_that_a_later_version_tells_is_seen_from_its_own_day(self):
        """Told in May for the end of March; who asks what each version told sees it in May."""
        first = {**self.start, "valid_from": day("2024-01-15")}
        second = {**first, "valid_from": day("2024-05-20")}
        ended = {**second, "ended_on": day("2024-03-28")}
        assert touched(SubscriptionItems, [first, second], [first, ended]) == EVERY[2:]
        assert touched(SubscriptionItems, [first, second], [first, ended], window=History(as_told=True)) == EVERY[4:]

    def test_an_end_that_a_version_after_as_of_tells_is_not_seen(self):
        first = {**self.start, "valid_from": day("2024-01-15")}
        ended = {**first, "valid_from": day("2024-05-20"), "ended_on": day("2024-03-28")}
        assert touched(SubscriptionItems, [first], [first, ended], as_of=day("2024-05-19")) == []

    def test_a_price_restated_touches_the_months_from_its_version(self):
        first = {**self.start, "valid_from": day("2024-01-15")}
        second = {**first, "valid_from": day("2024-05-20")}
        assert touched(SubscriptionItems, [first, second], [first, {**second, "unit_amount": 9}]) == EVERY[4:]
        assert touched(SubscriptionItems, [first, second], [{**first, "unit_amount": 9}, second]) == EVERY

    def test_what_began_before_the_first_month_touches_every_month(self):
        assert touched(SubscriptionItems, [], [item("2020-01-01")]) == EVERY

    def test_what_is_to_come_after_as_of_is_not_seen_yet_but_for_what_is_planned(self):
        asked = {**self.start, "cancel_requested_on": day("2024-06-10")}
        assert touched(SubscriptionItems, [self.start], [asked], as_of=day("2024-06-09")) == []
        assert touched(SubscriptionItems, [self.start], [asked], as_of=day("2024-06-10")) == ["2024-06"]
        assert touched(SubscriptionItems, [], [item("2024-06-10")], as_of=day("2024-06-09")) == []
        planned = {**self.start, "ended_on": day("2024-06-10")}
        assert touched(SubscriptionItems, [self.start], [planned], as_of=day("2024-06-09")) == ["2024-06"]
        assert touched(SubscriptionItems, [self.start], [planned], as_of=day("2024-06-10")) == ["2024-06"]

    def test_nothing_of_them_is_seen_later_than_its_month(self):
        asked = {**self.start, "cancel_requested_on": day("2024-03-20"), "ended_on": day("2024-05-10")}
        assert touched_as_days_pass(SubscriptionItems, asked, "2024-03-19", "2024-03-20") == EVERY[2:]
        assert touched_as_days_pass(SubscriptionItems, asked, "2024-03-20", "2024-06-30") == []

    @pytest.mark.parametrize(
        ("window", "begun", "happened", "planned"),
        [
            (History(), EVERY[3:], EVERY[3:], EVERY[3:]),
            (History(ahead=2), EVERY[1:], EVERY[1:], EVERY[1:]),
            (History(plans=2), EVERY[3:], EVERY[3:], EVERY[1:]),
            (History(ahead=1, plans=1), EVERY[2:], EVERY[2:], EVERY[1:]),
            (Whole(), EVERY, EVERY, EVERY),
        ],
        ids=str,
    )
    def test_a_window_may_look_further_ahead_of_all_or_of_plans_alone(self, window, begun, happened, planned):
        april = day("2024-04-30")
        assert touched(SubscriptionItems, [], [item("2024-04-30")], window=window) == begun
        asked, ended = {**self.start, "cancel_requested_on": april}, {**self.start, "ended_on": april}
        assert touched(SubscriptionItems, [self.start], [asked], window=window) == happened
        assert touched(SubscriptionItems, [self.start], [ended], window=window) == planned

    def test_accounts_without_versions_touch_every_month(self):
        account = {"account_id": "a", "industry": "x"}
        assert touched(Accounts, [account], [{**account, "industry": "y"}]) == EVERY
        version = {**account, "known_from": day("2024-04-10"), "industry": "z"}
        assert touched(Accounts, [account], [account, version]) == EVERY[3:]

    def test_a_version_of_an_account_touches_the_months_from_its_first_day(self):
        first = {"account_id": "a", "industry": "x", "speaks_from": day("2023-05-01")}
        second = {**first, "industry": "y", "speaks_from": day("2024-04-10")}
        assert touched(AccountVersion, [first], [first, second]) == EVERY[3:]
        assert touched(AccountVersion, [first, second], [{**first, "region": "z"}, second]) == EVERY

    def test_dim_account_is_followed_in_what_months_read_of_it(self):
        """Not in its number, which no month reads of it, nor in its attributes, which have versions."""
        account = {"account_id": "a", "account_key": 1, "is_in_crm": True, "first_seen_on": day("2024-02-10")}
        assert touched(DimAccount, [], [account]) == EVERY[1:]
        assert touched(DimAccount, [account], [{**account, "account_name": "New", "industry": "y"}]) == []
        assert touched(DimAccount, [account], [{**account, "account_key": 2, "is_in_crm": False}]) == []
        assert touched(DimAccount, [account], [{**account, "first_paid_on": day("2024-04-05")}]) == EVERY[3:]
        valued = {**account, "value_on": day("2024-04-05"), "value_month": day("2024-04-01"), "ttv_days": 9}
        assert touched(DimAccount, [account], [valued]) == EVERY[3:]
        assert touched(DimAccount, [valued], [{**valued, "ttv_days": 8}]) == EVERY[3:]


tickets = st.lists(
    st.builds(
        lambda number, when, topic: ticket(str(number), f"{when}T12:00", topic=topic),
        st.integers(0, 5),
        st.dates(dt.date(2023, 12, 1), dt.date(2024, 7, 31)),
        st.sampled_from([None, "x", "y"]),
    ),
    max_size=8,
)
a_day = st.dates(dt.date(2023, 12, 1), dt.date(2024, 7, 31))
perhaps_a_day = st.none() | a_day


def perhaps_an_item(number: int) -> st.SearchStrategy[dict[str, Any] | None]:
    return st.none() | st.builds(
        lambda start, end, asked, trial: item(
            str(start), item_id=str(number), ended_on=end, cancel_requested_on=asked, trial_ends_on=trial
        ),
        a_day,
        perhaps_a_day,
        perhaps_a_day,
        perhaps_a_day,
    )


items = st.tuples(*map(perhaps_an_item, range(4))).map(lambda made: [row for row in made if row is not None])
WINDOWS: dict[type[Contract], list[Window]] = {
    Tickets: [
        THE_MONTH, SO_FAR, Months(back=2), Months(ahead=1), Months(back=1, ahead=2), Months(ALL, ahead=1), Whole(),
    ],
    SubscriptionItems: [
        History(), History(ahead=1), History(plans=2), History(as_told=True), History(ahead=2, plans=1), Whole(),
    ],
}  # fmt: skip

reads = st.sampled_from([(contract, window) for contract, windows in WINDOWS.items() for window in windows])


class TestOrder:
    @settings(max_examples=40, deadline=None)
    @given(read=reads, events=tickets, history=items, order=st.randoms(use_true_random=False))
    def test_the_order_of_rows_is_nothing(self, read, events, history, order):
        contract, window = read
        given_rows = events if contract is Tickets else history
        shuffled = list(given_rows)
        order.shuffle(shuffled)
        assert touched(contract, given_rows, shuffled, window=window) == []

    @settings(max_examples=40, deadline=None)
    @given(events=tickets, changed=tickets)
    def test_events_touch_just_the_months_whose_rows_differ(self, events, changed):
        def of_month(given_rows: list[dict[str, Any]], when: str) -> list[str]:
            return sorted(str(row) for row in given_rows if f"{row['created_at']:%Y-%m}" == when)

        differ = [when for when in EVERY if of_month(events, when) != of_month(changed, when)]
        assert touched(Tickets, events, changed) == differ

    @settings(max_examples=40, deadline=None)
    @given(history=items, changed=items)
    def test_histories_touch_all_months_from_the_first_that_knows_of_the_change(self, history, changed):
        def known(given_rows: list[dict[str, Any]], last: dt.date) -> list[str]:
            """What of the rows is known by a day."""
            facts = []
            for row in given_rows:
                key = (row["item_id"], row["started_on"])
                if row["started_on"] <= last:
                    facts.append(str(key))
                    facts += [
                        f"{key} {name} {row[name]}"
                        for name in ("ended_on", "cancel_requested_on")
                        if row[name] and row[name] <= last
                    ]
                    if (end := row["trial_ends_on"]) is not None:
                        facts.append(f"{key} a trial until {end if end <= last else 'later'}")
            return sorted(facts)

        ends = {f"{m:%Y-%m}": (m + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1) for m in HALF_YEAR}
        differ = [when for when in EVERY if known(history, ends[when]) != known(changed, ends[when])]
        assert touched(SubscriptionItems, history, changed) == differ

    @settings(max_examples=60, deadline=None)
    @given(read=reads, events=st.tuples(tickets, tickets), history=st.tuples(items, items))
    def test_a_month_is_touched_just_where_the_rows_that_it_is_given_differ(self, read, events, history):
        contract, window = read
        before, others = events if contract is Tickets else history
        after = [*before[1:], *others[:1]]

        def given_to(given_rows: list[dict[str, Any]], m: dt.date) -> list[str]:
            known = seen_on(rows(contract, *given_rows), contract, END, "UTC")
            # Of two versions of one item the last tells its end.
            seen = known if is_as_told(window) else held(known, contract)
            return sorted(map(str, visible(seen, contract, window, (m, m), settings_of("UTC")).rows()))

        differ = [f"{m:%Y-%m}" for m in HALF_YEAR if given_to(before, m) != given_to(after, m)]
        assert touched(contract, before, after, window=window) == differ

    def test_the_months_may_be_asked_for_in_any_order(self):
        frame = rows(SubscriptionItems, item("2023-05-01"), item("2024-02-10", item_id="2"))
        forward = fingerprints(SubscriptionItems, frame)
        assert fingerprints(SubscriptionItems, frame, months=HALF_YEAR[::-1]) == forward
        assert len(forward) == 6

    def test_the_first_month_asked_for_does_not_change_the_later_ones(self):
        for contract, given_rows in (
            (SubscriptionItems, [item("2023-05-01"), item("2024-02-10", item_id="2")]),
            (Tickets, [ticket("1", "2024-02-10T10:00"), ticket("2", "2024-05-10T10:00")]),
        ):
            for window in WINDOWS[contract]:
                whole = fingerprints(contract, rows(contract, *given_rows), window=window)
                late = fingerprints(contract, rows(contract, *given_rows), window=window, months=HALF_YEAR[3:])
                assert late == {m: whole[m] for m in HALF_YEAR[3:]}

    def test_without_months_there_is_nothing(self):
        assert recorded(Tickets, rows(Tickets), THE_MONTH, months=[]).is_empty()
        assert recorded(SubscriptionItems, rows(SubscriptionItems, item("2024-01-15")), History(), months=[]).is_empty()

    def test_windows_are_told_side_by_side(self):
        frame = rows(SubscriptionItems, item("2024-01-15"), item("2024-04-15", item_id="2"))
        seen = seen_on(frame, SubscriptionItems, END, "UTC")
        windows = [History(), Whole(), History(ahead=1), History()]
        found = content_rows(seen, SubscriptionItems, windows, HALF_YEAR, settings_of("UTC"))
        assert found.height == 6 + 1 + 6
        alone = [recorded(SubscriptionItems, frame, window) for window in windows[:3]]
        assert found.equals(pl.concat(alone))
        assert found.select("table_name", "reach", "month").is_unique().all()

    def test_another_process_finds_the_same(self):
        script = (
            "from tests.pipelines.test_content import *\n"
            "print(sorted(fingerprints(SubscriptionItems, rows(SubscriptionItems, TestHistories.start)).values()))\n"
            "print(sorted(fingerprints(Tickets, rows(Tickets, TestEvents.march)).values()))\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "7", "POLARS_MAX_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        here = [
            sorted(fingerprints(SubscriptionItems, rows(SubscriptionItems, TestHistories.start)).values()),
            sorted(fingerprints(Tickets, rows(Tickets, TestEvents.march)).values()),
        ]
        assert ran.stdout.splitlines() == [str(found) for found in here]
