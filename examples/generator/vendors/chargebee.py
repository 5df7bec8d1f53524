"""The example company's billing as Chargebee's objects, of its product catalogue 2.0; and what of it that can tell."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from examples.generator.vendors.stripe import TAX, Row, domain_of, items_on, price_of, seconds
from examples.generator.vendors.writing import Object, Objects

OF_SUBSCRIPTIONS = ("account_id", "currency", "started_on", "ended_on", "cancel_requested_on", "trial_started_on",
                    "trial_ends_on", "term_ends_on")  # fmt: skip
"""What a subscription has for all of its items."""
STATES = {"paid": "paid", "open": "payment_due", "uncollectible": "not_paid", "void": "voided", "draft": "pending"}
TIMES = frozenset(
    {
        *("created_at", "started_at", "activated_at", "updated_at", "cancelled_at", "cancel_schedule_created_at"),
        *("current_term_end", "trial_start", "trial_end", "date", "due_date", "paid_at"),
        *("discounts.apply_till", "coupons.apply_till"),
    }
)
LISTS = {
    "subscription_items": ({"fivetran": "subscription_item"}, "subscription_id"),
    "discounts": ({"fivetran": "subscription_discount"}, "subscription_id"),
    "coupons": ({"fivetran": "subscription_coupon"}, "subscription_id"),
    "line_items": ({"fivetran": "invoice_line_item"}, "invoice_id"),
    "issued_credit_notes": ({"fivetran": "invoice_issued_credit_note"}, "invoice_id"),
}


def told_on(day: date, subscription_items: Iterable[Row]) -> list[Row]:
    """The items that Chargebee can show on a day: of what Stripe can those that have their subscription's life.

    An item has no days and no id of its own: the first is the plan, the others are named by their prices, and one of
    several of one price by its place. Nor is there a request to cancel without the day on which it does.
    """
    found: dict[str, list[Row]] = defaultdict(list)
    for row in items_on(day, subscription_items):
        found[row["subscription_id"]].append(row)
    return [
        row
        for items in found.values()
        if all(len({row[name] for row in items}) == 1 for name in OF_SUBSCRIPTIONS)
        and (items[0]["ended_on"] or not items[0]["cancel_requested_on"])
        for row in _named(items)
    ]


def _named(items: list[Row]) -> list[Row]:
    named, seen = list[Row](), dict[str, int]()
    for row in sorted(items, key=lambda row: row["item_id"]):
        name = price_of(row) if named else "plan"
        seen[name] = seen.get(name, 0) + 1
        named.append({**row, "item_id": name if seen[name] == 1 else f"{name}#{seen[name]}"})
    return named


def objects(items: list[Row], billed: list[Row], accounts: Iterable[Row], day: date) -> list[Objects]:
    """All kinds of objects that tell these items of a day, invoices and accounts."""
    by_subscription: dict[str, list[Row]] = defaultdict(list)
    for row in items:
        by_subscription[row["subscription_id"]].append(row)
    prices = {price_of(row): row for row in items}
    return [
        _kind("subscriptions", [_subscription(name, rows, day) for name, rows in by_subscription.items()]),
        _kind("item_prices", [_price(name, row) for name, row in prices.items()]),
        _kind("coupons", [_coupon(row) for row in items if row["discount_amount"] and _is_by_coupon(row)]),
        _kind("customers", [_customer(row) for row in accounts]),
        _kind("invoices", [_invoice(row) for row in billed]),
    ]


def _kind(name: str, rows: list[Object]) -> Objects:
    one = name.removesuffix("s")
    tables = {"api": name, "airbyte": one, "fivetran": one, "dlt": name}
    return Objects(rows, tables, lists=LISTS, times=TIMES)


def _subscription(name: str, items: list[Row], day: date) -> Object:
    first, begun = items[0], seconds(items[0]["started_on"])
    has_ended = first["ended_on"] != "" and date.fromisoformat(first["ended_on"]) <= day
    on_trial = first["trial_ends_on"] > day.isoformat()
    goes_on = "in_trial" if on_trial else "non_renewing" if first["ended_on"] else "active"
    reduced = [row for row in items if row["discount_amount"]]
    return {
        "id": name,
        "object": "subscription",
        "customer_id": first["account_id"],
        "status": "cancelled" if has_ended else goes_on,
        "currency_code": first["currency"],
        "created_at": begun,
        "started_at": begun,
        "activated_at": None if on_trial else seconds(first["trial_ends_on"]) or begun,
        "updated_at": begun,
        # Also of what goes on it is told, and lies ahead.
        "cancelled_at": seconds(first["ended_on"]),
        "cancel_schedule_created_at": seconds(first["cancel_requested_on"]),
        "current_term_end": seconds(first["term_ends_on"]),
        "trial_start": seconds(first["trial_started_on"]),
        "trial_end": seconds(first["trial_ends_on"]),
        "billing_period": int(first["interval_count"] or 1),
        "billing_period_unit": first["interval_unit"],
        "deleted": False,
        "mrr": 0,
        "subscription_items": [_item(row) for row in items],
        "discounts": [_discount(row) for row in reduced if not _is_by_coupon(row)],
        "coupons": [
            {"coupon_id": _coupon_of(row), "apply_till": seconds(row["discount_ends_on"])}
            for row in reduced
            if _is_by_coupon(row)
        ],
    }


def _item(row: Row) -> Object:
    quantity, cost = (int(row[name]) if row[name] else None for name in ("quantity", "unit_amount"))
    return {
        "object": "subscription_item",
        "item_price_id": price_of(row),
        "item_type": "plan" if row["item_id"] == "plan" else "addon",
        "quantity": quantity,
        "free_quantity": 0,
        "unit_price": cost,
        "amount": None if cost is None else cost * (1 if quantity is None else quantity),
    }


def _price(name: str, row: Row) -> Object:
    return {
        "id": name,
        "object": "item_price",
        "item_id": row["plan"].lower(),
        "name": f"{row['plan']} of {row['interval_unit']}s",
        "external_name": row["plan"],
        "pricing_model": "per_unit",
        "period": int(row["interval_count"] or 1),
        "period_unit": row["interval_unit"],
        "currency_code": row["currency"],
        "metered": row["is_metered"] == "true",
    }


def _is_by_coupon(row: Row) -> bool:
    """Some discounts are given by themselves, and some by a coupon that says what it takes off."""
    return int("".join(sign for sign in row["subscription_id"] if sign.isdigit())) % 2 == 0


def _coupon_of(row: Row) -> str:
    return f"co_{row['subscription_id']}"


def _taken_off(row: Row) -> Object:
    return {"currency_code": row["currency"], "apply_on": "invoice_amount",
            "duration_type": "limited_period" if row["discount_ends_on"] else "forever"}  # fmt: skip


def _discount(row: Row) -> Object:
    return {"amount": int(row["discount_amount"]), "apply_till": seconds(row["discount_ends_on"]), **_taken_off(row)}


def _coupon(row: Row) -> Object:
    return {"id": _coupon_of(row), "object": "coupon", "discount_amount": int(row["discount_amount"]),
            **_taken_off(row)}  # fmt: skip


def _customer(row: Row) -> Object:
    return {
        "id": row["account_id"],
        "object": "customer",
        "company": row["account_name"],
        "email": f"billing@{domain_of(row['account_id'])}",
        "created_at": seconds(row["signup_on"]),
        "billing_address": {"country": row["country"] or None},
        "deleted": False,
    }


def _invoice(row: Row) -> Object:
    """An invoice with its lines, tax on top, and the credit note by which something was given back, with tax."""
    amount, one_off = int(row["amount"]), int(row["one_off_amount"] or 0)
    total = amount + int(amount * TAX)
    parts = {"plan_item_price": amount - one_off, "charge_item_price": one_off}
    back = round(int(row["refunded"]) * total / amount) if row["refunded"] else 0
    notes = [{"cn_id": f"cn_{row['invoice_id']}", "cn_status": "refunded", "cn_total": back}]
    return {
        "id": row["invoice_id"],
        "object": "invoice",
        "customer_id": row["account_id"],
        "status": STATES[row["status"]],
        "currency_code": row["currency"],
        "date": seconds(row["issued_on"]),
        "due_date": seconds(row["due_on"]),
        "paid_at": seconds(row["paid_on"]),
        "total": total,
        "tax": total - amount,
        "recurring": one_off != amount,
        "deleted": False,
        "line_items": [
            {"id": f"li_{row['invoice_id']}_{kind}", "entity_type": kind, "entity_id": "e", "amount": part}
            for kind, part in parts.items()
            if part
        ],
        "issued_credit_notes": notes if back else [],
    }
