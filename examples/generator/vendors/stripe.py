"""The example company's billing as Stripe's objects, as they were on a day; and what of it Stripe can tell."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from examples.generator.vendors.writing import Object, Objects

Row = Mapping[str, str]
ZONE = ZoneInfo("Europe/Berlin")
TAX = Decimal("0.19")
DIGITS = {"JPY": 0}
TELLABLE = {
    "subscription_id",
    "item_id",
    "account_id",
    "plan",
    "quantity",
    "seats",
    "unit_amount",
    "currency",
    "interval_unit",
    "interval_count",
    "discount_amount",
    "discount_ends_on",
    "trial_started_on",
    "trial_ends_on",
    "is_metered",
    "started_on",
    "ended_on",
    "cancel_requested_on",
    "term_ends_on",
}
"""Columns of subscription items that Stripe's objects can tell; of quarters it makes three months."""


def rows_of(text: str) -> list[Row]:
    """The rows of an export."""
    return list(csv.DictReader(io.StringIO(text)))


def items_on(day: date, subscription_items: Iterable[Row]) -> list[Row]:
    """The items that Stripe can show on a day, as the canonical form tells the same.

    Of each its version of the day. Left out are what Stripe has no word for: trials that are told by a flag alone,
    pauses, which it tells without their beginning, discounts of one item of several, items that begin a day after
    their subscription, and items that end apart from the others: those are simply no longer there.
    """
    versions: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in subscription_items:
        if date.fromisoformat(row["valid_from"]) <= day and date.fromisoformat(row["started_on"]) <= day:
            versions[row["subscription_id"], row["item_id"]].append(row)
    found: dict[str, list[Row]] = defaultdict(list)
    for (subscription, _), told in versions.items():
        found[subscription].append(max(told, key=lambda row: row["valid_from"]))
    return [_told(row, day) for items in found.values() if _is_tellable(items) for row in items]


def _is_tellable(items: list[Row]) -> bool:
    alike = all(
        len({row[name] for row in items}) == 1
        for name in ("account_id", "ended_on", "cancel_requested_on", "trial_started_on", "trial_ends_on")
    )
    begun = sorted({date.fromisoformat(row["started_on"]) for row in items})
    gaps = all((later - begun[0]).days > 1 for later in begun[1:])
    flagged = any(row["is_trial"] == "true" and not row["trial_started_on"] for row in items)
    paused = any(row["paused_from"] for row in items)
    shared = len(items) > 1 and any(row["discount_amount"] for row in items)
    return alike and gaps and not flagged and not paused and not shared


def _told(row: Row, day: date) -> Row:
    told = {name: value for name, value in row.items() if name in TELLABLE}
    told["seats"] = told["quantity"]
    told["item_id"] = f"{row['subscription_id']}.{row['item_id']}"
    if told["interval_unit"] == "quarter":
        told.update(interval_unit="month", interval_count=str(3 * int(told["interval_count"] or 1)))
    if told["cancel_requested_on"] and date.fromisoformat(told["cancel_requested_on"]) > day:
        told.update(cancel_requested_on="", ended_on="")
    if not told["discount_amount"]:
        told["discount_ends_on"] = ""
    return told


def seconds(day: str) -> int | None:
    """The start of a day, in seconds since 1970."""
    return int(datetime.combine(date.fromisoformat(day), time(), ZONE).timestamp()) if day else None


def subscriptions(items: Iterable[Row], day: date) -> Objects:
    """The items, under their subscriptions."""
    by_subscription: dict[str, list[Row]] = defaultdict(list)
    for row in items:
        by_subscription[row["subscription_id"]].append(row)
    return Objects(
        [_subscription(name, rows, day) for name, rows in by_subscription.items()],
        {
            "api": "subscriptions",
            "airbyte": "subscriptions",
            "dlt": "subscription",
            "fivetran": "subscription_history",
            "dashboard": "subscriptions",
        },
        lists={
            "items.data": ({"fivetran": "subscription_item"}, "subscription_id"),
            "discounts": ({"fivetran": "subscription_discount"}, "subscription_id"),
        },
        renamed={
            "fivetran": {"customer": "customer_id", "items.has_more": "", "items.object": ""},
            "fivetran items.data": {"price.id": "plan_id", "subscription": "subscription_id"}
            | {
                f"price.{name}": ""
                for name in (
                    "currency",
                    "unit_amount",
                    "nickname",
                    "billing_scheme",
                    "recurring.interval",
                    "recurring.interval_count",
                    "recurring.usage_type",
                )
            },
            "fivetran discounts": {"coupon.id": "coupon_id", "subscription": "subscription_id"}
            | {f"coupon.{name}": "" for name in ("percent_off", "amount_off", "currency", "duration")},
        },
        times=frozenset(
            {
                "created",
                "start_date",
                "canceled_at",
                "cancel_at",
                "ended_at",
                "trial_start",
                "trial_end",
                "items.data.created",
                "items.data.current_period_end",
                "discounts.end",
            }
        ),
        shown={
            "id": lambda s: s["id"],
            "Customer ID": lambda s: s["customer"],
            "Customer Email": lambda s: f"{s['customer']}@example.com",
            "Plan": lambda s: s["items"]["data"][0]["price"]["id"],
            "Quantity": lambda s: s["items"]["data"][0]["quantity"],
            "Currency": lambda s: s["items"]["data"][0]["price"]["currency"],
            "Interval": lambda s: s["items"]["data"][0]["price"]["recurring"]["interval"],
            "Amount": lambda s: _whole_units(s["items"]["data"][0]["price"], "unit_amount"),
            "Status": lambda s: s["status"],
            "Created (UTC)": lambda s: _shown(s["created"]),
            "Start Date (UTC)": lambda s: _shown(s["start_date"]),
            "Current Period End (UTC)": lambda s: _shown(s["items"]["data"][0]["current_period_end"]),
            "Trial Start (UTC)": lambda s: _shown(s["trial_start"]),
            "Trial End (UTC)": lambda s: _shown(s["trial_end"]),
            "Canceled At (UTC)": lambda s: _shown(s["canceled_at"]),
            "Ended At (UTC)": lambda s: _shown(s["ended_at"]),
            "Cancel At Period End": lambda s: str(s["cancel_at_period_end"]).lower(),
        },
    )


