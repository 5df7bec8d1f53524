"""How the contracts of the ordinary accounts run: deals, trials, changes, add-ons, pauses, ends, returns.

The same with and without planted causes: whether the signs of a departure show is decided elsewhere (causes.py).
"""

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from random import Random

from examples.generator.chance import day_between, one_of, pick, stream
from examples.generator.company import Account, Life
from examples.generator.days import AS_OF, add_months, plus_days
from examples.generator.prices import ADD_ONS, BASIC_SEATS, HALF_YEAR, MONTH, PLANS, QUARTER, TWO_YEARS, YEAR, Interval
from examples.generator.subscriptions import Book, Change, Item, Terms

INTERVALS = {MONTH: 56.0, QUARTER: 14.0, HALF_YEAR: 4.0, YEAR: 24.0, TWO_YEARS: 2.0}
# How likely an account leaves at the end of a billing period: about 2 % for each month of it.
LEAVES = {MONTH: 0.020, QUARTER: 0.060, HALF_YEAR: 0.115, YEAR: 0.22, TWO_YEARS: 0.35}
SEATS = {"Basic": (1, 3), "Pro": (2, 10), "Enterprise": (7, 18)}


@dataclass(frozen=True)
class Ending:
    """How a contract ends: the first day out, and when the customer asked for it (None: it didn't)."""

    day: date
    requested_on: date | None


def write_contract(seed: int, account: Account, book: Book) -> None:
    """The whole life of one ordinary account as a payer."""
    rng = stream(seed, "contracts", account.account_id)
    trial_until = plus_days(account.start, one_of(rng, (14, 14, 30))) if rng.random() < 0.32 else None
    if trial_until:
        account.signup_on = account.start
    base = _sell_base(rng, account, book, account.start, pick(rng, INTERVALS), trial_until)
    if trial_until and rng.random() < 0.26:
        _end_trial(rng, account, base, trial_until)
        return
    ending = _ending(stream(seed, "endings", account.account_id), base)
    last = min(ending.day if ending else AS_OF, AS_OF)
    pause = _pause(rng, base, last)
    account.pauses += [pause] if pause else []
    add_ons = _sell_add_ons(rng, account, book, base, (pause[0] if pause else last))
    _run_base(rng, base, last, pause)
    for add_on in add_ons:
        if pause and add_on.started_on <= pause[0]:
            add_on.pause(*pause)
        if add_on.started_on < plus_days(last, -200) and not pause and rng.random() < 0.35:
            add_on.end(day_between(rng, plus_days(add_on.started_on, 120), plus_days(last, -60)), None)
        elif ending:
            add_on.end(ending.day, ending.requested_on)
    if ending:
        base.end(ending.day, ending.requested_on)
    account.lives.append(Life(account.start, base.paid_from, ending.day if ending else None))
    if ending and ending.day < date(2026, 4, 1) and rng.random() < 0.25:
        _come_back(rng, account, book, ending.day)


def _sell_base(
    rng: Random, account: Account, book: Book, day: date, interval: Interval, trial_until: date | None
) -> Item:
    """The base plan: a flat price for Basic, a price per seat otherwise; some with a discount that ends."""
    plan = pick(rng, {"Basic": 30.0, "Pro": 48.0, "Enterprise": 22.0})
    seats = rng.randrange(SEATS[plan][0], SEATS[plan][1] + 1)
    monthly = PLANS[plan][account.currency] * rng.randrange(92, 107) // 100
    flat = plan == "Basic"
    quantity = (None if rng.random() < 0.2 else 1) if flat else seats
    terms = Terms(
        day, account, plan, account.currency, interval.price(monthly), quantity, BASIC_SEATS if flat else seats
    )
    if rng.random() < 0.16:
        discount = terms.line(day) * rng.randrange(8, 31) // 100
        ends = None if rng.random() < 0.25 else add_months(trial_until or day, one_of(rng, (3, 6, 6, 12)))
        terms = replace(terms, discount=discount, discount_ends_on=ends)
    return book.sell(terms, interval, trial_until=trial_until)


def _end_trial(rng: Random, account: Account, base: Item, trial_until: date) -> None:
    """A trial that nobody pays for afterwards; a few are ended before their planned end."""
    day = plus_days(trial_until, -rng.randrange(1, 6)) if rng.random() < 0.25 else trial_until
    if day <= AS_OF:
        base.end(day, None)
        account.lives.append(Life(account.start, None, day))
    else:
        account.lives.append(Life(account.start, None, None))


