"""Accounts as known now, and as known at each month's end."""

from typing import Any

import polars as pl
import pytest

from schemas.billing import FxRates, Invoices, Renewals, SubscriptionItems
from schemas.config import Onboarding
from schemas.contract import with_columns
from schemas.customers import Accounts, AccountVersion, DimAccount, DimAccountMonth
from schemas.success import CsmActivities, Milestones
from schemas.support import Tickets
from schemas.tables import CANONICAL
from tests.frames import at, config, day, months, rows, turns_of
from transforms.clean.snapshots import latest_by_key
from transforms.declaration import parameters
from transforms.facts.accounts import account_version, dim_account, dim_account_month, first_seen
from transforms.facts.mrr_items import item_months
from transforms.facts.service import service_periods

NO_SEGMENTS: tuple[str, ...] = ()
NOTHING = {name: CANONICAL[name].blank() for name in parameters(first_seen) if name in CANONICAL}
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


def staged(*versions: dict[str, Any]) -> pl.DataFrame:
    """The table of accounts as it is staged: of two versions of one day that of the newest export."""
    return latest_by_key(rows(Accounts, *versions), ["account_id", "known_from"])


def item(account_id: str = "a", start: str = "2024-02-10", **given: Any) -> dict[str, Any]:
    first = {"subscription_id": account_id, "item_id": "1", "account_id": account_id, "unit_amount": 1000}
    dated = {"started_on": day(start), "valid_from": day(start), "exported_at": EXPORTED}
    return {**first, "currency": "EUR", "interval_unit": "month", **dated, **given}


def seen(zone: str = "UTC", **frames: pl.DataFrame) -> dict[str, Any]:
    return dict(first_seen(**{**NOTHING, **frames}, time_zone=zone).iter_rows())


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

    def test_takes_a_row_of_any_dated_table_for_a_sign_of_life_but_no_link(self):
        naming = {name for name, known in CANONICAL.items() if "account_id" in known.dtypes() and known.dated_by()}
        assert "account_links" not in naming
        assert naming == CANONICAL.keys() & set(parameters(first_seen))
        for name in naming:
            row = rows(CANONICAL[name], {"account_id": "a", "exported_at": EXPORTED})
            assert seen(**{name: row}) == {"a": day("2024-06-30")}, name

    def test_survives_having_no_rows(self):
        assert seen(**NOTHING) == {}


def first_signs(
    accounts: pl.DataFrame, items: pl.DataFrame | None = None, milestones: pl.DataFrame | None = None
) -> pl.DataFrame:
    """`first_seen` of three tables."""
    given = {"accounts": accounts, "subscription_items": items, "milestones": milestones}
    there = {name: frame for name, frame in given.items() if frame is not None}
    return first_seen(**{**NOTHING, **there}, time_zone="UTC")


