"""What accounts pay: subscription items and their versions; every decision goes to the ledger's tape at once."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import TypedDict, Unpack

from examples.generator.company import Account
from examples.generator.days import add_months
from examples.generator.ledger import Tape
from examples.generator.prices import Interval


class Change(TypedDict, total=False):
    """Those of the terms that a new version may change."""

    account: Account
    plan: str
    currency: str
    unit_amount: int | None
    quantity: int | None
    seats: int | None
    discount: int | None
    discount_ends_on: date | None
    is_trial: bool
    paused_from: date | None
    paused_until: date | None


@dataclass(frozen=True)
class Terms:
    """What is agreed about an item from `valid_from` on."""

    valid_from: date
    account: Account
    plan: str
    currency: str
    unit_amount: int | None
    quantity: int | None = 1
    seats: int | None = None
    discount: int | None = None
    discount_ends_on: date | None = None
    is_trial: bool = False
    paused_from: date | None = None
    paused_until: date | None = None

    def line(self, day: date) -> int:
        """The whole line for one billing period as agreed for the day: quantity × price, less the discount."""
        gross = (1 if self.quantity is None else self.quantity) * (self.unit_amount or 0)
        discounted = self.discount_ends_on is None or day < self.discount_ends_on
        return gross - (self.discount or 0) if discounted else gross

    def is_paused(self, day: date) -> bool:
        """Whether the item rests on the day."""
        return self.paused_from is not None and self.paused_from <= day and not (
            self.paused_until is not None and day >= self.paused_until
        )  # fmt: skip


@dataclass
class Item:
    """One line of a subscription, from its start to its end, with all the versions of its terms."""

    subscription_id: str
    item_id: str
    interval: Interval
    started_on: date
    tape: Tape
    is_base: bool = True
    is_metered: bool = False
    trial_from: date | None = None
    trial_until: date | None = None
    ended_on: date | None = None
    cancel_requested_on: date | None = None
    versions: list[Terms] = field(default_factory=list)

    @property
    def key(self) -> str:
        """How the ledger names the item."""
        return f"{self.subscription_id}/{self.item_id}"

    @property
    def now(self) -> Terms:
        """The latest terms."""
        return self.versions[-1]

    @property
    def paid_from(self) -> date:
        """The first day after the trial, or the start where there was none."""
        return self.trial_until or self.started_on

    def agree(self, terms: Terms) -> None:
        """New terms from their valid_from on."""
        self.versions.append(terms)
        self._promise(terms.valid_from)

    def change(self, day: date, **changes: Unpack[Change]) -> None:
        """Some of the terms change on the day: an upgrade, a downgrade, a pause, another account."""
        before = self.now
        if before.paused_until is not None and before.paused_until <= day:
            before = replace(before, paused_from=None, paused_until=None)
        self.agree(replace(before, valid_from=day, **changes))

    def pause(self, day: date, until: date | None, in_place: bool = False) -> None:
        """The item rests in [day, until); written into the running version, or as a version of its own."""
        if in_place:
            self.versions[-1] = replace(self.now, paused_from=day, paused_until=until)
            self._promise(day)
        else:
            self.change(day, paused_from=day, paused_until=until)

    def end(self, day: date, requested_on: date | None) -> None:
        """The item ends: `day` is the first day out."""
        self.ended_on, self.cancel_requested_on = day, requested_on
        self._promise(day)

    def worth(self, day: date) -> Fraction:
        """What the latest terms bring a month on the day, in minor units."""
        if self.is_metered or self.now.is_paused(day) or (self.ended_on is not None and day >= self.ended_on):
            return Fraction(0)
        if day < self.trial_until if self.trial_until else self.now.is_trial:
            return Fraction(0)
        return Fraction(self.now.line(day)) / self.interval.months

    def at(self, day: date) -> Terms:
        """The terms that hold on the day."""
        return [terms for terms in self.versions if terms.valid_from <= day][-1]

    def bills(self, day: date) -> bool:
        """Whether a paying period of the item can begin on the day."""
        running = self.started_on <= day and (self.ended_on is None or day < self.ended_on)
        on_trial = day < self.paid_from or (self.at(day).is_trial and not self.trial_until)
        return running and not on_trial and not self.at(day).is_paused(day)

    def boundaries(self, until: date) -> Iterator[date]:
        """The first days of the billing periods up to and including `until`, counted from the first paid day."""
        number, day = 0, self.paid_from
        while day <= until:
            yield day
            number += 1
            months = self.interval.whole_months
            day = add_months(self.paid_from, number * months) if months else day + timedelta(days=7)

    def _promise(self, day: date) -> None:
        """Write to the tape what the decision means for the day and everything known to follow from it."""
        now = self.now
        turns = (self.trial_until, now.discount_ends_on, now.paused_from, now.paused_until, self.ended_on)
        self.tape.cut(self.key, day)
        for turn in sorted({day, *(turn for turn in turns if turn is not None and turn > day)}):
            self.tape.promise(self.key, turn, now.account.account_id, now.currency, self.worth(turn))


@dataclass
class Book:
    """All subscription items of the company, in the order in which they were sold."""

    tape: Tape = field(default_factory=Tape)
    items: list[Item] = field(default_factory=list)
    subscriptions: int = 0

    def subscription(self) -> str:
        """A new subscription id."""
        self.subscriptions += 1
        return f"S{self.subscriptions:04d}"

    def sell(
        self, terms: Terms, interval: Interval, subscription_id: str = "", trial_until: date | None = None,
        is_base: bool = True, is_metered: bool = False,
    ) -> Item:  # fmt: skip
        """A new item, in a new subscription unless one is named."""
        subscription_id = subscription_id or self.subscription()
        number = 1 + sum(item.subscription_id == subscription_id for item in self.items)
        item = Item(
            subscription_id, f"I{number}", interval, terms.valid_from, self.tape, is_base, is_metered,
            trial_from=terms.valid_from if trial_until else None, trial_until=trial_until,
        )  # fmt: skip
        item.agree(replace(terms, is_trial=terms.is_trial or trial_until is not None))
        self.items.append(item)
        return item

    def of(self, account: Account) -> list[Item]:
        """The items that the account has or had."""
        return [item for item in self.items if any(terms.account is account for terms in item.versions)]
