"""What each month is made from: a change touches the months that look at it, and no other."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.billing import Invoices, SubscriptionItems
from schemas.contract import Contract
from schemas.customers import AccountLinks, Accounts, DimAccount
from schemas.operations import Build, ContentMonth
from schemas.success import CsmActivities
from schemas.support import Tickets
from tests.frames import at, day, rows
from warehouse import lineage
from warehouse.lineage import (
    ALL,
    Input,
    Node,
    build_rows,
    code_fingerprint,
    content_months,
    digest,
    expected_builds,
    stale_builds,
)

ROOT = Path(__file__).resolve().parents[2]


def month(text: str) -> dt.date:
    """2024-05 as its first day."""
    return day(f"{text}-01")


HALF_YEAR = [month(f"2024-{number:02}") for number in range(1, 7)]
END = day("2024-06-30")


def fingerprints(
    contract: type[Contract], frame: pl.DataFrame, as_of: dt.date = END, zone: str = "UTC"
) -> dict[dt.date, str]:
    found = content_months(frame, contract, HALF_YEAR, as_of, zone)
    assert found.schema == pl.Schema(ContentMonth.dtypes())
    assert found["month"].to_list() == HALF_YEAR
    assert set(found["table_name"]) == {contract.table()}
    return dict(found.select("month", "fingerprint").rows())


def seen_until(contract: type[Contract], frame: pl.DataFrame, zone: str = "UTC") -> dict[str, dt.date]:
    found = content_months(frame, contract, HALF_YEAR, END, zone).drop_nulls("seen_until")
    return {f"{m:%Y-%m}": until for m, until in found.select("month", "seen_until").rows()}


def touched(
    contract: type[Contract],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
    as_of: dt.date = END,
    zone: str = "UTC",
) -> list[str]:
    """The months in which the change from some rows to others is seen."""
    old = fingerprints(contract, rows(contract, *before), as_of, zone)
    new = fingerprints(contract, rows(contract, *after), as_of, zone)
    return [f"{m:%Y-%m}" for m in HALF_YEAR if old[m] != new[m]]


EVERY = [f"{m:%Y-%m}" for m in HALF_YEAR]


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
        moved = {"export_file": "other.csv", "export_line": 9, "exported_at": at("2024-06-01"), "export_source": "x"}
        assert touched(Tickets, [self.march], [{**self.march, **moved}]) == []

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

    def test_rows_without_a_date_touch_every_month(self):
        link = {"source": "stripe", "source_account_id": "cus_1", "account_id": "a"}
        assert touched(AccountLinks, [], [link]) == EVERY
        assert touched(AccountLinks, [link], [{**link, "account_id": "b"}]) == EVERY
        undated = {"activity_id": "1", "account_id": "a", "kind": "review"}
        assert touched(CsmActivities, [undated], [{**undated, "rating": "red"}]) == EVERY

    def test_are_seen_until_the_last_day_on_which_something_happened(self):
        paid = invoice("2024-03-10", due_on=day("2024-05-31"), paid_on=day("2024-04-20"))
        assert seen_until(Invoices, rows(Invoices, paid)) == {"2024-03": day("2024-04-20")}
        assert seen_until(Invoices, rows(Invoices, invoice("2024-03-10"))) == {"2024-03": day("2024-03-10")}
        two = [paid, invoice("2024-03-25", invoice_id="j")]
        assert seen_until(Invoices, rows(Invoices, *two)) == {"2024-03": day("2024-04-20")}

    def test_are_seen_until_a_day_where_the_company_reports(self):
        solved = ticket("1", "2024-03-01T10:00", last_solved_at=at("2024-03-31T22:30"))
        assert seen_until(Tickets, rows(Tickets, solved)) == {"2024-03": day("2024-03-31")}
        assert seen_until(Tickets, rows(Tickets, solved), "Europe/Berlin") == {"2024-03": day("2024-04-01")}


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
        [
            "discount_ends_on",
            "trial_started_on",
            "trial_ends_on",
            "ended_on",
            "cancel_requested_on",
            "term_ends_on",
            "paused_from",
            "paused_until",
        ],
    )
    def test_each_dated_column_is_seen_from_its_own_day(self, name):
        assert touched(SubscriptionItems, [self.start], [{**self.start, name: day("2024-04-30")}]) == EVERY[3:]

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

    def test_a_price_restated_touches_the_months_from_its_version(self):
        first = {**self.start, "valid_from": day("2024-01-15")}
        second = {**first, "valid_from": day("2024-05-20")}
        assert touched(SubscriptionItems, [first, second], [first, {**second, "unit_amount": 9}]) == EVERY[4:]
        assert touched(SubscriptionItems, [first, second], [{**first, "unit_amount": 9}, second]) == EVERY

    def test_what_began_before_the_first_month_touches_every_month(self):
        assert touched(SubscriptionItems, [], [item("2020-01-01")]) == EVERY

    def test_what_is_to_come_after_as_of_is_not_seen_yet(self):
        planned = {**self.start, "ended_on": day("2024-06-10")}
        assert touched(SubscriptionItems, [self.start], [planned], as_of=day("2024-06-09")) == []
        assert touched(SubscriptionItems, [self.start], [planned], as_of=day("2024-06-10")) == ["2024-06"]
        assert touched(SubscriptionItems, [], [item("2024-06-10")], as_of=day("2024-06-09")) == []

    def test_nothing_of_them_is_seen_later_than_its_month(self):
        frame = rows(SubscriptionItems, {**self.start, "cancel_requested_on": day("2024-03-01")})
        assert seen_until(SubscriptionItems, frame) == {}

    def test_accounts_without_versions_touch_every_month(self):
        account = {"account_id": "a", "industry": "x"}
        assert touched(Accounts, [account], [{**account, "industry": "y"}]) == EVERY
        version = {**account, "known_from": day("2024-04-10"), "industry": "z"}
        assert touched(Accounts, [account], [account, version]) == EVERY[3:]

    def test_dim_account_is_followed_in_what_months_read_of_it(self):
        account = {"account_id": "a", "account_key": 1, "is_in_crm": True, "first_seen_on": day("2024-02-10")}
        assert touched(DimAccount, [], [account]) == EVERY[1:]
        assert touched(DimAccount, [account], [{**account, "account_name": "New", "industry": "y"}]) == []
        assert touched(DimAccount, [account], [{**account, "account_key": 2}]) == EVERY[1:]
        assert touched(DimAccount, [account], [{**account, "first_paid_on": day("2024-04-05")}]) == EVERY[3:]


tickets = st.lists(
    st.builds(
        lambda number, when, topic: ticket(str(number), f"{when}T12:00", topic=topic),
        st.integers(0, 5),
        st.dates(dt.date(2023, 12, 1), dt.date(2024, 7, 31)),
        st.sampled_from([None, "x", "y"]),
    ),
    max_size=8,
)
few_days = st.none() | st.dates(dt.date(2023, 12, 1), dt.date(2024, 7, 31))
items = st.lists(
    st.builds(
        lambda number, start, end, asked: item(
            str(start), item_id=str(number), ended_on=end, cancel_requested_on=asked
        ),
        st.integers(0, 3),
        few_days.filter(bool),
        few_days,
        few_days,
    ),
    max_size=4,
    unique_by=lambda row: row["item_id"],
)


class TestOrder:
    @settings(max_examples=40, deadline=None)
    @given(events=tickets, history=items, order=st.randoms(use_true_random=False))
    def test_the_order_of_rows_is_nothing(self, events, history, order):
        for contract, given_rows in ((Tickets, events), (SubscriptionItems, history)):
            shuffled = list(given_rows)
            order.shuffle(shuffled)
            assert touched(contract, given_rows, shuffled) == []

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
            return sorted(facts)

        ends = {f"{m:%Y-%m}": (m + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1) for m in HALF_YEAR}
        differ = [when for when in EVERY if known(history, ends[when]) != known(changed, ends[when])]
        assert touched(SubscriptionItems, history, changed) == differ

    def test_the_months_may_be_asked_for_in_any_order(self):
        frame = rows(SubscriptionItems, item("2023-05-01"), item("2024-02-10", item_id="2"))
        forward = content_months(frame, SubscriptionItems, HALF_YEAR, END, "UTC")
        backward = content_months(frame, SubscriptionItems, HALF_YEAR[::-1], END, "UTC")
        assert forward.sort("month").equals(backward.sort("month"))

    def test_the_first_month_asked_for_does_not_change_the_later_ones(self):
        frame = rows(SubscriptionItems, item("2023-05-01"), item("2024-02-10", item_id="2"))
        late = content_months(frame, SubscriptionItems, HALF_YEAR[3:], END, "UTC")
        assert late.equals(content_months(frame, SubscriptionItems, HALF_YEAR, END, "UTC")[3:])

    def test_without_months_there_is_nothing(self):
        assert content_months(rows(Tickets), Tickets, [], END, "UTC").is_empty()

    def test_another_process_finds_the_same(self):
        script = (
            "from tests.warehouse.test_lineage import *\n"
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


TWO_YEARS = [dt.date(2023 + number // 12, number % 12 + 1, 1) for number in range(24)]
LONG_AFTER = day("2025-12-31")


def content(**tables: dict[str, str]) -> pl.DataFrame:
    """`content_month` of all two years: each month has the table's name, but those that are named another."""
    return rows(
        ContentMonth,
        *(
            {"table_name": table, "month": m, "fingerprint": changed.get(f"{m:%Y-%m}", table)}
            for table, changed in tables.items()
            for m in TWO_YEARS
        ),
    )