def accounts_now(
    accounts: pl.DataFrame,
    items: pl.DataFrame | None = None,
    milestones: pl.DataFrame | None = None,
    segments: tuple[str, ...] = NO_SEGMENTS,
) -> pl.DataFrame:
    first = first_signs(accounts, items, milestones)
    items = rows(SubscriptionItems) if items is None else items
    turns = turns_of(items, rows(FxRates), day("2024-06-30"))
    milestones = rows(Milestones) if milestones is None else milestones
    return dim_account(accounts, first, milestones, items, turns, onboarding(), segments)


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
        assert accounts_now(staged(second, first))["account_name"].to_list() == ["Second"]

    def test_keeps_an_account_that_the_crm_does_not_know_without_a_name(self):
        found = accounts_now(rows(Accounts, account(signup_on=day("2024-01-01"))), rows(SubscriptionItems, item("s:9")))
        columns = ["account_id", "account_name", "is_in_crm", "first_seen_on", "first_paid_on"]
        assert found.select(columns).rows() == [
            ("a", None, True, day("2024-01-01"), None),
            ("s:9", None, False, day("2024-02-10"), day("2024-02-10")),
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
        given = with_columns(Accounts, ("tier",), "{name}")
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

    def test_has_no_history_while_an_item_of_its_is_of_a_source_that_tells_no_versions(self):
        """Versions have a day, as their source tells them or several snapshots show them; a single one gives none."""
        dated = {**item("a"), "valid_from": day("2024-02-10")}
        undated = {**item("b"), "item_id": "only the present", "valid_from": None}
        both = {**item("b"), "item_id": "with versions", "valid_from": day("2024-02-10")}
        found = accounts_now(rows(Accounts, account("c")), rows(SubscriptionItems, dated, undated, both))
        assert found.select("account_id", "has_history").rows() == [("a", True), ("b", False), ("c", True)]

    def test_leaves_the_key_of_an_account_to_the_warehouse(self):
        found = accounts_now(rows(Accounts, account("a"), account("b")))
        assert found.select("account_id", "account_key").rows() == [("a", None), ("b", None)]

    def test_survives_empty_inputs(self):
        assert accounts_now(rows(Accounts)).schema == DimAccount.blank().schema


class TestAccountVersion:
    def spoken(self, *versions: dict[str, Any], items: tuple[dict[str, Any], ...] = ()) -> list[tuple[str, str]]:
        """(first day on which it speaks, industry) of the versions."""
        accounts = rows(Accounts, *versions)
        first = first_signs(accounts, rows(SubscriptionItems, *items))
        found = AccountVersion.validate(account_version(accounts, first, NO_SEGMENTS))
        return [(since.isoformat(), industry) for since, industry in found.select("speaks_from", "industry").rows()]

    def test_the_first_speaks_from_the_first_sign_of_the_account_and_the_others_from_their_day(self):
        first = account(industry="Retail", known_from=day("2024-02-01"))
        later = account(industry="Media", known_from=day("2024-05-01"))
        signed_up = {"signup_on": day("2024-01-10")}
        expected = [("2024-01-10", "Retail"), ("2024-05-01", "Media")]
        assert self.spoken({**first, **signed_up}, {**later, **signed_up}) == expected
        assert self.spoken(later, first, items=(item(start="2024-01-10"),)) == expected
        assert self.spoken(later, {**first, "known_from": None}, items=(item(start="2024-01-10"),)) == expected

    def test_has_a_column_for_a_segment_that_only_the_config_knows(self):
        accounts = rows(with_columns(Accounts, ("tier",), "{name}"), account(tier="gold"))
        found = account_version(accounts, first_signs(accounts), ("industry", "tier"))
        assert found.columns == [*AccountVersion.dtypes(), "tier"]
        assert found["tier"].to_list() == ["gold"]

    def test_survives_empty_inputs(self):
        assert self.spoken() == []


def by_month(
    accounts: pl.DataFrame,
    calendar: pl.DataFrame,
    items: pl.DataFrame | None = None,
    segments: tuple[str, ...] = ("industry",),
) -> pl.DataFrame:
    versions = account_version(accounts, first_signs(accounts, items), segments)
    return in_months(versions, accounts_now(accounts, items, segments=segments), calendar, items, segments)


def in_months(
    versions: pl.DataFrame,
    dimension: pl.DataFrame,
    calendar: pl.DataFrame,
    items: pl.DataFrame | None = None,
    segments: tuple[str, ...] = NO_SEGMENTS,
) -> pl.DataFrame:
    """`dim_account_month`, where all money is in euros."""
    in_service = service_periods(rows(SubscriptionItems) if items is None else items, day("2099-12-31"))
    of_items = item_months(in_service, rows(FxRates), calendar, "EUR")
    return dim_account_month(versions, dimension, of_items, in_service, rows(FxRates), calendar, "EUR", segments)


class TestDimAccountMonth:
    def test_begins_in_the_month_an_account_is_first_seen(self):
        accounts = rows(Accounts, account("a", signup_on=day("2024-02-29")), account("b", signup_on=day("2024-03-01")))
        found = by_month(accounts, months("2024-01", "2024-03"))
        assert found.select("month", "account_id").rows() == [
            (day("2024-02-01"), "a"),
            (day("2024-03-01"), "a"),
            (day("2024-03-01"), "b"),
        ]

    def test_leaves_the_key_of_an_account_to_the_warehouse(self):
        accounts = rows(Accounts, account("a", signup_on=day("2024-02-29")))
        numbered = accounts_now(accounts).with_columns(account_key=pl.lit(1, pl.Int32))
        for dimension in (accounts_now(accounts), numbered):
            versions = account_version(accounts, first_signs(accounts), NO_SEGMENTS)
            found = in_months(versions, dimension, months("2024-02", "2024-03"))
            assert found.select("account_id", "account_key").rows() == [("a", None), ("a", None)]

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
            assert by_month(staged(*shuffled), calendar)["industry"].to_list() == expected

    def test_takes_a_version_without_a_day_as_known_from_the_beginning(self):
        versions = rows(
            Accounts,
            account(industry="Media", known_from=day("2024-02-15"), signup_on=day("2024-01-10")),
            account(industry="Retail"),
        )
        assert by_month(versions, months("2024-01", "2024-02"))["industry"].to_list() == ["Retail", "Media"]

    def test_a_dated_version_follows_one_without_a_day_however_late_the_account_is_first_seen(self):
        # Only the export of 30 June tells of the account, and Media has been its industry since February.
        versions = rows(Accounts, account(industry="Media", known_from=day("2024-02-15")), account(industry="Retail"))
        assert by_month(versions, months("2024-06", "2024-06"))["industry"].to_list() == ["Media"]

    def test_says_unknown_where_a_segment_has_no_value_and_leaves_other_columns_empty(self):
        accounts = rows(Accounts, account(signup_on=day("2024-01-01")))
        found = by_month(accounts, months("2024-01", "2024-01"), rows(SubscriptionItems, item("s:9", "2024-01-02")))
        assert found.select("account_id", "industry", "region").rows() == [
            ("a", "(unknown)", None),
            ("s:9", "(unknown)", None),
        ]

    def test_has_segments_that_only_the_config_knows(self):
        given = with_columns(Accounts, ("tier",), "{name}")
        accounts = rows(given, account("a", signup_on=day("2024-01-01"), tier="gold"), account("b"))
        found = by_month(accounts, months("2024-06", "2024-06"), segments=("tier",))
        assert found.columns == [*DimAccountMonth.dtypes(), "tier"]
        assert found["tier"].to_list() == ["gold", "(unknown)"]
        missing = by_month(rows(Accounts, account("a")), months("2024-06", "2024-06"), segments=("tier",))
        assert missing["tier"].to_list() == ["(unknown)"]

    def test_tells_plan_and_interval_of_what_it_pays_for_and_of_what_it_last_paid_for(self):
        accounts = rows(
            Accounts, account("a", signup_on=day("2024-01-15")), account("free", signup_on=day("2024-03-01"))
        )
        items = rows(
            SubscriptionItems,
            item(start="2024-02-10", plan="Pro", interval_unit="year", ended_on=day("2024-03-20"), unit_amount=36_000),
            item(start="2024-02-10", plan="Extra", item_id="2", ended_on=day("2024-03-20"), unit_amount=2_999),
        )
        found = by_month(accounts, months("2024-01", "2024-03"), items, segments=NO_SEGMENTS)
        assert found.select("account_id", "plan", "interval").rows() == [
            ("a", "(unknown)", "(unknown)"),
            ("a", "Pro", "year"),
            ("a", "Pro", "year"),
            ("free", "(unknown)", "(unknown)"),
        ]

    def test_a_segment_that_is_called_plan_is_what_the_crm_says(self):
        given = with_columns(Accounts, ("plan",), "{name}")
        accounts = rows(given, account("a", signup_on=day("2024-02-01"), plan="gold"), account("b"))
        items = rows(SubscriptionItems, item(plan="Pro"), item("b", plan="Pro"))
        found = by_month(accounts, months("2024-02", "2024-02"), items, segments=("plan",))
        assert found.select("account_id", "plan", "interval").rows() == [
            ("a", "gold", "month"),
            ("b", "(unknown)", "month"),
        ]

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
