"""The tickets that accounts write, and how support answers them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from examples.generator.chance import count, one_of, pick, stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, FIRST_INSTANT, LAST_INSTANT, at, days_in, months_between, plus_days
from examples.generator.subscriptions import Book
from examples.generator.usage import seats_on

TOPICS = {
    "billing": 14.0, "login": 16.0, "integration": 12.0, "bug": 20.0, "how_to": 20.0, "performance": 8.0, "": 10.0,
}  # fmt: skip
CHANNELS = {"email": 45.0, "web": 25.0, "chat": 22.0, "phone": 8.0}
PRIORITIES = {"low": 20.0, "normal": 55.0, "high": 19.0, "urgent": 6.0}
# Minutes, with how often they occur.
REPLY = {(4, 60): 35.0, (60, 480): 42.0, (480, 2880): 23.0}
SOLVE = {(10, 240): 42.0, (240, 2880): 40.0, (2880, 13000): 18.0}

Ticket = dict[str, Any]


def score_of(rng: Random, mood: float, lowest: int, highest: int) -> int:
    """An answer on a scale, the better the mood (about 0 to 1) the higher."""
    felt = mood + 0.34 * (rng.random() - 0.5) - (0.45 if rng.random() < 0.08 else 0)
    return max(lowest, min(highest, lowest + int(felt * (highest - lowest) + 0.6)))


def ticket_rows(seed: int, accounts: Sequence[Account], book: Book) -> list[Ticket]:
    """All tickets, by the time of their creation.

    Planted: about three times as many tickets and slower answers in a decline; follow-ups of the same requester on the
    same topic within days; merged and spam tickets; reopened ones; some without requester, topic, account or solution.
    """
    tickets: list[Ticket] = []
    for account in accounts:
        if not account.in_crm or not account.lives:
            continue
        rng = stream(seed, "tickets", account.account_id)
        items = book.of(account)
        for month in months_between(account.start, AS_OF):
            seats = seats_on(items, account, plus_days(month, 14))
            strain = account.strain(plus_days(month, 14))
            for _ in range(count(rng, (0.25 + 0.065 * seats) * (1 + 2.6 * strain))):
                day = plus_days(month, rng.randrange(days_in(month)))
                created = at(day, rng.randrange(5, 20), rng.randrange(60), rng.randrange(60))
                if day == plus_days(month, days_in(month) - 1) and rng.random() < 0.3:
                    created = at(day, rng.randrange(22, 24), rng.randrange(60))
                if FIRST_INSTANT <= created <= LAST_INSTANT and account.in_service(day):
                    tickets += _conversation(rng, account, created)
    tickets.sort(key=lambda ticket: (ticket["created_at"], ticket["account_id"]))
    return [{"ticket_id": f"T{number:05d}", **ticket} for number, ticket in enumerate(tickets, start=1)]


def _conversation(rng: Random, account: Account, created: datetime) -> list[Ticket]:
    """A ticket and, now and then, the same requester's next one on the same topic."""
    requester = "" if rng.random() < 0.04 else f"r{account.account_id[1:]}-{rng.randrange(1, 4)}"
    first = _ticket(rng, account, created, requester, pick(rng, TOPICS))
    if rng.random() < 0.09 and first["last_solved_at"] is not None:
        again = first["last_solved_at"] + timedelta(minutes=rng.randrange(60, 60 * 240))
        if again <= LAST_INSTANT:
            return [first, _ticket(rng, account, again, requester, first["topic"])]
    return [first]


def _ticket(rng: Random, account: Account, created: datetime, requester: str, topic: str) -> Ticket:
    """One ticket from its creation to where it stands at the end of the data."""
    strain = account.strain(created.date())
    replied = created + timedelta(minutes=int(_minutes(rng, REPLY) * (1 + strain)))
    solved = replied + timedelta(minutes=_minutes(rng, SOLVE))
    replies = pick(rng, {1: 58.0, 2: 22.0, 3: 12.0, 4: 5.0, 6: 3.0})
    reopens = pick(rng, {0: 91.5 - 8 * strain, 1: 7.0 + 6 * strain, 2: 1.5 + 2 * strain})
    is_open = rng.random() < 0.012
    is_silent = rng.random() < 0.02 and not reopens
    is_replied = replied <= LAST_INSTANT and not is_silent
    ticket: Ticket = {
        "account_id": account.account_id if rng.random() > 0.006 else None, "requester_id": requester, "topic": topic,
        "channel": pick(rng, CHANNELS), "priority": pick(rng, PRIORITIES), "created_at": created,
        "first_replied_at": replied if is_replied else None,
        "public_agent_replies": replies + reopens if is_replied else 0, "reopens": reopens,
        "is_escalated": rng.random() < 0.05 + 0.12 * strain, "is_merged": rng.random() < 0.025,
        "is_spam": rng.random() < 0.014,
    }  # fmt: skip
    return ticket | _outcome(rng, account, solved + timedelta(hours=20 * reopens), is_open, is_replied)


def _outcome(rng: Random, account: Account, solved: datetime, is_open: bool, is_replied: bool) -> Ticket:
    """Whether the ticket was solved, and what the requester then thought of it."""
    rated = rng.random() < 0.24
    score = score_of(rng, account.mood - 0.7 * account.strain(solved.date()), 1, 5)
    waiting = one_of(rng, ["open", "pending", "hold"]) if is_replied else "new"
    rated_at = solved + timedelta(minutes=rng.randrange(5, 4000))
    reopened_now = rng.random() < 0.006
    if is_open or solved > LAST_INSTANT:
        return {"status": waiting, "last_solved_at": None}
    if reopened_now:
        return {"status": "open", "last_solved_at": solved, "reopens": 1}
    is_closed = solved.date() < plus_days(AS_OF, -28)
    outcome: Ticket = {"status": "closed" if is_closed else "solved", "last_solved_at": solved}
    if rated and rated_at <= LAST_INSTANT:
        said_when = rated_at if rng.random() > 0.06 else None
        outcome |= {"satisfaction_score": score, "scale_min": 1, "scale_max": 5, "satisfaction_at": said_when}
    return outcome


def _minutes(rng: Random, ranges: dict[tuple[int, int], float]) -> int:
    """A number of minutes from one of the ranges."""
    return rng.randrange(*pick(rng, ranges))