def node(name: str, *inputs: Input, code: str = "code", settings: str = "settings", days: int = 0) -> Node:
    return Node(name, inputs, code, settings, days)


def stale(
    before: tuple[list[Node], pl.DataFrame, dt.date], after: tuple[list[Node], pl.DataFrame, dt.date]
) -> dict[str, list[str]]:
    """Months of each table that are stale after something changed; everything was built before."""
    old, new = (expected_builds(nodes, found, TWO_YEARS, as_of) for nodes, found, as_of in (before, after))
    made = [build_rows(old, name, TWO_YEARS, {}, "r") for name in {name for name, _ in old}]
    out: dict[str, list[str]] = {}
    for entry in stale_builds(new, pl.concat(made), {"events"}):
        out.setdefault(entry.table, []).append(f"{entry.month:%Y-%m}")
    return out


def stale_by_content(*nodes: Node, as_of: dt.date = LONG_AFTER, **changed: dict[str, str]) -> dict[str, list[str]]:
    tables = {"events": {}, "history": {}}
    return stale((list(nodes), content(**tables), as_of), (list(nodes), content(**{**tables, **changed}), as_of))


def span(first: str, last: str) -> list[str]:
    return [f"{m:%Y-%m}" for m in TWO_YEARS if month(first) <= m <= month(last)]


