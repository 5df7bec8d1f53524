"""The pipeline's MRR against the example company's ledger: every account, every month, every movement, to the cent.

The expectation is derived from `ledger.steps` with plain loops and fractions; it reads no export and shares no code
with the warehouse. Beside the default company others are drawn anew at each run; a failure names the seed.
"""

import datetime as dt
import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from examples.generator import DEFAULT_SEED, Company, generate
from examples.generator.ledger import Ledger, Step
from schemas.form import Form
from tests.frames import at, months, mrr_of
from transforms.clean import canonical
from transforms.clean.directory import Crms
from transforms.clean.resolve import resolve
from transforms.clean.versions import from_first_day
from warehouse.reading import read_export
from warehouse.validation import validate

FORM: Form = canonical.FORM
LAST_DAY = dt.date(2026, 10, 31)
MOVEMENTS = (
    "opening", "new", "reactivation", "expansion", "upsell", "cross_sell", "contraction", "churned", "fx", "closing",
)  # fmt: skip
Movements = dict[str, int]
Row = tuple[str, str]
"""(account, month as 2024-05)."""


# --- the expectation: from the ledger's steps, and nothing else -------------------------------------------------------


class Truth:
    """What the ledger's steps amount to, day by day and in cents of the reporting currency."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.cent = 10 ** ledger.minor_units[ledger.reporting_currency]

    def in_cents(self, native: Fraction, currency: str, month: str) -> Fraction:
        """Native minor units as cents of the reporting currency, exactly, at the month's rate."""
        if currency == self.ledger.reporting_currency:
            return native
        units = native / 10 ** self.ledger.minor_units[currency]
        return units * Fraction(self.ledger.fx_rates[currency][f"{month}-01"]) * self.cent

    def amounts(self, steps: list[Step], day: str) -> dict[tuple[str, str], Fraction]:
        """(item, currency) → monthly amount on the day: that of the last step on or before it."""
        last: dict[tuple[str, str], tuple[str, Fraction]] = {}
        for step in steps:
            known = last.get((step.item, step.currency))
            if step.day <= day and (known is None or known[0] < step.day):
                last[step.item, step.currency] = step.day, step.amount
        return {key: amount for key, (_, amount) in last.items() if amount}

    def total(self, amounts: dict[tuple[str, str], Fraction], month: str) -> Fraction:
        """The amounts together, in cents at the month's rate."""
        return sum((self.in_cents(amount, money, month) for (_, money), amount in amounts.items()), Fraction(0))

    def movements(self) -> dict[Row, Movements]:
        """Every account and month with opening or closing MRR."""
        by_account: dict[str, list[Step]] = defaultdict(list)
        for step in self.ledger.steps:
            if step.account_id not in self.ledger.internal_accounts:
                by_account[step.account_id].append(step)
        out: dict[Row, Movements] = {}
        for account, steps in by_account.items():
            out |= {(account, month): moved for month, moved in self._of_account(steps).items()}
        return out

    def _of_account(self, steps: list[Step]) -> dict[str, Movements]:
        all_months = [f"{2024 + n // 12}-{n % 12 + 1:02d}" for n in range(4, 34)]
        out: dict[str, Movements] = {}
        opening, held = 0, {}
        has_paid = False  # on any day before the month
        for month in all_months:
            first = dt.date.fromisoformat(f"{month}-01")
            last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
            now = self.amounts(steps, last.isoformat())
            closing = to_cent(self.total(now, month))
            if opening or closing:
                out[month] = self._moved(month, opening, closing, held, now, has_paid)
            days = {first.isoformat(), *(s.day for s in steps if s.day[:7] == month)}
            has_paid = has_paid or any(to_cent(self.total(self.amounts(steps, day), month)) > 0 for day in days)
            opening, held = closing, now
        return out

    def _moved(
        self,
        month: str,
        opening: int,
        closing: int,
        held: dict[tuple[str, str], Fraction],
        now: dict[tuple[str, str], Fraction],
        has_paid: bool,
    ) -> Movements:
        moved = dict.fromkeys(MOVEMENTS, 0) | {"opening": opening, "closing": closing}
        if not opening:
            moved["reactivation" if has_paid else "new"] = closing
        elif not closing:
            moved["churned"] = opening
        else:
            change = to_cent(self.total(now, month) - self.total(held, month))
            if {money for _, money in (*held, *now)} == {self.ledger.reporting_currency}:
                change = closing - opening  # in one's own currency there is no fx
            moved["expansion" if change > 0 else "contraction"] = abs(change)
            moved["fx"] = closing - opening - change
            if change > 0:
                moved["cross_sell"] = to_cent(change * self._share_of_new_items(month, held, now))
                moved["upsell"] = change - moved["cross_sell"]
        return moved

    def _share_of_new_items(
        self, month: str, held: dict[tuple[str, str], Fraction], now: dict[tuple[str, str], Fraction]
    ) -> Fraction:
        """Of the growth of all items that grew, the share of those that brought nothing before."""
        grown: dict[bool, Fraction] = {True: Fraction(0), False: Fraction(0)}
        for item in {item for item, _ in (*held, *now)}:
            before = self.total({key: amount for key, amount in held.items() if key[0] == item}, month)
            after = self.total({key: amount for key, amount in now.items() if key[0] == item}, month)
            grown[before == 0] += max(after - before, Fraction(0))
        return grown[True] / (grown[True] + grown[False])


