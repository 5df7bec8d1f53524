"""The whole company: everything that happens, in the order in which one thing needs another."""

from dataclasses import dataclass
from pathlib import Path

from examples.generator import (
    billing,
    cases,
    contracts,
    faults,
    feedback,
    finance,
    onboarding,
    success,
    support,
)
from examples.generator import usage as product
from examples.generator.causes import decline_from, plant
from examples.generator.company import Account, make_accounts
from examples.generator.days import AS_OF, FIRST_DAY, TIME_ZONE
from examples.generator.ledger import Churn, Dip, Ledger, Return
from examples.generator.prices import MINOR_UNITS
from examples.generator.subscriptions import Book
from examples.generator.tables import Row, Table

DEFAULT_SEED = 2024


@dataclass(frozen=True)
class Company:
    """The example company: the text of each exported file by its path, and the truth about it."""

    files: dict[str, str]
    ledger: Ledger

    def write(self, directory: Path | str) -> None:
        """Write the exports and ledger.json below the directory."""
        for name, text in {**self.files, "ledger.json": self.ledger.to_json()}.items():
            target = Path(directory) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())


def generate(seed: int = DEFAULT_SEED, causes: bool = True) -> Company:
    """The company of a seed: with planted causes of churn, or the same company without them."""
    accounts = make_accounts(seed, cases.staged_starts())
    book = Book()
    cases.write_cases(accounts, book)
    for account in accounts:
        if not account.case:
            contracts.write_contract(seed, account, book)
    plant(seed, accounts, causes)
    rates = finance.draw_rates(seed)
    ledger = _ledger(seed, causes, accounts, book, rates)
    tables = {path: Table(path, rows) for path, rows in _rows(seed, accounts, book, rates).items()}
    faults.plant_faults(tables)
    files: dict[str, str] = {}
    for table in tables.values():
        files[table.file], found = table.render()
        ledger.faults += found
    return Company(files, ledger)


def _rows(seed: int, accounts: list[Account], book: Book, rates: dict[str, dict[str, str]]) -> dict[str, list[Row]]:
    """The rows of every exported table."""
    reached = onboarding.reach_milestones(seed, accounts)
    tickets = support.ticket_rows(seed, accounts, book)
    known = [account for account in accounts if account.in_crm]
    return {
        "crm/accounts": [_account_row(account) for account in known],
        "crm/account_links": _link_rows(known),
        "crm/renewals": billing.renewal_rows(seed, book),
        "crm/churn_events": success.churn_rows(seed, accounts),
        "crm/csm_activities": success.activity_rows(seed, accounts, book),
        "crm/milestones": onboarding.milestone_rows(reached),
        "billing/subscription_items": billing.item_rows(book),
        "billing/invoices": billing.invoice_rows(seed, book, accounts),
        "support/tickets": list(tickets),
        "product/usage_events": product.usage_rows(seed, accounts, book, reached),
        "surveys/survey_responses": list(feedback.survey_rows(seed, accounts, tickets)),
        "finance/costs": finance.cost_rows(seed),
        "finance/fx_rates": finance.rate_rows(rates),
    }


def _account_row(account: Account) -> Row:
    """What the CRM says of an account."""
    return {
        "account_id": account.account_id, "account_name": account.name, "industry": account.industry,
        "country": account.country, "region": account.region, "size": account.size, "csm_owner": account.csm_owner,
        "signup_on": account.signup_on, "is_internal": account.is_internal,
    }  # fmt: skip


def _link_rows(accounts: list[Account]) -> list[Row]:
    """The billing customers that go by another name than in the CRM."""
    linked = [account for account in accounts if account.billing_id != account.account_id]
    rules = ("domain", "manual", "name")
    return [
        {"source": "billing", "source_account_id": account.billing_id, "account_id": account.account_id, "rule": rule}
        for account, rule in zip(linked, rules * len(linked), strict=False)
    ]


def _ledger(
    seed: int, causes_shown: bool, accounts: list[Account], book: Book, rates: dict[str, dict[str, str]]
) -> Ledger:
    """What the simulator decided, written out."""
    ledger = Ledger(
        seed,
        causes_shown,
        AS_OF.isoformat(),
        FIRST_DAY.isoformat(),
        "EUR",
        TIME_ZONE,
        dict(MINOR_UNITS),
        fx_rates=rates,
    )
    for account in accounts:
        name = account.account_id
        if account.is_internal:
            ledger.internal_accounts.append(name)
        if account.case:
            ledger.cases[account.case] = name
        if account.is_stalled:
            ledger.stalled_accounts.append(name)
        begin = decline_from(account)
        for day in [] if account.is_internal else account.departures():
            ledger.churned.append(Churn(name, day.isoformat(), account.cause, begin.isoformat() if begin else None))
            begin = None
        _note_returns_and_dips(ledger, account)
    ledger.churned.sort(key=lambda churn: (churn.churned_on, churn.account_id))
    ledger.steps = book.tape.steps()
    return ledger


def _note_returns_and_dips(ledger: Ledger, account: Account) -> None:
    """Add the account's returns as a payer, and its bad spell if it had one."""
    paid = [life for life in account.lives if life.paid_from]
    ledger.reactivated += [Return(account.account_id, life.start.isoformat()) for life in paid[1:]]
    if not account.cause:
        ledger.dips += [
            Dip(account.account_id, start.isoformat(), until.isoformat()) for start, until, _ in account.strains
        ]