APRIL = {"2023-04": "changed"}


class TestStale:
    def test_nothing_changed_leaves_everything(self):
        assert stale_by_content(node("fact", Input("events"))) == {}

    def test_a_change_touches_the_months_that_read_it(self):
        assert stale_by_content(node("fact", Input("events")), events=APRIL) == {"fact": ["2023-04"]}
        assert stale_by_content(node("fact", Input("history")), events=APRIL) == {}

    @pytest.mark.parametrize(
        ("reads", "months"),
        [
            (Input("events", back=2), ("2023-04", "2023-06")),
            (Input("events", back=12), ("2023-04", "2024-04")),
            (Input("events", back=ALL), ("2023-04", "2024-12")),
            (Input("events", ahead=1), ("2023-03", "2023-04")),
            (Input("events", back=1, ahead=1), ("2023-03", "2023-05")),
            (Input("events", back=ALL, ahead=1), ("2023-03", "2024-12")),
        ],
        ids=str,
    )
    def test_a_look_back_or_ahead_widens_what_is_touched(self, reads, months):
        assert stale_by_content(node("metric", reads), events=APRIL) == {"metric": span(*months)}

    def test_at_the_ends_a_window_is_what_there_is(self):
        reads = Input("events", back=12, ahead=1)
        assert stale_by_content(node("m", reads), events={"2023-01": "x"}) == {"m": span("2023-01", "2024-01")}
        assert stale_by_content(node("m", reads), events={"2024-12": "x"}) == {"m": ["2024-11", "2024-12"]}

    def test_it_passes_on_from_table_to_table(self):
        nodes = (
            node("fact", Input("events")),
            node("metric", Input("fact", back=2)),
            node("derived", Input("metric")),
            node("health", Input("derived", back=1)),
            node("other", Input("history")),
        )
        assert stale_by_content(*nodes, events=APRIL) == {
            "fact": ["2023-04"],
            "metric": span("2023-04", "2023-06"),
            "derived": span("2023-04", "2023-06"),
            "health": span("2023-04", "2023-07"),
        }

    def test_code_and_settings_touch_every_month_of_their_table_and_what_reads_it(self):
        before = [node("fact", Input("events")), node("metric", Input("fact")), node("other", Input("events"))]
        every = span("2023-01", "2024-12")
        told = content(events={})
        for changed in (node("fact", Input("events"), code="new"), node("fact", Input("events"), settings="new")):
            after = [changed, *before[1:]]
            assert stale((before, told, LONG_AFTER), (after, told, LONG_AFTER)) == {"fact": every, "metric": every}

    def test_a_month_that_was_not_there_touches_those_that_look_at_it(self):
        before = content(events={}).filter(pl.col("month") != month("2023-04"))
        nodes = [node("metric", Input("events", back=1))]
        found = stale((nodes, before, LONG_AFTER), (nodes, content(events={}), LONG_AFTER))
        assert found == {"metric": ["2023-04", "2023-05"]}


