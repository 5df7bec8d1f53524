"""Stripe's items as the lines of its invoices tell that they were: `versions: invoices`."""

import pytest

from tests.frames import day
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.test_stripe import API, invoice, item, lines, price, seconds, subscription

MONTHS = [f"2026-{month:02d}-15T10:00" for month in range(1, 8)]
"""When the months begin that are billed."""
VERSIONED = {**API, "options": {"versions": "invoices"}}
OLD = price(id="price_0", nickname="Basic", unit_amount=800)


def line(month: int, quantity: int = 1, key: str = "si_1", **changed):
    """Of the item in a month, the first being 0."""
    told = {"id": f"il_{key}_{month}", "type": "subscription", "subscription": "sub_1", "subscription_item": key}
    period = {"start": seconds(MONTHS[month]), "end": seconds(MONTHS[month + 1])}
    sold = {"price": price(), "quantity": quantity, "amount": 1000 * quantity, "proration": False}
    return {**told, "period": period, "currency": "eur", **sold, **changed}


def billed(month: int, *told, **changed):
    when = seconds(MONTHS[month])
    return invoice(
        f"in_{month}", subscription="sub_1", created=when, lines={"has_more": False, "data": [*told]}, **changed
    )


def items(tmp_path, present, *invoices, source=VERSIONED, **files) -> Ingested:
    sent = {"subscriptions-2026-07-01.jsonl": lines(present), "invoices.jsonl": lines(*invoices)}
    more = {f"{name}.jsonl": text for name, text in files.items()}
    return ingested(tmp_path, sent | more, source, ["subscription_items"])


def told(found: Ingested, *columns: str):
    return found.values("subscription_items", "item_id", "valid_from", *columns)


FIVE = subscription("sub_1", items=[item("si_1", quantity=5)])
UPGRADE = [billed(0, line(0, 2)), billed(1, line(1, 2)), billed(2, line(2, 5))]


def test_a_version_is_a_stretch_of_lines_that_say_the_same(tmp_path):
    found = items(tmp_path, FIVE, *UPGRADE)
    assert found.rejects() == []
    assert told(found, "quantity", "seats", "unit_amount") == [
        ("si_1", day("2026-01-15"), 2, 2, 1000),
        ("si_1", day("2026-03-15"), 5, 5, 1000),
    ]


def test_without_the_option_the_present_is_all_that_is_known(tmp_path):
    found = items(tmp_path, FIVE, *UPGRADE, source=API)
    assert found.values("subscription_items", "item_id", "quantity") == [("si_1", 5)]


def test_a_former_price_was_what_its_lines_say(tmp_path):
    before = [billed(month, line(month, 3, price=OLD, amount=2400)) for month in (0, 1)]
    found = items(tmp_path, subscription("sub_1", items=[item("si_1", quantity=3)]), *before, billed(2, line(2, 3)))
    assert told(found, "plan", "unit_amount") == [
        ("si_1", day("2026-01-15"), "Basic", 800),
        ("si_1", day("2026-03-15"), "Pro", 1000),
    ]


def test_an_item_that_was_taken_away_has_its_lines_alone_and_ends_with_them(tmp_path):
    gone = [billed(month, line(month), line(month, 4, key="si_0")) for month in (0, 1)]
    found = items(tmp_path, subscription("sub_1", items=[item("si_1")]), *gone, billed(2, line(2)))
    assert told(found, "quantity", "started_on", "ended_on", "account_id") == [
        ("si_0", day("2026-01-15"), 4, day("2026-01-15"), day("2026-03-15"), "cus_1"),
        ("si_1", day("2026-01-15"), 1, day("2026-01-15"), None, "cus_1"),
    ]


@pytest.mark.parametrize("nothing", [{"status": "void"}, {"status": "draft"}, {"livemode": False}])
def test_invoices_that_bill_nothing_tell_of_no_version(nothing, tmp_path):
    wrong = billed(3, line(3, 9), **nothing)
    found = items(tmp_path, FIVE, *UPGRADE, wrong)
    assert [quantity for _, _, quantity in told(found, "quantity")] == [2, 5]


def test_parts_of_a_period_and_items_of_the_invoice_s_own_are_no_versions(tmp_path):
    part = line(2, 9, id="il_part", amount=700, proration=True)
    own = line(2, 7, id="il_own", type="invoiceitem", amount=7000)
    found = items(tmp_path, FIVE, *UPGRADE[:2], billed(2, line(2, 5), part, own))
    assert [quantity for _, _, quantity in told(found, "quantity")] == [2, 5]


def test_tiers_of_one_period_are_one_sum(tmp_path):
    tiered = price(billing_scheme="tiered", unit_amount=None)
    tiers = [
        line(month, 4, id=f"il_{month}_{tier}", price=tiered, amount=amount)
        for month, amounts in ((0, (500, 300)), (1, (500, 700)))
        for tier, amount in enumerate(amounts)
    ]
    present = subscription("sub_1", items=[item("si_1", quantity=8, price=tiered)])
    found = items(tmp_path, present, billed(0, *tiers[:2]), billed(1, *tiers[2:]))
    assert told(found, "line_amount") == [("si_1", day("2026-01-15"), 800), ("si_1", day("2026-02-15"), 1200)]


