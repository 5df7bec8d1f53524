"""What the billing system exports: the versions of the items, and an invoice for every paid period."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from itertools import pairwise
from random import Random

from examples.generator.chance import one_of, pick, stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, add_months, months_between, plus_days
from examples.generator.subscriptions import Book, Item
from examples.generator.tables import Row


def item_rows(book: Book) -> list[Row]:
    """One row for each version of each item; start, end and trial are those of the item in all of them."""
    rows: list[Row] = []
    for item in book.items:
        for number, terms in enumerate(item.versions):
            later = item.versions[number + 1 :]
            until = later[0].valid_from if later else min(AS_OF, item.ended_on or AS_OF)
            rows.append(
                {
                    "subscription_id": item.subscription_id, "item_id": item.item_id, "valid_from": terms.valid_from,
                    "account_id": terms.account.billing_id, "plan": terms.plan, "quantity": terms.quantity,
                    "seats": terms.seats, "unit_amount": terms.unit_amount, "currency": terms.currency,
                    "interval_unit": item.interval.unit, "interval_count": item.interval.count,
                    "discount_amount": terms.discount, "discount_ends_on": terms.discount_ends_on,
                    "is_trial": terms.is_trial, "trial_started_on": item.trial_from, "trial_ends_on": item.trial_until,
                    "is_metered": item.is_metered, "started_on": item.started_on, "ended_on": item.ended_on,
                    "cancel_requested_on": item.cancel_requested_on, "term_ends_on": _term_end(item, until),
                    "paused_from": terms.paused_from, "paused_until": terms.paused_until,
                }
            )  # fmt: skip
    return rows


def _term_end(item: Item, day: date) -> date | None:
    """The first day after the term that runs just before the day, for terms longer than a month."""
    if item.interval.months <= 1:
        return None
    horizon = add_months(AS_OF, 30)
    return next(boundary for boundary in item.boundaries(horizon) if boundary >= day and boundary > item.paid_from)


def invoice_rows(seed: int, book: Book, accounts: Sequence[Account]) -> list[Row]:
    """An invoice for each subscription and day on which paying periods begin, in advance; metered items afterwards.

    Planted: a few are open, void, uncollectible, draft or refunded, some carry an onboarding fee, and accounts in
    decline (or in a dip) pay late much more often.
    """
    lines: dict[tuple[date, str, str, str], int] = defaultdict(int)
    payers = {account.account_id: account for account in accounts}
    for item in book.items:
        for day in item.boundaries(AS_OF):
            if item.bills(day) and not item.is_metered:
                terms = item.at(day)
                lines[day, item.subscription_id, terms.account.account_id, terms.currency] += terms.line(day)
    rng = stream(seed, "metered")
    for item in (item for item in book.items if item.is_metered):
        for month in list(months_between(add_months(item.started_on, 1), AS_OF)):
            key = (month, item.subscription_id, item.now.account.account_id, item.now.currency)
            lines[key] += rng.randrange(1500, 9000)
    rows: list[Row] = []
    welcomed: set[str] = set()
    for (day, subscription_id, account_id, currency), amount in sorted(lines.items()):
        if amount > 0:
            rng = stream(seed, "invoices", subscription_id, day.isoformat())
            fee = (
                0 if account_id in welcomed or currency == "JPY" or rng.random() > 0.3 else one_of(rng, (25000, 49000))
            )
            welcomed.add(account_id)
            row = _invoice(rng, payers[account_id], day, amount, fee)
            rows.append({"invoice_id": f"N{len(rows) + 1:05d}", "currency": currency, **row})
    return rows


def _invoice(rng: Random, account: Account, day: date, amount: int, fee: int) -> Row:
    """How one invoice went: due after 14 or 30 days, mostly paid in time."""
    due = plus_days(day, one_of(rng, (14, 30)))
    late = rng.random() < 0.06 + 0.5 * account.strain(due)
    paid = plus_days(due, rng.randrange(3, 40) if late else -rng.randrange(0, 12))
    refunded = one_of(rng, (amount, amount // 2, amount // 10)) if rng.random() < 0.012 else None
    status = pick(rng, {"paid": 968.0, "void": 12.0, "uncollectible": 10.0, "open": 10.0})
    if day > plus_days(AS_OF, -3) and rng.random() < 0.5:
        status = "draft"
    elif status == "paid" and paid > AS_OF:
        status = "open"
    is_paid = status == "paid"
    return {
        "account_id": account.billing_id, "issued_on": day, "due_on": due, "paid_on": paid if is_paid else None,
        "status": status, "amount": amount + fee, "one_off_amount": fee or None,
        "refunded": refunded if is_paid else None,
    }  # fmt: skip


def renewal_rows(seed: int, book: Book) -> list[Row]:
    """A row for each term of the base plans that are longer than a month, the running ones included (open).

    Planted: some are renewed before the due day, a few are signed more than 30 days late although the service went
    on, a few in the last weeks are still open.
    """
    rows: list[Row] = []
    for item in book.items:
        if item.is_base and not item.is_metered and item.interval.months > 1:
            starts = list(item.boundaries(add_months(AS_OF, 30)))
            for begin, due in pairwise(starts):
                if begin > AS_OF or (item.ended_on is not None and begin >= item.ended_on):
                    break
                rng = stream(seed, "renewals", item.key, due.isoformat())
                row = _renewal(rng, item, begin, due)
                if row:
                    rows.append(row)
    rows.sort(key=lambda row: (row["term_ended_on"], row["subscription_id"]))
    return [{"renewal_id": f"R{number:04d}", **row} for number, row in enumerate(rows, start=1)]


def _renewal(rng: Random, item: Item, begin: date, due: date) -> Row | None:
    """One term: what it was worth on its last day, and what became of it."""
    lost = item.ended_on is not None and item.ended_on <= due and item.ended_on <= AS_OF
    last = plus_days(min(due, item.ended_on) if lost and item.ended_on else due, -1)
    old = _monthly(item, min(last, AS_OF))
    if old <= 0:
        return None
    outcome, renewed_on, renewed = ("lost", None, None) if lost else ("open", None, None)
    early_or_late = pick(rng, {-20: 30.0, -5: 40.0, 0: 15.0, 6: 10.0, 36: 5.0})
    signed = max(begin, plus_days(due, early_or_late))
    still_open = due > plus_days(AS_OF, -40) and rng.random() < 0.4
    leaves_later = item.ended_on is not None and item.ended_on <= due
    if not leaves_later and signed <= AS_OF and not still_open:
        outcome, renewed_on = "renewed", signed
        new = _monthly(item, due)
        renewed = None if new == old else new
    return {
        "account_id": item.at(begin).account.account_id, "subscription_id": item.subscription_id,
        "term_started_on": begin, "term_ended_on": due, "renewed_on": renewed_on, "outcome": outcome,
        "mrr_amount": old, "renewed_mrr_amount": renewed, "currency": item.at(begin).currency,
    }  # fmt: skip


def _monthly(item: Item, day: date) -> int:
    """The item's monthly amount on the day, rounded to whole minor units (half up)."""
    return int(item.at(day).line(day) / item.interval.months + Fraction(1, 2))