class TestAsOf:
    def moved(self, before: str, after: str, days: int = 0) -> list[str]:
        nodes, told = [node("fact", Input("events"), days=days)], content(events={})
        return stale((nodes, told, day(before)), (nodes, told, day(after))).get("fact", [])

    def test_within_a_month_touches_that_month_and_those_to_come(self):
        assert self.moved("2024-03-10", "2024-03-11") == span("2024-03", "2024-12")

    def test_leaves_months_that_were_over(self):
        assert self.moved("2024-03-31", "2024-04-01") == span("2024-04", "2024-12")
        assert self.moved("2024-03-30", "2024-04-01") == span("2024-03", "2024-12")

    def test_leaves_everything_once_all_months_are_over(self):
        assert self.moved("2024-12-31", "2025-06-30") == []

    def test_keeps_a_month_open_for_its_provisional_days(self):
        assert self.moved("2024-03-10", "2024-03-11", days=30) == span("2024-02", "2024-12")
        assert self.moved("2024-03-29", "2024-03-30", days=30) == span("2024-02", "2024-12")
        assert self.moved("2024-03-30", "2024-03-31", days=30) == span("2024-03", "2024-12")

    def test_touches_months_whose_events_go_on_after_it(self):
        """An invoice of March that is paid on 20 April is seen in part until then."""
        nodes = [node("fact", Input("events"))]
        told = content(events={}).with_columns(
            seen_until=pl.when(pl.col("month") == month("2024-03")).then(pl.lit(day("2024-04-20")))
        )

        def march(before: str, after: str) -> bool:
            return "2024-03" in stale((nodes, told, day(before)), (nodes, told, day(after))).get("fact", [])

        assert march("2024-04-10", "2024-04-11")
        assert march("2024-04-19", "2024-04-20")
        assert not march("2024-04-20", "2024-04-21")
        assert not march("2024-05-20", "2024-06-21")


