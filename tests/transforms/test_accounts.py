"""Accounts as known now, and as known at each month's end."""

from typing import Any

import polars as pl
import pytest

from schemas.billing import FxRates, Invoices, Renewals, SubscriptionItems
from schemas.catalogue import CANONICAL
from schemas.config import Onboarding
from schemas.contract import with_columns
from schemas.customers import AccountLinks, Accounts, DimAccount, DimAccountMonth
from schemas.success import CsmActivities, Milestones
from schemas.support import Tickets
from tests.frames import at, config, day, months, rows
from transforms.facts.accounts import dim_account, dim_account_month, first_seen

NO_SEGMENTS: tuple[str, ...] = ()
EXPORTED = at("2024-06-30T12:00")
STEPS = [
    {"name": "kickoff", "within_days": 7},
    {"name": "first_report", "within_days": 30, "is_value": True},
    {"name": "first_share", "within_days": 60, "is_value": True},
]


def onboarding() -> Onboarding:
    return config(onboarding={"milestones": STEPS}).onboarding


def account(account_id: str = "a", **given: Any) -> dict[str, Any]:
    return {"account_id": account_id, "exported_at": EXPORTED, "export_file": "accounts.csv", **given}


def item(account_id: str = "a", start: str = "2024-02-10", **given: Any) -> dict[str, Any]:
    first = {"subscription_id": account_id, "item_id": "1", "account_id": account_id, "unit_amount": 1000}
    dated = {"started_on": day(start), "valid_from": day(start), "exported_at": EXPORTED}
    return {**first, "currency": "EUR", "interval_unit": "month", **dated, **given}


def seen(zone: str = "UTC", **frames: pl.DataFrame) -> dict[str, Any]:
    return dict(first_seen(frames, CANONICAL, zone).iter_rows())


class TestFirstSeen:
    def test_is_the_earliest_day_of_any_table(self):
        tickets = rows(
            Tickets,
            {"ticket_id": "t", "account_id": "a", "created_at": at("2024-01-20T08:00"), "exported_at": EXPORTED},
        )
        found = seen(
            accounts=rows(Accounts, account(signup_on=day("2024-02-01"))),
            subscription_items=rows(SubscriptionItems, item(start="2024-02-10")),
            tickets=tickets,
        )
        assert found == {"a": day("2024-01-20")}

    def test_is_the_day_of_signing_up_or_of_first_service(self):
        accounts = rows(Accounts, account("a", signup_on=day("2024-02-01")), account("b", signup_on=day("2024-03-01")))
        items = rows(SubscriptionItems, item("a", "2024-02-10"), item("b", "2024-02-10"))
        assert seen(accounts=accounts, subscription_items=items) == {"a": day("2024-02-01"), "b": day("2024-02-10")}

    def test_takes_an_instant_as_its_local_day(self):
        ticket = {"ticket_id": "t", "account_id": "a", "created_at": at("2024-01-31T23:30"), "exported_at": EXPORTED}
        assert seen("Europe/Berlin", tickets=rows(Tickets, ticket)) == {"a": day("2024-02-01")}

    def test_takes_the_beginning_of_a_term_not_its_due_day(self):
        term = {"renewal_id": "r", "account_id": "a", "exported_at": EXPORTED}
        days = {"term_started_on": day("2023-05-01"), "term_ended_on": day("2024-05-01")}
        assert seen(renewals=rows(Renewals, {**term, **days})) == {"a": day("2023-05-01")}

    def test_counts_a_planned_day_only_if_it_had_come_when_exported(self):
        review = {"account_id": "a", "kind": "review", "exported_at": EXPORTED}
        planned = {**review, "activity_id": "1", "due_on": day("2024-07-15")}
        held = {**review, "activity_id": "2", "held_on": day("2024-06-20")}
        missed = {**review, "activity_id": "3", "due_on": day("2024-06-10")}
        today = {**review, "activity_id": "4", "account_id": "b", "due_on": day("2024-06-30")}
        assert seen(csm_activities=rows(CsmActivities, planned, held)) == {"a": day("2024-06-20")}
        assert seen(csm_activities=rows(CsmActivities, planned, held, missed)) == {"a": day("2024-06-10")}
        assert seen(csm_activities=rows(CsmActivities, today)) == {"b": day("2024-06-30")}

    def test_is_the_day_of_the_export_where_everything_is_planned(self):
        review = {"activity_id": "1", "account_id": "a", "kind": "review", "due_on": day("2024-07-15")}
        exported = rows(CsmActivities, {**review, "exported_at": EXPORTED})
        assert seen(csm_activities=exported) == {"a": day("2024-06-30")}
        earlier = rows(Accounts, account(exported_at=at("2024-06-01T09:00")))
        assert seen(accounts=earlier, csm_activities=exported) == {"a": day("2024-06-01")}

    def test_takes_what_happened_even_after_the_file_claims_to_be_written(self):
        ticket = {"ticket_id": "t", "account_id": "a", "created_at": at("2024-02-01T09:00")}
        assert seen(tickets=rows(Tickets, {**ticket, "exported_at": at("1980-01-01T00:00")})) == {
            "a": day("2024-02-01")
        }

    def test_knows_that_a_payment_may_come_before_its_invoice(self):
        invoice = {"invoice_id": "i", "account_id": "a", "issued_on": day("2024-05-02"), "exported_at": EXPORTED}
        assert seen(invoices=rows(Invoices, {**invoice, "paid_on": day("2024-04-29")})) == {"a": day("2024-04-29")}

    def test_takes_the_earliest_export_of_an_account_without_any_day(self):
        again = account(exported_at=at("2024-05-31T23:00"))
        assert seen("Europe/Berlin", accounts=rows(Accounts, account(), again)) == {"a": day("2024-06-01")}

    def test_does_not_take_a_link_for_a_sign_of_life(self):
        link = {"source": "billing", "source_account_id": "cus_1", "account_id": "a", "exported_at": EXPORTED}
        assert seen(account_links=rows(AccountLinks, link), accounts=rows(Accounts)) == {}

    def test_survives_having_no_tables(self):
        assert first_seen({}, CANONICAL, "UTC").is_empty()
        assert first_seen({name: contract.blank() for name, contract in CANONICAL.items()}, CANONICAL, "UTC").is_empty()


