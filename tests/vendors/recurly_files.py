"""Recurly's objects in small: in the words of its API, and in the headers of Fivetran's tables."""

import csv
import io
import json
from typing import Any

Row = dict[str, Any]
BEGUN = "2026-01-15T10:00:00Z"
FIVETRAN = {
    "subscription_history": "_fivetran_synced,id,created_at,updated_at,activated_at,canceled_at,expires_at,account_id,"
    "plan_id,object,uuid,state,current_period_started_at,current_period_ends_at,current_term_started_at,"
    "current_term_ends_at,trial_started_at,trial_ends_at,remaining_billing_cycles,total_billing_cycles,"
    "renewal_billing_cycles,auto_renew,paused_at,remaining_pause_cycles,currency,unit_amount,quantity,add_ons_total,"
    "subtotal,collection_method,expiration_reason,started_with_gift",
    "subscription_add_on_history": "_fivetran_synced,created_at,expired_at,id,object,plan_add_on_id,quantity,"
    "subscription_id,unit_amount,updated_at",
    "subscription_change_history": "_fivetran_synced,id,updated_at,plan_id,subscription_id,object,unit_amount,quantity,"
    "activate_at,activated,created_at,deleted_at",
    "plan_history": "_fivetran_synced,id,created_at,updated_at,deleted_at,code,state,name,description,interval_unit,"
    "interval_length,trial_unit,trial_length,total_billing_cycles,auto_renew,accounting_code,"
    "setup_fee_accounting_code,tax_code,tax_exempt",
    "plan_add_on_history": "_fivetran_synced,id,updated_at,plan_id,code,name,add_on_type",
    "account_history": "_fivetran_synced,id,created_at,updated_at,deleted_at,code,bill_to,state,username,"
    "account_first_name,account_last_name,email,cc_emails,company,vat_number,tax_exempt,account_country",
    "coupon_redemption_history": "id,updated_at,_fivetran_synced,account_id,coupon_id,created_at,currency,discounted,"
    "removed_at,state",
    "coupon_history": "id,updated_at,_fivetran_synced,code,name,duration,temporal_amount,temporal_unit,"
    "applies_to_all_plans",
    "coupon_discount": "coupon_id,fivetran_id,_fivetran_synced,amount,currency,percentage,trial_length,trial_unit,type",
    "coupon_plan_history": "coupon_id,plan_id,coupon_updated_at,_fivetran_synced",
    "invoice_history": "_fivetran_synced,id,created_at,updated_at,due_at,closed_at,account_id,previous_invoice_id,type,"
    "origin,state,number,collection_method,po_number,net_terms,currency,balance,paid,total,subtotal,"
    "refundable_amount,discount,tax,tax_type,tax_region,tax_rate",
    "line_item_history": "_fivetran_synced,id,created_at,updated_at,account_id,plan_id,add_on_id,invoice_id,"
    "previous_line_item_id,original_line_item_invoice_id,subscription_id,uuid,type,state,plan_code,add_on_code,"
    "invoice_number,origin,product_code,currency,amount,description,quantity,unit_amount,subtotal,discount,tax,taxable,"
    "tax_exempt,tax_code,tax_type,tax_region,tax_rate,proration_rate,refund,refunded_quantity,credit_applied,"
    "start_date,end_date",
}
"""The header of each table."""
SYNCED = "2026-10-31 01:00:00"


def lines(*objects: Row) -> str:
    """Objects, one a line of JSON."""
    return "".join(json.dumps(one) + "\n" for one in objects)


def table(name: str, *rows: Row) -> str:
    """A table of Fivetran's; what a row doesn't tell is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIVETRAN[name].split(","), lineterminator="\n")
    writer.writeheader()
    writer.writerows({"_fivetran_synced": SYNCED, **row} for row in rows)
    return out.getvalue()


def subscription(key: str = "s1", **changed: Any) -> Row:
    """A subscription of the API."""
    of = {"account": {"id": "a1", "code": "ACME"}, "plan": {"id": "p1", "code": "pro", "name": "Pro"}}
    life = {"created_at": BEGUN, "activated_at": BEGUN, "updated_at": "2026-10-15T10:00:00Z", "auto_renew": True}
    period = {"current_period_ends_at": "2026-11-15T10:00:00Z", "current_term_ends_at": "2027-01-15T10:00:00Z"}
    price = {"currency": "EUR", "unit_amount": 99.0, "quantity": 1, "tax_inclusive": False}
    plain = {"id": key, "uuid": f"uuid-of-{key}", "object": "subscription", "state": "active"}
    return {**plain, **of, **life, **period, **price, **changed}


def plan(key: str = "p1", **changed: Any) -> Row:
    """A plan of the API."""
    return {"id": key, "code": "pro", "name": "Pro", "interval_unit": "months", "interval_length": 1, **changed}


def add_on(key: str = "o1", **changed: Any) -> Row:
    """An add-on of a subscription of the API."""
    of = {"id": "po1", "code": "seats", "name": "Seats", "add_on_type": "fixed"}
    return {"id": key, "add_on": of, "quantity": 1, "unit_amount": 5.5, "created_at": BEGUN, **changed}


def invoice(key: str = "i1", **changed: Any) -> Row:
    """A charge invoice of the API that was paid a day after it was made."""
    when = {"created_at": BEGUN, "due_at": "2026-02-14T10:00:00Z", "closed_at": "2026-01-16T10:00:00Z"}
    money = {"currency": "EUR", "subtotal": 100.0, "discount": 0.0, "tax": 19.0, "total": 119.0}
    plain = {"id": key, "account": {"id": "a1"}, "type": "charge", "origin": "renewal", "state": "paid"}
    return {**plain, **when, **money, **changed}


def line(key: str, subtotal: float, **changed: Any) -> Row:
    """A line of an invoice of the API, for a subscription."""
    plain = {"id": key, "invoice_id": "i1", "subscription_id": "s1", "origin": "plan", "currency": "EUR"}
    return {**plain, "subtotal": subtotal, "discount": 0.0, "type": "charge", **changed}


def account(key: str = "a1", **changed: Any) -> Row:
    """An account of the API."""
    person = {"first_name": "Jo", "last_name": "Doe", "email": "jo@mail.acme.com"}
    return {"id": key, "code": "ACME", "company": "Acme", "address": {"country": "DE"}, "created_at": BEGUN, **person,
            "deleted_at": None, **changed}  # fmt: skip