class TestReasons:
    nodes = (node("fact", Input("events")), node("metric", Input("fact")))

    def why(self, nodes: tuple[Node, ...], told: pl.DataFrame, as_of: dt.date = LONG_AFTER) -> dict[str, str]:
        old = expected_builds(self.nodes, content(events={}), TWO_YEARS, LONG_AFTER)
        made = pl.concat([build_rows(old, name, TWO_YEARS, {}, "r") for name in ("fact", "metric")])
        found = stale_builds(expected_builds(nodes, told, TWO_YEARS, as_of), made, {"events"})
        return {entry.table: entry.why for entry in found if entry.month == month("2023-04")}

    def test_what_was_never_built_says_so(self):
        expected = expected_builds(self.nodes, content(events={}), TWO_YEARS, LONG_AFTER)
        found = stale_builds(expected, Build.blank(), {"events"})
        assert {entry.why for entry in found} == {"not built yet"}
        assert len(found) == 48

    def test_changed_rows_are_told_apart_from_what_only_passes_them_on(self):
        assert self.why(self.nodes, content(events=APRIL)) == {"fact": "events changed", "metric": "fact is stale"}

    def test_code_and_config_are_told(self):
        changed = (node("fact", Input("events"), code="new", settings="new"), self.nodes[1])
        assert self.why(changed, content(events={})) == {
            "fact": "its code changed; its part of the config changed",
            "metric": "fact is stale",
        }

    def test_as_of_is_told(self):
        assert self.why(self.nodes, content(events={}), day("2023-04-15")) == {
            "fact": "as_of moved",
            "metric": "as_of moved; fact is stale",
        }

    def test_an_input_more_is_told(self):
        wider = (node("fact", Input("events"), Input("history")), self.nodes[1])
        assert self.why(wider, content(events={}, history={}))["fact"] == "history is stale"


class TestBuildRows:
    def test_tell_what_months_were_made_from_and_how_many_rows_they_have(self):
        expected = expected_builds([node("fact", Input("events"))], content(events={}), TWO_YEARS, LONG_AFTER)
        made = build_rows(expected, "fact", TWO_YEARS[:2], {TWO_YEARS[0]: 7}, "run")
        assert made.select("table_name", "month", "rows", "run_id").rows() == [
            ("fact", TWO_YEARS[0], 7, "run"),
            ("fact", TWO_YEARS[1], 0, "run"),
        ]
        assert [json.loads(told) for told in made["made_from"]] == [expected["fact", m] for m in TWO_YEARS[:2]]
        assert made.schema == pl.Schema(Build.dtypes())

    def test_fingerprints_differ_just_where_what_they_were_made_from_does(self):
        nodes = [node("fact", Input("events"))]
        old, new = (expected_builds(nodes, content(events=c), TWO_YEARS, LONG_AFTER) for c in ({}, APRIL))
        one, other = (build_rows(e, "fact", TWO_YEARS, {}, "r")["fingerprint"].to_list() for e in (old, new))
        assert [m for m, a, b in zip(TWO_YEARS, one, other, strict=True) if a != b] == [month("2023-04")]

    def test_what_was_built_of_it_is_not_stale(self):
        expected = expected_builds([node("fact", Input("events"))], content(events={}), TWO_YEARS, LONG_AFTER)
        made = build_rows(expected, "fact", TWO_YEARS[:20], {}, "r")
        assert [entry.month for entry in stale_builds(expected, made, set())] == TWO_YEARS[20:]


