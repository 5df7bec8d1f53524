"""Recurly's objects are the same whoever wrote them down; and what only Fivetran tells: each version of them."""

import datetime as dt
from decimal import Decimal

import pytest

from examples.generator.vendors import writing
from tests.frames import day
from tests.vendors.one_source import ingested
from tests.vendors.recurly_files import account, add_on, invoice, line, lines, plan, subscription, table
from tests.vendors.told_alike import content, differences
from transforms.clean.vendors import VENDORS

EXPORTED = dt.datetime(2026, 10, 31, 22, tzinfo=dt.UTC)
TABLES = ("identities", "accounts", "subscription_items", "invoices", "churn_events")
VERSIONS = ("valid_from", "changed_at")
SOURCE = {"form": "recurly", "written_by": "fivetran"}
LISTS = {
    "add_ons": ({"fivetran": "subscription_add_on_history"}, "subscription_id"),
    "coupon_redemptions": ({"fivetran": "subscription_coupon_redemption_history"}, "subscription_id"),
    "discount.currencies": ({"fivetran": "coupon_discount"}, "coupon_id"),
    "plans": ({"fivetran": "coupon_plan_history"}, "coupon_id"),
}
RENAMED = {
    "fivetran": {"address.country": "account_country", "plan.name": "", "plan.code": ""},
    "fivetran add_ons": {"add_on.id": "plan_add_on_id", "add_on.code": "", "add_on.name": "", "add_on.add_on_type": ""},
    "fivetran plans": {"id": "plan_id"},
}
NAMES = {
    "subscriptions": "subscription_history",
    "plans": "plan_history",
    "add_ons": "plan_add_on_history",
    "coupons": "coupon_history",
    "accounts": "account_history",
    "invoices": "invoice_history",
}


def kind(name, *rows, **only):
    tables = only or {"api": name, "airbyte": name, "fivetran": NAMES[name]}
    every = dict.fromkeys(column for row in rows for column in row)
    told = [{**every, "updated_at": "2026-10-15T10:00:00Z", **row} for row in rows]
    return writing.Objects(told, tables, lists=LISTS, renamed=RENAMED)


def company():
    """Some objects with something of everything that the tables of a writer may tell otherwise."""
    sold = add_on(quantity=4, updated_at="2026-10-15T10:00:00Z")
    off = {"type": "fixed", "currencies": [{"currency": "EUR", "amount": 9.99}]}
    redeemed = {"id": "r1", "coupon": {"id": "c1"}, "state": "active", "created_at": "2026-02-15T10:00:00Z"}
    left = {"state": "expired", "canceled_at": "2026-05-04T08:00:00Z", "expires_at": "2026-06-15T10:00:00Z"}
    charged = [line("l1", 80.0), line("l2", 20.0, subscription_id=None)]
    refund = {"type": "credit", "origin": "refund", "state": "closed", "previous_invoice_id": "i1"}
    return [
        kind(
            "subscriptions",
            subscription("whole", add_ons=[sold], coupon_redemptions=[redeemed]),
            subscription("yen", currency="JPY", unit_amount=5_000.0, plan={"id": "p2"}),
            subscription("left", expiration_reason="nonpayment", **left),
            subscription("paused", state="paused", paused_at="2026-10-15T10:00:00Z", remaining_pause_cycles=1),
            subscription("failed", state="failed"),
        ),
        kind("plans", plan(), plan("p2", name="Yearly", interval_length=12)),
        kind("add_ons", {"id": "po1", "code": "seats", "name": "Seats", "add_on_type": "fixed"}),
        kind("coupons", {"id": "c1", "duration": "forever", "applies_to_all_plans": False, "discount": off,
                         "plans": [{"id": "p1"}]}),
        kind("accounts", account(), account("a2", code="GLOBEX", company="Globex", email=None)),
        kind(
            "invoices",
            invoice("i1", line_items=charged),
            invoice("i2", state="past_due", currency="JPY", total=5_500.0, tax=500.0),
            invoice("i3", total=-11.9, tax=-1.9, **refund),
        ),
        kind("line_items", *charged, airbyte="line_items", fivetran="line_item_history"),
    ]  # fmt: skip


def written(folder, how):
    written_by, writer = writing.WRITERS[how]
    writing.write(writer(company(), EXPORTED), folder / "sent")
    return ingested(folder, {}, {**SOURCE, "written_by": written_by}, TABLES)


@pytest.fixture(scope="module")
def as_the_api_tells(tmp_path_factory):
    return written(tmp_path_factory.mktemp("api"), "api")


