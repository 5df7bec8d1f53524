"""How accounts get going: the milestones that they reach, or don't."""

from collections.abc import Mapping, Sequence
from datetime import date

from examples.generator.chance import stream
from examples.generator.company import Account
from examples.generator.days import AS_OF, plus_days
from examples.generator.tables import Row

# Days from the first day of service within which most accounts reach each milestone.
MILESTONES = {"kickoff_held": (0, 14), "first_project": (1, 35), "first_report": (4, 65), "team_invited": (2, 50)}
# What the milestones of the product look like among the usage events.
EVENTS = {"first_project": "project_created", "first_report": "report_shared", "team_invited": "teammate_invited"}

Reached = Mapping[tuple[str, str], date]


def reach_milestones(seed: int, accounts: Sequence[Account]) -> dict[tuple[str, str], date]:
    """When each account reached which milestone.

    Planted: accounts on trial reach some before their first paying day, a few hold the kick-off even before their
    first day; a stalled account stops after the kick-off (or after its first project); some never reach one.
    """
    reached: dict[tuple[str, str], date] = {}
    for account in accounts:
        if not account.lives or not account.in_crm:
            continue
        rng = stream(seed, "milestones", account.account_id)
        last = min(account.lives[0].end or plus_days(AS_OF, 1), plus_days(AS_OF, 1))
        for number, (milestone, (soon, late)) in enumerate(MILESTONES.items()):
            day = plus_days(account.lives[0].start, rng.randrange(soon, late))
            missed, slow, halfway, before = (rng.random() for _ in range(4))
            if slow < 0.12:
                day = plus_days(day, 70)
            if milestone == "kickoff_held" and before < 0.2:
                day = max(account.signup_on, plus_days(account.lives[0].start, -3))
            stuck = account.is_stalled and number >= (2 if halfway < 0.3 else 1)
            if day < last and missed > 0.06 and not stuck and (milestone not in EVENTS or account.in_service(day)):
                reached[account.account_id, milestone] = day
    return reached


def milestone_rows(reached: Reached) -> list[Row]:
    """The milestones as rows, by account."""
    return [
        {"account_id": account_id, "milestone": milestone, "reached_on": day}
        for (account_id, milestone), day in sorted(reached.items())
    ]
