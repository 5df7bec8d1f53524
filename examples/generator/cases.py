"""Staged accounts: one for each thing that is easy to get wrong about recurring revenue.

Each is played with fixed days, so that it is the same whatever the seed; the ledger names the account of each case.
"""

from datetime import date

from examples.generator import cases_edges, cases_terms
from examples.generator.company import Account
from examples.generator.days import FIRST_DAY, plus_days
from examples.generator.stage import CASES, Stage
from examples.generator.subscriptions import Book

PLAYED_IN = (cases_edges, cases_terms)
IN_YEN = {"pays_in_yen", "pays_in_yen_yearly"}


def staged_starts() -> list[tuple[str, date]]:
    """The name and the first day of every case."""
    return [(name, start) for name, (start, _) in CASES.items()]


def write_cases(accounts: list[Account], book: Book) -> None:
    """Play all the cases."""
    by_case = {account.case: account for account in accounts if account.case}
    for account in by_case.values():
        account.currency = "JPY" if account.case in IN_YEN else "EUR"
        account.signup_on = max(FIRST_DAY, plus_days(account.start, -5))
    for name, (_, play) in CASES.items():
        play(Stage(by_case[name], book, by_case))