class TestDigest:
    def test_tells_parts_apart(self):
        parts = [
            ("a", "b"),
            ("ab",),
            ("a b",),
            (["a", "b"],),
            ("b", "a"),
            (1,),
            ("1",),
            (None,),
            ("",),
            (),
            ({"a": 1},),
        ]
        assert len({digest(*part) for part in parts}) == len(parts)

    def test_does_not_depend_on_the_order_of_keys(self):
        assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree of modules to take the fingerprints of."""
    files = {
        "transforms/__init__.py": "",
        "transforms/metric.py": "from transforms.calendar import month_of\nfrom schemas import billing\n",
        "transforms/calendar.py": "def month_of(): ...\n",
        "transforms/other.py": "X = 1\n",
        "schemas/__init__.py": "",
        "schemas/billing.py": "from schemas.contract import Contract\n",
        "schemas/contract.py": "import json\n",
        "schemas/support.py": "Y = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(lineage, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """A process asks once for each module; another process asks again."""
    code_fingerprint.cache_clear()
    lineage._closure.cache_clear()


def fingerprint_after(path: Path, text: str, module: str = "transforms.metric") -> tuple[str, str]:
    """The module's fingerprint before and after a file has another text."""
    before = code_fingerprint(module)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    forget()
    return before, code_fingerprint(module)


class TestCodeFingerprint:
    @pytest.mark.parametrize(
        "name", ["transforms/metric.py", "transforms/calendar.py", "schemas/billing.py", "schemas/contract.py"]
    )
    def test_changes_with_the_module_and_what_it_imports_however_far(self, tree, name):
        before, after = fingerprint_after(tree / name, (tree / name).read_text() + "# a comment\n")
        assert before != after

    @pytest.mark.parametrize("name", ["transforms/other.py", "schemas/support.py", "transforms/new.py"])
    def test_does_not_change_with_what_it_does_not_import(self, tree, name):
        before, after = fingerprint_after(tree / name, "X = 2\n")
        assert before == after

    def test_changes_with_polars(self, tree, monkeypatch):
        before = code_fingerprint("transforms.metric")
        monkeypatch.setattr(pl, "__version__", "99.0")
        forget()
        assert code_fingerprint("transforms.metric") != before

    def test_bears_modules_that_import_each_other(self, tree):
        (tree / "transforms/calendar.py").write_text("from transforms.metric import x\n")
        before, after = fingerprint_after(tree / "schemas/contract.py", "import re\n", "transforms.calendar")
        assert before != after

    @pytest.mark.parametrize(
        "line",
        [
            "from transforms.other import X",
            "from transforms import other",
            "from transforms import calendar, other as o",
            "def f():\n    from transforms.other import X\n    return X",
            "import transforms.other",
            "import json, transforms.other as o",
            "from .other import X",
            "from . import other",
        ],
    )
    def test_sees_an_import_in_whatever_way_it_is_written(self, tree, line):
        (tree / "transforms/metric.py").write_text(f"{line}\n")
        before, after = fingerprint_after(tree / "transforms/other.py", "X = 2\n")
        assert before != after

    def test_sees_what_a_package_says_itself(self, tree):
        (tree / "transforms/rules").mkdir()
        (tree / "transforms/rules/__init__.py").write_text("LIMIT = 1\n")
        (tree / "transforms/metric.py").write_text("from transforms.rules import LIMIT\n")
        before, after = fingerprint_after(tree / "transforms/rules/__init__.py", "LIMIT = 2\n")
        assert before != after

    def test_of_a_package_is_that_of_its_init(self, tree):
        before, after = fingerprint_after(tree / "schemas/__init__.py", "Z = 1\n", "schemas")
        assert before != after

    def test_a_fact_of_ours_depends_on_the_contracts(self):
        forget()
        found = {path.relative_to(ROOT).as_posix() for path in lineage._closure("transforms.facts.billing")}
        assert {"transforms/facts/billing.py", "schemas/billing.py", "schemas/contract.py"} <= found
        assert not any(name.startswith(("pipelines/", "tests/")) for name in found)