def test_the_same_files_sent_again_tell_no_other_version(tmp_path):
    found = items(tmp_path, FIVE, *UPGRADE)
    before = told(found, "quantity")
    again = tmp_path / "sent" / "subscriptions-2026-07-02.jsonl"
    again.write_text(lines(FIVE))
    found.company.ingest(["subscription_items"])
    assert told(found, "quantity") == before


def test_fivetran_s_tables_tell_the_same_versions(tmp_path):
    at = [month.replace("T", " ") + ":00" for month in MONTHS]
    rows = "".join(
        f"in_{month},il_{month},subscription,false,{quantity},{1000 * quantity},{at[month]},{at[month + 1]},"
        f"price_1,sub_1,si_1,eur,2026-07-01 00:00:00\n"
        for month, quantity in enumerate((2, 2, 5))
    )
    bills = "".join(
        f"in_{month},cus_1,sub_1,paid,{at[month]},1000,eur,false,true,2026-07-01 00:00:00\n" for month in range(3)
    )
    files = {
        "subscription_history-2026-07-01.csv": "id,customer_id,status,created,start_date,_fivetran_active,"
        f"_fivetran_start,_fivetran_synced\nsub_1,cus_1,active,{at[0]},{at[0]},true,{at[0]},2026-07-01 00:00:00\n",
        "subscription_item-2026-07-01.csv": "id,subscription_id,plan_id,quantity,created,_fivetran_synced\n"
        f"si_1,sub_1,price_1,5,{at[0]},2026-07-01 00:00:00\n",
        "price-2026-07-01.csv": "id,unit_amount,currency,recurring_interval,recurring_interval_count,"
        "_fivetran_synced\nprice_1,1000,eur,month,1,2026-07-01 00:00:00\n",
        "invoice-2026-07-01.csv": "id,customer_id,subscription_id,status,created,total,currency,is_deleted,livemode,"
        f"_fivetran_synced\n{bills}",
        "invoice_line_item-2026-07-01.csv": "invoice_id,id,type,proration,quantity,amount,period_start,period_end,"
        f"price_id,subscription_id,subscription_item_id,currency,_fivetran_synced\n{rows}",
    }
    source = {"form": "stripe", "written_by": "fivetran", "options": {"versions": "invoices"}}
    found = ingested(tmp_path, files, source, ["subscription_items"])
    assert found.rejects() == []
    assert told(found, "quantity", "unit_amount") == [
        ("si_1", day("2026-01-15"), 2, 1000),
        ("si_1", day("2026-03-15"), 5, 1000),
    ]


def test_what_is_listed_speaks_from_the_part_of_a_period_in_which_it_became_so(tmp_path):
    part = line(2, 9, id="il_part", amount=2000, proration=True)
    part["period"] = {"start": seconds("2026-04-01T10:00"), "end": seconds("2026-04-15T10:00")}
    found = items(tmp_path, subscription("sub_1", items=[item("si_1", quantity=9)]), *UPGRADE, billed(3, part))
    assert told(found, "quantity") == [
        ("si_1", day("2026-01-15"), 2),
        ("si_1", day("2026-03-15"), 5),
        ("si_1", day("2026-04-01"), 9),
    ]


def test_what_no_line_bills_yet_speaks_from_the_last_day_before_the_export(tmp_path):
    found = items(tmp_path, subscription("sub_1", items=[item("si_1", quantity=3)]), *UPGRADE)
    assert told(found, "quantity") == [
        ("si_1", day("2026-01-15"), 2),
        ("si_1", day("2026-03-15"), 5),
        ("si_1", day("2026-06-30"), 3),
    ]


def test_a_share_that_is_taken_off_is_of_each_version_and_an_amount_is_borne_as_the_items_are_at_the_time(tmp_path):
    half = {"id": "di_1", "coupon": {"id": "half", "percent_off": 50, "duration": "forever"}}
    found = items(tmp_path / "share", {**FIVE, "discounts": [half]}, *UPGRADE)
    assert told(found, "quantity", "discount_amount") == [
        ("si_1", day("2026-01-15"), 2, 1000),
        ("si_1", day("2026-03-15"), 5, 2500),
    ]
    fixed = {"id": "di_1", "coupon": {"id": "six", "amount_off": 600, "currency": "eur", "duration": "forever"}}
    two = {**subscription("sub_1", items=[item("si_1", quantity=5), item("si_2")]), "discounts": [fixed]}
    both = [billed(month, line(month, quantity), line(month, key="si_2")) for month, quantity in enumerate((2, 2, 5))]
    found = items(tmp_path / "amount", two, *both)
    # Of 3,000 a month two thirds are the first item's, and of 6,000 five sixths.
    assert told(found, "quantity", "discount_amount") == [
        ("si_1", day("2026-01-15"), 2, 400),
        ("si_1", day("2026-03-15"), 5, 500),
        ("si_2", day("2026-01-15"), 1, 200),
        ("si_2", day("2026-03-15"), 1, 100),
    ]


def test_mrr_of_a_month_is_that_of_the_version_that_was_served_then(tmp_path):
    found = items(tmp_path, FIVE, *UPGRADE)
    company = found.company
    company.ingest(["accounts", "invoices"])
    company.run()
    company.publish()
    assert [company.value("mrr", month)[0] for month in ("2026-01", "2026-02", "2026-03")] == [2000, 2000, 5000]
