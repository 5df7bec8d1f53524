"""Chargebee's objects in small, in the words of its API."""

import datetime as dt
import json
from typing import Any

Row = dict[str, Any]


def seconds(text: str) -> int:
    """An instant in UTC, as the API tells it."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


BEGUN = seconds("2026-01-15T10:00")
TERM = seconds("2026-11-15T10:00")


def lines(*objects: Row) -> str:
    """Objects, one a line of JSON."""
    return "".join(json.dumps(one) + "\n" for one in objects)


def item(price: str = "pro-EUR-monthly", **changed: Any) -> Row:
    """An item of a subscription: it has no id."""
    plain = {"item_price_id": price, "item_type": "plan", "quantity": 1, "unit_price": 1_000, "amount": 1_000}
    return {**plain, "free_quantity": 0, "object": "subscription_item", **changed}


def subscription(key: str = "s1", *items: Row, **changed: Any) -> Row:
    """A subscription of catalogue 2.0; what it doesn't have the API leaves out."""
    life = {"created_at": BEGUN, "started_at": BEGUN, "activated_at": BEGUN, "updated_at": BEGUN}
    plain = {"id": key, "customer_id": "c1", "status": "active", "currency_code": "EUR", "deleted": False, "mrr": 0}
    period = {"billing_period": 1, "billing_period_unit": "month", "current_term_end": TERM}
    told = {**plain, **life, **period, "object": "subscription", "subscription_items": list(items or [item()])}
    return {name: value for name, value in {**told, **changed}.items() if value is not None}


def of_plan(key: str = "s1", *addons: Row, **changed: Any) -> Row:
    """A subscription of catalogue 1.0: its plan stands in it."""
    plan = {"plan_id": "pro", "plan_quantity": 1, "plan_unit_price": 900, "plan_free_quantity": 0}
    return subscription(key, **{**plan, "addons": list(addons) or None, "subscription_items": None, **changed})


def addon(key: str = "support", **changed: Any) -> Row:
    """An addon of a subscription of catalogue 1.0."""
    return {"id": key, "quantity": 1, "unit_price": 95, "object": "addon", **changed}


def item_price(key: str = "pro-EUR-monthly", **changed: Any) -> Row:
    """A price of an item."""
    plain = {"id": key, "item_id": "pro", "item_type": "plan", "name": "Pro EUR monthly", "currency_code": "EUR"}
    return {
        **plain,
        "pricing_model": "per_unit",
        "period": 1,
        "period_unit": "month",
        "object": "item_price",
        **changed,
    }


def invoice(key: str = "i1", **changed: Any) -> Row:
    """An invoice that was paid a day after it was issued."""
    plain = {"id": key, "customer_id": "c1", "status": "paid", "currency_code": "EUR", "deleted": False}
    when = {"date": BEGUN, "due_date": BEGUN + 86_400 * 30, "paid_at": BEGUN + 86_400}
    told = {**plain, **when, "total": 11_900, "tax": 1_900, "recurring": True, "object": "invoice"}
    return {name: value for name, value in {**told, **changed}.items() if value is not None}


def line(entity_type: str, amount: int, **changed: Any) -> Row:
    """A line of an invoice."""
    return {"id": f"li_{amount}", "entity_type": entity_type, "entity_id": "e", "amount": amount, **changed}


def customer(key: str = "c1", **changed: Any) -> Row:
    """A customer."""
    person = {"first_name": "Jo", "last_name": "Doe", "email": "jo@mail.acme.com"}
    company = {"company": "Acme", "billing_address": {"country": "DE", "city": "Kiel"}, "created_at": BEGUN}
    return {"id": key, **person, **company, "deleted": False, "object": "customer", **changed}
