"""Chargebee's objects are the same whoever wrote them down, of both catalogues; and rows that stand apart are told."""

import datetime as dt

import pytest

from examples.generator.vendors import writing
from tests.frames import day
from tests.vendors.chargebee_files import (
    BEGUN,
    addon,
    customer,
    invoice,
    item,
    item_price,
    line,
    lines,
    of_plan,
    seconds,
    subscription,
)
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content, differences
from transforms.clean.vendors import VENDORS

EXPORTED = dt.datetime(2026, 10, 31, 22, tzinfo=dt.UTC)
TABLES = ("identities", "accounts", "subscription_items", "invoices", "churn_events")
FIVETRAN = {"form": "chargebee", "written_by": "fivetran"}
TIMES = frozenset(
    {
        *("created_at", "started_at", "activated_at", "updated_at", "cancelled_at", "cancel_schedule_created_at"),
        *("current_term_end", "trial_start", "trial_end", "pause_date", "resume_date", "contract_term.contract_end"),
        *("date", "due_date", "paid_at", "subscription_items.trial_end", "discounts.apply_till", "coupons.apply_till"),
    }
)
LISTS = {
    "subscription_items": ({"fivetran": "subscription_item"}, "subscription_id"),
    "addons": ({"fivetran": "subscription_addon"}, "subscription_id"),
    "discounts": ({"fivetran": "subscription_discount"}, "subscription_id"),
    "coupons": ({"fivetran": "subscription_coupon"}, "subscription_id"),
    "line_items": ({"fivetran": "invoice_line_item"}, "invoice_id"),
    "issued_credit_notes": ({"fivetran": "invoice_issued_credit_note"}, "invoice_id"),
}
RENAMED = {"fivetran addons": {"id": "addon_id"}}


def kind(name, *rows):
    one = name.removesuffix("s")
    tables = {"api": name, "airbyte": one, "fivetran": one, "dlt": name}
    every = dict.fromkeys(column for row in rows for column in row)
    return writing.Objects([{**every, **row} for row in rows], tables, lists=LISTS, renamed=RENAMED, times=TIMES)


def company():
    """Some objects with something of everything that the tables of a writer may tell otherwise."""
    off = {
        "apply_on": "invoice_amount",
        "percentage": 12.5,
        "duration_type": "limited_period",
        "apply_till": seconds("2026-12-31T23:00"),
    }
    contract = {"id": "ct1", "status": "active", "contract_end": seconds("2027-01-15T10:00")}
    ending = {"status": "non_renewing", "cancelled_at": seconds("2026-11-15T10:00")}
    left = {"status": "cancelled", "cancelled_at": seconds("2026-06-15T10:00"), "cancel_reason_code": "Price"}
    return [
        kind(
            "subscriptions",
            subscription(
                "new",
                item(quantity=5, free_quantity=1, amount=4_000),
                item("seat", item_type="addon", quantity=3, unit_price=None, amount=2_500),
                item("setup", item_type="charge"),
                contract_term=contract,
                discounts=[off],
            ),
            subscription("exact", item(unit_price_in_decimal="0.0125", quantity=100, amount=125), currency_code="KWD"),
            subscription("trial", status="in_trial", trial_start=BEGUN, trial_end=seconds("2026-11-30T23:00")),
            subscription("left", **left),
            subscription("gone", deleted=True, updated_at=seconds("2026-03-20T10:00")),
            of_plan("old", addon(), addon("seats", quantity=4), coupons=[{"coupon_id": "ten"}], **ending),
            of_plan("paused", status="paused", pause_date=seconds("2026-09-01T08:00")),
        ),
        kind("item_prices", item_price(external_name="Pro"), item_price("seat", pricing_model="volume", period=1)),
        kind("items", {"id": "pro", "name": "Planner", "metered": False}),
        kind("plans", {"id": "pro", "name": "Old Pro", "pricing_model": "flat_fee"}),
        kind("addons", {"id": "seats", "name": "Seats", "period": 1, "period_unit": "year"}),
        kind("coupons", {**off, "id": "ten", "discount_percentage": 10, "duration_type": "forever"}),
        kind("customers", customer(), customer("c2", company="Globex"), customer("c3", deleted=True)),
        kind(
            "invoices",
            invoice(
                "i1",
                line_items=[line("plan_item_price", 9_000, discount_amount=500), line("adhoc", 1_500)],
                issued_credit_notes=[{"cn_id": "cn1", "cn_status": "refunded", "cn_total": 1_190}],
            ),
            invoice("i2", status="payment_due", recurring=False),
            invoice("i3", deleted=True),
        ),
    ]  # fmt: skip


def written(folder, how):
    written_by, writer = writing.WRITERS[how]
    writing.write(writer(company(), EXPORTED), folder / "sent")
    return ingested(folder, {}, {"form": "chargebee", "written_by": written_by}, TABLES)


@pytest.fixture(scope="module")
def as_the_api_tells(tmp_path_factory):
    return written(tmp_path_factory.mktemp("api"), "api")