def accounts_now(
    accounts: pl.DataFrame,
    items: pl.DataFrame | None = None,
    milestones: pl.DataFrame | None = None,
    segments: tuple[str, ...] = NO_SEGMENTS,
) -> pl.DataFrame:
    items = rows(SubscriptionItems) if items is None else items
    milestones = rows(Milestones) if milestones is None else milestones
    frames = {"accounts": accounts, "subscription_items": items, "milestones": milestones}
    first = first_seen(frames, CANONICAL, "UTC")
    keys = first.select("account_id", account_key=pl.int_range(1, pl.len() + 1, dtype=pl.Int32))
    return dim_account(
        first, keys, accounts, items, milestones, rows(FxRates), onboarding(), segments, day("2024-06-30"), "EUR"
    )


def reached(milestone: str, on: str, account_id: str = "a") -> dict[str, Any]:
    return {"account_id": account_id, "milestone": milestone, "reached_on": day(on), "exported_at": EXPORTED}


class TestDimAccount:
    def test_has_the_attributes_of_the_latest_version(self):
        old = account(account_name="Old", known_from=day("2023-01-01"), signup_on=day("2023-01-01"))
        new = account(account_name="New", known_from=day("2024-05-01"), signup_on=day("2023-01-01"))
        for versions in (rows(Accounts, old, new), rows(Accounts, new, old)):
            assert accounts_now(versions).select("account_name", "is_in_crm", "first_seen_on").rows() == [
                ("New", True, day("2023-01-01"))
            ]

    def test_takes_the_later_export_of_two_versions_of_one_day(self):
        first = account(account_name="First", known_from=day("2024-05-01"))
        second = account(account_name="Second", known_from=day("2024-05-01"), exported_at=at("2024-07-01T00:00"))
        assert accounts_now(rows(Accounts, second, first))["account_name"].to_list() == ["Second"]

    def test_keeps_an_account_that_the_crm_does_not_know_without_a_name(self):
        found = accounts_now(rows(Accounts, account(signup_on=day("2024-01-01"))), rows(SubscriptionItems, item("s:9")))
        columns = ["account_id", "account_key", "account_name", "is_in_crm", "first_seen_on", "first_paid_on"]
        assert found.select(columns).rows() == [
            ("a", 1, None, True, day("2024-01-01"), None),
            ("s:9", 2, None, False, day("2024-02-10"), day("2024-02-10")),
        ]

    def test_has_unknown_only_if_a_row_names_no_account(self):
        named = accounts_now(rows(Accounts, account()))
        assert "(unknown)" not in named["account_id"]
        unnamed = accounts_now(rows(Accounts, account()), rows(SubscriptionItems, item("(unknown)")))
        assert unnamed.filter(pl.col("account_id") == "(unknown)").select("account_name", "is_in_crm").rows() == [
            (None, False)
        ]
        assert "(company)" not in unnamed["account_id"]

    def test_adds_a_column_for_a_segment_that_only_the_config_knows(self):
        given = with_columns(Accounts, ["tier"], "{name}")
        found = accounts_now(rows(given, account(tier="gold")), segments=("industry", "tier"))
        assert found.columns == [*DimAccount.dtypes(), "tier"]
        assert found["tier"].to_list() == ["gold"]
        assert accounts_now(rows(Accounts, account()), segments=("tier",))["tier"].to_list() == [None]

    @pytest.mark.parametrize(
        ("on", "value"),
        [
            ("2024-01-05", (day("2024-02-10"), day("2024-02-01"), 0)),  # before paying: 0 days, in the first paid month
            ("2024-02-10", (day("2024-02-10"), day("2024-02-01"), 0)),
            ("2024-03-01", (day("2024-03-01"), day("2024-03-01"), 20)),
        ],
    )
    def test_counts_value_from_the_first_paying_day(self, on, value):
        found = accounts_now(
            rows(Accounts), rows(SubscriptionItems, item()), rows(Milestones, reached("first_share", on))
        )
        assert found.select("value_on", "value_month", "ttv_days").rows() == [value]

    def test_takes_the_first_milestone_that_stands_for_value(self):
        milestones = rows(
            Milestones,
            reached("first_share", "2024-03-20"),
            reached("first_report", "2024-03-11"),
            reached("kickoff", "2024-02-11"),
        )
        found = accounts_now(rows(Accounts), rows(SubscriptionItems, item()), milestones)
        assert found.select("value_on", "ttv_days").rows() == [(day("2024-03-11"), 30)]

    def test_knows_no_value_without_payment_nor_without_a_value_milestone(self):
        milestones = rows(Milestones, reached("kickoff", "2024-03-01"), reached("first_share", "2024-03-01", "b"))
        found = accounts_now(rows(Accounts, account("b")), rows(SubscriptionItems, item()), milestones)
        assert found.select("account_id", "value_on", "value_month", "ttv_days").rows() == [
            ("a", None, None, None),
            ("b", None, None, None),
        ]

    def test_shows_an_account_without_a_key_rather_than_losing_it(self):
        first = pl.DataFrame({"account_id": ["a"], "first_seen_on": [day("2024-01-01")]})
        keys = pl.DataFrame(schema={"account_id": pl.String, "account_key": pl.Int32})
        blank = (rows(Accounts), rows(SubscriptionItems), rows(Milestones), rows(FxRates))
        found = dim_account(first, keys, *blank, onboarding(), NO_SEGMENTS, day("2024-06-30"), "EUR")
        assert found.select("account_id", "account_key").rows() == [("a", None)]

    def test_survives_empty_inputs(self):
        assert accounts_now(rows(Accounts)).schema == DimAccount.blank().schema


