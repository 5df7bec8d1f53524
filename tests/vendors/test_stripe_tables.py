"""Stripe's objects as Fivetran keeps them in tables: histories, deletions and test data."""

import json
from decimal import Decimal

from tests.frames import day
from tests.vendors.one_source import ingested
from tests.vendors.test_stripe import invoice

FIVETRAN = {"form": "stripe", "written_by": "fivetran"}
SYNCED, MADE = "2026-10-31 00:00:00", "2026-01-15 10:00:00"
EVER = "9999-12-31 23:59:59.999"


def table(header: str, *rows: str) -> str:
    return "\n".join([f"{header},_fivetran_synced", *(f"{row},{SYNCED}" for row in rows)]) + "\n"


PRICED = {
    "subscription_item.csv": table("id,subscription_id,plan_id,quantity", "si_1,sub_1,p1,1"),
    "price.csv": table("id,unit_amount,currency,recurring_interval", "p1,1500,eur,month"),
}


def test_of_a_history_the_active_version_counts_though_a_former_one_has_no_end_either(tmp_path):
    header = "id,customer_id,status,created,start_date,canceled_at,ended_at,livemode,_fivetran_active"
    ended = f"sub_1,cus_1,canceled,{MADE},{MADE},2026-05-01 10:00:00,2026-06-01 10:00:00,TRUE"
    resumed = f"sub_1,cus_1,active,{MADE},{MADE},,,TRUE"
    versions = table(
        f"{header},_fivetran_start,_fivetran_end",
        f"{resumed},TRUE,2026-06-15 10:00:00,{EVER}",
        f"{ended},FALSE,{MADE},{EVER}",
    )
    found = ingested(tmp_path, {"subscription_history.csv": versions, **PRICED}, FIVETRAN, ["subscription_items"])
    assert found.values("subscription_items", "item_id", "cancel_requested_on", "ended_on", "unit_amount") == [
        ("si_1", None, None, Decimal(1_500))
    ]


def test_names_in_capitals_are_the_same_columns_and_a_discount_starts_and_ends(tmp_path):
    files = {
        "subscription_history.csv": table("ID,CUSTOMER_ID,STATUS,CREATED", f"sub_1,cus_1,active,{MADE}"),
        "subscription_discount.csv": table(
            'ID,SUBSCRIPTION_ID,CUSTOMER_ID,COUPON_ID,"START","END"',
            f"di_1,sub_1,cus_1,half,{MADE},2026-12-15 10:00:00",
        ),
        "coupon.csv": table("ID,PERCENT_OFF,DURATION", "half,50.0,repeating"),
        **PRICED,
    }
    found = ingested(tmp_path, files, FIVETRAN, ["subscription_items"])
    assert found.values("subscription_items", "item_id", "discount_amount", "discount_ends_on") == [
        ("si_1", 750, day("2026-12-15"))
    ]


def test_what_was_deleted_and_what_is_a_test_is_no_account_and_no_invoice(tmp_path):
    kinds = {"kept": "FALSE,TRUE", "gone": "TRUE,true", "test": "false,FALSE"}
    customers = table("id,name,created,is_deleted,livemode", *(f"{key},{key},{MADE},{of}" for key, of in kinds.items()))
    invoices = table(
        "id,customer_id,created,status,total,tax,currency,is_deleted,livemode",
        *(f"{key},kept,{MADE},open,1190,190,eur,{of}" for key, of in kinds.items()),
    )
    files = {"customer.csv": customers, "invoice.csv": invoices}
    found = ingested(tmp_path, files, FIVETRAN, ["accounts", "invoices"])
    assert found.values("accounts", "account_id") == [("kept",)]
    assert found.values("invoices", "invoice_id", "amount") == [("kept", 1_000)]
    assert found.left_out("invoices") == {"tells_nothing": 2}


def test_what_airbyte_says_was_deleted_is_no_invoice(tmp_path):
    marks = {"_airbyte_extracted_at": 1_793_484_000_000, "_airbyte_generation_id": 0}
    told = [invoice("kept", is_deleted=False), invoice("gone", is_deleted=True), invoice("silent")]
    sent = "".join(json.dumps({**marks, "_airbyte_data": one}) + "\n" for one in told)
    source = {"form": "stripe", "written_by": "airbyte"}
    found = ingested(tmp_path, {"invoices/1.jsonl": sent}, source, ["invoices"])
    assert found.values("invoices", "invoice_id") == [("kept",), ("silent",)]