def test_the_objects_say_this(as_the_api_tells):
    told = ("subscription_id", "item_id", "unit_amount", "interval_count", "discount_amount", "ended_on")
    # 9.99 in the proportion of 99 to 4 × 5.50: 817.36 and 181.64 cents, and the greater bears what is left.
    assert as_the_api_tells.values("subscription_items", *told) == [
        ("left", "plan", Decimal(9_900), 1, None, day("2026-06-15")),
        ("paused", "plan", Decimal(9_900), 1, None, None),
        ("whole", "o1", Decimal(550), 1, 181, None),
        ("whole", "plan", Decimal(9_900), 1, 818, None),
        ("yen", "plan", Decimal(5_000), 12, None, None),
    ]
    assert as_the_api_tells.values("invoices", "invoice_id", "amount", "one_off_amount", "refunded") == [
        ("i1", 10_000, 2_000, 1_000),
        ("i2", 5_000, None, None),
    ]


@pytest.mark.parametrize("how", ["airbyte as JSON lines", "airbyte as Parquet", "fivetran"])
def test_whoever_wrote_them_down_they_say_the_same(how, tmp_path, as_the_api_tells):
    found = written(tmp_path, how)
    for name in TABLES:
        expected, other = (content(each.rows(name).drop(VERSIONS, strict=False)) for each in (as_the_api_tells, found))
        assert expected.height
        assert differences(expected, other) == [], name
    assert found.rejects() == []


def test_there_is_no_form_for_what_people_download_nor_for_dlt():
    assert VENDORS["recurly"].writers == ("fivetran", "airbyte", "api")


def test_airbyte_may_leave_out_what_add_ons_cost_and_none_is_then_taken_for_free(tmp_path):
    bare = subscription(add_ons=[{"id": "o1", "code": "seats"}])
    marks = {"_airbyte_extracted_at": 1_793_484_000_000, "_airbyte_raw_id": "x"}
    files = {
        "subscriptions/1.jsonl": lines({**marks, "_airbyte_data": bare}),
        "plans/1.jsonl": lines({**marks, "_airbyte_data": plan()}),
    }
    found = ingested(tmp_path, files, {**SOURCE, "written_by": "airbyte"}, ["subscription_items"])
    assert found.values("subscription_items", "item_id") == [("plan",)]
    assert "unit_amount" in {column for *_, column, _ in found.rejects()}


MADE = "2026-01-15 10:00:00"


def version(updated_at, **changed):
    life = {
        "id": "s1",
        "account_id": "a1",
        "plan_id": "p1",
        "state": "active",
        "created_at": MADE,
        "activated_at": MADE,
    }
    price = {"currency": "EUR", "unit_amount": 99.0, "quantity": 1, "uuid": "u1", "auto_renew": "true"}
    return {**life, **price, "updated_at": updated_at, **changed}


PLANS = [
    {"id": "p1", "updated_at": "2026-01-01 00:00:00", "name": "Old", "interval_unit": "days", "interval_length": 30},
    {"id": "p1", "updated_at": "2026-02-01 00:00:00", "name": "Pro", "interval_unit": "months", "interval_length": 1},
]


def kept(folder, tables=("subscription_items",), **rows):
    told = {"plan_history": PLANS, **rows}
    files = {f"{name}.csv": table(name, *of) for name, of in told.items()}
    return ingested(folder, files, SOURCE, tables)