def by_month(
    accounts: pl.DataFrame,
    calendar: pl.DataFrame,
    items: pl.DataFrame | None = None,
    segments: tuple[str, ...] = ("industry",),
) -> pl.DataFrame:
    return dim_account_month(accounts, accounts_now(accounts, items, segments=segments), calendar, segments)


class TestDimAccountMonth:
    def test_begins_in_the_month_an_account_is_first_seen(self):
        accounts = rows(Accounts, account("a", signup_on=day("2024-02-29")), account("b", signup_on=day("2024-03-01")))
        found = by_month(accounts, months("2024-01", "2024-03"))
        assert found.select("month", "account_id", "account_key").rows() == [
            (day("2024-02-01"), "a", 1),
            (day("2024-03-01"), "a", 1),
            (day("2024-03-01"), "b", 2),
        ]

    def test_leaves_out_who_comes_after_the_last_day_of_an_open_month(self):
        accounts = rows(Accounts, account("a", signup_on=day("2024-02-10")), account("b", signup_on=day("2024-02-11")))
        found = by_month(accounts, months("2024-02", "2024-02", as_of="2024-02-10"))
        assert found["account_id"].to_list() == ["a"]

    def test_slices_by_what_was_known_at_month_end(self):
        versions = [
            account(industry="Retail", signup_on=day("2023-01-01"), known_from=day("2024-02-01")),
            account(industry="Media", signup_on=day("2023-01-01"), known_from=day("2024-03-31")),
            account(industry="Energy", signup_on=day("2023-01-01"), known_from=day("2024-05-01")),
            account(industry="Water", signup_on=day("2023-01-01"), known_from=day("2024-05-20"), export_line=3),
            account(industry="Earth", signup_on=day("2023-01-01"), known_from=day("2024-05-20"), export_line=2),
        ]
        expected = ["Retail", "Retail", "Media", "Media", "Water"]  # January: before the first, the earliest
        calendar = months("2024-01", "2024-05")
        for shuffled in (versions, versions[::-1], [versions[n] for n in (4, 2, 0, 3, 1)]):
            assert by_month(rows(Accounts, *shuffled), calendar)["industry"].to_list() == expected

    def test_takes_a_version_without_a_day_as_known_from_the_beginning(self):
        versions = rows(
            Accounts,
            account(industry="Media", known_from=day("2024-02-15"), signup_on=day("2024-01-10")),
            account(industry="Retail"),
        )
        assert by_month(versions, months("2024-01", "2024-02"))["industry"].to_list() == ["Retail", "Media"]

    def test_says_unknown_where_a_segment_has_no_value_and_leaves_other_columns_empty(self):
        accounts = rows(Accounts, account(signup_on=day("2024-01-01")))
        found = by_month(accounts, months("2024-01", "2024-01"), rows(SubscriptionItems, item("s:9", "2024-01-02")))
        assert found.select("account_id", "industry", "region").rows() == [
            ("a", "(unknown)", None),
            ("s:9", "(unknown)", None),
        ]

    def test_has_segments_that_only_the_config_knows(self):
        given = with_columns(Accounts, ["tier"], "{name}")
        accounts = rows(given, account("a", signup_on=day("2024-01-01"), tier="gold"), account("b"))
        found = by_month(accounts, months("2024-06", "2024-06"), segments=("tier",))
        assert found.columns == [*DimAccountMonth.dtypes(), "tier"]
        assert found["tier"].to_list() == ["gold", "(unknown)"]
        missing = by_month(rows(Accounts, account("a")), months("2024-06", "2024-06"), segments=("tier",))
        assert missing["tier"].to_list() == ["(unknown)"]

    def test_tells_the_first_paying_day_from_its_month_on(self):
        accounts = rows(Accounts, account(signup_on=day("2024-01-15")))
        found = by_month(accounts, months("2024-01", "2024-03"), rows(SubscriptionItems, item(start="2024-02-29")))
        assert found["first_paid_on"].to_list() == [None, day("2024-02-29"), day("2024-02-29")]

    def test_survives_empty_inputs(self):
        blank = by_month(rows(Accounts), months("2024-01", "2024-02"))
        assert blank.schema == DimAccountMonth.blank().schema
        assert blank.is_empty()
        accounts = rows(Accounts, account(signup_on=day("2024-01-01")))
        assert by_month(accounts, months("2024-01", "2024-01").clear()).is_empty()