def _whole_units(money: Object, name: str) -> str:
    if money[name] is None:
        return ""
    return f"{Decimal(money[name]).scaleb(-DIGITS.get(money['currency'].upper(), 2)):f}"


def _shown(moment: int | None) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}" if moment is not None else ""


def _subscription(name: str, items: list[Row], day: date) -> Object:
    first = min(items, key=lambda row: row["started_on"])
    ended = first["ended_on"]
    has_ended = bool(ended) and date.fromisoformat(ended) <= day
    on_trial = first["trial_ends_on"] > day.isoformat() if first["trial_ends_on"] else False
    return {
        "id": name,
        "object": "subscription",
        "customer": first["account_id"],
        "status": "canceled" if has_ended else "trialing" if on_trial else "active",
        "created": seconds(first["started_on"]),
        "start_date": seconds(first["started_on"]),
        "canceled_at": seconds(first["cancel_requested_on"]),
        "cancel_at": None if has_ended else seconds(ended),
        "cancel_at_period_end": False,
        "ended_at": seconds(ended) if has_ended else None,
        "trial_start": seconds(first["trial_started_on"]),
        "trial_end": seconds(first["trial_ends_on"]),
        "livemode": True,
        "items": {"object": "list", "has_more": False, "data": [_item(name, row) for row in items]},
        "discounts": [_discount(name, row) for row in items if row["discount_amount"]],
    }


def price_of(row: Row) -> str:
    """The id of an item's price: that of all items that cost the same."""
    told = ("plan", "interval_unit", "interval_count", "unit_amount", "currency")
    kind = "metered" if row["is_metered"] == "true" else "licensed"
    return "_".join(["price", *(row[name] for name in told), kind]).lower()


def _item(subscription: str, row: Row) -> Object:
    is_metered = row["is_metered"] == "true"
    return {
        "id": row["item_id"],
        "object": "subscription_item",
        "subscription": subscription,
        "created": seconds(row["started_on"]),
        "current_period_end": seconds(row["term_ends_on"]),
        "quantity": int(row["quantity"]) if row["quantity"] else None,
        "price": {
            "id": price_of(row),
            "nickname": row["plan"],
            "currency": row["currency"].lower(),
            "unit_amount": int(row["unit_amount"]) if row["unit_amount"] else None,
            "billing_scheme": "per_unit",
            "recurring": {
                "interval": row["interval_unit"],
                "interval_count": int(row["interval_count"] or 1),
                "usage_type": "metered" if is_metered else "licensed",
            },
        },
    }


def _discount(subscription: str, row: Row) -> Object:
    return {
        "id": f"di_{subscription}",
        "subscription": subscription,
        "end": seconds(row["discount_ends_on"]),
        "coupon": {
            "id": f"co_{subscription}",
            "percent_off": None,
            "amount_off": int(row["discount_amount"]),
            "currency": row["currency"].lower(),
            "duration": "repeating" if row["discount_ends_on"] else "forever",
        },
    }


def prices(of: Objects) -> Objects:
    """The prices that items name: what Fivetran keeps beside them."""
    every = {item["price"]["id"]: item["price"] for row in of.rows for item in row["items"]["data"]}
    return Objects(list(every.values()), {"fivetran": "price"})


def coupons(of: Objects) -> Objects:
    """The coupons that discounts name."""
    every = {each["coupon"]["id"]: each["coupon"] for row in of.rows for each in row["discounts"]}
    return Objects(list(every.values()), {"fivetran": "coupon"})


def domain_of(account: str) -> str:
    """The domain of an account's people, of which there is none on the net."""
    return f"{account.replace(':', '-').replace('_', '-').lower()}.example"