def to_cent(amount: Fraction) -> int:
    """The nearest whole number, half away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


# --- the pipeline: from the exported files ----------------------------------------------------------------------------


def exported(folder: Path, table: str, source: str) -> pl.DataFrame:
    """The good rows of an exported table."""
    file = f"{source}/{table}.csv"
    contract = FORM.raw[table].contract
    read = read_export(
        folder / file, file, source, at("2026-11-01T05:00"), contract, FORM.formats, exact=FORM.exact_header
    )
    good, rejects = validate(read.rows, contract)
    assert read.rejects.is_empty()
    assert rejects.is_empty()
    return good


def made_by_the_pipeline(company: Company, folder: Path) -> dict[Row, Movements]:
    """The movements of every account and month, from the company's files."""
    company.write(folder)
    accounts = exported(folder, "accounts", "crm")
    links = exported(folder, "account_links", "crm")
    items = from_first_day(resolve(exported(folder, "subscription_items", "billing"), accounts, links, Crms(("crm",))))
    fx_rates = exported(folder, "fx_rates", "finance")
    made = mrr_of(items, fx_rates, months("2024-05", "2026-10", "2026-10-31"), LAST_DAY)
    return {
        (row["account_id"], f"{row['month']:%Y-%m}"): {name: row[f"{name}_cents"] for name in MOVEMENTS}
        for row in made.iter_rows(named=True)
    }


@pytest.mark.parametrize("company", ["the default one", "drawn first", "drawn second", "drawn third"])
def test_every_movement_of_every_account_and_month_is_that_of_the_ledger(company, tmp_path):
    seed = DEFAULT_SEED if company == "the default one" else random.SystemRandom().randrange(1_000_000)
    drawn = generate(seed)
    expected = Truth(drawn.ledger).movements()
    made = made_by_the_pipeline(drawn, tmp_path)
    wrong = {
        row: (made.get(row), expected.get(row))
        for row in sorted({*made, *expected})
        if made.get(row) != expected.get(row)
    }
    assert not wrong, f"seed {seed}: {len(wrong)} rows; (made, expected) of the first: {list(wrong.items())[:3]}"
    assert len(expected) > 2_000, f"seed {seed}: hardly anything was compared"
    seen = {name for moved in expected.values() for name, value in moved.items() if value}
    assert seen == set(MOVEMENTS), f"seed {seed}: nothing of {set(MOVEMENTS) - seen} was compared"
