"""The stage for accounts that are played by hand: what a case may do, and the list of all cases."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Unpack

from examples.generator.company import Account, Life
from examples.generator.prices import MONTH, Interval
from examples.generator.subscriptions import Book, Change, Item, Terms

day = date.fromisoformat


@dataclass
class Stage:
    """A case in the making: its account, the book of items, and all accounts by case."""

    account: Account
    book: Book
    accounts: dict[str, Account]

    def sell(
        self,
        price: int | None,
        start: str = "",
        interval: Interval = MONTH,
        subscription: str = "",
        trial_until: str = "",
        base: bool = True,
        metered: bool = False,
        **terms: Unpack[Change],
    ) -> Item:
        """An item from the day on (the account's first day if none is given)."""
        first = day(start) if start else self.account.start
        agreed = replace(Terms(first, self.account, "Pro", self.account.currency, price), **terms)
        until = day(trial_until) if trial_until else None
        return self.book.sell(agreed, interval, subscription, until, base, metered)

    def stay(self, start: str = "", end: str = "", paid_from: str | None = "") -> None:
        """The account is with us in [start, end); paid_from None: it never pays."""
        first = day(start) if start else self.account.start
        paid = None if paid_from is None else day(paid_from) if paid_from else first
        self.account.lives.append(Life(first, paid, day(end) if end else None))

    def rest(self, start: str, end: str) -> None:
        """The account doesn't use anything in [start, end), since its items are paused."""
        self.account.pauses.append((day(start), day(end)))


Case = Callable[[Stage], None]
CASES: dict[str, tuple[date, Case]] = {}


def case(starts: str) -> Callable[[Case], Case]:
    """Enter a case into the list, with the first day of its account."""

    def enter(play: Case) -> Case:
        CASES[play.__name__] = (day(starts), play)
        return play

    return enter