def test_the_objects_say_this(as_the_api_tells):
    told = ("subscription_id", "item_id", "quantity", "unit_amount", "line_amount", "discount_amount", "ended_on")
    found = [tuple(str(value) for value in row) for row in as_the_api_tells.values("subscription_items", *told)]
    assert [(one, key) for one, key, *_ in found] == [
        ("exact", "plan"),
        ("gone", "plan"),
        ("left", "plan"),
        ("new", "plan"),
        ("new", "seat"),
        ("old", "plan"),
        ("old", "seats"),
        ("old", "support"),
        ("paused", "plan"),
        ("trial", "plan"),
    ]
    assert found[1][-1] == "2026-03-20"
    assert found[3][2:] == ("4", "1000.000000000000", "None", "500", "None")
    # 12.5 % of 2,500 are 312.5, and halves go away from zero.
    assert found[4][2:] == ("3", "None", "2500", "313", "None")
    assert found[5][2:] == ("1", "900.000000000000", "None", "90", "2026-11-15")
    assert as_the_api_tells.values("invoices", "invoice_id", "one_off_amount", "refunded") == [
        ("i1", 1_500, 1_000),
        ("i2", 10_000, None),
    ]


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how not in {"api", "dashboard"}])
def test_whoever_wrote_them_down_they_say_the_same(how, tmp_path, as_the_api_tells):
    found = written(tmp_path, how)
    for table in TABLES:
        expected = content(as_the_api_tells.rows(table))
        assert expected.height
        assert differences(expected, content(found.rows(table))) == [], table
    assert found.rejects() == []


def test_there_is_no_form_for_what_people_download():
    assert "dashboard" not in VENDORS["chargebee"].writers


SUBSCRIPTIONS = (
    "id,customer_id,status,currency_code,created_at,started_at,billing_period,billing_period_unit,_fivetran_synced\n"
    "s1,c1,active,EUR,2026-01-15 10:00:00,2026-01-15 10:00:00,1,month,2026-10-31 01:00:00\n"
    "s2,c2,active,EUR,2026-01-15 10:00:00,2026-01-15 10:00:00,1,month,2026-10-31 01:00:00\n"
)


def kept(folder, **tables):
    files = {f"{name}.csv": text for name, text in {"subscription": SUBSCRIPTIONS, **tables}.items()}
    return ingested(folder, files, FIVETRAN, ["subscription_items"])


ITEMS = "subscription_id,item_price_id,item_type,quantity,unit_price,_fivetran_synced,_fivetran_deleted\n"
SYNCED = "2026-10-31 01:00:00"


def listed(*rows):
    return ITEMS + "".join(f"{row},{SYNCED},false\n" for row in rows)


class TestFivetran:
    def test_an_item_that_is_wrong_is_told_where_it_stands_and_counted_there(self, tmp_path):
        wrong = listed("s1,pro,plan,1,1000", "s1,seat,addon,3,", "s2,pro,plan,1,900")
        found = kept(tmp_path, subscription_item=wrong)
        assert found.values("subscription_items", "subscription_id", "item_id") == [("s1", "plan"), ("s2", "plan")]
        assert [told[:3] for told in found.rejects()] == [("sent/subscription_item.csv", 3, "unit_amount")]
        files = found.company.project().database.read("export_file")
        told = ("file", "rows_read", "rows_loaded", "rows_quarantined")
        assert sorted(files.select(told).rows()) == [
            ("sent/subscription.csv", 2, 2, 0),
            ("sent/subscription_item.csv", 3, 2, 1),
        ]

    def test_items_that_were_deleted_are_gone(self, tmp_path):
        rows = listed("s1,pro,plan,1,1000", "s2,pro,plan,1,900") + f"s1,seat,addon,1,500,{SYNCED},TRUE\n"
        found = kept(tmp_path, subscription_item=rows)
        assert found.values("subscription_items", "subscription_id", "item_id") == [("s1", "plan"), ("s2", "plan")]

    def test_without_the_table_of_items_no_subscription_passes_for_one_without_a_price(self, tmp_path):
        found = kept(tmp_path)
        assert found.values("subscription_items", "subscription_id") == []
        assert {(line, column) for _, line, column, _ in found.rejects()} >= {(2, "item_id"), (3, "item_id")}

    def test_contract_terms_have_a_table_of_their_own_of_which_the_one_that_runs_counts(self, tmp_path):
        rows = listed("s1,pro,plan,1,1000", "s2,pro,plan,1,900")
        terms = (
            "id,subscription_id,status,contract_start,contract_end,_fivetran_synced\n"
            f"ct1,s1,completed,2025-01-15 10:00:00,2026-01-15 10:00:00,{SYNCED}\n"
            f"ct2,s1,active,2026-01-15 10:00:00,2027-01-15 10:00:00,{SYNCED}\n"
        )
        found = kept(tmp_path, subscription_item=rows, contract_term=terms)
        assert found.values("subscription_items", "subscription_id", "term_ends_on") == [
            ("s1", day("2027-01-15")),
            ("s2", None),
        ]


class TestAirbyte:
    def part(self, moment, *subscriptions):
        marks = {"_airbyte_extracted_at": moment, "_airbyte_generation_id": 0, "_airbyte_raw_id": "x"}
        rows = [{**marks, "_airbyte_data": one} for one in subscriptions]
        return {f"subscription/2026_06_01_{moment}_0.jsonl": lines(*rows)}

    def test_of_a_subscription_that_was_written_again_the_lines_of_the_newest_count(self, tmp_path):
        may, june = 1_777_611_600_000, 1_780_290_000_000
        first = self.part(
            may, of_plan("s1", addon("a"), addon("b")), subscription("s2", item("p"), item("q", item_type="addon"))
        )
        gone = subscription("s2", item("p"), deleted=True, updated_at=seconds("2026-05-20T10:00"))
        later = self.part(june, of_plan("s1", addon("a")), gone)
        source = {"form": "chargebee", "written_by": "airbyte", "vanished": "ended"}
        found = ingested(tmp_path, first | later, source, ["subscription_items"])
        assert found.values("subscription_items", "subscription_id", "item_id", "ended_on") == [
            ("s1", "a", None),
            ("s1", "b", day("2026-05-31")),
            ("s1", "plan", None),
            ("s2", "plan", day("2026-05-20")),
            ("s2", "q", day("2026-05-31")),
        ]
