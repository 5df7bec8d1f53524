"""The truth, written down at the moment the simulator decides it and never read back from the exported rows."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Step:
    """From `day` on, `item` brings `account_id` numerator/denominator minor units of `currency` a month."""

    account_id: str
    item: str
    day: str
    currency: str
    numerator: int
    denominator: int

    @property
    def amount(self) -> Fraction:
        """The exact monthly amount in minor units of the currency."""
        return Fraction(self.numerator, self.denominator)


@dataclass(frozen=True)
class Churn:
    """An account that left: its first day out, and the planted cause (None: it left without a sign)."""

    account_id: str
    churned_on: str
    cause: str | None
    decline_from: str | None


@dataclass(frozen=True)
class Return:
    """An account that came back: the first day of its new subscription."""

    account_id: str
    returned_on: str


@dataclass(frozen=True)
class Dip:
    """An account with a planted bad spell [dip_from, dip_until) that is not the reason of anything."""

    account_id: str
    dip_from: str
    dip_until: str


@dataclass(frozen=True)
class Fault:
    """A bad row that was planted: where its record starts (1-based line of the file) and what is wrong with it."""

    table: str
    file: str
    line: int
    column: str
    what: str


@dataclass
class Ledger:
    """Everything a test needs to know of the company without looking at its exports."""

    seed: int
    causes: bool
    as_of: str
    first_month: str
    reporting_currency: str
    time_zone: str
    minor_units: dict[str, int]
    fx_rates: dict[str, dict[str, str]] = field(default_factory=dict)
    internal_accounts: list[str] = field(default_factory=list)
    cases: dict[str, str] = field(default_factory=dict)
    churned: list[Churn] = field(default_factory=list)
    reactivated: list[Return] = field(default_factory=list)
    dips: list[Dip] = field(default_factory=list)
    stalled_accounts: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def to_json(self) -> str:
        """The ledger as JSON, one entry of a list per line so that a change shows as a small difference."""
        parts = [f"  {json.dumps(key)}: {_pretty(value)}" for key, value in asdict(self).items()]
        return "{\n" + ",\n".join(parts) + "\n}\n"


def _pretty(value: Any) -> str:  # noqa: ANN401 - any part of the ledger
    """A list or dictionary with one entry per line, anything else in one line."""
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"    {json.dumps(entry)}" for entry in value) + "\n  ]"
    if isinstance(value, dict) and value:
        lines = (f"    {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
        return "{\n" + ",\n".join(lines) + "\n  }"
    return json.dumps(value)


@dataclass
class Tape:
    """The promises of the items: what each will bring from which day on, as far as it is decided so far."""

    promises: dict[str, dict[tuple[date, str, str], Fraction]] = field(default_factory=dict)

    def cut(self, item: str, day: date) -> None:
        """Forget what was promised of the item for the day and later: something else has been decided."""
        kept = {key: amount for key, amount in self.promises.get(item, {}).items() if key[0] < day}
        self.promises[item] = kept

    def promise(self, item: str, day: date, account_id: str, currency: str, amount: Fraction) -> None:
        """From the day on the item brings the account this much a month, and nobody else anything."""
        running = self.promises.setdefault(item, {})
        last: dict[tuple[str, str], Fraction] = {}
        for (_, account, money), value in sorted(running.items()):
            last[account, money] = value
        for (account, money), value in last.items():
            if (account, money) != (account_id, currency) and value:
                running[day, account, money] = Fraction(0)
        if last.get((account_id, currency), Fraction(0)) != amount:
            running[day, account_id, currency] = amount

    def steps(self) -> list[Step]:
        """All promises as steps, by item and day."""
        return [
            Step(account, item, day.isoformat(), currency, amount.numerator, amount.denominator)
            for item, promises in sorted(self.promises.items())
            for (day, account, currency), amount in sorted(promises.items())
        ]