class TestVersions:
    PRICE = ("item_id", "valid_from", "unit_amount", "quantity")

    def test_each_row_of_a_subscription_is_a_version_and_the_first_holds_from_the_start(self, tmp_path):
        first = version("2026-04-02 08:00:00")
        found = kept(
            tmp_path,
            subscription_history=[
                version("2026-06-01 08:00:00", quantity=3),
                first,
                version("2026-08-01 08:00:00", quantity=3, unit_amount=79.5),
            ],
        )
        # The first row was written by the first sync, and not when service began.
        assert found.values("subscription_items", *self.PRICE) == [
            ("plan", day("2026-01-15"), Decimal(9_900), 1),
            ("plan", day("2026-06-01"), Decimal(9_900), 3),
            ("plan", day("2026-08-01"), Decimal(7_950), 3),
        ]
        assert {"valid_from", "changed_at"} <= found.exported("subscription_items")

    def test_what_belongs_to_the_item_is_what_the_last_version_says(self, tmp_path):
        ending = {"state": "canceled", "canceled_at": "2026-07-01 08:00:00", "expires_at": "2026-12-15 10:00:00"}
        found = kept(
            tmp_path,
            subscription_history=[version("2026-04-02 08:00:00"), version("2026-07-01 08:00:00", **ending)],
        )
        told = ("valid_from", "started_on", "ended_on", "cancel_requested_on")
        started, ended, asked = day("2026-01-15"), day("2026-12-15"), day("2026-07-01")
        assert found.values("subscription_items", *told) == [
            (day("2026-01-15"), started, ended, asked),
            (day("2026-07-01"), started, ended, asked),
        ]

    def test_of_versions_of_one_day_the_last_speaks(self, tmp_path):
        found = kept(
            tmp_path,
            subscription_history=[
                version("2026-04-02 08:00:00"),
                version("2026-06-01 08:00:00", quantity=9),
                version("2026-06-01 09:00:00", quantity=3),
            ],
        )
        assert found.values("subscription_items", "valid_from", "quantity") == [
            (day("2026-01-15"), 1),
            (day("2026-06-01"), 3),
        ]

    def test_of_a_plan_the_newest_version_counts_and_of_one_that_was_deleted_too(self, tmp_path):
        gone = [*PLANS, {**PLANS[1], "updated_at": "2026-03-01 00:00:00", "deleted_at": "2026-03-01 00:00:00"}]
        found = kept(tmp_path, plan_history=gone, subscription_history=[version("2026-04-02 08:00:00")])
        assert found.values("subscription_items", "plan", "interval_unit", "interval_count") == [("Pro", "month", 1)]

    def test_changes_that_took_effect_before_the_first_row_are_versions_and_others_are_not(self, tmp_path):
        def change(key, activate_at, price, **changed):
            plain = {"id": key, "subscription_id": "s1", "updated_at": activate_at, "activated": "true"}
            return {**plain, "activate_at": activate_at, "unit_amount": price, "quantity": 2, **changed}

        found = kept(
            tmp_path,
            subscription_history=[version("2026-06-01 08:00:00")],
            subscription_change_history=[
                change("c1", "2026-02-01 08:00:00", 49.0),
                change("c2", "2026-03-01 08:00:00", 69.0),
                change("pending", "2026-12-01 08:00:00", 999.0, activated="false"),
                change("not yet", "2026-04-01 08:00:00", 999.0, activated="false"),
                change("taken back", "2026-04-15 08:00:00", 999.0, deleted_at="2026-04-10 08:00:00"),
                change("known", "2026-07-01 08:00:00", 999.0),
            ],
        )
        assert found.values("subscription_items", *self.PRICE) == [
            ("plan", day("2026-01-15"), Decimal(4_900), 2),
            ("plan", day("2026-03-01"), Decimal(6_900), 2),
            ("plan", day("2026-06-01"), Decimal(9_900), 1),
        ]

    def test_an_add_on_has_versions_of_its_own_and_ends_in_all_of_them(self, tmp_path):
        def of(updated_at, **changed):
            plain = {"id": "o1", "subscription_id": "s1", "plan_add_on_id": "po1", "created_at": "2026-03-10 10:00:00"}
            return {**plain, "updated_at": updated_at, "quantity": 1, "unit_amount": 5.5, **changed}

        found = kept(
            tmp_path,
            subscription_history=[version("2026-04-02 08:00:00")],
            subscription_add_on_history=[
                of("2026-03-10 10:00:00"),
                of("2026-05-10 10:00:00", quantity=4),
                of("2026-09-10 10:00:00", quantity=4, expired_at="2026-09-10 10:00:00"),
            ],
            plan_add_on_history=[
                {"id": "po1", "updated_at": MADE, "code": "seats", "name": "Seat"},
                {"id": "po1", "updated_at": "2026-02-15 10:00:00", "code": "seats", "name": "Seats"},
            ],
        )
        ended = day("2026-09-10")
        assert found.values("subscription_items", *self.PRICE, "plan", "ended_on") == [
            ("o1", day("2026-03-10"), Decimal(550), 1, "Seats", ended),
            ("o1", day("2026-05-10"), Decimal(550), 4, "Seats", ended),
            ("o1", day("2026-09-10"), Decimal(550), 4, "Seats", ended),
            ("plan", day("2026-01-15"), Decimal(9_900), 1, "Pro", None),
        ]

    def test_an_amount_off_is_borne_by_the_lines_that_hold_together(self, tmp_path):
        add_ons = {"id": "o1", "subscription_id": "s1", "quantity": 1, "unit_amount": 50.0, "created_at": MADE}
        found = kept(
            tmp_path,
            subscription_history=[
                version("2026-01-15 10:00:00", unit_amount=50.0),
                version("2026-06-01 08:00:00", unit_amount=150.0),
            ],
            subscription_add_on_history=[{**add_ons, "updated_at": MADE}],
            coupon_redemption_history=[
                {
                    "id": "r1",
                    "updated_at": MADE,
                    "account_id": "a1",
                    "coupon_id": "c1",
                    "created_at": MADE,
                    "state": "active",
                }
            ],
            coupon_history=[{"id": "c1", "updated_at": MADE, "duration": "forever", "applies_to_all_plans": "true"}],
            coupon_discount=[{"coupon_id": "c1", "amount": 20.0, "currency": "EUR", "type": "fixed"}],
        )
        # Of 20: half of each at first; when the plan costs three times as much, three quarters of it.
        assert found.values("subscription_items", "item_id", "valid_from", "discount_amount") == [
            ("o1", day("2026-01-15"), 1_000),
            ("plan", day("2026-01-15"), 1_000),
            ("plan", day("2026-06-01"), 1_500),
        ]

    def test_a_share_is_told_by_a_table_of_discounts_and_of_redemptions_the_newest_version_counts(self, tmp_path):
        def redeemed(key, coupon, updated_at, **changed):
            plain = {"id": key, "account_id": "a1", "coupon_id": coupon, "created_at": "2026-06-15 10:00:00"}
            return {**plain, "updated_at": updated_at, "state": "active", **changed}

        gone = {"state": "inactive", "removed_at": "2026-07-01 10:00:00"}
        found = kept(
            tmp_path,
            subscription_history=[
                version("2026-01-20 10:00:00"),
                version("2026-06-01 08:00:00"),
                version("2026-08-01 08:00:00"),
            ],
            coupon_redemption_history=[
                redeemed("r1", "c1", "2026-06-15 10:00:00"),
                redeemed("r2", "c2", "2026-06-15 10:00:00"),
                redeemed("r2", "c2", "2026-07-01 10:00:00", **gone),
            ],
            coupon_history=[
                {"id": key, "updated_at": MADE, "duration": "forever", "applies_to_all_plans": "false"}
                for key in ("c1", "c2")
            ],
            coupon_discount=[{"coupon_id": "c1", "percentage": 20}, {"coupon_id": "c2", "percentage": 50}],
            coupon_plan_history=[{"coupon_id": key, "plan_id": "p1"} for key in ("c1", "c2")],
        )
        # A version that was over when the coupon was redeemed has no discount.
        assert found.values("subscription_items", "valid_from", "discount_amount") == [
            (day("2026-01-15"), None),
            (day("2026-06-01"), 1_980),
            (day("2026-08-01"), 1_980),
        ]

    def test_of_invoices_lines_and_accounts_the_newest_version_counts(self, tmp_path):
        money = {"account_id": "a1", "type": "charge", "currency": "EUR", "created_at": MADE, "tax": 0.0, "total": 50.0}
        lines_of = {"invoice_id": "i1", "currency": "EUR", "subtotal": 50.0, "discount": 0.0}
        who = {"id": "a1", "code": "OLD", "company": "Acme", "created_at": MADE, "email": "jo@acme.com"}
        found = kept(
            tmp_path,
            ("identities", "invoices"),
            subscription_history=[version(MADE)],
            invoice_history=[
                {
                    **money,
                    "id": "i1",
                    "updated_at": "2026-01-16 10:00:00",
                    "state": "paid",
                    "closed_at": "2026-01-16 10:00:00",
                },
                {**money, "id": "i1", "updated_at": MADE, "state": "pending"},
            ],
            line_item_history=[
                {**lines_of, "id": "l1", "updated_at": MADE},
                {**lines_of, "id": "l1", "updated_at": "2026-01-16 10:00:00", "subscription_id": "s1"},
            ],
            account_history=[
                {**who, "updated_at": MADE},
                {**who, "updated_at": "2026-05-01 10:00:00", "code": "ACME"},
                {**who, "id": "a2", "updated_at": MADE, "deleted_at": "2026-05-01 10:00:00"},
            ],
        )
        assert found.values("invoices", "invoice_id", "status", "paid_on", "one_off_amount") == [
            ("i1", "paid", day("2026-01-16"), 0)
        ]
        assert found.values("identities", "customer_id", "crm_id", "domain") == [("a1", "ACME", "acme.com")]