CRM_ID = {"fivetran": "metadata.crm_id", "dlt": "metadata__crm_id", "dashboard": "crm_id (metadata)"}
"""By writer the field of customers with the CRM's id; elsewhere it is within the object."""


def customers(accounts: Iterable[Row]) -> Objects:
    """Each account as a customer; what is known of it in the CRM (`crm_id`) and its address (`email`) may stand beside.

    Fivetran keeps what is noted of objects as one text.
    """
    rows = [
        {
            "id": row["account_id"],
            "object": "customer",
            "name": row["account_name"],
            "email": row.get("email") or f"billing@{domain_of(row['account_id'])}",
            "metadata": {"crm_id": row.get("crm_id") or None},
            "created": seconds(row["signup_on"]),
            "address": {"country": row["country"] or None},
            "livemode": True,
        }
        for row in accounts
    ]
    return Objects(
        rows,
        {
            "api": "customers",
            "airbyte": "customers",
            "dlt": "customer",
            "fivetran": "customer",
            "dashboard": "customers",
        },
        times=frozenset({"created"}),
        shaped={"fivetran": lambda c: {**c, "metadata": json.dumps(c["metadata"])}},
        shown={
            "id": lambda c: c["id"],
            "Name": lambda c: c["name"],
            "Email": lambda c: c["email"],
            "Created (UTC)": lambda c: _shown(c["created"]),
            "crm_id (metadata)": lambda c: c["metadata"]["crm_id"],
        },
    )


def invoices(rows: Iterable[Row]) -> Objects:
    """Each invoice with its lines, tax on top, and a credit note for what was given back."""
    return Objects(
        [_invoice(row) for row in rows],
        {"api": "invoices", "airbyte": "invoices", "dlt": "invoice", "fivetran": "invoice", "dashboard": "invoices"},
        lists={"lines.data": ({"fivetran": "invoice_line_item"}, "invoice_id")},
        renamed={
            "fivetran": {"customer": "customer_id", "total_excluding_tax": "", "lines.object": ""}
            | {f"status_transitions.{name}": f"status_transitions_{name}" for name in ("finalized_at", "paid_at")},
            "fivetran lines.data": {"invoice": "invoice_id"},
        },
        times=frozenset(
            {
                "created",
                "due_date",
                "status_transitions.finalized_at",
                "status_transitions.paid_at",
                "lines.data.period.end",
            }
        ),
        shown={
            "id": lambda i: i["id"],
            "Customer": lambda i: i["customer"],
            "Status": lambda i: i["status"],
            "Currency": lambda i: i["currency"],
            "Total": lambda i: _whole_units(i, "total"),
            "Tax": lambda i: _whole_units(i, "tax"),
            "Date (UTC)": lambda i: _shown(i["created"]),
            "Due Date (UTC)": lambda i: _shown(i["due_date"]),
            "Finalized At (UTC)": lambda i: _shown(i["status_transitions"]["finalized_at"]),
            "Paid At (UTC)": lambda i: _shown(i["status_transitions"]["paid_at"]),
        },
    )


def _invoice(row: Row) -> Object:
    amount, one_off = int(row["amount"]), int(row["one_off_amount"] or 0)
    tax, currency = int(amount * TAX), row["currency"].lower()
    parts = [("subscription", amount - one_off), ("invoiceitem", one_off)]
    lines = [
        {
            "id": f"il_{row['invoice_id']}_{kind}",
            "invoice": row["invoice_id"],
            "type": kind,
            "amount": part,
            "currency": currency,
            "proration": False,
            "period": {"end": seconds(row["issued_on"])},
        }
        for kind, part in parts
        if part
    ]
    return {
        "id": row["invoice_id"],
        "object": "invoice",
        "customer": row["account_id"],
        "status": row["status"],
        "currency": currency,
        "created": seconds((date.fromisoformat(row["issued_on"]) - timedelta(days=1)).isoformat()),
        "due_date": seconds(row["due_on"]),
        "status_transitions": {"finalized_at": seconds(row["issued_on"]), "paid_at": seconds(row["paid_on"])},
        "total": amount + tax,
        "total_excluding_tax": amount,
        "tax": tax,
        "livemode": True,
        "lines": {"object": "list", "data": lines},
    }


def credit_notes(rows: Iterable[Row]) -> Objects:
    """What was given back of invoices."""
    told = [
        {
            "id": f"cn_{row['invoice_id']}",
            "object": "credit_note",
            "invoice": row["invoice_id"],
            "status": "issued",
            "currency": row["currency"].lower(),
            "total": int(row["refunded"]),
            "total_excluding_tax": int(row["refunded"]),
        }
        for row in rows
        if row["refunded"]
    ]
    return Objects(
        told,
        {"api": "credit_notes", "airbyte": "credit_notes", "dlt": "credit_note", "fivetran": "credit_note"},
        renamed={"fivetran": {"invoice": "invoice_id"}},
    )
