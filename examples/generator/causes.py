"""Why accounts leave: the planted declines and dips, and with them everything that could be seen beforehand."""

from collections.abc import Sequence
from datetime import date

from examples.generator.chance import day_between, stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, plus_days

DECLINE = "decline"
SHARE_IN_DECLINE = 0.84
SHARE_WITH_DIP = 0.13


def plant(seed: int, accounts: Sequence[Account], causes: bool) -> None:
    """Decide who declines before leaving, who dips and stays, and whose onboarding stalls.

    With causes: about 70 % of those who leave decline in the 3 to 4 months before, dips happen to those who stay, and
    stalled onboarding is commoner among those who decline. Without: no declines, and dips and stalled onboarding fall
    on anyone, so that nothing says anything about who will leave.
    """
    for account in accounts:
        rng = stream(seed, "causes", account.account_id)
        sign, dip, stall, lead, depth = (rng.random() for _ in range(5))
        days = account.departures()
        if not account.lives or account.case:
            continue
        first = account.lives[0].start
        if causes and days and sign < SHARE_IN_DECLINE and (days[0] - first).days >= 60:
            account.cause = DECLINE
            begin = max(plus_days(days[0], -round(95 + 30 * lead)), plus_days(first, 15))
            account.strains.append((begin, days[0], 0.88 + 0.12 * depth))
        last = min(account.lives[0].end or AS_OF, AS_OF)
        may_dip = not (causes and days) and plus_days(first, 150) < last
        if may_dip and dip < SHARE_WITH_DIP:
            begin = day_between(rng, plus_days(first, 45), plus_days(last, -75))
            account.strains.append((begin, plus_days(begin, 45 + round(25 * lead)), 0.55 + 0.2 * depth))
        account.is_stalled = stall < (0.30 if account.cause else 0.12)


def decline_from(account: Account) -> date | None:
    """The day on which the planted decline begins, if there is one."""
    return account.strains[0][0] if account.cause else None
