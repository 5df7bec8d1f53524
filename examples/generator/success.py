"""What the CRM knows beside accounts and renewals: the work of the customer-success managers, and why accounts left."""

from collections.abc import Iterator, Sequence
from datetime import date
from random import Random

from examples.generator.chance import one_of, pick, stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, add_months, days_in, months_between, plus_days
from examples.generator.phrases import comment
from examples.generator.subscriptions import Book
from examples.generator.tables import Row
from examples.generator.usage import seats_on

RATINGS = ("red", "orange", "yellow", "light_green", "green")
SEATS_OF_LARGE = 7
REASONS_AFTER_DECLINE = {"missing features": 30.0, "low adoption": 30.0, "support": 20.0, "price": 15.0, "": 5.0}
REASONS_OTHERWISE = {"price": 30.0, "competitor": 25.0, "budget cut": 20.0, "closed down": 15.0, "": 10.0}
THEME_OF_REASON = {"missing features": "features", "low adoption": "onboarding", "support": "support", "price": "price"}
NOT_IN_CRM = {"gives_an_item_away", "internal_training"}


def activity_rows(seed: int, accounts: Sequence[Account], book: Book) -> list[Row]:
    """Ratings about once a month for accounts with an owner, and reviews each quarter for the larger ones.

    Planted: ratings fall in a decline; some reviews are held late, or never, or unscheduled.
    """
    rows: list[Row] = []
    for account in accounts:
        if account.in_crm and account.lives and account.csm_owner:
            rng = stream(seed, "activities", account.account_id)
            rows += _ratings(rng, account)
            if seats_on(book.of(account), account, account.start) >= SEATS_OF_LARGE:
                rows += _reviews(rng, account)
    rows.sort(key=lambda row: (row["held_on"] or row["due_on"], row["account_id"]))
    return [{"activity_id": f"C{number:05d}", **row} for number, row in enumerate(rows, start=1)]


def _ratings(rng: Random, account: Account) -> Iterator[Row]:
    """What the manager thinks of the account, in five colours."""
    for month in months_between(account.start, AS_OF):
        day = plus_days(month, rng.randrange(days_in(month)))
        mood = account.mood - 0.65 * account.strain(day) + 0.24 * (rng.random() - 0.5)
        if rng.random() < 0.72 and day <= AS_OF and account.in_service(day):
            rating = RATINGS[max(0, min(4, int(mood * 5 - 0.5)))]
            yield {
                "account_id": account.account_id,
                "kind": "sentiment",
                "due_on": None,
                "held_on": day,
                "rating": rating,
            }


def _reviews(rng: Random, account: Account) -> Iterator[Row]:
    """The quarterly reviews with the customer."""
    for number in range(3, 40, 3):
        due = add_months(account.lives[0].paid_from or account.start, number)
        held = plus_days(due, pick(rng, {-4: 20.0, 0: 20.0, 9: 25.0, 24: 10.0, 41: 8.0, 9999: 17.0}))
        unscheduled = rng.random() < 0.06
        thumb = "up" if rng.random() < account.mood - 0.6 * account.strain(due) else "down"
        other = "up" if rng.random() < account.mood - 0.6 * account.strain(due) else "down"
        executive = one_of(rng, [True, True, True, False, None])
        given = rng.random()
        if due > add_months(AS_OF, 1) or not account.in_service(min(due, AS_OF)):
            continue
        was_held = held <= AS_OF and account.in_service(held)
        yield {
            "account_id": account.account_id, "kind": "review", "due_on": None if unscheduled and was_held else due,
            "held_on": held if was_held else None, "executive_present": executive if was_held else None,
            "csm_thumb": thumb if was_held and given < 0.8 else None,
            "customer_thumb": other if was_held and 0.3 < given < 0.95 else None,
        }  # fmt: skip


def churn_rows(seed: int, accounts: Sequence[Account]) -> list[Row]:
    """Most departures as the CRM recorded them, with a reason and often a comment."""
    events: list[tuple[date, str, Row]] = []
    for account in accounts:
        rng = stream(seed, "churn events", account.account_id)
        for day in account.departures():
            reason = pick(rng, REASONS_AFTER_DECLINE if account.cause else REASONS_OTHERWISE)
            said = comment(rng, THEME_OF_REASON.get(reason, "price")) if rng.random() < 0.6 else None
            if rng.random() < 0.9 and day <= AS_OF and account.in_crm and account.case not in NOT_IN_CRM:
                row = {"account_id": account.account_id, "churned_on": day, "reason": reason, "comment": said}
                events.append((day, account.account_id, row))
    ordered = sorted(events, key=lambda event: event[:2])
    return [{"churn_event_id": f"X{number:04d}", **row} for number, (_, _, row) in enumerate(ordered, start=1)]