def _ending(rng: Random, base: Item) -> Ending | None:
    """Whether and when the account leaves: at the end of a billing period, rarely in the middle of one."""
    periods = list(base.boundaries(add_months(AS_OF, 2)))
    for begin, boundary in pairwise(periods):
        if rng.random() >= LEAVES[base.interval]:
            continue
        midterm = base.interval.months > 2 and rng.random() < 0.12
        day = day_between(rng, plus_days(begin, 40), boundary) if midterm else boundary
        asked = max(begin, plus_days(day, -rng.randrange(4, 50)))
        if asked > AS_OF:
            return None
        if day > AS_OF:
            return Ending(day, asked)
        return Ending(day, asked if rng.random() < 0.9 else None)
    return None


def _pause(rng: Random, base: Item, last: date) -> tuple[date, date] | None:
    """A rest of 8 to 70 days for some of the accounts that pay by the month."""
    if base.interval is not MONTH or plus_days(base.paid_from, 150) > last or rng.random() > 0.13:
        return None
    first = day_between(rng, plus_days(base.paid_from, 40), plus_days(last, -100))
    return first, plus_days(first, rng.randrange(8, 71))


def _sell_add_ons(rng: Random, account: Account, book: Book, base: Item, latest: date) -> list[Item]:
    """Parallel items, billed by the month whatever the base plan is, sold before `latest`."""
    add_ons: list[Item] = []
    if rng.random() < 0.34 and plus_days(base.paid_from, 70) < latest:
        for name in _choose(rng):
            day = base.paid_from if rng.random() < 0.4 else day_between(rng, base.paid_from, plus_days(latest, -60))
            price = ADD_ONS[name][account.currency] * rng.randrange(90, 111) // 100
            terms = Terms(day, account, name, account.currency, price)
            add_ons.append(book.sell(terms, MONTH, base.subscription_id, is_base=False))
    return add_ons


def _choose(rng: Random) -> list[str]:
    """One add-on, sometimes two."""
    names = list(ADD_ONS)
    rng.shuffle(names)
    return names[: 2 if rng.random() < 0.25 else 1]


def _run_base(rng: Random, base: Item, last: date, pause: tuple[date, date] | None) -> None:
    """What happens to the base plan on its way, in the order of the days: trial over, changes, pause."""
    if base.trial_until and base.trial_until <= last and rng.random() < 0.5:
        base.change(base.trial_until, is_trial=False)
    days = [day_between(rng, plus_days(base.paid_from, 20), last) for _ in range((last - base.paid_from).days // 24)]
    events = {day: "change" for day in sorted(days) if rng.random() < 0.085 and base.paid_from < day < last}
    for boundary in base.boundaries(plus_days(last, -1)):
        if base.interval.months > 1 and boundary > base.paid_from and rng.random() < 0.35:
            events[boundary] = "new price"
    if pause:
        events = {day: event for day, event in events.items() if not pause[0] <= day < pause[1]}
        events[pause[0]] = "pause"
    for day, event in sorted(events.items()):
        if event == "pause" and pause:
            base.pause(*pause, in_place=rng.random() < 0.4)
        elif event == "new price":
            price = (base.now.unit_amount or 0) * rng.randrange(102, 109) // 100
            base.change(day, unit_amount=price)
        else:
            base.change(day, **_new_size(rng, base))


def _new_size(rng: Random, base: Item) -> Change:
    """More seats mostly, fewer sometimes; the small plan grows into the middle one."""
    if base.now.plan == "Basic":
        seats = rng.randrange(4, 7)
        monthly = PLANS["Pro"][base.now.currency]
        return {"plan": "Pro", "quantity": seats, "seats": seats, "unit_amount": base.interval.price(monthly)}
    old = base.now.quantity or 1
    if rng.random() < 0.72 or old < 3:
        seats = old + rng.randrange(1, 4)
        return {"quantity": seats, "seats": seats}
    seats = old - rng.randrange(1, old // 2 + 1)
    discount = None if base.now.discount is None else base.now.discount * seats // old
    return {"quantity": seats, "seats": seats, "discount": discount}


def _come_back(rng: Random, account: Account, book: Book, left_on: date) -> None:
    """A new subscription after some months away."""
    day = plus_days(add_months(left_on, rng.randrange(2, 6)), rng.randrange(25))
    if day > plus_days(AS_OF, -25):
        return
    item = _sell_base(rng, account, book, day, MONTH, None)
    account.lives.append(Life(day, item.paid_from, None))
