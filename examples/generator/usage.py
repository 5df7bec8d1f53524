"""Who uses what: one row is one user's use of one feature on one day."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random

from examples.generator.chance import count, one_of, pick, stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, LAST_INSTANT, at, days_in, months_between, plus_days
from examples.generator.onboarding import EVENTS, Reached
from examples.generator.subscriptions import Book, Item
from examples.generator.tables import Row

# The features, how popular they are, and how many minutes a day one takes.
FEATURES = {
    "dashboards": (10, 14), "planner": (9, 35), "timesheets": (8, 10), "reports": (6, 20), "search": (6, 4),
    "comments": (5, 8), "mobile": (4, 12), "approvals": (3, 6), "automations": (2, 15), "data_import": (2, 18),
    "data_export": (2, 5), "api": (1, 0),
}  # fmt: skip
MOST_USERS = 12
ROWS_PER_USER = 2.08
Use = tuple[datetime, str, str, str, bool]


def usage_rows(seed: int, accounts: Sequence[Account], book: Book, reached: Reached) -> list[Row]:
    """All usage, by time.

    Planted: in a decline users stay away and rows fall to a third or less; milestones show as events of their own;
    a few instants lie near midnight at month ends; a few users are staff, or not named.
    """
    uses: list[Use] = []
    for account in accounts:
        if account.in_crm and account.lives:
            rng = stream(seed, "usage", account.account_id)
            likes = {name: weight * (rng.random() + 0.05) for name, (weight, _) in FEATURES.items()}
            items = book.of(account)
            for month in months_between(account.start, AS_OF):
                uses += _month(rng, account, month, seats_on(items, account, plus_days(month, 14)), likes)
            uses += _milestone_events(rng, account, reached)
    uses = sorted({(*use[1:4], use[0].date()): use for use in uses}.values())
    rng = stream(seed, "usage details")
    return [{"event_id": f"E{number:05d}", **_row(rng, use)} for number, use in enumerate(uses, start=1)]


def seats_on(items: Sequence[Item], account: Account, day: date) -> int:
    """The seats that the account has bought, as of the day (the first ones known if it hadn't begun), of its items."""
    seats = 0
    for item in items:
        if item.is_base and (item.ended_on is None or day < item.ended_on):
            terms = item.at(max(day, item.started_on))
            seats += terms.seats or 0 if terms.account is account else 0
    return seats or 2


def _month(rng: Random, account: Account, month: date, seats: int, likes: dict[str, float]) -> Iterator[Use]:
    """One month of one account: its users come on random days, as long as it is in service."""
    users = max(1, min(MOST_USERS, int(seats * account.adoption + 0.5)))
    activity = ROWS_PER_USER * (0.75 + 0.5 * rng.random()) * (0.85 if month.month in {8, 12} else 1)
    for user in range(1, users + 1):
        for _ in range(count(rng, activity)):
            day = plus_days(month, rng.randrange(days_in(month)))
            feature, doubt = pick(rng, likes), rng.random()
            moment = at(day, rng.randrange(6, 18), rng.randrange(60), rng.randrange(60))
            strain = account.strain(day)
            stays_away = user > max(1, users * (1 - 0.5 * strain)) or doubt < 0.72 * strain
            weekend = day.weekday() > 4 and doubt * 7 % 1 < 0.7
            if day <= AS_OF and account.in_service(day) and not stays_away and not weekend:
                yield moment, account.account_id, _user(rng, account, user), feature, False
    last = plus_days(month, days_in(month) - 1)
    if rng.random() < 0.07:
        night = at(last, 22, 5) + timedelta(minutes=rng.randrange(170))
        if night <= LAST_INSTANT and account.in_service(last) and account.in_service(plus_days(last, 1)):
            yield night, account.account_id, f"u{account.account_id[1:]}-1", one_of(rng, ["reports", "mobile"]), False
    if rng.random() < 0.05 and account.in_service(last):
        yield at(last, 9, rng.randrange(60)), account.account_id, f"staff-{rng.randrange(1, 5)}", "dashboards", True


def _user(rng: Random, account: Account, user: int) -> str:
    """The user's id; now and then the event names nobody."""
    return "" if rng.random() < 0.004 else f"u{account.account_id[1:]}-{user}"


def _milestone_events(rng: Random, account: Account, reached: Reached) -> Iterator[Use]:
    """On the day of a milestone of the product the event that it stands for, and some more of the kind later."""
    for milestone, event in EVENTS.items():
        day = reached.get((account.account_id, milestone))
        first = day
        while day is not None and day <= AS_OF:
            if day == first or (account.in_service(day) and account.strain(day) < 0.5):
                yield (
                    at(day, rng.randrange(7, 17), rng.randrange(60)),
                    account.account_id,
                    _first_user(account),
                    event,
                    False,
                )
            day = plus_days(day, rng.randrange(60, 260))


def _first_user(account: Account) -> str:
    return f"u{account.account_id[1:]}-1"


def _row(rng: Random, use: Use) -> Row:
    """The row of one use, with how long, how often and how many errors."""
    moment, account_id, user_id, name, is_staff = use
    minutes = FEATURES.get(name, (0, 2))[1]
    seconds = minutes * rng.randrange(20, 100) + rng.randrange(60) if minutes else None
    return {
        "account_id": account_id, "user_id": user_id, "name": name, "occurred_at": moment, "seconds": seconds,
        "event_count": 1 if name in EVENTS.values() else rng.randrange(1, 3 + minutes),
        "errors": rng.randrange(1, 4) if rng.random() < 0.05 else 0, "is_internal": is_staff,
    }  # fmt: skip
